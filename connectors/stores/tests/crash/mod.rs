//! Runs a program and rebuilds what a power cut at any moment of the run would have left of a directory.
//!
//! A kill alone proves nothing about durability: the system still has what the program wrote. So `recorder.c` logs
//! every write, sync, rename and the rest below a directory, and what the program said to the outside, in one order.
//! From the log, [`Recording::rebuild`] makes the directory as of the n-th event: of each file the bytes that a sync
//! covered, of each directory the names that a sync of that directory covered, and of everything else none, all, or a
//! random part down to single pages ([`Keep`]).
//!
//! To use it from another crate's tests (needs `cc`, and ptrace of one's own children):
//!
//! ```ignore
//! #[path = "../../connectors/stores/tests/crash/mod.rs"]
//! mod crash;
//!
//! let recorder = crash::Recorder::new(&data_dir);
//! recorder.command(program).arg("run").status()?;          // or spawn it, talk to it, kill it
//! let recording = recorder.finish();
//! recording.rebuild(at, crash::Keep::Synced, &image_dir);  // for any at <= recording.events()
//! recording.said(at);                                      // what anybody can have heard by then
//! ```
#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and what they share")]
#![allow(unreachable_pub, reason = "a module of several test crates")]

mod disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use disk::{Disk, DiskEvent};

/// What survives of that which no sync has covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: the least a disk may keep.
    Synced,
    /// Everything: what a kill of the program alone leaves.
    All,
    /// A random part by this seed: some writes, some pages of a write, the first few names of a directory.
    Some(u64),
}

/// Which calls of a run are to fail.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What fails.
    pub calls: Calls,
    /// With which `errno`.
    pub errno: i32,
    /// From the n-th such call on, counted from 0.
    pub from: u64,
    /// For so many of them.
    pub count: u64,
}

/// A class of system calls below the recorded directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Whatever stores bytes, or makes a file.
    Store,
    /// `fsync` and `fdatasync`.
    Sync,
}

/// `ENOSPC`.
pub const NO_SPACE: i32 = 28;
/// `EROFS`.
pub const READ_ONLY: i32 = 30;
/// `EIO`.
pub const IO_ERROR: i32 = 5;

/// Records runs on a directory.
pub struct Recorder {
    root: PathBuf,
    log: tempfile::NamedTempFile,
    before: Disk,
    faults: Vec<Fault>,
}

impl Recorder {
    /// What is in the directory now counts as durable.
    pub fn new(root: &Path) -> Self {
        let root = root.canonicalize().unwrap();
        let log = tempfile::Builder::new().prefix("recording").tempfile().unwrap();
        Self { before: Disk::read(&root), root, log, faults: Vec::new() }
    }

    /// Makes calls fail.
    pub fn fail(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// A command that runs `program` under the recorder, once. Killing it kills the program. Its standard output is
    /// recorded, and not shown unless the caller says so.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(built());
        command.arg(self.log.path()).arg(&self.root);
        for fault in &self.faults {
            let class = if fault.calls == Calls::Store { 'w' } else { 's' };
            command.arg("-f").arg(format!("{class}:{}:{}:{}", fault.errno, fault.from, fault.count));
        }
        command.arg("--").arg(program).stdout(Stdio::null());
        command
    }

    /// Call it when the command has ended.
    pub fn finish(self) -> Recording {
        let log = fs::read(self.log.path()).unwrap();
        Recording { events: parse(&log, &self.root), before: self.before }
    }
}

/// One recorded run.
pub struct Recording {
    before: Disk,
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
enum Event {
    Disk(DiskEvent),
    Said(Vec<u8>),
    Sent(Vec<u8>),
}

impl Recording {
    /// How many events there are: moments to cut the power at are `0..=events()`.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// What the program wrote to standard output before this moment.
    pub fn said(&self, at: usize) -> Vec<u8> {
        let said = self.events[..at].iter().filter_map(|event| match event {
            Event::Said(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        said.collect::<Vec<_>>().concat()
    }

    /// What the program sent through sockets before this moment, all of them together.
    pub fn sent(&self, at: usize) -> Vec<u8> {
        let sent = self.events[..at].iter().filter_map(|event| match event {
            Event::Sent(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        sent.collect::<Vec<_>>().concat()
    }

    /// Moments right after the program said something: those at which a loss would show soonest.
    pub fn moments_of_saying(&self) -> Vec<usize> {
        let said = |event: &Event| matches!(event, Event::Said(_) | Event::Sent(_));
        (1..=self.events.len()).filter(|at| said(&self.events[at - 1])).collect()
    }

    /// Moments at which the last sync before the program said something has not ended, and all that it is to cover
    /// has been written: those at which a torn write would show.
    pub fn moments_before_saying(&self) -> Vec<usize> {
        let ends = |event: &Event| matches!(event, Event::Disk(DiskEvent::SyncEnds { .. }));
        let last_sync = |at: usize| self.events[..at].iter().rposition(ends);
        self.moments_of_saying().into_iter().filter_map(last_sync).collect()
    }

    /// Fills an empty directory with what a power cut at this moment leaves.
    pub fn rebuild(&self, at: usize, keep: Keep, into: &Path) {
        let mut disk = self.before.clone();
        for (number, event) in self.events[..at].iter().enumerate() {
            if let Event::Disk(event) = event {
                disk.apply(number, event);
            }
        }
        disk.write(keep, into);
    }
}

/// Compiles the recorder, once a process.
fn built() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BUILT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let (source, path) = (dir.path().join("recorder.c"), dir.path().join("recorder"));
        fs::write(&source, include_str!("recorder.c")).unwrap();
        let status = Command::new("cc").args(["-O2", "-o"]).arg(&path).arg(&source).status();
        assert!(status.expect("the crash tests need a C compiler named cc").success());
        (dir, path)
    });
    path
}

/// The log's records; a last one that was cut off is dropped.
fn parse(mut log: &[u8], root: &Path) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((head, rest)) = log.split_first_chunk::<40>() {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let length = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap()) as usize;
        let (first, second) = (length(32), length(36));
        let Some((bytes, rest)) = rest.split_at_checked(first + second) else { break };
        let (bytes, second) = bytes.split_at(first);
        let path = |bytes: &[u8]| disk::relative(root, bytes);
        let (a, b, c) = (number(8), number(16), number(24));
        events.push(match head[0] {
            b'A' => Event::Said(bytes.to_vec()),
            b'N' => Event::Sent(bytes.to_vec()),
            b'U' => panic!("the recorder cannot follow this program: {}", String::from_utf8_lossy(bytes)),
            b'W' => Event::Disk(DiskEvent::Write { ino: a, at: b, bytes: bytes.to_vec() }),
            b'T' => Event::Disk(DiskEvent::Resize { ino: a, size: b, grow_only: false }),
            b'X' => Event::Disk(DiskEvent::Resize { ino: a, size: b, grow_only: true }),
            b'S' => Event::Disk(DiskEvent::SyncBegins { ino: a, sync: b }),
            b'E' => Event::Disk(DiskEvent::SyncEnds { sync: b, ok: c == 1 }),
            b'O' => Event::Disk(DiskEvent::Open { ino: a, truncated: b == 1, path: path(bytes) }),
            b'M' => Event::Disk(DiskEvent::MakeDir { ino: a, path: path(bytes) }),
            b'D' | b'd' => Event::Disk(DiskEvent::Remove { path: path(bytes) }),
            b'R' => Event::Disk(DiskEvent::Rename { from: path(bytes), to: path(second) }),
            kind => panic!("unknown record {kind}"),
        });
        log = rest;
    }
    events
}
