//! The same twenty conditions about the same citizens, by Tidings and by its peers, interleaved in one run; and that
//! all of them answer alike. See README.md.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

mod conditions;
mod data;
mod peer;
mod tidings;
mod zen;

use conditions::{CONDITIONS, COUNT};
use data::Row;
use peer::{Peer, Process};

/// The allocator of the product, for every engine in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Citizens a batch; the last is all of them at once.
const BATCHES: [usize; 4] = [1, 256, 4_096, usize::MAX];

/// How it is sized, from the environment.
struct Ask {
    citizens: usize,
    rounds: usize,
}

fn main() -> Result<ExitCode> {
    let size =
        |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let ask = Ask { citizens: size("PEERS_CITIZENS", 100_000), rounds: size("PEERS_ROUNDS", 5) };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = std::env::temp_dir().join(format!("citizens.{}.csv", std::process::id()));
    let rows: Arc<[Row]> = data::citizens(ask.citizens).into();
    data::write(&rows, &file)?;
    let run = run(&ask, &rows, here, &file);
    std::fs::remove_file(&file)?;
    run
}

fn run(ask: &Ask, rows: &Arc<[Row]>, here: &Path, file: &Path) -> Result<ExitCode> {
    let mut peers: Vec<Box<dyn Peer>> = vec![
        Box::new(tidings::Tidings::new(Arc::clone(rows))?),
        Box::new(zen::Expressions::new(Arc::clone(rows))?),
        Box::new(zen::Graph::of_expressions(Arc::clone(rows))?),
        Box::new(zen::Graph::of_table(Arc::clone(rows))?),
        Box::new(Process::start(python(here), file, |batch| if batch == 1 { 500 } else { usize::MAX })?),
        Box::new(Process::start(node(here), file, |_| 5_000)?),
    ];
    let equal = compare(&mut peers, rows)?;
    let seconds = measure(&mut peers, ask)?;
    print_table(&peers, &seconds, ask);
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn python(here: &Path) -> Command {
    let mut command = Command::new(here.join("openfisca/.venv/bin/python"));
    command.arg(here.join("openfisca/run.py"));
    command
}

fn node(here: &Path) -> Command {
    let mut command = Command::new(PathBuf::from("node"));
    command.arg(here.join("json-rules-engine/run.mjs"));
    command
}

/// Every answer of every peer against the first one's.
fn compare(peers: &mut [Box<dyn Peer>], rows: &[Row]) -> Result<bool> {
    let mut all = Vec::new();
    for peer in peers.iter_mut() {
        let answers = peer.answers().with_context(|| peer.name().to_owned())?;
        ensure!(answers.len() == rows.len() * COUNT, "{}: {} answers", peer.name(), answers.len());
        all.push(answers);
    }
    let Some((ours, theirs)) = all.split_first() else { return Ok(true) };
    let mut equal = true;
    for (peer, answers) in peers[1..].iter().zip(theirs) {
        let differing: Vec<usize> = (0..ours.len()).filter(|&at| ours[at] != answers[at]).collect();
        if let Some(&first) = differing.first() {
            equal = false;
            let facts =
                rows[first / COUNT].iter().map(|value| value.canonical()).collect::<Vec<_>>().join(", ");
            println!(
                "{} differs in {} answers, first: {} for ({facts}): ours {}, its {}",
                peer.name(),
                differing.len(),
                CONDITIONS[first % COUNT].0,
                char::from(ours[first]),
                char::from(answers[first]),
            );
        }
    }
    let share = |condition: usize| {
        let yes = ours.iter().skip(condition).step_by(COUNT).filter(|answer| **answer == b'1').count();
        100.0 * yes as f64 / rows.len() as f64
    };
    let shares: Vec<f64> = (0..COUNT).map(share).collect();
    println!(
        "{} answers of each engine, {}; a condition holds for {:.0} % to {:.0} % of the citizens",
        ours.len(),
        if equal { "all equal" } else { "NOT ALL EQUAL" },
        shares.iter().copied().fold(f64::INFINITY, f64::min),
        shares.iter().copied().fold(0.0, f64::max),
    );
    Ok(equal)
}

/// Rows a second of each peer (outer) at each batch size (inner), a list of rounds. One round before them warms up.
fn measure(peers: &mut [Box<dyn Peer>], ask: &Ask) -> Result<Vec<Vec<Vec<f64>>>> {
    let mut rates = vec![vec![Vec::new(); BATCHES.len()]; peers.len()];
    for round in 0..=ask.rounds {
        for (at, batch) in BATCHES.iter().enumerate() {
            for (peer, rates) in peers.iter_mut().zip(&mut rates) {
                let batch = (*batch).min(ask.citizens);
                let rows = peer.rows(batch, ask.citizens);
                let seconds = peer.time(batch.min(rows), rows)?;
                if round > 0 {
                    rates[at].push(rows as f64 / seconds);
                }
            }
        }
    }
    Ok(rates)
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print_table(peers: &[Box<dyn Peer>], rates: &[Vec<Vec<f64>>], ask: &Ask) {
    let head = BATCHES.map(|batch| match batch {
        1 => "one by one".to_owned(),
        usize::MAX => format!("all {} at once", ask.citizens),
        batch => format!("batches of {batch}"),
    });
    println!(
        "\nRows a second, each judged by all {COUNT} conditions (median of {}; ours / theirs):\n",
        ask.rounds
    );
    println!("| engine | {} |", head.join(" | "));
    println!("| --- |{}", " --- |".repeat(BATCHES.len()));
    for (at, peer) in peers.iter().enumerate() {
        let cell = |batch: usize| {
            let (ours, rate) = (median(&rates[0][batch]), median(&rates[at][batch]));
            if at == 0 { thousands(rate) } else { format!("{} ({:.1})", thousands(rate), ours / rate) }
        };
        let cells: Vec<String> = (0..BATCHES.len()).map(cell).collect();
        println!("| {} | {} |", peer.name(), cells.join(" | "));
    }
    println!("\nSpread, fastest round / slowest:");
    for (peer, rates) in peers.iter().zip(rates) {
        let spread = rates.iter().map(|rates| {
            let (low, high) = rates
                .iter()
                .fold((f64::INFINITY, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
            format!("{:.2}", high / low)
        });
        println!("  {}: {}", peer.name(), spread.collect::<Vec<_>>().join(", "));
    }
}

/// `1234567` as `1,234,567`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
