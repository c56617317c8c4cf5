//! What the shared suites need to know of an agent: one simulated device that it fences, with its truth and its faults.
//!
//! A new agent gets a file here with its [`Row`], and a line in [`each_subject!`](crate::each_subject); the suites in
//! `tests/subjects` then have its tests.

/// The part of a [`Device`] that its gate does, in the field `gate`.
macro_rules! behind_a_gate {
    () => {
        fn requests(&self) -> usize {
            self.gate.requests()
        }

        fn recover(&self) {
            self.gate.recover();
        }

        fn hold(&self, step: usize, fate: Fate) {
            self.gate.hold(step, fate);
        }

        fn holds(&self) -> bool {
            self.gate.holds()
        }

        fn release(&self) {
            self.gate.release();
        }
    };
}

pub mod console;
pub mod console_boards;
pub mod gate;
pub mod ipmi;
pub mod redfish;
pub mod scsi;
pub mod snmp;

use std::time::{Duration, Instant};

use crate::Agent;

/// What is wrong with a device, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It refuses every command.
    Refuses,
    /// It acknowledges every command and follows none.
    Ignores,
    /// It acknowledges every command, and follows it so much later.
    Slow(Duration),
    /// Whatever it answers comes so much later.
    Late(Duration),
    /// It answers nothing, until [`Device::recover`].
    Silent,
}

/// What becomes of a request at which the agent was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The device gets it after all.
    Arrives,
    /// It never arrives.
    Lost,
}

/// The device under test, as seen behind the agent's back.
pub trait Device: Send + Sync {
    /// Whether this plug (by its place in [`Subject::plugs`], 0 where there are none) has power: the truth.
    fn is_on(&self, plug: usize) -> bool;

    /// Gives it power or takes it, by no command.
    fn set(&self, plug: usize, on: bool);

    /// Its states, each with the moment from which on it was in it; `None` where no more is known than the one of now.
    fn changes(&self, _plug: usize) -> Option<Vec<(Instant, bool)>> {
        None
    }

    /// How many commands for a state have reached the device.
    fn commands(&self) -> usize;

    /// How many requests have come, of any kind.
    fn requests(&self) -> usize;

    /// How often a login was tried that was refused: what locks an account. `None` where the device keeps no count.
    fn refused_logins(&self) -> Option<usize>;

    /// Ends [`Fault::Silent`]: what was asked meanwhile is lost.
    fn recover(&self);

    /// Holds request number `step` (from 0, of those to come) on its way, until [`Device::release`].
    fn hold(&self, step: usize, fate: Fate);

    /// Whether that request is being held.
    fn holds(&self) -> bool;

    /// Lets it have its fate.
    fn release(&self);
}

