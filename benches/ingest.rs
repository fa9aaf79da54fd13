//! Ingest, embedded and durable, beside its floor: read the same file, parse the same JSON, seal and write the
//! same bytes to the same kind of store in the same batches. Each run is on a fresh store; runs alternate, so
//! that the machine's moods fall on both. `BENCH_CITIZENS` and `BENCH_RUNS` size it.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidings_benches::{BATCH, Result, arrivals, engine, load_people, median, memory, size, timed};
use tidings_domain::event::Position;
use tidings_domain::store::{
    AdminStore, Commit, Lease, LeaseAsk, Range, ReadStore, Row, RowKey, Shard, Store, StoreError, Table,
};
use tidings_pipeline::engine::Engine;
use tidings_pipeline::run::{COMMITS_AT_ONCE, decode_all};
use tidings_pipeline::vault::{Vault, seal_bytes};
use tidings_stores::{EmbeddedStore, MemoryKeyRing, Options};
use tidings_world::{Config, World};

type Written = Vec<Vec<(RowKey, Option<Vec<u8>>)>>;

/// Notes the rows of every commit, so that the floor writes the same ones.
struct Recorder {
    inner: Arc<dyn tidings_domain::store::AnyStore>,
    written: Mutex<Written>,
}

impl Store for Recorder {
    fn shards(&self) -> u16 {
        self.inner.shards()
    }

    fn read(&self, shard: Shard, keys: &[RowKey]) -> std::result::Result<Vec<Row>, StoreError> {
        self.inner.read(shard, keys)
    }

    fn commit(&self, shard: Shard, commit: &Commit) -> std::result::Result<(), StoreError> {
        if let Ok(mut written) = self.written.lock() {
            written.push(commit.writes.clone());
        }
        self.inner.commit(shard, commit)
    }

    fn lease(&self, shard: Shard, ask: LeaseAsk) -> std::result::Result<Vec<Lease>, StoreError> {
        self.inner.lease(shard, ask)
    }

    fn position(&self, shard: Shard, partition: &str) -> std::result::Result<Option<Position>, StoreError> {
        self.inner.position(shard, partition)
    }
}

impl ReadStore for Recorder {
    fn scan(
        &self,
        shard: Shard,
        table: Table,
        range: Range<'_>,
        limit: usize,
    ) -> std::result::Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.inner.scan(shard, table, range, limit)
    }
}

impl AdminStore for Recorder {
    fn activate(&self, shard: Shard, pack_epoch: u64) -> std::result::Result<u64, StoreError> {
        self.inner.activate(shard, pack_epoch)
    }

    fn pack_epoch(&self, shard: Shard) -> std::result::Result<u64, StoreError> {
        self.inner.pack_epoch(shard)
    }

    fn size(&self) -> std::result::Result<u64, StoreError> {
        self.inner.size()
    }

    fn compact(&self) -> std::result::Result<(), StoreError> {
        self.inner.compact()
    }
}

/// Reads the file in batches of so many lines.
fn batches(file: &Path, size: usize, mut each: impl FnMut(u64, Vec<String>) -> Result<()>) -> Result<u64> {
    let mut lines = BufReader::with_capacity(1 << 16, File::open(file)?).lines();
    let mut first = 0;
    loop {
        let batch: Vec<String> = lines.by_ref().take(size).collect::<std::io::Result<_>>()?;
        if batch.is_empty() {
            return Ok(first);
        }
        let read = batch.len() as u64;
        each(first, batch)?;
        first += read;
    }
}

fn ingest(engine: &Engine, file: &Path) -> Result<u64> {
    batches(file, BATCH * COMMITS_AT_ONCE, |first, lines| {
        let batch = decode_all(engine, arrivals(first, &lines));
        engine.ingest(&batch)?;
        Ok(())
    })
}

/// The floor: parse, seal (or not) and write the same rows.
fn floor(file: &Path, written: &Written, sealing: bool, folder: &Path) -> Result<u64> {
    let store = EmbeddedStore::open(folder.join("floor"), Options::new(1))?;
    let vault = Vault::new(Arc::new(MemoryKeyRing::new()));
    let sealer = vault.create()?;
    let mut commits = written.iter();
    batches(file, BATCH, |_, lines| {
        for line in &lines {
            // Malformed lines are part of the file; the floor parses as far as they go.
            let parsed = serde_json::from_str::<serde_json::Value>(line);
            std::hint::black_box(parsed.is_ok());
        }
        let mut commit = Commit::default();
        for (key, bytes) in commits.next().into_iter().flatten() {
            let bytes = match bytes {
                Some(bytes) if sealing => Some(seal_bytes(&sealer, key, &bytes[49.min(bytes.len())..])?),
                other => other.clone(),
            };
            commit.writes.push((key.clone(), bytes));
        }
        store.commit(Shard(0), &commit)?;
        Ok(())
    })
}

fn main() -> Result<()> {
    let citizens = u32::try_from(size("BENCH_CITIZENS", 100_000))?;
    let runs = size("BENCH_RUNS", 5);
    let world = World::generate(&Config { citizens, ..Config::default() });
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.ndjson");
    let lines = world.write_events(BufWriter::new(File::create(&file)?))?;

    // Once with a recorder, for the rows of the floor and for what an event costs in bytes.
    let recorded = tempfile::tempdir()?;
    let mut first = engine(recorded.path())?;
    load_people(&first, &world)?;
    let size_before = first.store.size()?;
    let recorder = Arc::new(Recorder { inner: Arc::clone(&first.store), written: Mutex::default() });
    first.store = Arc::clone(&recorder) as _;
    ingest(&first, &file)?;
    let bytes_per_event = first.store.size()?.saturating_sub(size_before) / lines.max(1);
    let written = std::mem::take(&mut *recorder.written.lock().map_err(|_| "a poisoned lock")?);
    let payload: usize = written.iter().flatten().filter_map(|(_, bytes)| bytes.as_ref()).map(Vec::len).sum();
    drop(first);

    let mut times: [Vec<Duration>; 3] = Default::default();
    let mut peak = (0, 0);
    for _ in 0..runs {
        let fresh = tempfile::tempdir()?;
        let ours = engine(fresh.path())?;
        load_people(&ours, &world)?;
        times[0].push(timed(|| ingest(&ours, &file))?.1);
        peak = memory();
        drop(ours);
        for (place, sealing) in [(1, true), (2, false)] {
            let fresh = tempfile::tempdir()?;
            times[place].push(timed(|| floor(&file, &written, sealing, fresh.path()))?.1);
        }
    }
    let [ours, sealed, plain] = times.map(median);
    let rate = |took: Duration| lines as f64 / took.as_secs_f64();
    println!(
        "ingest, embedded, durable: {lines} events of {citizens} citizens, batches of {BATCH}, median of {runs}"
    );
    println!("{:<44} {:>12} {:>10}", "", "events/s", "ratio");
    println!("{:<44} {:>12.0} {:>10}", "this engine", rate(ours), "1.00");
    println!(
        "{:<44} {:>12.0} {:>10.2}",
        "floor: read, parse, seal, write",
        rate(sealed),
        rate(ours) / rate(sealed)
    );
    println!("{:<44} {:>12.0} {:>10.2}", "floor without sealing", rate(plain), rate(ours) / rate(plain));
    println!(
        "rows written {} bytes/event, on disk {bytes_per_event} bytes/event; memory {} MB now, {} MB peak",
        payload as u64 / lines.max(1),
        peak.0 / 1_000_000,
        peak.1 / 1_000_000,
    );
    Ok(())
}
