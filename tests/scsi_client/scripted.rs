//! Devices that answer from a script: what a real one does seldom, or only when it is broken.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::protocols::scsi::{
    Association, Completion, Data, Error, Key, LogicalUnit, ReservationType, Transport, Wwid,
};
use peers::faults::Dice;

const TYPE: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;

/// What Linux' own target (kernel 6.1) answered to READ KEYS: two registrants, the first holds.
const KEYS: &[u8] = b"\0\0\0\x02\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02";
/// And to READ RESERVATION.
const RESERVATION: &[u8] = b"\0\0\0\x02\0\0\0\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\x05\0\0";
/// And its Device Identification page.
const IDENTIFICATION: &[u8] = b"\0\x83\0\x8d\
    \x01\x03\0\x10\x60\x01\x40\x50\0\x04\xff\xf0\0\0\0\0\0\0\0\0\
    \x02\x01\0\x1dLIO-ORG RAMDISK-MCP:00004fff\0\
    \x51\x94\0\x04\0\0\0\x01\x51\x95\0\x04\0\0\0\0\x01\x06\0\x04\0\0\0\0\
    \x53\x98\0\x20iqn.2024-01.example:t1,t,0x0001\0\
    \x53\xa8\0\x18iqn.2024-01.example:t1\0\0";

/// One answer of a scripted device.
#[derive(Clone)]
enum Answer {
    /// GOOD, and as many of these bytes as there is room for.
    Good(Vec<u8>),
    /// GOOD, and the whole buffer said to be filled, though nothing was written.
    Untouched,
    /// Any completion, without data.
    Ends(Completion),
    /// The call fails.
    Fails(i32),
}

fn good(data: &[u8]) -> Answer {
    Answer::Good(data.to_vec())
}

fn status(status: u8) -> Answer {
    Answer::Ends(Completion { status, ..Completion::default() })
}

fn host(host: u16) -> Answer {
    Answer::Ends(Completion { host, ..Completion::default() })
}

/// CHECK CONDITION with sense data in fixed or in descriptor format.
fn check(key: u8, asc: u8, ascq: u8, fixed: bool) -> Answer {
    let sense = if fixed {
        vec![0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0]
    } else {
        vec![0x72, key, asc, ascq, 0, 0, 0, 0]
    };
    Answer::Ends(Completion { status: 2, sense, ..Completion::default() })
}

/// A command block and the parameters that went with it.
type Sent = (Vec<u8>, Vec<u8>);

/// A device that gives its answers in turn, the last one again and again, and notes what it was sent.
struct Scripted {
    answers: VecDeque<Answer>,
    sent: Vec<Sent>,
}

