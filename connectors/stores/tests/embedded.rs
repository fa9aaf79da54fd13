//! What is special to the embedded store: its directory, its disk, and what is left on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and what they share")]
#![allow(clippy::print_stdout, reason = "tests speak to the processes that they run")]

mod crash;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crash::{Calls, Fault, NO_SPACE, READ_ONLY, Recorder};
use tidings_domain::store::{AdminStore, Commit, RowKey, Shard, Store, StoreError};
use tidings_stores::{EmbeddedStore, Options};

const SHARD: Shard = Shard(0);
const NOWHERE: [PathBuf; 0] = [];

fn small() -> Options {
    Options { memtable_bytes: 64 * 1024, ..Options::new(1) }
}

fn put(store: &EmbeddedStore, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let writes = vec![(RowKey::meta(name), Some(bytes.to_vec()))];
    store.commit(SHARD, &Commit { writes, ..Commit::default() })
}

fn get(store: &EmbeddedStore, name: &str) -> Option<Vec<u8>> {
    store.read(SHARD, &[RowKey::meta(name)]).unwrap().remove(0).bytes
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "how this test is told what to do; it runs itself in another process"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn refusal(path: &Path, options: Options) -> StoreError {
    EmbeddedStore::open(path, options).unwrap_err()
}

#[test]
fn a_second_opening_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    assert!(matches!(refusal(dir.path(), small()), StoreError::InUse));
    put(&store, "a", b"1").unwrap();
    drop(store);
    EmbeddedStore::open(dir.path(), small()).unwrap();
}

/// Holds a store and is killed; does nothing unless this test runs itself as it.
#[test]
fn holder() {
    let Some(path) = told("TIDINGS_HOLDER") else { return };
    let store = EmbeddedStore::open(&path, small()).unwrap();
    put(&store, "held", b"1").unwrap();
    println!("\nholding");
    loop {
        std::thread::park();
    }
}

#[test]
fn the_lock_dies_with_the_process() {
    use std::io::{BufRead, BufReader};
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holder", "--nocapture", "--test-threads=1"])
        .env("TIDINGS_HOLDER", dir.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "holding"));
    assert!(matches!(refusal(dir.path(), small()), StoreError::InUse));
    child.kill().unwrap();
    child.wait().unwrap();
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    assert_eq!(get(&store, "held").as_deref(), Some(b"1".as_slice()));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(dir.path(), small()).unwrap());
    let format = dir.path().join("format");
    let newer =
        fs::read_to_string(&format).unwrap().replace("format 1\n", "format 2\nsomething of the future\n");
    fs::write(&format, &newer).unwrap();
    assert!(matches!(refusal(dir.path(), small()), StoreError::Newer { found: 2, known: 1 }));
    assert_eq!(fs::read_to_string(&format).unwrap(), newer);
}

#[test]
fn what_is_not_a_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    assert!(refusal(dir.path(), small()).to_string().contains("not a store"));
    assert_eq!(files(dir.path()).len(), 1);
    fs::write(dir.path().join("format"), "something else").unwrap();
    assert!(refusal(dir.path(), small()).to_string().contains("not a store"));
    let file = dir.path().join("letter.txt");
    assert!(matches!(refusal(&file, small()), StoreError::Corrupt(_)));
}

#[test]
fn another_number_of_shards_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(dir.path(), Options::new(8)).unwrap());
    assert!(refusal(dir.path(), Options::new(4)).to_string().contains("8 shards"));
    assert_eq!(EmbeddedStore::open(dir.path(), Options::new(8)).unwrap().shards(), 8);
}

#[test]
fn a_store_whose_rows_are_gone_is_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(dir.path(), small()).unwrap());
    fs::remove_dir_all(dir.path().join("db")).unwrap();
    assert!(matches!(refusal(dir.path(), small()), StoreError::Corrupt(_)));
}

fn holding(dir: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle);
    files(dir).into_iter().filter(holds).collect()
}

