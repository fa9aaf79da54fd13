//! A key ring in one flat file of 64-byte slots.
//!
//! ```text
//! slot 0      magic (8)  format (4)  zero (4)  nonce (16)  key check (16)  zero (16)
//! slot n      nonce (16)  wrapped key (32)  tag (16)
//! destroyed   "destroyed by tidings" and zeros
//! ```
//!
//! A data key is wrapped with XChaCha20-Poly1305 under the master key. Its 24-byte nonce is the stored 16 random bytes
//! and the slot's number, which is the associated data too: a slot moved elsewhere does not open. A slot fills exactly
//! one of the 64-byte units of a sector, so that no write of it is torn across two sectors.
//!
//! New keys are gathered in memory and appended by [`KeyRing::sync`]. A crash may leave part of a slot, or a slot of
//! zeros, at the end: they were never synced, so nothing was sealed with them, and new keys go over them. Destroying
//! overwrites the slot in place. What copies a file system or a disk keeps of overwritten bytes is beyond a file; the
//! ring must not lie on a copy-on-write or snapshotted volume.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use tidings_domain::keys::{DataKey, KeyError, KeyRing, Slot};
use zeroize::Zeroizing;

use super::cache::Cache;
use super::{random, unavailable};

const SLOT_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"tidkeys\0";
/// The format that this release writes, and the newest that it reads.
const FORMAT: u32 = 1;
const NONCE_BYTES: usize = 16;

type SlotBytes = [u8; SLOT_BYTES];

const DESTROYED: SlotBytes = {
    let (mut slot, text, mut at) = ([0; SLOT_BYTES], b"destroyed by tidings", 0);
    while at < text.len() {
        slot[at] = text[at];
        at += 1;
    }
    slot
};
const EMPTY: SlotBytes = [0; SLOT_BYTES];

/// A key ring in a file. This process alone has it while it is open.
pub struct FileKeyRing {
    file: File,
    cipher: XChaCha20Poly1305,
    ring: Mutex<Ring>,
}

impl std::fmt::Debug for FileKeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKeyRing([secret])")
    }
}

/// Releases the lock at once: a child process that is just being started may still have a copy of the handle.
impl Drop for FileKeyRing {
    fn drop(&mut self) {
        // Closing the file releases it in any case.
        let _ = self.file.unlock();
    }
}

struct Ring {
    /// Slots that are durable, the header included: the number of the first one in `unsynced`.
    synced: u64,
    unsynced: Vec<SlotBytes>,
    cache: Cache,
    /// Counts destroyed keys, so that a key that was read before its destruction is not kept after it.
    destroyed: u64,
}

impl Ring {
    fn next(&self) -> u64 {
        self.synced + self.unsynced.len() as u64
    }
}

impl FileKeyRing {
    /// Opens the ring in this file, or makes one where the file is absent or empty.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongMasterKey`] when another key made it; [`KeyError::Unavailable`] when it cannot be read, is in
    /// use, is something else or was written by a newer release.
    pub fn open(path: impl AsRef<Path>, master_key: &Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(|error| KeyError::Unavailable(format!("{}: {error}", path.display())))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                KeyError::Unavailable("the key ring is in use by another process".to_owned())
            }
            TryLockError::Error(error) => unavailable(error),
        })?;
        let cipher = cipher(master_key);
        let slots = file.metadata().map_err(unavailable)?.len() / SLOT_BYTES as u64;
        if slots == 0 {
            write_header(&file, &cipher)?;
            sync_parent(path)?;
        } else {
            check_header(&file, &cipher, path)?;
        }
        let ring = Ring {
            synced: used(&file, slots.max(1))?,
            unsynced: Vec::new(),
            cache: Cache::default(),
            destroyed: 0,
        };
        Ok(Self { file, cipher, ring: Mutex::new(ring) })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends what is unsynced. It is kept until the sync has succeeded: after a failed sync, the system may take
    /// pages for written that are not, so they have to be written again.
    fn write_unsynced(&self, ring: &mut Ring) -> Result<(), KeyError> {
        if ring.unsynced.is_empty() {
            return Ok(());
        }
        let at = ring.synced * SLOT_BYTES as u64;
        self.file.write_all_at(ring.unsynced.as_flattened(), at).map_err(unavailable)?;
        self.file.sync_data().map_err(unavailable)?;
        ring.synced = ring.next();
        ring.unsynced.clear();
        Ok(())
    }

    /// Where a slot's bytes are.
    fn place(ring: &Ring, slot: Slot) -> Result<Place, KeyError> {
        if slot.0 == 0 || slot.0 >= ring.next() {
            return Err(KeyError::WrongMasterKey(slot.0));
        }
        let unsynced = slot.0.checked_sub(ring.synced).and_then(|at| ring.unsynced.get(at as usize));
        Ok(unsynced.map_or(Place::File, |bytes| Place::Memory(*bytes)))
    }
}

enum Place {
    Memory(SlotBytes),
    File,
}

