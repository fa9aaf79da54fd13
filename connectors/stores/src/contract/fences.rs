//! Epochs: of readers and of packs.

use tidings_domain::event::Position;
use tidings_domain::store::{AnyStore, Commit, StoreError};

use super::{Subject, assert_refused, shard};

fn at(partition: &str, epoch: u64, offset: u64) -> Position {
    Position { partition: partition.to_owned(), epoch, offset }
}

fn moving(positions: &[Position]) -> Commit {
    Commit { positions: positions.to_vec(), ..Commit::default() }
}

fn under(pack_epoch: u64) -> Commit {
    Commit { pack_epoch: Some(pack_epoch), ..Commit::default() }
}

fn commit(store: &dyn AnyStore, commit: &Commit) {
    store.commit(shard(store), commit).unwrap();
}

fn assert_position(store: &dyn AnyStore, expected: &Position) {
    assert_eq!(store.position(shard(store), &expected.partition).unwrap().as_ref(), Some(expected));
}

/// Point 4: a newer reader has the partition.
pub fn a_lower_epoch_is_fenced(subject: &mut dyn Subject) {
    let store = subject.store();
    assert_eq!(store.position(shard(&*store), "p").unwrap(), None);
    commit(&*store, &moving(&[at("p", 3, 10)]));
    commit(&*store, &moving(&[at("p", 5, 11)]));
    assert_refused(
        &*store,
        moving(&[at("q", 1, 1), at("p", 4, 12)]),
        |error| matches!(error, StoreError::Fenced { partition } if partition == "p"),
    );
    assert_position(&*store, &at("p", 5, 11));
    assert_eq!(store.position(shard(&*store), "q").unwrap(), None, "nothing of a refused commit is there");
}

/// Point 4: neither by a late commit nor by a new reader that starts over.
pub fn positions_never_go_back(subject: &mut dyn Subject) {
    let store = subject.store();
    commit(&*store, &moving(&[at("p", 1, 10), at("q", 1, 1)]));
    commit(&*store, &moving(&[at("p", 1, 7)]));
    assert_position(&*store, &at("p", 1, 10));
    commit(&*store, &moving(&[at("p", 2, 7)]));
    assert_position(&*store, &at("p", 2, 10));
    commit(&*store, &moving(&[at("p", 2, 12), at("p", 2, 11)]));
    assert_position(&*store, &at("p", 2, 12));
    assert_position(&*store, &at("q", 1, 1));
    assert_refused(&*store, moving(&[at("p", 4, 20), at("p", 3, 20)]), |error| {
        matches!(error, StoreError::Fenced { .. })
    });
}

/// Point 5: judged under an older or an unknown pack.
pub fn a_commit_under_another_pack_is_stale(subject: &mut dyn Subject) {
    let store = subject.store();
    commit(&*store, &under(0));
    store.activate(shard(&*store), 7).unwrap();
    for epoch in [0, 6, 8] {
        assert_refused(&*store, under(epoch), |error| matches!(error, StoreError::StalePack { active: 7 }));
    }
    commit(&*store, &under(7));
    commit(&*store, &Commit::default());
}

/// A late activation of an older pack changes nothing.
pub fn pack_epochs_only_grow(subject: &mut dyn Subject) {
    let store = subject.store();
    let last = shard(&*store);
    assert_eq!(store.pack_epoch(last).unwrap(), 0);
    assert_eq!(store.activate(last, 3).unwrap(), 3);
    assert_eq!(store.activate(last, 2).unwrap(), 3);
    assert_eq!(store.activate(last, 3).unwrap(), 3);
    assert_eq!(store.pack_epoch(last).unwrap(), 3);
}

/// Both kinds are as durable as rows.
pub fn epochs_survive_a_restart(subject: &mut dyn Subject) {
    let store = subject.store();
    commit(&*store, &moving(&[at("p", 3, 10), at("a longer name, with ümlauts", u64::MAX, u64::MAX)]));
    store.activate(shard(&*store), u64::MAX).unwrap();
    drop(store);
    subject.restart();
    let store = subject.store();
    assert_position(&*store, &at("p", 3, 10));
    assert_position(&*store, &at("a longer name, with ümlauts", u64::MAX, u64::MAX));
    assert_eq!(store.pack_epoch(shard(&*store)).unwrap(), u64::MAX);
}
