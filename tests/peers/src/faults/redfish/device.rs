//! What the device does.
//!
//! Two lies are not played, since nobody can find them out: a device that says after the command that the wanted
//! state is there, and one that shows, from the beginning, another machine wherever it is asked for this one. Nor is a
//! list that leaves the machine out without a sign, where a plug alone names it: monitor has failed before then.

use serde_json::{Value, json};

use super::super::Dice;
use std::time::Duration;

use super::super::stream::Trouble;
use super::plan::{Named, Plan, Trust};
use crate::redfish::{Act, Cycle, Login, Phase, ResetAnswer, Rule};

const SYSTEMS: &str = "/redfish/v1/Systems";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// A way to be unwell.
type Fault = fn(&mut Dice, &mut Plan);

/// Those that have to do with commands.
const COMMANDED: [Fault; 18] = [
    acknowledges_only,
    acknowledges_only,
    acknowledges_only,
    late,
    late,
    reverts,
    stale_before,
    stale_before,
    wrong_for_a_while,
    task,
    entity_tag,
    another_machine,
    another_machine,
    another_board,
    another_board,
    takeover,
    refuses_what_is_so,
    record_lost,
];

/// Those that any request can meet.
const ASKED: [Fault; 20] = [
    wrong_for_a_while,
    restarts,
    no_sessions,
    session_ends,
    wrong_status,
    wrong_status,
    busy,
    redirected,
    cut_text,
    cut_text,
    slow_or_huge,
    wrong_types,
    wrong_types,
    told_twice,
    broken_http,
    members,
    shrinks,
    without_end,
    one_bad_moment,
    one_bad_moment,
];

/// Makes the device of a run unwell.
pub(super) fn disturb(dice: &mut Dice, plan: &mut Plan) {
    let commanded = plan.wanted().is_some() && dice.chance(45);
    let fault = if commanded { *dice.pick(&COMMANDED) } else { *dice.pick(&ASKED) };
    fault(dice, plan);
}

/// Adds a rule that counts as often as the dice say.
fn add(dice: &mut Dice, plan: &mut Plan, word: &'static str, rule: Rule) {
    let looks = rule.method == "GET" && rule.path == plan.place && plan.wanted().is_some();
    let skip = if looks { *dice.pick(&[0, 0, 1, 2, 3]) } else { 0 };
    let times = *dice.pick(&[1, 1, 2, 3, 6, usize::MAX]);
    plan.rule(word, rule.after(skip).times(times));
}

/// One of the requests that every run has, or most.
fn request(dice: &mut Dice, plan: &Plan) -> (&'static str, String) {
    let get = |path: &str| ("GET", path.to_owned());
    let mut requests = vec![get(&plan.place), get(&plan.place)];
    if plan.named != Named::Place {
        requests.extend([get("/redfish/v1"), get(SYSTEMS)]);
    }
    if plan.setup.login == Login::Session {
        requests.extend([("POST", SESSIONS.to_owned()), get("/redfish/v1")]);
    }
    if plan.wanted().is_some() {
        requests.extend([("POST", plan.target()), ("POST", plan.target())]);
    }
    dice.pick(&requests).clone()
}

fn state(on: bool) -> Value {
    json!(if on { "On" } else { "Off" })
}

fn says(value: Option<Value>) -> Act {
    Act::With(vec![("/PowerState".to_owned(), value)])
}

fn acknowledges_only(dice: &mut Dice, plan: &mut Plan) {
    plan.setup.deaf = true;
    if dice.chance(30) {
        plan.setup.cycle = Cycle::Drifting;
        plan.setup.deaf = !plan.cycle;
    }
    if dice.chance(30) {
        plan.setup.reset = ResetAnswer::Status(*dice.pick(&[200, 201, 202, 204]));
    }
    plan.device_words.push("acknowledges only");
}

fn late(dice: &mut Dice, plan: &mut Plan) {
    let power = plan.limits.power.as_millis() as u64;
    plan.setup.delay =
        if dice.chance(60) { dice.millis(300, power - 200) } else { dice.millis(power - 200, power + 3000) };
    plan.device_words.push("late");
}

