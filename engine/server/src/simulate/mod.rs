//! `tidings simulate` and `tidings generate --population`: a population read or written in batches, on all cores, in
//! memory that does not grow with its size. What is asked and counted is `tidings_rules::whatif`.

mod chart;
mod csv;
mod diff;
mod events;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
mod report;
mod table;
#[cfg(all(test, feature = "parquet"))]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use chrono::{Months, NaiveDate};
use rayon::prelude::*;
use tidings_rules::Pack;
use tidings_rules::expr::sql::Dialect;
use tidings_rules::whatif::{Change, Period, Study, Tally, judge, views};

use crate::cli::GenerateArgs;
use crate::commands::pack_known;
use crate::out::{Out, Usage};
#[cfg(feature = "parquet")]
use crate::out::{grouped, human};
use crate::{app, clock};
use report::Report;
use table::{Chunk, Table};

/// Chunks that are judged side by side, for each core: more even out those that take longer.
const CHUNKS_A_CORE: usize = 4;

#[derive(Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// One pack alone: what its rules answer.
    #[arg(conflicts_with_all = ["old", "new"], value_name = "PACK")]
    pub(crate) pack: Option<PathBuf>,
    /// The pack as it is; the one that is built in without it.
    #[arg(long, value_name = "PACK")]
    pub(crate) old: Option<PathBuf>,
    /// The pack as it would be; the one that is built in without it.
    #[arg(long, value_name = "PACK")]
    pub(crate) new: Option<PathBuf>,
    /// The population: a .parquet or .csv file, one row a citizen.
    #[arg(long, value_name = "FILE", required_unless_present = "events")]
    pub(crate) population: Option<PathBuf>,
    /// Instead of a population, an NDJSON log of events: both packs take it in, and the opportunities are compared.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["population", "out"])]
    pub(crate) events: Option<PathBuf>,
    /// What was known before the events: a table as for `load`, with --source and --as-of.
    #[arg(long, value_name = "FILE", requires_all = ["events", "source", "as_of"])]
    pub(crate) people: Option<PathBuf>,
    /// The registered source that states --people.
    #[arg(long, requires = "people")]
    pub(crate) source: Option<String>,
    /// The day on which ages are counted, and before which the studied period ends, yyyy-mm-dd; what the population says
    /// without it, else today.
    #[arg(long)]
    pub(crate) as_of: Option<NaiveDate>,
    /// The old pack, or the one pack alone, as it was known on this day, yyyy-mm-dd: with one pack as --old and --new, what
    /// became known since changes.
    #[arg(long, value_name = "DATE")]
    pub(crate) known: Option<NaiveDate>,
    /// The first day of the studied period, yyyy-mm-dd: milestones and absences count when they come about from then on and
    /// before --as-of. What the population says without it, else a year before --as-of.
    #[arg(long, conflicts_with = "events")]
    pub(crate) from: Option<NaiveDate>,
    /// Where to write what changes, .parquet: row numbers, rules, answers and dates, nothing else of anybody. With one
    /// pack alone, every answer.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where to write a page for people.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Puts one pack, or two side by side, to a population.
