//! Optimistic versions without reading a row again. Each shard counts its commits; a version is the count at which
//! a row was read. The newest writes are remembered as `hash of key -> count`, so that a commit finds out by one
//! look in memory whether a row was written after it was read. The memory is bounded: a version older than what it
//! reaches back to counts as a conflict, as do two keys of one hash. Both cost a second reading, never a lost write.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use tidings_domain::store::{RowKey, StoreError, Version};

/// Writes remembered over all shards of a store: about 24 MB.
const REMEMBERED: usize = 1 << 19;
/// Writes remembered at least in each shard.
const REMEMBERED_LEAST: usize = 1 << 14;

/// What a shard remembers of its newest writes.
#[derive(Debug)]
pub(crate) struct Versions {
    commits: u64,
    /// Writes up to here may have been forgotten.
    floor: u64,
    recent: HashMap<u64, u64>,
    order: VecDeque<(u64, u64)>,
    capacity: usize,
}

impl Versions {
    /// For one of `shards` shards.
    pub(crate) fn new(shards: u16) -> Self {
        Self::with_capacity((REMEMBERED / usize::from(shards.max(1))).max(REMEMBERED_LEAST))
    }

    fn with_capacity(capacity: usize) -> Self {
        Self { commits: 0, floor: 0, recent: HashMap::new(), order: VecDeque::new(), capacity }
    }

    /// Whether every row still stands as it was read.
    pub(crate) fn check(&self, reads: &[(RowKey, Version)]) -> Result<(), StoreError> {
        let stands = |(key, version): &(RowKey, Version)| {
            let seen = self.floor..=self.commits;
            let written = self.recent.get(&hash(key)).copied().unwrap_or(0);
            seen.contains(&version.0) && written <= version.0
        };
        if reads.iter().all(stands) { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Counts a commit that wrote these rows; the count is what later reads carry.
    pub(crate) fn record<'a>(&mut self, keys: impl Iterator<Item = &'a RowKey>) -> u64 {
        self.commits += 1;
        for key in keys {
            let key = hash(key);
            self.recent.insert(key, self.commits);
            self.order.push_back((key, self.commits));
            if self.order.len() > self.capacity {
                self.forget_oldest();
            }
        }
        self.commits
    }

    fn forget_oldest(&mut self) {
        let Some((key, commit)) = self.order.pop_front() else { return };
        if self.recent.get(&key) == Some(&commit) {
            self.recent.remove(&key);
        }
        self.floor = self.floor.max(commit);
    }
}

fn hash(key: &RowKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, version: u64) -> [(RowKey, Version); 1] {
        [(RowKey::meta(name), Version(version))]
    }

    #[test]
    fn a_write_after_the_read_is_a_conflict_and_before_it_is_not() {
        let mut versions = Versions::with_capacity(10);
        versions.record([RowKey::meta("a")].iter());
        versions.record([RowKey::meta("b")].iter());
        assert!(versions.check(&read("a", 0)).is_err());
        assert!(versions.check(&read("a", 1)).is_ok());
        assert!(versions.check(&read("b", 1)).is_err());
        assert!(versions.check(&read("c", 0)).is_ok());
    }

    #[test]
    fn what_is_older_than_the_memory_is_a_conflict() {
        let mut versions = Versions::with_capacity(3);
        for _ in 0..2 {
            versions.record(["a", "b"].map(RowKey::meta).iter());
        }
        assert!(versions.check(&read("c", 0)).is_err(), "write of a at 1 is forgotten");
        assert!(versions.check(&read("c", 1)).is_ok());
        assert!(versions.check(&read("a", 1)).is_err());
        assert!(versions.check(&read("a", 2)).is_ok());
        assert!(versions.recent.len() <= 3 && versions.order.len() <= 3);
    }

    #[test]
    fn a_version_of_another_life_of_the_store_is_a_conflict() {
        assert!(Versions::with_capacity(3).check(&read("a", 7)).is_err());
    }

    #[test]
    fn a_commit_larger_than_the_memory_forgets_itself_safely() {
        let mut versions = Versions::with_capacity(2);
        versions.record(["a", "b", "c", "d"].map(RowKey::meta).iter());
        assert!(versions.check(&read("a", 0)).is_err());
        assert!(versions.check(&read("a", 1)).is_ok());
    }
}
