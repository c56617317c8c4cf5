//! What the agent tells of a service and of its machine, for explain, doctor and the options that say which machine
//! is meant.

use log::debug;

use super::resets::{preferred, reset_types};
use super::{Learnt, Service, choice, examination};
use crate::base::{Deadline, Told};
use crate::fencing::{About, Command, Error, Fact, Finding, Identity, IdentityKind};
use crate::protocols::redfish::{
    self, Account, Allowed, Certificate, Client, Config, Login, Manager, ResetType, System, Transport, Trust,
};

impl Service {
    /// Asks for something that a service may keep to itself. An error is told as a finding, and is none of the
    /// device's state.
    fn survey<T>(
        &mut self,
        what: &str,
        by: Deadline,
        request: impl FnOnce(&mut Client, Deadline) -> Result<T, redfish::Error>,
    ) -> Result<T, Finding> {
        self.ask(by, request).map_err(|error| {
            debug!("{what}: {error}");
            Finding::advice(format!("{what} can't be read: {error}"), "run doctor again")
        })
    }

    pub(super) fn known_about(&self) -> About {
        let user = self.config.credentials.as_ref().map_or_else(
            || "nobody".to_owned(),
            |credentials| format!("user {} with a password", credentials.user),
        );
        let how = match self.client.as_ref().and_then(Client::login) {
            Some(Login::Basic) => ", by Basic authentication",
            Some(Login::Session) => ", in a session",
            None => "",
        };
        let version = match self.learnt.version.as_str() {
            "" => String::new(),
            version => format!(" {version}"),
        };
        About {
            protocol: format!("Redfish{version} over {}", transport_words(&self.config.transport)),
            credentials: format!("{user}{how}"),
            ..self.learnt.about.clone()
        }
    }

    pub(super) fn learn_about(&mut self, by: Deadline) -> Result<About, Error> {
        let root = self.ask(by, |client, by| client.root(by))?;
        // What is asked beyond this must not use up the time of what is needed.
        let by = by.left().map_or(by, |left| by.at_most(left / 2));
        let system = self.system.clone();
        let manager = match &system {
            Some(system) => {
                self.survey("the manager", by, |client, by| client.manager(system, by)).unwrap_or_default()
            }
            None => None,
        };
        if let Some(system) = &system
            && matches!(system.reset.as_ref().map(|reset| &reset.allowed), Some(Allowed::Behind(_)))
        {
            self.learnt.listed = self.allowed(system, by);
        }
        self.learn_account(by);
        self.learnt.version = root.version.unwrap_or_default().to_string();
        let Learnt { about, account, .. } = &mut self.learnt;
        about.product = product(root.vendor, root.product, manager.as_ref());
        about.firmware = manager.and_then(|manager| manager.firmware).unwrap_or_default().to_string();
        about.privilege = account.as_ref().map(privilege).unwrap_or_default();
        Ok(self.known_about())
    }

    /// The finding where it could not be asked for.
    fn learn_account(&mut self, by: Deadline) -> Option<Finding> {
        if self.learnt.account.is_none() {
            match self.survey("the account", by, |client, by| client.account(by)) {
                Ok(account) => self.learnt.account = account,
                Err(finding) => return Some(finding),
            }
        }
        None
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let Some(system) = &self.system else { return Vec::new() };
        let uri = Some(Told::new(system.link.path()));
        [
            ("uri", &uri),
            ("id", &system.id),
            ("name", &system.name),
            ("hostname", &system.host_name),
            ("manufacturer", &system.manufacturer),
            ("model", &system.model),
            ("sku", &system.sku),
            ("status", &system.status),
            ("boot", &system.boot_progress),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some(Fact::new(name, value.as_ref()?.name())))
        .collect()
    }

    pub(super) fn identity_now(
        &mut self,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        self.pinned = true;
        let known = self.machine(by)?;
        let now = self.read_now(by, true)?;
        let told = identities(&now, kinds);
        match self.recognize(&now) {
            Ok(()) => drop(self.keep(now)),
            // What was asked for doesn't show that it is another one.
            Err(another) if told == identities(&known, kinds) => return Err(another),
            Err(_) => {}
        }
        Ok(told)
    }

    pub(super) fn requests(&self, command: Command) -> Vec<String> {
        let (Some(system), Some(client)) = (&self.system, &self.client) else { return Vec::new() };
        let types = reset_types(command);
        let (listed, asked) = match system.reset.as_ref().map(|reset| &reset.allowed) {
            Some(Allowed::Listed(values)) => (Some(values), None),
            // Where there is a choice, the command asks for the list first.
            Some(Allowed::Behind(place)) => {
                (self.learnt.listed.as_ref(), types.1.map(|_| format!("GET {}", Told::new(place))))
            }
            Some(Allowed::NotTold) | None => (None, None),
        };
        let kind = preferred(types, listed.map(Vec::as_slice));
        let command = client
            .reset_words(system, kind)
            .unwrap_or_else(|error| format!("nothing, because {kind} can't be sent: {error}"));
        asked.into_iter().chain([command]).collect()
    }