pub(crate) fn run(args: &SimulateArgs, out: Out) -> anyhow::Result<ExitCode> {
    let alone = args.old.is_none() && args.new.is_none();
    let known_new = args.known.filter(|_| alone);
    let new = pack_known(args.new.as_deref().or(args.pack.as_deref()), known_new)?;
    let old = if alone { None } else { Some(pack_known(args.old.as_deref(), args.known)?) };
    let study = Study::new(old.as_ref(), &new).map_err(|error| Usage(error.to_string()))?;
    let report = match &args.population {
        Some(path) => of_population(&study, path, args, out)?,
        None => of_events(&study, args, out)?,
    };
    if let Some(path) = &args.html {
        std::fs::write(path, page::page(&report))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    out.value(&report)?;
    out.say(&report);
    Ok(ExitCode::SUCCESS)
}

fn of_population(study: &Study<'_>, path: &Path, args: &SimulateArgs, out: Out) -> anyhow::Result<Report> {
    let mut table = table::open(path, study)?;
    let days = days(study, &*table, args)?;
    let began = Instant::now();
    let tally = judge_all(study, &mut *table, days, args, out)?;
    let mut report = Report::new(study, &tally, table.absent(), days.as_of, began.elapsed());
    report.of_population(study, days.period);
    Ok(report)
}

/// The day on which the population stands, and the days that are studied: those before it.
#[derive(Clone, Copy)]
struct Days {
    as_of: NaiveDate,
    period: Period,
}

fn days(study: &Study<'_>, table: &dyn Table, args: &SimulateArgs) -> anyhow::Result<Days> {
    let as_of = args.as_of.or(table.as_of()).unwrap_or_else(|| today(study.new));
    let stated = table.from().filter(|from| *from < as_of);
    let first = args.from.or(stated).or(as_of.checked_sub_months(Months::new(12)));
    let last = as_of.pred_opt();
    let period = first.zip(last).filter(|(first, last)| first <= last);
    let (first, last) = period.ok_or_else(|| Usage("--from is a day before --as-of".to_owned()))?;
    Ok(Days { as_of, period: Period { first, last } })
}

fn of_events(study: &Study<'_>, args: &SimulateArgs, out: Out) -> anyhow::Result<Report> {
    let as_of = args.as_of.unwrap_or_else(|| today(study.new));
    let events = args.events.as_deref().ok_or_else(|| Usage("give --population or --events".to_owned()))?;
    let people = args.people.as_deref().zip(args.source.as_deref());
    // The stores take their packs whole, and the study goes on comparing its own.
    let copy = |pack: &Pack, known| {
        Pack::as_known(pack.files.clone(), known).map_err(|found| Usage(app::mistakes(&found)))
    };
    let known_new = args.known.filter(|_| study.old.is_none());
    let old = study.old.map(|old| copy(old, args.known)).transpose()?;
    let log = events::Log { events, people, as_of };
    let (tally, elapsed) = events::compare(study, old, copy(study.new, known_new)?, &log, out)?;
    let mut report = Report::new(study, &tally, &[], as_of, elapsed);
    report.of_events();
    Ok(report)
}

fn today(pack: &Pack) -> NaiveDate {
    clock::wall().to_utc().with_timezone(&pack.zone).date_naive()
}

/// What came of one chunk.
struct Part {
    tally: Tally,
    changes: Vec<Change>,
}

/// A few chunks at a time side by side; what they found is put together in the order of the table.
fn judge_all(
    study: &Study<'_>,
    table: &mut dyn Table,
    days: Days,
    args: &SimulateArgs,
    out: Out,
) -> anyhow::Result<Tally> {
    let mut changed = args.out.as_deref().map(Changed::create).transpose()?;
    let every_answer = changed.is_some() && study.old.is_none();
    let bar = out.progress(table.rows(), "citizens");
    let mut whole = Tally::new(study, days.as_of);
    loop {
        let chunks = table.next_chunks(rayon::current_num_threads() * CHUNKS_A_CORE)?;
        if chunks.is_empty() {
            break;
        }
        let parts: Vec<Part> = chunks
            .into_par_iter()
            .map(|chunk| judge_chunk(study, chunk, days, every_answer))
            .collect::<Result<_, _>>()?;
        for part in parts {
            whole.merge(&part.tally);
            if let Some(changed) = &mut changed {
                changed.write(study, &part.changes)?;
            }
        }
        bar.set_position(whole.rows);
    }
    bar.finish_and_clear();
    if let Some(changed) = changed {
        changed.close()?;
    }
    Ok(whole)
}

fn judge_chunk(study: &Study<'_>, chunk: Chunk, days: Days, every_answer: bool) -> anyhow::Result<Part> {
    let mut part = Part { tally: Tally::new(study, days.as_of), changes: Vec::new() };
    chunk.each(days.period, every_answer, &mut |batch| {
        Ok(judge(study, batch, &mut part.tally, &mut part.changes)?)
    })?;
    Ok(part)
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RulesCommand {
    /// The rules as SQL views over a population in a warehouse, with the same answers.
    Sql {
        /// The pack; the one that is built in without it.
        pack: Option<PathBuf>,
        /// As it was known on this day, yyyy-mm-dd; all that is known without it.
        #[arg(long, value_name = "DATE")]
        known: Option<NaiveDate>,
        /// Whose SQL.
        #[arg(long, value_enum, default_value = "duckdb")]
        dialect: DialectArg,
        /// The table of the population.
        #[arg(long, default_value = "population")]
        table: String,
        /// Columns of the table that tell its rows apart.
        #[arg(long, default_value = "row")]
        key: Vec<String>,
    },
}

/// Whose SQL.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum DialectArg {
    /// DuckDB.
    #[value(name = "duckdb")]
    DuckDb,
    /// PostgreSQL.
    Postgres,
    /// Apache DataFusion.
    #[value(name = "datafusion")]
    DataFusion,
}

/// Prints the rules in another form.
pub(crate) fn rules(command: &RulesCommand, out: Out) -> anyhow::Result<ExitCode> {
    let RulesCommand::Sql { pack, known, dialect, table, key } = command;
    let pack = pack_known(pack.as_deref(), *known)?;
    let study = Study::new(None, &pack).map_err(|error| Usage(error.to_string()))?;
    let dialect = match dialect {
        DialectArg::DuckDb => Dialect::DuckDb,
        DialectArg::Postgres => Dialect::Postgres,
        DialectArg::DataFusion => Dialect::DataFusion,
    };
    out.text(views(&study, dialect, table, key));
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "parquet")]
use parquet::Changed;

