//! A QEMU guest behind [`IpmiSim`]: switching it off kills a process, switching it on starts another.
//!
//! ```no_run
//! let machine = peers::Machine::start();
//! let before = machine.pid().expect("running");
//! // ... reboot it through 127.0.0.1, machine.port() ...
//! assert_ne!(machine.pid(), Some(before));
//! ```

use std::fs;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::ipmi_sim::{Builder, IpmiSim};
use crate::util::{free_tcp_port, until};

/// A virtual machine (64 MiB, emulated processor, nothing to boot) and its BMC. User `admin`, password
/// `adminpw`. Needs the Debian packages `openipmi` and `qemu-system-x86`.
#[derive(Debug)]
pub struct Machine {
    sim: Option<IpmiSim>,
    name: String,
}

impl Machine {
    /// Starts both and returns once the machine runs and has found its BMC.
    pub fn start() -> Machine {
        Machine::start_with(IpmiSim::builder())
    }

    /// The same with a BMC set up by the caller. The options about the power switch have no effect here.
    pub fn start_with(mut builder: Builder) -> Machine {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("peer-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        builder.own_switch = false;
        for _ in 0..5 {
            let serial = free_tcp_port(Ipv4Addr::LOCALHOST.into());
            builder.extra = format!(
                "  serial 15 127.0.0.1 {serial} codec VM\n  startcmd \"qemu-system-x86_64 -name {name} \
                 -accel tcg -m 64 -display none -nodefaults \
                 -chardev socket,id=ipmi0,host=127.0.0.1,port={serial},reconnect=1 \
                 -device ipmi-bmc-extern,id=bmc0,chardev=ipmi0 -device isa-ipmi-bt,bmc=bmc0\"\n  \
                 startnow true\n  poweroff_wait 2\n  kill_wait 2\n"
            );
            let sim = builder.clone().start();
            let machine = Machine { sim: Some(sim), name: name.clone() };
            if until(Duration::from_secs(20), || machine.pid().is_some()) {
                return machine;
            }
        }
        panic!("no virtual machine came up behind ipmi_sim");
    }

    /// The BMC in front of it.
    pub fn sim(&self) -> &IpmiSim {
        self.sim.as_ref().expect("present until dropped")
    }

    /// The BMC's UDP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.sim().port()
    }

    /// The process that is this machine, or `None` while it has no power.
    pub fn pid(&self) -> Option<i32> {
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(|pid| self.is_ours(*pid))
    }

    fn is_ours(&self, pid: i32) -> bool {
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let mut words = line.split(|byte| *byte == 0);
        words.next().is_some_and(|program| program.ends_with(b"qemu-system-x86_64"))
            && words.any(|word| word == self.name.as_bytes())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The simulator first, lest it start the machine again.
        self.sim = None;
        if let Some(pid) = self.pid() {
            // SAFETY: kill takes two numbers; the process was just found to bear this machine's own name.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}
