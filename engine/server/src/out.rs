//! What the commands print: text for people, JSON for programs. The one place that writes to standard output.
#![expect(clippy::print_stderr, reason = "this is the command line's own output")]

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tidings_domain::keys::KeyError;
use tidings_domain::store::StoreError;
use tidings_pipeline::engine::PipelineError;
use tidings_pipeline::run::RunError;

/// Exit codes, as the README lists them.
pub(crate) mod exit {
    /// What was asked for was done, and it found fault: a pack that does not load, a case that fails, a replay
    /// that differs, rows of a table that were refused.
    pub(crate) const FINDINGS: u8 = 1;
    /// The command line, the configuration or an input file is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// The store or another service cannot be used now.
    pub(crate) const UNAVAILABLE: u8 = 3;
    /// There is no such thing.
    pub(crate) const NOT_FOUND: u8 = 4;
}

/// An error of the caller's making: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// An answer of a running `tidings` that says no, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    pub(crate) code: u8,
    pub(crate) message: String,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
    silent: bool,
}

impl Out {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, silent: false }
    }

    /// Prints nothing, for a command inside another.
    pub(crate) const fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Whether a program reads.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints text for people; nothing when a program reads.
    pub(crate) fn say(self, text: impl Display) {
        if !self.json && !self.silent {
            print(text);
        }
    }

    /// Prints to standard output whoever reads: generated files and schemas.
    pub(crate) fn raw(self, text: impl Display) {
        print(text);
    }

    /// Prints text that is of use as it stands; a program gets it as the `text` of an object.
    pub(crate) fn text(self, text: impl Display) {
        if self.json {
            print(serde_json::json!({ "text": text.to_string() }));
        } else {
            print(text);
        }
    }

    /// Prints a value for programs; nothing when a person reads.
    pub(crate) fn value<T: Serialize>(self, value: &T) -> anyhow::Result<()> {
        if self.json && !self.silent {
            print(serde_json::to_string_pretty(value)?);
        }
        Ok(())
    }

    /// Prints what went wrong; returns the exit code.
    pub(crate) fn failure(self, error: &anyhow::Error) -> ExitCode {
        let code = code_of(error);
        let message = format!("{error:#}");
        if self.json {
            print(serde_json::json!({ "error": message, "exit": code }));
        }
        eprintln!("tidings: {message}");
        ExitCode::from(code)
    }

    /// A progress bar on a terminal, silence elsewhere.
    pub(crate) fn progress(self, total: Option<u64>, what: &'static str) -> ProgressBar {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        let shown = !self.json && std::io::stderr().is_terminal();
        bar.set_draw_target(if shown {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        let template = match total {
            Some(_) => "{msg:>12} [{wide_bar}] {percent:>3}% {pos}/{len}",
            None => "{msg:>12} {spinner} {pos}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        bar
    }
}

/// Prints a line. Whoever closed the pipe (`| head`) has seen enough; any other failure ends the process, since
/// what was asked for is then not whole.
fn print(text: impl Display) {
    let Err(error) = writeln!(std::io::stdout().lock(), "{text}") else { return };
    if error.kind() != ErrorKind::BrokenPipe {
        eprintln!("tidings: standard output cannot be written: {}", error.kind());
        std::process::exit(exit::UNAVAILABLE.into());
    }
}

pub(crate) fn code_of(error: &anyhow::Error) -> u8 {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return refused.code;
    }
    let pipeline = match error.downcast_ref::<RunError>() {
        Some(RunError::Pipeline(error)) => Some(error),
        _ => error.downcast_ref::<PipelineError>(),
    };
    match pipeline {
        Some(PipelineError::NotFound(_)) => exit::NOT_FOUND,
        Some(_) => exit::UNAVAILABLE,
        None if error.is::<StoreError>() => exit::UNAVAILABLE,
        None if matches!(error.downcast_ref(), Some(KeyError::Unavailable(_))) => exit::UNAVAILABLE,
        None => exit::USAGE,
    }
}

/// A table with a heading: text left, numbers right.
#[derive(Debug)]
pub(crate) struct Grid {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl Display for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        write!(f, "\n{}", self.title)?;
        for row in &self.rows {
            write!(f, "\n ")?;
            for (cell, width) in row.iter().zip(&widths) {
                let number = cell.starts_with(|first: char| first.is_ascii_digit());
                let pad = " ".repeat(width - cell.chars().count());
                if number { write!(f, " {pad}{cell} ")? } else { write!(f, " {cell}{pad} ")? }
            }
        }
        Ok(())
    }
}

/// A count with thin groups: `1 234 567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A duration for people: `340 µs`, `12.4 ms`, `3.1 s`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else if seconds >= 1e-3 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{:.0} µs", seconds * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_durations_have_their_unit() {
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(12), "12");
        assert_eq!(human(Duration::from_micros(340)), "340 µs");
        assert_eq!(human(Duration::from_millis(3_100)), "3.1 s");
    }
}
