//! The test BMC, judged by clients that others wrote: ipmitool and FreeIPMI.

use std::process::{Command, Output};
use std::time::Duration;

use peers::bmc::{
    ADMINISTRATOR, Bmc, Bridging, Effect, Fault, Lie, OPERATOR, Power, Settings, Step, USER, User, auth_type,
};
use peers::until;

const EVERY_SUITE: [u8; 12] = [0, 1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17];
const V17: &[&str] = &["-I", "lanplus", "-C", "17"];
const ONCE: &[&str] = &["-R", "1"];
const MD5: &[&str] = &["-I", "lan", "-A", "MD5"];
const ON: &str = "Chassis Power is on";
const OFF: &str = "Chassis Power is off";
const WENT_OFF: &str = "Chassis Power Control: Down/Off";

fn run(program: &str, args: &[&str], more: &[&str]) -> Output {
    Command::new(program).args(args).args(more).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).trim().to_owned()
}

fn ipmitool_as(bmc: &Bmc, password: &str, interface: &[&str], command: &[&str]) -> String {
    let (host, port) = (bmc.address().ip().to_string(), bmc.port().to_string());
    let login = ["-H", &host, "-p", &port, "-U", "admin", "-P", password, "-N", "1", "-R", "2"];
    said(&run("ipmitool", &login, &[interface, command].concat()))
}

fn ipmitool(bmc: &Bmc, interface: &[&str], command: &[&str]) -> String {
    ipmitool_as(bmc, "adminpw", interface, command)
}

fn freeipmi(bmc: &Bmc, suite: u8, password: &str, command: &str) -> String {
    let (host, suite) = (format!("{}", bmc.address()), suite.to_string());
    let login = ["-D", "LAN_2_0", "-I", &suite, "-h", &host, "-u", "admin", "-p", password, command];
    said(&run("ipmipower", &login, &["--session-timeout", "5000"]))
}

#[test]
fn ipmitool_fences_with_every_suite_it_can_do() {
    // ipmitool 1.8.19 ends itself with an assertion on MD5-128, suites 11 and 12.
    for suite in EVERY_SUITE.into_iter().filter(|suite| ![11, 12].contains(suite)) {
        let bmc = Bmc::start(Settings::only_suite(suite));
        let number = suite.to_string();
        let interface = ["-I", "lanplus", "-C", &number];
        assert_eq!(ipmitool(&bmc, &interface, &["power", "status"]), ON, "suite {suite}");
        assert_eq!(ipmitool(&bmc, &interface, &["power", "off"]), WENT_OFF, "suite {suite}");
        assert!(!bmc.power(), "suite {suite}");
        assert_eq!((bmc.open_sessions(), bmc.controls()), (0, vec![0]), "suite {suite}");
        assert_eq!((bmc.count(Step::Unacceptable), bmc.count(Step::Replayed)), (0, 0), "suite {suite}");
    }
}

#[test]
fn freeipmi_fences_with_every_suite_and_a_password_of_full_length() {
    for suite in EVERY_SUITE {
        let password = "twenty bytes of it!!";
        let users = vec![User::new("admin", password, ADMINISTRATOR)];
        let bmc = Bmc::start(Settings { users, ..Settings::only_suite(suite) });
        assert!(freeipmi(&bmc, suite, password, "--stat").ends_with(": on"), "suite {suite}");
        assert!(freeipmi(&bmc, suite, password, "--off").ends_with(": ok"), "suite {suite}");
        assert!(!bmc.power(), "suite {suite}");
    }
}

#[test]
fn ipmitool_fences_over_1_5_with_each_authentication_type() {
    for (name, number) in
        [("NONE", auth_type::NONE), ("PASSWORD", auth_type::PASSWORD), ("MD5", auth_type::MD5)]
    {
        let bmc = Bmc::start(Settings::only_v15(number));
        assert_eq!(ipmitool(&bmc, &["-I", "lan", "-A", name], &["power", "off"]), WENT_OFF, "{name}");
        assert!(!bmc.power(), "{name}");
        assert_eq!(bmc.open_sessions(), 0, "{name}");
        assert!(bmc.commands().iter().all(|command| command.v20 != Some(true)));
    }
}

#[test]
fn a_suite_that_is_not_on_offer_is_refused() {
    let bmc = Bmc::start(Settings::only_suite(3));
    assert_ne!(ipmitool(&bmc, V17, &["power", "status"]), ON);
    assert_eq!(bmc.count(Step::Rakp1), 0);
}

