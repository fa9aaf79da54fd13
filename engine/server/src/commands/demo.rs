//! `tidings demo`: a synthetic province and a year of its life events, from event to message.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::ProgressBar;
use serde::Serialize;
use tidings_domain::event::{End, Ignored};
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId, Pseudonymiser};
use tidings_domain::time::Timestamp;
use tidings_models::PackOrder;
use tidings_pipeline::dispatch::Dispatched;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::ingest::{Incoming, Ingested};
use tidings_pipeline::open::Parts;
use tidings_pipeline::plan::Planned;
use tidings_pipeline::remind::Reminded;
use tidings_pipeline::run::{LogOptions, LogRun, Watcher};
use tidings_sources::Partition;
use tidings_sources::ndjson::NdjsonSource;
use tidings_stores::{EmbeddedStore, FileKeyRing, Options, load_master_key};
use tidings_world::{Config as WorldConfig, World};

use crate::cli::DemoArgs;
use crate::commands::load::{LoadReport, LoadRequest, load};
use crate::out::{Grid, Out, Usage, grouped, human};
use crate::{app, clock};

/// The population source of the Viet Nam pack.
const POPULATION: &str = "first-load";

/// Everything that the demonstration measured.
#[derive(Debug, Serialize)]
struct Summary {
    citizens: u32,
    months: u32,
    seed: u64,
    generate_ms: u128,
    load_ms: u128,
    run_ms: u128,
    loaded: u64,
    lines: u64,
    events_per_second: u64,
    ends: BTreeMap<String, u64>,
    answers: BTreeMap<String, u64>,
    decisions: BTreeMap<String, u64>,
    services: BTreeMap<String, u64>,
    deliveries: BTreeMap<String, u64>,
    reminders: BTreeMap<String, u64>,
    event_to_planned_ms: [f64; 3],
    store_bytes: u64,
    peak_memory_bytes: Option<u64>,
}

