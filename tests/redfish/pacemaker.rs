//! Called by Pacemaker's fencer, which keeps the time itself: every request is bounded and repeated, waiting goes on
//! until the caller ends it, reading stays bounded.

use std::time::Duration;

use peers::redfish::{Act, Rule, Setup};

use super::*;

#[test]
fn a_command_that_gets_no_answer_is_sent_again_until_the_caller_ends_it() {
    std::thread::scope(|scope| {
        // A status that is there counts, whatever becomes of the rest: that command was acknowledged.
        for (act, least) in [(Act::Silence, 2), (Act::DripHead, 1)] {
            scope.spawn(move || {
                let server = with_rule(Rule::new("POST", RESET, act));
                let agent = agent(&server, "off").options([("power_timeout", "1")]).under_pacemaker();
                let done = agent.limit(Duration::from_secs(13)).run();
                assert!(done.killed, "{}", done.stderr);
                assert!((least..=3).contains(&posts(&server)), "{}", posts(&server));
                assert_eq!(done.stdout, "");
                assert!(server.is_on(SYSTEM));
            });
        }
    });
}

#[test]
fn a_service_that_comes_back_after_a_while_is_fenced_through() {
    for (method, path) in [("GET", "/redfish/v1"), ("GET", SYSTEM), ("POST", RESET)] {
        let server = with_rule(Rule::new(method, path, Act::Silence).times(1));
        let agent = agent(&server, "off").options([("login_timeout", "1"), ("power_timeout", "1")]);
        assert_done(&agent.under_pacemaker().run(), OFF);
        assert!(!server.is_on(SYSTEM), "{method} {path}");
    }
}

#[test]
fn a_state_that_never_changes_is_waited_for_until_the_caller_ends_it() {
    let server = Setup { delay: Duration::from_secs(600), ..usual() }.start();
    let agent = agent(&server, "off").options([("power_timeout", "1")]).under_pacemaker();
    let done = agent.limit(Duration::from_secs(5)).run();
    assert!(done.killed, "{}", done.stderr);
    assert_eq!((posts(&server), done.stdout.as_str()), (1, ""));
    let looks = server.requests().len();
    assert!((8..=40).contains(&looks), "{looks} requests in 5 s");
}

#[test]
fn reading_ends_by_itself_although_the_limits_are_lifted() {
    std::thread::scope(|scope| {
        for (action, act) in [
            ("status", Act::Silence),
            ("monitor", Act::Drip),
            ("status", Act::error(503, "X.1.Busy", "Busy.")),
            ("list", Act::Close),
        ] {
            scope.spawn(move || {
                let server = with_rule(Rule::new("GET", SYSTEM, act));
                let done = agent(&server, action).under_pacemaker().run();
                assert_failed(&done, "");
                assert!(server.requests().len() > 3, "asked again: {:?}", server.log());
            });
        }
    });
}

#[test]
fn a_node_name_with_every_action_changes_nothing() {
    for plug in ["port", "plug"] {
        let server = usual().start();
        for (action, stdout) in [("status", "Status: ON\n"), ("off", OFF), ("reboot", "Success: Rebooted\n")]
        {
            let options = [(plug, "node1"), ("nodename", "node1"), ("pcmk_host_map", "node1:1")];
            assert_done(&agent(&server, action).options(options).under_pacemaker().run(), stdout);
        }
    }
}
