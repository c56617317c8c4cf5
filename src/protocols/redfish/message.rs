//! The service's own words: error bodies and their messages (DSP0266, "Error responses").

use std::fmt;

use serde_json::Value;

use crate::base::Told;

/// How many characters of a service's sentence are shown.
const SHOWN: usize = 300;

/// One message of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMessage {
    /// The message's name in its registry, such as `Base.1.8.InsufficientPrivilege`; empty where there is none.
    pub id: Told,
    /// The sentence; empty where there is none.
    pub text: Told,
}

impl ServiceMessage {
    /// Whether this is the message `name`, whichever registry and version it is taken from.
    pub fn is(&self, name: &str) -> bool {
        !self.id.is_cut() && self.id.raw().rsplit('.').next() == Some(name)
    }

    /// The most telling message of a body: of `error.@Message.ExtendedInfo` (or, as some services have it, one at
    /// the top) the first that isn't the general one, otherwise `error.code` and `error.message`.
    pub(super) fn find(body: &Value) -> Option<ServiceMessage> {
        let error = body.get("error");
        let listed = [error, Some(body)]
            .into_iter()
            .flatten()
            .filter_map(|holder| holder.get("@Message.ExtendedInfo"))
            // The specification has an array; a lone object has been seen in its place.
            .flat_map(|info| info.as_array().map_or(std::slice::from_ref(info), Vec::as_slice));
        let mut messages = listed.filter_map(|info| read(info, "MessageId", "Message"));
        let summary = || error.and_then(|error| read(error, "code", "message"));
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
        match (&self.text, &self.id) {
            (text, id) if id.is_empty() => write!(f, "{text}"),
            (text, id) if text.is_empty() => write!(f, "{id}"),
            (text, id) => write!(f, "{text} ({id})"),
        }
    }
}

fn read(holder: &Value, id: &str, text: &str) -> Option<ServiceMessage> {
    let field = |name: &str| {
        let text = holder.get(name).and_then(Value::as_str).unwrap_or_default();
        Told::at_most(SHOWN, text.trim())
    };
    let (id, text) = (field(id), field(text));
    if id.is_empty() && text.is_empty() { None } else { Some(ServiceMessage { id, text }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Secret, told};
    use serde_json::json;

    fn found(body: Value) -> String {
        ServiceMessage::find(&body).map(|message| message.to_string()).unwrap_or_default()
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
        let message = |id: &str| ServiceMessage { id: id.into(), text: Told::default() };
        assert!(message("Base.1.18.1.AccessDenied").is("AccessDenied"));
        assert!(message("AccessDenied").is("AccessDenied"));
        assert!(!message("Base.1.0.NotAccessDenied").is("AccessDenied"));
    }

    #[test]
    fn a_message_is_one_short_line_without_the_password() {
        told::keep_out(&Secret::new("hun\"tér2"));
        for repeated in ["hun\"tér2", "hun\\\"tér2", "hun\\\"t\\u00e9r2"] {
            let text = format!("The value '{repeated}'\r\n\u{1b}[2J for Password {}", "x".repeat(5000));
            let shown = found(json!({"error": {"message": text}}));
            assert!(!shown.contains("hun") && !shown.contains("r2") && shown.contains("***"), "{shown}");
            assert!(!shown.contains(['\n', '\r', '\u{1b}']) && shown.chars().count() < SHOWN + 40, "{shown}");
        }
    }
}
