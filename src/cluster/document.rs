//! A configuration as it was read, and what counts of it: which of several sets of values, and what templates, groups
//! and references add.
//!
//! Source: Pacemaker 2.1, lib/pengine/complex.c and rules.c.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::base::Secret;

/// How many resources, nodes or fencing levels there may be: far more than any cluster has.
const MOST_OF_A_KIND: usize = 10_000;

/// How many sets and values there may be.
const MOST_VALUES: usize = 200_000;

/// How many bytes may come of all references together. One large set that is referred to over and over would make
/// terabytes of a small file.
const LARGEST_RESULT: usize = 64 * 1024 * 1024;

/// The value that takes away what another set gave.
const NO_VALUE: &str = "#default";

/// The set of cluster properties that comes before every other.
const FIRST_PROPERTIES: &str = "cib-bootstrap-options";

/// What a set is of: a reference finds only sets of the same kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Options.
    Instance,
    /// What the cluster is to do with the resource.
    Meta,
    /// Properties of the cluster.
    Properties,
}

/// A set of values.
pub(super) struct Set {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// The id of the set that stands here.
    pub(super) refers: Option<String>,
    pub(super) score: i64,
    /// Whether it counts only where a rule holds.
    pub(super) is_ruled: bool,
    pub(super) pairs: Vec<Pair>,
}

/// A name with its value, either of which may be another pair's.
#[derive(Clone, Default)]
pub(super) struct Pair {
    pub(super) id: String,
    /// The id of the pair from which comes what is missing here.
    pub(super) refers: Option<String>,
    pub(super) name: Option<String>,
    pub(super) value: Option<Secret>,
}

/// What a resource is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// One that does something by itself.
    #[default]
    Primitive,
    /// What several primitives have in common.
    Template,
    /// Holds others: a group, a clone, a bundle.
    Collective,
}

/// A resource.
#[derive(Default)]
pub(super) struct Resource {
    pub(super) form: Form,
    pub(super) id: String,
    pub(super) class: String,
    pub(super) provider: String,
    /// The agent.
    pub(super) agent: String,
    /// The template that it is made from.
    pub(super) template: Option<String>,
    /// What holds it.
    pub(super) parent: Option<usize>,
    /// Its sets, as positions in the document's.
    pub(super) sets: Vec<usize>,
}

impl Resource {
    /// Whether it is the connection to a node that runs no cluster software of its own, and so a node by its name.
    pub(super) fn is_remote_node(&self) -> bool {
        (self.class.as_str(), self.provider.as_str(), self.agent.as_str()) == ("ocf", "pacemaker", "remote")
    }
}

/// A node.
#[derive(Default)]
pub(super) struct Node {
    pub(super) name: String,
    /// Whether it takes part in the cluster itself.
    pub(super) is_member: bool,
    /// Its sets.
    pub(super) sets: Vec<usize>,
}

/// Which nodes a fencing level is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The one with this name.
    Name(String),
    /// Those whose names fit this regular expression.
    Pattern(String),
    /// Those that have this attribute with this value.
    Attribute(String, String),
    /// None: the level is ignored.
    Nothing,
}

/// A fencing level.
pub(super) struct Level {
    pub(super) index: String,
    pub(super) target: Target,
    pub(super) devices: Vec<String>,
}

/// Everything that was read.
#[derive(Default)]
pub(super) struct Document {
    pub(super) sets: Vec<Set>,
    pub(super) resources: Vec<Resource>,
    pub(super) nodes: Vec<Node>,
    pub(super) levels: Vec<Level>,
    /// The sets that hold for all resources which don't say otherwise.
    pub(super) defaults: Vec<usize>,
    /// The sets of the cluster's properties.
    pub(super) properties: Vec<usize>,
    /// How many sets and pairs there are.
    stored: usize,
}

impl Document {
    /// Adds a set, and tells its position.
    pub(super) fn add_set(&mut self, set: Set) -> usize {
        self.stored = self.stored.saturating_add(1);
        self.sets.push(set);
        self.sets.len().saturating_sub(1)
    }

    /// Adds a pair to a set.
    pub(super) fn add_pair(&mut self, set: usize, pair: Pair) {
        if let Some(set) = self.sets.get_mut(set) {
            self.stored = self.stored.saturating_add(1);
            set.pairs.push(pair);
        }
    }

    /// The attributes of a node, as a fencing level compares them: those that stand with it, no references.
    pub(super) fn attributes_of(&self, node: &Node) -> Vec<(String, String)> {
        let sets =
            node.sets.iter().filter_map(|at| self.sets.get(*at)).filter(|set| set.kind == Kind::Instance);
        sets.flat_map(|set| &set.pairs)
            .filter_map(|pair| Some((pair.name.clone()?, pair.value.as_ref()?.expose_str()?.to_owned())))
            .collect()
    }

    /// The nodes that run as resources: a meta attribute of theirs names them.
    pub(super) fn guests(&self) -> impl Iterator<Item = String> {
        let pairs = self.sets.iter().filter(|set| set.kind == Kind::Meta).flat_map(|set| &set.pairs);
        pairs
            .filter(|pair| pair.name.as_deref() == Some("remote-node"))
            .filter_map(|pair| pair.value.as_ref()?.expose_str().map(str::to_owned))
    }

