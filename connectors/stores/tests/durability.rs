//! Power cuts: what was acknowledged is there, what was not is there whole or not at all.
//!
//! A writer process commits numbered batches and acknowledges each on its standard output, under the recorder of
//! `crash/`. The power is cut at random moments; each image is opened and compared, row by row, with what the batches
//! should have left. More rounds: `CRASH_ROUNDS=200 cargo test --release -p tidings-stores --test durability`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and what they share")]
#![allow(clippy::print_stdout, reason = "tests speak to the processes that they run")]

mod crash;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use crash::{Calls, Fault, IO_ERROR, Keep, NO_SPACE, READ_ONLY, Recorder, Recording};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tidings_domain::event::Position;
use tidings_domain::keys::{KeyError, KeyRing, Slot};
use tidings_domain::store::{AdminStore, Commit, Range, ReadStore, RowKey, Shard, Store, StoreError, Table};
use tidings_stores::{Durability, EmbeddedStore, FileKeyRing, Options};
use zeroize::Zeroizing;

const SHARDS: u16 = 2;
/// So small that the writer's rows go through flushes and merges.
const MEMTABLE_BYTES: u64 = 128 * 1024;
/// A batch also deletes the rows of the one so many before it.
const KEPT_BATCHES: u64 = 12;
const BATCHES_A_RUN: u64 = 60;
const RUNS_IN_A_ROW: usize = 3;
const CUTS_A_RUN: usize = 4;
const ROUNDS: usize = 12;
/// More than any fault lasts.
const MOST_FAILURES: usize = 50;
const PARTITION: &str = "writer";

#[allow(
    clippy::disallowed_methods,
    reason = "how this test is told what to do; it runs itself as the writer"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn rounds() -> usize {
    told("CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    let seed = told("TIDINGS_SEED").map_or_else(rand::random, |text| text.parse().unwrap());
    println!("TIDINGS_SEED={seed}");
    seed
}

fn options(durability: Durability) -> Options {
    Options { durability, memtable_bytes: MEMTABLE_BYTES, ..Options::new(SHARDS) }
}

fn open(path: &Path) -> Result<EmbeddedStore, StoreError> {
    EmbeddedStore::open(path, options(Durability::Synced))
}

fn shard_of(batch: u64) -> Shard {
    Shard((batch % u64::from(SHARDS)) as u16)
}

/// Rows that a batch writes; the same for whoever asks.
fn rows_of(batch: u64) -> Vec<(RowKey, Vec<u8>)> {
    let mut random = StdRng::seed_from_u64(batch);
    let tables = [Table::Citizen, Table::Event, Table::Task];
    let rows = (0..random.random_range(1..12_u32)).map(|row| {
        let table = tables[random.random_range(0..3)];
        let key = [batch.to_be_bytes().as_slice(), &row.to_be_bytes()].concat();
        // Some are longer than a page, so that a page may be missing inside them.
        let longest = if random.random_bool(0.25) { 20_000 } else { 3000 };
        let mut bytes = vec![0; random.random_range(0..longest)];
        random.fill(bytes.as_mut_slice());
        (RowKey { table, key }, bytes)
    });
    let mut rows: Vec<_> = rows.collect();
    rows.push((RowKey::meta("newest batch"), batch.to_be_bytes().to_vec()));
    rows
}

fn commit_of(batch: u64) -> Commit {
    let mut writes: Vec<_> = rows_of(batch).into_iter().map(|(key, bytes)| (key, Some(bytes))).collect();
    let deleted = batch.checked_sub(KEPT_BATCHES).map(rows_of).unwrap_or_default();
    writes
        .extend(deleted.into_iter().filter(|(key, _)| key.table != Table::Meta).map(|(key, _)| (key, None)));
    let positions = vec![Position { partition: PARTITION.to_owned(), epoch: 1, offset: batch }];
    Commit { writes, positions, ..Commit::default() }
}

/// What a shard holds when `newest` is its newest batch.
fn expected(newest: Option<u64>) -> BTreeMap<RowKey, Vec<u8>> {
    let Some(newest) = newest else { return BTreeMap::new() };
    let step = u64::from(SHARDS);
    let batches = (0..KEPT_BATCHES / step).rev().filter_map(|back| newest.checked_sub(back * step));
    batches.flat_map(rows_of).collect()
}

fn newest(store: &EmbeddedStore, shard: Shard) -> Option<u64> {
    store.position(shard, PARTITION).unwrap().map(|position| position.offset)
}

fn first_free(store: &EmbeddedStore) -> u64 {
    (0..SHARDS).filter_map(|shard| newest(store, Shard(shard))).max().map_or(0, |newest| newest + 1)
}

/// What is wrong with a store whose batches up to `acknowledged` were acknowledged.
fn loss(store: &EmbeddedStore, acknowledged: Option<u64>) -> Option<String> {
    for shard in (0..SHARDS).map(Shard) {
        let newest = newest(store, shard);
        let due =
            acknowledged.and_then(|last| (0..=last).rev().take(2).find(|batch| shard_of(*batch) == shard));
        if newest < due || newest > acknowledged.map_or(Some(0), |last| Some(last + 1)) {
            return Some(format!(
                "{shard:?}: {newest:?} is the newest batch, {acknowledged:?} was acknowledged"
            ));
        }
        let mut found = BTreeMap::new();
        for table in Table::ALL {
            let rows = store.scan(shard, table, Range::default(), usize::MAX).unwrap();
            found.extend(rows.into_iter().map(|(key, bytes)| (RowKey { table, key }, bytes)));
        }
        if found != expected(newest) {
            return Some(format!("{shard:?}: rows are not those of the batches up to {newest:?}"));
        }
    }
    None
}

/// Says a line; in one of its own, since the test harness has begun one.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Numbers said after a word.
fn heard(recording: &Recording, at: usize, word: &str) -> Vec<u64> {
    let said = String::from_utf8(recording.said(at)).unwrap();
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix(word)?.trim().parse().ok()).collect()
}

