//! `tidings test` and `schema`: for service designers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use tidings_rules::Pack;
use tidings_rules::pack::{Diagnostic, FileKind, run_cases, schema as schema_of};

use crate::out::{Grid, Out, Usage, exit};

/// The pack in this folder, or the one that is built in.
pub(super) fn load(folder: Option<&Path>) -> Result<Pack, Vec<Diagnostic>> {
    match folder {
        Some(folder) => Pack::load(folder),
        None => Pack::from_files(tidings_rules::packs::viet_nam()),
    }
}

#[derive(Serialize)]
struct Tested {
    passed: usize,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct Failed {
    rule: String,
    case: String,
    detail: String,
}

/// Runs a pack's cases.
pub(super) fn test(folder: Option<PathBuf>, out: Out) -> anyhow::Result<ExitCode> {
    let pack = load(folder.as_deref()).map_err(|found| Usage(crate::app::mistakes(&found)))?;
    let results = run_cases(&pack);
    let passed = results.iter().filter(|result| result.passed).count();
    let failed: Vec<Failed> = results
        .into_iter()
        .filter(|result| !result.passed)
        .map(|result| Failed { rule: result.rule, case: result.case, detail: result.detail })
        .collect();
    let mut grid = Grid::new("Cases that fail");
    for one in &failed {
        grid.row([one.rule.clone(), one.case.clone(), one.detail.clone()]);
    }
    if !failed.is_empty() {
        out.say(grid);
    }
    out.say(format!("{passed} cases passed, {} failed", failed.len()));
    let code = if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FINDINGS) };
    out.value(&Tested { passed, failed })?;
    Ok(code)
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