    /// # Errors
    /// No cluster has so much of it.
    pub(super) fn check_size(&self) -> Result<()> {
        for (what, number, most) in [
            ("resources", self.resources.len(), MOST_OF_A_KIND),
            ("nodes", self.nodes.len(), MOST_OF_A_KIND),
            ("fencing levels", self.levels.len(), MOST_OF_A_KIND),
            ("values", self.stored, MOST_VALUES),
        ] {
            if number > most {
                bail!("it has more than {most} {what}");
            }
        }
        Ok(())
    }
}

/// What counts of some sets.
#[derive(Default)]
pub(super) struct Values {
    /// Each name once.
    pub(super) pairs: Vec<(String, Secret)>,
    /// The values that count only where a rule holds: the name of each, and of its set.
    pub(super) ruled: Vec<(String, String)>,
    /// What was referred to and isn't there.
    pub(super) missing: Vec<String>,
}

impl Values {
    /// The value of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.expose_str())
    }
}

/// Finds what is referred to, and keeps count of the work.
pub(super) struct Resolver<'a> {
    document: &'a Document,
    sets: BTreeMap<(Kind, &'a str), &'a Set>,
    pairs: BTreeMap<&'a str, &'a Pair>,
    left: usize,
}

impl<'a> Resolver<'a> {
    /// For this document.
    pub(super) fn new(document: &'a Document) -> Resolver<'a> {
        let (mut sets, mut pairs) = (BTreeMap::new(), BTreeMap::new());
        for set in document.sets.iter().rev() {
            sets.insert((set.kind, set.id.as_str()), set);
            pairs.extend(set.pairs.iter().rev().map(|pair| (pair.id.as_str(), pair)));
        }
        Resolver { document, sets, pairs, left: LARGEST_RESULT }
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        // Nothing is free: a step counts even where it yields nothing.
        self.left = self.left.saturating_sub(bytes.saturating_add(16));
        if self.left == 0 {
            bail!("its references make more than {LARGEST_RESULT} bytes of it");
        }
        Ok(())
    }

    /// What counts of a resource, its template's sets and its own taken as one list, then of what holds it, then of
    /// what holds for all.
    pub(super) fn of_resource(
        &mut self,
        kind: Kind,
        resource: &Resource,
        template: Option<&Resource>,
    ) -> Result<Values> {
        let mut values = Values::default();
        let own = template.into_iter().chain([resource]).flat_map(|part| &part.sets);
        self.add(kind, own.copied().collect(), &mut values)?;
        let mut parent = resource.parent.and_then(|at| self.document.resources.get(at));
        while let Some(holder) = parent {
            self.add(kind, holder.sets.clone(), &mut values)?;
            // A holder stands before what it holds, so this comes to an end.
            parent = holder.parent.and_then(|at| self.document.resources.get(at));
        }
        self.add(kind, self.document.defaults.clone(), &mut values)?;
        Ok(values)
    }

    /// What counts of the properties of the cluster.
    pub(super) fn of_properties(&mut self) -> Result<Values> {
        let mut values = Values::default();
        self.add(Kind::Properties, self.document.properties.clone(), &mut values)?;
        Ok(values)
    }

    /// Adds what isn't there yet: from the set with the highest score on, and among equals from the last one on; in a
    /// set the first of equal names counts.
    fn add(&mut self, kind: Kind, sets: Vec<usize>, values: &mut Values) -> Result<()> {
        let mut found: Vec<&Set> = Vec::new();
        for set in
            sets.iter().rev().filter_map(|at| self.document.sets.get(*at)).filter(|set| set.kind == kind)
        {
            self.spend(0)?;
            match &set.refers {
                None => found.push(set),
                // One step, as in Pacemaker: what is found there is taken as it is.
                Some(id) => match self.sets.get(&(kind, id.as_str())) {
                    Some(other) => found.push(other),
                    None => self.miss(id, values)?,
                },
            }
        }
        found.sort_by_key(|set| (set.id != FIRST_PROPERTIES, std::cmp::Reverse(set.score)));
        let mut given: BTreeMap<String, Secret> = std::mem::take(&mut values.pairs).into_iter().collect();
        for set in found {
            for pair in &set.pairs {
                let other = pair.refers.as_ref().and_then(|id| self.pairs.get(id.as_str())).copied();
                if let (Some(id), None) = (&pair.refers, other) {
                    self.miss(id, values)?;
                }
                let name = pair.name.as_ref().or(other.and_then(|other| other.name.as_ref()));
                let value = pair.value.as_ref().or(other.and_then(|other| other.value.as_ref()));
                let (Some(name), Some(value)) = (name, value) else {
                    self.spend(0)?;
                    continue;
                };
                self.spend(name.len().saturating_add(value.len()).saturating_add(set.id.len()))?;
                if set.is_ruled {
                    values.ruled.push((name.clone(), set.id.clone()));
                } else if value.expose_str().is_some_and(|value| value.eq_ignore_ascii_case(NO_VALUE)) {
                    given.remove(name);
                } else if !given.contains_key(name) {
                    given.insert(name.clone(), value.clone());
                }
            }
        }
        values.pairs = given.into_iter().collect();
        Ok(())
    }

    /// What this id names isn't there.
    fn miss(&mut self, id: &str, values: &mut Values) -> Result<()> {
        self.spend(id.len())?;
        values.missing.push(id.to_owned());
        Ok(())
    }
}