#[test]
fn a_wrong_password_gets_no_session() {
    let bmc = Bmc::start(Settings { auth_types: vec![auth_type::MD5], ..Settings::default() });
    assert_ne!(ipmitool_as(&bmc, "wrong", V17, &["power", "status"]), ON);
    assert_ne!(ipmitool_as(&bmc, "wrong", MD5, &["power", "status"]), ON);
    assert!(bmc.count(Step::Unacceptable) > 0);
    assert!(bmc.commands().iter().all(|command| command.step != Step::ChassisStatus));
}

#[test]
fn the_key_kg_is_needed_where_one_is_set() {
    let kg = b"\x01\x02 a key of 20 ..\xfe\xff".to_vec();
    let hex: String = kg.iter().map(|byte| format!("{byte:02x}")).collect();
    let bmc = Bmc::start(Settings { kg, ..Settings::only_suite(17) });
    assert_ne!(ipmitool(&bmc, V17, &["power", "status"]), ON);
    assert_eq!(ipmitool(&bmc, &[V17, &["-y", &hex]].concat(), &["power", "status"]), ON);
}

#[test]
fn it_serves_ipv6() {
    let bmc = Bmc::start(Settings::only_suite(17).ipv6());
    assert_eq!(ipmitool(&bmc, V17, &["power", "status"]), ON);
}

#[test]
fn a_user_gets_no_more_than_his_privilege() {
    let users = vec![User::new("admin", "adminpw", USER)];
    let bmc = Bmc::start(Settings { users, ..Settings::only_suite(17) });
    let as_user = [V17, &["-L", "USER"]].concat();
    assert_eq!(ipmitool(&bmc, &as_user, &["power", "status"]), ON);
    assert!(ipmitool(&bmc, &as_user, &["power", "off"]).contains("nsufficient privilege"));
    assert_ne!(ipmitool(&bmc, V17, &["power", "status"]), ON);
    assert!(bmc.power());
    bmc.change(|settings| settings.users[0].limit = OPERATOR);
    assert_eq!(ipmitool(&bmc, &[V17, &["-L", "OPERATOR"]].concat(), &["power", "off"]), WENT_OFF);
}

#[test]
fn targets_behind_it_have_a_power_state_of_their_own() {
    for bridging in [Bridging::Separate, Bridging::Inside] {
        let bmc = Bmc::start(Settings { targets: vec![0x2c, 0x72], bridging, ..Settings::default() });
        for interface in [V17, MD5] {
            let bridged = [interface, &["-t", "0x72"]].concat();
            assert_eq!(
                ipmitool(&bmc, &bridged, &["power", "on"]),
                "Chassis Power Control: Up/On",
                "{bridging:?}"
            );
            assert_eq!(ipmitool(&bmc, &bridged, &["power", "off"]), WENT_OFF, "{bridging:?}");
            assert_eq!(ipmitool(&bmc, &bridged, &["power", "status"]), OFF, "{bridging:?}");
        }
        assert!(bmc.power() && bmc.target_power(0x2c) && !bmc.target_power(0x72));
    }
}

#[test]
fn power_takes_effect_later_never_or_not_for_long_as_told() {
    let bmc = Bmc::start(Settings::only_suite(17));
    bmc.change(|settings| settings.power.delay = Duration::from_secs(2));
    assert_eq!(ipmitool(&bmc, V17, &["power", "off"]), WENT_OFF);
    assert!(bmc.power() && until(Duration::from_secs(10), || !bmc.power()));
    let acknowledged =
        bmc.commands().into_iter().find(|command| command.step == Step::ChassisControl).unwrap().at;
    assert!(bmc.power_changes()[0].0 - acknowledged >= Duration::from_secs(2));

    bmc.set_power(true);
    bmc.change(|settings| settings.power = Power { effect: Effect::Nothing, ..Power::default() });
    assert_eq!(ipmitool(&bmc, V17, &["power", "off"]), WENT_OFF);
    assert!(bmc.power());

    bmc.change(|settings| settings.power.effect = Effect::Undone(Duration::from_millis(1)));
    let before = bmc.power_changes().len();
    assert_eq!(ipmitool(&bmc, V17, &["power", "off"]), WENT_OFF);
    assert!(until(Duration::from_secs(10), || bmc.power_changes().len() == before + 2 && bmc.power()));
}

