//! temporary
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "ad hoc")]
use fjall::config::CompressionPolicy;
use fjall::{CompressionType, Database, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use rand::RngExt;
use std::time::Instant;
use tidings_domain::store::*;
use tidings_stores::{EmbeddedStore, Options};

fn rows(n: usize) -> Vec<(u8, [u8; 32], Vec<u8>)> {
    let mut r = rand::rng();
    (0..n)
        .map(|_| {
            let mut v = vec![0; 700];
            r.fill(v.as_mut_slice());
            let mut k = [0; 32];
            r.fill(k.as_mut_slice());
            (r.random_range(1..8), k, v)
        })
        .collect()
}
fn raw(name: &str, dir: &str, many: bool, lz4: bool, mode: PersistMode, batches: usize, mem: u64) {
    let _ = std::fs::remove_dir_all(dir);
    let db = Database::builder(dir)
        .cache_size(64 << 20)
        .worker_threads(2)
        .manual_journal_persist(true)
        .journal_compression(if lz4 { CompressionType::Lz4 } else { CompressionType::None })
        .open()
        .unwrap();
    let comp = if lz4 { CompressionType::Lz4 } else { CompressionType::None };
    let ks: Vec<_> = (0..if many { 8 } else { 1 })
        .map(|i| {
            db.keyspace(&format!("k{i}"), || {
                KeyspaceCreateOptions::default()
                    .max_memtable_size(mem)
                    .data_block_compression_policy(CompressionPolicy::all(comp))
            })
            .unwrap()
        })
        .collect();
    let mut spent = 0.0;
    let mut worst: f64 = 0.0;
    for _ in 0..batches {
        let rows = rows(2000);
        let t = Instant::now();
        let mut b = OwnedWriteBatch::with_capacity(db.clone(), 2001).durability(Some(mode));
        for (table, k, v) in rows {
            if many {
                b.insert(&ks[table as usize], &k[..], v)
            } else {
                let mut key = vec![0, 0, table];
                key.extend(k);
                b.insert(&ks[0], key, v)
            }
        }
        b.commit().unwrap();
        let s = t.elapsed().as_secs_f64();
        spent += s;
        worst = worst.max(s);
    }
    println!("{name}: {:.0} rows/s, worst batch {:.0} ms", batches as f64 * 2000.0 / spent, worst * 1e3);
}
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let d = "/tmp/measure";
    raw("one keyspace, none, data", d, false, false, PersistMode::SyncData, n, 32 << 20);
    raw("one keyspace, none, all ", d, false, false, PersistMode::SyncAll, n, 32 << 20);
    raw("one keyspace, lz4, data ", d, false, true, PersistMode::SyncData, n, 32 << 20);
    raw("8 keyspaces, none, data ", d, true, false, PersistMode::SyncData, n, 32 << 20);
    raw("8 keyspaces, none, 8M   ", d, true, false, PersistMode::SyncData, n, 8 << 20);
    raw("one keyspace, none, 64M ", d, false, false, PersistMode::SyncData, n, 64 << 20);
    raw("one keyspace, none, buf ", d, false, false, PersistMode::Buffer, n, 32 << 20);
    let _ = std::fs::remove_dir_all(d);
    let store = EmbeddedStore::open(d, Options::new(1)).unwrap();
    let (mut spent, mut worst) = (0.0, 0.0_f64);
    let mut keys = vec![];
    for _ in 0..n {
        let writes: Vec<_> = rows(2000)
            .into_iter()
            .map(|(t, k, v)| (RowKey { table: Table::ALL[t as usize], key: k.to_vec() }, Some(v)))
            .collect();
        let t = Instant::now();
        let read_keys: Vec<_> = writes.iter().map(|w| w.0.clone()).collect();
        let c = Commit { writes, ..Commit::default() };
        store.commit(Shard(0), &c).unwrap();
        let s = t.elapsed().as_secs_f64();
        spent += s;
        worst = worst.max(s);
        keys.push(read_keys[0].clone());
    }
    println!("EmbeddedStore: {:.0} rows/s, worst batch {:.0} ms", n as f64 * 2000.0 / spent, worst * 1e3);
    let t = Instant::now();
    let c = keys.len();
    for k in &keys {
        assert!(store.read(Shard(0), std::slice::from_ref(k)).unwrap()[0].bytes.is_some());
    }
    println!("point reads: {:.1} us each", t.elapsed().as_secs_f64() * 1e6 / c as f64);
    let absent: Vec<_> = rows(2000)
        .into_iter()
        .map(|(t, k, _)| RowKey { table: Table::ALL[t as usize], key: k.to_vec() })
        .collect();
    let t = Instant::now();
    store.read(Shard(0), &absent).unwrap();
    println!("2000 absent rows in one read: {:.1} us each", t.elapsed().as_secs_f64() * 1e6 / 2000.0);
    let t = Instant::now();
    let one = Commit { writes: vec![(RowKey::meta("x"), Some(vec![1; 700]))], ..Commit::default() };
    for _ in 0..200 {
        store.commit(Shard(0), &one).unwrap();
    }
    println!("one-row commit: {:.2} ms", t.elapsed().as_secs_f64() * 1e3 / 200.0);
    println!("size {} MB of {} MB", store.size().unwrap() >> 20, n * 2000 * 735 >> 20);
    let t = Instant::now();
    store.compact().unwrap();
    println!("compact {:.1} s", t.elapsed().as_secs_f64());
    println!("size {} MB; rss:", store.size().unwrap() >> 20);
    for l in std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS"))
    {
        println!("{l}");
    }
    drop(store);
    let t = Instant::now();
    let _s = EmbeddedStore::open(d, Options::new(1)).unwrap();
    println!("open {:.2} s", t.elapsed().as_secs_f64());
}
