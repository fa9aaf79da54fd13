//! The binary dies at random points, by `kill -9` and by power cuts, again and again, until the whole log is in:
//! it ends where an undisturbed run ends. And whatever it has acknowledged over HTTP survives a power cut.
//!
//! `CRASH_ROUNDS` says how often (`make crash`: 200), `TIDINGS_SEED` which points.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

#[path = "../../connectors/stores/tests/crash/mod.rs"]
mod power;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use power::{Keep, Recorder, Recording};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tempfile::TempDir;
use tidings_domain::ids::EventKey;
use tidings_domain::store::{RowKey, Table};
use tidings_tests::client::Post;
use tidings_tests::outcome::Outcome;
use tidings_tests::process::{Deployment, Running, SECRET, binary, clean, engine, province, seed, told};
use tidings_tests::{FATHER, citizen, event};

/// Power cuts of one recorded run.
const CUTS_A_RUN: usize = 3;
/// Events that are sent over HTTP while the recorder looks on.
const SENT: usize = 40;

fn rounds() -> usize {
    told("CRASH_ROUNDS").map_or(12, |text| text.parse().expect("CRASH_ROUNDS is a number"))
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
    let world = random.random_range(1..=9);
    let (expected, written) = undisturbed(world);
    let (mut kills, mut logs) = (0, 0);
    while kills < rounds() {
        let province = province(world);
        let (mut points, mut sent) = (Vec::new(), BTreeMap::new());
        loop {
            // So that a log takes several.
            let point = if kills < rounds() { random.random_range(0..=written / 3) } else { u64::MAX };
            let whole = feed(&province, point).whole;
            let now = files(&province.path("outbox"));
            let again = sent.iter().find(|(name, file)| now.get(*name) != Some(*file));
            assert_eq!(again, None, "sent again; world {world}, killed after {points:?} bytes");
            sent = now;
            if whole {
                break;
            }
            kills += 1;
            points.push(point);
        }
        let found = Outcome::of(province.root());
        assert_eq!(found.told_again(), [], "world {world}, killed after {points:?} bytes");
        let differences = found.differences(&expected);
        assert_eq!(differences, Vec::<&str>::new(), "world {world}, killed after {points:?} bytes");
        logs += 1;
    }
    println!("{kills} kills in {logs} logs of world {world}");
}

/// A moment to cut the power at, and what to keep.
fn misfortune(random: &mut StdRng, recording: &Recording) -> (usize, Keep) {
    let keep = match random.random_range(0..10) {
        0..5 => Keep::Synced,
        5 => Keep::All,
        _ => Keep::Some(random.random()),
    };
    let events = recording.events();
    // Right before the end nothing comes that would put things right by the way.
    let from = if random.random_bool(0.3) { events - events / 12 } else { 0 };
    (random.random_range(from..=events), keep)
}

/// What a power cut leaves of a deployment.
fn image(recording: &Recording, at: usize, keep: Keep) -> Deployment {
    let folder = tempfile::tempdir().unwrap();
    recording.rebuild(at, keep, folder.path());
    Deployment::adopt(folder)
}

/// Runs the log from where the last run stopped, to its end, and records it.
fn record(province: &Deployment) -> Recording {
    let recorder = Recorder::new(province.root());
    let mut command = recorder.command(binary());
    clean(&mut command).arg("--config").arg(province.path("tidings.toml"));
    let status =
        command.args(["run", "--clock", "events", "--events"]).arg(province.path("events.ndjson")).status();
    assert!(status.expect("the recorder starts").success());
    recorder.finish()
}

#[test]
fn after_power_cuts_at_random_points_it_ends_where_an_undisturbed_run_ends() {
    let mut random = StdRng::seed_from_u64(seed());
    let world = random.random_range(1..=9);
    let (expected, _) = undisturbed(world);
    let (mut base, mut left, mut cuts) = (province(world), rounds(), Vec::new());
    while left > 0 {
        // A run that starts from what the last cut left of the one before, or from the start.
        if cuts.len() == 3 {
            (base, cuts) = (province(world), Vec::new());
        }
        let recording = record(&base);
        for _ in 0..left.min(CUTS_A_RUN) {
            left -= 1;
            let (at, keep) = misfortune(&mut random, &recording);
            let context = format!(
                "world {world}, cuts before: {cuts:?}, cut at {at} of {}, {keep:?}",
                recording.events()
            );
            let after = image(&recording, at, keep);
            base = image(&recording, at, keep);
            let events = after.path("events.ndjson").display().to_string();
            let ran = after.tidings(&["run", "--clock", "events", "--events", &events]);
            assert_eq!(ran.code, Some(0), "{context}: {}", ran.err);
            let found = Outcome::of(after.root());
            assert_eq!(found.told_again(), [], "{context}");
            assert_eq!(found.differences(&expected), Vec::<&str>::new(), "{context}");
            if left.is_multiple_of(CUTS_A_RUN) {
                cuts.push((at, keep));
            }
        }
    }
}