    pub(super) fn findings(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let system = match self.machine_now(by) {
            Ok(system) => Some(system),
            Err(Error::Untrusted { .. }) => return Ok(self.stranger(by).into_iter().collect()),
            // The step that looks for it has said so.
            Err(error) => {
                debug!("no machine to examine: {error}");
                None
            }
        };
        let mut findings = Vec::new();
        if let Some(system) = system.as_ref().filter(|_| self.chosen_by_plug) {
            findings.push(examination::of_choice(&choice::id(system)));
        }
        let Some(client) = &self.client else { return Ok(findings) };
        let (certificate, login) = (client.certificate(), client.login());
        if let (Transport::Https(trust), Some(certificate)) = (&self.config.transport, certificate) {
            findings.extend(examination::of_certificate(trust, &certificate));
            findings.extend(examination::of_bond(client.ends_connections(), trust, &certificate));
        }
        if login.is_none() {
            return Ok(findings);
        }
        if let Some(system) = &system {
            let listed = self.allowed(system, by);
            let elsewhere =
                self.client.as_ref().and_then(|client| client.reset_words(system, ResetType::ForceOff).err());
            findings.extend(examination::of_reset(system, listed.as_deref(), elsewhere));
            match self.survey("the manager", by, |client, by| client.manager(system, by)) {
                Ok(manager) => findings.extend(manager.iter().flat_map(examination::of_manager)),
                Err(finding) => findings.push(finding),
            }
        }
        match self.learn_account(by) {
            None => findings.extend(examination::of_account(self.learnt.account.as_ref())),
            Some(finding) => findings.push(finding),
        }
        match self.survey("the list of sessions", by, |client, by| client.open_sessions(by)) {
            Ok(open) => findings.extend(open.map(|open| examination::of_sessions(open, login))),
            Err(finding) => findings.push(finding),
        }
        match self.survey("the list of tasks", by, |client, by| client.running_tasks(by)) {
            Ok(running) => findings.extend(examination::of_tasks(&running)),
            Err(finding) => findings.push(finding),
        }
        let slowest = self.client.as_ref().and_then(Client::slowest);
        findings.extend(slowest.map(|(uri, took)| examination::of_slowest(uri, took)));
        Ok(findings)
    }

    /// The certificate of a service that isn't trusted, looked at without logging in.
    fn stranger(&self, by: Deadline) -> Option<Finding> {
        let config = Config {
            transport: Transport::Https(Trust::Unchecked),
            credentials: None,
            ..self.config.clone()
        };
        let mut client = Client::new(config, by).ok()?;
        // Whatever it answers, the certificate has come before.
        let _ = client.root(by);
        let certificate: Certificate = client.certificate()?;
        Some(examination::of_stranger(&certificate))
    }
}

/// The values of these kinds that a system tells. Never its `HostName`: the operating system tells that, if it lives.
fn identities(system: &System, kinds: &[IdentityKind]) -> Vec<Identity> {
    [
        (IdentityKind::Uuid, "UUID", &system.uuid),
        (IdentityKind::Serial, "SerialNumber", &system.serial_number),
        (IdentityKind::Name, "AssetTag", &system.asset_tag),
    ]
    .into_iter()
    .filter(|(kind, ..)| kinds.contains(kind))
    .filter_map(|(kind, field, value)| {
        let value = value.as_ref().filter(|value| redfish::is_whole(value))?;
        Some(Identity::new(kind, value.raw(), format!("{field} of {}", system.link)))
    })
    .collect()
}

fn transport_words(transport: &Transport) -> String {
    match transport {
        Transport::Http => "HTTP, which encrypts nothing".to_owned(),
        Transport::Https(Trust::System) => {
            "HTTPS, the certificate verified against the system's authorities".to_owned()
        }
        Transport::Https(Trust::Authorities(path)) => {
            format!("HTTPS, the certificate verified against the authorities in {}", path.display())
        }
        Transport::Https(Trust::Pinned(_)) => "HTTPS, with the pinned certificate".to_owned(),
        Transport::Https(Trust::Unchecked) => "HTTPS, the certificate not verified".to_owned(),
    }
}

/// Maker and product of the service; the manager's model where the root names no product.
fn product(vendor: Option<Told>, product: Option<Told>, manager: Option<&Manager>) -> String {
    let product = product.or_else(|| manager.and_then(|manager| manager.model.clone())).unwrap_or_default();
    match vendor {
        Some(vendor) if !product.raw().starts_with(vendor.raw()) => {
            format!("{vendor} {product}").trim_end().to_owned()
        }
        _ => product.to_string(),
    }
}

/// `role Operator: Login, ConfigureSelf, ConfigureComponents`
fn privilege(account: &Account) -> String {
    let role = account.role.as_ref().map(|role| format!("role {role}"));
    let all: Vec<String> =
        account.privileges.iter().flatten().chain(&account.oem_privileges).cloned().collect();
    let all = Some(all.join(", ")).filter(|all| !all.is_empty());
    role.into_iter().chain(all).collect::<Vec<_>>().join(": ")
}
