//! `tidings schema`, and where packs come from: for service designers.

use std::path::Path;
use std::process::ExitCode;

use chrono::NaiveDate;
use tidings_rules::Pack;
use tidings_rules::pack::{Diagnostic, FileKind, read_folder, schema as schema_of};

use crate::out::{Out, Usage};
use crate::{app, clock};

/// The pack in this folder, or the one that is built in, as it was known on a day.
pub(super) fn load(folder: Option<&Path>, known: Option<NaiveDate>) -> Result<Pack, Vec<Diagnostic>> {
    let files = folder.map_or_else(|| Ok(tidings_rules::packs::viet_nam()), read_folder)?;
    Pack::as_known(files, known)
}

/// The same for a command that cannot do without it.
pub(crate) fn need(folder: Option<&Path>, known: Option<NaiveDate>) -> anyhow::Result<Pack> {
    load(folder, known).map_err(|found| Usage(app::mistakes(&found)).into())
}

/// Today where the pack is.
pub(super) fn today(pack: &Pack) -> NaiveDate {
    clock::wall().to_utc().with_timezone(&pack.zone).date_naive()
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
