//! What the three loops share: the seams, the active pack, the keys.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tidings_domain::channel::Channel;
use tidings_domain::ids::{CitizenId, Pseudonymiser};
use tidings_domain::keys::{KeyError, Slot};
use tidings_domain::model::LanguageModel;
use tidings_domain::record::Record;
use tidings_domain::store::{AnyStore, Row, RowKey, Shard, StoreError, Table, Version};
use tidings_domain::time::Timestamp;

use crate::judge::ActivePack;
use crate::policy::Holds;
use crate::settings::Settings;
use crate::traffic::Traffic;
use crate::vault::{Sealer, Vault, VaultError};

/// What went wrong in a loop.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The store said no; see its variants for what to do next.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key ring said no.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A row does not read.
    #[error("a row of {0} does not read: written by another release, or damaged")]
    Unreadable(&'static str),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The pack in force does not load without the law that became known later.
    #[error("the pack does not load as it was known on {day}: {first}")]
    Unknowable {
        /// The day.
        day: chrono::NaiveDate,
        /// The first mistake.
        first: String,
    },
}

/// Named limits of the loops.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most events in one commit; a larger batch is cut.
    pub commit: usize,
    /// Most waves of dependent messages in one batch; what is left goes through the outbox.
    pub waves: usize,
    /// Most retries of a batch whose records changed under it.
    pub conflicts: usize,
    /// Tasks leased at once.
    pub lease: usize,
    /// How long a lease holds.
    pub holds: Duration,
    /// Attempts of one delivery before it is buried.
    pub attempts: u32,
    /// Delay after the first failed attempt; doubles with each.
    pub backoff: Duration,
    /// Longest delay between attempts.
    pub backoff_most: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            commit: 2_000,
            waves: 16,
            conflicts: 64,
            lease: 1_000,
            holds: Duration::from_secs(60),
            attempts: 8,
            backoff: Duration::from_secs(30),
            backoff_most: Duration::from_secs(6 * 3600),
        }
    }
}

/// The engine: everything that the loops reach, through its seams.
pub struct Engine {
    /// Where records are kept.
    pub store: Arc<dyn AnyStore>,
    /// What seals them.
    pub vault: Vault,
    /// What turns national numbers into citizens.
    pub people: Pseudonymiser,
    /// What orders and words; perhaps nothing.
    pub model: Arc<dyn LanguageModel>,
    /// Channels after the inbox, in delivery order.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Limits.
    pub limits: Limits,
    pub(crate) active: RwLock<Arc<ActivePack>>,
    pub(crate) holds: RwLock<Arc<Holds>>,
    pub(crate) watermarks: RwLock<BTreeMap<String, Timestamp>>,
    pub(crate) traffic: RwLock<BTreeMap<String, Traffic>>,
    pub(crate) letters: Sealer,
}

/// A citizen's record as it was read, with what is needed to write it back.
#[derive(Clone, Debug)]
pub struct Held {
    /// The record.
    pub record: Record,
    /// As it was read.
    pub version: Version,
    /// Its key; `None` for a citizen without a record yet.
    pub sealer: Option<Sealer>,
}

