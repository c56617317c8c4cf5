//! Commands of the chassis (28).

use super::command::{Command, Request, netfn};

fn request(name: &'static str, command: u8, data: Vec<u8>) -> Request {
    Request { name, netfn: netfn::CHASSIS, lun: 0, command, data }
}

fn bit(byte: u8, number: u8) -> bool {
    byte >> number & 1 == 1
}

/// Get Chassis Status (28.2). Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct GetChassisStatus;

/// What the chassis says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChassisStatus {
    /// The system power is on (S0, S1 or at least not S4/S5).
    pub power_on: bool,
    /// The system was shut down by a power overload.
    pub overload: bool,
    /// The power is cut by an interlock switch.
    pub interlock: bool,
    /// A fault in the main power subsystem.
    pub power_fault: bool,
    /// The attempt to switch the power on or off failed.
    pub control_fault: bool,
    /// What happens when the mains return.
    pub restore_policy: RestorePolicy,
    /// What the last power event was.
    pub last_event: PowerEvents,
    /// The cover is open.
    pub intrusion: bool,
    /// The power and reset buttons are locked.
    pub front_panel_lockout: bool,
    /// A drive has failed.
    pub drive_fault: bool,
    /// A fan has failed or it is too hot.
    pub cooling_fault: bool,
}

/// What happens when the mains return (28.2, byte 2, bits 6:5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestorePolicy {
    /// Stays off.
    StaysOff,
    /// As it was.
    Restored,
    /// Always on.
    PowersUp,
    /// Unknown.
    Unknown,
}

/// The last power event (28.2, byte 3). Several bits may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerEvents {
    /// The byte as it came: two readings differ if anything in it does.
    pub raw: u8,
    /// The mains failed.
    pub ac_failed: bool,
    /// Cut by an overload.
    pub overload: bool,
    /// Cut by an interlock.
    pub interlock: bool,
    /// Cut by a fault.
    pub fault: bool,
    /// Last switched on by an IPMI command.
    pub on_by_command: bool,
}

impl Command for GetChassisStatus {
    type Reply = ChassisStatus;

    fn request(&self) -> Request {
        request("Get Chassis Status", 0x01, Vec::new())
    }

    fn parse(data: &[u8]) -> Result<ChassisStatus, &'static str> {
        let [power, event, state, ..] = *data else {
            return Err("the reply has fewer than three bytes");
        };
        Ok(ChassisStatus {
            power_on: bit(power, 0),
            overload: bit(power, 1),
            interlock: bit(power, 2),
            power_fault: bit(power, 3),
            control_fault: bit(power, 4),
            restore_policy: match power >> 5 & 0x03 {
                0 => RestorePolicy::StaysOff,
                1 => RestorePolicy::Restored,
                2 => RestorePolicy::PowersUp,
                _ => RestorePolicy::Unknown,
            },
            last_event: PowerEvents {
                raw: event,
                ac_failed: bit(event, 0),
                overload: bit(event, 1),
                interlock: bit(event, 2),
                fault: bit(event, 3),
                on_by_command: bit(event, 4),
            },
            intrusion: bit(state, 0),
            front_panel_lockout: bit(state, 1),
            drive_fault: bit(state, 2),
            cooling_fault: bit(state, 3),
        })
    }
}

/// Chassis Control (28.3). Needs the privilege level operator. A success says that the BMC took the command, not
/// that anything has happened yet.
///
/// Two are absent on purpose: hard reset (3) leaves the power on, and soft shutdown (5) asks the operating system, which
/// may be the one that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChassisControl {
    /// Off at once.
    PowerDown = 0,
    /// On.
    PowerUp = 1,
    /// Off, a pause of at least one second, on. Some BMCs refuse it (D5h) when the power is off.
    PowerCycle = 2,
    /// Diagnostic interrupt, as an NMI, for a crash dump.
    DiagnosticInterrupt = 4,
}

impl Command for ChassisControl {
    type Reply = ();

    fn request(&self) -> Request {
        let name = match self {
            ChassisControl::PowerDown => "Chassis Control (power down)",
            ChassisControl::PowerUp => "Chassis Control (power up)",
            ChassisControl::PowerCycle => "Chassis Control (power cycle)",
            ChassisControl::DiagnosticInterrupt => "Chassis Control (diagnostic interrupt)",
        };
        request(name, 0x02, vec![*self as u8])
    }

    fn may_be_repeated(&self) -> bool {
        *self != ChassisControl::PowerCycle
    }

    fn parse(_: &[u8]) -> Result<(), &'static str> {
        Ok(())
    }
}

/// Get System Restart Cause (28.11). Needs the privilege level user; optional, so many BMCs lack it (C1h).
#[derive(Clone, Copy, Debug)]
pub struct GetSystemRestartCause;

/// Why the system last started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartCause {
    /// The cause (table 28-11): see [`RestartCause::words`].
    pub cause: u8,
    /// The channel that the command came from, where the cause is a command.
    pub channel: u8,
}

impl RestartCause {
    /// The cause in words.
    pub fn words(self) -> &'static str {
        match self.cause {
            0x0 => "unknown",
            0x1 => "Chassis Control command",
            0x2 => "reset button",
            0x3 => "power button",
            0x4 => "watchdog",
            0x5 => "a cause of the maker's",
            0x6 => "mains returned, always on",
            0x7 => "mains returned, as it was",
            0x8 => "reset by platform event filter",
            0x9 => "power cycle by platform event filter",
            0xA => "soft reset",
            0xB => "real-time clock",
            _ => "reserved",
        }
    }
}

impl Command for GetSystemRestartCause {
    type Reply = RestartCause;

    fn request(&self) -> Request {
        request("Get System Restart Cause", 0x07, Vec::new())
    }

    fn parse(data: &[u8]) -> Result<RestartCause, &'static str> {
        match *data {
            [cause, channel, ..] => Ok(RestartCause { cause: cause & 0x0F, channel }),
            _ => Err("the reply has fewer than two bytes"),
        }
    }
}
