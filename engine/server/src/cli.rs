//! The command line.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Parser, Subcommand, ValueEnum};

/// Tells each citizen about the public service that a moment of their life calls for.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Configuration file; without one, defaults and TIDINGS_* variables apply.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 done, and it found fault (a pack that does not load, a case that \
fails, cases that notice too little, a replay that differs); 2 wrong command line, configuration or input; 3 the store or another service cannot \
be used now; 4 there is no such thing.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A synthetic province and a year of its life events, from event to message, in a temporary folder.
    Demo(DemoArgs),
    /// Make a folder with configuration and keys to start from.
    Init {
        /// The folder; made if it is not there.
        folder: PathBuf,
        /// The rule pack that the configuration names.
        #[arg(long, value_name = "FOLDER")]
        pack: Option<PathBuf>,
    },
    /// Take in events, plan and send, until they end or a signal comes.
    Run(RunArgs),
    /// Check a rule pack: every mistake at once, with its place; of one that loads, everything that looks wrong.
    Check(CheckArgs),
    /// Run the cases of a rule pack; say what no case reaches, and what mistakes no case would notice.
    Test(TestArgs),
    /// What share of the essential services, of the catalogue and of the files handled is proactive.
    Coverage(CoverageArgs),
    /// The figures that law sets, on a day and as they were known: value, days, level, law.
    Law(LawArgs),
    /// The decisions in the store that what became known after a day makes others.
    Reopen(ReopenArgs),
    /// Why a citizen was told of something, or was not.
    Explain(ExplainArgs),
    /// Run the stored events again, in an empty store, and compare the opportunities.
    Replay,
    /// Look at the queue and act on it.
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Forget a citizen: rows removed, key destroyed, a tombstone kept.
    Forget {
        /// A citizen's id, or `-` to read a national number from stdin.
        citizen: String,
    },
    /// Write a synthetic province, or a synthetic population of any size.
    Generate(GenerateArgs),
    /// What a change of rules would do to a whole population: who gains, who loses, whose date or wording changes.
    Simulate(crate::simulate::SimulateArgs),
    /// The rules in another form.
    #[command(subcommand)]
    Rules(crate::simulate::RulesCommand),
    /// Load what the state already knows: facts and links, no life events.
    Load(LoadArgs),
    /// The services of a rule pack, for other catalogues.
    #[cfg(feature = "cpsv")]
    #[command(subcommand)]
    Catalogue(CatalogueCommand),
    /// Print the JSON Schema of a pack file, for editors.
    Schema {
        /// Which file: pack, sources, parameters, facts, events, services, lists, designers, wording, life_event; all of them without one.
        file: Option<String>,
    },
    /// Print the configuration with its defaults and what each key means.
    Config,
    /// Print shell completions.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Citizens of the province.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) citizens: u32,
    /// Months of events.
    #[arg(long, default_value_t = 12)]
    pub(crate) months: u32,
    /// Seed: the same seed gives the same province.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The rule pack; the Viet Nam pack that is built in without one.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) pack: Option<PathBuf>,
    /// Keep the store in this folder, to look around in afterwards.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// An NDJSON file of CloudEvents, or `-` for stdin. The run ends when they do.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) events: Option<PathBuf>,
    /// Where business time comes from. Without it the configuration says; else `events` for a log alone, and
    /// `wall` when events come over HTTP. On `wall`, what a file brings waits for its hour in the queue.
    #[arg(long, value_enum)]
    pub(crate) clock: Option<ClockArg>,
}

/// Where business time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockArg {
    /// The machine's clock.
    Wall,
    /// The recording times of the events.
    Events,
}

/// From where to look.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct DayArgs {
    /// What was so on this day, yyyy-mm-dd; today without it.
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<NaiveDate>,
    /// What was known on this day, yyyy-mm-dd; all that is known without it.
    #[arg(long, value_name = "DATE")]
    pub(crate) known: Option<NaiveDate>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A citizen's id, a decision's key (CITIZEN-OCCURRENCE), or `-` to read a national number from stdin.
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) days: DayArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// The pack's folder; the configured one without it.
    pub(crate) pack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) days: DayArgs,
    /// How to print; `json` is what `--json` means here.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Exit with 1 when there are warnings.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Who edited it: refuse what designers.yaml of `--base` does not let them edit.
    #[arg(long, value_name = "NAME", requires = "base")]
    pub(crate) designer: Option<String>,
    /// The folder of the pack as it stands, before the edit.
    #[arg(long, value_name = "FOLDER", requires = "designer")]
    pub(crate) base: Option<PathBuf>,
    /// Another severity for one kind of finding, for example A801=off; may be repeated.
    #[arg(long, value_name = "CODE=warning|review|note|off")]
    pub(crate) level: Vec<String>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
    /// For code review tools: SARIF 2.1.0.
    Sarif,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PackArgs {
    /// The pack's folder; the configured one without it.
    pub(crate) pack: Option<PathBuf>,
}

