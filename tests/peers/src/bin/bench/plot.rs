//! Plots as SVG: bars, and lines over a number. Each brings its own ground along, light or dark as its reader
//! likes it, so that it can be read on any page.

use std::fmt::Write as _;

use super::figure::{labelled, written};

const WIDTH: f64 = 760.0;

/// A class for each colour, and its values on light and on dark ground.
const COLOURS: [(&str, &str, &str); 5] = [
    ("a", "#0969da", "#58a6ff"),
    ("b", "#c2410c", "#ff9b57"),
    ("c", "#12805c", "#3fb98f"),
    ("d", "#8250df", "#bc8cff"),
    ("e", "#9a6700", "#d4a72c"),
];

/// How numbers lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    /// A power of ten takes the same room everywhere.
    Log,
}

/// The points of one contestant.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Bars beneath one another: for each row its bars, each with the number of its contestant in `names`.
pub(crate) fn bars(
    title: &str,
    (measure, unit): (&str, &str),
    names: &[&str],
    rows: &[(String, Vec<(usize, f64)>)],
) -> String {
    const BAR: f64 = 14.0;
    const GAP: f64 = 12.0;
    const LEFT: f64 = 264.0;
    const RIGHT: f64 = 70.0;
    const TOP: f64 = 72.0;
    let most = rows.iter().flat_map(|(_, bars)| bars).map(|(_, value)| *value).fold(0.0, f64::max);
    let axis = Axis::new(Scale::Linear, 0.0, most, LEFT, WIDTH - RIGHT);
    let bottom = TOP + rows.iter().map(|(_, bars)| bars.len() as f64 * BAR + GAP).sum::<f64>();
    let mut svg = Svg::new(bottom + 50.0, title, names);
    for tick in axis.ticks() {
        let x = axis.place(tick);
        svg.line("grid", (x, TOP - 4.0), (x, bottom));
        svg.text("middle", (x, bottom + 16.0), &number(tick));
    }
    svg.text("middle", ((LEFT + WIDTH - RIGHT) / 2.0, bottom + 36.0), &labelled(measure, unit));
    let mut y = TOP;
    for (row, bars) in rows {
        let height = bars.len() as f64 * BAR;
        svg.text("end", (LEFT - 8.0, y + height / 2.0 + 4.5), row);
        for (who, value) in bars {
            let (x, class) = (axis.place(*value), class(*who));
            let width = (x - LEFT).max(1.0);
            svg.put(format_args!(
                r#"<rect class="f{class}" x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{:.1}"/>"#,
                BAR - 2.0
            ));
            svg.text("start", (LEFT + width + 5.0, y + BAR - 3.5), &written(*value, unit));
            y += BAR;
        }
        y += GAP;
    }
    svg.line("axis", (LEFT, TOP - 4.0), (LEFT, bottom));
    svg.end()
}

/// Lines over a number.
pub(crate) fn lines(title: &str, x_label: &str, y_label: &str, scale: Scale, series: &[Series]) -> String {
    const LEFT: f64 = 80.0;
    const RIGHT: f64 = 30.0;
    const TOP: f64 = 76.0;
    const BOTTOM: f64 = 366.0;
    let (mut xs, ys): (Vec<f64>, Vec<f64>) = series.iter().flat_map(|series| series.points.clone()).unzip();
    let axis = |values: &[f64], start, end| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        Axis::new(scale, least, values.iter().copied().fold(0.0, f64::max), start, end)
    };
    let (x_axis, y_axis) = (axis(&xs, LEFT, WIDTH - RIGHT), axis(&ys, BOTTOM, TOP));
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let mut svg = Svg::new(BOTTOM + 54.0, title, &names);
    for tick in y_axis.ticks() {
        let y = y_axis.place(tick);
        svg.line("grid", (LEFT, y), (WIDTH - RIGHT, y));
        svg.text("end", (LEFT - 7.0, y + 4.5), &number(tick));
    }
    // Where something was measured there is a tick.
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let mut taken = f64::NEG_INFINITY;
    for tick in xs {
        let x = x_axis.place(tick);
        svg.line("grid", (x, TOP), (x, BOTTOM));
        if x - taken > 24.0 {
            svg.text("middle", (x, BOTTOM + 18.0), &number(tick));
            taken = x;
        }
    }
    svg.line("axis", (LEFT, BOTTOM), (WIDTH - RIGHT, BOTTOM));
    svg.line("axis", (LEFT, TOP), (LEFT, BOTTOM));
    svg.text("middle", ((LEFT + WIDTH - RIGHT) / 2.0, BOTTOM + 40.0), x_label);
    let middle = (TOP + BOTTOM) / 2.0;
    svg.put(format_args!(
        r#"<text text-anchor="middle" transform="translate(22 {middle}) rotate(-90)">{}</text>"#,
        escaped(y_label)
    ));
    for (who, series) in series.iter().enumerate() {
        let places: Vec<(f64, f64)> =
            series.points.iter().map(|(x, y)| (x_axis.place(*x), y_axis.place(*y))).collect();
        let path = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        svg.put(format_args!(r#"<polyline class="l{}" points="{path}"/>"#, class(who)));
        for place in places {
            svg.mark(who, place);
        }
    }
    svg.end()
}

/// From values to places on the picture.
struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    /// From `start` to `end` on the picture. A linear axis begins at 0, one of powers at a tick below the least
    /// value; both end at a tick or beyond the greatest.
    fn new(scale: Scale, least: f64, most: f64, start: f64, end: f64) -> Axis {
        let (from, to) = match scale {
            Scale::Linear => (0.0, most.max(f64::MIN_POSITIVE)),
            Scale::Log => {
                let ticks = steps();
                let from = ticks.clone().filter(|tick| *tick <= least).fold(1e-6, f64::max);
                (from, ticks.filter(|tick| *tick >= most).fold(1e9, f64::min).max(from * 2.0))
            }
        };
        Axis { scale, from, to, start, end }
    }

    fn place(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Log => (value.max(self.from) / self.from).ln() / (self.to / self.from).ln(),
        };
        self.start + share * (self.end - self.start)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = steps().find(|step| self.to / step <= 6.0).unwrap_or(self.to);
                (0..=6).map(|count| f64::from(count) * step).filter(|tick| *tick <= self.to).collect()
            }
            Scale::Log => {
                let all: Vec<f64> = steps().filter(|tick| (self.from..=self.to).contains(tick)).collect();
                // Over many powers of ten, the powers themselves will do.
                let power = |tick: &f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
                if all.len() > 9 { all.into_iter().filter(power).collect() } else { all }
            }
        }
    }
}

