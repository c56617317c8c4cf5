//! fence_scsi against simulated disks.
//!
//! The real program runs; what it hands to the SG_IO ioctl goes to units of this process ([`lun`]), which know the
//! truth. `tests/sg-device` stands in between, preloaded into the agent. A child that waits for an answer here can
//! be killed, other than one that waits inside the kernel: what the agent does with that is tested in a virtual
//! machine, with the kernel's own target (`tests/fence_scsi`).

pub mod lun;
mod plan;
mod rack;
mod scene;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Case, Dice, Field, History, Report, Station, Verdict};
use crate::{Agent, Finished, TempDir};

pub use rack::Rack;
pub use scene::{Act, Change, Done, Met, What, Wire};

use plan::{Call, Plan};
use wire::Sockets;

/// The agent of this part.
const AGENT: &str = "fence_scsi";

/// What the cluster manager lets an agent run in these tests, where it lifts the limits.
const PATIENCE: Duration = Duration::from_secs(12);
const PATIENCE_WITH_HANGS: Duration = Duration::from_secs(45);

/// The longest that a single request may take where the limits are lifted: what the agent allows the work on all
/// disks at once, and what a busy machine adds.
const LONGEST_REQUEST: Duration = Duration::from_secs(33);

/// How long an action that only reads may take where the limits are lifted, with the same addition.
const LONGEST_READING: Duration = Duration::from_secs(23);

/// Who loses is run again after this time.
const SECOND_TRY: Duration = Duration::from_secs(1);

/// The part of the campaign for fence_scsi.
pub(super) struct Scsi {
    agent: PathBuf,
}

impl Scsi {
    /// With the agent in this directory.
    pub(super) fn new(agents: &Path) -> Scsi {
        Scsi { agent: agents.join(AGENT) }
    }
}

impl Field for Scsi {
    fn name(&self) -> &'static str {
        "scsi"
    }

    fn agents(&self) -> Vec<&'static str> {
        vec![AGENT]
    }

    fn stations(&self) -> usize {
        40
    }

    fn station(&self) -> Box<dyn Station> {
        let directory = TempDir::new("scsi");
        let sockets = Sockets::below(&directory.path().join("dev"), 0);
        directory.program("corosync-cmapctl", plan::COROSYNC);
        for node in 0..scene::AGENTS {
            directory.program(
                &format!("vgs{node}"),
                &format!("#!/bin/sh\nexec cat {}/run{node}/vgs\n", directory.path().display()),
            );
        }
        Box::new(Shelf { sockets, directory, agent: self.agent.clone(), preload: preload() })
    }
}

/// The shared object that cargo has built with this crate.
fn preload() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of this program");
    let dir = exe.parent().expect("a program lies in a directory");
    let found = [dir.to_owned(), dir.join("deps")].into_iter().map(|dir| dir.join("libsg_device.so"));
    found.into_iter().find(|path| path.exists()).expect("libsg_device.so beside this program")
}

/// Sockets that stand for disks, and what the nodes have on theirs.
struct Shelf {
    sockets: Sockets,
    directory: TempDir,
    agent: PathBuf,
    preload: PathBuf,
}

impl Station for Shelf {
    fn play(&mut self, dice: &mut Dice) -> Report {
        let plan = Plan::roll(dice, self.directory.path());
        self.sockets.show(Some(plan.scene.clone()));
        let mut played = if plan.calls.len() > 1 { self.race(&plan) } else { self.single(&plan) };
        self.sockets.show(None);
        let world = plan.scene.world();
        let mut faults = plan.wrong.clone();
        faults.extend(&world.happened);
        if plan.calls.len() > 1 {
            faults.push("two at once");
        }
        if faults.is_empty() && !plan.control {
            faults.push("not met");
        }
        played.story = format!(
            "{}{}  what happened:\n{}  at last: {}\n",
            plan.story,
            played.story,
            world.record,
            world.in_words()
        );
        Report { faults, ..played }
    }
}

impl Shelf {
    /// The directory that is /run for a node.
    fn run_of(&self, node: usize) -> PathBuf {
        self.directory.path().join(format!("run{node}"))
    }

    fn prepare(&self, node: usize, call: &Call) {
        let run = self.run_of(node);
        let _ = fs::remove_dir_all(&run);
        fs::create_dir(&run).expect("a directory for a node");
        let files = [
            ("cluster.key", call.key_file.as_deref()),
            ("cluster.dev", call.device_file.as_deref()),
            ("cluster.wwid", call.names_file.as_deref()),
            ("vgs", Some(call.vgs.as_str())),
        ];
        for (name, content) in files {
            if let Some(content) = content {
                fs::write(run.join(name), content).expect("a file of a node");
            }
        }
    }

    fn agent(&self, plan: &Plan, node: usize, limit: Duration) -> Agent {
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let agent = Agent::new(&self.agent)
            .env("LD_PRELOAD", &text(&self.preload))
            .env("SG_DEVICES", &text(&self.directory.path().join("dev")))
            .env("SG_RUN", &text(&self.run_of(node)))
            .options(plan.calls[node].options.iter().map(|(name, value)| (name, value)))
            .limit(limit);
        if plan.lifted { agent.under_pacemaker() } else { agent }
    }

