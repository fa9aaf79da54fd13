//! How cost grows: the same year for provinces of more and more citizens; what one event costs, and what memory
//! does as the log gets longer. `BENCH_GROWTH` is the largest province.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::Duration;

use tidings_benches::{BATCH, Result, arrivals, engine, load_people, memory, size, timed};
use tidings_pipeline::run::{COMMITS_AT_ONCE, decode_all};
use tidings_world::{Config, World};

struct Grown {
    citizens: u32,
    events: u64,
    per_event: Duration,
    load_per_citizen: Duration,
    resident: u64,
}

fn measure(citizens: u32) -> Result<Grown> {
    let world = World::generate(&Config { citizens, ..Config::default() });
    let folder = tempfile::tempdir()?;
    let engine = engine(folder.path())?;
    let (loaded, loading) = timed(|| load_people(&engine, &world))?;
    let mut lines = world.lines();
    let (mut events, mut took) = (0_u64, Duration::ZERO);
    loop {
        let batch: Vec<String> = lines.by_ref().take(BATCH * COMMITS_AT_ONCE).collect();
        if batch.is_empty() {
            break;
        }
        let count = batch.len() as u64;
        let (_, spent) = timed(|| Ok(engine.ingest(&decode_all(&engine, arrivals(events, &batch)))?))?;
        took += spent;
        events += count;
    }
    Ok(Grown {
        citizens,
        events,
        per_event: took / u32::try_from(events.max(1))?,
        load_per_citizen: loading / u32::try_from(loaded.max(1))?,
        resident: memory().0,
    })
}

fn main() -> Result<()> {
    let most = u32::try_from(size("BENCH_GROWTH", 1_000_000))?;
    let sizes: Vec<u32> = [10_000, 100_000, 1_000_000].into_iter().filter(|size| *size <= most).collect();
    println!(
        "{:>10} {:>10} {:>14} {:>7} {:>16} {:>12}",
        "citizens", "events", "per event", "ratio", "load/citizen", "resident"
    );
    let mut first = None;
    for size in sizes {
        let grown = measure(size)?;
        let base = *first.get_or_insert(grown.per_event);
        println!(
            "{:>10} {:>10} {:>11.1} µs {:>7.2} {:>13.1} µs {:>9} MB",
            grown.citizens,
            grown.events,
            grown.per_event.as_secs_f64() * 1e6,
            grown.per_event.as_secs_f64() / base.as_secs_f64(),
            grown.load_per_citizen.as_secs_f64() * 1e6,
            grown.resident / 1_000_000,
        );
    }
    Ok(())
}
