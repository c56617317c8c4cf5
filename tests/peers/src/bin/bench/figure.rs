//! The figures, and docs/benchmarks/figures.json that keeps them from one run to the next.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// So much more than the last recorded one makes a figure worth a mark.
const WORSE: f64 = 1.2;

/// Whose the figures are that matter.
const OURS: &str = "ours";

/// What a part of the benchmark found out. Of every figure less is better.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// What was done: the row of a table, or the place on the x axis.
    pub(crate) row: String,
    /// Who did it.
    pub(crate) whose: String,
    /// What was measured, without its unit.
    pub(crate) measure: String,
    /// Empty where things are counted.
    pub(crate) unit: String,
    /// In that unit.
    pub(crate) value: f64,
}

impl Sample {
    /// As a part hands it to the process that collects: one line.
    pub(crate) fn line(&self) -> String {
        [&self.row, &self.whose, &self.measure, &self.unit, &self.value.to_string()]
            .map(String::as_str)
            .join("\t")
    }

    /// Back from its line.
    pub(crate) fn parse(line: &str) -> Option<Sample> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [row, whose, measure, unit, value] = fields[..] else { return None };
        Some(Sample {
            row: row.to_owned(),
            whose: whose.to_owned(),
            measure: measure.to_owned(),
            unit: unit.to_owned(),
            value: value.parse().ok()?,
        })
    }
}

/// A sample with what has to be known to hold another against it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// The part of the benchmark.
    pub(crate) part: String,
    /// What it found out.
    pub(crate) sample: Sample,
    /// The day.
    pub(crate) date: String,
    /// The commit of the agents and of the benchmark.
    pub(crate) commit: String,
    /// The processor, how many of it, and the kernel.
    pub(crate) machine: String,
    /// The value recorded before this one on such a machine.
    pub(crate) last: Option<f64>,
}

impl Figure {
    /// Whether it is worse than the last recorded one by more than a fifth.
    pub(crate) fn worse(&self) -> bool {
        self.last.is_some_and(|last| self.sample.value > last * WORSE)
    }

    /// How many times the last recorded value this one is, where it is a time.
    fn ratio(&self) -> Option<f64> {
        let last =
            self.last.filter(|last| *last > 0.0 && ["s", "ms"].contains(&self.sample.unit.as_str()))?;
        Some(self.sample.value / last)
    }

    /// What tells it from all others.
    pub(crate) fn name(&self) -> String {
        let Sample { row, whose, measure, .. } = &self.sample;
        [&self.part, row, whose, measure].map(String::as_str).join(" | ")
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name(), "value": self.sample.value, "unit": self.sample.unit, "date": self.date,
            "commit": self.commit, "machine": self.machine, "last": self.last,
        })
    }

    fn from_json(value: &Value) -> Option<Figure> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let name = text("name")?;
        let names: Vec<&str> = name.split(" | ").collect();
        let [part, row, whose, measure] = names[..] else { return None };
        Some(Figure {
            part: part.to_owned(),
            sample: Sample {
                row: row.to_owned(),
                whose: whose.to_owned(),
                measure: measure.to_owned(),
                unit: text("unit")?,
                value: value.get("value")?.as_f64()?,
            },
            date: text("date")?,
            commit: text("commit")?,
            machine: text("machine")?,
            last: value.get("last")?.as_f64(),
        })
    }
}

/// All figures there are, part after part in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Record(Vec<Figure>);

impl Record {
    /// What the last run left; nothing where there is no such file yet.
    pub(crate) fn load(path: &Path) -> Record {
        let Ok(text) = fs::read_to_string(path) else { return Record::default() };
        let all: Value = serde_json::from_str(&text).expect("figures.json is JSON");
        let figures = all.as_array().expect("figures.json is an array").iter();
        Record(figures.map(|value| Figure::from_json(value).expect("a figure in figures.json")).collect())
    }

    /// One figure in each line, so that a difference can be read.
    pub(crate) fn save(&self, path: &Path) {
        let lines: Vec<String> = self.0.iter().map(|figure| figure.to_json().to_string()).collect();
        fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).expect("figures.json");
    }

    /// Puts what a part has found out now in the place of what it found out before. Only figures of the same
    /// machine are held against each other.
    pub(crate) fn replace(
        &mut self,
        part: &str,
        samples: Vec<Sample>,
        date: &str,
        commit: &str,
        machine: &str,
    ) {
        let place = self.0.iter().position(|figure| figure.part == part).unwrap_or(self.0.len());
        let old: Vec<Figure> = self.0.extract_if(.., |figure| figure.part == part).collect();
        let new = samples.into_iter().map(|sample| {
            let mut figure = Figure {
                part: part.to_owned(),
                sample,
                date: date.to_owned(),
                commit: commit.to_owned(),
                machine: machine.to_owned(),
                last: None,
            };
            let before = old.iter().find(|old| old.name() == figure.name() && old.machine == machine);
            figure.last = before.map(|before| before.sample.value);
            figure
        });
        self.0.splice(place..place, new.collect::<Vec<_>>());
    }

    /// The figures of one part.
    pub(crate) fn part(&self, part: &str) -> Vec<&Figure> {
        self.0.iter().filter(|figure| figure.part == part).collect()
    }

    /// How many times as long as before the others took in this part, by the median of their times: what the machine
    /// itself is slower than it was. At least 1.
    pub(crate) fn pace(&self, part: &str) -> f64 {
        let others = self.0.iter().filter(|figure| figure.part == part && figure.sample.whose != OURS);
        let mut ratios: Vec<f64> = others.filter_map(Figure::ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).map_or(1.0, |ratio| ratio.max(1.0))
    }

    /// Our figures that are worse by more than a fifth also where the pace of the machine is allowed for.
    pub(crate) fn lost(&self) -> Vec<&Figure> {
        let beyond = |figure: &&Figure| {
            let pace = |ratio| ratio > WORSE * self.pace(&figure.part);
            figure.sample.whose == OURS && figure.worse() && figure.ratio().is_none_or(pace)
        };
        self.0.iter().filter(beyond).collect()
    }

    /// Every figure.
    pub(crate) fn all(&self) -> &[Figure] {
        &self.0
    }
}