/// The service has lost its record of the last reset, or its clock. One that has set its clock forward can't be told
/// from one that tells of a reset.
fn record_lost(dice: &mut Dice, plan: &mut Plan) {
    if !plan.cycle {
        return acknowledges_only(dice, plan);
    }
    let told =
        [None, Some(Value::Null), Some(json!("1970-01-01T00:00:03Z")), Some(json!("2025-06-01T00:00:00Z"))];
    let act = Act::With(vec![("/LastResetTime".to_owned(), dice.pick(&told).clone())]);
    plan.setup.cycle = Cycle::Nothing;
    plan.rule("record lost", Rule::new("GET", &plan.place, act).during(Phase::After));
}

fn reverts(dice: &mut Dice, plan: &mut Plan) {
    plan.setup.reverts = Some(dice.millis(0, 800));
    plan.device_words.push("reverts");
}

/// What the machine said before the command is what the agent would like to hear.
fn stale_before(dice: &mut Dice, plan: &mut Plan) {
    let Some(wanted) = plan.wanted() else { return };
    let rule = Rule::new("GET", &plan.place, says(Some(state(wanted)))).during(Phase::Before);
    plan.rule(if wanted { "stale on before" } else { "stale off before" }, rule);
    stays(dice, plan);
}

/// A state that isn't so, and isn't the wanted one; for actions that only ask, no state at all.
fn wrong_for_a_while(dice: &mut Dice, plan: &mut Plan) {
    let other = plan.wanted().map(|wanted| state(!wanted));
    let words = ["PoweringOff", "PoweringOn", "Paused"].map(Value::from);
    let value = match other {
        Some(other) => dice.pick(&[&words[..], &[other.clone(), other, Value::Null]].concat()).clone(),
        None => Value::Null,
    };
    let rule = Rule::new("GET", &plan.place, says(Some(value))).during(if plan.wanted().is_some() {
        Phase::After
    } else {
        Phase::Always
    });
    add(dice, plan, "wrong state for a while", rule);
}

fn restarts(dice: &mut Dice, plan: &mut Plan) {
    let from = if dice.chance(50) { dice.millis(0, 40) } else { dice.millis(0, 2000) };
    let length = dice.millis(50, 2500);
    plan.outages.push(((from, length), "restarts"));
    let forget = Rule::new("GET", &plan.place, Act::Forget);
    plan.rule("restarts", forget.after(dice.below(4)).times(1));
}

fn no_sessions(dice: &mut Dice, plan: &mut Plan) {
    plan.setup.login = Login::Session;
    let status = *dice.pick(&[503, 503, 400, 403, 429, 500]);
    let act = Act::error(status, "Base.1.18.SessionLimitExceeded", "There are too many sessions.");
    let times = *dice.pick(&[1, 2, 4, usize::MAX]);
    plan.rule("no sessions", Rule::new("POST", SESSIONS, act).times(times));
}

fn session_ends(dice: &mut Dice, plan: &mut Plan) {
    plan.setup.login = Login::Session;
    let path = [plan.place.clone(), plan.target()];
    let (method, path) =
        if plan.wanted().is_some() && dice.chance(40) { ("POST", &path[1]) } else { ("GET", &path[0]) };
    let act = if dice.chance(50) { Act::Forget } else { Act::status(401) };
    add(dice, plan, "session ends", Rule::new(method, path, act));
}

fn task(dice: &mut Dice, plan: &mut Plan) {
    let never = dice.chance(40);
    let end = *dice.pick(&["Exception", "Killed", "Cancelled", "Pending", ""]);
    plan.setup.reset = ResetAnswer::Task(if never { usize::MAX } else { dice.below(3) }, end);
    plan.setup.deaf = dice.chance(60);
    plan.device_words.push(if never { "task never ends" } else { "task fails" });
}

/// Every status there is, with the usual work done or not.
fn wrong_status(dice: &mut Dice, plan: &mut Plan) {
    let status = match dice.below(4) {
        0 => dice.between(200, 208),
        1 => dice.between(400, 431),
        2 => dice.between(500, 511),
        _ => *dice.pick(&[226, 300, 304, 399, 451, 499, 599, 600, 999]),
    } as u16;
    let (method, path) = request(dice, plan);
    let act = match dice.below(4) {
        0 => Act::status(status),
        1 => Act::error(status, "Base.1.18.InternalError", "Operation timeout: power is Off."),
        2 => Act::Answer(status, Vec::new(), "<html><body>Off</body></html>".to_owned()),
        _ => Act::Answer(status, Vec::new(), json!({"Id": "1", "Members": []}).to_string()),
    };
    let rule = Rule { obey: dice.chance(50), ..Rule::new(method, &path, act) };
    add(dice, plan, "wrong status", rule);
}