#[test]
fn compaction_takes_deleted_and_overwritten_rows_off_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    let secrets = ["the first secret", "another secret"];
    put(&store, "deleted", secrets[0].as_bytes()).unwrap();
    put(&store, "overwritten", secrets[1].as_bytes()).unwrap();
    for number in 0..200 {
        put(&store, &format!("row {number}"), &[number; 2000]).unwrap();
    }
    store
        .commit(SHARD, &Commit { writes: vec![(RowKey::meta("deleted"), None)], ..Commit::default() })
        .unwrap();
    put(&store, "overwritten", b"harmless").unwrap();
    for secret in secrets {
        assert_ne!(holding(dir.path(), secret.as_bytes()), NOWHERE, "or the check below checks nothing");
    }
    store.compact().unwrap();
    for secret in secrets {
        assert_eq!(holding(dir.path(), secret.as_bytes()), NOWHERE);
    }
    assert_eq!(get(&store, "overwritten").as_deref(), Some(b"harmless".as_slice()));
    assert_eq!(get(&store, "row 7"), Some(vec![7; 2000]));
    put(&store, "later", b"1").unwrap();
    drop(store);
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    assert_eq!(get(&store, "row 199"), Some(vec![199; 2000]));
    assert_eq!(get(&store, "later").as_deref(), Some(b"1".as_slice()));
}

/// The collection mark of fjall must be past a deletion that was flushed the moment it was written.
#[test]
fn compaction_takes_off_what_was_deleted_just_before_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    let secret = |number: u8| format!("secret number {number}, whole and in clear");
    for number in 0..20 {
        put(&store, "secret", secret(number).as_bytes()).unwrap();
        let filling = (RowKey::meta("filling"), Some(vec![number; 80 * 1024]));
        let writes = vec![(RowKey::meta("secret"), None), filling];
        store.commit(SHARD, &Commit { writes, ..Commit::default() }).unwrap();
        if number % 2 == 0 {
            store.compact().unwrap();
            assert_eq!(holding(dir.path(), b"whole and in clear"), NOWHERE, "{}", secret(number));
        }
    }
}

#[test]
fn size_is_what_the_disk_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    let before = store.size().unwrap();
    for number in 0..100 {
        put(&store, &number.to_string(), &[1; 10_000]).unwrap();
    }
    let grown = store.size().unwrap() - before;
    assert!((900_000..10_000_000).contains(&grown), "{grown}");
}

#[test]
fn a_batch_torn_by_a_crash_is_taken_back_and_the_one_before_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), Options::new(1)).unwrap();
    put(&store, "whole", &[3; 9000]).unwrap();
    put(&store, "torn", &[4; 9000]).unwrap();
    drop(store);
    let journal = dir.path().join("db/0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(9000).position(|window| window == [4; 9000]).unwrap();
    bytes[at + 100..at + 4196].fill(0);
    fs::write(&journal, bytes).unwrap();
    let store = EmbeddedStore::open(dir.path(), Options::new(1)).unwrap();
    assert_eq!(get(&store, "whole"), Some(vec![3; 9000]));
    assert_eq!(get(&store, "torn"), None);
    put(&store, "torn", b"again").unwrap();
}

#[test]
fn damage_before_the_last_batch_is_reported_and_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), Options::new(1)).unwrap();
    put(&store, "damaged", &[4; 9000]).unwrap();
    put(&store, "last", &[3; 9000]).unwrap();
    drop(store);
    let journal = dir.path().join("db/0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(9000).position(|window| window == [4; 9000]).unwrap();
    bytes[at + 100] = 0;
    fs::write(&journal, &bytes).unwrap();
    for _ in 0..2 {
        assert!(matches!(refusal(dir.path(), Options::new(1)), StoreError::Corrupt(_)));
        assert!(fs::read(&journal).unwrap() == bytes);
    }
}

