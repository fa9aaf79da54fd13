//! `tidings run`: the engine at work.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tidings_domain::event::limits::EVENT_BYTES;
use tidings_domain::ids::TaskId;
use tidings_pipeline::dispatch::Dispatched;
use tidings_pipeline::engine::Engine;
use tidings_pipeline::ingest::{Incoming, Ingested};
use tidings_pipeline::plan::Planned;
use tidings_pipeline::remind::Reminded;
use tidings_pipeline::run::{LogOptions, LogRun, Watcher};
use tidings_sources::http::{self, Clocks, Intake, Settings};
use tidings_sources::ndjson::NdjsonSource;
use tidings_sources::{Clock, Partition};

use crate::cli::{ClockArg, RunArgs};
use crate::clock::LeaseClock;
use crate::config::{BusinessClock, Config};
use crate::control::Control;
use crate::live::{Loops, Stop};
use crate::metrics::{self, Metrics};
use crate::out::{Out, Refused, Usage, exit, grouped};
use crate::{app, clock};

/// How long a shutdown waits for requests in flight.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until the events end, or until a signal.
pub(super) fn run(config: &Config, args: &RunArgs, out: Out) -> anyhow::Result<ExitCode> {
    if args.events.is_none() && config.http.is_none() {
        return Err(Usage(
            "say where events come from: --events FILE, or http.listen in the configuration".to_owned(),
        )
        .into());
    }
    let clock = clock_of(config, args)?;
    let (engine, activation) = app::open(config, clock::wall())?;
    let engine = Arc::new(engine);
    if activation.changed {
        let pack = &engine.active().pack;
        tracing::info!(
            pack = pack.name,
            version = pack.version,
            new_rules = activation.new_rules.len(),
            "pack put in force"
        );
    }
    if activation.sweep {
        let bar = out.progress(None, "looking back");
        engine.sweep(|done| bar.set_position(done))?;
        bar.finish_and_clear();
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let control = Control::serve(&config.socket, Arc::clone(&engine), Arc::clone(&stopped))?;
    let result = match (&args.events, clock) {
        (Some(events), ClockArg::Events) => on_events_clock(&engine, config, events, out),
        (events, _) => on_wall_clock(&engine, config, events.as_deref(), out),
    };
    stopped.store(true, Ordering::Relaxed);
    drop(control);
    result
}

/// Which clock business time follows: as the command line says, else the configuration; else a log alone goes by
/// its own events, and everything else by the machine's.
fn clock_of(config: &Config, args: &RunArgs) -> anyhow::Result<ClockArg> {
    let configured = config.clock.map(|clock| match clock {
        BusinessClock::Wall => ClockArg::Wall,
        BusinessClock::Events => ClockArg::Events,
    });
    let log_alone = args.events.is_some() && config.http.is_none();
    let clock =
        args.clock.or(configured).unwrap_or(if log_alone { ClockArg::Events } else { ClockArg::Wall });
    match clock {
        ClockArg::Events if args.events.is_none() => {
            let message = "the clock of events needs a log: --events FILE, or clock = \"wall\"";
            Err(Usage(message.to_owned()).into())
        }
        ClockArg::Events if config.http.is_some() => {
            let message =
                "a run on the clock of a log takes nothing over HTTP: leave http.listen out, or --clock wall";
            Err(Usage(message.to_owned()).into())
        }
        clock => Ok(clock),
    }
}

/// The partition of a file: the digest of its first line, so that a file keeps its place when it grows or is
/// renamed, and another file of the same name is another.
fn partition_of(path: &Path) -> anyhow::Result<Partition> {
    let mut first = Vec::new();
    let file = File::open(path).context("the events cannot be read")?;
    BufReader::new(file.take(EVENT_BYTES as u64)).read_until(b'\n', &mut first)?;
    let id = TaskId::of("file", &[&first]);
    Ok(Partition { name: format!("file-{id}"), epoch: 0 })
}

/// A file or stdin as a source, going on after what an earlier run applied.
fn open_events(engine: &Engine, path: &Path) -> anyhow::Result<NdjsonSource> {
    let clock: Clock = Arc::new(clock::wall);
    if path == Path::new("-") {
        // A pipe has no place to go on from: each run is a feed of its own, and what comes again is a duplicate.
        let partition = Partition { name: "stdin".to_owned(), epoch: clock::wall().0.unsigned_abs() };
        return Ok(NdjsonSource::piped(BufReader::new(stdin()), partition, clock));
    }
    let partition = partition_of(path)?;
    let mut applied = None;
    for (place, shard) in engine.shards().enumerate() {
        let offset = engine.store.position(shard, &partition.name)?.map(|position| position.offset);
        applied = if place == 0 { offset } else { applied.min(offset) };
    }
    let source = NdjsonSource::open(path, partition, clock)?;
    Ok(match applied {
        Some(offset) => source.resume_after(offset),
        None => source,
    })
}

fn on_events_clock(engine: &Engine, config: &Config, events: &Path, out: Out) -> anyhow::Result<ExitCode> {
    let mut source = open_events(engine, events)?;
    let progress = source.progress();
    let bar = out.progress(progress.total(), "events");
    let mut totals = Totals { bar: bar.clone(), progress, ..Totals::new() };
    let options = LogOptions { batch: config.batch, ..LogOptions::default() };
    let stop = Arc::new(AtomicBool::new(false));
    on_signal(Arc::clone(&stop))?;
    LogRun::new(engine, options)?.run(&mut source, &mut totals, &stop)?;
    bar.finish_and_clear();
    totals.print(out)?;
    Ok(ExitCode::SUCCESS)
}

/// Sets a flag at SIGINT or SIGTERM.
fn on_signal(stop: Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(signal());
        stop.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be watched; stop with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Counts of a run over a log.
struct Totals {
    bar: indicatif::ProgressBar,
    progress: Arc<tidings_sources::ndjson::Progress>,
    ends: std::collections::BTreeMap<String, u64>,
    notifications: u64,
}

impl Totals {
    fn new() -> Self {
        Self {
            bar: indicatif::ProgressBar::hidden(),
            progress: Arc::default(),
            ends: std::collections::BTreeMap::new(),
            notifications: 0,
        }
    }

    fn print(&self, out: Out) -> anyhow::Result<()> {
        out.value(&serde_json::json!({ "events": self.ends, "notifications": self.notifications }))?;
        for (end, count) in &self.ends {
            out.say(format!("{:>12}  {end}", grouped(*count)));
        }
        out.say(format!("{:>12}  notifications planned", grouped(self.notifications)));
        Ok(())
    }
}

impl Watcher for Totals {
    fn read(&mut self, _: &[Incoming]) {
        self.bar.set_position(self.progress.read());
    }

    fn ingested(&mut self, _: &[Incoming], report: &Ingested) {
        for end in &report.ends {
            *self.ends.entry(super::demo::end_name(end)).or_default() += 1;
        }
    }

    fn came_about(&mut self, _: &Ingested) {}

    fn planned(&mut self, _: tidings_domain::time::Timestamp, report: &Planned) {
        self.notifications += report.notifications.len() as u64;
    }

    fn reminded(&mut self, _: &Reminded) {}

    fn dispatched(&mut self, _: &Dispatched) {}
}

fn on_wall_clock(
    engine: &Arc<Engine>,
    config: &Config,
    events: Option<&Path>,
    out: Out,
) -> anyhow::Result<ExitCode> {
    let stop = Arc::new(Stop::default());
    let metrics = Metrics::new();
    let (intake, mut requests) = http::source(settings(config)?);
    let is_away = Arc::new(AtomicBool::new(false));
    let (told, source) = (Arc::clone(&is_away), intake.clone());
    let away = move |away: bool| {
        told.store(away, Ordering::Relaxed);
        source.store_is_away(away);
    };
    let loops = Loops {
        engine: Arc::clone(engine),
        metrics: metrics.clone(),
        stop: Arc::clone(&stop),
        leases: LeaseClock::start(),
        away: Arc::new(away),
        waiting: Arc::default(),
    };
    let mut file = events.map(|path| open_events(engine, path)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = match &config.http {
        Some(http) => {
            let bound = runtime.block_on(tokio::net::TcpListener::bind(http.listen));
            Some(bound.with_context(|| format!("http.listen: {} cannot be bound", http.listen))?)
        }
        None => None,
    };
    let serves_http = listener.is_some();
    if let Some(listener) = listener {
        tracing::info!(address = %listener.local_addr()?, "listening");
        let app = routes(intake.clone(), metrics, Arc::clone(engine), Arc::clone(&stop), is_away);
        let stopping = Arc::clone(&stop);
        runtime.spawn(async move {
            let ended = async move { wait_async(stopping).await };
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(ended).await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
    }
    let signalled = Arc::clone(&stop);
    runtime.spawn(async move {
        signal().await;
        tracing::info!("stopping");
        signalled.stop();
    });
    std::thread::scope(|scope| {
        scope.spawn(|| loops.plan());
        scope.spawn(|| loops.dispatch());
        if let Some(file) = &mut file {
            scope.spawn(|| {
                loops.ingest(file);
                if !serves_http {
                    stop.stop();
                }
            });
        }
        if serves_http {
            scope.spawn(|| loops.ingest(&mut requests));
        }
        while !stop.wait(Duration::from_secs(3600)) {}
        intake.shut_down();
    });
    runtime.shutdown_timeout(GRACE);
    match stop.failure() {
        Some(failure) => Err(Refused { code: exit::UNAVAILABLE, message: failure }.into()),
        None => {
            out.value(&serde_json::json!({ "stopped": true }))?;
            out.say("stopped; everything acknowledged is durable");
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn wait_async(stop: Arc<Stop>) {
    let waited = tokio::task::spawn_blocking(move || while !stop.wait(Duration::from_secs(3600)) {}).await;
    if waited.is_err() {
        tracing::error!("the shutdown watch ended early");
    }
}

/// The HTTP source, with offsets that start again at each start and an epoch that does not.
fn settings(config: &Config) -> anyhow::Result<Settings> {
    let now = clock::wall();
    Ok(Settings {
        partition: Partition { name: "http".to_owned(), epoch: now.0.unsigned_abs() },
        keys: app::source_keys(config)?,
        clocks: Clocks { business: Arc::new(clock::wall), wall: Arc::new(clock::wall) },
        limits: config.http.as_ref().map_or_else(http::Limits::default, |http| http::Limits {
            queue_events: http.queue,
            ..http::Limits::default()
        }),
    })
}

fn routes(
    intake: Intake,
    metrics: Metrics,
    engine: Arc<Engine>,
    stop: Arc<Stop>,
    is_away: Arc<AtomicBool>,
) -> Router {
    let scraped = Arc::clone(&engine);
    let ready = move || {
        let (engine, stop, is_away) = (Arc::clone(&engine), Arc::clone(&stop), Arc::clone(&is_away));
        async move {
            let reachable = tokio::task::spawn_blocking(move || engine.store.size().is_ok()).await;
            match (stop.is_stopped(), reachable) {
                (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
                (false, Ok(true)) if is_away.load(Ordering::Relaxed) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be written\n")
                }
                (false, Ok(true)) => (StatusCode::OK, "ready: rules and templates, no model\n"),
                _ => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be reached\n"),
            }
        }
    };
    let scrape = move || {
        let (metrics, engine) = (metrics.clone(), Arc::clone(&scraped));
        async move {
            let text = tokio::task::spawn_blocking(move || {
                observe(&metrics, &engine);
                metrics.encode()
            });
            let kind = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (kind, text.await.unwrap_or_default())
        }
    };
    http::router(intake)
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
}

/// What only the store knows, read when somebody asks.
fn observe(metrics: &Metrics, engine: &Engine) {
    let pack = &engine.active().pack;
    metrics.pack(&pack.name, &pack.version, &pack.digest);
    let alarms = engine.alarms(clock::wall());
    for source in pack.sources.values() {
        metrics.watermark(&source.name, engine.watermark(&source.name));
        for kind in ["silent", "loud"] {
            let rings = alarms.get(&source.name).is_some_and(|alarm| alarm.kind() == kind);
            metrics.alarm(&source.name, kind, rings);
        }
    }
    if let Ok(bytes) = engine.store.size() {
        metrics.store(bytes);
    }
    for (queue, tasks) in engine.queue_sizes().unwrap_or_default() {
        metrics.queue(queue, tasks);
    }
}
