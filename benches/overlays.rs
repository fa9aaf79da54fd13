//! What the rules of places cost: the same year of the same province with a hundred rules of communes and with ten
//! thousand. An event should meet those of its own commune alone. `BENCH_CITIZENS` is the size of the province.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tidings_benches::{BATCH, Result, arrivals, engine_with, load_people, median, size, timed};
use tidings_pipeline::run::{COMMITS_AT_ONCE, decode_all};
use tidings_rules::Pack;
use tidings_world::{Config, World};

/// Rules of one commune: one for each of these life events, with a field that its events always have.
const LIFE_EVENTS: [(&str, &str); 3] = [
    ("birth", "event.birth_certificate IS NOT NULL"),
    ("residence-change", "event.registration IS NOT NULL"),
    ("job-loss", "event.contract IS NOT NULL"),
];

/// One commune's overlay.
fn overlay(commune: &str) -> String {
    let mut text = format!(
        "overlay: commune-{commune}\ntitle: {{vi: \"Xã\", en: \"Commune\"}}\nowner: {{vi: \"Xã\", en: \"Commune\"}}\n\
         where: {{fact: commune, is: [\"{commune}\"]}}\nrules:\n"
    );
    for (life_event, when) in LIFE_EVENTS {
        _ = write!(
            text,
            "  {life_event}:\n    - key: local-{life_event}-{commune}\n      service: dinh-danh-muc-2\n      class: suggestion\n      \
             level: 1\n      to: [subject]\n      when: {when}\n      basis: [{{law: \"Nghị quyết\", article: \"Điều 1\"}}]\n      \
             in_force: {{from: \"2020-01-01\"}}\n      backfill: none\n      say:\n        vi: {{what: \"Việc.\"}}\n        \
             en: {{what: \"What.\"}}\n      cases:\n        - {{name: never, on: \"2026-01-01\", expect: \"no\"}}\n        - \
             {{name: nowhere, on: \"2026-01-01\", citizen: {{commune: \"x\"}}, expect: \"no\"}}\n"
        );
    }
    text
}

/// The national pack with so many rules of communes, the province's own communes first.
fn pack(communes: &[String], rules: usize) -> Result<(Pack, Duration)> {
    let mut files: BTreeMap<String, String> = tidings_rules::packs::viet_nam();
    for commune in communes.iter().take(rules.div_ceil(LIFE_EVENTS.len())) {
        files.insert(format!("overlays/{commune}.yaml"), overlay(commune));
    }
    let began = Instant::now();
    let pack = Pack::from_files(files).map_err(|found| format!("{:?}", found.first()))?;
    Ok((pack, began.elapsed()))
}

fn measure(world: &World, pack: Pack) -> Result<(u64, Duration)> {
    let folder = tempfile::tempdir()?;
    let engine = engine_with(folder.path(), pack)?;
    load_people(&engine, world)?;
    let mut lines = world.lines();
    let (mut events, mut took) = (0_u64, Duration::ZERO);
    loop {
        let batch: Vec<String> = lines.by_ref().take(BATCH * COMMITS_AT_ONCE).collect();
        if batch.is_empty() {
            return Ok((events, took));
        }
        let count = batch.len() as u64;
        took += timed(|| Ok(engine.ingest(&decode_all(&engine, arrivals(events, &batch)))?))?.1;
        events += count;
    }
}

fn main() -> Result<()> {
    let citizens = u32::try_from(size("BENCH_CITIZENS", 20_000))?;
    let runs = size("BENCH_RUNS", 3);
    let world = World::generate(&Config { citizens, ..Config::default() });
    let own: BTreeSet<String> = world.people().map(|person| person.commune.clone()).collect();
    let others = (0..).map(|number| format!("9{number:05}")).filter(|code| !own.contains(code));
    let communes: Vec<String> = own.iter().cloned().chain(others.take(4_000)).collect();
    println!("{citizens} citizens in {} communes", own.len());
    println!("{:>8} {:>10} {:>14} {:>7} {:>12}", "rules", "events", "per event", "ratio", "pack loads");
    let sizes = [0, 100, 1_000, 10_000];
    let mut took: Vec<Vec<Duration>> = sizes.iter().map(|_| Vec::new()).collect();
    let (mut events, mut loads) = (0, [Duration::ZERO; 4]);
    for _ in 0..runs {
        for (place, rules) in sizes.iter().enumerate() {
            let (pack, load) = pack(&communes, *rules)?;
            let (count, spent) = measure(&world, pack)?;
            took[place].push(spent);
            (events, loads[place]) = (count, load);
        }
    }
    let each: Vec<f64> =
        took.into_iter().map(|runs| median(runs).as_secs_f64() * 1e6 / events as f64).collect();
    for ((rules, micros), load) in sizes.iter().zip(&each).zip(loads) {
        println!(
            "{rules:>8} {events:>10} {micros:>11.1} µs {:>7.2} {:>9} ms",
            micros / each[1],
            load.as_millis()
        );
    }
    Ok(())
}
