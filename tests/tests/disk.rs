//! A disk that is full, read-only or broken: it is said clearly, nothing is half-written, and a live run goes on by
//! itself once there is room.
//!
//! Two ways, neither of which needs a privilege: the recorder of the stores makes system calls fail from the n-th on,
//! and `prlimit` lowers how large a file the running process may make. Where this process may mount, a real small
//! file system is filled up as well.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

#[path = "../../connectors/stores/tests/crash/mod.rs"]
mod power;

use std::fs::{self, File, Permissions};
use std::io::{Read, repeat};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use power::{Calls, Fault, IO_ERROR, NO_SPACE, READ_ONLY, Recorder};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tidings_tests::client::{Post, get};
use tidings_tests::outcome::Outcome;
use tidings_tests::process::{
    Deployment, Ran, Running, SECRET, binary, clean, finish, province, seed, until,
};
use tidings_tests::{MOTHER, event};

const RUN: [&str; 4] = ["run", "--clock", "events", "--events"];

/// A command on a deployment whose disk fails, with what must be there as long as it runs.
fn faulty(deployment: &Deployment, fault: Fault, arguments: &[&str]) -> (Recorder, Command) {
    let recorder = Recorder::new(deployment.root()).fail(fault);
    let mut command = recorder.command(binary());
    clean(&mut command).arg("--config").arg(deployment.path("tidings.toml")).args(arguments);
    (recorder, command)
}

fn run_log(province: &Deployment, fault: Option<Fault>) -> Ran {
    let events = province.path("events.ndjson").display().to_string();
    let arguments = [&RUN[..], &[&events]].concat();
    let Some(fault) = fault else { return province.tidings(&arguments) };
    let (_recorder, mut command) = faulty(province, fault, &arguments);
    finish(&mut command, b"")
}

#[test]
fn a_run_over_a_log_stops_clearly_and_the_next_one_completes_it() {
    let mut random = StdRng::seed_from_u64(seed());
    let undisturbed = province(2);
    drop(run_log(&undisturbed, None).exits(0));
    let expected = Outcome::of(undisturbed.root());
    for (errno, calls, within, says) in [
        (NO_SPACE, Calls::Store, 1_000, "no space left"),
        (READ_ONLY, Calls::Store, 1_000, "read-only"),
        (IO_ERROR, Calls::Store, 1_000, "cannot be reached"),
        (IO_ERROR, Calls::Sync, 150, "cannot be reached"),
    ] {
        let province = province(2);
        for at in [0, random.random_range(1..within), random.random_range(1..within)] {
            let fault = Fault { calls, errno, from: at, count: u64::MAX - at };
            let (ran, context) =
                (run_log(&province, Some(fault)), format!("errno {errno} at {calls:?} {at}"));
            // What the runs before left may need fewer calls than that.
            assert!(matches!(ran.code, Some(0 | 3)), "{context}: {:?} {}{}", ran.code, ran.out, ran.err);
            assert_eq!(ran.code == Some(3), ran.err.to_lowercase().contains(says), "{context}: {}", ran.err);
            assert!(at > 0 || ran.code == Some(3), "{context}: a disk that never works stops it");
            assert!(!ran.err.contains("panicked"), "{context}: {}", ran.err);
        }
        drop(run_log(&province, None).exits(0));
        let found = Outcome::of(province.root());
        assert_eq!(found.differences(&expected), Vec::<&str>::new(), "errno {errno}, {calls:?}");
    }
}

/// A way to take room away from a run, and to give it back.
trait Shortage {
    /// The deployment that it can be taken from, and its run.
    fn start(&self) -> (&Deployment, Running);
    fn fill(&self, run: &Running);
    fn make_room(&self, run: &Running);
}

/// No file may be made longer: `RLIMIT_FSIZE` of the process, which ignores the signal for it.
struct Limit(Deployment);

impl Limit {
    fn set(run: &Running, limit: &str) {
        let id = run.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={limit}:")]).status();
        assert!(set.expect("prlimit, of util-linux").success(), "the limit is set");
    }
}

impl Shortage for Limit {
    fn start(&self) -> (&Deployment, Running) {
        let mut command = Command::new("/bin/sh");
        clean(&mut command).args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(binary());
        command.arg("--config").arg(self.0.path("tidings.toml")).arg("run");
        (&self.0, Running::spawn(command))
    }

    fn fill(&self, run: &Running) {
        Self::set(run, "1");
    }

    fn make_room(&self, run: &Running) {
        Self::set(run, "unlimited");
    }
}

/// A file system of its own, for the store and the key ring, that a large file fills.
struct Mount(Deployment);

impl Mount {
    /// `None` where this process may not mount.
    fn new(deployment: Deployment) -> Option<Self> {
        let disk = deployment.path("disk");
        fs::create_dir(&disk).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=160m", "none"]).arg(&disk).output();
        mounted.ok().filter(|mounted| mounted.status.success())?;
        let new = Self(deployment);
        fs::create_dir(disk.join("store")).unwrap();
        fs::set_permissions(disk.join("store"), Permissions::from_mode(0o700)).unwrap();
        for name in ["store", "keys.ring"] {
            symlink(disk.join(name), new.0.path(name)).unwrap();
        }
        Some(new)
    }

    fn ballast(&self) -> PathBuf {
        self.0.path("disk").join("ballast")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: it goes when the last process that uses it is gone.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path("disk")).status();
    }
}

impl Shortage for Mount {
    fn start(&self) -> (&Deployment, Running) {
        (&self.0, self.0.start(&["run"]))
    }

