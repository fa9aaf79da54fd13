//! Counters, gauges and histograms, as OpenMetrics text.
//!
//! Labels are bounded and never personal: rules, sources and channels come from the pack and the configuration, ends
//! and reasons from enums. What a model gives as its reason is free text, so no more than [`REASONS`] different ones
//! are told apart.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tidings_domain::event::{End, Ignored};
use tidings_domain::message::Queue;
use tidings_domain::time::Timestamp;
use tidings_pipeline::dispatch::Dispatched;
use tidings_pipeline::ingest::Ingested;
use tidings_pipeline::plan::Planned;
use tidings_pipeline::remind::Reminded;

/// Media type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What every name starts with.
const PREFIX: &str = "tidings";
/// Most different reasons of a model; further ones are counted as `other`.
const REASONS: usize = 32;
/// Longest reason of a model, bytes.
const REASON_BYTES: usize = 32;
/// Upper bounds of the time from event to plan, seconds: planning waits for a sociable hour, a full week for a cap.
const PLANNED_AFTER: [f64; 11] =
    [1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0, 2_592_000.0];

/// Everything that is measured. Clones share it.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    events: Counts<2>,
    judged: Counts<2>,
    missing: Counts<2>,
    decisions: Counts<2>,
    deliveries: Counts<2>,
    reminders: Counts<2>,
    fallbacks: Counts<1>,
    queues: Gauges<1>,
    watermarks: Gauges<1>,
    alarms: Gauges<2>,
    pack: Gauges<3>,
    store: Gauge,
    ingest: Histogram,
    planned_after: Histogram,
    reasons: Arc<Mutex<BTreeSet<String>>>,
}

impl Metrics {
    /// Nothing measured yet; the gauges of queues stand at 0.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let mut new = Self {
            events: Counts::new(&mut registry, "events", "What became of events", ["end", "reason"]),
            judged: Counts::new(&mut registry, "judged", "Answers of rules", ["rule", "answer"]),
            missing: Counts::new(
                &mut registry,
                "missing_facts",
                "Rules that could not be decided, by the fact that is missing",
                ["rule", "fact"],
            ),
            decisions: Counts::new(
                &mut registry,
                "decisions",
                "What planning made of opportunities",
                ["rule", "outcome"],
            ),
            deliveries: Counts::new(
                &mut registry,
                "deliveries",
                "How delivery steps ended",
                ["channel", "end"],
            ),
            reminders: Counts::new(&mut registry, "reminders", "What became of reminders", ["rule", "end"]),
            fallbacks: Counts::new(
                &mut registry,
                "model_fallback",
                "Plans where pack order or a template stood in for the model",
                ["reason"],
            ),
            queues: Gauges::new(&mut registry, "queue_tasks", "Tasks that wait", None, ["queue"]),
            watermarks: Gauges::new(
                &mut registry,
                "watermark",
                "Business time up to which a source is complete, since 1970",
                Some(Unit::Seconds),
                ["source"],
            ),
            alarms: Gauges::new(
                &mut registry,
                "source_alarm",
                "1 while a source is silent or loud beyond its limits",
                None,
                ["source", "kind"],
            ),
            pack: Gauges::new(
                &mut registry,
                "pack_info",
                "The pack in force",
                None,
                ["name", "version", "digest"],
            ),
            store: Gauge::default(),
            ingest: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            planned_after: Histogram::new(PLANNED_AFTER),
            reasons: Arc::default(),
            registry: Arc::default(),
        };
        registry.register_with_unit("store", "Size of the store", Unit::Bytes, new.store.clone());
        registry.register_with_unit(
            "ingest_batch",
            "Time to apply a batch",
            Unit::Seconds,
            new.ingest.clone(),
        );
        registry.register_with_unit(
            "event_to_planned",
            "Business time from an event to the message that tells of it",
            Unit::Seconds,
            new.planned_after.clone(),
        );
        new.registry = Arc::new(registry);
        for queue in Queue::ALL {
            new.queue(queue.name(), 0);
        }
        new
    }

    /// A batch is durable, `took` after it was begun.
    pub(crate) fn ingested(&self, report: &Ingested, took: Duration) {
        for end in &report.ends {
            self.events.add(labels(end), 1);
        }
        self.judged(report);
        self.ingest.observe(took.as_secs_f64());
    }

    /// Milestones and absences have come about.
    pub(crate) fn came_about(&self, report: &Ingested) {
        self.judged(report);
    }

    fn judged(&self, report: &Ingested) {
        for ((rule, answer), count) in &report.tally.answers {
            self.judged.add([rule, answer], *count);
        }
        for ((rule, fact), count) in &report.tally.missing {
            self.missing.add([rule, fact], *count);
        }
    }

    /// A planning step is durable.
    pub(crate) fn planned(&self, report: &Planned) {
        for ((rule, outcome), count) in &report.outcomes {
            self.decisions.add([rule, outcome], *count);
        }
        for (reason, count) in &report.fallbacks {
            self.fallbacks.add([self.reason(reason)], *count);
        }
    }

    /// A message was planned so long after the event that it tells of came in, in real time.
    pub(crate) fn planned_after(&self, took: Duration) {
        self.planned_after.observe(took.as_secs_f64());
    }

    /// A dispatch step is done.
    pub(crate) fn dispatched(&self, report: &Dispatched) {
        for ((channel, end), count) in &report.ends {
            self.deliveries.add([channel, end], *count);
        }
    }

    /// Reminders were looked at.
    pub(crate) fn reminded(&self, report: &Reminded) {
        for ((rule, end), count) in &report.ends {
            self.reminders.add([rule, end], *count);
        }
    }

    /// Whether a source is silent or loud beyond its limits.
    pub(crate) fn alarm(&self, source: &str, kind: &str, rings: bool) {
        self.alarms.set([source, kind], i64::from(rings));
    }

    /// So many tasks stand in a queue.
    pub(crate) fn queue(&self, queue: &str, tasks: u64) {
        self.queues.set([queue], signed(tasks));
    }

    /// A source, by its short name, is complete up to there.
    pub(crate) fn watermark(&self, source: &str, until: Timestamp) {
        if until > Timestamp::MIN {
            self.watermarks.set([source], until.0.div_euclid(1_000));
        }
    }

    /// So large is the store.
    pub(crate) fn store(&self, bytes: u64) {
        self.store.set(signed(bytes));
    }

    /// This pack is in force, and no other.
    pub(crate) fn pack(&self, name: &str, version: &str, digest: &[u8; 32]) {
        let hex = digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing into a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self.pack.family.clear();
        self.pack.set([name, version, &hex], 1);
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail; what is cut off lacks `# EOF`, and no reader takes it.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// The label of a model's reason.
    fn reason<'a>(&self, reason: &'a str) -> &'a str {
        const OTHER: &str = "other";
        let code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if reason.is_empty() || reason.len() > REASON_BYTES || !reason.bytes().all(code) {
            return OTHER;
        }
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        if !reasons.contains(reason) {
            if reasons.len() == REASONS {
                return OTHER;
            }
            reasons.insert(reason.to_owned());
        }
        reason
    }
}

