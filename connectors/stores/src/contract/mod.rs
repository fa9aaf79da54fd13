//! The contracts of the seams as test suites, to be run over every store and every key ring. A crate with a store
//! of its own turns on the feature `contract`, implements [`Subject`] and writes
//!
//! ```ignore
//! tidings_stores::store_contract!(redis, RedisSubject::new());
//! ```
//!
//! which makes a module `redis` with one `#[test]` for each point.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test suite: it fails by panicking"
)]
#![allow(clippy::print_stdout, reason = "a test suite: seeds are printed for whoever must repeat a failure")]

pub mod commits;
pub mod fences;
pub mod keyrings;
pub mod leases;
pub mod model;
pub mod races;
pub mod scans;

use std::sync::Arc;

use tidings_domain::store::{AnyStore, Commit, Row, RowKey, Shard, StoreError, Table};

/// A store under test.
pub trait Subject {
    /// The store; empty at first.
    fn store(&self) -> Arc<dyn AnyStore>;

    /// Ends the process that has it, and begins another on the same data. No handle from before is used afterwards.
    fn restart(&mut self);
}

/// A seed for one run of a randomised test: from `TIDINGS_SEED` if set. Printed.
pub fn seed(test: &str) -> u64 {
    #[allow(clippy::disallowed_methods, reason = "lets whoever repeats a failure give its seed")]
    let given = std::env::var("TIDINGS_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("{test}: TIDINGS_SEED={seed}");
    seed
}

/// The shard that single-shard points use: the last one.
pub(crate) fn shard(store: &dyn AnyStore) -> Shard {
    Shard(store.shards() - 1)
}

pub(crate) fn row(table: Table, key: &str) -> RowKey {
    RowKey { table, key: key.as_bytes().to_vec() }
}

/// Writes without a condition.
pub(crate) fn put(store: &dyn AnyStore, key: &RowKey, bytes: &str) {
    let commit = Commit { writes: vec![(key.clone(), Some(bytes.as_bytes().to_vec()))], ..Commit::default() };
    store.commit(shard(store), &commit).unwrap();
}

pub(crate) fn delete(store: &dyn AnyStore, key: &RowKey) {
    store.commit(shard(store), &Commit { writes: vec![(key.clone(), None)], ..Commit::default() }).unwrap();
}

pub(crate) fn read(store: &dyn AnyStore, key: &RowKey) -> Row {
    store.read(shard(store), std::slice::from_ref(key)).unwrap().remove(0)
}

/// What a row says.
pub(crate) fn text(store: &dyn AnyStore, key: &RowKey) -> Option<String> {
    read(store, key).bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Asserts that a commit fails as named and leaves nothing behind.
pub(crate) fn assert_refused(store: &dyn AnyStore, mut commit: Commit, expected: fn(&StoreError) -> bool) {
    let trace = row(Table::Meta, "trace of a refused commit");
    commit.writes.push((trace.clone(), Some(b"applied".to_vec())));
    let error = store.commit(shard(store), &commit).unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert_eq!(text(store, &trace), None, "a refused commit wrote");
}

pub(crate) fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict)
}

pub(crate) fn is_lease_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::LeaseLost)
}

/// Makes the tests of the store contract for one kind of store.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $subject:expr) => {
        $crate::contract_points!($name, $subject;
            commits::a_commit_is_read_back,
            commits::the_last_write_of_a_key_wins,
            commits::what_is_committed_survives_a_restart,
            commits::a_write_after_the_read_is_a_conflict,
            commits::an_insert_after_reading_nothing_is_a_conflict,
            commits::a_deletion_after_the_read_is_a_conflict,
            commits::other_rows_do_not_conflict,
            commits::one_outdated_read_stops_the_whole_commit,
            commits::shards_are_apart,
            commits::an_unknown_shard_and_an_overlong_key_are_refused,
            commits::compaction_keeps_what_stands,
            leases::tasks_are_leased_in_order_of_due_time_up_to_the_limit,
            leases::queues_are_apart,
            leases::a_held_task_is_not_given_again,
            leases::an_expired_lease_is_lost_and_its_task_given_again,
            leases::an_expired_lease_is_lost_even_if_nobody_took_it,
            leases::a_commit_releases_its_leases,
            leases::a_refused_commit_keeps_its_leases,
            leases::leases_expire_after_a_refused_commit,
            leases::a_lease_counts_once,
            leases::a_task_that_comes_earlier_is_found,
            leases::a_token_is_good_for_its_own_task,
            leases::a_restart_ends_leases,
            fences::a_lower_epoch_is_fenced,
            fences::positions_never_go_back,
            fences::a_commit_under_another_pack_is_stale,
            fences::pack_epochs_only_grow,
            fences::epochs_survive_a_restart,
            scans::a_scan_goes_in_key_order,
            scans::a_scan_keeps_to_its_prefix_and_goes_on_after_a_key,
            scans::a_scan_sees_nothing_of_the_stores_own,
            scans::empty_keys_and_bytes_are_rows,
            races::concurrent_changes_of_one_row_are_all_counted,
            races::a_reading_is_of_one_moment,
            races::no_task_is_held_twice,
            model::random_operations_agree_with_a_trivial_model,
        );
    };
}