/// Fills the disk it stands on; does nothing unless the tests below run it.
#[test]
fn filler() {
    let Some(dir) = told("TIDINGS_FILLER").map(PathBuf::from) else { return };
    let ballast = dir.join("ballast");
    let store = EmbeddedStore::open(dir.join("store"), small()).unwrap();
    let rows = |round: u32| -> Vec<_> {
        (0..20).map(|row| (RowKey::meta(&format!("{round} {row}")), Some(vec![row; 2000]))).collect()
    };
    let there = |round: u32| (0..20).filter(|row| get(&store, &format!("{round} {row}")).is_some()).count();
    let (mut refused, mut after) = (0, 0);
    for round in 0.. {
        let commit = Commit { writes: rows(round), ..Commit::default() };
        while let Err(error) = store.commit(SHARD, &commit) {
            assert!(matches!(error, StoreError::Full), "{error:?}");
            refused += 1;
            assert_eq!(there(round), 0, "part of a refused commit is there");
            assert_eq!(there(round.saturating_sub(1)), 20, "reading goes on");
            assert!(refused < 200, "there is room, and still: {error:?}");
            if refused == 5 {
                fs::remove_file(&ballast).unwrap();
            }
        }
        after += u32::from(refused > 0);
        if after == 20 {
            (0..=round).for_each(|round| assert_eq!(there(round), 20, "round {round}"));
            drop(store);
            let store = EmbeddedStore::open(dir.join("store"), small()).unwrap();
            assert!(get(&store, &format!("{round} 19")).is_some());
            return println!("\nwas full, and went on after round {round}");
        }
    }
}

fn filler_on(command: &mut Command, dir: &Path) {
    command.env("TIDINGS_FILLER", dir);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("was full"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const FILLER: [&str; 4] = ["--exact", "filler", "--nocapture", "--test-threads=1"];

/// A real file system without room, where mounting one is allowed; otherwise calls that say so.
#[test]
fn a_full_disk_refuses_commits_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let script = "mount -t tmpfs -o size=10m tmpfs \"$1\" && head -c 4m /dev/zero > \"$1/ballast\" && shift && exec \"$@\"";
    if mounts() {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(dir.path()).arg(me).args(FILLER);
        filler_on(&mut command, dir.path());
    } else {
        println!("no mounts here: the disk only says that it is full");
        fs::write(dir.path().join("ballast"), "").unwrap();
        let fault = Fault { calls: Calls::Store, errno: NO_SPACE, from: 200, count: 40 };
        let recorder = Recorder::new(dir.path()).fail(fault);
        filler_on(recorder.command(me).args(FILLER).stdout(std::process::Stdio::piped()), dir.path());
    }
}

fn mounts() -> bool {
    Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .output()
        .unwrap()
        .status
        .success()
}

/// Opens what cannot be written; does nothing unless the test below runs it.
#[test]
fn reader() {
    let Some(dir) = told("TIDINGS_READER").map(PathBuf::from) else { return };
    let error = refusal(&dir, small());
    assert!(matches!(&error, StoreError::Unavailable(_)), "{error:?}");
    println!("\nrefused: {error}");
}

#[test]
fn a_read_only_disk_is_a_clear_error_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    put(&EmbeddedStore::open(dir.path(), small()).unwrap(), "a", b"1").unwrap();
    let before: Vec<_> = files(dir.path()).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    let me = std::env::current_exe().unwrap();
    let args = ["--exact", "reader", "--nocapture", "--test-threads=1"];
    let mut command = if mounts() {
        let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(dir.path()).arg(me).args(args);
        command
    } else {
        println!("no mounts here: the disk only says that it is read-only");
        let fault = Fault { calls: Calls::Store, errno: READ_ONLY, from: 0, count: u64::MAX };
        let mut command = Recorder::new(dir.path()).fail(fault).command(me);
        command.args(args);
        command
    };
    let output =
        command.env("TIDINGS_READER", dir.path()).stdout(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("refused: the store cannot be reached"), "{said}{output:?}");
    for (bytes, path) in before {
        assert!(fs::read(&path).unwrap() == bytes, "{} changed", path.display());
    }
    let store = EmbeddedStore::open(dir.path(), small()).unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some(b"1".as_slice()));
}