/// The labels of an event's end.
fn labels(end: &End) -> [&'static str; 2] {
    match end {
        End::Committed => ["committed", ""],
        End::Duplicate => ["duplicate", ""],
        End::Ignored(Ignored::UnknownType) => ["ignored", "unknown-type"],
        End::Ignored(Ignored::Forgotten) => ["ignored", "forgotten"],
        End::Ignored(Ignored::Watermark) => ["ignored", "watermark"],
        End::DeadLetter(reason) => ["dead-letter", reason.code.code()],
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

type Labels<const N: usize> = [(&'static str, String); N];

/// Counters that differ in `N` labels.
#[derive(Clone)]
struct Counts<const N: usize> {
    family: Family<Labels<N>, Counter>,
    names: [&'static str; N],
}

impl<const N: usize> Counts<N> {
    /// `name` without the `_total` that encoding adds.
    fn new(
        registry: &mut Registry,
        name: &'static str,
        help: &'static str,
        names: [&'static str; N],
    ) -> Self {
        let family = Family::default();
        registry.register(name, help, Family::clone(&family));
        Self { family, names }
    }

    fn add(&self, values: [&str; N], count: u64) {
        self.family.get_or_create(&labelled(self.names, values)).inc_by(count);
    }
}

/// Gauges that differ in `N` labels.
#[derive(Clone)]
struct Gauges<const N: usize> {
    family: Family<Labels<N>, Gauge>,
    names: [&'static str; N],
}

impl<const N: usize> Gauges<N> {
    /// `name` without its unit, which encoding adds.
    fn new(
        registry: &mut Registry,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        names: [&'static str; N],
    ) -> Self {
        let family = Family::default();
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, Family::clone(&family)),
            None => registry.register(name, help, Family::clone(&family)),
        }
        Self { family, names }
    }

    fn set(&self, values: [&str; N], value: i64) {
        self.family.get_or_create(&labelled(self.names, values)).set(value);
    }
}

fn labelled<const N: usize>(names: [&'static str; N], values: [&str; N]) -> Labels<N> {
    let mut values = values.into_iter();
    names.map(|name| (name, values.next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidings_domain::event::{Reason, Refusal};
    use tidings_pipeline::judge::Tally;

    use super::*;

    fn counts<const N: usize>(of: [(&str, &'static str, u64); N]) -> BTreeMap<(String, &'static str), u64> {
        of.into_iter().map(|(name, end, count)| ((name.to_owned(), end), count)).collect()
    }

    fn has(metrics: &Metrics, lines: &[&str]) {
        let text = metrics.encode();
        for line in lines {
            assert!(text.lines().any(|other| other == *line), "no {line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn reports_add_up() {
        let metrics = Metrics::new();
        let refused =
            End::DeadLetter(Reason { code: Refusal::BadField, place: Some("data.birth_date".into()) });
        let answers = counts([("birth-grant", "yes", 2), ("birth-grant", "no", 5)]);
        let ends =
            vec![End::Committed, End::Duplicate, refused, End::Committed, End::Ignored(Ignored::Forgotten)];
        let report = Ingested { ends, tally: Tally { answers, ..Tally::default() }, ..Ingested::default() };
        metrics.clone().ingested(&report, Duration::from_millis(3));
        metrics.ingested(&report, Duration::from_millis(3));
        let outcomes = counts([("birth-grant", "planned", 1), ("birth-grant", "capped", 2)]);
        metrics.planned(&Planned { outcomes, ..Planned::default() });
        metrics.dispatched(&Dispatched { ends: counts([("inbox", "finished", 4)]), ..Dispatched::default() });
        metrics.reminded(&Reminded { ends: counts([("birth-grant", "served", 1)]) });
        has(
            &metrics,
            &[
                "# TYPE tidings_events counter",
                "tidings_events_total{end=\"committed\",reason=\"\"} 4",
                "tidings_events_total{end=\"duplicate\",reason=\"\"} 2",
                "tidings_events_total{end=\"ignored\",reason=\"forgotten\"} 2",
                "tidings_events_total{end=\"dead-letter\",reason=\"bad-field\"} 2",
                "tidings_judged_total{rule=\"birth-grant\",answer=\"no\"} 10",
                "tidings_decisions_total{rule=\"birth-grant\",outcome=\"capped\"} 2",
                "tidings_deliveries_total{channel=\"inbox\",end=\"finished\"} 4",
                "tidings_reminders_total{rule=\"birth-grant\",end=\"served\"} 1",
                "tidings_ingest_batch_seconds_bucket{le=\"0.004\"} 2",
                "tidings_ingest_batch_seconds_count 2",
            ],
        );
    }

    #[test]
    fn gauges_show_the_last_value() {
        let metrics = Metrics::new();
        metrics.queue(Queue::Plan.name(), 7);
        metrics.watermark("civil-registry", Timestamp(1_767_225_600_999));
        metrics.watermark("silent", Timestamp::MIN);
        metrics.store(u64::MAX);
        metrics.planned_after(Duration::from_secs(7_200));
        metrics.pack("vn", "1", &[1; 32]);
        metrics.pack("vn", "2", &[0xab; 32]);
        let digest = "ab".repeat(32);
        has(
            &metrics,
            &[
                "tidings_queue_tasks{queue=\"plan\"} 7",
                "tidings_queue_tasks{queue=\"buried\"} 0",
                "tidings_watermark_seconds{source=\"civil-registry\"} 1767225600",
                "# UNIT tidings_store_bytes bytes",
                &format!("tidings_store_bytes {}", i64::MAX),
                "tidings_event_to_planned_seconds_bucket{le=\"3600.0\"} 0",
                "tidings_event_to_planned_seconds_bucket{le=\"21600.0\"} 1",
                &format!("tidings_pack_info{{name=\"vn\",version=\"2\",digest=\"{digest}\"}} 1"),
            ],
        );
        let text = metrics.encode();
        assert_eq!(text.matches("tidings_pack_info{").count(), 1, "{text}");
        assert!(!text.contains("silent"), "{text}");
    }

    #[test]
    fn what_a_model_says_cannot_add_labels_without_end() {
        let metrics = Metrics::new();
        let mut fallbacks: BTreeMap<String, u64> = (0..2 * REASONS).map(|n| (format!("r-{n}"), 1)).collect();
        fallbacks.insert("Nguyễn Thị Ánh has no choices".to_owned(), 1);
        metrics.planned(&Planned { fallbacks, ..Planned::default() });
        let text = metrics.encode();
        let others = format!("tidings_model_fallback_total{{reason=\"other\"}} {}", REASONS + 1);
        has(&metrics, &[&others]);
        assert_eq!(text.matches("tidings_model_fallback_total{").count(), REASONS + 1);
        assert!(!text.contains("choices"), "{text}");
    }
}
