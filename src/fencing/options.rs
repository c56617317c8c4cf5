//! The options that more than one agent has, each declared once, and the groups of them that belong together. Agents list
//! both, and change what differs.

use crate::fencing::option::{Kind, Opt};

/// What is to be done.
pub const ACTION: Opt = Opt::new("action", "action", Kind::Text, "What to do")
    .short('o')
    .suffix("=[action]")
    .default("reboot")
    .required();

/// Where the device is.
pub const IP: Opt =
    Opt::new("ip", "ip", Kind::Text, "Host name or IP address (IPv4 or IPv6) of the fence device")
        .short('a')
        .suffix("=[ip]")
        .old("ipaddr");

/// At which port it listens.
pub const IPPORT: Opt = Opt::new(
    "ipport",
    "ipport",
    Kind::Integer { min: 1, max: 65535 },
    "TCP or UDP port at which the fence device listens",
)
.short('u')
.suffix("=[port]");

/// Who logs in.
pub const USERNAME: Opt = Opt::new("username", "username", Kind::Text, "User name on the fence device")
    .short('l')
    .suffix("=[name]")
    .old("login");

/// With which password.
pub const PASSWORD: Opt = Opt::new("password", "password", Kind::Secret, "Password of that user")
    .short('p')
    .suffix("=[password]")
    .old("passwd");

/// Or with the password that a program prints.
pub const PASSWORD_SCRIPT: Opt = Opt::new(
    "password_script",
    "password-script",
    Kind::Text,
    "Shell command that prints the password; used in place of a password given directly",
)
.fills("password")
.short('S')
.suffix("=[script]")
.old("passwd_script");

/// The plug of an agent with one machine for each address.
pub const PLUG_AS_ADDRESS: Opt = Opt::new(
    "plug",
    "plug",
    Kind::Text,
    "Name of the node, which clusters always send: ignored, unless port_as_ip makes it the address of the fence device",
)
.short('n')
.suffix("=[ip]")
.old("port");

/// The plug of an agent whose device has several.
pub const PLUG: Opt =
    Opt::new("plug", "plug", Kind::Text, "Plug to act on: its number or its name on the fence device")
        .short('n')
        .suffix("=[id]")
        .old("port")
        .required();

/// Nothing on stderr.
pub const QUIET: Opt = Opt::new(
    "quiet",
    "quiet",
    Kind::Switch,
    "Print no messages on stderr; syslog and debug_file still get them",
)
.short('q');

/// Each step on stderr.
pub const VERBOSE: Opt = Opt::new(
    "verbose",
    "verbose",
    Kind::Switch,
    "Tell each step on stderr, with its time; given twice on the command line, each message of the protocol too",
)
.short('v');

/// The same as a number.
pub const VERBOSE_LEVEL: Opt = Opt::new(
    "verbose_level",
    "verbose-level",
    Kind::Integer { min: 0, max: 99 },
    "How much to tell: 0 only what goes wrong, 1 each step, 2 each message of the protocol; without it, the number of times that verbose was given",
);

/// The same into a file.
pub const DEBUG_FILE: Opt =
    Opt::new("debug_file", "debug-file", Kind::Text, "File to which each step is written as well")
        .short('D')
        .suffix("=[debugfile]")
        .old("debug");

/// The same into a file, by the name that one agent has for it.
pub const LOGFILE: Opt =
    Opt::new("logfile", "logfile", Kind::Text, "File to which each step is written as well").short('f');

/// The version.
pub const VERSION: Opt = Opt::new("version", "version", Kind::Switch, "Print the version and end").short('V');

/// The help.
pub const HELP: Opt = Opt::new("help", "help", Kind::Switch, "Print this help and end").short('h');

/// What stands between plugs.
pub const PLUG_SEPARATOR: Opt = Opt::new(
    "plug_separator",
    "plug-separator",
    Kind::Text,
    "What stands between the plugs where several are given",
)
.suffix("=[char]")
.default(",");

/// What stands between the columns of a listing.
pub const SEPARATOR: Opt =
    Opt::new("separator", "separator", Kind::Text, "What stands between the columns that list prints")
        .short('C')
        .suffix("=[char]")
        .default(",");

