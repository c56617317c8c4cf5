//! Two nodes that fence each other at the same instant: one of them survives, on all disks, and the other one's
//! next try changes nothing.

use crate::lab::{GUEST, devices, run, sh, two_nodes, wipe};

const LUNS: [u32; 3] = [18, 19, 20];

/// One round: both fence, the loser again a second later as Pacemaker does, and then comes back. Prints the exit
/// codes, who is registered where, and the same after the loser's second try.
const ROUND: &str = r#"
fence() { printf 'action=off\nkey=%s\ndevices=%s\n' $2 $3 | as race$1 /ours/fence_scsi >/tmp/race.$1 2>&1; echo $? >/tmp/race.code.$1; }
registered() {
    for d in D1S; do
        until keys=$(sg_persist -n -i -k -d $d 2>/dev/null); do :; done
        echo "$keys" | sed -n 's/^ *0x//p' | tr '\n' ' '
    done
    echo
}
if [ ROUND = 0 ]; then
    fence 1 b2 DEVICES1 & fence 2 a1 DEVICES2 &
else
    fence 2 a1 DEVICES2 & fence 1 b2 DEVICES1 &
fi
wait
echo $(cat /tmp/race.code.1) $(cat /tmp/race.code.2)
registered
if [ $(cat /tmp/race.code.1) = 0 ]; then
    sleep 1; fence 2 a1 DEVICES2; cat /tmp/race.code.2; back=2 key=b2 devices=DEVICES2
else
    sleep 1; fence 1 b2 DEVICES1; cat /tmp/race.code.1; back=1 key=a1 devices=DEVICES1
fi
registered
cat /tmp/race.$back
printf 'action=on\nkey=%s\ndevices=%s\n' $key $devices | as race$back /ours/fence_scsi >/dev/null
"#;

#[test]
fn one_of_two_nodes_that_fence_each_other_survives_on_all_disks() {
    let guest = &*GUEST;
    let rounds = if std::env::var_os("CAMPAIGN").is_some() { 200 } else { 20 };
    wipe(guest, 1, &LUNS);
    two_nodes(guest, "race", &LUNS);
    let mut won = [0, 0];
    for round in 0..rounds {
        let script = ROUND
            .replace("D1S", &devices(1, &LUNS).replace(',', " "))
            .replace("DEVICES1", &devices(1, &LUNS))
            .replace("DEVICES2", &devices(2, &LUNS))
            .replace("ROUND", &(round % 2).to_string());
        let output = run(guest, &script);
        let lines: Vec<&str> = output.stdout.lines().collect();
        let (winner, keys) = match lines[0] {
            "0 1" => (0, "a1 a1 a1"),
            "1 0" => (1, "b2 b2 b2"),
            codes => {
                panic!("round {round}: exit codes {codes}: {}", sh(guest, "cat /tmp/race.1 /tmp/race.2"))
            }
        };
        won[winner] += 1;
        assert_eq!(lines[1].trim(), keys, "round {round}: {output:?}");
        assert_eq!(lines[2], "1", "round {round}: the loser's second try: {output:?}");
        assert_eq!(lines[3].trim(), keys, "round {round}, after the loser's second try: {output:?}");
        // Behind warnings, where the machine is slow.
        let said = lines[4..].join("\n");
        assert!(said.contains("this node is itself fenced"), "round {round}: {output:?}");
    }
    println!("{rounds} rounds: node 1 won {}, node 2 won {}", won[0], won[1]);
}
