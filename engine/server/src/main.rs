//! `tidings`: proactive life-event notifications.

mod app;
mod cli;
mod clock;
mod commands;
mod config;
mod control;
mod live;
mod metrics;
mod out;
mod simulate;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

/// Records are many small things made and dropped in batches, and this allocator makes that cheap.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let out = out::Out::new(cli.json);
    match commands::run(cli, &out) {
        Ok(code) => code,
        Err(error) => out.failure(&error),
    }
}
