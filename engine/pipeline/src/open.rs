//! Opening the engine over a store, and putting a pack in force.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tidings_domain::channel::Channel;
use tidings_domain::ids::{CitizenId, Pseudonymiser};
use tidings_domain::keys::{KeyRing, Slot};
use tidings_domain::model::LanguageModel;
use tidings_domain::store::{AnyStore, Commit, Range, RowKey, Shard, StoreError, Table};
use tidings_domain::time::Timestamp;
use tidings_rules::pack::model::{Pack, PackDigest};

use crate::engine::{Engine, Limits, PipelineError, pack as packed, unpack};
use crate::ingest::{Ingested, WATERMARK};
use crate::judge::ActivePack;
use crate::policy::Holds;
use crate::settings::{Activation, Settings};
use crate::traffic;
use crate::vault::{Sealer, Vault};

const LETTERS: &str = "dead-letter-slot";
/// Prefix of rows that hold a rule.
pub(crate) const HOLD: &str = "hold:";

/// Everything that an engine is made of.
pub struct Parts {
    /// Where records are kept.
    pub store: Arc<dyn AnyStore>,
    /// Where keys are kept.
    pub ring: Arc<dyn KeyRing>,
    /// What turns national numbers into citizens.
    pub people: Pseudonymiser,
    /// What orders and words.
    pub model: Arc<dyn LanguageModel>,
    /// Channels after the inbox.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Limits.
    pub limits: Limits,
}

impl Engine {
    /// Opens the engine and puts `pack` in force at business time `now`.
    pub fn open(parts: Parts, pack: Pack, now: Timestamp) -> Result<(Self, Activation), PipelineError> {
        let vault = Vault::new(parts.ring);
        let letters = letters(&*parts.store, &vault)?;
        let settings = Settings(&*parts.store);
        let activation = settings.bring_in_force(&pack, now)?;
        let (epoch, since) = settings.in_force()?;
        let rules = settings.named::<Timestamp>(Shard(0), HOLD)?.into_keys().collect();
        let (marks, loud) = (watermarks(settings)?, traffic::stored(settings)?);
        let engine = Self {
            store: parts.store,
            vault,
            people: parts.people,
            model: parts.model,
            channels: parts.channels,
            limits: parts.limits,
            active: RwLock::new(Arc::new(ActivePack { pack, epoch, since })),
            holds: RwLock::new(Arc::new(Holds { rules })),
            watermarks: RwLock::new(marks),
            traffic: RwLock::new(loud),
            letters,
        };
        engine.finish_forgetting()?;
        Ok((engine, activation))
    }

    /// Puts another pack in force.
    pub fn activate(&self, pack: Pack, now: Timestamp) -> Result<Activation, PipelineError> {
        let settings = Settings(&*self.store);
        let activation = settings.bring_in_force(&pack, now)?;
        let (epoch, since) = settings.in_force()?;
        *self.active.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(ActivePack { pack, epoch, since });
        Ok(activation)
    }

    /// Takes over since when each rule has been known, for a replay.
    pub(crate) fn adopt_since(&self, from: &ActivePack) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever still reads the old one is done before the replay starts.
        if let Some(mine) = Arc::get_mut(&mut active) {
            mine.since.clone_from(&from.since);
        }
    }

    /// Judges every record again under the active pack. `progress` is called with the number judged so far.
    pub fn sweep(&self, mut progress: impl FnMut(u64)) -> Result<Ingested, PipelineError> {
        let mut report = Ingested::default();
        let mut judged = 0;
        for shard in self.shards() {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let range = Range { prefix: &[], after: after.as_deref() };
                let page = self.store.scan(shard, Table::Citizen, range, self.limits.lease)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                let id = |(key, _): &(Vec<u8>, Vec<u8>)| Some(CitizenId(key.as_slice().try_into().ok()?));
                let citizens: Vec<CitizenId> = page.iter().filter_map(id).collect();
                self.apply_shares(shard, &[], &citizens, &mut report)?;
                judged += citizens.len() as u64;
                progress(judged);
            }
        }
        self.drain_outbox(&mut report)?;
        Settings(&*self.store).swept()?;
        Ok(report)
    }

    /// The files of a pack that was once in force, by digest.
    pub fn kept_pack(&self, digest: &PackDigest) -> Result<Option<BTreeMap<String, String>>, PipelineError> {
        self.plain(Shard(0), &RowKey { table: Table::Pack, key: digest.to_vec() })
    }
}

/// Each shard writes the marks of the batches that it saw; a source is complete up to the latest.
fn watermarks(settings: Settings<'_>) -> Result<BTreeMap<String, Timestamp>, PipelineError> {
    let mut marks: BTreeMap<String, Timestamp> = BTreeMap::new();
    for shard in (0..settings.0.shards()).map(Shard) {
        for (source, mark) in settings.named::<Timestamp>(shard, WATERMARK)? {
            let known = marks.entry(source).or_insert(mark);
            *known = (*known).max(mark);
        }
    }
    Ok(marks)
}

/// The key that seals dead letters and the outbox; made once for a store.
fn letters(store: &dyn AnyStore, vault: &Vault) -> Result<Sealer, PipelineError> {
    let key = RowKey::meta(LETTERS);
    let row = store.read(Shard(0), std::slice::from_ref(&key))?.pop();
    if let Some(bytes) = row.as_ref().and_then(|row| row.bytes.as_ref()) {
        return Ok(vault.sealer(Slot(unpack(bytes, Table::Meta)?))?);
    }
    let sealer = vault.create()?;
    vault.ring().sync()?;
    let mut commit =
        Commit { writes: vec![(key.clone(), Some(packed(&sealer.slot.0)?))], ..Commit::default() };
    commit.reads.extend(row.map(|row| (key, row.version)));
    match store.commit(Shard(0), &commit) {
        Err(StoreError::Conflict) => letters(store, vault),
        other => Ok(other.map(|()| sealer)?),
    }
}
