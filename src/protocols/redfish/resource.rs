//! The few resources that matter: service root, collection, ComputerSystem, task (DSP0268, DSP2046).

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::error::Error;
use super::message::ServiceMessage;
use crate::base::Told;
use crate::protocols::http::{LONGEST_LINK, Link, Origins};

/// How many characters of a text are kept. UUIDs have 36, the longest serial number seen 30.
const LONGEST_TEXT: usize = 200;
/// How many words of a list are kept. The schema knows 17 reset types.
const MOST_WORDS: usize = 64;
const LONGEST_WORD: usize = 100;
/// How many managers of a system are kept. Usually it has one.
const MOST_MANAGERS: usize = 8;

/// What the service root tells (ServiceRoot schema).
#[derive(Clone, Debug)]
pub struct Root {
    /// The collection of systems.
    pub systems: Option<Link>,
    /// The collection that new sessions are posted to.
    pub sessions: Option<Link>,
    /// The service that keeps the accounts.
    pub accounts: Option<Link>,
    /// The service that keeps the tasks.
    pub tasks: Option<Link>,
    /// `Vendor`, where the service names one.
    pub vendor: Option<Told>,
    /// `Product`, where the service names one.
    pub product: Option<Told>,
    /// `RedfishVersion`.
    pub version: Option<Told>,
}

/// A machine (ComputerSystem schema). Fields that are missing, empty or no text are `None`.
#[derive(Clone, Debug)]
pub struct System {
    /// Where it stands.
    pub link: Link,
    /// `Id`, unique among its siblings.
    pub id: Option<Told>,
    /// `Name`, often the same for all.
    pub name: Option<Told>,
    /// `HostName`, which the operating system tells the service, if at all.
    pub host_name: Option<Told>,
    /// `SerialNumber`.
    pub serial_number: Option<Told>,
    /// `UUID`.
    pub uuid: Option<Told>,
    /// `AssetTag`, which people write.
    pub asset_tag: Option<Told>,
    /// `SKU`, which Dell calls the service tag.
    pub sku: Option<Told>,
    /// `BootProgress.LastState`.
    pub boot_progress: Option<Told>,
    /// The places of the managers, as written (`Links.ManagedBy`).
    pub(super) managers: Vec<String>,
    /// `SystemType`: `Physical`, `Virtual`, `OS`, `Composed` and so on.
    pub system_type: Option<Told>,
    /// `Status.State`: `Enabled`, or what keeps it from being that, such as `Absent` and `UnavailableOffline`.
    pub status: Option<Told>,
    /// `Manufacturer`.
    pub manufacturer: Option<Told>,
    /// `Model`.
    pub model: Option<Told>,
    /// `PowerState`; `None` where the service doesn't tell.
    pub power_state: Option<PowerState>,
    /// `LastResetTime`, as written: for comparing, not for reckoning.
    pub last_reset_time: Option<Told>,
    /// The action that switches it; `None` where it offers none.
    pub reset: Option<ResetAction>,
}

/// `PowerState` (Resource schema). Only the exact word `Off` is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PowerState {
    /// `On`
    On,
    /// `Off`
    Off,
    /// `PoweringOn`
    PoweringOn,
    /// `PoweringOff`
    PoweringOff,
    /// `Paused`
    Paused,
    /// A word (or another JSON value) that the schema doesn't have.
    Other(Told),
}

/// `#ComputerSystem.Reset`, as a system offers it.
#[derive(Clone, Debug)]
pub struct ResetAction {
    /// The target as written. It is checked when it is used, so that a system with a foreign target can still be
    /// looked at.
    pub(super) target: String,
    /// Which reset types it takes.
    pub allowed: Allowed,
}

/// Which values a parameter takes. This is advice: services list what they can't do, and do what they don't list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// These, from `ResetType@Redfish.AllowableValues`.
    Listed(Vec<String>),
    /// An ActionInfo resource at this place tells: see [`Client::allowed_resets`](super::Client::allowed_resets).
    Behind(String),
    /// The service doesn't tell.
    NotTold,
}

/// `ResetType` (Resource schema), without those that ask the operating system's consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetType {
    /// Turn on.
    On,
    /// Turn on at once.
    ForceOn,
    /// Turn off at once.
    ForceOff,
    /// Restart at once, without power going off.
    ForceRestart,
    /// Power off, then on.
    PowerCycle,
    /// Mains off, then on.
    FullPowerCycle,
    /// Diagnostic interrupt.
    Nmi,
}

/// What became of a reset request, as far as the service's answer says. None of these proves a power state: that is
/// [`System::power_state`], read afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an accepted reset is not a done one, and a refused one is no error of the transport"]
pub enum Reset {
    /// 200, 201 or 204: the service says that it is done.
    Done {
        /// The HTTP status.
        status: u16,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// 202: the service means to do it.
    Accepted {
        /// The task to follow, where the service names one on its own origin.
        task: Option<Task>,
    },
    /// 400 or 409: not now, or not this. Often the machine is in the wanted state already.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
}

/// A task, or the monitor of one (DSP0266, "Asynchronous operations").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Where to look.
    pub link: Link,
    /// The pause that the service asked for before the first look.
    pub retry_after: Option<Duration>,
}