/// Runs the demonstration.
pub(super) fn run(args: &DemoArgs, out: Out) -> anyhow::Result<ExitCode> {
    let world_config = WorldConfig {
        seed: args.seed,
        citizens: args.citizens,
        months: args.months,
        ..WorldConfig::default()
    };
    world_config.check().map_err(|error| Usage(error.to_string()))?;
    let temporary = tempfile::tempdir()?;
    let folder = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.as_path()
        }
        None => temporary.path(),
    };
    let engine = open(args, folder)?;
    let began = Instant::now();
    let (people, events) = generate(&world_config, folder)?;
    let generated = began.elapsed();
    out.say(format!(
        "A province of {} citizens and {} months of its life events (seed {}), synthetic.",
        grouped(args.citizens.into()),
        args.months,
        args.seed
    ));
    let began = Instant::now();
    let loaded = load_people(&engine, &world_config, people, out)?;
    let loading = began.elapsed();
    let mut source =
        NdjsonSource::open(&events, Partition { name: "demo".to_owned(), epoch: 0 }, Arc::new(clock::wall))?;
    let progress = source.progress();
    let bar = out.progress(progress.total(), "events");
    let mut seen = Seen::new(bar.clone(), progress);
    let began = Instant::now();
    let mut log = LogRun::new(&engine, LogOptions::default())?;
    log.run(&mut source, &mut seen, &AtomicBool::new(false))?;
    let running = began.elapsed();
    bar.finish_and_clear();
    let summary = seen.summary(args, &engine, [generated, loading, running], &loaded)?;
    let example = example(&engine, &seen, log.clock())?;
    out.value(&serde_json::json!({ "summary": summary, "example": example }))?;
    out.say(page(&summary));
    if let Some(example) = example {
        out.say(format!(
            "\nOne citizen's message, with its explanation\n\n{}",
            super::show::explained(&example)
        ));
    }
    if let Some(folder) = &args.keep {
        out.say(format!(
            "\nThe store is kept; look around with: tidings --config {} queue list",
            folder.join("tidings.toml").display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A fresh engine in the folder, over the embedded store.
fn open(args: &DemoArgs, folder: &Path) -> anyhow::Result<Engine> {
    super::init::run(folder, args.pack.as_deref(), Out::new(true).silent())?;
    let pack = args.pack.as_deref().map_or_else(app::built_in_pack, app::load_pack)?;
    let key = load_master_key(folder.join("deployment.key"))?;
    let people =
        Pseudonymiser::new(&key).ok_or_else(|| Usage("the deployment key is too short".to_owned()))?;
    let parts = Parts {
        store: Arc::new(EmbeddedStore::open(folder.join("store"), Options::new(1))?),
        ring: Arc::new(FileKeyRing::open(
            folder.join("keys.ring"),
            &load_master_key(folder.join("master.key"))?,
        )?),
        people,
        model: Arc::new(PackOrder),
        channels: Vec::new(),
        limits: Limits::default(),
    };
    Ok(Engine::open(parts, pack, clock::wall())?.0)
}

fn generate(config: &WorldConfig, folder: &Path) -> anyhow::Result<(std::path::PathBuf, std::path::PathBuf)> {
    let world = World::generate(config);
    let (people, events) = (folder.join("people.csv"), folder.join("events.ndjson"));
    let create = |path| File::create(path).map(BufWriter::new).context("the demo's folder cannot be written");
    world.write_people_csv(create(&people)?)?;
    world.write_events(create(&events)?)?;
    Ok((people, events))
}

fn load_people(
    engine: &Engine,
    config: &WorldConfig,
    file: std::path::PathBuf,
    out: Out,
) -> anyhow::Result<LoadReport> {
    let request = LoadRequest { file, source: POPULATION.to_owned(), as_of: config.start, report: None };
    let bar = out.progress(Some(0), "population");
    let loaded = load(engine, &request, &mut |done, total| {
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    Ok(loaded)
}

/// What the run showed, as it went.
struct Seen {
    bar: ProgressBar,
    progress: Arc<tidings_sources::ndjson::Progress>,
    lines: u64,
    ends: BTreeMap<String, u64>,
    answers: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    rules: BTreeMap<String, u64>,
    deliveries: BTreeMap<String, u64>,
    reminders: BTreeMap<String, u64>,
    read: Instant,
    waiting: HashMap<OpportunityId, Instant>,
    latencies: Vec<Duration>,
    messages: Vec<CitizenId>,
}

impl Seen {
    fn new(bar: ProgressBar, progress: Arc<tidings_sources::ndjson::Progress>) -> Self {
        Self {
            bar,
            progress,
            lines: 0,
            ends: BTreeMap::new(),
            answers: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            rules: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            reminders: BTreeMap::new(),
            read: Instant::now(),
            waiting: HashMap::new(),
            latencies: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.saturating_sub(1)).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    fn summary(
        &self,
        args: &DemoArgs,
        engine: &Engine,
        [generated, loading, running]: [Duration; 3],
        loaded: &LoadReport,
    ) -> anyhow::Result<Summary> {
        let mut services: BTreeMap<String, u64> = BTreeMap::new();
        let active = engine.active();
        for (key, count) in &self.rules {
            let rule =
                active.pack.life_events.iter().flat_map(|one| &one.rules).find(|rule| rule.key == *key);
            if let Some(rule) = rule {
                *services.entry(rule.service.clone()).or_default() += count;
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, rounded down")]
        let events_per_second = (self.lines as f64 / running.as_secs_f64()) as u64;
        Ok(Summary {
            citizens: args.citizens,
            months: args.months,
            seed: args.seed,
            generate_ms: generated.as_millis(),
            load_ms: loading.as_millis(),
            run_ms: running.as_millis(),
            loaded: loaded.committed,
            lines: self.lines,
            events_per_second,
            ends: self.ends.clone(),
            answers: self.answers.clone(),
            decisions: self.outcomes.clone(),
            services,
            deliveries: self.deliveries.clone(),
            reminders: self.reminders.clone(),
            event_to_planned_ms: [0.50, 0.95, 0.99].map(|share| self.percentile(share)),
            store_bytes: engine.store.size()?,
            peak_memory_bytes: peak_memory(),
        })
    }
}

/// The largest resident size of this process so far (Linux: `VmHWM`).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

/// How an end is named in tables.
pub(super) fn end_name(end: &End) -> String {
    match end {
        End::Committed => "committed".to_owned(),
        End::Duplicate => "duplicate".to_owned(),
        End::Ignored(Ignored::UnknownType) => "ignored: unknown type".to_owned(),
        End::Ignored(Ignored::Forgotten) => "ignored: forgotten".to_owned(),
        End::Ignored(Ignored::Watermark) => "ignored: watermark".to_owned(),
        End::DeadLetter(reason) => format!("dead letter: {}", reason.code.code()),
    }
}

impl Watcher for Seen {
    fn read(&mut self, batch: &[Incoming]) {
        self.read = Instant::now();
        self.lines += batch.len() as u64;
        self.bar.set_position(self.progress.read());
    }

    fn ingested(&mut self, _: &[Incoming], report: &Ingested) {
        for end in &report.ends {
            *self.ends.entry(end_name(end)).or_default() += 1;
        }
        self.came_about(report);
        self.waiting.extend(report.opened.iter().map(|(_, opportunity)| (*opportunity, self.read)));
    }

    fn came_about(&mut self, report: &Ingested) {
        for ((_, answer), count) in &report.tally.answers {
            *self.answers.entry((*answer).to_owned()).or_default() += count;
        }
    }

    fn planned(&mut self, _: Timestamp, report: &Planned) {
        for ((rule, code), count) in &report.outcomes {
            *self.outcomes.entry((*code).to_owned()).or_default() += count;
            if *code == "planned" {
                *self.rules.entry(rule.clone()).or_default() += count;
            }
        }
        for (citizen, _, tells) in &report.notifications {
            self.messages.push(*citizen);
            let known = tells.iter().filter_map(|opportunity| self.waiting.remove(opportunity));
            self.latencies.extend(known.map(|read| read.elapsed()));
        }
    }

    fn reminded(&mut self, report: &Reminded) {
        for ((_, end), count) in &report.ends {
            *self.reminders.entry((*end).to_owned()).or_default() += count;
        }
    }

    fn dispatched(&mut self, report: &Dispatched) {
        for ((channel, end), count) in &report.ends {
            *self.deliveries.entry(format!("{channel}: {end}")).or_default() += count;
        }
    }
}

fn page(summary: &Summary) -> String {
    let table = |title: &str, rows: &BTreeMap<String, u64>| {
        let mut grid = Grid::new(title);
        for (name, count) in rows {
            grid.row([grouped(*count), name.clone()]);
        }
        grid.to_string()
    };
    let ms = |millis: u128| human(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)));
    let [p50, p95, p99] = summary.event_to_planned_ms;
    let mut speed = Grid::new("Speed, in real time");
    speed.row([ms(summary.generate_ms), "to generate the province".to_owned()]);
    speed.row([ms(summary.load_ms), format!("to load {} citizens", grouped(summary.loaded))]);
    speed.row([ms(summary.run_ms), format!("for {} events, to the inbox", grouped(summary.lines))]);
    speed.row([
        grouped(summary.events_per_second),
        "events a second, durable, sealed, planned and delivered".to_owned(),
    ]);
    speed.row([format!("{p50:.0} ms"), "event to planned, p50".to_owned()]);
    speed.row([format!("{p95:.0} ms"), "p95".to_owned()]);
    speed.row([format!("{p99:.0} ms"), "p99".to_owned()]);
    speed.row([format!("{} MB", summary.store_bytes / 1_000_000), "in the store".to_owned()]);
    if let Some(peak) = summary.peak_memory_bytes {
        speed.row([format!("{} MB", peak / 1_000_000), "peak memory".to_owned()]);
    }
    [
        table("Events by end", &summary.ends),
        table("Answers of rules (asked again whenever a fact changes)", &summary.answers),
        table("Decisions by reason", &summary.decisions),
        table("Notifications by service", &summary.services),
        table("Deliveries", &summary.deliveries),
        table("Reminders", &summary.reminders),
        speed.to_string(),
    ]
    .join("\n")
}

/// One message with its explanation: of the occurrence, among the latest told, that most rules were considered
/// for.
fn example(engine: &Engine, seen: &Seen, now: Timestamp) -> anyhow::Result<Option<serde_json::Value>> {
    const LOOKED_AT: usize = 500;
    let mut best: Option<(usize, CitizenId, OccurrenceId)> = None;
    for citizen in seen.messages.iter().rev().take(LOOKED_AT) {
        for one in engine.explain(*citizen, None, now)?.decisions {
            let told = one.rules.iter().filter(|rule| rule.state.starts_with("told")).count();
            let weight = if told > 0 { told + one.rules.len() } else { 0 };
            let id = one.decision.split_once('-').and_then(|(_, id)| OccurrenceId::parse(id));
            if let Some(id) = id.filter(|_| weight > best.map_or(0, |(most, ..)| most)) {
                best = Some((weight, *citizen, id));
            }
        }
    }
    let Some((_, citizen, occurrence)) = best else { return Ok(None) };
    let mut explanation = engine.explain(citizen, Some(occurrence), now)?;
    let first = explanation.messages.pop();
    explanation.messages = first.into_iter().collect();
    Ok(Some(serde_json::to_value(&explanation)?))
}
