//! OpenIPMI's simulator, and what is done with it again and again.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::{Config, Session, Version};

/// A simulated BMC on a free port of the loopback, with its power state in a file.
pub(crate) struct Sim {
    child: Child,
    dir: PathBuf,
    pub(crate) addr: SocketAddr,
}

pub(crate) const KG: &str = "0123456789abcdefghi";

impl Sim {
    pub(crate) fn start(name: &str, address: &str, lan: &str) -> Sim {
        let port = UdpSocket::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let addr = SocketAddr::new(address.parse().unwrap(), port);
        let dir = std::env::temp_dir().join(format!("ipmi-client-{}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("state")).unwrap();
        fs::write(dir.join("power"), "1").unwrap();
        let control = dir.join("chassis");
        let script = format!(
            "#!/bin/sh\nf={}/power\ncase \"$2 $3\" in\n'get power') echo power:$(cat $f) ;;\n\
         'set power') echo $4 >$f.new && mv $f.new $f ;;\nesac\nexit 0\n",
            dir.display()
        );
        let mut file = fs::File::create(&control).unwrap();
        file.write_all(script.as_bytes()).unwrap();
        drop(file);
        let mode: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&control, mode).unwrap();
        let conf = format!(
            "name \"sim\"\nset_working_mc 0x20\nstartlan 1\naddr {address} {port}\npriv_limit admin\n\
         allowed_auths_callback none md2 md5 straight\nallowed_auths_user none md2 md5 straight\n\
         allowed_auths_operator none md2 md5 straight\nallowed_auths_admin none md2 md5 straight\n\
         guid a123456789abcdefa123456789abcdef\n{lan}\nendlan\nchassis_control \"{} 0x20\"\n\
         user 2 true \"admin\" \"adminpw\" admin 10 none md2 md5 straight\n\
         user 3 true \"viewer\" \"viewerpw\" user 10 none md2 md5 straight\n\
         user 4 true \"operator\" \"operatorpw\" operator 10 none md2 md5 straight\n",
            control.display()
        );
        fs::write(dir.join("lan.conf"), conf).unwrap();
        fs::write(
            dir.join("emu"),
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
         sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n\
         mc_add 0x30 0 no-device-sdrs 0x11 3 4 0x9f 0x1234 0x567 persist_sdr\nmc_enable 0x30\n",
        )
        .unwrap();
        let child = Command::new("ipmi_sim")
            .args(["-n", "-c"])
            .arg(dir.join("lan.conf"))
            .arg("-f")
            .arg(dir.join("emu"))
            .arg("-s")
            .arg(dir.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ipmi_sim (Debian package openipmi) is needed");
        let sim = Sim { child, dir, addr };
        sim.wait_until_up();
        sim
    }

    /// Asks for an RMCP presence pong until one comes.
    fn wait_until_up(&self) {
        let socket = UdpSocket::bind((self.addr.ip(), 0)).unwrap();
        socket.connect(self.addr).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let ping = [6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 1, 0, 0];
            if socket.send(&ping).and_then(|_| socket.recv(&mut [0; 64])).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("ipmi_sim does not come up");
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new(vec![self.addr]);
        config.username = "admin".into();
        config.password = Some(Secret::new("adminpw"));
        config
    }

    pub(crate) fn v20(&self, suite: u8) -> Config {
        Config { version: Version::V20, cipher: Some(suite), ..self.config() }
    }

    pub(crate) fn power(&self) -> String {
        fs::read_to_string(self.dir.join("power")).unwrap().trim().to_owned()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

pub(crate) fn switch_off_and_on(config: &Config, sim: &Sim) {
    let mut session = Session::open(config, soon()).unwrap();
    session.send(&ChassisControl::PowerDown, soon()).unwrap();
    assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert_eq!(sim.power(), "0");
    session.send(&ChassisControl::PowerUp, soon()).unwrap();
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert_eq!(sim.power(), "1");
    session.close();
}
