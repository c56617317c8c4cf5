//! What a service tells beside its systems: its managers, the account that is logged in, sessions, tasks. Fencing
//! needs none of it, so a service that keeps it to itself is no error, and no answer here ends anything.

use std::time::Duration;

use log::debug;
use serde_json::Value;

use super::{Client, Error, Link, PAGES, System};
use crate::base::{Deadline, Told};
use crate::protocols::http::{Certificate, Request};
use crate::protocols::redfish::resource::{odata_id, places, text, words};

/// How many accounts are read, and how many tasks: services have some 16 slots for the one, and may keep hundreds of
/// the other.
const MOST_ACCOUNTS: usize = PAGES;
const MOST_TASKS: usize = 10;

/// How the client is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Each request carries user name and password (RFC 7617).
    Basic,
    /// A session has been opened (DSP0266, "Session login").
    Session,
}

/// A service processor (Manager schema). Texts that are missing are `None`.
#[derive(Clone, Debug)]
pub struct Manager {
    /// `Model`.
    pub model: Option<Told>,
    /// `FirmwareVersion`.
    pub firmware: Option<Told>,
    /// `DateTime`, as written.
    pub date_time: Option<Told>,
    /// `Status.State`.
    pub state: Option<Told>,
}

/// An account (ManagerAccount and Role schemas).
#[derive(Clone, Debug)]
pub struct Account {
    /// `RoleId`.
    pub role: Option<Told>,
    /// The role's `AssignedPrivileges`; `None` where they can't be read.
    pub privileges: Option<Vec<String>>,
    /// The role's `OemPrivileges`.
    pub oem_privileges: Vec<String>,
    /// `PasswordChangeRequired`: until then the account may do nothing else.
    pub must_change_password: bool,
    /// `PasswordExpiration`, as written.
    pub password_expires: Option<Told>,
}

impl Client {
    /// How the service has let this client in; `None` before it has.
    pub fn login(&self) -> Option<Login> {
        match (&self.session, self.accepted) {
            (Some(_), _) => Some(Login::Session),
            (None, true) if self.credentials.is_some() => Some(Login::Basic),
            _ => None,
        }
    }

    /// Whether the service ends its connections, so that a command is bound to nothing but its certificate.
    pub fn ends_connections(&self) -> bool {
        self.http.ends_connections()
    }

    /// The certificate of the newest connection.
    pub fn certificate(&self) -> Option<Certificate> {
        self.http.certificate().map(Certificate::read)
    }

    /// The request of this run whose answer took longest, and how long.
    pub fn slowest(&self) -> Option<(&str, Duration)> {
        self.http.slowest().map(|(uri, took)| (uri.as_str(), *took))
    }

    /// The first of the managers that the system names; `None` where none can be read.
    ///
    /// # Errors
    /// Those that keep a request from being answered at all, and a login that was denied before.
    pub fn manager(&mut self, system: &System, deadline: Deadline) -> Result<Option<Manager>, Error> {
        for place in &system.managers {
            let Ok(link) = self.origins.link(place) else { continue };
            if let Some(body) = self.peek(&link, deadline)? {
                return Ok(Some(Manager {
                    model: text(&body, "Model"),
                    firmware: text(&body, "FirmwareVersion"),
                    date_time: text(&body, "DateTime"),
                    state: body.get("Status").and_then(|status| text(status, "State")),
                }));
            }
        }
        Ok(None)
    }

