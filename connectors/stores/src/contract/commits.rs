//! Rows, versions and shards.

use tidings_domain::store::{AnyStore, Commit, RowKey, Shard, StoreError, Table, Version};

use super::{Subject, assert_refused, delete, is_conflict, put, read, row, shard, text};

fn reading(reads: Vec<(RowKey, Version)>) -> Commit {
    Commit { reads, ..Commit::default() }
}

/// A row as it stands now, for a later commit.
fn seen(store: &dyn AnyStore, key: &RowKey) -> (RowKey, Version) {
    (key.clone(), read(store, key).version)
}

/// Rows of any table are read back, in the order asked, absent ones as nothing.
pub fn a_commit_is_read_back(subject: &mut dyn Subject) {
    let store = subject.store();
    let keys: Vec<_> = Table::ALL.iter().map(|table| row(*table, "key")).collect();
    let writes = keys.iter().map(|key| (key.clone(), Some(vec![key.table as u8; 3]))).collect();
    store.commit(shard(&*store), &Commit { writes, ..Commit::default() }).unwrap();
    let mut asked = keys.clone();
    asked.push(row(Table::Meta, "absent"));
    asked.reverse();
    let rows = store.read(shard(&*store), &asked).unwrap();
    assert_eq!(rows[0].bytes, None);
    for (key, found) in asked.iter().zip(&rows).skip(1) {
        assert_eq!(found.bytes, Some(vec![key.table as u8; 3]));
    }
    delete(&*store, &keys[3]);
    assert_eq!(text(&*store, &keys[3]), None);
    assert!(text(&*store, &keys[4]).is_some());
}

/// A key that stands twice in a commit has its last value.
pub fn the_last_write_of_a_key_wins(subject: &mut dyn Subject) {
    let store = subject.store();
    let [a, b] = ["a", "b"].map(|key| row(Table::Citizen, key));
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let writes =
        vec![(a.clone(), bytes("1")), (b.clone(), bytes("1")), (a.clone(), bytes("2")), (b.clone(), None)];
    store.commit(shard(&*store), &Commit { writes, ..Commit::default() }).unwrap();
    assert_eq!(text(&*store, &a).as_deref(), Some("2"));
    assert_eq!(text(&*store, &b), None);
}

/// Durable when `commit` returns.
pub fn what_is_committed_survives_a_restart(subject: &mut dyn Subject) {
    let keys: Vec<_> = (0..100).map(|number| row(Table::Event, &format!("{number:03}"))).collect();
    for key in &keys {
        put(&*subject.store(), key, "kept");
    }
    delete(&*subject.store(), &keys[50]);
    subject.restart();
    let store = subject.store();
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(text(&*store, key).is_some(), number != 50, "row {number}");
    }
}

/// Point 2: a change after the read.
pub fn a_write_after_the_read_is_a_conflict(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = row(Table::Citizen, "a");
    put(&*store, &key, "1");
    let before = seen(&*store, &key);
    put(&*store, &key, "2");
    assert_refused(&*store, reading(vec![before]), is_conflict);
    store.commit(shard(&*store), &reading(vec![seen(&*store, &key)])).unwrap();
}

/// Point 2: what was not there is there.
pub fn an_insert_after_reading_nothing_is_a_conflict(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = row(Table::Forgotten, "a");
    let before = seen(&*store, &key);
    store.commit(shard(&*store), &reading(vec![before.clone()])).unwrap();
    put(&*store, &key, "1");
    assert_refused(&*store, reading(vec![before]), is_conflict);
}

/// Point 2: what was there is gone.
pub fn a_deletion_after_the_read_is_a_conflict(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = row(Table::Citizen, "a");
    put(&*store, &key, "1");
    let before = seen(&*store, &key);
    delete(&*store, &key);
    assert_refused(&*store, reading(vec![before]), is_conflict);
}

/// Optimism pays: only the rows read count.
pub fn other_rows_do_not_conflict(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = row(Table::Citizen, "a");
    let before = seen(&*store, &key);
    for number in 0..100 {
        put(&*store, &row(Table::Citizen, &format!("other {number}")), "1");
        put(&*store, &row(Table::Event, "a"), "1");
    }
    store.commit(shard(&*store), &reading(vec![before])).unwrap();
}

/// Point 2: nothing of the commit is there.
pub fn one_outdated_read_stops_the_whole_commit(subject: &mut dyn Subject) {
    let store = subject.store();
    let keys: Vec<_> = (0..5).map(|number| row(Table::Citizen, &number.to_string())).collect();
    let reads: Vec<_> = keys.iter().map(|key| seen(&*store, key)).collect();
    put(&*store, &keys[4], "changed");
    assert_refused(&*store, reading(reads), is_conflict);
}

/// A row is in the shard it was written to, and versions are counted by shard.
pub fn shards_are_apart(subject: &mut dyn Subject) {
    let store = subject.store();
    let key = row(Table::Citizen, "a");
    let (last, others) = (shard(&*store), 0..shard(&*store).0);
    let before: Vec<_> =
        others.clone().map(|other| store.read(Shard(other), std::slice::from_ref(&key)).unwrap()).collect();
    put(&*store, &key, "1");
    for (other, before) in others.zip(before) {
        assert_eq!(store.read(Shard(other), std::slice::from_ref(&key)).unwrap()[0].bytes, None);
        store.commit(Shard(other), &reading(vec![(key.clone(), before[0].version)])).unwrap();
    }
    assert_eq!(store.read(last, &[key]).unwrap()[0].bytes.as_deref(), Some(b"1".as_slice()));
}

/// A mistake of the caller is an error, never a panic.
pub fn an_unknown_shard_and_an_overlong_key_are_refused(subject: &mut dyn Subject) {
    let store = subject.store();
    let beyond = Shard(store.shards());
    assert!(matches!(store.read(beyond, &[]), Err(StoreError::Corrupt(_))));
    assert!(matches!(store.commit(beyond, &Commit::default()), Err(StoreError::Corrupt(_))));
    let long = row(Table::Meta, &"x".repeat(70_000));
    let writing = Commit { writes: vec![(long, None)], ..Commit::default() };
    assert_refused(&*store, writing, |error| matches!(error, StoreError::Corrupt(_)));
}

/// Compaction loses nothing that stands, and brings nothing back.
pub fn compaction_keeps_what_stands(subject: &mut dyn Subject) {
    let store = subject.store();
    let keys: Vec<_> = (0..200).map(|number| row(Table::Event, &format!("{number:03}"))).collect();
    for (number, key) in keys.iter().enumerate() {
        put(&*store, key, "old");
        if number % 2 == 0 {
            put(&*store, key, "new");
        }
        if number % 3 == 0 {
            delete(&*store, key);
        }
    }
    let says = |number: usize| match number {
        number if number % 3 == 0 => None,
        number if number % 2 == 0 => Some("new"),
        _ => Some("old"),
    };
    store.compact().unwrap();
    drop(store);
    for _ in 0..2 {
        let store = subject.store();
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(text(&*store, key).as_deref(), says(number), "row {number}");
        }
        drop(store);
        subject.restart();
    }
}
