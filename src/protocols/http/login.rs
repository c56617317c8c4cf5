//! Who we are to a service, and how it is told: Basic, Digest, Bearer. A wrong password is tried once.

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use url::Origin;

use super::challenge::Challenge;
use super::digest::Digest;
use super::error::Error;
use super::request::{Request, basic};
use super::response::Response;
use crate::base::{Secret, told};

/// What proves who we are.
#[derive(Clone, Debug)]
pub enum Login {
    /// User name and password with every request (RFC 7617).
    Basic {
        /// The user name, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// What only somebody can compute who has the password (RFC 7616): SHA-256 or MD5, whichever the service offers. The
    /// first request goes without, to be told what to compute.
    Digest {
        /// The user name, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token (RFC 6750).
    Bearer(Secret),
}

impl Login {
    /// # Errors
    /// [`Error::BadCredentials`] for what can't be carried.
    pub(super) fn check(&self) -> Result<(), Error> {
        let bad = |why| Err(Error::BadCredentials { why });
        match self {
            Login::Basic { user, .. } | Login::Digest { user, .. } if user.contains(':') => {
                bad("the user name holds a colon, which HTTP authentication can't carry")
            }
            Login::Basic { user, .. } | Login::Digest { user, .. } if user.contains(char::is_control) => {
                bad("the user name holds a control character, which HTTP can't carry")
            }
            // RFC 6750, 2.1.
            Login::Bearer(token) if token.is_empty() || !token.expose().iter().all(u8::is_ascii_graphic) => {
                bad("the token holds something other than visible characters of ASCII")
            }
            _ => Ok(()),
        }
    }

    /// Keeps the secret out of what is shown, in the forms in which a service may repeat it.
    fn keep_out(&self) {
        match self {
            Login::Basic { user, password } => {
                told::keep_out(password);
                told::keep_out_behind(user);
            }
            Login::Digest { password, .. } => told::keep_out(password),
            Login::Bearer(token) => told::keep_out(token),
        }
    }
}

/// What is to be done with an answer.
pub(super) enum Verdict {
    /// It is one.
    Answer,
    /// The same once more, now that it is known how: it has not been judged.
    Again,
    /// It is the end.
    Denied(Error),
}

/// A login, and what the service thinks of it.
pub(super) struct Proof {
    login: Login,
    /// What the service wants to have computed, and where.
    digest: Option<(Origin, Digest)>,
    /// Whether it has been accepted.
    pub(super) accepted: bool,
    /// The refusal that ended it all.
    pub(super) denied: Option<Error>,
}

impl Proof {
    pub(super) fn new(login: Login) -> Proof {
        login.keep_out();
        Proof { login, digest: None, accepted: false, denied: None }
    }

    /// The value of `Authorization` for a request; `None` where it isn't known yet what to write there.
    ///
    /// # Errors
    /// [`Error::Setup`] where there is no randomness.
    pub(super) fn header(&mut self, request: &Request<'_>) -> Result<Option<HeaderValue>, Error> {
        let text = match &self.login {
            Login::Basic { user, password } => return Ok(Some(basic(user, password.expose()))),
            Login::Bearer(token) => Secret::new([b"Bearer ", token.expose()].concat()),
            Login::Digest { user, password } => {
                let here = request.link.url().origin();
                let Some((_, digest)) = self.digest.as_mut().filter(|(origin, _)| *origin == here) else {
                    return Ok(None);
                };
                let (method, place) = (request.method.as_str(), request.link.path());
                let cnonce = random().map_err(|why| Error::Setup { why, passing: true })?;
                Secret::new(digest.answer(user, password.expose(), method, place, &cnonce).as_bytes())
            }
        };
        // What is in it was checked before, or comes from a header.
        let mut value = HeaderValue::from_bytes(text.expose()).map_err(|_| Error::BadCredentials {
            why: "the user name or password can't be written into a header",
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Judges the answer to a request, which had the proof with it or not. `again` says that it was sent again already.
    pub(super) fn judge(
        &mut self,
        request: &Request<'_>,
        response: &Response,
        proven: bool,
        again: bool,
    ) -> Verdict {
        if let (true, Some((_, digest))) = (proven, &mut self.digest) {
            let info = response.header(http::HeaderName::from_static("authentication-info"));
            let next = info.map(Challenge::parameters_of);
            if let Some(nonce) = next.as_ref().and_then(|info| info.parameter("nextnonce")) {
                digest.renew(nonce);
            }
        }
        if response.status != 401 {
            self.accepted |= proven && response.is_success();
            return Verdict::Answer;
        }
        let denied = Error::LoginDenied { uri: response.uri.clone() };
        let verdict = match &self.login {
            Login::Basic { .. } | Login::Bearer(_) => Verdict::Denied(denied),
            Login::Digest { .. } => {
                match Digest::choose(&Challenge::read(response.all(WWW_AUTHENTICATE))) {
                    // A password that was accepted before, and a nonce that is too old by now. Of a fresh one that counts
                    // for nothing: it may be how this service refuses.
                    Some((digest, stale)) if !proven || stale && self.accepted && !again => {
                        self.digest = Some((request.link.url().origin(), digest));
                        Verdict::Again
                    }
                    None if !proven => Verdict::Denied(Error::NoSuchLogin { uri: response.uri.clone() }),
                    _ => Verdict::Denied(denied),
                }
            }
        };
        if let Verdict::Denied(error) = &verdict {
            self.denied = Some(error.clone());
        }
        verdict
    }
}

/// Sixteen random bytes in hexadecimal.
fn random() -> Result<String, String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_carried_is_refused_before_anything_is_sent() {
        let secret = || Secret::new("x");
        let user = |user: &str| (user.to_owned(), secret());
        for text in ["a:b", "a\nb"] {
            let ((user, password), (other, other_password)) = (user(text), user(text));
            assert!(Login::Basic { user, password }.check().is_err(), "{text:?}");
            assert!(Login::Digest { user: other, password: other_password }.check().is_err(), "{text:?}");
        }
        for token in ["", "a b", "a\r\nb", "\u{fc}"] {
            assert!(Login::Bearer(Secret::new(token)).check().is_err(), "{token:?}");
        }
        assert!(Login::Bearer(Secret::new("PVEAPIToken=root@pam!x=aaaa-bbbb")).check().is_ok());
    }
}
