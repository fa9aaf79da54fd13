//! The master key: a file that its owner alone can read.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use tidings_domain::keys::KeyError;
use zeroize::Zeroizing;

use super::{random, unavailable};

/// The shortest master key, bytes: as many as the keys it protects.
const MIN_BYTES: usize = 32;
/// The longest, bytes.
const MAX_BYTES: u64 = 4096;
/// Permissions of the group and of others.
const OTHERS: u32 = 0o077;

/// Reads a master key: the whole content of a file.
///
/// # Errors
///
/// [`KeyError::Unavailable`] when it cannot be read, when anybody but its owner may read or write it, or when it is
/// shorter than 32 bytes or longer than 4,096.
pub fn load_master_key(path: impl AsRef<Path>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let path = path.as_ref();
    let refuse = |why: &str| KeyError::Unavailable(format!("{} {why}", path.display()));
    let file = File::open(path).map_err(|error| refuse(&format!("cannot be opened: {error}")))?;
    let data = file.metadata().map_err(unavailable)?;
    if !data.is_file() {
        return Err(refuse("is not a file"));
    }
    if data.mode() & OTHERS != 0 {
        return Err(refuse("can be read by others; run chmod 600 on it"));
    }
    if data.len() > MAX_BYTES {
        return Err(refuse("is longer than 4096 bytes; it holds something else"));
    }
    let mut key = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize));
    file.take(MAX_BYTES).read_to_end(&mut key).map_err(unavailable)?;
    if key.len() < MIN_BYTES {
        return Err(refuse("is shorter than 32 bytes"));
    }
    Ok(key)
}

/// Makes a master key of 32 random bytes in a new file that its owner alone can read.
///
/// # Errors
///
/// [`KeyError::Unavailable`] when the file exists or cannot be written.
pub fn create_master_key(path: impl AsRef<Path>) -> Result<(), KeyError> {
    let path = path.as_ref();
    let key = Zeroizing::new(random::<MIN_BYTES>()?);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| KeyError::Unavailable(format!("{} cannot be made: {error}", path.display())))?;
    file.write_all(key.as_slice()).and_then(|()| file.sync_all()).map_err(unavailable)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent).and_then(|dir| dir.sync_all()).map_err(unavailable),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn refusal(path: &Path) -> String {
        load_master_key(path).unwrap_err().to_string()
    }

    #[test]
    fn a_created_key_loads_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master");
        create_master_key(&path).unwrap();
        let key = load_master_key(&path).unwrap();
        assert_eq!(key.len(), 32);
        assert!(create_master_key(&path).is_err());
        assert_eq!(load_master_key(&path).unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master");
        create_master_key(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(refusal(&path).contains("others"), "mode {mode:o}");
        }
    }

    #[test]
    fn a_short_or_absent_or_long_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master");
        assert!(refusal(&path).contains("cannot be opened"));
        for (length, why) in [(31, "shorter"), (5000, "longer")] {
            fs::write(&path, vec![1; length]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(refusal(&path).contains(why), "{length} bytes");
        }
    }
}
