//! The three forms of a cluster. Each gives a list of what went wrong, so that an agent that does nothing can be
//! shown to go wrong in all of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use peers::agent::Finished;
use peers::cluster::{self, Cluster, NODE};
use peers::until;

use crate::devices::{Device, Row, bmc};

/// A check that didn't hold.
pub(crate) struct Failure {
    pub(crate) agent: &'static str,
    pub(crate) check: &'static str,
    pub(crate) why: String,
}

/// All that went wrong.
pub(crate) type Failures = Vec<Failure>;

/// The failures of one agent.
struct Report {
    agent: &'static str,
    failures: Failures,
}

impl Report {
    fn new(agent: &'static str) -> Report {
        Report { agent, failures: Vec::new() }
    }

    fn check(&mut self, what: &'static str, held: bool, why: impl FnOnce() -> String) {
        if !held {
            self.failures.push(Failure { agent: self.agent, check: what, why: why() });
        }
    }

    fn succeeded(&mut self, what: &'static str, done: &Finished) {
        self.check(what, done.code == Some(0), || format!("{:?} {}{}", done.code, done.stdout, done.stderr));
    }

    /// A program must have succeeded, and the device must be in this state now.
    fn switched(&mut self, what: &'static str, done: &Finished, device: &Device, on: bool) {
        self.succeeded(what, done);
        self.check(what, (device.is_on)() == on, || format!("on: {}", !on));
    }
}

/// Each row's work, all at once.
fn each(rows: &[Row], work: impl Fn(Row, &mut Report) + Sync) -> Failures {
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = rows
            .iter()
            .map(|row| {
                scope.spawn(move || {
                    let mut report = Report::new(row.agent);
                    work(*row, &mut report);
                    report.failures
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a row's thread")).collect()
    })
}

/// Does something, and looks all the while whether these devices are off, all of them at once.
fn watched<T>(devices: &[&Device], work: impl FnOnce() -> T) -> (T, bool) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            loop {
                let last = over.load(Ordering::Relaxed);
                let off = devices.iter().all(|device| !(device.is_on)());
                if off || last {
                    return off;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        (result, watch.join().expect("the watch"))
    })
}

/// The parameters and actions in metadata, in order, each as its line begins: Pacemaker alters some attributes.
fn tags(metadata: &str) -> Vec<&str> {
    metadata
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("<parameter ") || line.starts_with("<action "))
        .filter_map(|line| line.split('"').nth(1))
        .collect()
}

pub(crate) fn register(cluster: &Cluster, name: &str, agent: &str, options: &[(&str, String)]) -> Finished {
    let options = options.iter().flat_map(|(name, value)| ["-o".to_owned(), format!("{name}={value}")]);
    cluster.admin(["-R", name, "-a", agent].into_iter().map(str::to_owned).chain(options))
}

/// pacemaker-fenced by itself: every call that it makes of an agent.
pub(crate) fn alone(rows: &[Row]) -> Failures {
    let cluster = cluster::fenced_alone();
    each(rows, |row, report| {
        let node = format!("node-{}", row.agent);
        let name = format!("device-{}", row.agent);
        let device = row.device();
        let options = device.options_for(&[&node]);

        let described = cluster.admin(["-M", "-a", row.agent]);
        // Pacemaker adds the actions stop and start, for the resource.
        let like =
            if cluster::names().iter().any(|name| name == row.agent) { row.agent } else { "fence_ipmilan" };
        let file = cluster::project().join("metadata").join(like).with_extension("xml");
        let (ours, theirs) = (std::fs::read_to_string(file).expect("metadata"), &described.stdout);
        report.check("describe", tags(theirs).starts_with(&tags(&ours)), || {
            format!("{theirs}{}", described.stderr)
        });

        let validate = |options: &[(&str, String)]| {
            let options =
                options.iter().flat_map(|(name, value)| ["-o".to_owned(), format!("{name}={value}")]);
            cluster.admin(["-K", "-a", row.agent].into_iter().map(str::to_owned).chain(options))
        };
        report.succeeded("validate", &validate(&options));
        let wrong = validate(&[("ipport", "1".to_owned())]);
        report
            .check("validate nothing", wrong.code != Some(0), || format!("no address, and {}", wrong.stdout));

        report.succeeded("register", &register(&cluster, &name, row.agent, &options));
        report.succeeded("monitor", &cluster.admin(["-Q", &name]));
        let able = cluster.admin(["-l", &node]);
        report.check("can fence", able.stdout.contains(&name), || able.stdout.clone());
        if let Some(plug) = &device.plug {
            let targets = cluster.admin(["-s", &name]);
            report.check("targets", targets.stdout.lines().any(|target| target.contains(plug)), || {
                format!("{}{}", targets.stdout, targets.stderr)
            });
        }

        report.switched("off", &cluster.admin(["-F", &node]), &device, false);
        report.switched("off again", &cluster.admin(["-F", &node]), &device, false);
        report.switched("on", &cluster.admin(["-U", &node]), &device, true);
        let (done, went_off) = watched(&[&device], || cluster.admin(["-B", &node]));
        report.switched("reboot", &done, &device, row.reboots);
        report.check("reboot", went_off, || "it was never off".to_owned());
    })
}

