//! The queue between the HTTP handlers and the ingest loop. An event takes room from the moment it is taken
//! until it is acknowledged, so the limits bound everything that is in hand.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tidings_domain::event::{Arrival, End, Position};
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Pii;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::answer::Denial;
use super::{BATCH_BYTES, Clocks, Limits, Settings};
use crate::Partition;
use crate::signature::SourceKeys;

/// The two ends of an HTTP source: what [`router`](super::router) and the server hold, and what the ingest
/// loop polls.
pub fn source(settings: Settings) -> (Intake, HttpSource) {
    let Settings { partition, keys, clocks, limits } = settings;
    let intake = Intake(Arc::new(Shared {
        queue: Mutex::default(),
        changed: Condvar::new(),
        keys: RwLock::new(keys),
        readers: Semaphore::new(limits.readers),
        partition,
        clocks,
        limits,
    }));
    let source = HttpSource { intake: intake.clone(), in_hand: Vec::new() };
    (intake, source)
}

/// The end that takes requests. Clones share one queue.
#[derive(Clone)]
pub struct Intake(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    keys: RwLock<SourceKeys>,
    readers: Semaphore,
    partition: Partition,
    clocks: Clocks,
    limits: Limits,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Held>,
    load: Load,
    next_offset: u64,
    shutting_down: bool,
    store_away: bool,
    /// The other end was dropped.
    abandoned: bool,
}

impl Queue {
    fn admits(&self) -> Result<(), Denial> {
        match (self.shutting_down, self.store_away || self.abandoned) {
            (true, _) => Err(Denial::ShuttingDown),
            (false, true) => Err(Denial::Away),
            (false, false) => Ok(()),
        }
    }
}

/// What was taken and not yet acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Events.
    pub events: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// One event that was taken.
struct Held {
    arrival: Arrival,
    ticket: Ticket,
}

/// Where the end of an event goes.
struct Ticket {
    request: Arc<Request>,
    index: usize,
    bytes: usize,
}

/// Collects the ends of one request's events. When every ticket is gone before every end came, the handler
/// learns it: the sender is dropped with the request.
struct Request(Mutex<Ends>);

struct Ends {
    ends: Vec<Option<End>>,
    missing: usize,
    done: Option<oneshot::Sender<Vec<End>>>,
}

impl Request {
    fn set(&self, index: usize, end: End) {
        let mut state = held(&self.0);
        if let Some(slot) = state.ends.get_mut(index)
            && slot.replace(end).is_none()
        {
            state.missing -= 1;
        }
        if state.missing == 0
            && let Some(done) = state.done.take()
        {
            // The client may have gone: its events are stored all the same.
            let _ = done.send(std::mem::take(&mut state.ends).into_iter().flatten().collect());
        }
    }
}

