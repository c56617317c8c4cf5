//! For the fuzz targets: an answer made up of its parts, and what each of its readers takes it for.

use std::time::Duration;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::answer::Answer as _;
use super::client::{Config, Members, SERVICE, progress_of, task_of};
use super::error::Error;
use super::resource::{Progress, Root, System, Task, allowed_of_action_info};
use crate::protocols::http::{Link, Response};

/// An answer as it could have come.
pub struct Received(Response);

impl Received {
    /// With these headers, of which what HTTP has no room for is left out.
    pub fn new<'a>(
        status: u16,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        body: &[u8],
    ) -> Received {
        let mut map = HeaderMap::new();
        for (name, value) in headers.take(100) {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
                map.append(name, value);
            }
        }
        Received(Response::new("GET /".to_owned(), status, map, body.to_vec(), SERVICE))
    }

    /// As a service root.
    pub fn root(&self, config: &Config) -> Result<Root, Error> {
        Root::read(&self.0.object(true)?, &config.origins()?)
    }

    /// As a system.
    pub fn system(&self, config: &Config) -> Result<System, Error> {
        let body = self.0.object(true)?;
        System::read(config.link("/redfish/v1/Systems/1")?, &body)
            .map_err(|what| Error::unexpected(&self.0.uri, what, true))
    }

    /// As a page of a collection: its members, and the next page.
    pub fn members(&self, config: &Config) -> Result<(Vec<Link>, Option<Link>), Error> {
        let mut members = Members::default();
        let next = members.take_in(&self.0, &config.origins()?, true)?;
        Ok((members.links, next))
    }

    /// As the answer to a reset: the task that it names.
    pub fn task(&self, config: &Config) -> Result<Option<Task>, Error> {
        Ok(task_of(&self.0, &config.origins()?))
    }

    /// As the answer to a look at a task.
    pub fn progress(&self) -> Result<Progress, Error> {
        progress_of(&self.0)
    }

    /// As an ActionInfo: the reset types that it allows.
    pub fn allowed(&self) -> Option<Vec<String>> {
        allowed_of_action_info(&self.0.json_or_null())
    }

    /// As a refusal.
    pub fn refusal(&self) -> Error {
        self.0.error()
    }

    /// As a redirect: where to.
    pub fn redirect(&self, config: &Config) -> Result<Option<Link>, Error> {
        let place = config.link("/redfish/v1/Systems/1")?;
        self.0.location().map(|text| Ok(config.origins()?.redirect(&place, text)?)).transpose()
    }

    /// Retry-After.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after()
    }

    /// Whether it asks for a password.
    pub fn offers_basic(&self) -> bool {
        self.0.offers_basic()
    }

    /// The entity tag.
    pub fn etag(&self) -> Option<&str> {
        self.0.etag()
    }
}
