//! The simulated disks of the fault campaign beside the kernel's own target: the same commands, the same outcome.

use peers::faults::Dice;
use peers::faults::scsi::lun::{
    Answer, CLEAR, FENCING, Lun, PREEMPT, PREEMPT_AND_ABORT, REGISTER, REGISTER_AND_IGNORE, RELEASE, RESERVE,
};

use crate::lab::{GUEST, run, wipe};

/// One command of a node: service action, type, the key it gives for its own, and the service action's key.
struct Step {
    node: usize,
    action: u8,
    kind: u8,
    key: u64,
    other: u64,
}

impl Step {
    fn roll(dice: &mut Dice) -> Step {
        let node = dice.below(2);
        let actions = [
            REGISTER,
            REGISTER_AND_IGNORE,
            REGISTER_AND_IGNORE,
            RESERVE,
            RESERVE,
            RELEASE,
            CLEAR,
            PREEMPT,
            PREEMPT_AND_ABORT,
        ];
        let mut key = |own: u64| match dice.below(6) {
            0 => 0xa1,
            1 => 0xb2,
            _ => own,
        };
        let own = [0xa1, 0xb2][node];
        let (mut key, mut other) = (key(own), key(0xa1 + 0xb2 - own));
        let action = *dice.pick(&actions);
        match action {
            // Registering from nothing, or taking the registration back.
            REGISTER if dice.chance(50) => (key, other) = (0, own),
            REGISTER | REGISTER_AND_IGNORE => other = if dice.chance(25) { 0 } else { own },
            RESERVE | RELEASE | CLEAR => other = 0,
            _ => {}
        }
        let kind = if dice.chance(60) { FENCING } else { *dice.pick(&[1, 3, 6, 7, 8]) };
        Step { node, action, kind, key, other }
    }

    /// The words for sg_persist.
    fn words(&self) -> String {
        let Step { kind, key, other, .. } = self;
        match self.action {
            REGISTER => format!("-G -K 0x{key:x} -S 0x{other:x}"),
            REGISTER_AND_IGNORE => format!("-I -S 0x{other:x}"),
            RESERVE => format!("-R -T {kind:x} -K 0x{key:x}"),
            RELEASE => format!("-L -T {kind:x} -K 0x{key:x}"),
            CLEAR => format!("-C -K 0x{key:x}"),
            PREEMPT => format!("-P -T {kind:x} -K 0x{key:x} -S 0x{other:x}"),
            _ => format!("-A -T {kind:x} -K 0x{key:x} -S 0x{other:x}"),
        }
    }
}

/// Keys, holder and type as `state` prints them.
fn in_words(lun: &Lun) -> String {
    let mut keys: Vec<String> = lun.keys().map(|key| format!("{key:x}")).collect();
    keys.sort();
    let words = keys.iter().fold(String::new(), |words, key| words + key + " ");
    match lun.reservation() {
        None => format!("{words}| nobody no reservation"),
        Some((holder, kind)) => {
            let all = matches!(kind, 7 | 8);
            let holder = if all { 0 } else { lun.key_of(holder).unwrap_or_default() };
            let name = match kind {
                1 => "Write Exclusive",
                3 => "Exclusive Access",
                5 => "Write Exclusive, registrants only",
                6 => "Exclusive Access, registrants only",
                7 => "Write Exclusive, all registrants",
                _ => "Exclusive Access, all registrants",
            };
            format!("{words}| {holder:x} {name}")
        }
    }
}

/// A step, and what came of it on the simulated disk.
struct Played {
    step: Step,
    /// As sg_persist would end.
    code: u8,
    before: String,
    after: String,
}

/// Rolls a step that the kernel's target and SPC-4 see alike, and takes it.
fn play(dice: &mut Dice, lun: &mut Lun) -> Played {
    let mut step = Step::roll(dice);
    // To the kernel any PREEMPT takes a reservation over that all registrants hold; to SPC-4 only one with key 0
    // does (5.13.11.4). The agent sends none to such a reservation.
    while matches!(step.action, PREEMPT | PREEMPT_AND_ABORT)
        && lun.reservation().is_some_and(|(_, kind)| kind >= 7)
    {
        step = Step::roll(dice);
    }
    let before = in_words(lun);
    let code = match lun.act(step.node, step.action, step.kind, step.key, step.other, false) {
        Answer::Good(_) => 0,
        Answer::Conflict => 24,
        Answer::Check(5, ..) => 5,
        Answer::Check(..) => 99,
    };
    Played { step, code, before, after: in_words(lun) }
}

#[test]
fn a_simulated_disk_answers_as_the_kernels_own_target_does() {
    let guest = &*GUEST;
    let steps = if std::env::var_os("CAMPAIGN").is_some() { 400 } else { 60 };
    wipe(guest, 1, &[26]);
    let mut dice = Dice::of(7, 0);
    let mut lun = Lun::new(None, false);
    let played: Vec<Played> = (0..steps).map(|_| play(&mut dice, &mut lun)).collect();
    let mut differ: Vec<String> = Vec::new();
    // `persist` answers what is left to be told first, and ends with sg_persist's exit code: 24 is a conflict.
    for some in played.chunks(20) {
        let script: String = some
            .iter()
            .map(|Played { step, .. }| {
                format!("persist /dev/n{}l26 {}; echo $? $(state /dev/n1l26)\n", step.node + 1, step.words())
            })
            .collect();
        let output = run(guest, &script);
        let lines: Vec<&str> = output.stdout.lines().collect();
        assert_eq!(lines.len(), some.len(), "{output:?}");
        for (Played { step, code, before, after }, line) in some.iter().zip(lines) {
            // Where SPC-4 has a conflict, the kernel's target says "not ready" (exit code 2) to a nexus that isn't
            // registered; it lets everybody release nothing, under any key; and a release under another type is a
            // conflict to it, not an invalid release.
            let theirs = match (step.action, code, line.split_once(' ')) {
                (_, 24, Some(("2", rest)))
                | (RELEASE, 24, Some(("0", rest)))
                | (RELEASE, 5, Some(("24", rest))) => format!("{code} {rest}"),
                _ => line.to_owned(),
            };
            let ours = format!("{code} {after}");
            if ours != theirs {
                let words = step.words();
                differ.push(format!("{before}: node {} {words}: {ours}, not {theirs}", step.node + 1));
            }
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}
