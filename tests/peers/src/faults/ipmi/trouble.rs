//! What a BMC does wrong, as a table.

use std::time::{Duration, Instant};

use super::plan::Plan;
use crate::bmc::{Draft, Effect, Fault, Hook, Lie, Power, Rule, Settings, Step, set_checksums};
use crate::faults::Dice;

/// What becomes of a BMC when the run begins.
#[derive(Default)]
pub(super) struct Machine {
    pub power: Power,
    pub(super) rules: Vec<Rule>,
    slots: Option<usize>,
    before: Option<Wrong>,
    after: Option<(Wrong, Duration)>,
}

/// What is reported instead of the state.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    On,
    Off,
    /// A reply without data.
    Nothing,
    /// A reply with this completion code.
    Code(u8),
}

impl Machine {
    pub(super) fn install(&mut self, settings: &mut Settings) {
        settings.power = self.power.clone();
        settings.rules = std::mem::take(&mut self.rules);
        settings.session_slots = self.slots.unwrap_or(settings.session_slots);
        if self.before.is_some() || self.after.is_some() {
            settings.hook = Some(report(self.before, self.after));
        }
    }
}

/// Reports something else than the state: until the first power command, or for some time after it.
fn report(before: Option<Wrong>, after: Option<(Wrong, Duration)>) -> Hook {
    const TAKEN: u8 = 0;
    let mut commanded: Option<Instant> = None;
    Box::new(move |step, drafts| {
        let code = drafts.last().and_then(|draft| draft.payload.get(6));
        match (step, code) {
            (Step::ChassisControl, Some(&TAKEN)) => {
                commanded.get_or_insert_with(Instant::now);
            }
            (Step::ChassisStatus, _) => {
                let wrong = match commanded {
                    None => before,
                    Some(at) => after.filter(|(_, time)| at.elapsed() < *time).map(|(wrong, _)| wrong),
                };
                if let Some(wrong) = wrong {
                    drafts.iter_mut().for_each(|draft| wrong.put_into(draft));
                }
            }
            _ => {}
        }
    })
}

impl Wrong {
    fn put_into(self, draft: &mut Draft) {
        // Header of seven bytes with the completion code, three of data, checksum.
        if draft.payload.len() != 11 {
            return;
        }
        match self {
            Wrong::On => draft.payload[7] |= 1,
            Wrong::Off => draft.payload[7] &= !1,
            Wrong::Nothing => draft.payload.truncate(8),
            Wrong::Code(code) => {
                draft.payload[6] = code;
                draft.payload.truncate(8);
            }
        }
        set_checksums(&mut draft.payload);
    }
}

/// Which runs a fault has a meaning for.
#[derive(PartialEq, Eq)]
enum For {
    All,
    PowerChanges,
    /// Those whose sessions tell who answers.
    Named,
}

type Setter = fn(&mut Dice, &mut Plan) -> String;

/// The word for a device that takes a command and does nothing.
pub(super) const ACKNOWLEDGES_ONLY: &str = "acknowledges only";

/// A device that answers off after the command while the machine is on, and on for `status` while it is off, isn't
/// among them: nobody but the device can be asked, so nobody can tell (docs/promise.md).
const TROUBLES: [(&str, For, Setter); 17] = [
    (ACKNOWLEDGES_ONLY, For::PowerChanges, acknowledges_only),
    ("late", For::PowerChanges, late),
    ("reverts", For::PowerChanges, reverts),
    ("wrong for a while", For::PowerChanges, wrong_for_a_while),
    ("stale off before", For::PowerChanges, stale_off_before),
    ("restarts", For::All, restarts),
    ("no sessions", For::All, no_sessions),
    ("completion codes", For::All, completion_codes),
    // Twice, because there are many of them.
    ("lies", For::All, lies),
    ("lies", For::All, lies),
    ("answers lost or late", For::All, answers_lost_or_late),
    ("another suite", For::All, another_suite),
    // Twice, because not every run can have it.
    ("somebody else answers", For::Named, somebody_else),
    ("somebody else answers", For::Named, somebody_else),
    ("refuses what is so", For::PowerChanges, refuses_what_is_so),
    ("one bad moment", For::All, one_bad_moment),
    ("answers late", For::All, answers_late),
];

/// Sets one fault, or two or three.
pub(super) fn choose(dice: &mut Dice, plan: &mut Plan) {
    for _ in 0..*dice.pick(&[1, 1, 2, 3]) {
        let (name, meant_for, set) = dice.pick(&TROUBLES);
        let fits = match meant_for {
            For::All => true,
            For::PowerChanges => plan.changes(),
            For::Named => plan.session.named(),
        };
        if fits {
            let detail = set(dice, plan);
            plan.troubles.push((name, detail));
        }
    }
    // Nothing but evidence tells then whether a cycle was one.
    if plan.cycle && dice.chance(30) {
        let detail = acknowledges_only(dice, plan);
        plan.troubles.push((ACKNOWLEDGES_ONLY, detail));
    }
    if plan.troubles.is_empty() {
        let detail = completion_codes(dice, plan);
        plan.troubles.push(("completion codes", detail));
    }
}

