//! OpenIPMI's BMC simulator (Debian package `openipmi`), with a power switch of our own behind it.
//!
//! ```no_run
//! use peers::IpmiSim;
//! use std::time::Duration;
//!
//! let sim = IpmiSim::builder().user("admin", "adminpw").delay(Duration::from_millis(300)).start();
//! // ... fence 127.0.0.1, sim.port() ...
//! assert!(!sim.power());
//! assert_eq!(sim.commands()[0].what, "power 0");
//! ```

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::util::{Group, TempDir, free_udp_port, holds_udp_port, parse_seconds, until};

/// What the simulator shall be. Start with [`IpmiSim::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    user: String,
    password: String,
    privilege: String,
    auth_types: String,
    bmc_key: Option<String>,
    address: IpAddr,
    on: bool,
    delay: Duration,
    deaf: bool,
    satellite: Option<u8>,
    fru: Vec<u8>,
    pub(crate) extra: String,
    pub(crate) own_switch: bool,
}

impl Builder {
    /// The one user (default `admin`, `adminpw`). The simulator cuts a password after 19 bytes.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        (self.user, self.password) = (name.into(), password.into());
        self
    }

    /// The user's privilege: `user`, `operator` or `admin` (the default). `user` is refused power control.
    pub fn privilege(mut self, name: &str) -> Self {
        self.privilege = name.into();
        self
    }

    /// The IPMI 1.5 authentication types allowed, out of `none md2 md5 straight` (default: all of them).
    pub fn auth_types(mut self, names: &str) -> Self {
        self.auth_types = names.into();
        self
    }

    /// The key Kg. The simulator takes text, cut after 19 bytes and padded with NUL to 20.
    pub fn bmc_key(mut self, key: &str) -> Self {
        self.bmc_key = Some(key.into());
        self
    }

    /// Listens on `::1` instead of `127.0.0.1`.
    pub fn ipv6(mut self) -> Self {
        self.address = Ipv6Addr::LOCALHOST.into();
        self
    }

    /// Begins switched off.
    pub fn off(mut self) -> Self {
        self.on = false;
        self
    }

    /// Every power command is acknowledged at once and takes effect this much later.
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// Acknowledges every power command and does nothing.
    pub fn deaf(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// A second controller at this IPMB address: product 567h of maker 1234h, without a chassis.
    pub fn satellite(mut self, address: u8) -> Self {
        self.satellite = Some(address);
        self
    }

    /// With this inventory, as [`crate::bmc::Inventory::image`] makes one.
    pub fn fru(mut self, image: &[u8]) -> Self {
        self.fru = image.to_vec();
        self
    }

    /// Starts the simulator and returns once it holds its port.
    pub fn start(self) -> IpmiSim {
        for _ in 0..20 {
            let port = free_udp_port(self.address);
            let dir = TempDir::new("ipmi_sim");
            self.write_files(&dir, port);
            let mut command = Command::new("ipmi_sim");
            command.args(["-n", "-c", "lan.conf", "-f", "emu", "-s", "state"]).current_dir(dir.path());
            let output = fs::File::create(dir.path().join("output")).expect("a file for ipmi_sim's output");
            command.stdin(Stdio::null()).stderr(output.try_clone().expect("a second handle")).stdout(output);
            let mut process = Group::start(&mut command).expect("ipmi_sim (Debian package openipmi)");
            let up = until(Duration::from_secs(10), || process.ended() || holds_udp_port(process.id(), port));
            if up && !process.ended() && holds_udp_port(process.id(), port) {
                return IpmiSim { process, dir, address: SocketAddr::new(self.address, port) };
            }
        }
        panic!("ipmi_sim did not come up on any of 20 ports");
    }

    fn write_files(&self, dir: &TempDir, port: u16) {
        fs::create_dir(dir.path().join("state")).expect("a state directory");
        let auths =
            ["callback", "user", "operator", "admin"].iter().fold(String::new(), |mut text, level| {
                writeln!(text, "    allowed_auths_{level} {}", self.auth_types).expect("text");
                text
            });
        let key = self.bmc_key.as_ref().map_or(String::new(), |key| format!("    bmc_key \"{key}\"\n"));
        let switch = if self.own_switch {
            format!("  chassis_control \"{}/switch 0x20\"\n", dir.path().display())
        } else {
            String::new()
        };
        let lan = format!(
            "name \"peer\"\nset_working_mc 0x20\n  startlan 1\n    addr {} {port}\n    priv_limit admin\n{auths}    \
             guid a123456789abcdefa123456789abcdef\n{key}  endlan\n{switch}{}  \
             user 2 true \"{}\" \"{}\" {} 10 none md2 md5 straight\n",
            self.address, self.extra, self.user, self.password, self.privilege,
        );
        dir.write("lan.conf", &lan);
        let emu = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
                   sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n";
        let fru = if self.fru.is_empty() {
            String::new()
        } else {
            let bytes: Vec<String> = self.fru.iter().map(|byte| format!("{byte:#04x}")).collect();
            format!("mc_add_fru_data 0x20 0 {} data {}\n", self.fru.len(), bytes.join(" "))
        };
        let satellite = self.satellite.map_or(String::new(), |address| {
            format!(
                "mc_add {address:#x} 0 no-device-sdrs 0x11 3 4 0x9f 0x1234 0x567 persist_sdr\n\
                 mc_enable {address:#x}\n"
            )
        });
        dir.write("emu", &format!("{emu}{fru}{satellite}"));
        if self.on {
            dir.write("on", "");
        }
        dir.program("switch", &self.switch_script(dir));
    }

    /// Power is on where the file `on` exists: a state that can't be read half-written. A change that has to
    /// wait does so in the background, because the simulator itself stands still until the script ends.
    fn switch_script(&self, dir: &TempDir) -> String {
        let act = match (self.deaf, self.delay.is_zero()) {
            (true, _) => ":".to_owned(),
            (false, true) => "turn $4".to_owned(),
            (false, false) => {
                format!("( sleep {}; turn $4 ) </dev/null >/dev/null 2>&1 &", self.delay.as_secs_f64())
            }
        };
        format!(
            "#!/bin/sh\ncd '{}' || exit 1\nturn() {{ if [ \"$1\" = 1 ]; then : > on; else rm -f on; fi; }}\n\
             case \"$2 $3\" in\n'get power') if [ -e on ]; then echo power:1; else echo power:0; fi;;\n\
             'set '*) read -r up rest < /proc/uptime\necho \"$up $3 $4\" >> log\n\
             if [ \"$3\" = power ]; then {act}\nfi;;\nesac\n",
            dir.path().display(),
        )
    }
}