/// How far a task is. Its end proves no power state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a task may still run, or may have failed"]
pub enum Progress {
    /// Not at its end.
    Running {
        /// The pause that the service asks for before the next look.
        retry_after: Option<Duration>,
    },
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed {
        /// `TaskState`, or the HTTP status that the monitor gave.
        state: String,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// The service doesn't know the task (any more).
    Gone,
}

impl ResetType {
    /// What a request for it holds.
    pub(super) fn body(self) -> Value {
        json!({ "ResetType": self.name() })
    }

    /// The word in the schema.
    pub fn name(self) -> &'static str {
        match self {
            ResetType::On => "On",
            ResetType::ForceOn => "ForceOn",
            ResetType::ForceOff => "ForceOff",
            ResetType::ForceRestart => "ForceRestart",
            ResetType::PowerCycle => "PowerCycle",
            ResetType::FullPowerCycle => "FullPowerCycle",
            ResetType::Nmi => "Nmi",
        }
    }
}

impl fmt::Display for ResetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PowerState {
    fn read(value: &Value) -> Option<PowerState> {
        Some(match value {
            Value::Null => return None,
            Value::String(word) => match word.as_str() {
                "On" => PowerState::On,
                "Off" => PowerState::Off,
                "PoweringOn" => PowerState::PoweringOn,
                "PoweringOff" => PowerState::PoweringOff,
                "Paused" => PowerState::Paused,
                other => PowerState::Other(Told::at_most(LONGEST_TEXT, other)),
            },
            other => PowerState::Other(Told::at_most(LONGEST_TEXT, other.to_string())),
        })
    }
}

impl fmt::Display for PowerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PowerState::On => "On",
            PowerState::Off => "Off",
            PowerState::PoweringOn => "PoweringOn",
            PowerState::PoweringOff => "PoweringOff",
            PowerState::Paused => "Paused",
            PowerState::Other(word) => return write!(f, "{word}"),
        })
    }
}

impl Root {
    pub(super) fn read(body: &Value, origin: &Origins) -> Result<Root, Error> {
        let link = |pointer: &str| {
            body.pointer(pointer).and_then(odata_id).map(|text| origin.link(text)).transpose()
        };
        let sessions = match link("/Links/Sessions")? {
            Some(sessions) => Some(sessions),
            None => match link("/SessionService")? {
                Some(service) => {
                    Some(origin.link(&format!("{}/Sessions", service.path().trim_end_matches('/')))?)
                }
                None => None,
            },
        };
        Ok(Root {
            systems: link("/Systems")?,
            sessions,
            // Nothing that fencing needs, so a strange place is as good as none.
            accounts: link("/AccountService").unwrap_or_default(),
            tasks: link("/Tasks").unwrap_or_default(),
            vendor: text(body, "Vendor"),
            product: text(body, "Product"),
            version: text(body, "RedfishVersion"),
        })
    }
}

impl System {
    /// Reads the resource; an error says what it is instead of a ComputerSystem.
    pub(super) fn read(link: Link, body: &Value) -> Result<System, String> {
        let kind = body.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
        if !kind.is_empty() && !kind.trim_start_matches('#').starts_with("ComputerSystem.") {
            return Err(format!("this is no ComputerSystem, but {}", Told::at_most(LONGEST_TEXT, kind)));
        }
        Ok(System {
            link,
            id: text(body, "Id"),
            name: text(body, "Name"),
            host_name: text(body, "HostName"),
            serial_number: text(body, "SerialNumber"),
            uuid: text(body, "UUID"),
            asset_tag: text(body, "AssetTag"),
            sku: text(body, "SKU"),
            boot_progress: body.get("BootProgress").and_then(|progress| text(progress, "LastState")),
            managers: body
                .pointer("/Links/ManagedBy")
                .map(|list| places(list).take(MOST_MANAGERS).map(str::to_owned).collect())
                .unwrap_or_default(),
            system_type: text(body, "SystemType"),
            status: body.get("Status").and_then(|status| text(status, "State")),
            manufacturer: text(body, "Manufacturer"),
            model: text(body, "Model"),
            power_state: body.get("PowerState").and_then(PowerState::read),
            last_reset_time: text(body, "LastResetTime"),
            reset: body.pointer("/Actions/#ComputerSystem.Reset").and_then(ResetAction::read),
        })
    }
}

impl ResetAction {
    fn read(action: &Value) -> Option<ResetAction> {
        let place = |name: &str| {
            let text = action.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && text.len() <= LONGEST_LINK).map(str::to_owned)
        };
        let target = place("target")?;
        let listed = action.get("ResetType@Redfish.AllowableValues").and_then(words);
        let behind = || place("@Redfish.ActionInfo");
        let allowed = match listed {
            Some(values) => Allowed::Listed(values),
            None => behind().map_or(Allowed::NotTold, Allowed::Behind),
        };
        Some(ResetAction { target, allowed })
    }
}

