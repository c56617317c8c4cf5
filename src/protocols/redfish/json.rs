//! JSON in which a name that is told twice with two values tells nothing.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Reads one value. Names of an object should be unique (RFC 8259, section 4), and no standard says which of two
/// counts: with two values it is null here, so that `"On"` and `"Off"` in one answer are no state. The same value
/// twice stays that value.
///
/// # Errors
/// Those of `serde_json`, whose limit of depth is kept.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).map(|Told(value)| value)
}

struct Told(Value);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Told, D::Error> {
        deserializer.deserialize_any(Reader).map(Told)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Told(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Told(value))) = access.next_entry::<String, Told>()? {
            match object.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(value);
                }
                Entry::Occupied(mut told) if *told.get() != value => {
                    told.insert(Value::Null);
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_once_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 2.5, true, null, "x\u00fc\"", {}], "b": {"c": 18446744073709551615}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        for bad in ["", "{", "{\"a\":1} x", "nul", "{'a':1}"] {
            let (ours, usual) = (parse(bad.as_bytes()), serde_json::from_str::<Value>(bad));
            assert_eq!(ours.unwrap_err().to_string(), usual.unwrap_err().to_string(), "{bad}");
        }
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn two_values_of_one_name_are_none() {
        for (text, expected) in [
            (r#"{"PowerState": "On", "PowerState": "Off"}"#, json!({"PowerState": null})),
            (r#"{"PowerState": "Off", "PowerState": "On"}"#, json!({"PowerState": null})),
            (r#"{"a": 1, "a": 2, "a": 1}"#, json!({"a": null})),
            (r#"{"a": null, "a": "Off"}"#, json!({"a": null})),
            (r#"{"a": "Off", "a": "Off"}"#, json!({"a": "Off"})),
            (r#"{"o": {"a": 1, "a": 2}, "b": 3}"#, json!({"o": {"a": null}, "b": 3})),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
    }
}
