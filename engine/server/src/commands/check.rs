//! `tidings check`: every mistake of a pack, or everything that analysis finds in one that loads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use tidings_rules::Pack;
use tidings_rules::analysis::{Finding, FindingCode, Options, Severity, analyse};
use tidings_rules::pack::{Diagnostic, foreign_edits};

use super::pack;
use crate::cli::{CheckArgs, Format};
use crate::out::{Out, Usage, exit};

mod sarif;

#[derive(Serialize)]
struct Checked<'a> {
    loads: bool,
    mistakes: Vec<Listed<'a>>,
    findings: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    message: &'a str,
    hint: Option<&'a str>,
}

/// Checks a pack: every mistake, else every finding.
pub(super) fn run(args: &CheckArgs, folder: Option<PathBuf>, out: Out) -> anyhow::Result<ExitCode> {
    let format = args.format.unwrap_or(if out.is_json() { Format::Json } else { Format::Human });
    let severities = levels(&args.level)?;
    match pack::load(folder.as_deref(), args.days.known) {
        Ok(pack) => {
            let foreign = foreign(args, &pack)?;
            if !foreign.is_empty() {
                out.raw(match format {
                    Format::Human => not_theirs(&foreign),
                    Format::Json => json(true, &foreign, &[])?,
                    Format::Sarif => serde_json::to_string_pretty(&sarif::log(&foreign, &[]))?,
                });
                return Ok(ExitCode::from(exit::FINDINGS));
            }
            let as_of = args.days.as_of.unwrap_or_else(|| pack::today(&pack));
            let options = Options { as_of: Some(as_of), severities };
            let findings = analyse(&pack, &options);
            let text = match format {
                Format::Human => people(&pack, &findings),
                Format::Json => json(true, &[], &findings)?,
                Format::Sarif => serde_json::to_string_pretty(&sarif::log(&[], &findings))?,
            };
            out.raw(text);
            let fails = args.strict && findings.iter().any(|one| one.severity == Severity::Warning);
            Ok(if fails { ExitCode::from(exit::FINDINGS) } else { ExitCode::SUCCESS })
        }
        Err(mistakes) => {
            out.raw(match format {
                Format::Human => wrong(&mistakes),
                Format::Json => json(false, &mistakes, &[])?,
                Format::Sarif => serde_json::to_string_pretty(&sarif::log(&mistakes, &[]))?,
            });
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

/// What was edited by somebody who may not.
fn foreign(args: &CheckArgs, edited: &Pack) -> anyhow::Result<Vec<Diagnostic>> {
    let (Some(designer), Some(base)) = (&args.designer, &args.base) else { return Ok(Vec::new()) };
    let base = pack::need(Some(base), None)?;
    Ok(foreign_edits(&base, &edited.files, designer).map_err(|error| Usage(error.to_string()))?)
}

/// `CODE=warning|review|note|off`, as often as wanted.
fn levels(given: &[String]) -> anyhow::Result<BTreeMap<FindingCode, Option<Severity>>> {
    let read = |text: &str| {
        let (code, level) = text.split_once('=')?;
        let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == level);
        (level == "off" || severity.is_some()).then_some((code.parse().ok()?, severity))
    };
    let each = given.iter().map(|text| {
        let hint =
            "write CODE=warning, CODE=review, CODE=note or CODE=off; `check --format sarif` lists the codes";
        read(text).ok_or_else(|| Usage(format!("{text} is no level: {hint}")).into())
    });
    each.collect()
}

fn json(loads: bool, mistakes: &[Diagnostic], findings: &[Finding]) -> anyhow::Result<String> {
    let mistakes = mistakes.iter().map(|one| Listed {
        file: &one.file,
        line: one.line,
        column: one.column,
        code: one.code.as_str(),
        severity: None,
        message: &one.message,
        hint: one.hint.as_deref(),
    });
    let findings = findings.iter().map(|one| Listed {
        file: &one.file,
        line: one.line,
        column: one.column,
        code: one.code.as_str(),
        severity: Some(one.severity.as_str()),
        message: &one.message,
        hint: one.hint.as_deref(),
    });
    let checked = Checked { loads, mistakes: mistakes.collect(), findings: findings.collect() };
    Ok(serde_json::to_string_pretty(&checked)?)
}

fn wrong(mistakes: &[Diagnostic]) -> String {
    let word = if mistakes.len() == 1 { "mistake" } else { "mistakes" };
    format!("{}{} {word}; the pack does not load", lines(mistakes), mistakes.len())
}

fn not_theirs(edits: &[Diagnostic]) -> String {
    let word = if edits.len() == 1 { "edit" } else { "edits" };
    format!("{}{} {word} to leave to others", lines(edits), edits.len())
}

fn lines(found: &[Diagnostic]) -> String {
    found.iter().map(|one| format!("{one}\n")).collect()
}

/// Findings by kind, the gravest first, each kind with its hint where that is the same for all; then a line of sums.
fn people(pack: &Pack, findings: &[Finding]) -> String {
    let mut kinds: BTreeMap<(Severity, FindingCode), Vec<&Finding>> = BTreeMap::new();
    for one in findings {
        kinds.entry((one.severity, one.code)).or_default().push(one);
    }
    let mut text = String::new();
    for ((severity, code), all) in &kinds {
        let _ = writeln!(text, "{severity} {code}: {} ({})", code.title(), all.len());
        let hint = all.first().and_then(|one| one.hint.as_ref());
        let common = hint.filter(|hint| all.iter().all(|one| one.hint.as_ref() == Some(hint)));
        for one in all {
            let _ = writeln!(text, "  {}:{}:{}  {}", one.file, one.line, one.column, one.message);
            if let Some(hint) = one.hint.as_ref().filter(|_| common.is_none()) {
                let _ = writeln!(text, "      {hint}");
            }
        }
        if let Some(hint) = common {
            let _ = writeln!(text, "  hint: {hint}");
        }
        text.push('\n');
    }
    let rules: usize = pack.life_events.iter().map(|life_event| life_event.rules.len()).sum();
    let counted = |severity, one: &str| {
        let count = findings.iter().filter(|finding| finding.severity == severity).count();
        format!("{count} {one}{}", if count == 1 { "" } else { "s" })
    };
    let sums = [(Severity::Warning, "warning"), (Severity::Review, "review"), (Severity::Note, "note")];
    text + &format!(
        "{} {}: {} life events, {rules} rules, {} services, {} facts; no mistakes, {}",
        pack.name,
        pack.version,
        pack.life_events.len(),
        pack.services.len(),
        pack.facts.len(),
        sums.map(|(severity, one)| counted(severity, one)).join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_code_and_a_severity_or_off() {
        let read =
            |text: &str| levels(&[text.to_owned()]).ok().map(|read| read.into_iter().collect::<Vec<_>>());
        assert_eq!(read("A801=off"), Some(vec![(FindingCode::Figure, None)]));
        assert_eq!(read("A101=note"), Some(vec![(FindingCode::NeverTrue, Some(Severity::Note))]));
        for wrong in ["A801", "A801=", "A801=loud", "A000=off", "=off", "a801=off"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