/// corosync and pacemaker-fenced: a node with two power supplies (two devices on one level), and one with a spare
/// device for the case that the first fails (two levels).
pub(crate) fn levels(rows: &[Row]) -> Failures {
    let cluster = cluster::fenced_with_corosync();
    each(rows, |row, report| {
        let [twin, spare] = ["twin", "spare"].map(|node| format!("{node}-{}", row.agent));
        let [name, other, broken] = ["device", "other", "broken"].map(|name| format!("{name}-{}", row.agent));
        let (device, second) = (row.device(), bmc());
        let mut broken_options = second.options_for(&[&spare]);
        broken_options.retain(|(name, _)| *name != "password");
        broken_options.push(("password", "wrong".to_owned()));
        for (name, agent, options) in [
            (&name, row.agent, device.options_for(&[&twin, &spare])),
            (&other, "fence_ipmilan", second.options_for(&[&twin])),
            (&broken, "fence_ipmilan", broken_options),
        ] {
            report.succeeded("register", &register(&cluster, name, agent, &options));
        }
        for level in [
            vec!["-r", &twin, "-i", "1", "-v", &other, "-v", &name],
            vec!["-r", &spare, "-i", "1", "-v", &broken],
            vec!["-r", &spare, "-i", "2", "-v", &name],
        ] {
            report.succeeded("level", &cluster.admin(level));
        }

        let off = cluster.admin(["-F", &twin]);
        report.switched("both off", &off, &device, false);
        report.switched("both off", &off, &second, false);
        let on = cluster.admin(["-U", &twin]);
        report.switched("both on", &on, &device, true);
        report.switched("both on", &on, &second, true);
        let (reboot, together) = watched(&[&device, &second], || cluster.admin(["-B", &twin]));
        // The cluster leaves it to unfencing to switch on what it switches on by itself.
        report.switched("both rebooted", &reboot, &device, row.reboots);
        report.switched("both rebooted", &reboot, &second, true);
        report.check("both rebooted", together, || "they were never off at the same moment".to_owned());

        report.switched("second level off", &cluster.admin(["-F", &spare]), &device, false);
        report.switched("second level on", &cluster.admin(["-U", &spare]), &device, true);
        let (done, went_off) = watched(&[&device], || cluster.admin(["-B", &spare]));
        report.switched("second level reboot", &done, &device, row.reboots);
        report.check("second level reboot", went_off, || "it was never off".to_owned());

        let history = cluster.admin(["-H", &twin, "-V"]);
        report.check("history", history.stdout.contains(&format!("reboot of {twin} successful")), || {
            history.stdout.clone()
        });
    })
}

