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

#[test]
fn a_simulated_disk_answers_as_the_kernels_own_target_does() {
    let guest = &*GUEST;
    let steps = if std::env::var_os("CAMPAIGN").is_some() { 400 } else { 60 };
    wipe(guest, 1, &[26]);
    let mut dice = Dice::of(7, 0);
    let mut lun = Lun::new(None, false);
    let rolled: Vec<Step> = (0..steps).map(|_| Step::roll(&mut dice)).collect();
    // `persist` answers what is left to be told first, and ends with sg_persist's exit code: 24 is a conflict.
    for some in rolled.chunks(20) {
        let script: String = some
            .iter()
            .map(|step| {
                format!("persist /dev/n{}l26 {}; echo $? $(state /dev/n1l26)\n", step.node + 1, step.words())
            })
            .collect();
        let output = run(guest, &script);
        let lines: Vec<&str> = output.stdout.lines().collect();
        assert_eq!(lines.len(), some.len(), "{output:?}");
        for (step, line) in some.iter().zip(lines) {
            let before = in_words(&lun);
            let answer = lun.act(step.node, step.action, step.kind, step.key, step.other, false);
            let code = match answer {
                Answer::Good(_) => 0,
                Answer::Conflict => 24,
                Answer::Check(5, ..) => 5,
                Answer::Check(..) => 99,
            };
            let ours = format!("{code} {}", in_words(&lun));
            // To a nexus that isn't registered the kernel's target says "not ready" (exit code 2) where SPC-4 has
            // a conflict.
            let line = match line.strip_prefix("2 ") {
                Some(rest) if code == 24 => format!("24 {rest}"),
                _ => line.to_owned(),
            };
            assert_eq!(ours, line, "{before}: node {} {}", step.node + 1, step.words());
        }
    }
}