    fn fill(&self, _: &Running) {
        let mut file = File::create(self.ballast()).unwrap();
        let full = std::io::copy(&mut repeat(1).take(1 << 30), &mut file).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }

    fn make_room(&self, _: &Running) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

fn death(id: &str, number: &str) -> Post {
    let data = json!({ "death_date": "2026-03-01", "certificate": format!("DC-{id}"), "registered_on": "2026-03-02" });
    let event =
        event("civil-registry", id, "civil.death.registered", number, "2026-03-02T08:00:00+07:00", data);
    Post::structured(&event).signed("civil-registry", SECRET)
}

/// A deployment that listens, and where.
fn listening() -> (Deployment, SocketAddr) {
    let deployment = Deployment::new("");
    let address = deployment.listen(&["civil-registry"]);
    (deployment, address)
}

/// Sends events, one after the other, of people who are not known yet, so that each needs a key; gives their
/// numbers. The last one is in hand when there is room again.
fn send_while(full: &AtomicBool, address: SocketAddr) -> Vec<String> {
    let mut sent = Vec::new();
    while full.load(Ordering::Relaxed) {
        let number = format!("0012000{:05}", sent.len());
        let answer = until("it is taken", || {
            Some(death(&number, &number).answer(address)).filter(|answer| answer.status != 503)
        });
        assert_eq!((answer.status, answer.ends()), (200, vec!["committed".to_owned()]), "{answer:?}");
        sent.push(number);
    }
    sent
}

/// Refuses while there is no room, and goes on by itself, with what it had in hand, once there is.
fn goes_on_by_itself(shortage: &impl Shortage, address: SocketAddr) {
    let (deployment, mut run) = shortage.start();
    run.until_says("listening");
    assert_eq!(death("before", MOTHER).answer(address).ends(), ["committed"]);
    shortage.fill(&run);
    let full = AtomicBool::new(true);
    let in_hand = thread::scope(|scope| {
        let sender = scope.spawn(|| send_while(&full, address));
        until("it refuses", || (get(address, "/readyz").status == 503).then_some(()));
        let refused = death("refused", MOTHER).answer(address);
        assert_eq!(refused.told(), (503, "store-away".to_owned()), "{refused:?}");
        assert!(refused.head.to_lowercase().contains("retry-after"), "{}", refused.head);
        assert_eq!(get(address, "/healthz").status, 200, "it is alive");
        full.store(false, Ordering::Relaxed);
        shortage.make_room(&run);
        sender.join().unwrap()
    });
    until("it is ready again", || (get(address, "/readyz").status == 200).then_some(()));
    assert_eq!(
        death("refused", MOTHER).answer(address).ends(),
        ["committed"],
        "nothing of it was taken before"
    );
    run.terminate();
    let ran = run.ends().exits(0).says("waiting for the store").says("the store is back");
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    let run = deployment.serve();
    for id in ["before", "refused"] {
        assert_eq!(death(id, MOTHER).answer(address).ends(), ["duplicate"], "{id}");
    }
    for number in in_hand {
        assert_eq!(death(&number, &number).answer(address).ends(), ["duplicate"], "{number}");
    }
    drop(run.killed());
    drop(deployment.tidings(&["replay"]).exits(0));
}

#[test]
fn a_live_run_goes_on_by_itself_once_files_may_grow_again() {
    let (deployment, address) = listening();
    goes_on_by_itself(&Limit(deployment), address);
}

#[test]
fn a_live_run_goes_on_by_itself_once_a_full_disk_has_room() {
    let (deployment, address) = listening();
    match Mount::new(deployment) {
        Some(mount) => goes_on_by_itself(&mount, address),
        // The same with another shortage: this process may not mount.
        None => a_live_run_goes_on_by_itself_once_files_may_grow_again(),
    }
}

#[test]
fn a_live_run_waits_out_a_disk_that_fails_for_a_while() {
    for (errno, calls) in [(NO_SPACE, Calls::Store), (READ_ONLY, Calls::Store), (IO_ERROR, Calls::Sync)] {
        let (deployment, address) = listening();
        drop(deployment.tidings(&["queue", "list"]).exits(0));
        // So many calls that it fails more than once, from one that comes after it listens.
        let fault = Fault { calls, errno, from: if calls == Calls::Store { 30 } else { 8 }, count: 3 };
        let (_recorder, command) = faulty(&deployment, fault, &["run"]);
        let mut run = Running::spawn(command);
        run.until_says("listening");
        let mut number = 0;
        let mut send = || {
            number += 1;
            assert_eq!(
                death(&number.to_string(), MOTHER).answer(address).ends(),
                ["committed"],
                "errno {errno}"
            );
        };
        (0..40).for_each(|_| send());
        let ran = run.killed();
        assert!(ran.err.contains("waiting for the store"), "errno {errno}: it failed, {}", ran.err);
        let _run = deployment.serve();
        for number in 1..=40 {
            assert_eq!(
                death(&number.to_string(), MOTHER).answer(address).ends(),
                ["duplicate"],
                "errno {errno}"
            );
        }
    }
}

#[test]
fn commands_on_a_disk_that_cannot_be_written_say_so() {
    let deployment = province(1);
    let fault = Fault { calls: Calls::Store, errno: READ_ONLY, from: 0, count: u64::MAX };
    for arguments in [&["queue", "list"][..], &["replay"], &["run", "--events", "-"]] {
        let (_recorder, mut command) = faulty(&deployment, fault, arguments);
        drop(finish(&mut command, b"").exits(3).says("read-only"));
    }
    drop(deployment.tidings(&["queue", "list"]).exits(0));
}
