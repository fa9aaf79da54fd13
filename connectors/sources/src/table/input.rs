//! The bytes of a text table, counted.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

/// Bytes that are read from a file at once.
const READ_BYTES: usize = 256 * 1024;

/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader that knows how much of it was used.
pub(super) struct Input {
    reader: Box<dyn BufRead + Send>,
    read: u64,
    total: Option<u64>,
}

impl Input {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let total = meta.is_file().then_some(meta.len());
        Ok(Self { reader: Box::new(BufReader::with_capacity(READ_BYTES, file)), read: 0, total })
    }

    /// What is at hand; empty at the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        while let Err(error) = self.reader.fill_buf() {
            if error.kind() != ErrorKind::Interrupted {
                return Err(error);
            }
        }
        self.reader.fill_buf()
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.read += bytes as u64;
    }

    /// Passes over a byte order mark at the start.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        if self.fill()?.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    pub(super) const fn progress(&self) -> (u64, Option<u64>) {
        (self.read, self.total)
    }

    #[cfg(test)]
    pub(super) fn over(reader: impl BufRead + Send + 'static) -> Self {
        Self { reader: Box::new(reader), read: 0, total: None }
    }
}