impl Transport for Scripted {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, _limit: Duration) -> io::Result<Completion> {
        let parameters = if let Data::Out(bytes) = &data { bytes.to_vec() } else { Vec::new() };
        self.sent.push((cdb.to_vec(), parameters));
        let answer =
            if self.answers.len() > 1 { self.answers.pop_front() } else { self.answers.front().cloned() };
        match (answer.unwrap(), data) {
            (Answer::Good(bytes), Data::In(buffer)) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                Ok(Completion { residual: (buffer.len() - count) as i32, ..Completion::default() })
            }
            (Answer::Good(_) | Answer::Untouched, _) => Ok(Completion::default()),
            (Answer::Ends(completion), _) => Ok(completion),
            (Answer::Fails(code), _) => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// Runs `work` on a device with these answers; what came of it and what was sent.
fn with<R>(
    answers: impl IntoIterator<Item = Answer>,
    work: impl FnOnce(&mut LogicalUnit<&mut Scripted>) -> R,
) -> (R, Vec<Sent>) {
    let mut device = Scripted { answers: answers.into_iter().collect(), sent: Vec::new() };
    let result = work(&mut LogicalUnit::new(&mut device, "scripted"));
    (result, device.sent)
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn key(value: u64) -> Key {
    Key::new(value).unwrap()
}

fn key_list(keys: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let list: Vec<u8> = keys.into_iter().flat_map(u64::to_be_bytes).collect();
    [&7_u32.to_be_bytes()[..], &(list.len() as u32).to_be_bytes(), &list].concat()
}

const ATTENTIONS: [(u8, u8); 8] =
    [(0x29, 0), (0x2a, 3), (0x2a, 4), (0x2a, 5), (0x2a, 6), (0x2a, 9), (0x3f, 3), (0x3f, 0x0e)];

#[test]
fn every_unit_attention_in_turn_is_met_with_the_same_command_again() {
    for fixed in [true, false] {
        let script = |last| ATTENTIONS.iter().map(|&(asc, ascq)| check(6, asc, ascq, fixed)).chain([last]);
        let (keys, sent) = with(script(good(KEYS)), |unit| unit.read_keys(soon()));
        assert_eq!(keys.unwrap().keys, [key(1), key(2)]);
        assert_eq!(sent.len(), ATTENTIONS.len() + 1);
        let (preempted, sent) =
            with(script(status(0)), |unit| unit.preempt_and_abort(key(1), key(2), TYPE, soon()));
        preempted.unwrap();
        assert_eq!(sent.len(), ATTENTIONS.len() + 1);
        assert!(sent.iter().all(|one| one == &sent[0]), "the command changed on the way");
    }
}

#[test]
fn a_device_that_never_runs_out_of_unit_attentions_is_an_error() {
    let (keys, sent) = with([check(6, 0x29, 0, true)], |unit| unit.read_keys(soon()));
    assert!(matches!(keys, Err(Error::Unsettled(..))), "{keys:?}");
    assert!(sent.len() < 100, "{} commands", sent.len());
}

#[test]
fn a_deferred_error_is_not_taken_for_this_commands_answer() {
    let deferred = Completion {
        status: 2,
        sense: vec![0x71, 0, 4, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x44, 0, 0, 0, 0, 0],
        ..Completion::default()
    };
    let (keys, sent) = with([Answer::Ends(deferred), good(KEYS)], |unit| unit.read_keys(soon()));
    assert!(keys.unwrap().keys.contains(&key(2)));
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_busy_device_is_asked_again_until_the_deadline() {
    for code in [0x08, 0x28] {
        let (keys, sent) = with([status(code), status(code), good(KEYS)], |unit| unit.read_keys(soon()));
        assert!(keys.is_ok() && sent.len() == 3);
        let short = Deadline::after(Duration::from_millis(100));
        let (keys, _) = with([status(code)], |unit| unit.read_keys(short));
        assert!(matches!(keys, Err(Error::Busy(_, seen)) if seen == code), "{keys:?}");
        assert!(short.passed());
    }
}

#[test]
fn without_time_nothing_is_sent() {
    let (result, sent) =
        with([status(0)], |unit| unit.reserve(key(1), TYPE, Deadline::after(Duration::ZERO)));
    assert!(matches!(result, Err(Error::NoTime(_))), "{result:?}");
    assert_eq!(sent, []);
}

#[test]
fn a_reservation_conflict_is_told_apart_and_never_sent_again() {
    // Some kernels repeat the status in the host code.
    for host in [0x00, 0x11] {
        let conflict = Answer::Ends(Completion { status: 0x18, host, ..Completion::default() });
        let (result, sent) = with([conflict], |unit| unit.reserve(key(1), TYPE, soon()));
        assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
        assert_eq!(sent.len(), 1);
    }
}

#[test]
fn trouble_on_the_way_is_named_and_only_a_reading_command_is_repeated() {
    let (keys, _) = with([host(0x01)], |unit| unit.read_keys(soon()));
    assert!(keys.as_ref().unwrap_err().to_string().contains("DID_NO_CONNECT"), "{keys:?}");
    let (keys, sent) = with([host(0x0e), host(0x0d), good(KEYS)], |unit| unit.read_keys(soon()));
    assert!(keys.is_ok() && sent.len() == 3, "{keys:?}");
    for code in [0x01, 0x02, 0x03, 0x07, 0x08, 0x0b, 0x0e, 0x0f, 0x10, 0x11, 0x99] {
        let (result, sent) =
            with([host(code), status(0)], |unit| unit.preempt_and_abort(key(1), key(2), TYPE, soon()));
        assert!(matches!(result, Err(Error::Host(_, seen)) if seen == code), "{code:#x} {result:?}");
        assert_eq!(sent.len(), 1, "{code:#x}");
    }
}

#[test]
fn no_completion_but_a_good_one_is_a_success() {
    for status in 0..=0xff {
        for host in 0..=0x20 {
            for driver in [0, 1, 6, 8, 0x16] {
                if (status, host, driver) == (0, 0, 0) {
                    continue;
                }
                let answer = Answer::Ends(Completion { status, host, driver, ..Completion::default() });
                let (result, _) = with([answer], |unit| {
                    unit.reserve(key(1), TYPE, Deadline::after(Duration::from_millis(1)))
                });
                assert!(result.is_err(), "status {status:#x} host {host:#x} driver {driver:#x}");
            }
        }
    }
}

#[test]
fn sense_data_decides_between_success_refusal_and_lack_of_support() {
    let reserve = |answer| with([answer], |unit| unit.reserve(key(1), TYPE, soon())).0;
    reserve(check(1, 0, 0, true)).unwrap();
    assert!(reserve(check(5, 0x20, 0, true)).unwrap_err().is_reservations_unsupported());
    assert!(matches!(reserve(check(5, 0x26, 0, false)), Err(Error::Refused(_, sense)) if sense.asc == 0x26));
    for key in [0, 2, 3, 4, 5, 7, 8, 0xb, 0xd, 0xe, 0xf] {
        assert!(matches!(reserve(check(key, 0x44, 0, true)), Err(Error::Refused(..))), "sense key {key:x}");
    }
    let none = Answer::Ends(Completion { status: 2, ..Completion::default() });
    assert!(matches!(reserve(none), Err(Error::NoSense(_))));
    // Sense data under a good status, which only the driver byte tells of.
    let sense = vec![0x72, 5, 0x20, 0];
    let hidden = Answer::Ends(Completion { driver: 8, sense, ..Completion::default() });
    assert!(reserve(hidden).is_err());
    let optional = with([check(5, 0x24, 0, true)], |unit| unit.report_capabilities(soon())).0;
    assert!(matches!(optional, Err(Error::Unsupported(_))), "{optional:?}");
}

#[test]
fn a_map_that_is_suspended_for_a_moment_is_asked_again() {
    let again = Answer::Fails(11);
    let (keys, sent) = with([again.clone(), again.clone(), good(KEYS)], |unit| unit.read_keys(soon()));
    assert!(keys.is_ok() && sent.len() == 3, "{keys:?}");
    let (keys, _) = with([again], |unit| unit.read_keys(Deadline::after(Duration::from_millis(50))));
    assert!(matches!(keys, Err(Error::Call(..))), "{keys:?}");
    let (gone, sent) = with([Answer::Fails(19), good(KEYS)], |unit| unit.read_keys(soon()));
    assert!(gone.is_err() && sent.len() == 1, "{gone:?}");
}

#[test]
fn a_hundred_keys_and_more_are_all_read() {
    for count in [0, 1, 62, 63, 64, 100, 1000, 8000] {
        let list = key_list(1..=count);
        let (keys, _) = with([good(&list)], |unit| unit.read_keys(soon()));
        let keys = keys.unwrap();
        assert_eq!((keys.generation, keys.keys.len() as u64), (7, count));
        assert!(count == 0 || keys.keys.contains(&key(count)));
    }
    let (keys, _) = with([good(&key_list(1..=9000))], |unit| unit.read_keys(soon()));
    assert!(matches!(keys, Err(Error::TooLong(..))), "{keys:?}");
}

#[test]
fn a_target_that_announces_only_what_there_is_room_for_hides_no_key() {
    /// Cuts the list to whole keys that fit and announces just these.
    struct Cutting(u64);
    impl Transport for Cutting {
        fn execute(&mut self, _cdb: &[u8], data: Data<'_>, _limit: Duration) -> io::Result<Completion> {
            let Data::In(buffer) = data else { panic!("no data phase") };
            let fits = self.0.min((buffer.len() as u64 - 8) / 8);
            let list = key_list(1..=fits);
            buffer[..list.len()].copy_from_slice(&list);
            Ok(Completion { residual: (buffer.len() - list.len()) as i32, ..Completion::default() })
        }
    }
    for count in [62, 63, 64, 100, 126, 127, 128, 1000] {
        let keys = LogicalUnit::new(Cutting(count), "cutting").read_keys(soon()).unwrap();
        assert_eq!(keys.keys.len() as u64, count);
    }
}

#[test]
fn an_answer_cut_short_anywhere_is_an_error() {
    for cut in 0..KEYS.len() {
        let keys = with([good(&KEYS[..cut])], |unit| unit.read_keys(soon())).0;
        assert!(matches!(keys, Err(Error::Short(..))), "{cut} {keys:?}");
    }
    for cut in 0..RESERVATION.len() {
        let reserved = with([good(&RESERVATION[..cut])], |unit| unit.read_reservation(soon())).0;
        assert!(matches!(reserved, Err(Error::Short(..))), "{cut} {reserved:?}");
    }
    for cut in 0..IDENTIFICATION.len() {
        assert!(with([good(&IDENTIFICATION[..cut])], |unit| unit.wwid(soon())).0.is_err(), "{cut}");
    }
    for cut in 0..8 {
        assert!(
            with([good(&[0, 8, 5, 0x81, 0xea, 1, 0, 0][..cut])], |unit| unit.report_capabilities(soon()))
                .0
                .is_err()
        );
        assert!(with([good(&[0; 35])], |unit| unit.inquiry(soon())).0.is_err());
    }
}

#[test]
fn whether_preempt_and_abort_is_there_is_asked_of_the_device() {
    for (support, there) in
        [(0, None), (1, Some(false)), (3, Some(true)), (5, Some(true)), (0x83, Some(true))]
    {
        let (told, sent) = with([good(&[0, support, 0, 10])], |unit| unit.has_preempt_and_abort(soon()));
        assert_eq!(told.unwrap(), there, "{support:#x}");
        assert_eq!(sent[0].0, [0xa3, 0x0c, 2, 0x5f, 0, 5, 0, 0, 0, 4, 0, 0]);
    }
    for odd in [good(&[0, 2, 0, 10]), good(&[0, 7, 0, 10]), good(&[0, 3, 0]), Answer::Untouched] {
        assert!(with([odd], |unit| unit.has_preempt_and_abort(soon())).0.is_err());
    }
    for unknown in [check(5, 0x20, 0, true), check(5, 0x24, 0, false)] {
        let (told, _) = with([unknown], |unit| unit.has_preempt_and_abort(soon()));
        assert!(matches!(told, Err(Error::Unsupported(_))), "{told:?}");
        // It says nothing of reservations.
        assert!(!told.unwrap_err().is_reservations_unsupported());
    }
}

#[test]
fn a_buffer_that_the_device_never_wrote_is_not_an_empty_list() {
    assert!(with([Answer::Untouched], |unit| unit.read_keys(soon())).0.is_err());
    // Three keys announced, two of them written, and a host adapter that doesn't say so.
    let mut cut_short = KEYS.to_vec();
    cut_short[7] = 24;
    assert!(with([good(&cut_short)], |unit| unit.read_keys(soon())).0.is_err());
    assert!(with([Answer::Untouched], |unit| unit.read_reservation(soon())).0.is_err());
    assert!(with([Answer::Untouched], |unit| unit.report_capabilities(soon())).0.is_err());
    assert!(with([Answer::Untouched], |unit| unit.wwid(soon())).0.is_err());
}

#[test]
fn a_residual_that_cannot_be_is_an_error() {
    for residual in [-1, i32::MIN, 513, i32::MAX] {
        struct Lying(i32);
        impl Transport for Lying {
            fn execute(&mut self, _cdb: &[u8], data: Data<'_>, _limit: Duration) -> io::Result<Completion> {
                if let Data::In(buffer) = data {
                    buffer[..KEYS.len()].copy_from_slice(KEYS);
                }
                Ok(Completion { residual: self.0, ..Completion::default() })
            }
        }
        let keys = LogicalUnit::new(Lying(residual), "lying").read_keys(soon());
        assert!(matches!(keys, Err(Error::Malformed(..))), "{residual} {keys:?}");
    }
}

#[test]
fn contradictory_parameter_data_is_an_error() {
    let keys = |data: &[u8]| with([good(data)], |unit| unit.read_keys(soon())).0;
    let mut odd = KEYS.to_vec();
    odd[7] = 0x0f;
    assert!(matches!(keys(&odd), Err(Error::Malformed(..))));
    assert!(matches!(keys(&key_list([1, 0, 2])), Err(Error::Malformed(..))));
    let reservation = |at: usize, byte: u8| {
        let mut data = RESERVATION.to_vec();
        data[at] = byte;
        with([good(&data)], |unit| unit.read_reservation(soon())).0
    };
    for code in (0..=0xff).filter(|code| ![1, 3, 5, 6, 7, 8].contains(code)) {
        assert!(matches!(reservation(21, code), Err(Error::Malformed(..))), "scope and type {code:#x}");
    }
    for length in [1, 8, 15] {
        assert!(reservation(7, length).is_err());
    }
    // Nobody holds it, though its type asks for one holder.
    assert!(matches!(reservation(15, 0), Err(Error::Malformed(..))));
}

#[test]
fn what_a_real_target_answered_is_understood() {
    let reserved = with([good(RESERVATION)], |unit| unit.read_reservation(soon())).0.unwrap();
    let reservation = reserved.reservation.unwrap();
    assert_eq!((reserved.generation, reservation.holder, reservation.kind), (2, Some(key(1)), TYPE));
    let none = with([good(&RESERVATION[..4].iter().copied().chain([0; 4]).collect::<Vec<u8>>())], |unit| {
        unit.read_reservation(soon())
    });
    assert_eq!(none.0.unwrap().reservation, None);

    let capabilities =
        with([good(&[0, 8, 0x1d, 0x90, 0xea, 1, 0, 0])], |unit| unit.report_capabilities(soon()));
    let capabilities = capabilities.0.unwrap();
    assert!(capabilities.can_persist && !capabilities.persists && capabilities.all_target_ports);
    assert_eq!(capabilities.supports(TYPE), Some(true));
    assert_eq!(capabilities.supports(ReservationType::ExclusiveAccessAllRegistrants), Some(true));

    let designators = with([good(IDENTIFICATION)], |unit| unit.designators(soon())).0.unwrap();
    assert_eq!(designators.len(), 7);
    assert_eq!(designators[2].association, Association::TargetPort);
    let wwid = Wwid::best_of(&designators).unwrap();
    assert_eq!(wwid.to_string(), "naa.600140500004fff00000000000000000");
    // Without its NAA name the unit still has the vendor's.
    assert_eq!(Wwid::best_of(&designators[1..]).unwrap().to_string(), "t10.LIO-ORG RAMDISK-MCP:00004fff");
    assert_eq!(Wwid::best_of(&designators[2..]), None);
}

#[test]
fn a_long_identification_page_is_fetched_whole() {
    let mut page = b"\0\x83\x01\x08".to_vec();
    page.extend_from_slice(b"\x02\x01\0\xf0");
    page.extend_from_slice(&[b'v'; 0xf0]);
    page.extend_from_slice(b"\x01\x03\0\x10\x60\x01\x40\x50\0\x04\xff\xf0\0\0\0\0\0\0\0\x07");
    let (wwid, sent) = with([good(&page)], |unit| unit.wwid(soon()));
    assert_eq!(wwid.unwrap().to_string(), "naa.600140500004fff00000000000000007");
    assert_eq!(sent.len(), 2);
}

#[test]
fn commands_go_out_as_the_standard_writes_them() {
    let (a, v) = (Some(key(0xa1b2)), Some(key(0xffee_ddcc_bbaa_9988)));
    let (_, sent) = with([status(0)], |unit| {
        unit.register(a, v, true, soon()).unwrap();
        unit.reserve(key(0xa1b2), TYPE, soon()).unwrap();
        unit.preempt_and_abort(key(0xa1b2), key(0xffee_ddcc_bbaa_9988), TYPE, soon()).unwrap();
        unit.register_and_ignore(None, false, soon()).unwrap();
    });
    const A: &str = "000000000000a1b2";
    const V: &str = "ffeeddccbbaa9988";
    const ZERO: &str = "0000000000000000";
    let expected = [
        ("5f000000000000001800", format!("{A}{V}0000000001000000")),
        ("5f010500000000001800", format!("{A}{ZERO}{ZERO}")),
        ("5f050500000000001800", format!("{A}{V}{ZERO}")),
        ("5f060000000000001800", format!("{ZERO}{ZERO}{ZERO}")),
    ];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for ((cdb, parameters), (expected_cdb, expected_parameters)) in sent.iter().zip(&expected) {
        assert_eq!((hex(cdb).as_str(), &hex(parameters)), (*expected_cdb, expected_parameters));
    }
    assert_eq!(sent.len(), expected.len());
}

#[test]
fn keys_are_read_strictly_and_written_in_one_way() {
    for (text, value, written) in [
        ("abc2", 0xabc2, "abc2"),
        ("ABC2", 0xabc2, "abc2"),
        ("0xabc2", 0xabc2, "abc2"),
        ("0X0ABC2", 0xabc2, "abc2"),
        ("1", 1, "1"),
        ("00cc10001", 0xcc1_0001, "cc10001"),
        ("fffffffffffffffe", u64::MAX - 1, "fffffffffffffffe"),
    ] {
        let parsed: Key = text.parse().unwrap();
        assert_eq!((parsed.value(), parsed.to_string().as_str()), (value, written), "{text}");
    }
    let bad = [
        "",
        "0x",
        "0",
        "00",
        "0x0000000000000000",
        "10000000000000000",
        "ffffffffffffffff",
        "00000000000000001",
        "zz",
        "+1",
        "-1",
        " 1",
        "1 ",
        "0x0x1",
        "1_0",
        "١",
    ];
    for text in bad {
        assert!(text.parse::<Key>().is_err(), "{text:?}");
    }
}

/// The data with bytes changed, cut off or added.
fn mutate(dice: &mut Dice, data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..=dice.below(4) {
        match dice.below(6) {
            0 => data.truncate(dice.below(data.len() + 1)),
            1 => data.extend((0..dice.below(40)).map(|at| (at * 37) as u8)),
            _ if data.is_empty() => {}
            _ => {
                let at = dice.below(data.len());
                data[at] = [0, 1, 0x7f, 0x80, 0xff, dice.below(256) as u8][dice.below(6)];
            }
        }
    }
    data
}

#[test]
fn mutated_answers_give_a_verdict_and_never_more_than_was_sent() {
    let mut dice = Dice::of(0x5eed, 0);
    let mut understood = 0;
    for _ in 0..20_000 {
        let data = mutate(&mut dice, KEYS);
        if let Ok(keys) = with([good(&data)], |unit| unit.read_keys(soon())).0 {
            understood += 1;
            assert!(8 + keys.keys.len() * 8 <= data.len(), "{data:02x?}");
        }
        let data = mutate(&mut dice, RESERVATION);
        if let Ok(reserved) = with([good(&data)], |unit| unit.read_reservation(soon())).0 {
            assert!(reserved.reservation.is_none() || data.len() >= 24, "{data:02x?}");
        }
        let data = mutate(&mut dice, IDENTIFICATION);
        if let Ok(designators) = with([good(&data)], |unit| unit.designators(soon())).0 {
            let _ = Wwid::best_of(&designators);
            assert!(4 + designators.len() * 4 <= data.len(), "{data:02x?}");
        }
        let sense = mutate(&mut dice, &[0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 5, 0, 0, 0, 0]);
        let carried_out = match sense.first().map(|code| code & 0x7f) {
            Some(0x70) => sense.get(2).is_some_and(|key| key & 0x0f == 1),
            Some(0x72) => sense.get(1).is_some_and(|key| key & 0x0f == 1),
            _ => false,
        };
        let answer = Answer::Ends(Completion { status: 2, sense: sense.clone(), ..Completion::default() });
        let (result, _) = with([answer, status(0x18)], |unit| unit.reserve(key(1), TYPE, soon()));
        assert_eq!(result.is_ok(), carried_out, "{sense:02x?} {result:?}");
    }
    assert!(understood > 100, "the loop tested nothing but errors");
}
