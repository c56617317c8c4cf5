//! JSON in which a name that is told twice with two values tells nothing, and of which no more is kept than memory
//! can bear.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::base::Told;

/// How many values one answer may hold. The longest system seen (200 KiB) has some 7,000, a collection of a thousand
/// members 3,000. Each costs many times in memory what it takes in the answer: `[{"a":0},{"a":0},…` seventy times.
const VALUES: usize = 40_000;

/// What stands for bytes that are no UTF-8.
pub const UNREADABLE: char = char::REPLACEMENT_CHARACTER;

/// Reads one value. Names of an object should be unique (RFC 8259, section 4), and no standard says which of two
/// counts: with two values it is null here, so that `"On"` and `"Off"` in one answer are no state. The same value
/// twice stays that value.
///
/// Bytes that are no UTF-8, as some services have them in fields that nobody has filled, are replaced by
/// [`UNREADABLE`], and don't take the rest of the answer away.
///
/// # Errors
/// Those of `serde_json`, whose limit of depth is kept; too many values.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => read(serde_json::Deserializer::from_str(text)),
        Cow::Owned(mended) => read(serde_json::Deserializer::from_str(&mended)),
    }
}

fn read<'de>(
    mut source: serde_json::Deserializer<serde_json::de::StrRead<'de>>,
) -> Result<Value, serde_json::Error> {
    let left = Cell::new(VALUES);
    let value = Reader { left: &left }.deserialize(&mut source)?;
    source.end()?;
    Ok(value)
}

/// Whether a text is all that the service has written: one that was cut, or had unreadable bytes in it, is equal to
/// nothing.
pub fn is_whole(text: &Told) -> bool {
    !text.is_cut() && !text.raw().contains(UNREADABLE)
}

/// Reads a value as long as some are left to be read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    left: &'a Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| D::Error::custom(TOO_MANY))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

/// The words of the error for an answer with too many values.
const TOO_MANY: &str = "too many values";

impl<'de> Visitor<'de> for Reader<'_> {
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
        while let Some(value) = access.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(self)?;
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
    fn bytes_that_are_no_text_spoil_their_own_value_and_no_other() {
        for raw in [&b"\xff\xff"[..], b"caf\xe9", b"\xed\xa0\x80", b"x\xc3"] {
            let body = [br#"{"SerialNumber": ""#, raw, br#"", "PowerState": "Off"}"#].concat();
            let told = parse(&body).unwrap();
            assert_eq!(told["PowerState"], "Off");
            assert!(!is_whole(&Told::new(told["SerialNumber"].as_str().unwrap())), "{told}");
        }
        // In the word itself they leave no state.
        let told = parse(b"{\"PowerState\": \"Off\xff\"}").unwrap();
        assert_ne!(told["PowerState"], "Off");
        // Two names that differ in such bytes alone are one name with two values.
        assert_eq!(parse(b"{\"a\xff\": 1, \"a\xfe\": 2}").unwrap(), json!({"a\u{fffd}": null}));
    }

    #[test]
    #[cfg_attr(miri, ignore = "half a million values")]
    fn an_answer_holds_no_more_values_than_memory_can_bear() {
        let filled = |value: &str, times: usize| format!("[{}]", vec![value; times].join(","));
        for value in ["0", "[]", "\"\"", "{\"a\":0}", "[[[]]]"] {
            assert!(parse(filled(value, VALUES / 10).as_bytes()).is_ok());
            assert!(parse(filled(value, VALUES + 1).as_bytes()).is_err(), "{value}");
        }
        let names: Vec<String> = (0..=VALUES).map(|n| format!("\"{n}\":0")).collect();
        assert!(parse(format!("{{{}}}", names.join(",")).as_bytes()).is_err());
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
