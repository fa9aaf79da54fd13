//! NDJSON files and pipes as sources.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tempfile::TempDir;
use tidings_domain::event::limits::EVENT_BYTES;
use tidings_domain::event::{Arrival, End};
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::time::Timestamp;
use tidings_sources::ndjson::{BATCH_BYTES, NdjsonSource};
use tidings_sources::{Clock, Partition};

/// Longer than any test takes; nothing waits for it unless it is broken.
const LONG: Duration = Duration::from_secs(30);

fn clock() -> Clock {
    Arc::new(|| Timestamp(1_767_225_600_000))
}

fn partition() -> Partition {
    Partition { name: "backfill".into(), epoch: 3 }
}

fn over(bytes: &'static [u8]) -> NdjsonSource {
    NdjsonSource::new(bytes, partition(), clock())
}

#[cfg(test)]
fn events(source: &mut NdjsonSource, limit: usize) -> Vec<Arrival> {
    match source.next_batch(limit, LONG).expect("readable") {
        Batch::Events(events) => events,
        other => panic!("not events: {other:?}"),
    }
}

fn shown(events: &[Arrival]) -> Vec<(u64, &[u8])> {
    events.iter().map(|event| (event.position.offset, event.bytes.reveal().as_slice())).collect()
}

#[test]
fn lines_become_arrivals_that_prove_nothing() {
    let mut source = over(b"{\"a\":1}\n\n\r\n\xff\xfe\nlast");
    let batch = events(&mut source, 2);
    assert_eq!(shown(&batch), [(0, &b"{\"a\":1}"[..]), (3, b"\xff\xfe")], "empty lines count, bytes stay");
    let first = &batch[0];
    assert_eq!((first.position.partition.as_str(), first.position.epoch), ("backfill", 3));
    assert_eq!((first.proved.as_deref(), first.received), (None, Timestamp(1_767_225_600_000)));

    assert!(matches!(source.ack(&[End::Committed]), Err(SourceError::Failed(_))), "of two");
    let rest = events(&mut source, 2);
    assert_eq!(shown(&rest), [(4, &b"last"[..])], "also without a line end");
    source.ack(&[End::Committed]).expect("one of one");
    for _ in 0..2 {
        assert!(matches!(source.next_batch(2, LONG), Ok(Batch::End)));
    }
}

#[test]
fn what_was_applied_is_skipped() {
    let mut source = over(b"a\nb\n\nc\nd\n").resume_after(1);
    assert_eq!(shown(&events(&mut source, 9)), [(3, &b"c"[..]), (4, b"d")]);
    let mut source = over(b"a\n").resume_after(u64::MAX);
    assert!(matches!(source.next_batch(9, LONG), Ok(Batch::End)));
}

#[test]
fn a_file_shows_how_far_it_is_read() {
    let root = TempDir::new().expect("a folder");
    let path = root.path().join("events.ndjson");
    fs::write(&path, "a\nbb\n").expect("written");
    let mut source = NdjsonSource::open(&path, partition(), clock()).expect("opened");
    let progress = source.progress();
    assert_eq!((progress.read(), progress.total()), (0, Some(5)));
    assert_eq!(events(&mut source, 1).len(), 1);
    assert_eq!((progress.read(), progress.total()), (2, Some(5)));
    assert_eq!(over(b"a").progress().total(), None);
}

#[test]
fn a_file_that_cannot_be_read_is_not_named() {
    for path in [Path::new("/no/such/Nguyen-Thi-Anh.ndjson"), TempDir::new().expect("a folder").path()] {
        let Err(error) = NdjsonSource::open(path, partition(), clock()) else { panic!("opened") };
        assert!(!error.to_string().contains('/'), "{error}");
    }
}

/// A line of `left` bytes that is never in memory, then a short one.
struct Endless {
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = (buffer.len() as u64).min(self.left) as usize;
        buffer[..bytes].fill(b'x');
        self.left -= bytes as u64;
        Ok(bytes)
    }
}

#[test]
fn a_line_that_is_too_long_is_cut_and_not_held() {
    let reader = Endless { left: 256 * 1024 * 1024 }.chain(&b"\nnext\n"[..]);
    let mut source = NdjsonSource::new(BufReader::new(reader), partition(), clock());
    let batch = events(&mut source, 9);
    let bytes = batch[0].bytes.reveal();
    assert_eq!(bytes.len(), EVENT_BYTES + 1, "enough to be refused as too large");
    assert!(bytes.capacity() <= 4 * EVENT_BYTES, "{} bytes are held", bytes.capacity());
    assert_eq!(shown(&batch)[1], (1, &b"next"[..]));
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let line = [vec![b'x'; EVENT_BYTES], vec![b'\n']].concat();
    let lines = 2 * BATCH_BYTES / EVENT_BYTES;
    let mut source = NdjsonSource::new(io::Cursor::new(line.repeat(lines)), partition(), clock());
    assert_eq!(events(&mut source, usize::MAX).len(), lines / 2);
    assert_eq!(events(&mut source, usize::MAX).len(), lines / 2);
}

/// A reader that breaks after its bytes.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("about /srv/events.ndjson"))
    }
}

#[test]
fn what_was_read_before_a_fault_is_delivered_first() {
    let reader = || BufReader::new((&b"a\nb\n"[..]).chain(Broken));
    let here = NdjsonSource::new(reader(), partition(), clock());
    let piped = NdjsonSource::piped(reader(), partition(), clock());
    for mut source in [here, piped] {
        let mut lines = 0;
        let error = loop {
            match source.next_batch(9, LONG) {
                Ok(Batch::Events(events)) => lines += events.len(),
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(lines, 2);
        assert!(matches!(&error, SourceError::Failed(_)) && !error.to_string().contains("srv"), "{error}");
        assert!(matches!(source.next_batch(9, LONG), Ok(Batch::End)));
    }
}

/// A pipe whose writer the test is.
struct Pipe {
    bytes: Receiver<&'static [u8]>,
    asked: Sender<()>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let Ok(bytes) = self.bytes.recv() else { return Ok(0) };
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_silent_pipe_is_quiet_and_does_not_hold_back_what_came() {
    let (writer, bytes) = channel();
    let (asked, reads) = channel();
    let pipe = BufReader::new(Pipe { bytes, asked });
    let mut source = NdjsonSource::piped(pipe, partition(), clock()).resume_after(0);
    assert!(matches!(source.next_batch(9, Duration::ZERO), Ok(Batch::Quiet)));
    writer.send(b"applied\none\ntw").expect("read");
    assert_eq!(shown(&events(&mut source, 9)), [(1, &b"one"[..])]);
    assert!(matches!(source.next_batch(9, Duration::ZERO), Ok(Batch::Quiet)), "half a line is none");
    writer.send(b"o\n").expect("read");
    assert_eq!(shown(&events(&mut source, 9)), [(2, &b"two"[..])]);
    drop(writer);
    assert!(matches!(source.next_batch(9, LONG), Ok(Batch::End)));
    assert!(reads.try_iter().count() >= 3);
}