fn busy(dice: &mut Dice, plan: &mut Plan) {
    // Where no limit is in force, a service that wants to be left alone is, for half a minute.
    let longest = if plan.pacemaker { "2" } else { "3600" };
    let pauses = ["0", "1", "2", longest, "-1", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT"];
    let status = *dice.pick(&[503, 503, 429]);
    let act = Act::with_header(status, "Retry-After", pauses[dice.below(pauses.len())]);
    let (method, path) = request(dice, plan);
    add(dice, plan, "busy", Rule::new(method, &path, act));
}

fn redirected(dice: &mut Dice, plan: &mut Plan) {
    let (method, path) = request(dice, plan);
    let status = *dice.pick(&[301, 302, 303, 307, 308]);
    let place = match dice.below(6) {
        0 => path.clone(),
        1 => format!("{path}/"),
        2 => "https://192.0.2.1/redfish/v1".to_owned(),
        3 => "http://127.0.0.1/redfish/v1".to_owned(),
        4 => "//".to_owned(),
        _ => "/redfish/v1/Chassis/1".to_owned(),
    };
    let act = Act::with_header(status, "Location", &place);
    add(dice, plan, "redirected", Rule::new(method, &path, act));
}

/// Less of an answer than there should be, also of one to a command that was carried out.
fn cut_text(dice: &mut Dice, plan: &mut Plan) {
    let (method, path) = request(dice, plan);
    let (word, act) = dice
        .pick(&[
            ("truncated", Act::CutShort),
            ("truncated", Act::CutJson),
            ("no answer", Act::Close),
            ("no answer", Act::Silence),
        ])
        .clone();
    let rule = Rule { obey: dice.chance(60), ..Rule::new(method, &path, act) };
    add(dice, plan, word, rule);
}

fn slow_or_huge(dice: &mut Dice, plan: &mut Plan) {
    let (method, path) = request(dice, plan);
    let (word, act) = dice
        .pick(&[
            ("drips", Act::Drip),
            ("drips", Act::DripHead),
            ("huge", Act::Huge),
            ("huge", Act::HugeAnnounced),
        ])
        .clone();
    add(dice, plan, word, Rule::new(method, &path, act));
}

fn wrong_types(dice: &mut Dice, plan: &mut Plan) {
    // Actions that only ask take any word that isn't off for on: words are for those that change something, or
    // where on is the truth.
    let words = plan.wanted().is_some() || (plan.on && plan.action != "monitor");
    let wanted = plan.wanted().unwrap_or(false);
    let not_quite = if wanted {
        vec![
            json!("on"),
            json!("ON"),
            json!("On "),
            json!(true),
            json!(1),
            json!(["On"]),
            json!({"On": true}),
        ]
    } else {
        vec![
            json!("off"),
            json!("OFF"),
            json!("Off "),
            json!("\u{feff}Off"),
            json!("Standby"),
            json!(false),
            json!(0),
            json!(["Off"]),
            json!({"Off": true}),
        ]
    };
    let field = |name: &str, value: Option<Value>| Act::With(vec![(name.to_owned(), value)]);
    let act = match dice.below(6) {
        0 => says(None),
        1 => says(Some(dice.pick(&[json!(""), json!("?"), Value::Null, json!(7)]).clone())),
        2 if words => says(Some(dice.pick(&not_quite).clone())),
        3 => {
            let id = dice.pick(&[Some(json!(5)), Some(Value::Null), Some(json!(["1"])), None]).clone();
            field("/Id", id)
        }
        4 => {
            let actions = [None, Some(Value::Null), Some(json!([])), Some(json!("x"))];
            let target = [None, Some(json!(5)), Some(json!("")), Some(json!("https://192.0.2.1/x"))];
            if dice.chance(50) {
                field("/Actions", dice.pick(&actions).clone())
            } else {
                field("/Actions/#ComputerSystem.Reset/target", dice.pick(&target).clone())
            }
        }
        _ => {
            let bodies = [
                "[]".to_owned(),
                "null".to_owned(),
                "\"Off\"".to_owned(),
                "{}".to_owned(),
                "{\"PowerState\": \"Off\"".to_owned(),
                "{'PowerState': 'Off'}".to_owned(),
                "{\"PowerState\": \"Off\"} {}".to_owned(),
                "[".repeat(100_000),
                "{\"a\":".repeat(5000),
                json!({"@odata.type": "#Chassis.v1_0_0.Chassis", "Id": "1", "PowerState": "Off"}).to_string(),
                "\u{0}\u{1}".to_owned(),
            ];
            Act::Answer(200, Vec::new(), dice.pick(&bodies).clone())
        }
    };
    let word = match &act {
        Act::With(fields) if fields.iter().any(|(name, value)| name == "/PowerState" && value.is_none()) => {
            "state missing"
        }
        Act::With(fields) if fields.iter().any(|(name, _)| name == "/PowerState") => "state unknown",
        _ => "wrong types",
    };
    let rule = Rule::new("GET", &plan.place, act);
    add(dice, plan, word, rule);
    stays(dice, plan);
}

/// Two states in one answer, or an answer that nobody asked for.
fn told_twice(dice: &mut Dice, plan: &mut Plan) {
    let lie = plan.wanted().unwrap_or(!plan.on);
    let (word, act) = if dice.chance(60) {
        ("told twice", Act::Twice("PowerState", state(lie), dice.chance(50)))
    } else {
        let mut machine = plan.machine();
        machine["PowerState"] = state(lie);
        ("stray answer", Act::Stray(machine.to_string()))
    };
    let rule = Rule::new("GET", &plan.place, act);
    add(dice, plan, word, rule);
    stays(dice, plan);
}

fn broken_http(dice: &mut Dice, plan: &mut Plan) {
    let (method, path) = request(dice, plan);
    let mut machine = plan.machine();
    machine["PowerState"] = state(plan.wanted().unwrap_or(!plan.on));
    let body = machine.to_string();
    let length = body.len();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    // None of these is a whole answer.
    let bytes = match dice.below(11) {
        0 => format!("{chunked}zz\r\n{body}\r\n0\r\n\r\n").into_bytes(),
        1 => format!("{chunked}{length:x}\r\n{body}").into_bytes(),
        2 => format!("{chunked}ffffffffffffffffff\r\n{body}\r\n0\r\n\r\n").into_bytes(),
        3 => format!("{chunked}-5\r\n{body}\r\n0\r\n\r\n").into_bytes(),
        4 => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", length + 40).into_bytes(),
        5 => format!("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{body}").into_bytes(),
        6 => format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: {length}\r\n\r\n{body}")
            .into_bytes(),
        7 => format!("HTTP/1.1 2oo OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes(),
        8 => format!("{body}\r\n\r\n").into_bytes(),
        9 => "HTTP/1.1 100 Continue\r\n\r\n".repeat(300).into_bytes(),
        _ => dice.bytes(600),
    };
    add(dice, plan, "broken HTTP", Rule::new(method, &path, Act::Raw(bytes)));
    stays(dice, plan);
}

/// No version is the right one.
fn entity_tag(dice: &mut Dice, plan: &mut Plan) {
    let status = *dice.pick(&[412, 428]);
    let rule = Rule::new("POST", &plan.target(), Act::status(status));
    add(dice, plan, "ETag", rule);
}

const ANOTHER: &str = "another machine";

/// From the command on another machine stands at the place of this one, which is in the wanted state.
fn another_machine(dice: &mut Dice, plan: &mut Plan) {
    let Some(other) = plan.others.first().cloned() else { return acknowledges_only(dice, plan) };
    if plan.standing_words.contains(&ONE_NAME) {
        return;
    }
    // Its own id may come with the place; its serial number and UUID can't.
    const KEPT: [&[&str]; 3] =
        [&["Actions"], &["Actions", "Id", "@odata.id"], &["Actions", "Id", "@odata.id", "Name"]];
    let kept = *dice.pick(&KEPT);
    let rule = Rule::new("GET", &plan.place, Act::As(other, kept)).during(Phase::After);
    add(dice, plan, ANOTHER, rule);
    stays(dice, plan);
}

/// A board's own fields: another one at the same place, in the wanted state, tells these.
fn board(dice: &mut Dice, serial: &str, state: Value) -> Vec<(String, Option<Value>)> {
    let uuid = *dice.pick(&["00000000-0000-4000-8000-0000000000ff", "11111111-2222-4333-8444-555555555555"]);
    let mut fields = vec![
        ("/UUID".to_owned(), Some(json!(uuid))),
        ("/SerialNumber".to_owned(), Some(json!(serial))),
        ("/PowerState".to_owned(), Some(state)),
    ];
    if dice.chance(30) {
        fields[0].1 = None;
    }
    fields
}

const BOARD: &str = "another board";

/// From the command on another board stands at the machine's place, with all but its UUID and perhaps its serial number:
/// those of cheap boards are the same for all.
fn another_board(dice: &mut Dice, plan: &mut Plan) {
    let Some(wanted) = plan.wanted() else { return };
    if plan.standing_words.contains(&ONE_NAME) {
        return;
    }
    let serials = ["To be filled by O.E.M.", "0123456789", "Default string", "SN009"];
    let serial = *dice.pick(&serials);
    if serial != "SN009" && !matches!(plan.named, Named::By(_, "SerialNumber")) {
        let own = plan.setup.resources.get_mut(&plan.place);
        own.expect("it is there")["SerialNumber"] = json!(serial);
    }
    let fields = board(dice, serial, state(wanted));
    let rule = Rule::new("GET", &plan.place, Act::With(fields)).during(Phase::After);
    add(dice, plan, BOARD, rule);
    stays(dice, plan);
}

/// Once the machine was found, another device has the address, with another board behind it that is in the wanted state.
/// Nobody can tell it before, so this goes with no other fault, and on no connection but the first.
fn takeover(dice: &mut Dice, plan: &mut Plan) {
    let Some(wanted) = plan.wanted() else { return };
    if plan.is_faulty() || plan.trust != Trust::Insecure || plan.setup.login == Login::Session {
        return another_board(dice, plan);
    }
    plan.takeover = Some(board(dice, "0123456789", state(wanted)));
    // The first connection ends when the machine was found: at a later look, or at the command.
    let ends = if dice.chance(50) {
        Rule { obey: dice.chance(30), ..Rule::new("POST", &plan.target(), Act::Close) }
    } else {
        Rule::new("GET", &plan.place, Act::Close).after(1)
    };
    plan.rule("another device at the address", ends);
    plan.troubles = vec![Trouble::None];
    plan.troubles.extend(vec![Trouble::Divert(0); 60]);
    plan.setup.deaf = dice.chance(60);
}

/// A command for the state that the machine is in already is refused in a way that looks like a failure.
fn refuses_what_is_so(dice: &mut Dice, plan: &mut Plan) {
    let Some(wanted) = plan.wanted() else { return };
    plan.setup.already = Some(*dice.pick(&[403, 404, 405, 412, 500, 501, 503, 507]));
    if dice.chance(70) {
        plan.on = wanted;
        let own = plan.setup.resources.get_mut(&plan.place);
        own.expect("it is there")["PowerState"] = state(wanted);
    }
    // Long enough for a refusal to be doubted.
    if dice.chance(50) {
        plan.limits.power = Duration::from_secs(12);
    }
    plan.device_words.push("refuses what is so");
}

pub(super) const ONE_NAME: &str = "one name for two";

/// Another machine has the UUID and the serial number of this one. Where only one of the two can be read, nobody can
/// tell that, so this goes with no other fault.
fn one_name_for_two(plan: &mut Plan) {
    let own = plan.machine();
    let alone = !plan.is_faulty();
    let other = plan.others.first().and_then(|other| plan.setup.resources.get_mut(other));
    if let Some(other) = other
        && alone
    {
        for field in ["SerialNumber", "UUID", "Name", "HostName"] {
            other[field] = own[field].clone();
        }
        plan.standing_words.push(ONE_NAME);
    }
}

/// The collection lists fewer than there are. Where nothing tells so, only a name that must fit finds that out: a plug
/// means nothing to a service with one machine.
fn shrinks(dice: &mut Dice, plan: &mut Plan) {
    if plan.others.is_empty() || matches!(plan.named, Named::Place | Named::Only) {
        return members(dice, plan);
    }
    let link = |place: &String| json!({"@odata.id": place});
    let mut left: Vec<Value> = plan.others.iter().map(link).collect();
    left.truncate(1 + dice.below(2));
    let silent = matches!(plan.named, Named::By("system", _)) && dice.chance(60);
    let count = if silent { left.len() } else { plan.others.len() + 1 };
    let mut fields = vec![
        ("/Members".to_owned(), Some(json!(left))),
        ("/Members@odata.count".to_owned(), Some(json!(count))),
    ];
    if !silent && dice.chance(40) {
        // Counted as if it were all, and the rest behind a link that is none.
        fields[1].1 = Some(json!(left.len()));
        let next = dice.pick(&[json!({"@odata.id": SYSTEMS}), json!(7), json!([SYSTEMS])]).clone();
        fields.push(("/Members@odata.nextLink".to_owned(), Some(next)));
    }
    let rule = Rule::new("GET", SYSTEMS, Act::With(fields));
    add(dice, plan, "the collection shrinks", rule);
}

/// Texts, lists and numbers far beyond what any service has.
fn without_end(dice: &mut Dice, plan: &mut Plan) {
    let length = *dice.pick(&[3_000, 60_000, 400_000]);
    let long = || json!("timeout".repeat(length / 7));
    let place = json!({"@odata.id": format!("/{}", "timeout".repeat(length / 7))});
    let many = |value: Value| Value::Array(vec![value; length / 8]);
    let allowable = "/Actions/#ComputerSystem.Reset/ResetType@Redfish.AllowableValues";
    let (path, field, value) = match dice.below(8) {
        0 => (SYSTEMS, "/Members", json!([place])),
        1 => (SYSTEMS, "/Members@odata.nextLink", place["@odata.id"].clone()),
        2 => (SYSTEMS, "/Members", many(json!({"@odata.id": "/x"}))),
        // Actions that only ask take any word that isn't off for on.
        3 if plan.wanted().is_some() => ("", "/PowerState", long()),
        3 | 4 => ("", "/Id", long()),
        5 => ("", allowable, many(json!("a"))),
        6 => ("", "/Actions/#ComputerSystem.Reset/target", place["@odata.id"].clone()),
        _ => ("", "/Oem", many(json!({"a": 0}))),
    };
    let path = if path.is_empty() { plan.place.clone() } else { path.to_owned() };
    let rule = Rule::new("GET", &path, Act::With(vec![(field.to_owned(), Some(value))]));
    add(dice, plan, "without end", rule);
}

/// One request, whichever it is, is refused or breaks off, once.
fn one_bad_moment(dice: &mut Dice, plan: &mut Plan) {
    let (method, path) = request(dice, plan);
    let cut = |status: u16| {
        let head = format!("HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n");
        Act::Raw(head.into_bytes())
    };
    let act = match dice.below(6) {
        0 => Act::with_header(401, "WWW-Authenticate", "Basic"),
        1 => cut(401),
        2 => cut(*dice.pick(&[403, 404, 500, 503])),
        3 => Act::Close,
        4 => Act::error(*dice.pick(&[403, 404, 405, 409]), "Base.1.18.InternalError", "Not now."),
        _ => Act::error(*dice.pick(&[500, 501, 503, 507]), "Base.1.18.InternalError", "Not now."),
    };
    let rule = Rule { obey: dice.chance(30), ..Rule::new(method, &path, act) };
    plan.rule("one bad moment", rule.after(dice.below(4)).times(1));
}

/// Lets a machine stay as it is, so that whoever believes a lie about it is wrong.
pub(super) fn stays(dice: &mut Dice, plan: &mut Plan) {
    if dice.chance(50) && plan.wanted().is_some() {
        acknowledges_only(dice, plan);
    }
}

/// The collection tells something else about its members.
fn members(dice: &mut Dice, plan: &mut Plan) {
    if plan.named == Named::Place {
        // Who knows the place doesn't look at the collection.
        plan.named = Named::By("system", "Id");
    }
    if matches!(plan.named, Named::By(_, "UUID" | "SerialNumber")) && dice.chance(20) {
        return one_name_for_two(plan);
    }
    let link = |place: &str| json!({"@odata.id": place});
    let all: Vec<Value> = std::iter::once(&plan.place).chain(&plan.others).map(|place| link(place)).collect();
    let with = |more: Value| Some(Value::Array([all.clone(), vec![more]].concat()));
    let (field, value) = match dice.below(9) {
        0 => ("/Members", Some(all.iter().rev().cloned().collect())),
        1 => ("/Members", Some(json!([]))),
        2 => ("/Members", None),
        3 => ("/Members", Some(json!("none"))),
        4 => ("/Members", with(json!(5))),
        5 => ("/Members", with(link("https://192.0.2.1/redfish/v1/Systems/1"))),
        6 => ("/Members", with(link("/redfish/v1/Systems/gone"))),
        7 => ("/Members", with(link(&plan.place))),
        _ => ("/Members@odata.nextLink", Some(json!(SYSTEMS))),
    };
    let rule = Rule::new("GET", SYSTEMS, Act::With(vec![(field.to_owned(), value)]));
    add(dice, plan, "members change", rule);
}
