//! What went wrong on the disk, by what the caller does next.

use std::io::{self, ErrorKind};

use tidings_domain::store::StoreError;

/// No room is [`StoreError::Full`]; the rest may pass and is [`StoreError::Unavailable`].
pub(super) fn from_io(error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full,
        ErrorKind::ReadOnlyFilesystem => StoreError::Unavailable("the file system is read-only".to_owned()),
        ErrorKind::NotADirectory => StoreError::Corrupt("a file stands where the store should be".to_owned()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// The same for what fjall reports.
pub(super) fn from_fjall(error: fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => from_io(error),
        fjall::Error::Locked => StoreError::InUse,
        fjall::Error::Poisoned => StoreError::Unavailable("writing in the background failed".to_owned()),
        error => StoreError::Corrupt(error.to_string()),
    }
}
