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
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let out = out::Out::new(cli.json);
    match commands::run(cli, &out) {
        Ok(code) => code,
        Err(error) => out.failure(&error),
    }
}
