//! One module a command; this one sends each to its own.

mod cases;
#[cfg(feature = "cpsv")]
mod catalogue;
mod check;
mod coverage;
mod demo;
mod generate;
mod init;
mod law;
pub(crate) mod load;
mod pack;
mod replay;
pub(crate) mod requests;
mod run;
mod show;

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use tidings_domain::value::Pii;

#[cfg(feature = "cpsv")]
use crate::cli::CatalogueCommand;
use crate::cli::{Cli, Command, ExplainArgs, HoldArgs, LoadArgs, QueueCommand};
use crate::config::{Config, ConfigError};
use crate::out::{Out, Usage, exit};
use crate::telemetry;
pub(crate) use pack::need as pack_known;
use requests::{Reply, Request, Who};
use tidings_pipeline::past::LookBack;

/// Longest line that is read as a national number, bytes.
const NUMBER_BYTES: u64 = 256;

/// Carries out the command.
pub(crate) fn run(cli: Cli, out: &Out) -> anyhow::Result<ExitCode> {
    let out = *out;
    let configured = || -> anyhow::Result<Config> {
        let config = Config::from_environment(cli.config.as_deref()).map_err(|errors| mistakes(&errors))?;
        telemetry::start(&config);
        Ok(config)
    };
    match cli.command {
        Command::Demo(args) => demo::run(&args, out),
        Command::Init { folder, pack } => init::run(&folder, pack.as_deref(), out),
        Command::Run(args) => run::run(&configured()?, &args, out),
        Command::Check(args) => check::run(&args, args.pack.clone().or(configured()?.pack), out),
        Command::Coverage(args) => coverage::run(&configured()?, &args, out),
        Command::Law(args) => law::law(&configured()?, &args, out),
        Command::Reopen(args) => law::reopen(&configured()?, &args, out),
        Command::Test(mut args) => {
            args.pack = args.pack.or(configured()?.pack);
            cases::test(&args, out)
        }
        #[cfg(feature = "cpsv")]
        Command::Catalogue(CatalogueCommand::Export(args)) => {
            let configured = if args.pack.is_none() { configured()?.pack } else { None };
            catalogue::export(args, configured, out)
        }
        Command::Explain(args) => explain(&configured()?, &args, out),
        Command::Replay => replay::run(&configured()?, out),
        Command::Queue(command) => queue(&configured()?, command, out),
        Command::Forget { citizen } => forget(&configured()?, &citizen, out),
        Command::Generate(args) => generate::run(&args, out),
        Command::Simulate(args) => crate::simulate::run(&args, out),
        Command::Rules(command) => crate::simulate::rules(&command, out),
        Command::Load(args) => load_table(&configured()?, args, out),
        Command::Schema { file } => pack::schema(file.as_deref(), out),
        Command::Config => {
            out.text(Config::reference());
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tidings", &mut text);
            out.text(String::from_utf8_lossy(&text));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn mistakes(errors: &[ConfigError]) -> Usage {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Usage(format!("the configuration does not load:\n{}", lines.join("\n")))
}

/// A citizen named on the command line; `-` reads the national number from standard input.
fn who(text: &str) -> anyhow::Result<Who> {
    if text != "-" {
        return Ok(Who::Id(text.to_owned()));
    }
    let mut number = String::new();
    let mut stdin = std::io::stdin().take(NUMBER_BYTES);
    stdin.read_to_string(&mut number).context("no national number could be read from stdin")?;
    Ok(Who::Number(Pii::new(number.trim().to_owned())))
}

fn explain(config: &Config, args: &ExplainArgs, out: Out) -> anyhow::Result<ExitCode> {
    let (citizen, occurrence) = match args.what.split_once('-') {
        Some((citizen, occurrence)) if !citizen.is_empty() => (citizen, Some(occurrence.to_owned())),
        _ => (args.what.as_str(), None),
    };
    let back = LookBack { as_of: args.days.as_of, known: args.days.known };
    let reply = requests::ask(config, Request::Explain { who: who(citizen)?, occurrence, back })?;
    show::reply(&reply, out)
}

fn queue(config: &Config, command: QueueCommand, out: Out) -> anyhow::Result<ExitCode> {
    let request = match command {
        QueueCommand::List { queue, rule, citizen, limit } => Request::List { queue, rule, citizen, limit },
        QueueCommand::Show { task } => Request::Show { task },
        QueueCommand::Retry { task } => Request::Retry { task },
        QueueCommand::Cancel { task } => Request::Cancel { task },
        QueueCommand::Hold(HoldArgs { task: Some(task), .. }) => Request::HoldTask { task },
        QueueCommand::Hold(HoldArgs { rule, .. }) => Request::HoldRule { rule: rule.unwrap_or_default() },
        QueueCommand::Release(HoldArgs { task: Some(task), .. }) => Request::ReleaseTask { task },
        QueueCommand::Release(HoldArgs { rule, .. }) => {
            Request::ReleaseRule { rule: rule.unwrap_or_default() }
        }
    };
    show::reply(&requests::ask(config, request)?, out)
}

fn forget(config: &Config, citizen: &str, out: Out) -> anyhow::Result<ExitCode> {
    show::reply(&requests::ask(config, Request::Forget { who: who(citizen)? })?, out)
}

/// Loads here with a progress bar, or through the process that holds the store.
fn load_table(config: &Config, args: LoadArgs, out: Out) -> anyhow::Result<ExitCode> {
    let absolute = std::path::absolute(&args.file).context("the table's path cannot be resolved")?;
    let report = args.report.map(std::path::absolute).transpose()?;
    let request = load::LoadRequest { file: absolute, source: args.source, as_of: args.as_of, report };
    let reply = match crate::app::open(config, crate::clock::wall()) {
        Ok((engine, _)) => {
            let bar = out.progress(Some(0), "loading");
            let loaded = load::load(&engine, &request, &mut |done, total| {
                bar.set_length(total.unwrap_or(done));
                bar.set_position(done);
            })?;
            bar.finish_and_clear();
            Reply::Loaded(loaded)
        }
        Err(error) if is_in_use(&error) => crate::control::ask(&config.socket, &Request::Load(request))?,
        Err(error) => return Err(error),
    };
    let refused = matches!(&reply, Reply::Loaded(loaded) if loaded.refused > 0);
    let shown = show::reply(&reply, out)?;
    Ok(if refused { ExitCode::from(exit::FINDINGS) } else { shown })
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(tidings_domain::store::StoreError::InUse))
}
