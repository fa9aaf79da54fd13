//! What the benchmarks share: a province on disk, engines over fresh stores, and a table of ratios.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_domain::event::{Arrival, Position};
use tidings_domain::ids::Pseudonymiser;
use tidings_domain::time::Timestamp;
use tidings_domain::value::Pii;
use tidings_models::PackOrder;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::load::{Columns, LoadAsk};
use tidings_pipeline::open::Parts;
use tidings_rules::Pack;
use tidings_stores::{EmbeddedStore, FileKeyRing, Options, create_master_key, load_master_key};
use tidings_world::World;
use zeroize::Zeroizing;

/// The allocator of the product; the floor runs on it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events in one durable commit, in every measurement.
pub const BATCH: usize = 2_000;

/// A benchmark cannot go on after a failure.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Opens an engine over a fresh embedded store in a folder.
pub fn engine(folder: &Path) -> Result<Engine> {
    let pack = Pack::from_files(tidings_rules::packs::viet_nam()).map_err(|_| "the pack does not load")?;
    engine_with(folder, pack)
}

/// The same with another pack.
pub fn engine_with(folder: &Path, pack: Pack) -> Result<Engine> {
    let master = folder.join("master.key");
    create_master_key(&master)?;
    let parts = Parts {
        store: Arc::new(EmbeddedStore::open(folder.join("store"), Options::new(1))?),
        ring: Arc::new(FileKeyRing::open(folder.join("keys.ring"), &load_master_key(&master)?)?),
        people: Pseudonymiser::new(&Zeroizing::new(vec![7; 32])).ok_or("a deployment key")?,
        model: Arc::new(PackOrder),
        channels: Vec::new(),
        limits: Limits::default(),
    };
    Ok(Engine::open(parts, pack, Timestamp(0))?.0)
}

/// Loads a world's people.
pub fn load_people(engine: &Engine, world: &World) -> Result<u64> {
    let ask = LoadAsk {
        source: "first-load".to_owned(),
        as_of: Timestamp::from_utc("2026-01-01T00:00:00Z".parse()?),
        partition: "people".to_owned(),
    };
    let mut rows: Vec<Columns> = Vec::with_capacity(BATCH);
    let (mut first, mut loaded) = (0, 0);
    for person in world.people() {
        let value = serde_json::to_value(&person)?;
        let columns = value.as_object().ok_or("a person is an object")?;
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        rows.push(columns.iter().map(|(name, value)| (name.clone(), Pii::new(text(value)))).collect());
        if rows.len() == BATCH {
            loaded += engine.load(&ask, first, &rows)?.committed;
            first += rows.len() as u64;
            rows.clear();
        }
    }
    Ok(loaded + engine.load(&ask, first, &rows)?.committed)
}

/// Lines as arrivals of one partition.
pub fn arrivals(first: u64, lines: &[String]) -> Vec<Arrival> {
    (first..)
        .zip(lines)
        .map(|(offset, line)| Arrival {
            bytes: Pii::new(line.clone().into_bytes()),
            position: Position { partition: "bench".to_owned(), epoch: 0, offset },
            proved: None,
            received: Timestamp(0),
        })
        .collect()
}

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let began = Instant::now();
    let done = work()?;
    Ok((done, began.elapsed()))
}

/// The median of some durations.
#[must_use]
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

/// A number from the environment, to make a run smaller or larger.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "benchmarks are sized from the command line")]
pub fn size(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Memory of this process now and at most, bytes (Linux: `VmRSS`, `VmHWM`).
#[must_use]
pub fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}