/// Without Parquet there is nothing that changed rows could be written to.
#[cfg(not(feature = "parquet"))]
struct Changed;

#[cfg(not(feature = "parquet"))]
impl Changed {
    fn create(_: &Path) -> anyhow::Result<Self> {
        Err(table::no_parquet().into())
    }

    fn write(&mut self, _: &Study<'_>, _: &[Change]) -> anyhow::Result<()> {
        Ok(())
    }

    fn close(self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Writes a population with the columns that a pack reads.
#[cfg(feature = "parquet")]
pub(crate) fn generate(args: &GenerateArgs, path: &Path, out: Out) -> anyhow::Result<ExitCode> {
    let pack = args.pack.as_deref().map_or_else(app::built_in_pack, app::load_pack)?;
    let study = Study::new(None, &pack).map_err(|error| Usage(error.to_string()))?;
    let began = Instant::now();
    let population = parquet::population(&study, args.seed, args.start, args.months);
    let rows = u64::from(args.citizens);
    let bar = out.progress(Some(rows), "citizens");
    let bytes = parquet::write_population(&population, (rows, parquet::GROUP_ROWS), path, &mut |done| {
        bar.set_position(done)
    })?;
    bar.finish_and_clear();
    let assumed: Vec<&str> = population.assumed().collect();
    out.say(format!(
        "{} citizens in {} columns written, {} MB, in {}",
        grouped(rows),
        population.wanted().len(),
        grouped(bytes / 1_000_000),
        human(began.elapsed())
    ));
    if !assumed.is_empty() {
        out.say(format!("Assumed, since nothing is known of them but their type: {}", assumed.join(", ")));
    }
    out.value(&serde_json::json!({
        "citizens": rows,
        "columns": population.wanted().len(),
        "bytes": bytes,
        "seconds": began.elapsed().as_secs_f64(),
        "assumed": assumed,
    }))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "parquet"))]
pub(crate) fn generate(_: &GenerateArgs, _: &Path, _: Out) -> anyhow::Result<ExitCode> {
    Err(table::no_parquet().into())
}
