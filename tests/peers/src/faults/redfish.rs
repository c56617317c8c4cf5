//! fence_redfish against services that are unwell behind networks that fail.
//!
//! Most runs have the quirk server, which knows what truly happened to its machines and when. A few have
//! sushy-emulator, which knows nothing of faults: there it is the network that fails.

mod device;
mod emulator;
mod lab;
mod network;
mod plan;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::emulator::Emulator;
use self::lab::{EMULATORS, Lab};
use self::plan::{Named, Plan, Trust};
use super::stream::{Outage, Proxy, Trouble};
use super::{CALLERS_PATIENCE, Case, Dice, Field, History, REQUEST_LIMIT, Report, Station, Verdict};
use crate::redfish::{Act, Command, Credential, Rule, Setup};
use crate::{Agent, Finished};

/// The agent of this part.
const AGENT: &str = "fence_redfish";

/// The Redfish part of the campaign.
pub(super) struct Redfish {
    agent: PathBuf,
    lab: OnceLock<Arc<Lab>>,
}

impl Redfish {
    /// With the agent in this directory.
    pub(super) fn new(agents: &Path) -> Redfish {
        Redfish { agent: agents.join(AGENT), lab: OnceLock::new() }
    }
}

impl Field for Redfish {
    fn name(&self) -> &'static str {
        "redfish"
    }

    fn agents(&self) -> Vec<&'static str> {
        vec![AGENT]
    }

    fn stations(&self) -> usize {
        64
    }

    fn station(&self) -> Box<dyn Station> {
        let lab = self.lab.get_or_init(|| Arc::new(Lab::new()));
        Box::new(Bench { agent: self.agent.clone(), lab: Arc::clone(lab) })
    }
}

/// A station. Server and network are new in each run.
struct Bench {
    agent: PathBuf,
    lab: Arc<Lab>,
}

/// So many runs in a hundred are the control group.
const CONTROL: u64 = 8;
/// So many are at sushy-emulator.
const EMULATED: u64 = 3;
/// So many are called by Pacemaker.
const PACEMAKER: u64 = 5;

impl Station for Bench {
    fn play(&mut self, dice: &mut Dice) -> Report {
        if dice.chance(EMULATED) {
            return self.play_emulator(dice);
        }
        let control = dice.chance(CONTROL);
        let mut plan = Plan::choose(dice, control);
        if !control {
            plan.pacemaker = dice.chance(PACEMAKER);
            for _ in 0..*dice.pick(&[1, 1, 1, 2, 3]) {
                if plan.standing_words.contains(&device::ONE_NAME) || plan.takeover.is_some() {
                    break;
                }
                if dice.chance(40) {
                    network::disturb(dice, &mut plan);
                } else {
                    device::disturb(dice, &mut plan);
                }
            }
        }
        self.play_server(plan)
    }
}

/// What a run has shown.
struct Shown<'a> {
    plan: &'a Plan,
    done: &'a Finished,
    network: &'a Proxy,
    options: &'a [(String, String)],
    truth: History,
    commanded: Option<Instant>,
    /// Whether a password was taken: more came by it, or by the session that was opened with it.
    proven: bool,
    /// The words for what really was wrong.
    faults: Vec<&'static str>,
    /// What is false whatever the agent said.
    outrage: Option<String>,
    log: String,
}