/// A time option of the engine.
const fn seconds(name: &'static str, long: &'static str, default: &'static str, text: &'static str) -> Opt {
    Opt::new(name, long, Kind::Seconds, text).suffix("=[seconds]").default(default)
}

/// Before anything is done.
pub const DELAY: Opt = seconds("delay", "delay", "0", "Time to wait before off or reboot begins");

/// No limits of our own.
pub const DISABLE_TIMEOUT: Opt = Opt::new(
    "disable_timeout",
    "disable-timeout",
    Kind::Truth,
    "Lift login_timeout, shell_timeout and power_timeout, because the caller keeps the time; true by default when Pacemaker calls",
)
.suffix("=[true/false]");

/// Until logged in.
pub const LOGIN_TIMEOUT: Opt = seconds(
    "login_timeout",
    "login-timeout",
    "5",
    "How long to try to reach the fence device and log in; 0 is no limit",
);

/// The plug is the address.
pub const PORT_AS_IP: Opt = Opt::new(
    "port_as_ip",
    "port-as-ip",
    Kind::Switch,
    "Take plug as the address of the fence device, in place of ip",
);

/// Until the wanted state is reported.
pub const POWER_TIMEOUT: Opt = seconds(
    "power_timeout",
    "power-timeout",
    "20",
    "How long the fence device may take to report the wanted state after a command; 0 is no limit",
);

/// After a command.
pub const POWER_WAIT: Opt = seconds(
    "power_wait",
    "power-wait",
    "0",
    "Time to wait after a command before the fence device is asked for its state",
);

/// One request.
pub const SHELL_TIMEOUT: Opt = seconds(
    "shell_timeout",
    "shell-timeout",
    "3",
    "How long a request may take once logged in; 0 is no limit",
);

/// Between two looks.
pub const STONITH_STATUS_SLEEP: Opt = seconds(
    "stonith_status_sleep",
    "stonith-status-sleep",
    "1",
    "Pause between two looks at the state. Where it isn't given, the first looks follow each other quickly and the pause grows to this",
);

/// Attempts to power on.
pub const RETRY_ON: Opt = Opt::new(
    "retry_on",
    "retry-on",
    Kind::Integer { min: 0, max: 1000 },
    "How often to try again where powering on failed",
)
.suffix("=[attempts]")
.default("1");

/// Through sudo: meaningless here.
pub const USE_SUDO: Opt = Opt::new(
    "use_sudo",
    "use-sudo",
    Kind::Switch,
    "No effect: no other program is started. Accepted so that existing configuration stays valid",
)
.old("sudo")
.no_effect();

/// The path of a program that isn't needed any more.
pub const fn tool_path(name: &'static str, long: &'static str) -> Opt {
    Opt::new(
        name,
        long,
        Kind::Text,
        "No effect: no other program is started. Accepted so that existing configuration stays valid",
    )
    .suffix("=[path]")
    .no_effect()
}

/// How reboot is done.
pub const METHOD: Opt = Opt::new(
    "method",
    "method",
    Kind::Choice(&["onoff", METHOD_CYCLE]),
    "How to reboot: onoff switches off, verifies, and switches on; cycle leaves it to the device, and succeeds only with evidence that the power really went",
)
.short('m')
.suffix("=[method]")
.default("onoff");

/// The method that leaves a reboot to the device.
pub const METHOD_CYCLE: &str = "cycle";

/// A cycle without evidence is accepted.
pub const UNPROVEN_CYCLE: Opt = Opt::new(
    "unproven_cycle",
    "unproven-cycle",
    Kind::Switch,
    "With method=cycle: accept the device's acknowledgement where nothing shows that the power went. A node that never went down then counts as fenced",
);

/// Rehearse.
pub const EXPLAIN: Opt = Opt::new(
    "explain",
    "explain",
    Kind::Switch,
    "Rehearse the action: find the fence device and its plugs, send no command, and tell what would be sent. An action that changes something then ends with exit code 1, and a cluster can't use this",
);

/// For programs.
pub const JSON: Opt =
    Opt::new("json", "json", Kind::Switch, "Print what explain, doctor and evidence tell as JSON");

/// What was done, for later.
pub const EVIDENCE_FILE: Opt = Opt::new(
    "evidence_file",
    "evidence-file",
    Kind::Text,
    "File to which each action appends one line of JSON: what was asked, each request with its answer, and the verdict. The journal gets the same",
)
.suffix("=[file]");

