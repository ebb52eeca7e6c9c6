//! The picture: four panels, STS and CodeCommit, the first two minutes and the two hours.

use std::fmt::Write as _;

use crate::hosts::Way;
use crate::service::Service;
use crate::{CODECOMMIT_LIMIT, Course, HORIZON, HOSTS, STS_LIMIT};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 70.0;
/// From one panel to the next.
const APART: (f64, f64) = (430.0, 235.0);
/// Calls a second at the top, on a scale of powers of ten that starts at one.
const MOST: f64 = 20_000.0;

/// What one panel shows.
struct Panel {
    column: usize,
    row: usize,
    title: &'static str,
    limit: u32,
    /// Seconds from left to right, and how many become one point, the highest of them.
    span: u64,
    step: u64,
    ticks: &'static [(u64, &'static str)],
}

pub(crate) fn svg(courses: &[Course]) -> String {
    let first: &[_] = &[(0, "0"), (30, "30 s"), (60, "60 s"), (90, "90 s"), (120, "120 s")];
    let whole: &[_] = &[(0, "0"), (1_800, "30 min"), (3_600, "60 min"), (5_400, "90 min"), (7_200, "120 min")];
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 880 500\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>Calls per second of {HOSTS} instances that start in one instant</title>\n\
         <rect width=\"880\" height=\"500\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\" fill=\"#222222\">{HOSTS} instances start in one instant: calls per second</text>\n"
    );
    for (at, course) in courses.iter().enumerate() {
        let x = LEFT + 195.0 * at as f64;
        let (color, name) = (color(course.way), course.way.name());
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{color}\"/>");
        let _ = writeln!(out, "<text x=\"{}\" y=\"46\" fill=\"#222222\">{name}</text>", x + 18.0);
    }
    let _ = writeln!(out, "<text x=\"{}\" y=\"46\" fill=\"#888888\">- - what the service answers</text>", LEFT + 610.0);
    for (row, title, limit) in [(0, "STS", STS_LIMIT), (1, "CodeCommit", CODECOMMIT_LIMIT)] {
        for (column, span, step, ticks) in [(0, 120, 1, first), (1, HORIZON.as_secs(), 10, whole)] {
            panel(&mut out, &Panel { column, row, title, limit, span, step, ticks }, courses);
        }
    }
    out + "</svg>\n"
}

fn panel(out: &mut String, panel: &Panel, courses: &[Course]) {
    let (left, top) = (LEFT + APART.0 * panel.column as f64, TOP + APART.1 * panel.row as f64);
    let bottom = top + HEIGHT;
    let x = |second: u64| left + WIDTH * second as f64 / panel.span as f64;
    let y = |calls: f64| bottom - HEIGHT * (calls.max(1.0).log10() / MOST.log10());
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\" fill=\"#222222\">{}</text>",
        top - 6.0,
        panel.title
    );
    for power in [1, 10, 100, 1_000, 10_000] {
        let at = y(f64::from(power));
        let _ = writeln!(out, "<path d=\"M{left} {at:.1}h{WIDTH}\" stroke=\"#e4e4e4\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{power}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    for (second, label) in panel.ticks {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555555\">{label}</text>",
            x(*second),
            bottom + 16.0
        );
    }
    let limit = y(f64::from(panel.limit));
    let _ = writeln!(out, "<path d=\"M{left} {limit:.1}h{WIDTH}\" stroke=\"#888888\" stroke-dasharray=\"5 4\"/>");
    for course in courses {
        let service: &Service = if panel.row == 0 { &course.sts } else { &course.codecommit };
        let seconds = service.by_second();
        let highest = |from: u64| (from..from + panel.step).filter_map(|at| seconds.get(at as usize)).max().copied();
        let mut path = String::new();
        for second in (0..panel.span).step_by(panel.step as usize) {
            let calls = highest(second).unwrap_or_default();
            let letter = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x(second), y(f64::from(calls)));
        }
        let _ =
            writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"/>", color(course.way));
    }
    let _ = writeln!(out, "<path d=\"M{left} {top}v{HEIGHT}h{WIDTH}\" fill=\"none\" stroke=\"#222222\"/>");
}

fn color(way: Way) -> &'static str {
    match way {
        Way::Without => "#c8553d",
        Way::With => "#1f6f8b",
        Way::WithTimer => "#5f9e3f",
    }
}