    /// The account that this client logs in as; `None` where the service has none of this name, or doesn't show it.
    ///
    /// # Errors
    /// Those of [`Client::manager`].
    pub fn account(&mut self, deadline: Deadline) -> Result<Option<Account>, Error> {
        let Some(user) = self.credentials.as_ref().map(|credentials| credentials.user.clone()) else {
            return Ok(None);
        };
        let Some(place) = self.root(deadline)?.accounts else { return Ok(None) };
        let Some(service) = self.peek(&place, deadline)? else { return Ok(None) };
        let Some(listed) = self.peek_below(&service, "Accounts", deadline)? else { return Ok(None) };
        for member in listed.get("Members").into_iter().flat_map(places).take(MOST_ACCOUNTS) {
            let Ok(link) = self.origins.link(member) else { continue };
            let Some(body) = self.peek(&link, deadline)? else { continue };
            if body.get("UserName").and_then(Value::as_str) != Some(&user) {
                continue;
            }
            let named = body.pointer("/Links/Role").and_then(odata_id).map(str::to_owned);
            let role = match named.map(|place| self.origins.link(&place)) {
                Some(Ok(link)) => self.peek(&link, deadline)?,
                _ => None,
            };
            let list = |name: &str| role.as_ref().and_then(|role| role.get(name)).and_then(words);
            return Ok(Some(Account {
                role: text(&body, "RoleId"),
                privileges: list("AssignedPrivileges"),
                oem_privileges: list("OemPrivileges").unwrap_or_default(),
                must_change_password: body.get("PasswordChangeRequired") == Some(&Value::Bool(true)),
                password_expires: text(&body, "PasswordExpiration"),
            }));
        }
        Ok(None)
    }

    /// How many sessions are open; `None` where the service doesn't tell.
    ///
    /// # Errors
    /// Those of [`Client::manager`].
    pub fn open_sessions(&mut self, deadline: Deadline) -> Result<Option<usize>, Error> {
        let Some(place) = self.root(deadline)?.sessions else { return Ok(None) };
        let body = self.peek(&place, deadline)?;
        let members = body.as_ref().and_then(|body| body.get("Members")).and_then(Value::as_array);
        Ok(members.map(Vec::len))
    }

    /// The names of tasks that haven't ended, among the last ones that the service lists.
    ///
    /// # Errors
    /// Those of [`Client::manager`].
    pub fn running_tasks(&mut self, deadline: Deadline) -> Result<Vec<String>, Error> {
        let Some(place) = self.root(deadline)?.tasks else { return Ok(Vec::new()) };
        let Some(service) = self.peek(&place, deadline)? else { return Ok(Vec::new()) };
        let listed = self.peek_below(&service, "Tasks", deadline)?;
        let members = listed.as_ref().and_then(|body| body.get("Members"));
        let mut running = Vec::new();
        for member in members.map(places).into_iter().flat_map(Iterator::rev).take(MOST_TASKS) {
            let Ok(link) = self.origins.link(member) else { continue };
            let Some(body) = self.peek(&link, deadline)? else { continue };
            if let Some(state @ ("New" | "Starting" | "Running" | "Pending" | "Stopping" | "Cancelling")) =
                body.get("TaskState").and_then(Value::as_str)
            {
                let name = text(&body, "Name").or_else(|| text(&body, "Id"));
                running.push(format!(
                    "{} ({state})",
                    name.map_or_else(|| link.to_string(), |name| name.to_string())
                ));
            }
        }
        Ok(running)
    }

    /// The resource that a field of this one links to.
    fn peek_below(&mut self, body: &Value, field: &str, deadline: Deadline) -> Result<Option<Value>, Error> {
        let link = body.get(field).and_then(odata_id).map(|place| self.origins.link(place));
        match link {
            Some(Ok(link)) => self.peek(&link, deadline),
            _ => Ok(None),
        }
    }

    /// A resource that the service may show or not. Nothing that it answers has consequences: a 401 here, which some
    /// give where 403 is meant, doesn't end the run, and after one nothing more is asked that could count against
    /// the account.
    fn peek(&mut self, link: &Link, deadline: Deadline) -> Result<Option<Value>, Error> {
        if let Some(denied) = &self.denied {
            return Err(denied.clone());
        }
        if !self.accepted || self.reserved || self.basic_refused && self.session.is_none() {
            return Ok(None);
        }
        let answer = self.send(&Request::get(link), deadline)?;
        self.reserved = answer.status == 401;
        if !answer.is_success() {
            debug!("{}: not shown: HTTP {}", answer.uri, answer.status);
            return Ok(None);
        }
        Ok(Some(answer.json_or_null()).filter(Value::is_object))
    }
}
