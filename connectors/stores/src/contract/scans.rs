//! Reading for screens.

use tidings_domain::event::Position;
use tidings_domain::store::{AnyStore, Commit, Range, RowKey, Shard, Table};

use super::{Subject, put, row, shard, text};

fn keys(store: &dyn AnyStore, table: Table, range: Range<'_>, limit: usize) -> Vec<String> {
    let rows = store.scan(shard(store), table, range, limit).unwrap();
    rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

fn fill(store: &dyn AnyStore, names: &[&str]) {
    for name in names {
        put(store, &row(Table::Decision, name), name);
    }
}

/// In the order of the keys' bytes, up to the limit, with their bytes.
pub fn a_scan_goes_in_key_order(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(&*store, &["b", "a", "ab", "\u{7f}", "B"]);
    let all = Range::default();
    assert_eq!(keys(&*store, Table::Decision, all, 9), ["B", "a", "ab", "b", "\u{7f}"]);
    assert_eq!(keys(&*store, Table::Decision, all, 2), ["B", "a"]);
    assert_eq!(keys(&*store, Table::Decision, all, 0), [""; 0]);
    let rows = store.scan(shard(&*store), Table::Decision, all, 1).unwrap();
    assert_eq!(rows, [(b"B".to_vec(), b"B".to_vec())]);
}

/// The next page begins after the last key of this one.
pub fn a_scan_keeps_to_its_prefix_and_goes_on_after_a_key(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(&*store, &["a", "b", "b1", "b10", "b2", "c"]);
    let range = |prefix: &'static str, after: Option<&'static str>| Range {
        prefix: prefix.as_bytes(),
        after: after.map(str::as_bytes),
    };
    assert_eq!(keys(&*store, Table::Decision, range("b", None), 9), ["b", "b1", "b10", "b2"]);
    assert_eq!(keys(&*store, Table::Decision, range("b", Some("b1")), 9), ["b10", "b2"]);
    assert_eq!(keys(&*store, Table::Decision, range("b", Some("a")), 1), ["b"]);
    assert_eq!(keys(&*store, Table::Decision, range("b", Some("c")), 9), [""; 0]);
    assert_eq!(keys(&*store, Table::Decision, range("", Some("b11")), 9), ["b2", "c"]);
}

/// Positions and epochs are no rows; tables and shards do not run into each other.
pub fn a_scan_sees_nothing_of_the_stores_own(subject: &mut dyn Subject) {
    let store = subject.store();
    for number in 0..store.shards() {
        let position = Position { partition: "p".to_owned(), epoch: 1, offset: 1 };
        let commit = Commit { positions: vec![position], ..Commit::default() };
        store.commit(Shard(number), &commit).unwrap();
        store.activate(Shard(number), 5).unwrap();
    }
    for table in [Table::Event, Table::Meta] {
        put(&*store, &RowKey { table, key: vec![0xff; 40] }, "x");
    }
    for number in 0..store.shards() {
        for table in Table::ALL {
            let rows = store.scan(Shard(number), table, Range::default(), 9).unwrap();
            let expected = Shard(number) == shard(&*store) && [Table::Event, Table::Meta].contains(&table);
            assert_eq!(rows.len(), usize::from(expected), "{table:?} in shard {number}");
        }
    }
}

/// Nothing is not the same as no row.
pub fn empty_keys_and_bytes_are_rows(subject: &mut dyn Subject) {
    let store = subject.store();
    fill(&*store, &["", "a"]);
    assert_eq!(text(&*store, &row(Table::Decision, "")).as_deref(), Some(""));
    assert_eq!(keys(&*store, Table::Decision, Range::default(), 9), ["", "a"]);
}