fn acknowledges_only(_: &mut Dice, plan: &mut Plan) -> String {
    plan.machine.power.effect = Effect::Nothing;
    "power commands have no effect".to_owned()
}

fn late(dice: &mut Dice, plan: &mut Plan) -> String {
    let limit = plan.limits.power.as_millis() as u64;
    // In time, about in time, or too late.
    let (least, most) =
        *dice.pick(&[(1, 300), (300, limit - 300), (limit - 300, limit + 300), (limit, limit + 3000)]);
    plan.machine.power.delay = dice.millis(least, most);
    format!("power commands take {:?}", plan.machine.power.delay)
}

fn reverts(dice: &mut Dice, plan: &mut Plan) -> String {
    let (least, most) = *dice.pick(&[(1, 50), (50, 500), (500, 3000)]);
    let time = dice.millis(least, most);
    plan.machine.power.effect = Effect::Undone(time);
    format!("power commands are undone after {time:?}")
}

fn wrong_for_a_while(dice: &mut Dice, plan: &mut Plan) -> String {
    let other = if plan.action == "on" { Wrong::Off } else { Wrong::On };
    let wrong =
        *dice.pick(&[other, other, Wrong::Nothing, Wrong::Code(0xd5), Wrong::Code(0xc0), Wrong::Code(0xff)]);
    let time = dice.millis(50, plan.limits.power.as_millis() as u64 + 1500);
    plan.machine.after = Some((wrong, time));
    format!("reports {wrong:?} for {time:?} after the first command")
}

fn stale_off_before(_: &mut Dice, plan: &mut Plan) -> String {
    plan.machine.before = Some(Wrong::Off);
    "reports off until the first command".to_owned()
}

/// The steps at which something may go wrong.
const STEPS: [Step; 12] = [
    Step::Any,
    Step::AuthCapabilities,
    Step::Challenge,
    Step::Activate,
    Step::OpenSession,
    Step::Rakp1,
    Step::Rakp3,
    Step::SetPrivilege,
    Step::ChassisStatus,
    Step::ChassisStatus,
    Step::ChassisControl,
    Step::RestartCause,
];

/// One of them; for a cycle, often one of those that it is proven by.
fn step(dice: &mut Dice, plan: &Plan) -> Step {
    const PROOFS: [Step; 2] = [Step::ChassisStatus, Step::RestartCause];
    if plan.cycle && dice.chance(50) { *dice.pick(&PROOFS) } else { *dice.pick(&STEPS) }
}

/// Sets a rule for a fault at this step, some times or always.
fn rule(dice: &mut Dice, plan: &mut Plan, fault: Fault, step: Step) -> String {
    const ALWAYS: usize = usize::MAX;
    let (skip, times) = (*dice.pick(&[0, 0, 1, 2, 4]), *dice.pick(&[1, 1, 2, 3, ALWAYS]));
    let times_in_words = if times == ALWAYS { "always".to_owned() } else { format!("{times} times") };
    let words = format!("{fault:?} at {step:?} after {skip}, {times_in_words}");
    plan.machine.rules.push(fault.at(step).after(skip).times(times));
    words
}

fn restarts(dice: &mut Dice, plan: &mut Plan) -> String {
    let (step, silence) = (step(dice, plan), dice.millis(10, 1500));
    let skip = dice.below(4);
    plan.machine.rules.push(Fault::Restart(silence).at(step).after(skip).times(1));
    format!("at {step:?} after {skip}, and hears nothing for {silence:?}")
}

fn no_sessions(dice: &mut Dice, plan: &mut Plan) -> String {
    if dice.chance(30) {
        let slots = dice.below(2);
        plan.machine.slots = Some(slots);
        return format!("has {slots} in all");
    }
    let v15 = Fault::Refuse(*dice.pick(&[0x81, 0x82, 0x83, 0xc0]));
    let v20 = Fault::Refuse(*dice.pick(&[0x01, 0x01, 0x0b]));
    let first = rule(dice, plan, v15, Step::Activate);
    let second = rule(dice, plan, v20, Step::OpenSession);
    format!("{first}; {second}")
}

fn completion_codes(dice: &mut Dice, plan: &mut Plan) -> String {
    const CODES: [u8; 20] = [
        0x00, 0x01, 0x02, 0x0d, 0x0f, 0x80, 0x81, 0xc0, 0xc0, 0xc1, 0xc3, 0xcb, 0xcc, 0xcf, 0xd0, 0xd2, 0xd4,
        0xd5, 0xd5, 0xff,
    ];
    let code = if dice.chance(90) { *dice.pick(&CODES) } else { dice.number() as u8 };
    let step = step(dice, plan);
    rule(dice, plan, Fault::Refuse(code), step)
}

/// Nothing but what is forged shows the wanted state then.
pub(super) fn leave_it_to_forgers(dice: &mut Dice, plan: &mut Plan) {
    plan.on = plan.action != "on";
    let detail = acknowledges_only(dice, plan);
    plan.troubles.push((ACKNOWLEDGES_ONLY, detail));
}

