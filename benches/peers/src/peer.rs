//! What is measured, however it is reached.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;

/// An engine with the twenty conditions compiled and the citizens loaded in its own form.
pub trait Peer {
    /// Its name and version.
    fn name(&self) -> &str;

    /// How many citizens to time at this batch size: a slow engine need not judge them all for a rate.
    fn rows(&self, batch: usize, all: usize) -> usize;

    /// Judges that many citizens, `batch` at a time, each by every condition. Seconds.
    fn time(&mut self, batch: usize, rows: usize) -> Result<f64>;

    /// Every answer about every citizen: `0` or `1`, citizen after citizen, condition after condition.
    fn answers(&mut self) -> Result<Vec<u8>>;
}

/// A peer in a process of its own, which is told a line and answers with a line of JSON.
pub struct Process {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    limit: fn(usize) -> usize,
    scratch: std::path::PathBuf,
}

impl Process {
    /// Starts it over the file of citizens. At most `limit(batch)` rows are timed.
    pub fn start(mut command: Command, citizens: &Path, limit: fn(usize) -> usize) -> Result<Self> {
        command.arg(citizens).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}: run scripts/setup first"))?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("its output")?);
        let scratch = citizens.with_extension(format!("{}.answers", child.id()));
        let mut process = Self { name: String::new(), child, orders, answers, limit, scratch };
        let hello = process.heard()?;
        process.name = hello["version"].as_str().context("a version")?.to_owned();
        Ok(process)
    }

    fn ask(&mut self, order: &str) -> Result<Json> {
        let orders = self.orders.as_mut().context("it was ended")?;
        writeln!(orders, "{order}")?;
        orders.flush()?;
        self.heard()
    }

    fn heard(&mut self) -> Result<Json> {
        let mut line = String::new();
        ensure!(self.answers.read_line(&mut line)? > 0, "{} ended; what it said is above", self.name);
        Ok(serde_json::from_str(&line)?)
    }
}

impl Peer for Process {
    fn name(&self) -> &str {
        &self.name
    }

    fn rows(&self, batch: usize, all: usize) -> usize {
        (self.limit)(batch).min(all)
    }

    fn time(&mut self, batch: usize, rows: usize) -> Result<f64> {
        let answer = self.ask(&format!("time {batch} {rows}"))?;
        ensure!(answer["rows"].as_u64() == Some(rows as u64), "{}: {answer}", self.name);
        answer["seconds"].as_f64().context("seconds")
    }

    fn answers(&mut self) -> Result<Vec<u8>> {
        self.ask(&format!("answers {}", self.scratch.display()))?;
        let answers = std::fs::read(&self.scratch)?;
        std::fs::remove_file(&self.scratch)?;
        Ok(answers)
    }
}

impl Drop for Process {
    /// The end of its orders is the end of the peer.
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}
