//! Runs the test BMC by hand, until it is interrupted: `test-bmc --port 9623 --suite 17`.

use std::time::Duration;

use peers::Bmc;
use peers::bmc::{ADMINISTRATOR, Settings, User, auth_type};

const USAGE: &str = "test-bmc [--port N] [--suite N,N,...] [--user NAME] [--password TEXT] [--kg TEXT] \
                     [--delay SECONDS] [--targets HEX,HEX,...] [--off] [--ipv6]";

fn main() {
    let mut settings = Settings {
        auth_types: vec![auth_type::NONE, auth_type::MD5, auth_type::PASSWORD],
        suites: vec![1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17],
        ..Settings::default()
    };
    let (mut user, mut password) = ("admin".to_owned(), "adminpw".to_owned());
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| usage(&flag));
        match flag.as_str() {
            "--port" => settings.port = value().parse().unwrap_or_else(|_| usage(&flag)),
            "--suite" => settings.suites = list(&value(), 10).unwrap_or_else(|| usage(&flag)),
            "--targets" => settings.targets = list(&value(), 16).unwrap_or_else(|| usage(&flag)),
            "--user" => user = value(),
            "--password" => password = value(),
            "--kg" => settings.kg = value().into_bytes(),
            "--delay" => {
                let seconds = value().parse().ok().and_then(|time| Duration::try_from_secs_f64(time).ok());
                settings.power.delay = seconds.unwrap_or_else(|| usage(&flag));
            }
            "--off" => settings.on = false,
            "--ipv6" => settings = settings.ipv6(),
            _ => usage(&flag),
        }
    }
    settings.users = vec![User::new(&user, password, ADMINISTRATOR)];
    let bmc = Bmc::start(settings);
    println!("test-bmc listens on {}", bmc.address());
    let (mut seen, mut power) = (0, bmc.power());
    println!("power is {}", if power { "on" } else { "off" });
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let commands = bmc.commands();
        for command in &commands[seen..] {
            println!("{:02x}h: {:?}, completion code {:02x}h", command.target, command.step, command.code);
        }
        seen = commands.len();
        if bmc.power() != power {
            power = !power;
            println!("power is {}", if power { "on" } else { "off" });
        }
    }
}

fn list(text: &str, radix: u32) -> Option<Vec<u8>> {
    text.split(',').map(|part| u8::from_str_radix(part.trim_start_matches("0x"), radix).ok()).collect()
}

fn usage(flag: &str) -> ! {
    eprintln!("test-bmc: {flag}\n{USAGE}");
    std::process::exit(1);
}