/// The values that an ActionInfo resource allows for `ResetType` (ActionInfo schema).
pub(super) fn allowed_of_action_info(body: &Value) -> Option<Vec<String>> {
    let parameters = body.get("Parameters")?.as_array()?;
    let reset_type =
        parameters.iter().find(|p| p.get("Name").and_then(Value::as_str) == Some("ResetType"))?;
    reset_type.get("AllowableValues").and_then(words)
}

/// How far the task is that this body shows; `None` where it shows no task.
pub(super) fn task_progress(body: &Value, message: Option<ServiceMessage>) -> Option<Progress> {
    let state = body.get("TaskState")?.as_str()?;
    Some(match state {
        "Completed" => Progress::Completed,
        "Exception" | "Killed" | "Cancelled" => Progress::Failed { state: state.to_owned(), message },
        _ => Progress::Running { retry_after: None },
    })
}

pub(super) fn odata_id(holder: &Value) -> Option<&str> {
    holder.get("@odata.id").and_then(Value::as_str)
}

/// The places that a list of links names.
pub(super) fn places(list: &Value) -> impl DoubleEndedIterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(odata_id).filter(|place| place.len() <= LONGEST_LINK)
}

/// The words of a list, the first of one without end; what is too long to be one is none.
pub(super) fn words(list: &Value) -> Option<Vec<String>> {
    let words = list.as_array()?.iter().filter_map(Value::as_str).filter(|word| word.len() <= LONGEST_WORD);
    Some(words.take(MOST_WORDS).map(|word| Told::new(word).name()).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
}

pub(super) fn text(body: &Value, name: &str) -> Option<Told> {
    let text = body.get(name)?.as_str()?.trim();
    if text.is_empty() { None } else { Some(Told::at_most(LONGEST_TEXT, text)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::redfish::Address;

    fn system(body: Value) -> System {
        let origin = Origins::new(true, &Address::parse("bmc", 443).unwrap()).unwrap();
        System::read(origin.link("/redfish/v1/Systems/1").unwrap(), &body).unwrap()
    }

    #[test]
    fn only_the_exact_word_off_is_off() {
        for value in [
            json!("off"),
            json!("OFF"),
            json!(" Off"),
            json!("Off "),
            json!("Offline"),
            json!("PoweringOff"),
            json!("Paused"),
            json!(""),
            json!("On"),
            json!(0),
            json!(false),
            json!(["Off"]),
            json!({"Off": "Off"}),
        ] {
            let state = system(json!({"PowerState": value})).power_state;
            assert!(state.is_some() && state != Some(PowerState::Off), "{value}");
        }
        assert_eq!(system(json!({"PowerState": "Off"})).power_state, Some(PowerState::Off));
    }

    #[test]
    fn a_power_state_that_is_not_told_is_none() {
        assert_eq!(system(json!({})).power_state, None);
        assert_eq!(system(json!({"PowerState": null})).power_state, None);
    }

    #[test]
    fn an_unknown_word_is_kept_for_the_message() {
        let state = system(json!({"PowerState": "Standby"})).power_state.unwrap();
        assert_eq!(state.to_string(), "Standby");
    }

    #[test]
    fn a_reset_without_a_target_is_no_reset() {
        for actions in [
            json!({}),
            json!(null),
            json!({"#ComputerSystem.Reset": {}}),
            json!({"#ComputerSystem.Reset": {"target": ""}}),
            json!({"#ComputerSystem.Reset": {"target": 5}}),
        ] {
            assert!(system(json!({"Actions": actions})).reset.is_none(), "{actions}");
        }
    }

    #[test]
    fn allowed_values_stand_inline_or_elsewhere_or_nowhere() {
        let allowed = |mut action: Value| {
            action["target"] = json!("/reset");
            system(json!({"Actions": {"#ComputerSystem.Reset": action}})).reset.unwrap().allowed
        };
        let inline = json!({"ResetType@Redfish.AllowableValues": ["On", "ForceOff"]});
        assert_eq!(allowed(inline), Allowed::Listed(vec!["On".into(), "ForceOff".into()]));
        assert_eq!(allowed(json!({"@Redfish.ActionInfo": "/info"})), Allowed::Behind("/info".into()));
        assert_eq!(allowed(json!({})), Allowed::NotTold);
        assert_eq!(allowed(json!({"ResetType@Redfish.AllowableValues": []})), Allowed::NotTold);
    }

    #[test]
    fn another_kind_of_resource_is_no_system() {
        let origin = Origins::new(true, &Address::parse("bmc", 443).unwrap()).unwrap();
        let link = origin.link("/redfish/v1/Systems").unwrap();
        let body =
            json!({"@odata.type": "#ComputerSystemCollection.ComputerSystemCollection", "PowerState": "Off"});
        assert!(System::read(link.clone(), &body).is_err());
        let body = json!({"@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "PowerState": "Off"});
        assert!(System::read(link, &body).is_ok());
    }
}
