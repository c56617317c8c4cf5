//! What to set up: what the service holds, how it answers, and where it departs from the usual.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::service::{Act, Certificate, Rule};

/// The one account.
pub const USER: &str = "operator";
/// Its password; long and odd, so that a search for it finds nothing by chance.
pub const PASSWORD: &str = "korrekt-Pferd-0815";

/// How the service wants to be logged in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Basic, and says so in its 401.
    Basic,
    /// Basic, but its 401 doesn't say so.
    BasicUnadvertised,
    /// A session; Basic isn't even looked at.
    Session,
    /// Nothing.
    Open,
}

/// How the service answers a reset that it carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetAnswer {
    /// With this status and no body.
    Status(u16),
    /// 202 and the place of a task in Location, which runs for so many looks and then ends in this state.
    Task(usize, &'static str),
}

/// What a machine does that is told to cycle its power or to restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// Nothing, and nothing tells so.
    Nothing,
    /// It is off for so long.
    Off(Duration),
    /// It restarts too quickly to be seen off; LastResetTime tells.
    Stamped,
    /// Nothing, but LastResetTime moves by a second, as where it is reckoned from an uptime.
    Drifting,
}

/// How to set the service up. What it holds are the resources: take or add fields with [`Server::edit`].
pub struct Setup {
    /// Its certificate; plain HTTP without one.
    pub certificate: Option<Certificate>,
    /// Whether it speaks TLS 1.0 and nothing newer.
    pub old_tls: bool,
    /// Whether it agrees on keys with a group of 1024 bits for Diffie-Hellman, and in no other way.
    pub weak_group: bool,
    /// How it wants to be logged in to.
    pub login: Login,
    /// What it holds: path to resource. A system is what offers `#ComputerSystem.Reset` or stands in Systems.
    pub resources: BTreeMap<String, Value>,
    /// How it answers a reset that it carries out.
    pub reset: ResetAnswer,
    /// How it answers a reset to the state that the machine is in already: this status, or as always.
    pub already: Option<u16>,
    /// How long a machine takes to follow. It says PoweringOff or PoweringOn meanwhile.
    pub delay: Duration,
    /// What a machine does that is told to cycle its power or to restart.
    pub cycle: Cycle,
    /// This status for a reset without If-Match, as for one with an old ETag.
    pub wants_etag: Option<u16>,
    /// Whether it acknowledges resets and carries out none.
    pub deaf: bool,
    /// So long after a machine has followed, it is back in the state before.
    pub reverts: Option<Duration>,
    /// How long it takes for each answer.
    pub slow: Duration,
    /// How long it takes to refuse a password, and to open a session.
    pub slow_logins: Duration,
    /// Whether it resets a connection that is used a second time.
    pub resets_connections: bool,
    /// Where it does not do as always.
    pub rules: Vec<Rule>,
}

/// Which credential a request carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// None.
    None,
    /// Authorization: Basic.
    Basic,
    /// X-Auth-Token.
    Token,
    /// Another scheme, or several at once.
    Other,
}

/// A request as it was written down.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number of its connection, from 1.
    pub connection: usize,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// What it says about who sends it.
    pub credential: Credential,
    /// Its If-Match.
    pub if_match: Option<String>,
    /// Its body.
    pub body: String,
    /// The whole head and body, to search for what should not be there.
    pub raw: String,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            certificate: None,
            old_tls: false,
            weak_group: false,
            login: Login::Basic,
            resources: Setup::machines(&["1"]),
            reset: ResetAnswer::Status(204),
            already: None,
            delay: Duration::ZERO,
            cycle: Cycle::Nothing,
            wants_etag: None,
            deaf: false,
            reverts: None,
            slow: Duration::ZERO,
            slow_logins: Duration::ZERO,
            resets_connections: false,
            rules: Vec::new(),
        }
    }
}

impl Setup {
    /// The resources of a service with these systems.
    pub fn machines(ids: &[&str]) -> BTreeMap<String, Value> {
        let mut resources = BTreeMap::new();
        let links: Vec<Value> =
            ids.iter().map(|id| json!({"@odata.id": format!("/redfish/v1/Systems/{id}")})).collect();
        resources.insert(
            "/redfish/v1".to_owned(),
            json!({
                "@odata.id": "/redfish/v1/", "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot", "Id": "RootService",
                "RedfishVersion": "1.17.0", "Systems": {"@odata.id": "/redfish/v1/Systems"},
                "SessionService": {"@odata.id": "/redfish/v1/SessionService"},
                "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}},
            }),
        );
        resources.insert(
            "/redfish/v1/Systems".to_owned(),
            json!({
                "@odata.id": "/redfish/v1/Systems",
                "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
                "Members": links, "Members@odata.count": ids.len(),
            }),
        );
        for id in ids {
            let place = format!("/redfish/v1/Systems/{id}");
            let system = json!({
                "@odata.id": place, "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "Id": id,
                "Name": format!("System {id}"), "HostName": format!("node{id}"),
                "SerialNumber": format!("SN00{id}"), "UUID": format!("00000000-0000-4000-8000-00000000000{id}"),
                "AssetTag": "", "SystemType": "Physical", "PowerState": "On",
                "LastResetTime": "2026-01-01T00:00:00+00:00",
                "Actions": {"#ComputerSystem.Reset": {
                    "target": format!("{place}/Actions/ComputerSystem.Reset"),
                    "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "ForceRestart", "Nmi", "PowerCycle"],
                }},
            });
            resources.insert(place, system);
        }
        resources
    }
}

impl Act {
    /// An error of the service's own: a message as DSP0266 has it.
    pub fn error(status: u16, id: &str, text: &str) -> Act {
        Act::Answer(status, Vec::new(), error_body(id, text))
    }
}

/// An error's body as DSP0266 has it.
pub(super) fn error_body(id: &str, text: &str) -> String {
    json!({"error": {
        "code": "Base.1.18.GeneralError", "message": "See the list.",
        "@Message.ExtendedInfo": [{"MessageId": id, "Message": text, "Severity": "Critical"}],
    }})
    .to_string()
}