    fn single(&self, plan: &Plan) -> Report {
        self.prepare(0, &plan.calls[0]);
        let longest = plan.limits.longest(plan.action);
        let reads = matches!(plan.action, "status" | "monitor");
        let (limit, longest) = match (plan.lifted, plan.hangs) {
            (false, _) => (longest + Duration::from_secs(5), longest),
            (true, _) if reads => (LONGEST_READING + Duration::from_secs(5), LONGEST_READING),
            (true, false) => (PATIENCE, PATIENCE_WITH_HANGS),
            (true, true) => (PATIENCE_WITH_HANGS, PATIENCE_WITH_HANGS * 2),
        };
        let mut done = self.agent(plan, 0, limit).run();
        let mut story = told(plan, 0, &done);
        if plan.lifted && !reads && done.killed {
            // The connections have ended with the agent; their threads write down how long they waited.
            std::thread::sleep(Duration::from_millis(100));
            let waited = plan.scene.world().longest_request;
            if waited <= LONGEST_REQUEST {
                // The cluster manager's patience ended, which to it is a failure.
                done = Finished { code: Some(1), killed: false, ..done };
            }
            story.push_str(&format!("  longest request {waited:?}\n"));
        }
        let world = plan.scene.world();
        let truth = world.truth(0);
        let truth = if plan.action == "status" { anywhere(&truth) } else { truth };
        let verdict = Case {
            action: plan.action,
            done: &done,
            truth: &truth,
            commanded: world.proven_since(0, done.started),
            longest,
            faulty: !plan.control,
        }
        .verdict();
        Report { agent: AGENT, verdict, faults: Vec::new(), story }
    }

    /// Two nodes fence each other, and who loses tries again.
    fn race(&self, plan: &Plan) -> Report {
        let longest = plan.limits.longest("off");
        let limit = longest + Duration::from_secs(5);
        for (node, call) in plan.calls.iter().enumerate() {
            self.prepare(node, call);
        }
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| self.agent(plan, 1, limit).run());
            (self.agent(plan, 0, limit).run(), other.join().expect("an agent's thread"))
        });
        let done = [first, second];
        let mut story: String = (0..2).map(|node| told(plan, node, &done[node])).collect();
        let judged = |node: usize, done: &Finished| {
            let world = plan.scene.world();
            Case {
                action: "off",
                done,
                truth: &world.truth(node),
                commanded: world.proven_since(node, done.started),
                longest,
                // One of them has to fail.
                faulty: true,
            }
            .verdict()
        };
        let mut verdicts = vec![judged(0, &done[0]), judged(1, &done[1])];
        let calm = || plan.scene.world().happened.is_empty();
        let winner = match (done[0].code, done[1].code) {
            (Some(0), Some(0)) => {
                verdicts.push(Verdict::FalseSuccess);
                None
            }
            (Some(0), _) => Some(0),
            (_, Some(0)) => Some(1),
            _ if calm() => {
                verdicts.push(Verdict::NeedlessFailure);
                None
            }
            _ => None,
        };
        if let Some(winner) = winner {
            std::thread::sleep(SECOND_TRY);
            let loser = 1 - winner;
            let again = self.agent(plan, loser, limit).run();
            story.push_str(&told(plan, loser, &again));
            verdicts.push(judged(loser, &again));
            let kept = plan.scene.world().units.iter().all(|unit| {
                unit.lun.key_of(winner).is_some()
                    && unit.lun.key_of(loser).is_none()
                    && unit.lun.is_fenced_off()
            });
            if calm() && (again.code == Some(0) || !kept) {
                verdicts.push(Verdict::FalseSuccess);
            }
        }
        Report { agent: AGENT, verdict: worst(&verdicts), faults: Vec::new(), story }
    }
}

/// One history of several: on while any of them is.
fn anywhere(plugs: &[History]) -> Vec<History> {
    let mut moments: Vec<Instant> = plugs.iter().flat_map(|plug| plug.0.iter().map(|(at, _)| *at)).collect();
    moments.sort_unstable();
    let merged = moments.into_iter().map(|moment| {
        (
            moment,
            plugs.iter().any(|plug| plug.0.iter().rfind(|(at, _)| *at <= moment).is_some_and(|(_, on)| *on)),
        )
    });
    vec![History(merged.collect())]
}

/// The verdict that counts for all: a defect, otherwise a success where there is one.
fn worst(verdicts: &[Verdict]) -> Verdict {
    let order = [
        Verdict::FalseSuccess,
        Verdict::Crash,
        Verdict::PastDeadline,
        Verdict::NeedlessFailure,
        Verdict::TrueSuccess,
    ];
    order.into_iter().find(|verdict| verdicts.contains(verdict)).unwrap_or(Verdict::HonestFailure)
}

fn told(plan: &Plan, node: usize, done: &Finished) -> String {
    format!(
        "  node {node}: {:?}\n  exit {:?}{} after {:?}, stdout {:?}, stderr {:?}\n",
        plan.calls[node],
        done.code,
        if done.killed { " (killed)" } else { "" },
        done.wall,
        done.stdout,
        done.stderr
    )
}
