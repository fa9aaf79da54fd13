//! The directory of an embedded store:
//!
//! ```text
//! format   what this is: format version, number of shards, whether it was made completely
//! lock     locked as long as a process has the store open; the lock dies with the process
//! db/      the rows (fjall)
//! ```
//!
//! `format` is written, and made durable, before anything else; `db.new/` becomes `db/` by a rename once it is whole.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tidings_domain::store::StoreError;

use super::error::from_io;

/// The format that this release writes, and the newest that it reads.
const FORMAT: u32 = 1;
const MAGIC: &str = "tidings-store";
/// Everything that an unfinished store may consist of.
const UNFINISHED: [&str; 3] = ["lock", "format.new", "db.new"];

/// A store's directory, locked.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// Whether `db/` is there and whole.
    pub(super) complete: bool,
    shards: u16,
    lock: File,
}

impl Layout {
    /// Opens or makes the directory.
    pub(super) fn open(root: &Path, shards: u16) -> Result<Self, StoreError> {
        let fresh = !root.join("format").try_exists().map_err(from_io)?;
        if fresh {
            make_dir(root).map_err(from_io)?;
            check_empty(root)?;
        }
        let lock = lock(root)?;
        let mut layout = Self { root: root.to_path_buf(), complete: false, shards, lock };
        if fresh {
            layout.write_format().map_err(from_io)?;
        } else {
            layout.read_format()?;
        }
        Ok(layout)
    }

    /// Where the rows are.
    pub(super) fn db(&self) -> PathBuf {
        self.root.join("db")
    }

    /// Where the rows are made.
    pub(super) fn new_db(&self) -> PathBuf {
        self.root.join("db.new")
    }

    /// Removes what an unfinished making left behind.
    pub(super) fn clear_new_db(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.new_db()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts `db.new/` in its place.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.new_db().try_exists()? {
            sync_tree(&self.new_db())?;
            fs::rename(self.new_db(), self.db())?;
            sync_dir(&self.root)?;
        }
        self.complete = true;
        self.write_format()
    }

    /// Fails unless there is room for so many more bytes.
    pub(super) fn probe(&self, bytes: u64) -> io::Result<()> {
        let path = self.root.join("probe");
        let probed = File::create(&path).and_then(|mut file| {
            io::copy(&mut io::Read::take(io::repeat(1), bytes), &mut file)?;
            file.sync_data()
        });
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => probed.and(Err(error)),
            _ => probed,
        }
    }

    /// Bytes that the directory takes on disk.
    pub(super) fn size(&self) -> io::Result<u64> {
        size(&self.root)
    }

    fn write_format(&self) -> io::Result<()> {
        let state = if self.complete { "complete" } else { "unfinished" };
        let text = format!("{MAGIC}\nformat {FORMAT}\nshards {}\nstate {state}\n", self.shards);
        let new = self.root.join("format.new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.root.join("format"))?;
        sync_dir(&self.root)
    }

    fn read_format(&mut self) -> Result<(), StoreError> {
        let text = fs::read(self.root.join("format")).map_err(from_io)?;
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return Err(not_a_store(&self.root));
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let damaged =
            || StoreError::Corrupt(format!("{} cannot be read", self.root.join("format").display()));
        let found: u32 = field("format").and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
        if found > FORMAT {
            return Err(StoreError::Newer { found, known: FORMAT });
        }
        let shards: u16 = field("shards").and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
        if shards != self.shards {
            let (root, asked) = (self.root.display(), self.shards);
            let what = format!("{root} was made with {shards} shards, {asked} were asked for");
            return Err(StoreError::Corrupt(what));
        }
        self.complete = field("state").ok_or_else(damaged)? == "complete";
        Ok(())
    }
}

/// Releases the lock at once: a child process that is just being started may still have a copy of the handle.
impl Drop for Layout {
    fn drop(&mut self) {
        // Closing the file releases it in any case.
        let _ = self.lock.unlock();
    }
}

fn make_dir(root: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    root.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_dir)
}

fn check_empty(root: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(root).map_err(from_io)? {
        let name = entry.map_err(from_io)?.file_name();
        if !UNFINISHED.iter().any(|known| name == *known) {
            return Err(not_a_store(root));
        }
    }
    Ok(())
}

fn not_a_store(root: &Path) -> StoreError {
    StoreError::Corrupt(format!("{} is not a store; name an empty directory to make one", root.display()))
}

fn lock(root: &Path) -> Result<File, StoreError> {
    let options = OpenOptions::new().create(true).truncate(false).write(true).clone();
    let file = options.open(root.join("lock")).map_err(from_io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(error)) => Err(from_io(error)),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes the names in a directory and below it durable. fjall 3.1 does not do so for the directories of keyspaces
/// that it makes, and begins anew, empty, where one is missing.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_dir(dir)
}

/// Bytes on disk; what vanishes while it is being counted does not count.
fn size(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(data) = entry.metadata() else { continue };
        bytes += if data.is_dir() { size(&entry.path()).unwrap_or(0) } else { data.blocks() * 512 };
    }
    Ok(bytes)
}