/// A whole cluster. Each row's node is in its configuration and has never been seen, so that the cluster itself
/// decides to fence it. `patience` bounds the wait for what the cluster does by itself.
pub(crate) fn whole(rows: &[Row], patience: Duration) -> Failures {
    let devices: Vec<(Row, Device)> = rows.iter().map(|row| (*row, row.device())).collect();
    let mut cib = Cib::default();
    for (row, device) in &devices {
        let node = format!("node-{}", row.agent);
        cib.node(&node);
        cib.fencing(&format!("device-{}", row.agent), row.agent, &device.options_for(&[&node]), false);
    }
    let cib = cib.finish();

    let all: Vec<&Device> = devices.iter().map(|(_, device)| device).collect();
    let seen: Vec<AtomicBool> = all.iter().map(|_| AtomicBool::new(false)).collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for (device, seen) in all.iter().zip(&seen) {
                    if !seen.load(Ordering::Relaxed) && !(device.is_on)() {
                        seen.store(true, Ordering::Relaxed);
                    }
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let cluster = cluster::whole(&cib);
        let failures = each(rows, |row, report| {
            let index = rows.iter().position(|other| other.agent == row.agent).expect("one of the rows");
            let device = all[index];
            let fenced = until(patience, || {
                thread::sleep(Duration::from_millis(20));
                seen[index].load(Ordering::Relaxed) && (device.is_on)() == row.reboots
            });
            report.check("fenced by the cluster", fenced, || "it was not".to_owned());
            let monitored = until(patience, || {
                thread::sleep(Duration::from_millis(200));
                is_monitored(row.agent)
            });
            report.check("started and monitored", monitored, status);
            let node = format!("node-{}", row.agent);
            report.switched("off", &cluster.admin(["-F", &node]), device, false);
            report.switched("on", &cluster.admin(["-U", &node]), device, true);
            let (done, went_off) = watched(&[device], || cluster.admin(["-B", &node]));
            report.switched("reboot", &done, device, row.reboots);
            report.check("reboot", went_off, || "it was never off".to_owned());
        });
        over.store(true, Ordering::Relaxed);
        failures
    })
}

/// Whether a resource was started and its recurring monitor has succeeded.
pub(crate) fn is_monitored(agent: &str) -> bool {
    let id = format!("id=\"device-{agent}_monitor_1000\"");
    let cib = cluster::run("/usr/sbin/cibadmin", ["-Q"]).stdout;
    cib.lines().any(|line| line.contains(&id) && line.contains("rc-code=\"0\""))
}

/// What the cluster thinks.
pub(crate) fn status() -> String {
    cluster::run("/usr/sbin/crm_mon", ["-1"]).stdout
}

/// A configuration for [`cluster::whole`].
#[derive(Default)]
pub(crate) struct Cib {
    nodes: String,
    resources: String,
}

impl Cib {
    /// Adds a node that corosync doesn't know.
    pub(crate) fn node(&mut self, name: &str) {
        self.nodes += &format!("<node id=\"{name}\" uname=\"{name}\"/>");
    }

    /// Adds a fencing resource that is monitored every second.
    pub(crate) fn fencing(&mut self, id: &str, agent: &str, options: &[(&str, String)], unfences: bool) {
        let options: String = options
            .iter()
            .map(|(name, value)| format!("<nvpair id=\"{id}-{name}\" name=\"{name}\" value=\"{value}\"/>"))
            .collect();
        let provides = if unfences {
            format!(
                "<meta_attributes id=\"{id}-meta\"><nvpair id=\"{id}-provides\" name=\"provides\" \
                 value=\"unfencing\"/></meta_attributes>"
            )
        } else {
            String::new()
        };
        self.resources += &format!(
            "<primitive id=\"{id}\" class=\"stonith\" type=\"{agent}\">{provides}\
             <instance_attributes id=\"{id}-options\">{options}</instance_attributes>\
             <operations><op id=\"{id}-monitor\" name=\"monitor\" interval=\"1s\" timeout=\"20s\"/></operations>\
             </primitive>"
        );
    }

    /// The configuration as the cluster's file has it.
    pub(crate) fn finish(&self) -> String {
        let Cib { nodes, resources } = self;
        format!(
            "<cib validate-with=\"pacemaker-3.0\" admin_epoch=\"0\" epoch=\"1\" num_updates=\"0\"><configuration>\
             <crm_config><cluster_property_set id=\"options\">\
             <nvpair id=\"options-deadtime\" name=\"dc-deadtime\" value=\"1s\"/>\
             <nvpair id=\"options-fencing\" name=\"stonith-enabled\" value=\"true\"/>\
             <nvpair id=\"options-at-once\" name=\"concurrent-fencing\" value=\"true\"/>\
             </cluster_property_set></crm_config>\
             <nodes><node id=\"1\" uname=\"{NODE}\"/>{nodes}</nodes>\
             <resources>{resources}</resources><constraints/></configuration><status/></cib>"
        )
    }
}
