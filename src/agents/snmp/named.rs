//! Plugs that were asked for by name. Names can change hands, and what is said of such a plug is said of whatever bears
//! its name then: every look reads it again.

use std::collections::HashMap;

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
    /// The name as one object after the other holds it now.
    pub fn read(told: Option<&Answer>) -> Option<String> {
        told.and_then(Answer::value).and_then(Value::as_text)
    }
}

/// Plugs by their names. Blanks around a name tell none from another: options are read without them, and devices fill
/// names up with them.
#[derive(Default)]
pub struct Names<T>(HashMap<String, Vec<(T, Named)>>);

impl<T> FromIterator<(T, Named)> for Names<T> {
    fn from_iter<I: IntoIterator<Item = (T, Named)>>(named: I) -> Names<T> {
        let mut names: HashMap<String, Vec<(T, Named)>> = HashMap::new();
        for (plug, named) in named {
            names.entry(named.name.trim().to_owned()).or_default().push((plug, named));
        }
        Names(names)
    }
}

impl<T> Names<T> {
    /// Those that bear this name.
    pub fn of(&self, name: &str) -> &[(T, Named)] {
        self.0.get(name.trim()).map(Vec::as_slice).unwrap_or_default()
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

    #[test]
    fn names_that_differ_in_blanks_alone_are_one_name() {
        let named = |name: &str| Named { object: Oid::new([1, 3, 1]), name: name.to_owned() };
        let names: Names<u32> =
            [(1, named("Slot 0/1 ")), (2, named("web")), (3, named(" web")), (4, named("a b"))]
                .into_iter()
                .collect();
        let of = |name: &str| names.of(name).iter().map(|(plug, _)| *plug).collect::<Vec<_>>();
        assert_eq!(of("Slot 0/1"), [1]);
        assert_eq!(of("Slot 0/1 "), [1]);
        assert_eq!(of("web"), [2, 3]);
        assert_eq!(of("ab"), [0; 0]);
    }

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