impl KeyRing for FileKeyRing {
    fn create(&self) -> Result<(Slot, DataKey), KeyError> {
        let key: DataKey = Zeroizing::new(random()?);
        let mut ring = self.ring();
        let slot = Slot(ring.next());
        let wrapped = wrap(&self.cipher, slot, &key)?;
        ring.unsynced.push(wrapped);
        ring.cache.put(slot, key.clone());
        Ok((slot, key))
    }

    /// Reads and unwraps outside the lock: several threads open rows at once.
    fn open(&self, slot: Slot) -> Result<DataKey, KeyError> {
        let (place, destroyed) = {
            let mut ring = self.ring();
            if let Some(key) = ring.cache.get(slot) {
                return Ok(key);
            }
            (Self::place(&ring, slot)?, ring.destroyed)
        };
        let read = || read_slot(&self.file, slot.0).map_err(unavailable);
        let key = match place {
            Place::Memory(bytes) => unwrap(&self.cipher, slot, &bytes)?,
            // A slot that is being destroyed may read as neither the one nor the other; not so under the lock.
            Place::File => unwrap(&self.cipher, slot, &read()?).or_else(|_| {
                let _ring = self.ring();
                unwrap(&self.cipher, slot, &read()?)
            })?,
        };
        let mut ring = self.ring();
        if ring.destroyed == destroyed {
            ring.cache.put(slot, key.clone());
        }
        Ok(key)
    }

    fn sync(&self) -> Result<(), KeyError> {
        self.write_unsynced(&mut self.ring())
    }

    fn destroy(&self, slot: Slot) -> Result<(), KeyError> {
        let mut ring = self.ring();
        self.write_unsynced(&mut ring)?;
        Self::place(&ring, slot)?;
        ring.destroyed += 1;
        ring.cache.remove(slot);
        self.file.write_all_at(&DESTROYED, slot.0 * SLOT_BYTES as u64).map_err(unavailable)?;
        self.file.sync_data().map_err(unavailable)
    }
}

/// The cipher of a master key of any length.
fn cipher(master_key: &Zeroizing<Vec<u8>>) -> XChaCha20Poly1305 {
    let mut hash = Sha256::new();
    hash.update(b"tidings key ring 1");
    hash.update(master_key.as_slice());
    XChaCha20Poly1305::new(&hash.finalize())
}

fn nonce(random: [u8; NONCE_BYTES], slot: u64) -> XNonce {
    let mut nonce = XNonce::default();
    nonce[..NONCE_BYTES].copy_from_slice(&random);
    nonce[NONCE_BYTES..].copy_from_slice(&slot.to_le_bytes());
    nonce
}

fn wrap(cipher: &XChaCha20Poly1305, slot: Slot, key: &DataKey) -> Result<SlotBytes, KeyError> {
    let random = random()?;
    let payload = Payload { msg: key.as_slice(), aad: &slot.0.to_le_bytes() };
    let wrapped = cipher.encrypt(&nonce(random, slot.0), payload);
    let wrapped = wrapped.map_err(|_| KeyError::Unavailable("wrapping a key failed".to_owned()))?;
    let mut bytes = EMPTY;
    bytes[..NONCE_BYTES].copy_from_slice(&random);
    bytes[NONCE_BYTES..].copy_from_slice(&wrapped);
    Ok(bytes)
}

fn unwrap(cipher: &XChaCha20Poly1305, slot: Slot, bytes: &SlotBytes) -> Result<DataKey, KeyError> {
    if *bytes == DESTROYED {
        return Err(KeyError::Destroyed(slot.0));
    }
    let wrong = KeyError::WrongMasterKey(slot.0);
    let (random, wrapped) = bytes.split_at(NONCE_BYTES);
    let Ok(random) = random.try_into() else { return Err(wrong) };
    let payload = Payload { msg: wrapped, aad: &slot.0.to_le_bytes() };
    let Ok(plain) = cipher.decrypt(&nonce(random, slot.0), payload).map(Zeroizing::new) else {
        return Err(wrong);
    };
    let mut key = DataKey::default();
    if plain.len() != key.len() {
        return Err(wrong);
    }
    key.copy_from_slice(&plain);
    Ok(key)
}

/// The header's first 16 bytes, which its key check covers.
fn header() -> [u8; 16] {
    let mut header = [0; 16];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header
}

fn key_check(cipher: &XChaCha20Poly1305, random: [u8; NONCE_BYTES]) -> Option<Vec<u8>> {
    cipher.encrypt(&nonce(random, 0), Payload { msg: b"", aad: &header() }).ok()
}

fn write_header(file: &File, cipher: &XChaCha20Poly1305) -> Result<(), KeyError> {
    let random = random()?;
    let mut slot = EMPTY;
    slot[..16].copy_from_slice(&header());
    slot[16..32].copy_from_slice(&random);
    slot[32..48].copy_from_slice(&key_check(cipher, random).unwrap_or_default());
    file.write_all_at(&slot, 0).and_then(|()| file.sync_all()).map_err(unavailable)
}