impl Bench {
    fn play_server(&self, mut plan: Plan) -> Report {
        let certificate = Some(self.lab.certificate.clone());
        let stranger = if let Some(fields) = plan.takeover.clone() {
            Some(self.another_device(&plan, fields).start())
        } else {
            plan.impostor.then(|| self.impostor(&plan).start())
        };
        if let Some(stranger) = &stranger {
            for trouble in &mut plan.troubles {
                if let Trouble::Divert(port) = trouble {
                    *port = stranger.port();
                }
            }
        }
        let setup = std::mem::take(&mut plan.setup);
        // The plan keeps what its story needs.
        plan.setup = Setup { certificate: None, ..copy(&setup) };
        let server = Setup { certificate, ..setup }.start();
        let network = network_before(server.port(), &plan);
        let options = plan.options(&self.lab, network.port());
        let done = run(&self.agent, &plan, &options);

        let mut truth = History(server.history(&plan.place));
        // What a machine does after the agent's end is nobody's claim.
        let ended = done.started + done.wall;
        truth.0.retain(|(at, _)| *at <= ended);
        let commands = server.commands(&plan.place);
        let claimed: Vec<_> =
            commands.iter().filter(|command| command.at <= ended && plan.claimed_by(&command.kind)).collect();
        // The claim is about what is so after the last of them, if any was answered: the state decides, whatever the
        // answer was, except where nobody was let in.
        let acknowledged = claimed.iter().any(|command| command.answered.is_some_and(|status| status != 401));
        let commanded = claimed.last().filter(|_| acknowledged).map(|command| command.at);
        // A machine that offers no reset can't be sent one: its state decides, where it lasts from the beginning.
        let outweighed = claimed.is_empty()
            && done.wall >= OUTWEIGHS
            && truth.stayed(plan.action == "on", done.started, done.started + OUTWEIGHS);
        let commanded = commanded.or(outweighed.then_some(done.started));

        let mut faults = network.struck();
        let outages = plan.outages.iter().filter(|((from, _), _)| *from < done.wall);
        faults.extend(outages.map(|(_, word)| *word));
        faults.extend(server.counted().iter().filter_map(|at| plan.rule_words.get(*at)));
        faults.extend(&plan.standing_words);
        if !commands.is_empty() {
            faults.extend(&plan.device_words);
        }

        let outrage = || {
            let touched: Vec<_> =
                plan.others.iter().filter(|other| !server.commands(other).is_empty()).collect();
            if !touched.is_empty() {
                return Some(format!("another machine was told to reset: {touched:?}"));
            }
            let strangers =
                stranger.as_ref().map(|stranger| (stranger.requests(), stranger.commands(&plan.place)));
            match strangers {
                Some((requests, _)) if plan.takeover.is_none() && !requests.is_empty() => {
                    return Some("somebody without the right certificate was asked".to_owned());
                }
                Some((_, commands)) if !commands.is_empty() => {
                    return Some("another device was told to reset".to_owned());
                }
                _ => {}
            }
            // Once by Basic and once for a session; and twice more where it had been accepted.
            if server.refused_logins() > 4 {
                return Some(format!(
                    "a password was sent {} times that was refused",
                    server.refused_logins()
                ));
            }
            let interrupted = commands.iter().any(|command| command.kind == "Nmi");
            (plan.action == "diag" && done.code == Some(0) && !interrupted)
                .then(|| "an interrupt was acknowledged that nobody sent".to_owned())
        };
        let outrage = outrage();
        let carried =
            |credential| server.requests().iter().filter(|one| one.credential == credential).count();
        let proven = carried(Credential::Basic) > 1 || carried(Credential::Token) > 0;
        let mut log = String::new();
        for request in server.requests() {
            let _ = writeln!(
                log,
                "connection {}: {} {} {:?} {}",
                request.connection, request.method, request.path, request.credential, request.body
            );
        }
        for Command { at, kind, answered } in &commands {
            let since = at.saturating_duration_since(done.started);
            let _ = writeln!(log, "{kind} came in at {since:?}, answered {answered:?}");
        }
        judge(Shown {
            plan: &plan,
            done: &done,
            network: &network,
            options: &options,
            truth,
            commanded,
            proven,
            faults,
            outrage,
            log,
        })
    }

    /// A service that has all that the agent wants to see, except for the certificate.
    fn impostor(&self, plan: &Plan) -> Setup {
        let mut setup = copy(&plan.setup);
        setup.rules.clear();
        setup.delay = Duration::ZERO;
        setup.deaf = false;
        setup.reverts = None;
        let [by_another, by_the_same] = &self.lab.strangers;
        let certificate = if plan.trust == Trust::Pin { by_the_same } else { by_another };
        setup.certificate = Some(certificate.clone());
        setup
    }

    /// A service like this one, with another board.
    fn another_device(&self, plan: &Plan, fields: Vec<(String, Option<Value>)>) -> Setup {
        let mut setup = copy(&plan.setup);
        setup.deaf = false;
        setup.certificate = Some(self.lab.certificate.clone());
        setup.rules = vec![Rule::new("GET", &plan.place, Act::With(fields))];
        setup
    }

