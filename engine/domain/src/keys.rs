//! The seam of the key ring: one data key for each citizen, kept apart from the data. Destroying a citizen's key
//! makes everything sealed with it unreadable, wherever copies of the data are.

use thiserror::Error;
use zeroize::Zeroizing;

/// Where the key ring keeps a key; stands in clear in every row sealed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u64);

/// A 256-bit data key.
pub type DataKey = Zeroizing<[u8; 32]>;

/// What went wrong, by what the caller does next.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The row cannot be read any more, on purpose.
    #[error("the key in slot {0} was destroyed")]
    Destroyed(u64),
    /// Stop: the wrong master key, or a damaged ring.
    #[error("the key in slot {0} does not open with this master key")]
    WrongMasterKey(u64),
    /// Wait and retry.
    #[error("the key ring cannot be reached: {0}")]
    Unavailable(String),
}

/// Keys by slot.
///
/// Contract: a key that [`KeyRing::create`] returned is durable once [`KeyRing::sync`] returns; a destroyed key
/// cannot be opened again, also after a crash; slots are never used twice.
pub trait KeyRing: Send + Sync {
    /// Makes a new key.
    fn create(&self) -> Result<(Slot, DataKey), KeyError>;

    /// The key in a slot.
    fn open(&self, slot: Slot) -> Result<DataKey, KeyError>;

    /// Makes every key created so far durable. Called before the first row sealed with it is committed.
    fn sync(&self) -> Result<(), KeyError>;

    /// Overwrites a key where it lies, durably.
    fn destroy(&self, slot: Slot) -> Result<(), KeyError>;
}
