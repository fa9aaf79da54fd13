//! `tidings law` and `tidings reopen`: the figures that law sets, on a day and as they were known, and the decisions
//! that a change reaches back to.

use std::collections::BTreeMap;
use std::process::ExitCode;

use chrono::NaiveDate;
use serde::Serialize;
use tidings_domain::value::Value;
use tidings_pipeline::reopen::Reopened;
use tidings_rules::expr::{Cell, Figure};
use tidings_rules::pack::law::{DatedFigure, Parameter};

use super::pack;
use crate::cli::{LawArgs, ReopenArgs};
use crate::config::Config;
use crate::out::{Grid, Out, Usage, exit};
use crate::{app, clock};

/// What the national pack calls its own level.
const NATIONAL: &str = "national";

#[derive(Serialize)]
struct Line {
    figure: String,
    value: String,
    unit: Option<String>,
    from: NaiveDate,
    to: Option<NaiveDate>,
    known: NaiveDate,
    reaches_back: bool,
    level: String,
    law: String,
    review: bool,
}

/// Prints the figures in force on a day, or every value that one figure ever had.
pub(super) fn law(config: &Config, args: &LawArgs, out: Out) -> anyhow::Result<ExitCode> {
    let pack = pack::need(args.pack.as_deref().or(config.pack.as_deref()), args.days.known)?;
    let day = args.days.as_of.unwrap_or_else(|| pack::today(&pack));
    let place = |fact: &str| args.at.iter().find(|(name, _)| name == fact).map(|(_, code)| code.clone());
    let lines: Vec<Line> = match &args.figure {
        Some(name) => {
            let name = name.trim_start_matches("law.");
            let found = pack.parameters.get(name);
            let found = found
                .ok_or_else(|| Usage(format!("the pack has no figure {name}; `tidings law` lists them")))?;
            history(name, found)
        }
        None => pack
            .parameters
            .iter()
            .filter_map(|(name, it)| in_force(name, it, day, &place))
            .map(short)
            .collect(),
    };
    let title = match &args.figure {
        Some(name) => format!("Every value of {name}"),
        None => format!("Figures of law on {day}"),
    };
    let known = args.days.known.map(|known| format!(", as known on {known}")).unwrap_or_default();
    let mut grid = Grid::new(&format!("{title}{known}"));
    for line in &lines {
        let unit = line.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        let until = line.to.map(|to| format!(" to {to}")).unwrap_or_default();
        let back = if line.reaches_back { format!(", known {}", line.known) } else { String::new() };
        grid.row([
            line.figure.clone(),
            format!("= {}{unit}", line.value),
            format!("from {}{until}{back}", line.from),
            line.level.clone(),
            format!("{}{}", line.law, if line.review { " (to be checked)" } else { "" }),
        ]);
    }
    out.value(&lines)?;
    out.say(grid);
    Ok(ExitCode::SUCCESS)
}

fn in_force(
    name: &str,
    parameter: &Parameter,
    day: NaiveDate,
    place: &dyn Fn(&str) -> Option<String>,
) -> Option<Line> {
    let mut local = parameter.local_on(day).filter(|(local, _)| local.here.is(place));
    match local.next() {
        Some((local, figure)) => Some(line(name, parameter, figure, &local.overlay)),
        None => parameter.on(day).map(|figure| line(name, parameter, figure, NATIONAL)),
    }
}

/// A table is too wide for a list of figures.
fn short(line: Line) -> Line {
    let rows = line.value.matches("; ").count() + 1;
    if rows == 1 { line } else { Line { value: format!("a table of {rows} rows"), unit: None, ..line } }
}

fn history(name: &str, parameter: &Parameter) -> Vec<Line> {
    let national = parameter.figures.iter().map(|figure| (NATIONAL, figure));
    let local = parameter.local.iter();
    let local = local.flat_map(|local| local.figures.iter().map(|figure| (local.overlay.as_str(), figure)));
    national.chain(local).map(|(level, figure)| line(name, parameter, figure, level)).collect()
}

fn line(name: &str, parameter: &Parameter, figure: &DatedFigure, level: &str) -> Line {
    Line {
        figure: name.to_owned(),
        value: shown(&figure.figure),
        unit: parameter.unit.clone(),
        from: figure.from,
        to: figure.to,
        known: figure.known,
        reaches_back: figure.reaches_back(),
        level: level.to_owned(),
        law: format!("{}, {}", figure.basis.law, figure.basis.article),
        review: figure.review,
    }
}

fn shown(figure: &Figure) -> String {
    match figure {
        Figure::Value(value) => value.canonical(),
        Figure::Table(rows) => {
            let row = |row: &tidings_rules::expr::TableRow| {
                let cells: Vec<String> = row.cells.iter().map(cell).collect();
                format!("{} ({})", row.value.canonical(), cells.join(", "))
            };
            rows.iter().map(row).collect::<Vec<_>>().join("; ")
        }
        Figure::Local(..) => "by place".to_owned(),
    }
}

fn cell(cell: &Cell) -> String {
    let end = |value: &Option<Value>| value.as_ref().map(Value::canonical).unwrap_or_default();
    match cell {
        Cell::Is(value) => value.canonical(),
        Cell::Between(low, high) => format!("{}..{}", end(low), end(high)),
    }
}

#[derive(Serialize)]
struct Found {
    citizens: u64,
    decisions: Vec<Reopened>,
}

/// Lists the decisions that what became known after a day makes others.
pub(super) fn reopen(config: &Config, args: &ReopenArgs, out: Out) -> anyhow::Result<ExitCode> {
    let before = pack::need(config.pack.as_deref(), Some(args.known))?;
    let (engine, _) = app::open(config, clock::wall())?;
    let mut found = Vec::new();
    let citizens = engine.reopen(before, |one| found.push(one))?;
    let mut grid = Grid::new(&format!("Decisions that what became known after {} changes", args.known));
    let mut by_rule: BTreeMap<(String, &'static str, &'static str), u64> = BTreeMap::new();
    for one in &found {
        *by_rule.entry((one.rule.clone(), one.was, one.is)).or_default() += 1;
        let told = if one.told { "told" } else { "not told" };
        let change = format!("{} -> {}", one.was, one.is);
        grid.row([one.decision.clone(), one.rule.clone(), one.occurred.clone(), change, told.to_owned()]);
    }
    let changed = found.len();
    out.value(&Found { citizens, decisions: found })?;
    if changed > 0 {
        out.say(grid);
    }
    for ((rule, was, is), count) in by_rule {
        out.say(format!("{count} of {rule}: {was} -> {is}"));
    }
    out.say(format!("{changed} decisions to reopen, of {citizens} citizens"));
    Ok(if changed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FINDINGS) })
}