#[cfg(feature = "cpsv")]
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogueCommand {
    /// Print the catalogue as linked data, in the EU's vocabulary of public services (CPSV-AP 3.2).
    Export(ExportArgs),
}

#[cfg(feature = "cpsv")]
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The pack's folder; the configured one without it.
    pub(crate) pack: Option<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "ttl")]
    pub(crate) format: CatalogueFormat,
    #[command(flatten)]
    pub(crate) days: DayArgs,
    /// What IRIs begin with, in place of what the pack says; ends in `/` or `#`.
    #[arg(long, value_name = "IRI")]
    pub(crate) base: Option<String>,
}

/// How linked data is written.
#[cfg(feature = "cpsv")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogueFormat {
    /// Turtle.
    Ttl,
    /// JSON-LD.
    Jsonld,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CoverageArgs {
    /// The pack's folder; the configured one without it.
    pub(crate) pack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) days: DayArgs,
    /// Count the files handled in the configured store too.
    #[arg(long)]
    pub(crate) store: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LawArgs {
    /// Every value that this figure ever had; all figures of one day without it.
    pub(crate) figure: Option<String>,
    /// The pack's folder; the configured one without it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) pack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) days: DayArgs,
    /// Where: a place of the pack and its code, such as `province=01`.
    #[arg(long, value_name = "FACT=CODE", value_parser = fact_and_code)]
    pub(crate) at: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReopenArgs {
    /// The day after which the change became known, yyyy-mm-dd.
    #[arg(long, value_name = "DATE")]
    pub(crate) known: NaiveDate,
}

fn fact_and_code(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write FACT=CODE, such as province=01")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}

#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// The pack's folder; the configured one without it.
    pub(crate) pack: Option<PathBuf>,
    /// Only the cases of the law in force on this day, yyyy-mm-dd; all of them without it.
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<NaiveDate>,
    /// Of the pack as it was known on this day, yyyy-mm-dd.
    #[arg(long, value_name = "DATE")]
    pub(crate) known: Option<NaiveDate>,
    /// Of this rule alone.
    #[arg(long, value_name = "KEY")]
    pub(crate) rule: Option<String>,
    /// Say which parts of which conditions no case reaches.
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Change each rule in one small way after another, and say which changes no case notices.
    #[arg(long)]
    pub(crate) mutate: bool,
    /// Exit with 1 when less than this share is reached, in percent; implies --coverage.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min_coverage: Option<u8>,
    /// Exit with 1 when less than this share of the changes is noticed, in percent; implies --mutate.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) min_mutation_score: Option<u8>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// Citizens of the province.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) citizens: u32,
    /// Months of events.
    #[arg(long, default_value_t = 12)]
    pub(crate) months: u32,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// First day, yyyy-mm-dd.
    #[arg(long, default_value = "2026-01-01")]
    pub(crate) start: NaiveDate,
    /// Where to write the population: .csv or .ndjson.
    #[arg(long, value_name = "FILE")]
    pub(crate) people: Option<PathBuf>,
    /// Where to write the events, NDJSON; `-` for stdout.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) events: Option<PathBuf>,
    /// Where to write a population for `simulate`: .parquet, any number of citizens, each row drawn alone.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["people", "events"])]
    pub(crate) population: Option<PathBuf>,
    /// The pack whose columns the population has; the one that is built in without it.
    #[arg(long, value_name = "FOLDER", requires = "population")]
    pub(crate) pack: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// A .csv, .ndjson or .parquet file with a column `number` and columns named as facts and links.
    pub(crate) file: PathBuf,
    /// The registered source that states it.
    #[arg(long)]
    pub(crate) source: String,
    /// The day the table was drawn, yyyy-mm-dd: from when its facts hold.
    #[arg(long)]
    pub(crate) as_of: NaiveDate,
    /// Where to write the refused rows (row, column, why), as NDJSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List tasks, earliest first.
    List {
        /// Of this queue: plan, remind, dispatch, held, buried.
        #[arg(long)]
        queue: Option<String>,
        /// Serving this rule.
        #[arg(long)]
        rule: Option<String>,
        /// Of this citizen.
        #[arg(long)]
        citizen: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one task.
    Show {
        /// The task.
        task: String,
    },
    /// Try a buried delivery again.
    Retry {
        /// The task.
        task: String,
    },
    /// Cancel a delivery or a reminder.
    Cancel {
        /// The task.
        task: String,
    },
    /// Hold a task, or everything of a rule.
    Hold(HoldArgs),
    /// Release a task, or a rule.
    Release(HoldArgs),
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct HoldArgs {
    /// The task.
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// The rule.
    #[arg(long)]
    pub(crate) rule: Option<String>,
}
