//! What is printed of a whole cluster.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::checkup::Checked;
use super::config::Cluster;
use super::judgement;
use crate::base::told;
use crate::fencing::explain::one_line;
use crate::fencing::{Finding, Severity, doctor, terminal};

/// The version of the JSON form. Fields may be added to it; a field that changes its meaning, or goes, makes it the
/// next one.
const FORMAT: u32 = 1;

/// What was found out about a whole cluster.
pub(super) struct Report<'a> {
    cluster: &'a Cluster,
    general: Vec<Finding>,
    checked: Vec<Checked>,
}

fn worst<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Severity {
    findings.into_iter().map(|finding| finding.severity).max().unwrap_or(Severity::Fine)
}

impl<'a> Report<'a> {
    /// Out of what each device's examination has found.
    pub(super) fn new(cluster: &'a Cluster, checked: Vec<Checked>) -> Report<'a> {
        Report { cluster, general: judgement::of_cluster(cluster), checked }
    }

    /// The worst that was found anywhere.
    fn severity(&self) -> Severity {
        worst(self.general.iter().chain(self.checked.iter().flat_map(|checked| &checked.findings)))
    }

    /// The exit code for it.
    pub(super) fn code(&self) -> u8 {
        doctor::code(self.severity())
    }

    /// The device's name, with the plug where there is one, and its agent.
    fn names(&self, checked: &Checked) -> (String, String) {
        let device = self.cluster.devices.get(checked.device);
        let (id, agent) = device.map_or(("", ""), |device| (device.id.as_str(), device.agent.as_str()));
        let id = checked.plug.as_ref().map_or_else(|| id.to_owned(), |plug| format!("{id} plug {plug}"));
        (one_line(&id), one_line(agent))
    }

    /// For people: what is to be done, device by device, and then the table.
    pub(super) fn text(&self, colourful: bool) -> String {
        let mut text = String::new();
        let list = |text: &mut String, title: &str, findings: &[Finding]| {
            let mut shown = findings.iter().filter(|finding| finding.severity > Severity::Fine).peekable();
            if shown.peek().is_none() {
                return;
            }
            let _ = writeln!(text, "{}", terminal::heading(title, colourful));
            for finding in shown {
                let word = terminal::severity(finding.severity, colourful);
                let _ = writeln!(text, "  {word} {}", one_line(&finding.text));
                if !finding.remedy.is_empty() {
                    let _ = writeln!(text, "           {}", one_line(&finding.remedy));
                }
            }
            text.push('\n');
        };
        list(&mut text, "The cluster", &self.general);
        for checked in &self.checked {
            let (id, agent) = self.names(checked);
            list(&mut text, &format!("{id} ({agent})"), &checked.findings);
        }
        let rows: Vec<[String; 2]> = self.checked.iter().map(|checked| self.names(checked).into()).collect();
        let width = |column: usize, least: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.max().unwrap_or_default().max(least)
        };
        let (first, second) = (width(0, 6), width(1, 5));
        let head = format!("{:<first$}  {:<second$}  {:<8}  seconds", "device", "agent", "verdict");
        let _ = writeln!(text, "{}", terminal::heading(&head, colourful));
        for ([id, agent], checked) in rows.iter().zip(&self.checked) {
            let word = terminal::severity(worst(&checked.findings), colourful);
            let seconds = checked
                .report
                .as_ref()
                .map_or_else(|| "-".to_owned(), |report| format!("{:.2}", seconds(report)));
            let _ = writeln!(text, "{id:<first$}  {agent:<second$}  {word}  {seconds:>7}");
        }
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let devices: Vec<Value> = self
            .checked
            .iter()
            .map(|checked| {
                let device = self.cluster.devices.get(checked.device);
                json!({
                    "id": device.map(|device| device.id.as_str()),
                    "agent": device.map(|device| device.agent.as_str()),
                    "plug": checked.plug,
                    "severity": worst(&checked.findings).name(),
                    "findings": checked.findings.iter().map(doctor::finding).collect::<Vec<_>>(),
                    "report": checked.report,
                })
            })
            .collect();
        let all = json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "severity": self.severity().name(),
            "cluster": self.general.iter().map(doctor::finding).collect::<Vec<_>>(),
            "devices": devices,
        });
        told::json(all, true) + "\n"
    }
}

/// How long the steps of an examination took together.
fn seconds(report: &Value) -> f64 {
    let steps = report.get("steps").and_then(Value::as_array);
    // Not sum(), which calls nothing -0.
    steps
        .into_iter()
        .flatten()
        .filter_map(|step| step.get("seconds")?.as_f64())
        .fold(0.0, |sum, more| sum + more)
}