/// The writer; does nothing unless this test runs itself as one.
#[test]
fn writer() {
    let Some(path) = told("TIDINGS_CRASH_WRITER") else { return };
    let durability =
        if told("TIDINGS_CRASH_UNSYNCED").is_some() { Durability::None } else { Durability::Synced };
    let store = EmbeddedStore::open(&path, options(durability)).unwrap();
    let first = first_free(&store);
    for batch in first..first + BATCHES_A_RUN {
        let mut failures = 0;
        while let Err(error) = store.commit(shard_of(batch), &commit_of(batch)) {
            failures += 1;
            assert!(failures < MOST_FAILURES, "the cause is gone, and still: {error}");
            say(&format!("failed {batch}: {error}"));
            // While the disk is read-only, the store may have no way to open: then it cannot be read either.
            let position = store.position(shard_of(batch), PARTITION).ok().flatten();
            if position.is_some_and(|position| position.offset >= batch) {
                say(&format!("left behind {batch}"));
            }
        }
        say(&format!("done {batch}"));
        if batch % 25 == 24 {
            store.compact().unwrap_or_else(|error| say(&format!("not compacted: {error}")));
        }
    }
    // Without closing anything.
    std::process::exit(0);
}

/// Runs this test's own `part` under the recorder.
fn record(recorder: Recorder, part: &str, variables: &[(&str, &str)]) -> Recording {
    let mut command = recorder.command(std::env::current_exe().unwrap());
    command.args(["--exact", part, "--nocapture", "--test-threads=1"]);
    command.envs(variables.iter().copied());
    let status = command.status().unwrap();
    assert!(status.success(), "{part} failed: {status}");
    recorder.finish()
}

fn record_writer(recorder: Recorder, path: &Path) -> Recording {
    record(recorder, "writer", &[("TIDINGS_CRASH_WRITER", path.to_str().unwrap())])
}

/// A moment to cut the power at, and what to keep.
fn misfortune(random: &mut StdRng, recording: &Recording) -> (usize, Keep) {
    let keep = match random.random_range(0..10) {
        0..4 => Keep::Synced,
        4 => Keep::All,
        _ => Keep::Some(random.random()),
    };
    let at = match random.random_range(0..10) {
        0..3 => *recording.moments_of_saying().choose(random).unwrap(),
        3..6 => *recording.moments_before_saying().choose(random).unwrap(),
        _ => random.random_range(0..=recording.events()),
    };
    (at, keep)
}

#[test]
fn a_power_cut_loses_no_acknowledged_batch_and_tears_none() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut left = rounds();
    while left > 0 {
        // Each run starts from what the last cut left of the one before.
        let (mut dir, mut before) = (tempfile::tempdir().unwrap(), None);
        for _ in 0..RUNS_IN_A_ROW {
            let recording = record_writer(Recorder::new(dir.path()), dir.path());
            let mut left_over = (dir, before);
            for _ in 0..left.min(CUTS_A_RUN) {
                left -= 1;
                let (at, keep) = misfortune(&mut random, &recording);
                let image = tempfile::tempdir().unwrap();
                recording.rebuild(at, keep, image.path());
                let heard = heard(&recording, at, "done").last().copied().max(before);
                let context = format!("cut at {at} of {}, {keep:?}", recording.events());
                let newest = check_image(image.path(), heard, &context);
                left_over = (image, newest);
            }
            (dir, before) = left_over;
        }
    }
}

/// Returns the newest batch: acknowledged, or on its way when the power went.
fn check_image(path: &Path, acknowledged: Option<u64>, context: &str) -> Option<u64> {
    let mut newest = None;
    for reopened in [false, true] {
        let store = open(path).unwrap_or_else(|error| panic!("{context}: {error} (reopened: {reopened})"));
        if let Some(loss) = loss(&store, acknowledged) {
            panic!("{context}: {loss} (reopened: {reopened})");
        }
        newest = first_free(&store).checked_sub(1);
    }
    newest
}