impl Engine {
    /// The pack in use.
    pub fn active(&self) -> Arc<ActivePack> {
        Arc::clone(&self.active.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// What operators hold.
    pub fn holds(&self) -> Arc<Holds> {
        Arc::clone(&self.holds.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Every shard.
    pub fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.store.shards()).map(Shard)
    }

    /// The shard of a citizen.
    pub fn shard(&self, citizen: CitizenId) -> Shard {
        Shard::of(citizen, self.store.shards())
    }

    /// Reads one citizen's record; an empty one if there is none.
    pub fn record(&self, citizen: CitizenId) -> Result<Held, PipelineError> {
        let key = RowKey::citizen(citizen);
        let row = self.store.read(self.shard(citizen), std::slice::from_ref(&key))?.pop();
        self.held(&key, row.unwrap_or(Row { version: Version(0), bytes: None }))
    }

    pub(crate) fn held(&self, key: &RowKey, row: Row) -> Result<Held, PipelineError> {
        Ok(match row.bytes {
            None => Held { record: Record::default(), version: row.version, sealer: None },
            Some(bytes) => {
                let (sealer, record) = self.vault.open(key, &bytes)?;
                Held { record, version: row.version, sealer: Some(sealer) }
            }
        })
    }

    /// Reads and opens one sealed row.
    pub fn sealed<T: DeserializeOwned>(
        &self,
        shard: Shard,
        key: &RowKey,
    ) -> Result<Option<(T, Version)>, PipelineError> {
        let row = self.store.read(shard, std::slice::from_ref(key))?.pop();
        match row {
            Some(Row { version, bytes: Some(bytes) }) => Ok(Some((self.vault.open(key, &bytes)?.1, version))),
            _ => Ok(None),
        }
    }

    /// Reads one plain row.
    pub fn plain<T: DeserializeOwned>(&self, shard: Shard, key: &RowKey) -> Result<Option<T>, PipelineError> {
        Settings(&*self.store).row(shard, key)
    }

    /// Opens every sealed row of one citizen in a table, in key order.
    pub fn rows_of<T: DeserializeOwned>(
        &self,
        citizen: CitizenId,
        table: Table,
    ) -> Result<Vec<(Vec<u8>, T)>, PipelineError> {
        let mut found = Vec::new();
        self.each_row(self.shard(citizen), table, &citizen.0, |key, bytes| {
            let row = RowKey { table, key: key.to_vec() };
            found.push((key.to_vec(), self.vault.open(&row, bytes)?.1));
            Ok(())
        })?;
        Ok(found)
    }

    /// Visits the rows of a table whose keys start with `prefix`, in pages of bounded size.
    pub fn each_row(
        &self,
        shard: Shard,
        table: Table,
        prefix: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        Settings(&*self.store).each(shard, table, prefix, &mut visit)
    }

    /// The watermark of a source: it is complete up to there.
    pub fn watermark(&self, source: &str) -> Timestamp {
        let watermarks = self.watermarks.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        watermarks.get(source).copied().unwrap_or(Timestamp::MIN)
    }

    /// The latest recording that any source has shown; [`Timestamp::MIN`] before any.
    pub(crate) fn latest_watermark(&self) -> Timestamp {
        let watermarks = self.watermarks.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        watermarks.values().copied().max().unwrap_or(Timestamp::MIN)
    }

    /// How far each source is complete.
    pub(crate) fn all_watermarks(&self) -> BTreeMap<String, Timestamp> {
        self.watermarks.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Takes over how far each source is complete, for a replay.
    pub(crate) fn adopt_watermarks(&self, known: BTreeMap<String, Timestamp>) {
        *self.watermarks.write().unwrap_or_else(std::sync::PoisonError::into_inner) = known;
    }

    /// Notes that every registered source is complete up to `time`: for a log that holds what all of them sent,
    /// in the order of recording.
    pub fn all_complete(&self, time: Timestamp) {
        let active = self.active();
        let mut marks = self.watermarks.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for source in active.pack.sources.values() {
            let mark = marks.entry(source.name.clone()).or_insert(time);
            *mark = (*mark).max(time);
        }
    }

    /// The slot that seals dead letters.
    pub fn letters(&self) -> Slot {
        self.letters.slot
    }
}

/// Rows read at once when scanning.
pub(crate) const PAGE: usize = 1_024;

/// Packs a plain row.
pub fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, PipelineError> {
    postcard::to_stdvec(value).map_err(|_| PipelineError::Unreadable("plain rows"))
}

/// Unpacks a plain row.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8], table: Table) -> Result<T, PipelineError> {
    let name = match table {
        Table::Task => "tasks",
        Table::Meta => "settings",
        Table::Pack => "packs",
        Table::Forgotten => "forgotten citizens",
        _ => "plain rows",
    };
    postcard::from_bytes(bytes).map_err(|_| PipelineError::Unreadable(name))
}
