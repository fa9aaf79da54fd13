//! What the outbox asks of a folder, so that its tests can lose what was not synced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OutboxError;
use crate::MESSAGE_BYTES;

/// A flat folder.
pub(super) trait Folder: Send + Sync {
    /// Every name in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// A file's content; `None` if there is none of that name in the folder.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;
    /// Makes a new file, only for us to read. Nothing is durable yet.
    fn create(&self, name: &str, content: &[u8]) -> io::Result<()>;
    /// Makes a file's content durable.
    fn sync_file(&self, name: &str) -> io::Result<()>;
    /// Renames at once and over what was there. Not durable yet.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes names durable.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system.
pub(super) struct RealFolder(PathBuf);

impl RealFolder {
    pub(super) fn open(folder: &Path) -> Result<Self, OutboxError> {
        make(folder).map_err(|error| OutboxError::Unusable(error.kind()))?;
        if open_to_others(folder).map_err(|error| OutboxError::Unusable(error.kind()))? {
            return Err(OutboxError::OpenToOthers);
        }
        Ok(Self(folder.to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Makes the folder and those above it that are missing, durably.
fn make(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> = folder.ancestors().take_while(|path| is_missing(path)).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)?;
    for made in missing {
        let parent = made.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

fn is_missing(path: &Path) -> bool {
    !path.as_os_str().is_empty() && matches!(path.try_exists(), Ok(false))
}

#[cfg(unix)]
fn open_to_others(folder: &Path) -> io::Result<bool> {
    Ok(fs::metadata(folder)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> io::Result<bool> {
    Ok(false)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Folder for RealFolder {
    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.0)?;
        // A name that is not UTF-8 is none of ours.
        entries
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        /// JSON escapes a byte in at most six; the rest is for the other fields.
        const LONGEST: u64 = (8 * MESSAGE_BYTES) as u64;
        let file = match File::open(self.path(name)) {
            // The folder itself may be gone: only then is it an error.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return fs::metadata(&self.0).map(|_| None);
            }
            file => file?,
        };
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content)?;
        Ok(Some(content))
    }

    fn create(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        options.open(self.path(name))?.write_all(content)
    }

    /// Opened anew: a sync is of the file, not of what one handle wrote (fsync(2)).
    fn sync_file(&self, name: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name))?.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync(&self) -> io::Result<()> {
        sync(&self.0)
    }
}
