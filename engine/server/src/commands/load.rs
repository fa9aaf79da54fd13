//! `tidings load`: bulk facts from a table, streaming and resumable.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tidings_domain::ids::TaskId;
use tidings_pipeline::engine::Engine;
use tidings_pipeline::load::{LoadAsk, RefusedRow};
use tidings_pipeline::policy;
use tidings_sources::table;

use crate::out::Usage;

/// Rows in one commit.
const BATCH: usize = 4_096;
/// Refused rows that are listed; all of them go to the report file.
const LISTED: usize = 20;

/// What to load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadRequest {
    pub(crate) file: PathBuf,
    pub(crate) source: String,
    pub(crate) as_of: chrono::NaiveDate,
    pub(crate) report: Option<PathBuf>,
}

/// What became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LoadReport {
    pub(crate) committed: u64,
    pub(crate) duplicates: u64,
    pub(crate) forgotten: u64,
    pub(crate) refused: u64,
    /// Rows that an earlier, interrupted load had applied.
    pub(crate) resumed_after: u64,
    /// The first refused rows: row, column, why.
    pub(crate) first_refused: Vec<(u64, String, String)>,
}

/// Loads a table. `progress` sees how much of it has been read.
pub(crate) fn load(
    engine: &Engine,
    request: &LoadRequest,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> anyhow::Result<LoadReport> {
    let ask = LoadAsk {
        source: request.source.clone(),
        as_of: policy::start_of(&engine.active().pack, request.as_of),
        partition: partition(request)?,
    };
    let mut report = LoadReport { resumed_after: engine.loaded(&ask.partition)?, ..LoadReport::default() };
    let mut reader = table::open(&request.file)?;
    reader.skip_to(report.resumed_after)?;
    let mut file = request.report.as_deref().map(report_file).transpose()?;
    loop {
        let rows = reader.next_rows(BATCH)?;
        let Some((first, _)) = rows.first() else { break };
        let first = *first;
        let mut good = Vec::with_capacity(rows.len());
        let mut refused = Vec::new();
        for (row, columns) in rows {
            match columns {
                Ok(columns) => good.push(columns),
                Err(error) => {
                    let column = error.fault.column().unwrap_or_default().to_owned();
                    refused.push(RefusedRow { row, column, why: error.fault.to_string() });
                    // Keeps row numbers in step; a row without a number is refused by itself.
                    good.push(tidings_pipeline::load::Columns::new());
                }
            }
        }
        let loaded = engine.load(&ask, first, &good)?;
        report.committed += loaded.committed;
        report.duplicates += loaded.duplicates;
        report.forgotten += loaded.forgotten;
        let unreadable: Vec<u64> = refused.iter().map(|row| row.row).collect();
        let known = loaded.refused.into_iter().filter(|row| !unreadable.contains(&row.row));
        refused.extend(known.map(|row| RefusedRow { column: shown(row.column), ..row }));
        for row in refused {
            report.refused += 1;
            if let Some(file) = &mut file {
                writeln!(file, "{}", serde_json::to_string(&row)?)?;
            }
            if report.first_refused.len() < LISTED {
                report.first_refused.push((row.row, row.column, row.why));
            }
        }
        let (done, total) = reader.progress();
        progress(done, total);
    }
    if let Some(mut file) = file {
        file.flush()?;
    }
    Ok(report)
}

/// A column's name, unless it may be a personal value that stands where a name should.
fn shown(column: String) -> String {
    if table::looks_like_a_name(&column) { column } else { "of a name that is not shown".to_owned() }
}

/// The same file, source and day are the same load, wherever the file lies.
fn partition(request: &LoadRequest) -> anyhow::Result<String> {
    let size = std::fs::metadata(&request.file).context("the table cannot be read")?.len();
    let name = request.file.file_name().ok_or_else(|| Usage("the table must be a file".to_owned()))?;
    let parts: [&[u8]; 4] = [
        request.source.as_bytes(),
        &request.as_of.to_string().into_bytes(),
        name.as_encoded_bytes(),
        &size.to_le_bytes(),
    ];
    Ok(format!("load-{}", TaskId::of("load", &parts)))
}

fn report_file(path: &Path) -> anyhow::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).context("the report file cannot be made")?))
}
