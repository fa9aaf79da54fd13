//! Newline-delimited JSON from a file or a pipe. Lines are counted from 0, empty ones too, so that an offset
//! is the line number less one, whatever the reader skipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use tidings_domain::event::limits::EVENT_BYTES;
use tidings_domain::event::{Arrival, End, Position};
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::value::Pii;

use crate::{Clock, Partition};

/// Bytes after which a batch is handed over though it could hold more lines.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Lines that the thread of [`NdjsonSource::piped`] reads ahead.
pub const LINES_AHEAD: usize = 256;
/// Bytes that are read from a file at once.
const READ_BYTES: usize = 256 * 1024;

/// How far a source has read.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    total: Option<u64>,
}

impl Progress {
    /// Bytes read so far, skipped lines included.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes in all, if that is known.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }
}

/// NDJSON as a source of events. It proves nothing (`proved: None`): whoever names the file vouches for it.
///
/// Memory is bounded by one batch: of a line longer than [`EVENT_BYTES`] only the first `EVENT_BYTES + 1`
/// bytes are kept and delivered, enough for the decoder to say that it is too large.
pub struct NdjsonSource {
    feed: Feed,
    /// Whether the first batch starts a thread that reads ahead.
    ahead: bool,
    partition: Partition,
    clock: Clock,
    progress: Arc<Progress>,
    /// What stopped a batch that already held lines; the next call says it.
    broken: Option<SourceError>,
    ended: bool,
    unacked: usize,
}

enum Feed {
    Here(Lines),
    Ahead(Receiver<io::Result<Line>>),
}

/// What the feed has, when asked for one line.
enum Next {
    Line(Line),
    Quiet,
    End,
}

impl NdjsonSource {
    /// Reads a file from its start. The error does not repeat the path.
    pub fn open(path: &Path, partition: Partition, clock: Clock) -> Result<Self, SourceError> {
        let (file, meta) = File::open(path)
            .and_then(|file| file.metadata().map(|meta| (file, meta)))
            .map_err(|error| failed(&error))?;
        if meta.is_dir() {
            return Err(failed(&ErrorKind::IsADirectory.into()));
        }
        let total = meta.is_file().then_some(meta.len());
        let lines = BufReader::with_capacity(READ_BYTES, file);
        Ok(Self::over(Box::new(lines), total, partition, clock))
    }

    /// Reads what is at hand (a buffer, an opened file) on the thread that asks for batches. A reader that
    /// blocks blocks the batch; for one that may, use [`Self::piped`].
    pub fn new(reader: impl BufRead + Send + 'static, partition: Partition, clock: Clock) -> Self {
        Self::over(Box::new(reader), None, partition, clock)
    }

    /// Reads a pipe such as stdin. A thread reads at most [`LINES_AHEAD`] lines ahead, so that a silent
    /// writer makes a batch quiet and does not block it. The thread ends with the pipe, or with the first
    /// line that it reads after the source was dropped.
    pub fn piped(reader: impl BufRead + Send + 'static, partition: Partition, clock: Clock) -> Self {
        Self { ahead: true, ..Self::over(Box::new(reader), None, partition, clock) }
    }

    fn over(reader: Box<dyn BufRead + Send>, total: Option<u64>, partition: Partition, clock: Clock) -> Self {
        let progress = Arc::new(Progress { read: AtomicU64::new(0), total });
        let lines =
            Lines { reader, next: 0, wanted: 0, longest: EVENT_BYTES, progress: Arc::clone(&progress) };
        let (broken, ended) = (None, false);
        Self { feed: Feed::Here(lines), ahead: false, partition, clock, progress, broken, ended, unacked: 0 }
    }

    /// Skips every line up to and including `offset`: they were applied. To be called before the first batch;
    /// afterwards it changes nothing.
    #[must_use]
    pub fn resume_after(mut self, offset: u64) -> Self {
        if let Feed::Here(lines) = &mut self.feed {
            lines.wanted = offset.saturating_add(1);
        }
        self
    }

    /// A handle that shows how far reading has come, also after the source went to a loop.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn read_ahead(&mut self) -> Result<(), SourceError> {
        let (sender, receiver) = sync_channel(LINES_AHEAD);
        if let Feed::Here(lines) = std::mem::replace(&mut self.feed, Feed::Ahead(receiver)) {
            let reader = thread::Builder::new().name("ndjson".into());
            reader.spawn(move || pump(lines, &sender)).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// One line; `wait` is how long a pipe may be silent, `None` for not at all.
    fn next(&mut self, wait: Option<Duration>) -> io::Result<Next> {
        let line = match (&mut self.feed, wait) {
            (Feed::Here(lines), _) => lines.next()?,
            (Feed::Ahead(lines), Some(wait)) => match lines.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => return Ok(Next::Quiet),
                line => line.ok().transpose()?,
            },
            (Feed::Ahead(lines), None) => match lines.try_recv() {
                Err(TryRecvError::Empty) => return Ok(Next::Quiet),
                line => line.ok().transpose()?,
            },
        };
        Ok(line.map_or(Next::End, Next::Line))
    }

    fn arrival(&self, line: Line) -> Arrival {
        let (partition, epoch) = (self.partition.name.clone(), self.partition.epoch);
        Arrival {
            bytes: Pii::new(line.bytes),
            position: Position { partition, epoch, offset: line.offset },
            proved: None,
            received: (self.clock)(),
        }
    }
}