fn lies(dice: &mut Dice, plan: &mut Plan) -> String {
    // A wrong responder address is no flaw: within the session it carries the BMC's own code. Lies that a session
    // can't give away aren't told by the BMC.
    // Under a code over all of the message a wrong checksum is none either.
    let covered = plan.session.may_be_covered().then_some(Lie::Checksum);
    let no_lies: Vec<Lie> = covered.into_iter().chain([Lie::OtherResponder]).collect();
    let lie = *dice.pick(&Lie::all_but(&no_lies));
    let tell = *dice.pick::<fn(Lie) -> Fault>(&[Fault::Before, Fault::After, Fault::Instead]);
    if plan.changes() && dice.chance(60) {
        leave_it_to_forgers(dice, plan);
        let fault = tell(lie);
        let words = format!("{fault:?} at each look");
        plan.machine.rules.push(fault.at(Step::ChassisStatus));
        return words;
    }
    let step = step(dice, plan);
    rule(dice, plan, tell(lie), step)
}

fn answers_lost_or_late(dice: &mut Dice, plan: &mut Plan) -> String {
    let (least, most) = *dice.pick(&[(1, 100), (100, 900), (900, 2500)]);
    let fault = match dice.below(6) {
        0 => Fault::RequestLost,
        1 | 2 => Fault::AnswerLost,
        3 => Fault::Twice,
        4 => Fault::SkipSequence(*dice.pick(&[1, 10, 40, 1000])),
        _ => Fault::Late(dice.millis(least, most)),
    };
    let step = step(dice, plan);
    rule(dice, plan, fault, step)
}

/// Another BMC has the address from the answer to some request on, when the first one was met. Its machine is mostly in
/// the state that is wanted, and that of the first often is deaf.
fn somebody_else(dice: &mut Dice, plan: &mut Plan) -> String {
    const MET: [Step; 4] =
        [Step::ChassisStatus, Step::ChassisControl, Step::ChassisControl, Step::RestartCause];
    let (step, skip) = (*dice.pick(&MET), *dice.pick(&[0, 0, 0, 1, 2]));
    let wanted = plan.action == "on";
    let on = if dice.chance(80) { wanted } else { !wanted };
    let guid = *dice.pick(&[*b"somebody else...", [0; 16], [0xff; 16]]);
    plan.machine.rules.push(Fault::Replaced { on, guid }.at(step).after(skip).times(1));
    let deaf = plan.changes() && dice.chance(60);
    if deaf {
        plan.on = !wanted;
        plan.machine.power.effect = Effect::Nothing;
    }
    let machine = if deaf { ", and the first machine takes no command" } else { "" };
    format!("after {step:?} number {skip}, GUID {guid:02x?}, its machine is on: {on}{machine}")
}

/// As firmware does that knows only that it has nothing to do.
fn refuses_what_is_so(dice: &mut Dice, plan: &mut Plan) -> String {
    const CODES: [u8; 10] = [0xff, 0xcc, 0xc9, 0xce, 0xd3, 0xc0, 0xd6, 0x80, 0xc1, 0xd4];
    plan.machine.power.refuses_same_state = true;
    plan.machine.power.refusal = *dice.pick(&CODES);
    if dice.chance(70) {
        plan.on = plan.action == "on";
        // Long enough for the looks that decide.
        plan.allow(Duration::from_secs(13));
    }
    format!("{:02x}h to a command for the state it is in", plan.machine.power.refusal)
}

/// What worked before doesn't, once.
fn one_bad_moment(dice: &mut Dice, plan: &mut Plan) -> String {
    const STEPS: [Step; 5] = [
        Step::SetPrivilege,
        Step::ChassisStatus,
        Step::ChassisStatus,
        Step::ChassisControl,
        Step::RestartCause,
    ];
    const CODES: [u8; 9] = [0xc1, 0xc1, 0xcc, 0xc7, 0xd4, 0xd6, 0xff, 0xc0, 0x6f];
    let (step, skip, code) = (*dice.pick(&STEPS), dice.between(1, 3) as usize, *dice.pick(&CODES));
    plan.machine.rules.push(Fault::Refuse(code).at(step).after(skip).times(1));
    format!("{code:02x}h at {step:?} after {skip}")
}

/// Every answer takes its time.
fn answers_late(dice: &mut Dice, plan: &mut Plan) -> String {
    let (least, most) = *dice.pick(&[(100, 900), (900, 1300), (1300, 2500)]);
    let time = dice.millis(least, most);
    plan.machine.rules.push(Fault::Late(time).at(Step::Any));
    if dice.chance(50) {
        plan.allow(Duration::from_secs(13));
    }
    format!("by {time:?}, all of them")
}

fn another_suite(dice: &mut Dice, plan: &mut Plan) -> String {
    let suite = *dice.pick(&[0, 1, 2, 3, 6, 15, 17]);
    rule(dice, plan, Fault::OfferSuite(suite), Step::OpenSession)
}