/// Which machine is meant, by its UUID.
pub const EXPECT_UUID: Opt = Opt::new(
    "expect_uuid",
    "expect-uuid",
    Kind::Text,
    "UUID of the machine, as explain shows it: a device that tells another one, or none, is sent no command",
)
.suffix("=[uuid]");

/// Which machine or disk is meant, by its serial number.
pub const EXPECT_SERIAL: Opt = Opt::new(
    "expect_serial",
    "expect-serial",
    Kind::Text,
    "Serial number of the machine, as explain shows it: a device that tells another one, or none, is sent no command",
)
.suffix("=[serial]");

/// Which machine, outlet or port is meant, by the name it has at the device.
pub const EXPECT_NAME: Opt = Opt::new(
    "expect_name",
    "expect-name",
    Kind::Text,
    "Asset tag of the machine, as explain shows it: a device that tells another one, or none, is sent no command",
)
.suffix("=[name]");

/// Which disks are meant, by their worldwide names.
pub const EXPECT_WWID: Opt = Opt::new(
    "expect_wwid",
    "expect-wwid",
    Kind::Text,
    "Worldwide names of all the devices, as explain shows them: devices that tell others, or none, are sent no command",
)
.suffix("=[wwid]");

/// Without effect: there is no other way.
pub const SSL: Opt = Opt::new(
    "ssl",
    "ssl",
    Kind::Switch,
    "HTTPS is always used, whatever is given here; the certificate is verified unless ssl_insecure is set",
)
.short('z')
.default("1");

/// Whoever answers.
pub const SSL_INSECURE: Opt = Opt::new(
    "ssl_insecure",
    "ssl-insecure",
    Kind::Switch,
    "Don't verify the certificate: whoever answers at the address gets the password. ssl_pin is the safe way with a self-signed certificate",
);

/// The default, said.
pub const SSL_SECURE: Opt =
    Opt::new("ssl_secure", "ssl-secure", Kind::Switch, "Verify the certificate, which is the default");

/// One certificate alone.
pub const SSL_PIN: Opt = Opt::new(
    "ssl_pin",
    "ssl-pin",
    Kind::Text,
    "SHA-256 of the one certificate to accept, in hexadecimal as openssl x509 -fingerprint -sha256 prints it. Its names, dates and signer then don't matter",
)
.suffix("=[sha256]");

/// Who may have signed the certificate.
pub const SSL_CA_FILE: Opt = Opt::new(
    "ssl_ca_file",
    "ssl-ca-file",
    Kind::Text,
    "PEM file, or directory of such files, with the authorities that may have signed the certificate. Without it those of REQUESTS_CA_BUNDLE in the environment count, otherwise the system's",
)
.suffix("=[file]");

/// What every agent has, and few readers look for. It stands last.
pub const COMMON: &[Opt] = &[
    QUIET,
    VERBOSE,
    VERBOSE_LEVEL,
    DEBUG_FILE,
    VERSION,
    HELP,
    PLUG_SEPARATOR,
    DELAY,
    DISABLE_TIMEOUT,
    LOGIN_TIMEOUT,
    POWER_TIMEOUT,
    POWER_WAIT,
    SHELL_TIMEOUT,
    STONITH_STATUS_SLEEP,
    RETRY_ON,
    EXPLAIN,
    JSON,
    EVIDENCE_FILE,
];

/// How a listing looks, for an agent whose device has several plugs.
pub const LISTING: &[Opt] = &[SEPARATOR];

/// Who logs in, and with which password.
pub const LOGIN: &[Opt] = &[USERNAME, PASSWORD, PASSWORD_SCRIPT];

/// With which password alone.
pub const PASSWORDS: &[Opt] = &[PASSWORD, PASSWORD_SCRIPT];

/// How a device reboots that can do so by itself.
pub const METHODS: &[Opt] = &[METHOD, UNPROVEN_CYCLE];

/// How a device that speaks TLS is recognised.
pub const TLS: &[Opt] = &[SSL, SSL_INSECURE, SSL_SECURE, SSL_PIN, SSL_CA_FILE];

/// Which machine is meant.
pub const EXPECT_MACHINE: &[Opt] = &[EXPECT_UUID, EXPECT_SERIAL, EXPECT_NAME];