impl EventSource for NdjsonSource {
    fn next_batch(&mut self, limit: usize, wait: Duration) -> Result<Batch, SourceError> {
        self.unacked = 0;
        if std::mem::take(&mut self.ahead) {
            self.read_ahead()?;
        }
        if let Some(error) = self.broken.take() {
            self.ended = true;
            return Err(error);
        }
        let (mut batch, mut bytes, mut patience) = (Vec::new(), 0, Some(wait));
        while !self.ended && batch.len() < limit.max(1) && bytes < BATCH_BYTES {
            match self.next(patience.take()) {
                Ok(Next::Line(line)) => {
                    bytes += line.bytes.len();
                    batch.push(self.arrival(line));
                }
                Ok(Next::Quiet) => break,
                Ok(Next::End) => self.ended = true,
                Err(error) if batch.is_empty() => {
                    self.ended = true;
                    return Err(failed(&error));
                }
                Err(error) => {
                    self.broken = Some(failed(&error));
                    break;
                }
            }
        }
        self.unacked = batch.len();
        match (batch.is_empty(), self.ended) {
            (false, _) => Ok(Batch::Events(batch)),
            (true, true) => Ok(Batch::End),
            (true, false) => Ok(Batch::Quiet),
        }
    }

    /// A file has nobody to tell; the store keeps the position.
    fn ack(&mut self, ends: &[End]) -> Result<(), SourceError> {
        if ends.len() == std::mem::take(&mut self.unacked) {
            return Ok(());
        }
        Err(SourceError::Failed("acknowledged another number of events than it gave".into()))
    }
}

/// The kind of the error alone: its full text could name a path.
fn failed(error: &io::Error) -> SourceError {
    SourceError::Failed(error.kind().to_string())
}

fn pump(mut lines: Lines, sender: &SyncSender<io::Result<Line>>) {
    while let Some(line) = lines.next().transpose() {
        let broken = line.is_err();
        if sender.send(line).is_err() || broken {
            return;
        }
    }
}

struct Line {
    offset: u64,
    bytes: Vec<u8>,
}

/// Cuts a reader into lines.
struct Lines {
    reader: Box<dyn BufRead + Send>,
    next: u64,
    /// Lines before this one are skipped.
    wanted: u64,
    /// Longest line in bytes; of a longer one, one byte more than this is kept.
    longest: usize,
    progress: Arc<Progress>,
}

impl Lines {
    /// The next line that is wanted and not empty; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let offset = self.next;
            let keep = if offset < self.wanted { 0 } else { self.longest.saturating_add(1) };
            let Some(bytes) = self.read_line(keep)? else { return Ok(None) };
            self.next += 1;
            if !bytes.is_empty() {
                return Ok(Some(Line { offset, bytes }));
            }
        }
    }

    /// One line without its end, at most `keep` bytes of it; `None` at the end.
    fn read_line(&mut self, keep: usize) -> io::Result<Option<Vec<u8>>> {
        let (mut line, mut length, mut any) = (Vec::new(), 0, false);
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok(any.then(|| without_return(line, length)));
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            line.extend_from_slice(&part[..part.len().min(keep - line.len())]);
            length += part.len();
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            self.progress.read.fetch_add(used as u64, Ordering::Relaxed);
            if end.is_some() {
                return Ok(Some(without_return(line, length)));
            }
        }
    }
}

/// Takes off the carriage return of a line that ended in CRLF and was not cut.
fn without_return(mut line: Vec<u8>, length: usize) -> Vec<u8> {
    if line.len() == length && line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use proptest::prelude::*;

    use super::*;

    /// Bytes in chunks of given sizes; a size of 0 is an interruption.
    struct Chunks {
        bytes: Cursor<Vec<u8>>,
        sizes: Vec<usize>,
        at: usize,
    }

    impl Read for Chunks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("lines are read through the buffer")
        }
    }

    impl BufRead for Chunks {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            let size = self.sizes.get(self.at % self.sizes.len().max(1)).copied().unwrap_or(1);
            if size == 0 {
                self.at += 1;
                return Err(ErrorKind::Interrupted.into());
            }
            let rest = self.bytes.fill_buf()?;
            Ok(&rest[..rest.len().min(size)])
        }

        fn consume(&mut self, amount: usize) {
            self.at += 1;
            self.bytes.consume(amount);
        }
    }

    /// The same by the simplest means: everything in memory.
    fn split(bytes: &[u8], wanted: u64, longest: usize) -> Vec<(u64, Vec<u8>)> {
        let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let cut = |line: &[u8]| line[..line.len().min(longest + 1)].to_vec();
        (0..).zip(lines.map(cut)).filter(|(offset, line)| *offset >= wanted && !line.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn lines_are_those_of_a_trivial_splitter(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x'), any::<u8>()], 0..200),
            sizes in prop::collection::vec(0_usize..9, 0..8).prop_filter("one must move", |sizes| {
                sizes.is_empty() || sizes.iter().any(|size| *size > 0)
            }),
            wanted in 0_u64..12,
            longest in 0_usize..9,
        ) {
            let reader = Box::new(Chunks { bytes: Cursor::new(bytes.clone()), sizes, at: 0 });
            let progress = Arc::new(Progress::default());
            let mut lines = Lines { reader, next: 0, wanted, longest, progress: Arc::clone(&progress) };
            let mut found = Vec::new();
            while let Some(line) = lines.next().expect("it only interrupts") {
                found.push((line.offset, line.bytes));
            }
            prop_assert_eq!(found, split(&bytes, wanted, longest));
            prop_assert_eq!(progress.read(), bytes.len() as u64);
        }
    }
}
