//! `tidings check` and `schema`: for service designers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use tidings_rules::Pack;
use tidings_rules::pack::{Diagnostic, FileKind, schema as schema_of};

use crate::out::{Out, Usage, exit};

#[derive(Serialize)]
struct Checked<'a> {
    loads: bool,
    mistakes: Vec<Mistake<'a>>,
    reviews: &'a [String],
}

#[derive(Serialize)]
struct Mistake<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    code: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
}

pub(super) fn load(folder: Option<&Path>) -> Result<Pack, Vec<Diagnostic>> {
    match folder {
        Some(folder) => Pack::load(folder),
        None => Pack::from_files(tidings_rules::packs::viet_nam()),
    }
}

/// Checks a pack: every mistake, then what deserves a human look.
pub(super) fn check(folder: Option<PathBuf>, out: Out) -> anyhow::Result<ExitCode> {
    match load(folder.as_deref()) {
        Ok(pack) => {
            out.value(&Checked { loads: true, mistakes: Vec::new(), reviews: &pack.reviews })?;
            for review in &pack.reviews {
                out.say(format!("review: {review}"));
            }
            let rules: usize = pack.life_events.iter().map(|life_event| life_event.rules.len()).sum();
            out.say(format!(
                "{} {}: {} life events, {rules} rules, {} services, {} facts; no mistakes, {} to review",
                pack.name,
                pack.version,
                pack.life_events.len(),
                pack.services.len(),
                pack.facts.len(),
                pack.reviews.len(),
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(found) => {
            let mistakes = found.iter().map(|one| Mistake {
                file: &one.file,
                line: one.line,
                column: one.column,
                code: one.code.as_str(),
                message: &one.message,
                hint: one.hint.as_deref(),
            });
            out.value(&Checked { loads: false, mistakes: mistakes.collect(), reviews: &[] })?;
            for one in &found {
                out.say(one);
            }
            let mistakes = if found.len() == 1 { "mistake" } else { "mistakes" };
            out.say(format!("{} {mistakes}; the pack does not load", found.len()));
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

/// Prints the JSON Schema of one pack file, or of all.
pub(super) fn schema(file: Option<&str>, out: Out) -> anyhow::Result<ExitCode> {
    // A life event is one file of its folder.
    let name = |kind: FileKind| kind.path().trim_end_matches(".yaml").replace("life_events/", "life_event");
    let value = match file {
        None => FileKind::ALL.iter().map(|kind| (name(*kind), schema_of(*kind))).collect(),
        Some(file) => {
            let kind = FileKind::ALL.iter().find(|kind| name(**kind) == file).ok_or_else(|| {
                let names: Vec<_> = FileKind::ALL.iter().map(|kind| name(*kind)).collect();
                Usage(format!("there is no pack file {file}; there are {}", names.join(", ")))
            })?;
            schema_of(*kind)
        }
    };
    out.raw(serde_json::to_string_pretty(&value)?);
    Ok(ExitCode::SUCCESS)
}
