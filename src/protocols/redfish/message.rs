//! The service's own words: error bodies and their messages (DSP0266, "Error responses").

use std::fmt;

use serde_json::Value;

/// How many characters of a service's sentence are shown.
const SHOWN: usize = 300;

/// One message of the service, fit to be printed: one line, of limited length, the password struck out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMessage {
    /// The message's name in its registry, such as `Base.1.8.InsufficientPrivilege`; empty where there is none.
    pub id: String,
    /// The sentence; empty where there is none.
    pub text: String,
}

impl ServiceMessage {
    /// Whether this is the message `name`, whichever registry and version it is taken from.
    pub fn is(&self, name: &str) -> bool {
        self.id.rsplit('.').next() == Some(name)
    }

    /// The most telling message of a body: of `error.@Message.ExtendedInfo` (or, as some services have it, one at
    /// the top) the first that isn't the general one, otherwise `error.code` and `error.message`.
    pub(super) fn find(body: &Value, secrets: &[String]) -> Option<ServiceMessage> {
        let error = body.get("error");
        let listed = [error, Some(body)]
            .into_iter()
            .flatten()
            .filter_map(|holder| holder.get("@Message.ExtendedInfo"))
            // The specification has an array; a lone object has been seen in its place.
            .flat_map(|info| info.as_array().map_or(std::slice::from_ref(info), Vec::as_slice));
        let mut messages = listed.filter_map(|info| read(info, "MessageId", "Message", secrets));
        let summary = || error.and_then(|error| read(error, "code", "message", secrets));
        let first = messages.next();
        match first {
            Some(first) if first.is("GeneralError") => messages.next().or(Some(first)),
            Some(first) => Some(first),
            None => summary(),
        }
    }
}

impl fmt::Display for ServiceMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text.as_str(), self.id.as_str()) {
            (text, "") => f.write_str(text),
            ("", id) => f.write_str(id),
            (text, id) => write!(f, "{text} ({id})"),
        }
    }
}

fn read(holder: &Value, id: &str, text: &str, secrets: &[String]) -> Option<ServiceMessage> {
    let field = |name: &str| holder.get(name).and_then(Value::as_str).map(|value| tidy(value, secrets));
    let (id, text) = (field(id).unwrap_or_default(), field(text).unwrap_or_default());
    if id.is_empty() && text.is_empty() { None } else { Some(ServiceMessage { id, text }) }
}

/// The forms in which a service may repeat a password: as it is, and as it stood in the JSON of a request, with all
/// characters or ASCII alone.
pub(super) fn forms(password: &str) -> Vec<String> {
    let quoted = Value::from(password).to_string();
    let json =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
    let ascii = json.chars().fold(String::new(), |mut text, c| {
        match c {
            ' '..='~' => text.push(c),
            _ => text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
        text
    });
    vec![password.to_owned(), json, ascii]
}

/// Text of the service made fit to be shown: services do repeat what they were sent.
pub(super) fn tidy(text: &str, secrets: &[String]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), "***");
    }
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(body: Value) -> String {
        ServiceMessage::find(&body, &forms("hun\"tér2"))
            .map(|message| message.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn the_message_that_tells_most_is_found() {
        let general = json!({"MessageId": "Base.1.0.GeneralError", "Message": "Look below."});
        let telling = json!({"MessageId": "Vendor.2.1.PSU501", "Message": "Already off."});
        assert_eq!(
            found(json!({"error": {"@Message.ExtendedInfo": [general, telling]}})),
            "Already off. (Vendor.2.1.PSU501)"
        );
        assert_eq!(
            found(json!({"error": {"@Message.ExtendedInfo": telling}})),
            "Already off. (Vendor.2.1.PSU501)"
        );
        assert_eq!(found(json!({"@Message.ExtendedInfo": [telling]})), "Already off. (Vendor.2.1.PSU501)");
        assert_eq!(
            found(json!({"error": {"@Message.ExtendedInfo": [general]}})),
            "Look below. (Base.1.0.GeneralError)"
        );
        assert_eq!(found(json!({"error": {"code": "E.1.Bad", "message": "No."}})), "No. (E.1.Bad)");
        assert_eq!(found(json!({"error": {"@Message.ExtendedInfo": [{"MessageId": "X.1.Y"}]}})), "X.1.Y");
    }

    #[test]
    fn bodies_without_a_message_give_none() {
        for body in [json!({}), json!([]), json!("text"), json!({"error": 5}), json!({"error": {"code": 7}})]
        {
            assert_eq!(found(body), "");
        }
    }

    #[test]
    fn messages_are_known_by_their_suffix_in_any_version() {
        let message = |id: &str| ServiceMessage { id: id.into(), text: String::new() };
        assert!(message("Base.1.18.1.AccessDenied").is("AccessDenied"));
        assert!(message("AccessDenied").is("AccessDenied"));
        assert!(!message("Base.1.0.NotAccessDenied").is("AccessDenied"));
    }

    #[test]
    fn a_message_is_one_short_line_without_the_password() {
        for repeated in ["hun\"tér2", "hun\\\"tér2", "hun\\\"t\\u00e9r2"] {
            let text = format!("The value '{repeated}'\r\n\u{1b}[2J for Password {}", "x".repeat(5000));
            let shown = found(json!({"error": {"message": text}}));
            assert!(!shown.contains("hun") && !shown.contains("r2") && shown.contains("***"), "{shown}");
            assert!(!shown.contains(['\n', '\r', '\u{1b}']) && shown.chars().count() <= SHOWN, "{shown}");
        }
    }
}