    /// A run at the emulator. Nobody knows when its machine follows, only how it ends: reboots, which end as they
    /// begin, are for the other server.
    fn play_emulator(&self, dice: &mut Dice) -> Report {
        let control = dice.chance(CONTROL);
        let mut plan = Plan::choose(dice, control);
        plan.action = *dice.pick(&["off", "off", "off", "on", "status", "monitor"]);
        plan.on = dice.chance(80) ^ (plan.action == "on");
        plan.cycle = false;
        plan.named = Named::Only;
        plan.others.clear();
        while !control && plan.troubles.is_empty() && plan.outages.is_empty() {
            network::disturb(dice, &mut plan);
            // The impostor would have to be another emulator.
            plan.impostor = false;
            plan.troubles.retain(|trouble| !matches!(trouble, Trouble::Divert(_)));
        }
        // The emulator does what it is told.
        plan.setup.deaf = false;
        plan.device_words.clear();
        let guard = self.lab.emulator(dice.below(EMULATORS));
        let Some(emulator) = guard.as_ref() else { unreachable!("it has been started") };
        emulator.set(plan.on);
        self.play_at(emulator, &plan)
    }

    fn play_at(&self, emulator: &Emulator, plan: &Plan) -> Report {
        let before = emulator.resets();
        let since = Instant::now();
        let network = network_before(emulator.port(), plan);
        let options = plan.options(&self.lab, network.port());
        let done = run(&self.agent, plan, &options);
        // It takes connections one at a time until they speak TLS: what hangs would keep it from answering.
        network.end();
        let resets = emulator.resets() - before;
        let mut truth = History(vec![(since, plan.on)]);
        let on = emulator.is_on();
        if on != plan.on {
            truth.0.push((done.started + done.wall, on));
        }
        let mut faults = network.struck();
        let outages = plan.outages.iter().filter(|((from, _), _)| *from < done.wall);
        faults.extend(outages.map(|(_, word)| *word));
        judge(Shown {
            plan,
            done: &done,
            network: &network,
            options: &options,
            truth,
            commanded: (resets > 0).then_some(done.started),
            proven: false,
            faults,
            outrage: None,
            log: format!("sushy-emulator at {} took {resets} resets\n", emulator.place()),
        })
    }
}

fn network_before(port: u16, plan: &Plan) -> Proxy {
    let outages: Vec<Outage> = plan.outages.iter().map(|(outage, _)| *outage).collect();
    let device = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Proxy::start(device, plan.troubles.clone(), outages)
}

/// How long a state has to last that stands in for a command for which the device has no place: five seconds of looks.
const OUTWEIGHS: Duration = Duration::from_secs(5);

/// How long an agent may run until it is killed: beyond what makes it late.
const GRACE: Duration = Duration::from_secs(5);

fn run(agent: &Path, plan: &Plan, options: &[(String, String)]) -> Finished {
    let agent = Agent::new(agent).options(options.iter().map(|(n, v)| (n, v.as_str())));
    if plan.pacemaker {
        agent.under_pacemaker().limit(CALLERS_PATIENCE).run()
    } else {
        agent.limit(plan.longest() + GRACE).run()
    }
}

/// The word for a run whose faults wait for what never came. It has short time limits, so that a busy machine may be
/// the reason for its failure.
const NOTHING: &str = "none came to pass";

fn judge(shown: Shown<'_>) -> Report {
    let Shown { plan, done, network, options, truth, commanded, proven, mut faults, outrage, log } = shown;
    let faulty = plan.is_faulty();
    if faulty && faults.is_empty() {
        faults.push(NOTHING);
    }
    let case = Case {
        action: plan.action,
        done,
        truth: std::slice::from_ref(&truth),
        commanded,
        longest: plan.longest(),
        faulty,
    };
    let verdict = match &outrage {
        Some(_) => Verdict::FalseSuccess,
        None if plan.pacemaker => {
            // A password that nobody has judged yet is sent once, and may take what the step has.
            let request = if proven { REQUEST_LIMIT } else { CALLERS_PATIENCE };
            case.verdict_without_limits(request, &network.heard())
        }
        None => case.verdict(),
    };
    let mut story = plan.story(options, network.connections());
    story += &log;
    for (at, on) in &truth.0 {
        let since = at.saturating_duration_since(done.started);
        let _ = writeln!(story, "truly {} from {since:?}", if *on { "on" } else { "off" });
    }
    if let Some(outrage) = outrage {
        let _ = writeln!(story, "{outrage}");
    }
    let _ = writeln!(
        story,
        "{} connections; exit code {:?} after {:?} of {:?}{}\n{}{}",
        network.connections(),
        done.code,
        done.wall,
        plan.longest(),
        if done.killed { ", killed" } else { "" },
        done.stdout,
        done.stderr
    );
    Report { agent: AGENT, verdict, faults, story }
}

/// The same device once more, except for its certificate.
fn copy(setup: &Setup) -> Setup {
    Setup { resources: setup.resources.clone(), rules: setup.rules.clone(), certificate: None, ..*setup }
}
