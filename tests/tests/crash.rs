//! The binary dies at random points, by `kill -9` and by power cuts, again and again, until the whole log is in:
//! it ends where an undisturbed run ends. And whatever it has acknowledged over HTTP survives a power cut.
//!
//! `CRASH_ROUNDS` says how often (`make crash`: 200), `TIDINGS_SEED` which points.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

#[path = "../../connectors/stores/tests/crash/mod.rs"]
mod power;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use power::{Keep, Recorder, Recording};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tidings_domain::ids::EventKey;
use tidings_domain::store::{RowKey, Table};
use tidings_tests::client::{Post, free_address};
use tidings_tests::outcome::Outcome;
use tidings_tests::process::{Deployment, Running, clean, seed, told, until};
use tidings_tests::{FATHER, citizen, event, process};
use tidings_world::{World, small};

/// Small commits, so that there are many moments between them.
const SETTINGS: &str = "outbox = \"outbox\"\nbatch = 16";
const SECRET: &[u8; 32] = b"32 bytes that civil-registry has";

fn rounds() -> usize {
    told("CRASH_ROUNDS").map_or(12, |text| text.parse().expect("CRASH_ROUNDS is a number"))
}

/// A province with people loaded and its log beside it.
fn province(world: u64) -> Deployment {
    let deployment = Deployment::new(SETTINGS);
    let world = World::generate(&small(world));
    world.write_people_csv(fs::File::create(deployment.path("people.csv")).unwrap()).unwrap();
    world.write_events(fs::File::create(deployment.path("events.ndjson")).unwrap()).unwrap();
    let load = deployment.load("people.csv");
    drop(deployment.tidings(&load.iter().map(String::as_str).collect::<Vec<_>>()).exits(0));
    deployment
}

/// How far a run through standard input came.
struct Came {
    /// Bytes that it wrote, to whatever.
    written: u64,
    /// Whether it came to the end.
    whole: bool,
}

/// Feeds the whole log through standard input, and kills the process once it has written so many bytes.
fn feed(province: &Deployment, until: u64) -> Came {
    let mut run = province.start(&["run", "--events", "-", "--clock", "events"]);
    let mut stdin = run.stdin();
    let log = fs::read(province.path("events.ndjson")).unwrap();
    // The pipe breaks when the process is killed.
    let feeder = thread::spawn(move || drop(stdin.write_all(&log)));
    let mut written = 0;
    let whole = loop {
        written = run.written().unwrap_or(0).max(written);
        if written >= until {
            run.kill();
            break false;
        }
        if let Some(status) = run.ended() {
            let ran = run.ends();
            assert!(status.success(), "{status}: {}{}", ran.out, ran.err);
            break true;
        }
    };
    feeder.join().unwrap();
    Came { written, whole }
}

/// What a run that nothing disturbs leaves, and how much it writes.
fn undisturbed(world: u64) -> (Outcome, u64) {
    let province = province(world);
    let came = feed(&province, u64::MAX);
    assert!(came.whole);
    let outcome = Outcome::of(province.root());
    assert!(outcome.outbox.len() > 30, "there is something to tell: {}", outcome.outbox.len());
    assert_eq!(outcome.told_again(), []);
    (outcome, came.written)
}

/// Which file each message is in: one that was written again would be another.
fn files(outbox: &Path) -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(outbox) else { return BTreeMap::new() };
    let entries = entries.map(|entry| entry.unwrap());
    let message =
        |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "json");
    let named =
        |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().ino());
    entries.filter(message).map(named).collect()
}

#[test]
fn killed_at_random_points_until_the_log_is_in_it_ends_where_an_undisturbed_run_ends() {
    let mut random = StdRng::seed_from_u64(seed());
    let mut kills = 0;
    while kills < rounds() {
        let world = random.random_range(1..=3);
        let (expected, written) = undisturbed(world);
        let province = province(world);
        let mut sent: BTreeMap<String, u64> = BTreeMap::new();
        // Most kills come early, so that a log takes several; the last rounds let it end.
        let mut points = Vec::new();
        while kills < rounds() && points.len() < 12 {
            let point = random.random_range(0..=written);
            let came = feed(&province, point);
            let now = files(&province.path("outbox"));
            for (name, file) in &sent {
                assert_eq!(
                    now.get(name),
                    Some(file),
                    "{name} was sent again; world {world}, killed after {points:?}"
                );
            }
            sent = now;
            if came.whole {
                break;
            }
            kills += 1;
            points.push(point);
        }
        assert!(feed(&province, u64::MAX).whole);
        let found = Outcome::of(province.root());
        assert_eq!(found.told_again(), [], "world {world}, killed after {points:?}");
        assert_eq!(
            found.differences(&expected),
            Vec::<&str>::new(),
            "world {world}, killed after {points:?} bytes"
        );
    }
}