/// The proof that the test above can fail: the same harness, the same writer, no syncs.
#[test]
fn the_harness_sees_the_loss_when_commits_are_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let variables = [("TIDINGS_CRASH_WRITER", path), ("TIDINGS_CRASH_UNSYNCED", "1")];
    let recording = record(Recorder::new(dir.path()), "writer", &variables);
    let lost = recording.moments_of_saying().into_iter().find_map(|at| {
        let acknowledged = heard(&recording, at, "done").last().copied()?;
        let image = tempfile::tempdir().unwrap();
        recording.rebuild(at, Keep::Synced, image.path());
        loss(&open(image.path()).unwrap(), Some(acknowledged))
    });
    println!("{}", lost.expect("unsynced commits were lost and nobody noticed"));
}

/// Contract point 7, at random moments: what fails is not there, the same commit succeeds later in the same process,
/// and a power cut afterwards finds exactly what was acknowledged.
#[test]
fn failing_writes_and_syncs_leave_nothing_behind() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut failures = 0;
    for round in 0..rounds().div_ceil(2) {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let calls = [Calls::Store, Calls::Sync][round % 2];
        let fault = Fault {
            calls,
            errno: *[NO_SPACE, IO_ERROR, READ_ONLY].choose(&mut random).unwrap(),
            from: random.random_range(3..200),
            count: random.random_range(1..8),
        };
        let recording = record_writer(Recorder::new(dir.path()).fail(fault), dir.path());
        for _ in 0..3 {
            let (at, keep) = misfortune(&mut random, &recording);
            let image = tempfile::tempdir().unwrap();
            recording.rebuild(at, keep, image.path());
            let heard = heard(&recording, at, "done").last().copied();
            check_image(image.path(), heard, &format!("{fault:?}, cut at {at}, {keep:?}"));
        }
        assert_eq!(heard(&recording, recording.events(), "left behind"), [0; 0], "{fault:?}");
        failures += heard_failing(&recording);
        let last = heard(&recording, recording.events(), "done").last().copied();
        assert_eq!(last, Some(BATCHES_A_RUN - 1), "{fault:?}");
        check_image(dir.path(), last, &format!("{fault:?}, no cut"));
    }
    assert!(failures > 0, "no commit failed in any round");
}

fn heard_failing(recording: &Recording) -> usize {
    String::from_utf8(recording.said(recording.events())).unwrap().matches("failed ").count()
}

fn open_ring(path: &Path) -> FileKeyRing {
    FileKeyRing::open(path.join("keys"), &Zeroizing::new(vec![7; 32])).unwrap()
}

/// Makes and destroys keys; does nothing unless this test runs itself as it.
#[test]
fn key_maker() {
    let Some(path) = told("TIDINGS_CRASH_KEYS") else { return };
    let ring = open_ring(Path::new(&path));
    for round in 0..20_u64 {
        let made: Vec<_> = (0..round % 4 + 1).map(|_| ring.create().unwrap()).collect();
        ring.sync().unwrap();
        for (slot, key) in made {
            say(&format!("made {}", slot.0));
            say(&format!("key{} {}", slot.0, u64::from_le_bytes(key[..8].try_into().unwrap())));
        }
        if round % 3 == 2 {
            ring.destroy(Slot(round)).unwrap();
            say(&format!("destroyed {round}"));
        }
    }
    std::process::exit(0);
}

#[test]
fn a_power_cut_loses_no_synced_key_and_brings_no_destroyed_one_back() {
    let mut random = StdRng::seed_from_u64(seed());
    let dir = tempfile::tempdir().unwrap();
    let variables = [("TIDINGS_CRASH_KEYS", dir.path().to_str().unwrap())];
    let recording = record(Recorder::new(dir.path()), "key_maker", &variables);
    for _ in 0..rounds() * 3 {
        let (at, keep) = misfortune(&mut random, &recording);
        let image = tempfile::tempdir().unwrap();
        recording.rebuild(at, keep, image.path());
        let ring = open_ring(image.path());
        let (made, destroyed) = (heard(&recording, at, "made"), heard(&recording, at, "destroyed"));
        for slot in made.into_iter().filter(|slot| !destroyed.contains(slot)) {
            let first_bytes = heard(&recording, at, &format!("key{slot} "));
            match ring.open(Slot(slot)) {
                Ok(key) => {
                    let found = u64::from_le_bytes(key[..8].try_into().unwrap());
                    assert!(
                        first_bytes.iter().all(|first| *first == found),
                        "slot {slot}, cut at {at}, {keep:?}"
                    );
                }
                // Its destruction was under way.
                Err(KeyError::Destroyed(_)) => assert!(slot % 3 == 2),
                Err(error) => panic!("slot {slot}, cut at {at}, {keep:?}: {error}"),
            }
        }
        for slot in destroyed {
            let error = ring.open(Slot(slot)).unwrap_err();
            assert!(matches!(error, KeyError::Destroyed(_)), "slot {slot}, cut at {at}, {keep:?}: {error}");
        }
        let (slot, _) = ring.create().unwrap();
        ring.sync().unwrap();
        assert!(heard(&recording, at, "made").iter().all(|made| *made != slot.0), "a slot was used twice");
    }
}
