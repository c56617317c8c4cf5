//! docs/benchmarks.md and its plots, out of the figures alone.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::figure::{Figure, Record, labelled, written};
use super::parts::{PARTS, Part, Plot};
use super::plot::{Series, bars, lines};
use super::surroundings;

const INTRODUCTION: &str = "Ours beside the Python originals of ClusterLabs' fence-agents, and beside the C tools that \
people use in scripts instead; those do part of an agent's work only. Of every figure less is better. CPU is user and \
system time of a process with all the children it waited for, by the kernel's count; peak memory is the largest \
resident set among them. Contestants take turns where a run is short, and the median counts. In the tables of many \
agents, memory is the most that all of them had at one moment (the sum of their proportional set sizes, from a run of \
its own), and the time of the last device is the device's own record.";

/// Writes the document into `folder`, and its plots into `folder/benchmarks`. `command` is what was called, for whoever
/// wants to do it again.
pub(crate) fn write(record: &Record, folder: &Path, command: &str) {
    let plots = folder.join("benchmarks");
    let mut text = String::from("# Benchmarks\n");
    let mut line = |words: &str| writeln!(text, "{words}").expect("text");
    line(&wrapped(
        "Written by `make bench`; the figures stand in [benchmarks/figures.json](benchmarks/figures.json).",
    ));
    line("");
    line(&wrapped(INTRODUCTION));
    line("");
    line(&format!("- Written {}, `{command}`, commit {}", surroundings::date(), surroundings::commit()));
    line(&format!("- Machine: {}", surroundings::machine()));
    line(&format!("- Compared (Debian): {}", surroundings::versions()));
    line("");
    let worse = record.all().iter().filter(|figure| figure.worse()).count();
    let lost = record.lost();
    let mut verdict = match worse {
        0 => "No figure is worse than the one recorded before it on this machine by more than a fifth."
            .to_owned(),
        _ => format!(
            "{worse} of {} figures are worse than the one recorded before it on this machine by more than a fifth, and \
             marked with ▲ in the tables. ",
            record.all().len()
        ),
    };
    if worse > 0 {
        verdict += match lost.is_empty() {
            true => {
                "None of ours lost more than the others of its part did at the same time, by the median of their \
                     times, and a fifth."
            }
            false => {
                "These of ours lost more than the others of their part did at the same time, by the median of \
                      their times, and a fifth:"
            }
        };
    }
    line(&wrapped(&verdict));
    if !lost.is_empty() {
        line("");
    }
    for figure in lost {
        let unit = &figure.sample.unit;
        let (last, value) = (figure.last.unwrap_or_default(), figure.sample.value);
        line(&format!(
            "- {}: {} after {}; the others {:.2} times what they were",
            labelled(&figure.name().replace(" | ", ", "), unit),
            written(value, unit),
            written(last, unit),
            record.pace(&figure.part)
        ));
    }
    line("");
    for part in &PARTS {
        let figures = record.part(part.name);
        let Some(first) = figures.first() else { continue };
        line(&format!("## {}\n", part.title));
        line(&wrapped(part.text));
        line(&format!(
            "\n{}, commit {}, {}; `make bench ARGS='--only {}'`\n",
            first.date, first.commit, first.machine, part.name
        ));
        line(&table(part, &figures));
        for plot in part.plots {
            let (measure, svg) = draw(part, plot, &figures);
            let file = format!("{}-{}.svg", part.name, measure.replace(' ', "-")).to_lowercase();
            fs::write(plots.join(&file), svg).expect("a plot");
            line(&format!("![{}: {measure}](benchmarks/{file})\n", part.title));
        }
    }
    fs::write(folder.join("benchmarks.md"), text.trim_end().to_owned() + "\n").expect("benchmarks.md");
}

/// What there is of something, in the order in which it comes up.
fn distinct<'a>(figures: &[&'a Figure], of: impl Fn(&'a Figure) -> &'a str) -> Vec<&'a str> {
    let mut all = Vec::new();
    for figure in figures {
        if !all.contains(&of(figure)) {
            all.push(of(figure));
        }
    }
    all
}

fn find<'a>(figures: &[&'a Figure], row: &str, whose: &str, measure: &str) -> Option<&'a Figure> {
    let wanted = (row, whose, measure);
    figures.iter().copied().find(|figure| {
        let sample = &figure.sample;
        (sample.row.as_str(), sample.whose.as_str(), sample.measure.as_str()) == wanted
    })
}

fn table(part: &Part, figures: &[&Figure]) -> String {
    let measures = distinct(figures, |figure| &figure.sample.measure);
    let head: Vec<String> = measures
        .iter()
        .map(|measure| {
            let of =
                figures.iter().find(|figure| figure.sample.measure == *measure).expect("it came from there");
            labelled(measure, &of.sample.unit)
        })
        .collect();
    let mut text = format!(
        "| {} | whose | {} |\n|---|---|{}\n",
        part.rows,
        head.join(" | "),
        "---:|".repeat(head.len())
    );
    for row in distinct(figures, |figure| &figure.sample.row) {
        for whose in distinct(figures, |figure| &figure.sample.whose) {
            if measures.iter().all(|measure| find(figures, row, whose, measure).is_none()) {
                continue;
            }
            let cells: Vec<String> = measures
                .iter()
                .map(|measure| {
                    find(figures, row, whose, measure).map_or("–".to_owned(), |figure| {
                        let mark = if figure.worse() { " ▲" } else { "" };
                        written(figure.sample.value, &figure.sample.unit) + mark
                    })
                })
                .collect();
            writeln!(text, "| {row} | {whose} | {} |", cells.join(" | ")).expect("text");
        }
    }
    text
}

/// The measure that is drawn, and the picture.
fn draw(part: &Part, plot: &Plot, figures: &[&Figure]) -> (&'static str, String) {
    let names = distinct(figures, |figure| &figure.sample.whose);
    let rows = distinct(figures, |figure| &figure.sample.row);
    let unit = |measure: &str| {
        let figure = figures.iter().find(|figure| figure.sample.measure == measure);
        figure.map_or("", |figure| figure.sample.unit.as_str())
    };
    let value = |row: &str, whose: &str, measure: &str| {
        find(figures, row, whose, measure).map(|figure| figure.sample.value)
    };
    match *plot {
        Plot::Bars(measure) => {
            let bar = |row: &str| {
                let bars = names.iter().enumerate();
                bars.filter_map(|(who, whose)| Some((who, value(row, whose, measure)?))).collect()
            };
            // Backquotes are Markdown's.
            let rows: Vec<_> = rows.iter().map(|row| (row.replace('`', ""), bar(row))).collect();
            (measure, bars(part.title, (measure, unit(measure)), &names, &rows))
        }
        Plot::Lines(measure, scale) => {
            let points = |whose: &str| {
                let point = |row: &&str| Some((row.parse().ok()?, value(row, whose, measure)?));
                rows.iter().filter_map(point).collect()
            };
            let series: Vec<_> = names
                .iter()
                .map(|whose| Series { name: (*whose).to_owned(), points: points(whose) })
                .collect();
            (measure, lines(part.title, part.rows, &labelled(measure, unit(measure)), scale, &series))
        }
    }
}

/// In lines of up to 120 letters.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 120 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