/// A running simulator. It and its directory go when this is dropped.
#[derive(Debug)]
pub struct IpmiSim {
    process: Group,
    dir: TempDir,
    address: SocketAddr,
}

/// One change that the simulator asked of its power switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When, on the clock of [`crate::util::uptime`].
    pub at: Duration,
    /// `power 0`, `power 1`, or another setting such as `reset 1`. A cycle is two changes.
    pub what: String,
}

impl IpmiSim {
    /// A simulator with user `admin`, password `adminpw`, powered on, on 127.0.0.1.
    pub fn builder() -> Builder {
        Builder {
            user: "admin".into(),
            password: "adminpw".into(),
            privilege: "admin".into(),
            auth_types: "none md2 md5 straight".into(),
            bmc_key: None,
            address: Ipv4Addr::LOCALHOST.into(),
            on: true,
            delay: Duration::ZERO,
            deaf: false,
            satellite: None,
            fru: Vec::new(),
            extra: String::new(),
            own_switch: true,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The process id of the simulator itself.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether its process has ended.
    pub fn ended(&mut self) -> bool {
        self.process.ended()
    }

    /// Whether the machine has power, read from the switch and not by IPMI.
    pub fn power(&self) -> bool {
        self.dir.path().join("on").exists()
    }

    /// Turns the switch by hand.
    pub fn set_power(&self, on: bool) {
        if on {
            self.dir.write("on", "");
        } else {
            let _ = fs::remove_file(self.dir.path().join("on"));
        }
    }

    /// What was asked of the switch so far, in order.
    pub fn commands(&self) -> Vec<Change> {
        let text = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(at, what)| Change { at: parse_seconds(at).expect("a time in the log"), what: what.into() })
            .collect()
    }

    /// What it printed, for a test that fails.
    pub fn output(&self) -> String {
        fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }

    /// Stops the whole simulator where it stands (`true`) or lets it run on: a BMC that hangs.
    pub fn freeze(&self, frozen: bool) {
        let signal = if frozen { libc::SIGSTOP } else { libc::SIGCONT };
        // SAFETY: kill takes two numbers; the process is our child and not reaped before drop.
        unsafe { libc::kill(self.process.id() as i32, signal) };
    }
}
