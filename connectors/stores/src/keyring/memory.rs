//! A key ring in memory, for tests and trials.

use std::sync::{Mutex, PoisonError};

use tidings_domain::keys::{DataKey, KeyError, KeyRing, Slot};
use zeroize::Zeroizing;

use super::random;

/// Keys in memory: gone with the process.
#[derive(Default)]
pub struct MemoryKeyRing(Mutex<Vec<Option<DataKey>>>);

impl std::fmt::Debug for MemoryKeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryKeyRing([secret])")
    }
}

impl MemoryKeyRing {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, slot: Slot, act: impl FnOnce(&mut Option<DataKey>) -> T) -> Result<T, KeyError> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = usize::try_from(slot.0).unwrap_or(usize::MAX).wrapping_sub(1);
        keys.get_mut(index).map(act).ok_or(KeyError::WrongMasterKey(slot.0))
    }
}

impl KeyRing for MemoryKeyRing {
    fn create(&self) -> Result<(Slot, DataKey), KeyError> {
        let key = Zeroizing::new(random()?);
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.push(Some(key.clone()));
        Ok((Slot(keys.len() as u64), key))
    }

    fn open(&self, slot: Slot) -> Result<DataKey, KeyError> {
        self.with(slot, |key| key.clone())?.ok_or(KeyError::Destroyed(slot.0))
    }

    fn sync(&self) -> Result<(), KeyError> {
        Ok(())
    }

    fn destroy(&self, slot: Slot) -> Result<(), KeyError> {
        self.with(slot, |key| *key = None)
    }
}