/// Makes the tests of the key ring contract for one kind of key ring.
#[macro_export]
macro_rules! key_ring_contract {
    ($name:ident, $subject:expr) => {
        $crate::contract_points!($name, $subject;
            keyrings::a_created_key_opens,
            keyrings::keys_and_slots_are_all_different,
            keyrings::a_synced_key_survives_a_restart,
            keyrings::a_destroyed_key_never_opens_again,
            keyrings::destroying_leaves_the_neighbours,
            keyrings::an_unsynced_key_can_be_destroyed,
            keyrings::an_unknown_slot_does_not_open,
            keyrings::slots_of_destroyed_keys_are_not_used_again,
        );
    };
}

/// One `#[test]` for each point.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_points {
    ($name:ident, $subject:expr; $($group:ident::$point:ident),* $(,)?) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $point() {
                    $crate::contract::$group::$point(&mut $subject);
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tidings_domain::keys::KeyRing;
    use zeroize::Zeroizing;

    use super::keyrings::RingSubject;
    use super::*;
    use crate::{EmbeddedStore, FileKeyRing, MemoryKeyRing, MemoryStore, Options};

    struct Memory(Arc<MemoryStore>);

    impl Memory {
        fn new(shards: u16) -> Self {
            Self(Arc::new(MemoryStore::new(shards)))
        }
    }

    impl Subject for Memory {
        fn store(&self) -> Arc<dyn AnyStore> {
            self.0.clone()
        }

        fn restart(&mut self) {
            self.0.restart();
        }
    }

    struct Embedded {
        dir: TempDir,
        options: Options,
        store: Option<Arc<EmbeddedStore>>,
    }

    impl Embedded {
        fn new(options: Options) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let store = Some(Arc::new(EmbeddedStore::open(dir.path(), options).unwrap()));
            Self { dir, options, store }
        }
    }

    impl Subject for Embedded {
        fn store(&self) -> Arc<dyn AnyStore> {
            self.store.clone().unwrap()
        }

        fn restart(&mut self) {
            drop(self.store.take());
            self.store = Some(Arc::new(EmbeddedStore::open(self.dir.path(), self.options).unwrap()));
        }
    }

    crate::store_contract!(memory_with_one_shard, Memory::new(1));
    crate::store_contract!(memory_with_eight_shards, Memory::new(8));
    crate::store_contract!(embedded_with_one_shard, Embedded::new(Options::new(1)));
    crate::store_contract!(embedded_with_eight_shards, Embedded::new(Options::new(8)));
    // So small that tables are written all the time.
    crate::store_contract!(
        embedded_with_small_memtables,
        Embedded::new(Options { memtable_bytes: 2048, ..Options::new(2) })
    );

    struct MemoryRing(Arc<MemoryKeyRing>);

    impl RingSubject for MemoryRing {
        fn ring(&self) -> Arc<dyn KeyRing> {
            self.0.clone()
        }

        fn restart(&mut self) {}
    }

    struct FileRing {
        dir: TempDir,
        ring: Option<Arc<FileKeyRing>>,
    }

    impl FileRing {
        fn new() -> Self {
            let mut subject = Self { dir: tempfile::tempdir().unwrap(), ring: None };
            subject.restart();
            subject
        }
    }

    impl RingSubject for FileRing {
        fn ring(&self) -> Arc<dyn KeyRing> {
            self.ring.clone().unwrap()
        }

        fn restart(&mut self) {
            drop(self.ring.take());
            let master_key = Zeroizing::new(vec![1; 32]);
            self.ring = Some(Arc::new(FileKeyRing::open(self.dir.path().join("keys"), &master_key).unwrap()));
        }
    }

    crate::key_ring_contract!(memory_key_ring, MemoryRing(Arc::default()));
    crate::key_ring_contract!(file_key_ring, FileRing::new());
}