/// A value in a table or at the end of a bar: counts are whole, everything else has about three digits.
pub(crate) fn written(value: f64, unit: &str) -> String {
    let digits = match value {
        _ if unit.is_empty() => 0,
        ..0.1 => 3,
        ..1.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// A measure with its unit.
pub(crate) fn labelled(measure: &str, unit: &str) -> String {
    if unit.is_empty() { measure.to_owned() } else { format!("{measure}, {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(whose: &str, value: f64) -> Sample {
        let [row, measure, unit] = ["reboot", "CPU", "ms"].map(str::to_owned);
        Sample { row, whose: whose.to_owned(), measure, unit, value }
    }

    fn worse(record: &Record) -> Vec<(String, Option<f64>)> {
        let figures = record.all().iter().filter(|figure| figure.worse());
        figures.map(|figure| (figure.name(), figure.last)).collect()
    }

    #[test]
    fn a_figure_is_worse_where_it_exceeds_the_last_of_its_machine_by_more_than_a_fifth() {
        let mut record = Record::default();
        record.replace(
            "ipmi",
            vec![sample("ours", 1.0), sample("original", 50.0)],
            "2026-01-01",
            "a",
            "here",
        );
        assert_eq!(worse(&record), []);
        record.replace(
            "ipmi",
            vec![sample("ours", 1.25), sample("original", 59.0)],
            "2026-01-02",
            "b",
            "here",
        );
        assert_eq!(worse(&record), [("ipmi | reboot | ours | CPU".to_owned(), Some(1.0))]);
        // It is held against the last one, not the best.
        record.replace("ipmi", vec![sample("ours", 1.25)], "2026-01-03", "c", "here");
        assert_eq!(worse(&record), []);
        record.replace("ipmi", vec![sample("ours", 100.0)], "2026-01-04", "d", "elsewhere");
        assert_eq!(worse(&record), []);
    }

    #[test]
    fn ours_lost_only_where_it_got_slower_than_the_others_did() {
        let samples = |ours: f64, others: [f64; 3]| {
            let others = others.iter().zip(["original", "ipmitool", "ipmipower"]);
            let others = others.map(|(value, whose)| sample(whose, *value));
            [sample("ours", ours)].into_iter().chain(others).collect::<Vec<_>>()
        };
        for (ours, others, lost) in [
            (1.25, [10.0, 10.0, 10.0], 1),
            (1.25, [10.0, 20.0, 10.0], 1),
            (1.25, [13.0, 13.0, 10.0], 0),
            (2.0, [13.0, 13.0, 10.0], 1),
            // A machine that got faster doesn't make a figure worse.
            (1.1, [5.0, 5.0, 5.0], 0),
        ] {
            let mut record = Record::default();
            record.replace("ipmi", samples(1.0, [10.0; 3]), "2026-01-01", "a", "here");
            record.replace("ipmi", samples(ours, others), "2026-01-02", "b", "here");
            assert_eq!(record.lost().len(), lost, "{ours} {others:?}");
        }
        // What is counted has nothing to do with the machine's pace.
        let count = |value| Sample { unit: String::new(), ..sample("ours", value) };
        let mut record = Record::default();
        record.replace("ipmi", vec![count(8.0), sample("original", 10.0)], "2026-01-01", "a", "here");
        record.replace("ipmi", vec![count(10.0), sample("original", 20.0)], "2026-01-02", "b", "here");
        assert_eq!(record.lost().len(), 1);
    }

    #[test]
    fn what_is_saved_is_what_is_loaded_and_parts_keep_their_places() {
        let folder = peers::TempDir::new("figures");
        let path = folder.path().join("figures.json");
        assert!(Record::load(&path).all().is_empty());
        let mut record = Record::default();
        record.replace("first", vec![sample("ours", 1.0)], "2026-01-01", "a", "here");
        record.replace("second", vec![sample("ours", 2.0)], "2026-01-01", "a", "here");
        record.replace("first", vec![sample("ours", 3.0)], "2026-01-02", "b", "here");
        record.save(&path);
        let loaded = Record::load(&path);
        let shown =
            |record: &Record| record.all().iter().map(|figure| format!("{figure:?}")).collect::<Vec<_>>();
        assert_eq!(shown(&loaded), shown(&record));
        let parts: Vec<&str> = loaded.all().iter().map(|figure| figure.part.as_str()).collect();
        assert_eq!((parts, loaded.all()[0].last), (vec!["first", "second"], Some(1.0)));
    }

    #[test]
    fn a_sample_survives_its_way_between_processes() {
        let sample = sample("ipmipower, one process", 0.1234);
        assert_eq!(Sample::parse(&sample.line()), Some(sample));
    }
}
