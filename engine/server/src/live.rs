//! The three loops on the machine's clock, each on a thread of its own. They meet in the store alone; what they
//! share here is when to stop.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidings_domain::event::{Arrival, End};
use tidings_domain::ids::OpportunityId;
use tidings_domain::keys::KeyError;
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::store::StoreError;
use tidings_pipeline::engine::{Engine, PipelineError};
use tidings_pipeline::run::{COMMITS_AT_ONCE, decode_all};
use tidings_pipeline::vault::VaultError;

use crate::clock::{self, LeaseClock};
use crate::metrics::Metrics;

/// How long the ingest loop waits for the first event of a batch.
const FIRST_EVENT: Duration = Duration::from_millis(200);
/// How long a batch that has begun waits for more events.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a loop waits before it tries again when the store is away.
const AWAY: Duration = Duration::from_secs(1);

/// When to stop, as the loops see it. Asked to stop, they finish what they have in hand.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    failure: Option<String>,
}

impl Stop {
    /// Asks every loop to stop.
    pub(crate) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.changed.notify_all();
    }

    fn fail(&self, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failure.get_or_insert_with(|| what.to_owned());
        drop(state);
        self.stop();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// What made a loop stop by itself, if one did.
    pub(crate) fn failure(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failure.clone()
    }

    /// Waits until asked to stop, or for `at_most`; says whether it was asked.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, at_most, |state| !state.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }
}

/// What the loops need.
#[derive(Clone)]
pub(crate) struct Loops {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Metrics,
    pub(crate) stop: Arc<Stop>,
    pub(crate) leases: LeaseClock,
    /// Told whether the store is away, so that a source can refuse early.
    pub(crate) away: Arc<dyn Fn(bool) + Send + Sync>,
    /// When the event of each opportunity that waits for its plan was taken in.
    pub(crate) waiting: Arc<Mutex<HashMap<OpportunityId, Instant>>>,
}

/// Most opportunities whose way from event to plan is timed at once; beyond that it is not measured.
const TIMED: usize = 100_000;

impl Loops {
    /// Ingests until the source ends or a stop is asked for. Nothing is acknowledged before it is durable; while
    /// the store is away the same batch is tried again.
    pub(crate) fn ingest(&self, source: &mut dyn EventSource) {
        loop {
            match source.next_batch(self.engine.limits.commit * COMMITS_AT_ONCE, FIRST_EVENT) {
                Ok(Batch::Quiet) if self.stop.is_stopped() => return,
                Ok(Batch::Quiet) => {}
                Ok(Batch::End) => return,
                Ok(Batch::Events(arrivals)) => {
                    let Some(ends) = self.ingest_batch(arrivals) else { return };
                    if let Err(error) = source.ack(&ends) {
                        tracing::warn!(%error, "a source did not take its acknowledgement");
                    }
                }
                Err(SourceError::Unavailable(why)) => {
                    tracing::warn!(why, "a source is away; trying again");
                    if self.stop.wait(AWAY) {
                        return;
                    }
                }
                Err(error @ SourceError::Failed(_)) => return self.stop.fail(&error.to_string()),
            }
        }
    }

    fn ingest_batch(&self, arrivals: Vec<Arrival>) -> Option<Vec<End>> {
        let began = Instant::now();
        let batch = decode_all(&self.engine, arrivals);
        let report = self.persist("ingest", || self.engine.ingest(&batch))?;
        self.metrics.ingested(&report, began.elapsed());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = TIMED.saturating_sub(waiting.len());
        waiting.extend(report.opened.iter().take(room).map(|(_, opportunity)| (*opportunity, began)));
        drop(waiting);
        for (place, end) in report.ends.iter().enumerate() {
            if let End::DeadLetter(reason) = end {
                tracing::warn!(
                    place,
                    code = reason.code.code(),
                    at = reason.place,
                    "an event is a dead letter"
                );
            }
        }
        Some(report.ends)
    }

    /// Does a piece of work until it succeeds; gives up when asked to stop while the store is away, or for good
    /// when a person must look.
    fn persist<T>(
        &self,
        name: &'static str,
        mut work: impl FnMut() -> Result<T, PipelineError>,
    ) -> Option<T> {
        let mut away = false;
        loop {
            match work() {
                Ok(done) => {
                    if away {
                        (self.away)(false);
                        tracing::info!(work = name, "the store is back");
                    }
                    return Some(done);
                }
                Err(error) if may_pass(&error) => {
                    if !away {
                        tracing::error!(%error, work = name, "waiting for the store");
                        (self.away)(true);
                    }
                    away = true;
                    if self.stop.wait(AWAY) {
                        return None;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, work = name, "stopping");
                    self.stop.fail(&format!("{name}: {error}"));
                    return None;
                }
            }
        }
    }

    /// Plans and reminds until a stop is asked for.
    pub(crate) fn plan(&self) {
        while !self.stop.wait(PAUSE) {
            let now = clock::wall();
            let work = || self.engine.keep_time(now, self.leases.now());
            let Some(came_about) = self.persist("clock", work) else { return };
            self.metrics.came_about(&came_about);
            let Some(reminded) = self.persist("remind", || self.engine.remind(now, self.leases.now())) else {
                return;
            };
            self.metrics.reminded(&reminded);
            let Some(planned) = self.persist("plan", || self.engine.plan(now, self.leases.now())) else {
                return;
            };
            self.metrics.planned(&planned);
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for opportunity in planned.notifications.iter().flat_map(|(_, _, tells)| tells) {
                if let Some(began) = waiting.remove(opportunity) {
                    self.metrics.planned_after(began.elapsed());
                }
            }
        }
    }

    /// Delivers until a stop is asked for.
    pub(crate) fn dispatch(&self) {
        while !self.stop.wait(PAUSE) {
            let now = clock::wall();
            let work = || self.engine.dispatch(now, self.leases.now());
            let Some(dispatched) = self.persist("dispatch", work) else { return };
            self.metrics.dispatched(&dispatched);
        }
    }
}

/// Whether the same work may succeed later: the disk of the store or of the key ring is full or away.
const fn may_pass(error: &PipelineError) -> bool {
    matches!(
        error,
        PipelineError::Store(StoreError::Full | StoreError::Unavailable(_))
            | PipelineError::Key(KeyError::Unavailable(_))
            | PipelineError::Vault(VaultError::Key(KeyError::Unavailable(_)))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_wakes_whoever_waits() {
        let stop = Arc::new(Stop::default());
        let waiting = Arc::clone(&stop);
        let thread = std::thread::spawn(move || waiting.wait(Duration::from_secs(3600)));
        stop.fail("a reason");
        assert!(thread.join().expect("the thread ends"));
        assert_eq!(stop.failure().as_deref(), Some("a reason"));
    }
}