#[test]
fn a_cycle_goes_off_and_on_or_only_says_so() {
    let bmc = Bmc::start(Settings::only_suite(17));
    assert_eq!(ipmitool(&bmc, V17, &["power", "cycle"]), "Chassis Power Control: Cycle");
    assert!(until(Duration::from_secs(10), || bmc.power_changes().len() == 2));
    assert_eq!(bmc.power_changes().iter().map(|(_, on)| *on).collect::<Vec<_>>(), [false, true]);
    assert!(ipmitool(&bmc, V17, &["chassis", "restart_cause"]).contains("chassis power control command"));
    bmc.change(|settings| settings.power.cycle_off = None);
    assert_eq!(ipmitool(&bmc, V17, &["power", "cycle"]), "Chassis Power Control: Cycle");
    assert_eq!(bmc.power_changes().len(), 2);
}

#[test]
fn a_state_already_there_can_be_refused() {
    let power = Power { refuses_same_state: true, ..Power::default() };
    let bmc = Bmc::start(Settings { on: false, power, ..Settings::only_suite(17) });
    assert!(ipmitool(&bmc, V17, &["power", "off"]).contains("not supported in present state"));
    assert_eq!(
        bmc.commands().iter().rfind(|command| command.step == Step::ChassisControl).unwrap().code,
        0xd5
    );
}

#[test]
fn a_lost_request_and_a_lost_answer_make_the_client_ask_again() {
    let rules =
        vec![Fault::RequestLost.at(Step::Any).times(1), Fault::AnswerLost.at(Step::ChassisStatus).times(1)];
    let bmc = Bmc::start(Settings { rules, ..Settings::only_suite(17) });
    assert_eq!(ipmitool(&bmc, V17, &["power", "status"]), ON);
    assert_eq!((bmc.count(Step::ChassisStatus), bmc.count(Step::AuthCapabilities)), (2, 2));
}

#[test]
fn refusals_strike_as_often_as_told_and_carry_nothing_out() {
    let rule = Fault::Refuse(0xc0).at(Step::ChassisControl).after(1).times(1);
    let bmc = Bmc::start(Settings::only_suite(17).rule(rule));
    let answers = (0..3).map(|_| ipmitool(&bmc, V17, &["power", "off"])).collect::<Vec<_>>();
    assert!(
        answers[0] == WENT_OFF && answers[1].contains("Node busy") && answers[2] == WENT_OFF,
        "{answers:?}"
    );
}

#[test]
fn sessions_left_open_use_up_the_slots() {
    let settings = Settings { session_slots: 1, ..Settings::only_suite(17) };
    let bmc = Bmc::start(settings.rule(Fault::RequestLost.at(Step::CloseSession)));
    assert!(ipmitool(&bmc, &[V17, ONCE].concat(), &["power", "status"]).contains(ON));
    assert_eq!(bmc.open_sessions(), 1);
    assert!(ipmitool(&bmc, &[V17, ONCE].concat(), &["power", "status"]).contains("nsufficient resources"));
    bmc.forget_sessions();
    assert!(ipmitool(&bmc, &[V17, ONCE].concat(), &["power", "status"]).contains(ON));
}

#[test]
fn a_reset_of_the_bmc_midway_leaves_the_client_without_a_session() {
    let bmc =
        Bmc::start(Settings::only_suite(17).rule(Fault::ForgetSessions.at(Step::ChassisStatus).times(1)));
    assert_ne!(ipmitool(&bmc, &[V17, ONCE].concat(), &["power", "status"]), ON);
    assert!(bmc.count(Step::NoSession) > 0);
}

#[test]
fn strays_that_ipmitool_tells_apart_do_not_spoil_its_answer() {
    for lie in [Lie::OtherRequest, Lie::OtherSession] {
        let bmc = Bmc::start(Settings::only_suite(17).rule(Fault::Before(lie).at(Step::ChassisStatus)));
        assert_eq!(ipmitool(&bmc, V17, &["power", "status"]).lines().next(), Some(ON), "{lie:?}");
    }
}

#[test]
fn a_wrong_handshake_code_is_wrong_to_ipmitool_too() {
    for step in [Step::Rakp1, Step::Rakp3] {
        let bmc = Bmc::start(Settings::only_suite(17).rule(Fault::Instead(Lie::HandshakeCode).at(step)));
        assert_ne!(ipmitool(&bmc, V17, &["power", "status"]), ON, "{step:?}");
        assert_eq!(bmc.count(Step::ChassisStatus), 0);
    }
}

#[test]
fn a_hook_has_the_last_word() {
    let mut left = 1;
    let bmc = Bmc::start(Settings {
        hook: Some(Box::new(move |step, drafts| {
            if step == Step::AuthCapabilities && left > 0 {
                left -= 1;
                drafts.clear();
            }
        })),
        ..Settings::only_suite(17)
    });
    assert_eq!(ipmitool(&bmc, V17, &["power", "status"]), ON);
    assert_eq!(bmc.count(Step::AuthCapabilities), 2);
}
