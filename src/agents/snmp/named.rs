//! Plugs that were asked for by name. Names can change hands, and what is said of such a plug is said of whatever bears
//! its name then: every look reads it again.

use log::warn;

use crate::protocols::snmp::{Answer, Oid, Value};

/// The name that a plug was asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The object that held it.
    pub object: Oid,
    /// The name.
    pub name: String,
}

impl Named {
    /// Whether the object holds another name now, or none; it is logged with these words for the plug and its kind.
    pub fn is_lost(&self, plug: &str, kind: &str, told: Option<&Answer>) -> bool {
        let told = told.and_then(|told| told.value().and_then(Value::as_text));
        let lost = told.as_ref() != Some(&self.name);
        if lost {
            let (name, told) = (&self.name, told.unwrap_or_default());
            warn!("{plug}: that {kind} isn't called {name} any more, but '{told}'");
        }
        lost
    }
}

/// A plug of some kind that can be asked for by name.
pub trait Plug {
    /// Whether the other one is the same plug.
    fn is(&self, other: &Self) -> bool;
    /// The name that it was asked for by.
    fn named(&mut self) -> &mut Option<Named>;
}

/// Takes a plug in. The same one twice is one; but one that had two names in turn is none of the two, so it stays
/// twice, and no look finds both names.
pub fn take_in<P: Plug>(plugs: &mut Vec<P>, mut plug: P) {
    let Some(known) = plugs.iter_mut().find(|known| known.is(&plug)) else { return plugs.push(plug) };
    let (old, new) = (known.named(), plug.named());
    if old.is_none() {
        *old = new.take();
    } else if new.is_some() && old != new {
        plugs.push(plug);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Outlet(u32, Option<Named>);

    impl Plug for Outlet {
        fn is(&self, other: &Outlet) -> bool {
            self.0 == other.0
        }

        fn named(&mut self) -> &mut Option<Named> {
            &mut self.1
        }
    }

    #[test]
    fn a_plug_given_twice_is_one_unless_it_had_two_names() {
        for (names, expected) in [
            ([None, None], vec![None]),
            ([None, Some("a")], vec![Some("a")]),
            ([Some("a"), None], vec![Some("a")]),
            ([Some("a"), Some("a")], vec![Some("a")]),
            ([Some("a"), Some("b")], vec![Some("a"), Some("b")]),
        ] {
            let mut plugs = Vec::new();
            for name in names {
                let named = name.map(|name| Named { object: Oid::new([1, 3, 1]), name: name.to_owned() });
                take_in(&mut plugs, Outlet(1, named));
            }
            let kept: Vec<_> =
                plugs.iter().map(|plug| plug.1.as_ref().map(|named| named.name.as_str())).collect();
            assert_eq!(kept, expected, "{names:?}");
        }
    }
}
