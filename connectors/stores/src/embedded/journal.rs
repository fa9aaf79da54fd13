//! Taking a batch back out of fjall's journal.
//!
//! fjall appends a batch to its journal, syncs, and answers. When writing or syncing fails, part of the batch or all
//! of it may be in the file, and would be replayed when the database is opened again, although its commit was
//! answered with an error. So each batch begins with a mark that occurs nowhere else, and a batch is taken back by
//! cutting the journal at its mark: fjall discards a batch without an end.
//!
//! Only the last batch can be unsynced, since each is synced before the next begins. A crash may leave holes in it, and
//! fjall then refuses to open (`ChecksumMismatch`). Cutting at the last mark is the answer there too; if it does not
//! help, the damage is elsewhere, and the journal is put back as it was found.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Begins every mark.
const MAGIC: [u8; 16] = *b"\xf1tidings batch\xf1\x00";
const READ_BYTES: usize = 1 << 20;

/// A batch's mark.
pub(super) type Mark = [u8; 32];

/// The mark of the `batch`th batch of a run, which a random number names.
pub(super) fn mark(run: u64, batch: u64) -> Mark {
    let mut mark = [0; 32];
    mark[..16].copy_from_slice(&MAGIC);
    mark[16..24].copy_from_slice(&run.to_le_bytes());
    mark[24..].copy_from_slice(&batch.to_le_bytes());
    mark
}

/// Cuts the journal at this mark, wherever it is. Nothing happens if it never reached a file.
pub(super) fn take_back(db: &Path, mark: &Mark) -> io::Result<()> {
    for journal in journals(db)? {
        if let Some(at) = find_last(&journal, mark)? {
            return cut(&journal, at);
        }
    }
    Ok(())
}

/// The newest journal as it was before [`take_back_last`].
pub(super) struct Before {
    journal: PathBuf,
    copy: PathBuf,
}

impl Before {
    /// Puts it back: cutting was no help.
    pub(super) fn restore(self) -> io::Result<()> {
        fs::rename(self.copy, self.journal)
    }

    /// Lets it go.
    pub(super) fn forget(self) -> io::Result<()> {
        fs::remove_file(self.copy)
    }
}

/// Cuts the newest journal at its last mark, if there is one.
pub(super) fn take_back_last(db: &Path) -> io::Result<Option<Before>> {
    let Some(journal) = journals(db)?.into_iter().next() else { return Ok(None) };
    let Some(at) = find_last(&journal, &MAGIC)? else { return Ok(None) };
    let copy = journal.with_extension("torn");
    fs::copy(&journal, &copy)?;
    cut(&journal, at)?;
    Ok(Some(Before { journal, copy }))
}

/// Empties the newest journal and removes the others: for a closed database whose rows are all in tables. The newest
/// must stay, since fjall only learns where to go on counting when it finds one.
pub(super) fn clear(db: &Path) -> io::Result<()> {
    let mut journals = journals(db)?.into_iter();
    if let Some(newest) = journals.next() {
        cut(&newest, 0)?;
    }
    journals.try_for_each(fs::remove_file)?;
    super::layout::sync_dir(db)
}

/// Newest first.
fn journals(db: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(db)? {
        let path = entry?.path();
        let number =
            path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse::<u64>().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn cut(journal: &Path, at: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(journal)?;
    file.set_len(at)?;
    file.sync_all()
}

/// Where the last `needle` begins. Reads the file in pieces that overlap by the needle's length.
fn find_last(path: &Path, needle: &[u8]) -> io::Result<Option<u64>> {
    let mut file = BufReader::with_capacity(READ_BYTES, File::open(path)?);
    let (mut piece, mut begins, mut last) = (Vec::new(), 0_u64, None);
    while file.by_ref().take(READ_BYTES as u64).read_to_end(&mut piece)? > 0 {
        let hits = last_in(&piece, needle);
        last = hits.map(|at| begins + at as u64).or(last);
        let overlap = piece.len().saturating_sub(needle.len() - 1);
        begins += overlap as u64;
        piece.drain(..overlap);
    }
    Ok(last)
}

/// The last place of `needle` in `piece`. Its first byte is rare enough to make a plain loop fast.
fn last_in(piece: &[u8], needle: &[u8]) -> Option<usize> {
    let starts = piece.len().checked_sub(needle.len())?;
    let first = needle.first()?;
    (0..=starts).rev().find(|&at| piece[at] == *first && piece[at..].starts_with(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(dir: &Path, number: u64, parts: &[&[u8]]) -> PathBuf {
        let path = dir.join(format!("{number}.jnl"));
        fs::write(&path, parts.concat()).unwrap();
        path
    }

    #[test]
    fn a_mark_across_two_pieces_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let before = vec![7; READ_BYTES - 5];
        let path = journal(dir.path(), 0, &[&before, &mark(1, 2), b"rest"]);
        take_back(dir.path(), &mark(1, 2)).unwrap();
        assert_eq!(fs::read(path).unwrap(), before);
    }

    #[test]
    fn the_last_mark_of_the_newest_journal_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let old = journal(dir.path(), 9, &[&mark(1, 1), b"old"]);
        let new = journal(dir.path(), 10, &[&mark(1, 2), b"kept", &mark(1, 3), b"torn"]);
        let before = take_back_last(dir.path()).unwrap().unwrap();
        assert_eq!(fs::read(&new).unwrap(), [mark(1, 2).as_slice(), b"kept"].concat());
        assert_eq!(fs::read(old).unwrap(), [mark(1, 1).as_slice(), b"old"].concat());
        before.restore().unwrap();
        assert!(fs::read(new).unwrap().ends_with(b"torn"));
    }

    #[test]
    fn a_mark_that_never_reached_the_disk_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = journal(dir.path(), 0, &[&mark(1, 1), b"kept"]);
        take_back(dir.path(), &mark(1, 2)).unwrap();
        assert_eq!(fs::read(path).unwrap().len(), 36);
    }
}