/// 1, 2, 5 of every power of ten.
fn steps() -> impl Iterator<Item = f64> + Clone {
    (-6..9).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
}

/// As it stands at an axis.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn class(who: usize) -> &'static str {
    COLOURS[who % COLOURS.len()].0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A picture being drawn.
struct Svg(String);

impl Svg {
    /// With its ground, its title and a legend.
    fn new(height: f64, title: &str, names: &[&str]) -> Svg {
        let mut svg = Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(title)
        ));
        svg.style();
        svg.put(format_args!(
            r#"<rect class="ground" x="0.5" y="0.5" width="{}" height="{:.1}" rx="6"/>"#,
            WIDTH - 1.0,
            height.round() - 1.0
        ));
        svg.put(format_args!(r#"<text class="title" x="16" y="26">{}</text>"#, escaped(title)));
        let mut x = 22.0;
        for (who, name) in names.iter().enumerate() {
            svg.mark(who, (x, 48.0));
            svg.text("start", (x + 10.0, 52.5), name);
            // Letters of this size are some 7 wide.
            x += 36.0 + 7.0 * name.len() as f64;
        }
        svg
    }

    fn style(&mut self) {
        let colours = |dark: bool| {
            COLOURS.iter().fold(String::new(), |mut css, (class, light, in_the_dark)| {
                let colour = if dark { in_the_dark } else { light };
                write!(css, " .f{class} {{ fill: {colour} }} .l{class} {{ stroke: {colour} }}")
                    .expect("text");
                css
            })
        };
        self.put(format_args!(
            "<style>\ntext {{ font: 13px sans-serif; fill: #24292f }}\n.title {{ font-weight: bold; font-size: 15px }}\n\
             .ground {{ fill: #ffffff; stroke: #d0d7de }} .grid {{ stroke: #d8dee4 }} .axis {{ stroke: #57606a }}\n\
             polyline {{ fill: none; stroke-width: 2 }}{}\n@media (prefers-color-scheme: dark) {{\n\
             text {{ fill: #e6edf3 }}\n.ground {{ fill: #161b22; stroke: #30363d }} .grid {{ stroke: #30363d }} \
             .axis {{ stroke: #8b949e }}\n{}\n}}\n</style>",
            colours(false),
            colours(true)
        ));
    }

    fn put(&mut self, element: std::fmt::Arguments) {
        writeln!(self.0, "{element}").expect("text");
    }

    fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.put(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    fn text(&mut self, anchor: &str, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.put(format_args!(r#"<text text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    }

    /// A point; its form tells the contestants apart where colours can't.
    fn mark(&mut self, who: usize, (x, y): (f64, f64)) {
        let class = class(who);
        let corners: &[(f64, f64)] = match who % 4 {
            0 => {
                return self
                    .put(format_args!(r#"<circle class="f{class}" cx="{x:.1}" cy="{y:.1}" r="4.5"/>"#));
            }
            1 => &[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)],
            2 => &[(0.0, -5.5), (5.0, 4.0), (-5.0, 4.0)],
            _ => &[(0.0, -5.5), (5.5, 0.0), (0.0, 5.5), (-5.5, 0.0)],
        };
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx, y + dy)).collect();
        self.put(format_args!(r#"<polygon class="f{class}" points="{}"/>"#, points.join(" ")));
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(axis: &Axis) -> Vec<f64> {
        axis.ticks().into_iter().map(|tick| axis.place(tick)).collect()
    }

    #[test]
    fn whatever_the_values_there_are_ticks_and_they_lie_on_the_axis() {
        for scale in [Scale::Linear, Scale::Log] {
            for (least, most) in
                [(1.0, 1.0), (0.0014, 85.4), (1.0, 500.0), (2.1, 31_770.0), (0.0, 0.0), (0.3, 0.4)]
            {
                let places = places(&Axis::new(scale, least, most, 100.0, 700.0));
                assert!((1..=10).contains(&places.len()), "{scale:?} {least} {most}: {places:?}");
                let inside = places.iter().all(|place| (99.9..=700.1).contains(place));
                assert!(inside && places.is_sorted(), "{scale:?} {least} {most}: {places:?}");
            }
        }
    }

    #[test]
    fn words_of_ours_do_not_end_the_picture() {
        let series = Series { name: "<&\"".to_owned(), points: vec![(1.0, 2.0), (10.0, 3.0)] };
        let svg = lines("a < b & c", "agents", "time, s", Scale::Log, &[series]);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("&lt;&amp;&quot;"), "{svg}");
        assert!(!svg.contains("NaN") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