fn check_header(file: &File, cipher: &XChaCha20Poly1305, path: &Path) -> Result<(), KeyError> {
    let slot = read_slot(file, 0).map_err(unavailable)?;
    if slot[..8] != MAGIC {
        return Err(KeyError::Unavailable(format!("{} is not a key ring", path.display())));
    }
    let found = slot[8..12].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
    if found > FORMAT {
        let what = format!("the key ring has format {found}, this release reads up to {FORMAT}");
        return Err(KeyError::Unavailable(what));
    }
    let mut random = [0; NONCE_BYTES];
    random.copy_from_slice(&slot[16..32]);
    if key_check(cipher, random).as_deref() != Some(&slot[32..48]) {
        return Err(KeyError::WrongMasterKey(0));
    }
    Ok(())
}

fn read_slot(file: &File, slot: u64) -> std::io::Result<SlotBytes> {
    let mut bytes = EMPTY;
    file.read_exact_at(&mut bytes, slot * SLOT_BYTES as u64)?;
    Ok(bytes)
}

/// Slots up to the last one that was ever written.
fn used(file: &File, mut slots: u64) -> Result<u64, KeyError> {
    while slots > 1 && read_slot(file, slots - 1).map_err(unavailable)? == EMPTY {
        slots -= 1;
    }
    Ok(slots)
}

fn sync_parent(path: &Path) -> Result<(), KeyError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("keys")
        }

        fn open_with(&self, master_key: &[u8]) -> Result<FileKeyRing, KeyError> {
            FileKeyRing::open(self.path(), &Zeroizing::new(master_key.to_vec()))
        }

        fn open(&self) -> FileKeyRing {
            self.open_with(&[1; 32]).unwrap()
        }

        /// A ring of so many synced keys, closed.
        fn filled(keys: usize) -> Self {
            let dir = Self::new();
            let ring = dir.open();
            (0..keys).for_each(|_| _ = ring.create().unwrap());
            ring.sync().unwrap();
            dir
        }
    }

    #[test]
    fn the_wrong_master_key_is_refused_at_opening() {
        let dir = Dir::filled(1);
        for wrong in [vec![2; 32], vec![1; 33]] {
            assert!(matches!(dir.open_with(&wrong), Err(KeyError::WrongMasterKey(0))));
        }
        dir.open().open(Slot(1)).unwrap();
    }

    #[test]
    fn a_slot_moved_elsewhere_does_not_open() {
        let dir = Dir::filled(2);
        let mut bytes = fs::read(dir.path()).unwrap();
        bytes.copy_within(64..128, 128);
        fs::write(dir.path(), bytes).unwrap();
        let ring = dir.open();
        ring.open(Slot(1)).unwrap();
        assert!(matches!(ring.open(Slot(2)), Err(KeyError::WrongMasterKey(2))));
    }

    #[test]
    fn a_torn_or_empty_slot_at_the_end_is_written_over() {
        for torn in [vec![9; 30], vec![0; 64], vec![0; 64 * 3 + 5]] {
            let dir = Dir::filled(2);
            fs::write(dir.path(), [fs::read(dir.path()).unwrap(), torn].concat()).unwrap();
            let ring = dir.open();
            let (slot, key) = ring.create().unwrap();
            assert_eq!(slot, Slot(3));
            ring.sync().unwrap();
            drop(ring);
            assert_eq!(dir.open().open(slot).unwrap(), key);
        }
    }

    #[test]
    fn destroying_overwrites_the_key_where_it_lies() {
        let dir = Dir::filled(3);
        let before = fs::read(dir.path()).unwrap();
        dir.open().destroy(Slot(2)).unwrap();
        let after = fs::read(dir.path()).unwrap();
        assert_eq!(after.len(), before.len());
        assert_eq!(after[128..192], DESTROYED);
        assert_eq!((&after[..128], &after[192..]), (&before[..128], &before[192..]));
    }

    #[test]
    fn what_is_not_a_ring_or_newer_or_in_use_is_refused() {
        let dir = Dir::new();
        fs::write(dir.path(), [7; 200]).unwrap();
        assert!(dir.open_with(&[1; 32]).unwrap_err().to_string().contains("not a key ring"));
        let dir = Dir::filled(1);
        let mut bytes = fs::read(dir.path()).unwrap();
        bytes[8] = 2;
        fs::write(dir.path(), bytes).unwrap();
        assert!(dir.open_with(&[1; 32]).unwrap_err().to_string().contains("format 2"));
        let dir = Dir::filled(1);
        let _open = dir.open();
        assert!(dir.open_with(&[1; 32]).unwrap_err().to_string().contains("in use"));
    }

    #[test]
    fn no_key_stands_in_the_file_and_debug_shows_none() {
        let dir = Dir::new();
        let ring = dir.open();
        let (_, key) = ring.create().unwrap();
        ring.sync().unwrap();
        assert!(fs::read(dir.path()).unwrap().windows(8).all(|window| window != &key[..8]));
        assert_eq!(format!("{ring:?}"), "FileKeyRing([secret])");
    }
}
