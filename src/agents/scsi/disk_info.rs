//! What a disk says of itself beside its registrations, and how a child tells it.

use std::time::Duration;

/// What a disk is. A question that it doesn't answer is left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DiskInfo {
    /// T10 vendor, product and revision (INQUIRY).
    pub(super) vendor: String,
    pub(super) product: String,
    pub(super) revision: String,
    /// The unit serial number (page 80h).
    pub(super) serial: Option<String>,
    /// Whether it can keep registrations and reservation through a loss of power (PTPL_C), and does now (PTPL_A).
    pub(super) can_persist: Option<bool>,
    pub(super) persists: Option<bool>,
    /// Whether it has the type of reservation that fencing is about.
    pub(super) has_type: Option<bool>,
    /// Whether it has PREEMPT AND ABORT.
    pub(super) has_abort: Option<bool>,
    /// The disks below a device-mapper map; none for a disk by itself.
    pub(super) paths: Vec<String>,
    /// The map was made by multipath.
    pub(super) is_multipath: bool,
    /// How long all the questions took.
    pub(super) took: Duration,
}

impl DiskInfo {
    /// Vendor and product.
    pub(super) fn product(&self) -> String {
        [self.vendor.as_str(), &self.product]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// One line for each thing that is known.
    pub(super) fn lines(&self) -> Vec<String> {
        let told = |name: &str, known: Option<bool>| {
            known.map(|known| format!("{name} {}", if known { "yes" } else { "no" }))
        };
        let mut lines = vec![
            format!("vendor {}", self.vendor),
            format!("product {}", self.product),
            format!("revision {}", self.revision),
            format!("took {}", self.took.as_micros()),
        ];
        lines.extend(self.serial.iter().map(|serial| format!("serial {serial}")));
        lines.extend(told("can-persist", self.can_persist));
        lines.extend(told("persists", self.persists));
        lines.extend(told("has-type", self.has_type));
        lines.extend(told("has-abort", self.has_abort));
        lines.extend(told("multipath", Some(self.is_multipath)));
        lines.extend(self.paths.iter().map(|path| format!("path {path}")));
        lines
    }

    /// Takes such a line in; `None` where it is another one.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Option<()> {
        let yes = || match value {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        match name {
            "vendor" => self.vendor = value.to_owned(),
            "product" => self.product = value.to_owned(),
            "revision" => self.revision = value.to_owned(),
            "took" => self.took = Duration::from_micros(value.parse().ok()?),
            "serial" => self.serial = Some(value.to_owned()),
            "can-persist" => self.can_persist = Some(yes()?),
            "persists" => self.persists = Some(yes()?),
            "has-type" => self.has_type = Some(yes()?),
            "has-abort" => self.has_abort = Some(yes()?),
            "multipath" => self.is_multipath = yes()?,
            "path" => self.paths.push(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}
