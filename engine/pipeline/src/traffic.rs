//! Sources that fall silent or get unusually loud. Both alarm, and absences wait for them: what a silent source has not
//! said may still come, and what a loud one says may be a mistake that is being taken back.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use tidings_domain::event::End;
use tidings_domain::store::{RowKey, Shard};
use tidings_domain::time::Timestamp;

use crate::apply::LOAD;
use crate::decode::Decoded;
use crate::engine::{Engine, PipelineError, pack as packed};
use crate::ingest::Incoming;
use crate::settings::Settings;

/// Prefix of the rows that keep until when a source counts as loud.
const LOUD: &str = "loud:";
const HOUR_MS: i64 = 3_600_000;
/// How long after a loud hour absences still wait for the source.
const CALMS_DOWN: Duration = Duration::from_secs(24 * 3600);

/// What a source sent lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// The latest hour, from 1970.
    hour: i64,
    /// Events recorded in it.
    events: u32,
    /// Until when it counts as loud.
    loud_until: Option<Timestamp>,
}

/// A source that behaves unlike itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// Nothing was heard of it since.
    Silent(Timestamp),
    /// It sent more in an hour than it should; absences wait until then.
    Loud(Timestamp),
}

impl Alarm {
    /// Stable name, for metrics and programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Silent(_) => "silent",
            Self::Loud(_) => "loud",
        }
    }
}

impl Engine {
    /// Counts what a batch brought that is new, and notes which sources have become loud. What comes again is no noise.
    pub(crate) fn count_traffic(&self, batch: &[Incoming], ends: &[End]) -> Result<(), PipelineError> {
        let active = self.active();
        let limits: BTreeMap<&str, u32> = active
            .pack
            .sources
            .values()
            .filter_map(|source| Some((source.name.as_str(), source.loud_above?)))
            .collect();
        if limits.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::new();
        {
            let mut all = self.traffic.write().unwrap_or_else(PoisonError::into_inner);
            let new = batch.iter().zip(ends).filter(|(_, end)| matches!(end, End::Committed));
            for (incoming, _) in new {
                let Decoded::Event(event) = &incoming.decoded else { continue };
                let Some(limit) = limits.get(event.source.as_str()).filter(|_| event.kind != LOAD) else {
                    continue;
                };
                let traffic = all.entry(event.source.to_string()).or_default();
                let hour = event.recorded.0.div_euclid(HOUR_MS);
                if hour > traffic.hour {
                    (traffic.hour, traffic.events) = (hour, 0);
                }
                traffic.events = traffic.events.saturating_add(u32::from(hour == traffic.hour));
                let until = Timestamp((traffic.hour + 1) * HOUR_MS) + CALMS_DOWN;
                if traffic.events > *limit && traffic.loud_until.is_none_or(|known| known < until) {
                    traffic.loud_until = Some(until);
                    rows.push((RowKey::meta(&format!("{LOUD}{}", event.source)), Some(packed(&until)?)));
                }
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let commit = tidings_domain::store::Commit { writes: rows, ..Default::default() };
        Ok(self.store.commit(Shard(0), &commit)?)
    }

    /// Until when a source counts as loud, if it does.
    pub(crate) fn loud_until(&self, source: &str) -> Option<Timestamp> {
        self.traffic.read().unwrap_or_else(PoisonError::into_inner).get(source)?.loud_until
    }

    /// Sources that behave unlike themselves, by short name.
    pub fn alarms(&self, now: Timestamp) -> BTreeMap<String, Alarm> {
        let active = self.active();
        let mut alarms = BTreeMap::new();
        for source in active.pack.sources.values() {
            let mark = self.watermark(&source.name);
            let silence = source.silent_after_days.map(|days| Duration::from_secs(u64::from(days) * 86_400));
            // One that was never heard of is not silent: it may not be connected yet.
            if silence.is_some_and(|silence| mark > Timestamp::MIN && mark + silence < now) {
                alarms.insert(source.name.clone(), Alarm::Silent(mark));
            }
            if let Some(until) = self.loud_until(&source.name).filter(|until| now < *until) {
                alarms.insert(source.name.clone(), Alarm::Loud(until));
            }
        }
        alarms
    }
}

/// The sources that counted as loud when the store was last written.
pub(crate) fn stored(settings: Settings<'_>) -> Result<BTreeMap<String, Traffic>, PipelineError> {
    let known = settings.named::<Timestamp>(Shard(0), LOUD)?;
    let traffic = |(source, until)| (source, Traffic { loud_until: Some(until), ..Traffic::default() });
    Ok(known.into_iter().map(traffic).collect())
}