/// A lock whose holder panicked is used as it stands: every change under these locks is whole or not yet
/// begun.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Intake {
    /// From now on every request is told 503; the source hands over what was taken, then ends.
    pub fn shut_down(&self) {
        held(&self.0.queue).shutting_down = true;
        self.0.changed.notify_all();
    }

    /// Says whether events can be stored; while they cannot, requests are told 503 at once.
    pub fn store_is_away(&self, away: bool) {
        held(&self.0.queue).store_away = away;
    }

    /// Replaces who may sign.
    pub fn replace_keys(&self, keys: SourceKeys) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// What was taken and not yet acknowledged, for metrics.
    pub fn load(&self) -> Load {
        held(&self.0.queue).load
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn with_keys<T>(&self, check: impl FnOnce(&SourceKeys, Timestamp) -> T) -> T {
        check(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner), (self.0.clocks.wall)())
    }

    pub(crate) fn admits(&self) -> Result<(), Denial> {
        held(&self.0.queue).admits()
    }

    pub(crate) fn reader(&self) -> Result<SemaphorePermit<'_>, Denial> {
        self.0.readers.try_acquire().map_err(|_| Denial::ReadersFull)
    }

    /// Takes every event of a request or none. The receiver gets one end an event, in their order.
    pub(crate) fn offer(
        &self,
        events: Vec<Vec<u8>>,
        proved: &str,
    ) -> Result<oneshot::Receiver<Vec<End>>, Denial> {
        let (done, ends) = oneshot::channel();
        let request = Arc::new(Request(Mutex::new(Ends {
            ends: vec![None; events.len()],
            missing: events.len(),
            done: Some(done),
        })));
        let bytes = events.iter().map(Vec::len).sum::<usize>();
        let received = (self.0.clocks.business)();
        let mut queue = held(&self.0.queue);
        queue.admits()?;
        let room = &self.0.limits;
        let load = Load { events: queue.load.events + events.len(), bytes: queue.load.bytes + bytes };
        if load.events > room.queue_events || load.bytes > room.queue_bytes {
            return Err(Denial::QueueFull);
        }
        queue.load = load;
        for (index, bytes) in events.into_iter().enumerate() {
            let ticket = Ticket { request: Arc::clone(&request), index, bytes: bytes.len() };
            let arrival = Arrival {
                bytes: Pii::new(bytes),
                position: self.position(queue.next_offset),
                proved: Some(proved.to_owned()),
                received,
            };
            queue.next_offset += 1;
            queue.waiting.push_back(Held { arrival, ticket });
        }
        drop(queue);
        self.0.changed.notify_all();
        Ok(ends)
    }

    fn position(&self, offset: u64) -> Position {
        let Partition { name, epoch } = &self.0.partition;
        Position { partition: name.clone(), epoch: *epoch, offset }
    }

    fn release(&self, tickets: &[Ticket]) {
        let mut queue = held(&self.0.queue);
        queue.load.events -= tickets.len();
        queue.load.bytes -= tickets.iter().map(|ticket| ticket.bytes).sum::<usize>();
    }
}

/// The end that the ingest loop polls.
///
/// A batch that is never acknowledged (the next one is asked for, or the source is dropped) is not delivered
/// again: its senders are told 503 and send it again.
pub struct HttpSource {
    intake: Intake,
    in_hand: Vec<Ticket>,
}

impl HttpSource {
    fn take_in_hand(&mut self) -> Vec<Ticket> {
        let tickets = std::mem::take(&mut self.in_hand);
        self.intake.release(&tickets);
        tickets
    }
}

impl EventSource for HttpSource {
    /// At most [`BATCH_BYTES`] and an event. Ends once [`Intake::shut_down`] was called and everything taken
    /// was handed over.
    fn next_batch(&mut self, limit: usize, wait: Duration) -> Result<Batch, SourceError> {
        drop(self.take_in_hand());
        let idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.shutting_down;
        let waited = self.intake.0.changed.wait_timeout_while(held(&self.intake.0.queue), wait, idle);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < limit.max(1)
            && bytes < BATCH_BYTES
            && let Some(Held { arrival, ticket }) = queue.waiting.pop_front()
        {
            bytes += ticket.bytes;
            batch.push(arrival);
            self.in_hand.push(ticket);
        }
        match (batch.is_empty(), queue.shutting_down) {
            (false, _) => Ok(Batch::Events(batch)),
            (true, true) => Ok(Batch::End),
            (true, false) => Ok(Batch::Quiet),
        }
    }

    fn ack(&mut self, ends: &[End]) -> Result<(), SourceError> {
        let tickets = self.take_in_hand();
        if tickets.len() != ends.len() {
            return Err(SourceError::Failed("acknowledged another number of events than it gave".into()));
        }
        for (ticket, end) in tickets.iter().zip(ends) {
            ticket.request.set(ticket.index, end.clone());
        }
        Ok(())
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        drop(self.take_in_hand());
        let mut queue = held(&self.intake.0.queue);
        queue.abandoned = true;
        let left: Vec<_> = queue.waiting.drain(..).map(|held| held.ticket).collect();
        drop(queue);
        self.intake.release(&left);
    }
}
