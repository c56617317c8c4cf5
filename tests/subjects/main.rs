//! What every agent has to do, on every simulated device that `peers::subject` has a row for: a test for each of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod cluster;
mod conformance;
mod killed;
mod know;
mod registry;
mod secrets;

/// A test for each behaviour, each a function of a row.
macro_rules! tests {
    ($row:path: $($suite:ident::{$($behaviour:ident),* $(,)?}),* $(,)?) => {
        $($(
            #[test]
            fn $behaviour() {
                crate::$suite::$behaviour(&$row);
            }
        )*)*
    };
}

macro_rules! suites {
    ($($subject:ident: $row:path),* $(,)?) => {
        $(mod $subject {
            tests! {
                $row:
                conformance::{
                    off_is_told_once_the_device_has_reported_it,
                    on_is_told_once_the_device_has_reported_it,
                    reboot_is_off_and_then_on_or_refused_where_there_is_none,
                    status_tells_both_states_and_sends_no_command,
                    monitor_succeeds_in_both_states_and_sends_no_command,
                    list_shows_the_plugs_or_is_refused_where_there_is_none,
                    two_plugs_are_switched_together_or_not_at_all,
                    a_plug_that_does_not_exist_is_in_no_state,
                    no_plug_is_switched_that_nobody_named,
                    a_wrong_login_is_refused_and_tried_once,
                    a_command_that_is_refused_is_no_success,
                    an_acknowledgement_without_effect_is_no_success,
                    a_machine_that_takes_its_time_is_waited_for_and_not_longer_than_power_timeout,
                    answers_that_come_late_are_waited_for,
                    silence_is_no_state,
                    a_port_where_nobody_listens_is_no_state,
                },
                cluster::{
                    a_device_that_is_silent_for_a_while_is_fenced_after_all,
                    reading_ends_by_itself,
                    an_acknowledgement_without_effect_is_waited_on_until_the_caller_ends_it,
                    a_state_that_changes_late_is_a_success_beyond_power_timeout,
                    the_names_that_a_cluster_sends_change_nothing,
                },
                secrets::{no_secret_gets_out_whatever_comes_of_the_login},
                killed::{
                    what_was_killed_at_any_step_is_finished_by_the_next,
                    who_is_told_to_end_leaves_no_process_behind,
                    a_record_is_whole_at_whatever_step_the_agent_was_killed,
                },
                know::{
                    explain_tells_what_would_be_sent_sends_nothing_and_fails,
                    explain_tells_programs_the_same,
                    explain_of_an_action_that_only_reads_succeeds,
                    explain_of_a_device_that_is_not_there_says_so_and_fails,
                    a_rehearsal_in_a_clusters_configuration_is_bad_input,
                    doctor_changes_nothing_and_finds_nothing_wrong_with_a_healthy_device,
                    doctor_calls_a_device_that_is_not_there_a_failure,
                    a_machine_that_tells_what_is_expected_is_fenced,
                    a_machine_that_tells_otherwise_is_sent_no_command,
                    what_identifies_nothing_can_not_be_expected,
                    each_action_leaves_one_record_with_every_field_and_no_secret,
                },
            }
        })*
    };
}

peers::each_subject!(suites);
