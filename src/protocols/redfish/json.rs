//! JSON in which nothing is said twice.
//!
//! RFC 8259 (section 4) leaves open what a name means that stands twice in an object. Here it means what it says where
//! it says the same both times, and otherwise nothing: its value is null. A PowerState that is both "On" and "Off" is
//! neither.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a whole text.
///
/// # Errors
/// Those of the JSON parser.
pub(super) fn read(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Unambiguous>(text).map(|read| read.0)
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Unambiguous, D::Error> {
        from.deserialize_any(Reader).map(Unambiguous)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number beyond all bounds"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Unambiguous(value))) = object.next_entry::<String, Unambiguous>()? {
            let twice = members.get(&name).is_some_and(|before| *before != value);
            members.insert(name, if twice { Value::Null } else { value });
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_once_reads_as_ever() {
        for text in [
            r#"{"a": [1, -2, 3.5, 1e300, 18446744073709551615, "\u00e4\n"], "b": {"c": null, "d": true}}"#,
            r#"[]"#,
            r#""text""#,
            "null",
        ] {
            assert_eq!(
                read(text.as_bytes()).unwrap(),
                serde_json::from_str::<Value>(text).unwrap(),
                "{text}"
            );
        }
        for text in ["", "{", "{\"a\"}", "[1,]", "nul", "1 2", "1e999", &"[".repeat(5000)] {
            assert!(read(text.as_bytes()).is_err(), "{text:.20}");
        }
    }

    #[test]
    fn what_is_said_twice_and_differently_says_nothing() {
        for (text, meant) in [
            (r#"{"PowerState": "On", "PowerState": "Off"}"#, json!({"PowerState": null})),
            (r#"{"PowerState": "Off", "Power\u0053tate": "On"}"#, json!({"PowerState": null})),
            (r#"{"PowerState": "Off", "PowerState": "Off"}"#, json!({"PowerState": "Off"})),
            (r#"{"a": 1, "a": 2, "a": 1, "a": 1}"#, json!({"a": null})),
            (r#"[{"a": {"b": 1, "b": 2}}]"#, json!([{"a": {"b": null}}])),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), meant, "{text}");
        }
    }
}
