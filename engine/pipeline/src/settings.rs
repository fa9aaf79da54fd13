//! What a store keeps about itself, unsealed: the pack in force, since when rules are known, marks and holds.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidings_domain::store::{AnyStore, Commit, Range, RowKey, Shard, Table};
use tidings_domain::time::Timestamp;
use tidings_rules::pack::format::Backfill;
use tidings_rules::pack::model::{Pack, PackDigest};

use crate::engine::{PAGE, PipelineError, pack as packed, unpack};

const ACTIVE: &str = "active-pack";
const SINCE: &str = "since:";
/// Stands while a pack that looks back has not been swept.
const SWEEP: &str = "sweep-pending";

/// Which pack a store has in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct InForce {
    epoch: u64,
    digest: PackDigest,
}

/// What putting a pack in force changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// Whether the store had another pack, or none.
    pub changed: bool,
    /// Rules that the store had not seen, by root key.
    pub new_rules: Vec<String>,
    /// Whether a rule looks back and every record must be judged again ([`crate::engine::Engine::sweep`]); also
    /// when an earlier look back was cut short.
    pub sweep: bool,
}

/// What is done with each row of a scan: its key and its bytes.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), PipelineError>;

/// The settings of one store.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a>(pub(crate) &'a dyn AnyStore);

impl Settings<'_> {
    /// Reads one plain row.
    pub(crate) fn row<T: DeserializeOwned>(
        self,
        shard: Shard,
        key: &RowKey,
    ) -> Result<Option<T>, PipelineError> {
        let row = self.0.read(shard, std::slice::from_ref(key))?.pop();
        row.and_then(|row| row.bytes).map(|bytes| unpack(&bytes, key.table)).transpose()
    }

    /// Meta rows of a shard whose name starts with `prefix`, by the rest of the name.
    pub(crate) fn named<T: DeserializeOwned>(
        self,
        shard: Shard,
        prefix: &str,
    ) -> Result<BTreeMap<String, T>, PipelineError> {
        let mut found = BTreeMap::new();
        self.each(shard, Table::Meta, prefix.as_bytes(), &mut |key, bytes| {
            let name = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
            found.insert(name, unpack(bytes, Table::Meta)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Visits the rows of a table whose keys start with `prefix`, in pages of bounded size.
    pub(crate) fn each(
        self,
        shard: Shard,
        table: Table,
        prefix: &[u8],
        visit: Visit<'_>,
    ) -> Result<(), PipelineError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.0.scan(shard, table, Range { prefix, after: after.as_deref() }, PAGE)?;
            for (key, bytes) in &page {
                visit(key, bytes)?;
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE => after = Some(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Keeps the pack by its digest, dates the rules that are new, and moves every shard to its epoch.
    pub(crate) fn bring_in_force(self, pack: &Pack, now: Timestamp) -> Result<Activation, PipelineError> {
        let known: Option<InForce> = self.row(Shard(0), &RowKey::meta(ACTIVE))?;
        let epoch = match &known {
            Some(known) if known.digest == pack.digest => {
                self.activate_shards(known.epoch)?;
                let sweep = self.row::<bool>(Shard(0), &RowKey::meta(SWEEP))?.is_some();
                return Ok(Activation { sweep, ..Activation::default() });
            }
            Some(known) => known.epoch + 1,
            None => 1,
        };
        let seen = self.named::<Timestamp>(Shard(0), SINCE)?;
        let mut activation = Activation { changed: true, ..Activation::default() };
        let mut commit = Commit::default();
        for rule in pack.life_events.iter().flat_map(|life_event| &life_event.rules) {
            if seen.contains_key(&rule.root) {
                continue;
            }
            activation.new_rules.push(rule.root.clone());
            activation.sweep |= known.is_some() && rule.backfill == Backfill::Open;
            let since = if known.is_some() { now } else { Timestamp::MIN };
            commit.writes.push((RowKey::meta(&format!("{SINCE}{}", rule.root)), Some(packed(&since)?)));
        }
        activation.sweep |= self.row::<bool>(Shard(0), &RowKey::meta(SWEEP))?.is_some();
        if activation.sweep {
            commit.writes.push((RowKey::meta(SWEEP), Some(packed(&true)?)));
        }
        let kept = RowKey { table: Table::Pack, key: pack.digest.to_vec() };
        commit.writes.push((kept, Some(packed(&pack.files)?)));
        let in_force = InForce { epoch, digest: pack.digest };
        commit.writes.push((RowKey::meta(ACTIVE), Some(packed(&in_force)?)));
        self.0.commit(Shard(0), &commit)?;
        self.activate_shards(epoch)?;
        Ok(activation)
    }

    /// Notes that every record has been judged under the pack in force.
    pub(crate) fn swept(self) -> Result<(), PipelineError> {
        let done = Commit { writes: vec![(RowKey::meta(SWEEP), None)], ..Commit::default() };
        Ok(self.0.commit(Shard(0), &done)?)
    }

    fn activate_shards(self, epoch: u64) -> Result<(), PipelineError> {
        for shard in (0..self.0.shards()).map(Shard) {
            self.0.activate(shard, epoch)?;
        }
        Ok(())
    }

    /// The epoch in force, and since when each rule that is not of the first pack has been known.
    pub(crate) fn in_force(self) -> Result<(u64, HashMap<String, Timestamp>), PipelineError> {
        let known: Option<InForce> = self.row(Shard(0), &RowKey::meta(ACTIVE))?;
        let since = self.named::<Timestamp>(Shard(0), SINCE)?;
        let since = since.into_iter().filter(|(_, since)| *since > Timestamp::MIN).collect();
        Ok((known.map_or(0, |known| known.epoch), since))
    }
}