/// Sends events to a recorded `tidings run`, which is then killed. `preload` is put into its process.
fn record_acknowledged(preload: Option<&Path>) -> (Deployment, Recording) {
    let deployment = Deployment::new("");
    let address = deployment.listen(&["civil-registry"]);
    let recorder = Recorder::new(deployment.root());
    let mut command = recorder.command(binary());
    clean(&mut command).arg("--config").arg(deployment.path("tidings.toml")).arg("run");
    command.envs(preload.map(|library| ("LD_PRELOAD", library)));
    let mut run = Running::spawn(command);
    run.until_says("listening");
    for number in 0..SENT {
        let answer = Post::structured(&death(number)).signed("civil-registry", SECRET).answer(address);
        assert_eq!(answer.ends(), ["committed"], "{answer:?}");
    }
    drop(run.killed());
    (deployment, recorder.finish())
}

fn death(number: usize) -> serde_json::Value {
    let data = json!({ "death_date": "2026-03-01", "certificate": format!("DC-{number}"), "registered_on": "2026-03-01" });
    event(
        "civil-registry",
        &format!("e-{number}!"),
        "civil.death.registered",
        FATHER,
        "2026-03-01T08:00:00+07:00",
        data,
    )
}

/// Events whose answer anybody can have read by then.
fn acknowledged(recording: &Recording, at: usize) -> Vec<usize> {
    let sent = String::from_utf8_lossy(&recording.sent(at)).into_owned();
    (0..SENT).filter(|number| sent.contains(&format!("\"e-{number}!\""))).collect()
}

/// Acknowledged events that a power cut at this moment takes away; all of them if nothing opens any more.
fn lost(recording: &Recording, at: usize, keep: Keep) -> Vec<usize> {
    let acknowledged = acknowledged(recording, at);
    let after = image(recording, at, keep);
    let opens = after.tidings(&["queue", "list"]).code == Some(0);
    if !opens {
        return acknowledged;
    }
    let engine = engine(after.root());
    let citizen = citizen(FATHER);
    let key = |number: &usize| EventKey::of("urn:gov:vn:civil-registry", &format!("e-{number}!"));
    let row = |number: &usize| RowKey::of(Table::Event, citizen, &key(number).0);
    let kept = |number: &usize| {
        let found: Option<(tidings_domain::event::Event, _)> =
            engine.sealed(engine.shard(citizen), &row(number)).expect("what is there opens");
        found.is_some()
    };
    acknowledged.into_iter().filter(|number| !kept(number)).collect()
}

#[test]
fn what_http_acknowledged_survives_a_power_cut_right_after_the_answer() {
    let mut random = StdRng::seed_from_u64(seed());
    let (_deployment, recording) = record_acknowledged(None);
    let answers = recording.moments_of_saying();
    assert_eq!(acknowledged(&recording, recording.events()).len(), SENT, "every answer was recorded");
    for _ in 0..rounds() {
        let (mut at, keep) = misfortune(&mut random, &recording);
        if random.random_bool(0.7) {
            at = *answers.choose(&mut random).unwrap();
        }
        assert_eq!(
            lost(&recording, at, keep),
            Vec::<usize>::new(),
            "cut at {at} of {}, {keep:?}",
            recording.events()
        );
    }
    let all = acknowledged(&recording, recording.events());
    println!("{} of {SENT} acknowledged, {} moments", all.len(), recording.events());
}

/// An `fdatasync` that does nothing, to be put before that of the system; names still become durable.
fn without_syncs(folder: &TempDir) -> PathBuf {
    let (source, library) = (folder.path().join("nosync.c"), folder.path().join("nosync.so"));
    fs::write(&source, "int fdatasync(int fd) { return 0; }\n").unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.expect("the crash tests need a C compiler named cc").success());
    library
}

/// The proof that the test above can fail: the same binary, the same harness, no syncs.
#[test]
fn without_syncs_the_harness_sees_acknowledged_events_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (_deployment, recording) = record_acknowledged(Some(&without_syncs(&folder)));
    let all: BTreeSet<usize> = acknowledged(&recording, recording.events()).into_iter().collect();
    assert_eq!(all.len(), SENT, "they were acknowledged");
    let lost = lost(&recording, recording.events(), Keep::Synced);
    assert!(!lost.is_empty(), "nothing was synced, and yet nothing was lost");
    println!("without syncs {} of {SENT} acknowledged events are lost", lost.len());
}