/// An agent, and a device of its own, which is switched on.
pub struct Subject {
    /// For messages: the agent, on what.
    pub name: &'static str,
    /// The agent, by its name or by the path of a program that runs it.
    pub agent: String,
    /// Where the device is and how the agent logs in, as on stdin; no plug among them.
    pub options: Vec<(&'static str, String)>,
    /// Those that lead to a place where nobody listens.
    pub dead: Vec<(&'static str, String)>,
    /// The actions that send commands, and that this agent has.
    pub actions: &'static [&'static str],
    /// What the device calls its plugs, where it has several. The first is the one that is fenced.
    pub plugs: Vec<String>,
    /// The option that names one of them.
    pub plug_option: &'static str,
    /// What no plug of the device is called.
    pub missing_plug: &'static str,
    /// Lines that `list` prints.
    pub list: Vec<String>,
    /// What the agent says of a command that was acknowledged and not followed.
    pub ignored: &'static str,
    /// A login that is refused.
    pub wrong_login: Vec<(&'static str, String)>,
    /// What must be shown nowhere.
    pub secrets: Vec<&'static str>,
    /// Each option that says which machine is meant, with the right value and a wrong one.
    pub pins: Vec<(&'static str, String, String)>,
    /// What explain says of this device.
    pub told: Vec<&'static str>,
    /// The exit code of doctor while all is well: 0, or 3 for what this device can't do better.
    pub health: i32,
    /// What a success of `off` rests on, in the word of evidence.
    pub proof: &'static str,
    /// The part of the fault campaign that its protocol has; `subjects`, which plays every one, where it has none.
    pub campaign: &'static str,
    /// Who runs the examples of the agent's help against it.
    pub reader: Reader,
    /// The device itself.
    pub device: Box<dyn Device>,
}

/// Who runs the examples of help and man page: what they name that is a reader's own (address, user, secret, plug), as it
/// is here. The address is that of [`Subject::options`].
#[derive(Default)]
pub struct Reader {
    /// Who logs in, in place of `admin`.
    pub user: &'static str,
    /// What `/etc/fence.secret` holds.
    pub secret: &'static str,
    /// Other texts of the examples, and what stands in their place.
    pub own: Vec<(&'static str, String)>,
    /// What is in the environment beside PATH.
    pub environment: Vec<(&'static str, String)>,
}

impl Subject {
    /// The options that find the device and name its first plug, as on stdin.
    pub fn options_with_plug(&self) -> Vec<(&'static str, String)> {
        let plug = self.plugs.first().map(|plug| (self.plug_option, plug.clone()));
        self.options.iter().cloned().chain(plug).collect()
    }

    /// The agent, about to do this to the first plug, asked as a cluster asks.
    pub fn agent(&self, action: &str) -> Agent {
        let agent = self.agent_without_a_plug(action);
        match self.plugs.first() {
            Some(plug) => agent.options([(self.plug_option, plug)]),
            None => agent,
        }
    }

    /// The agent without a word on what it is to be done to.
    pub fn agent_without_a_plug(&self, action: &str) -> Agent {
        Agent::called(&self.agent, &self.agent)
            .options([("action", action)])
            .options(self.options.iter().map(|(name, value)| (*name, value.as_str())))
            .limit(Duration::from_secs(120))
    }

    /// The agent's own name, also where it is given by a path.
    pub fn agent_name(&self) -> &str {
        self.agent.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the agent has this action that sends commands.
    pub fn can(&self, action: &str) -> bool {
        self.actions.contains(&action)
    }

    /// Whether the first plug is on.
    pub fn is_on(&self) -> bool {
        self.device.is_on(0)
    }

    /// How many commands have reached the device.
    pub fn commands(&self) -> usize {
        self.device.commands()
    }
}

/// What a device can't do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// It has one machine, and whatever plug is named is that one.
    Plugs,
    /// It has several, and one run is about one of them.
    TwoPlugsAtOnce,
    /// It has no list.
    List,
    /// Nobody logs in.
    Login,
    /// It isn't told how often a login was refused.
    LoginCount,
    /// It refuses no command.
    Refuses,
    /// It follows every command that it acknowledges.
    Ignores,
    /// It has followed a command when it acknowledges it.
    Slow,
    /// What hangs goes on hanging, and its agent gives up so that the cluster can take its next device.
    Recovers,
    /// Where it is isn't said by an address.
    Address,
    /// It takes too long to start to be had anew for each step of a run.
    Steps,
    /// A cluster can't name its plugs, or what comes of them can't be seen there.
    Cluster,
    /// The original doesn't know it, or fences it in a way that isn't ours.
    Original,
}

/// Why a device can't do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// This one can't, for this reason; another one of the agent's can.
    Device(&'static str),
    /// None of the agent's can: what it takes isn't in its protocol, or with its original.
    Protocol(&'static str),
}

impl Why {
    /// The reason.
    pub fn reason(self) -> &'static str {
        let (Why::Device(reason) | Why::Protocol(reason)) = self;
        reason
    }
}

/// How a [`Subject`] is had.
pub struct Row {
    /// Its name, as in [`Subject::name`].
    pub name: &'static str,
    /// The agent's name.
    pub agent: &'static str,
    /// What its device can't do, and why.
    pub lacks: &'static [(Lack, Why)],
    /// A new device with this fault.
    pub start: fn(Fault) -> Subject,
}

impl Row {
    /// A new device that does as it should.
    pub fn subject(&self) -> Subject {
        (self.start)(Fault::None)
    }

    /// Whether its device lacks this.
    pub fn lacks(&self, lack: Lack) -> bool {
        self.lacks.iter().any(|(one, _)| *one == lack)
    }
}

/// Calls a macro with the name of every subject: the one list of them.
#[macro_export]
macro_rules! each_subject {
    ($suites:ident) => {
        $suites! {
            ipmilan_on_the_test_bmc: $crate::subject::ipmi::TEST_BMC,
            ipmilan_on_ipmi_sim: $crate::subject::ipmi::IPMI_SIM,
            redfish_on_the_test_service: $crate::subject::redfish::TEST_SERVICE,
            redfish_on_sushy: $crate::subject::redfish::SUSHY,
            apc_snmp_on_a_power_unit: $crate::subject::snmp::POWER_UNIT,
            tripplite_snmp_on_a_power_unit: $crate::subject::snmp::TRIPP_LITE,
            eaton_snmp_on_an_epdu: $crate::subject::snmp::EATON,
            emerson_on_a_power_unit: $crate::subject::snmp::EMERSON,
            ipdu_on_a_power_unit: $crate::subject::snmp::IPDU,
            ibmblade_on_a_blade_center: $crate::subject::snmp::BLADE_CENTER,
            intelmodular_on_a_modular_server: $crate::subject::snmp::MODULAR_SERVER,
            snmp_pdu_on_a_power_unit: $crate::subject::snmp::SNMP_PDU,
            ifmib_on_a_switch: $crate::subject::snmp::SWITCH,
            cisco_mds_on_a_switch: $crate::subject::snmp::FABRIC,
            lindypdu_on_a_power_unit: $crate::subject::snmp::LINDY_UNIT,
            apc_over_telnet: $crate::subject::console::APC,
            ilo_ssh_over_ssh: $crate::subject::console::ILO_SSH,
            ilo_ssh_over_telnet: $crate::subject::console::ILO,
            bladecenter_over_telnet: $crate::subject::console::BLADECENTER,
            wti_over_telnet: $crate::subject::console::WTI,
            netio_on_its_port: $crate::subject::console::NETIO,
            drac_over_telnet: $crate::subject::console_boards::DRAC,
            drac5_on_a_cmc: $crate::subject::console_boards::CMC,
            rsa_over_telnet: $crate::subject::console_boards::RSA,
            hpblade_over_telnet: $crate::subject::console_boards::HPBLADE,
            hds_cb_over_telnet: $crate::subject::console_boards::COMPUTE_BLADE,
            rsb_over_telnet: $crate::subject::console_boards::RSB,
            ilo_mp_over_telnet: $crate::subject::console_boards::ILO_MP,
            scsi_on_a_simulated_disk: $crate::subject::scsi::DISK,
        }
    };
}

macro_rules! rows {
    ($($name:ident: $row:path),* $(,)?) => {
        /// Every row.
        pub const ROWS: &[&Row] = &[$(&$row),*];
    };
}

each_subject!(rows);

/// The subjects of an agent under one of its names: those of the name, otherwise those of the agent.
///
/// # Panics
/// Where it has none.
pub fn of(agent: &str, name: &str) -> Vec<&'static Row> {
    let under = |name: &str| ROWS.iter().copied().filter(|row| row.agent == name).collect::<Vec<_>>();
    let its = [under(name), under(agent)].into_iter().find(|its| !its.is_empty());
    its.unwrap_or_else(|| panic!("{agent} has no subject"))
}

/// Options in the form of [`Subject::options`].
fn options<const COUNT: usize>(options: [(&'static str, &str); COUNT]) -> Vec<(&'static str, String)> {
    options.map(|(name, value)| (name, value.to_owned())).to_vec()
}

/// Pins in the form of [`Subject::pins`].
fn pins<const COUNT: usize>(
    rows: [(&'static str, &str, &str); COUNT],
) -> Vec<(&'static str, String, String)> {
    rows.map(|(option, right, wrong)| (option, right.to_owned(), wrong.to_owned())).to_vec()
}
