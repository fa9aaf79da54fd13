//! `POST /events`: CloudEvents over HTTP in structured, batched and binary mode (CloudEvents HTTP binding
//! 1.0.2), answered only when the outcome of every event of the request is durable.
//!
//! ```text
//! receive -> mode -> claim -> read body -> prove -> split -> intake.offer ... HttpSource -> ingest loop
//!    answer  <-------------------------------------------------- ack  <-----------/
//! ```
//!
//! | answer | when |
//! | --- | --- |
//! | 200 | every event is committed, a duplicate or ignored |
//! | 400 | an event is a dead letter (the others are committed, and the body says so), or the request cannot be split into events (nothing is taken) |
//! | 401 | not signed, or the signature does not hold |
//! | 408 | the body did not arrive in time |
//! | 413 | body, event or batch beyond its limit |
//! | 415 | another content type or a content encoding |
//! | 429 | no room for the whole request; nothing of it is taken; `Retry-After` |
//! | 503 | shutting down, the store is away, or the outcome is not known yet; `Retry-After` |
//!
//! Sending a request again is always safe: what was applied ends as a duplicate. A request whose client went
//! away after the last byte of its body is processed all the same.
//!
//! Who sends is proved by a [signature](crate::signature) or by whoever terminates TLS, who inserts a
//! [`ProvedPeer`] into the request's extensions. A signature, if there is one, decides: a gateway may forward
//! for others. Whether the proved source may send the event is asked later, in the pipeline.

mod answer;
mod body;
mod intake;
mod modes;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tidings_domain::event::limits::EVENT_BYTES;

use crate::signature::{
    Claim, KEY_HEADER, SIGNATURE_HEADER, SOURCE_HEADER, SourceKeys, TIMESTAMP_HEADER, Unproved,
};
use crate::{Clock, Partition};
use answer::Denial;
pub use intake::{HttpSource, Intake, Load, source};
use modes::Mode;

/// Most bytes in a batch's body.
pub const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Most events in a batch.
pub const BATCH_EVENTS: usize = 4096;
/// Most events that were taken and not yet acknowledged.
pub const QUEUE_EVENTS: usize = 16 * 1024;
/// Most bytes of events that were taken and not yet acknowledged.
pub const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Most requests whose bodies are read at once.
pub const READERS: usize = 64;
/// How long a body may take to arrive.
pub const BODY_WAIT: Duration = Duration::from_secs(30);
/// How long a request waits for its outcome to be durable.
pub const ACK_WAIT: Duration = Duration::from_secs(60);
/// When a sender should try again after the queue was full.
pub const RETRY_WHEN_FULL: Duration = Duration::from_secs(2);
/// When a sender should try again after a shutdown began or the store was away.
pub const RETRY_WHEN_AWAY: Duration = Duration::from_secs(10);

/// The limits of one HTTP source; the default is the constants of this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`QUEUE_EVENTS`]. Also the most events that a request may hold, if that is less than
    /// [`BATCH_EVENTS`].
    pub queue_events: usize,
    /// See [`QUEUE_BYTES`]; at least [`BATCH_BYTES`], or the largest batches never fit.
    pub queue_bytes: usize,
    /// See [`READERS`].
    pub readers: usize,
    /// See [`BODY_WAIT`].
    pub body_wait: Duration,
    /// See [`ACK_WAIT`].
    pub ack_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_events: QUEUE_EVENTS,
            queue_bytes: QUEUE_BYTES,
            readers: READERS,
            body_wait: BODY_WAIT,
            ack_wait: ACK_WAIT,
        }
    }
}

/// The two clocks of an HTTP source.
#[derive(Clone)]
pub struct Clocks {
    /// Stamps when an event was received.
    pub business: Clock,
    /// Against which signatures and the validity of keys are checked: the time of the world, also in a
    /// replay.
    pub wall: Clock,
}

/// What an HTTP source is made of.
pub struct Settings {
    /// Offsets count from 0 at every start, so the epoch must be higher at every start.
    pub partition: Partition,
    /// Who may sign.
    pub keys: SourceKeys,
    /// What time it is.
    pub clocks: Clocks,
    /// How much is taken.
    pub limits: Limits,
}

/// The registered source that the peer of a connection proved to be, by a client certificate or a Unix
/// socket's credentials. Inserted into a request's extensions by whoever terminates the connection, never
/// from a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedPeer(pub String);

/// The routes of the source.
pub fn router(intake: Intake) -> Router {
    Router::new().route("/events", post(receive)).with_state(intake)
}

async fn receive(State(intake): State<Intake>, request: Request) -> Response {
    match take(&intake, request).await {
        Ok(response) => response,
        Err(denial) => {
            tracing::info!(code = denial.code(), "a request was refused");
            denial.into_response()
        }
    }
}

async fn take(intake: &Intake, request: Request) -> Result<Response, Denial> {
    intake.admits()?;
    let (parts, body) = request.into_parts();
    let mode = Mode::of(&parts.headers)?;
    let sender = Sender::of(&parts, intake)?;
    let events = {
        let _reading = intake.reader()?;
        let longest = if mode == Mode::Batch { BATCH_BYTES } else { EVENT_BYTES };
        let body = body::read(&parts.headers, body, longest, intake.limits().body_wait).await?;
        sender.prove(intake, mode, &parts.headers, &body)?;
        mode.split(&parts.headers, &body, intake.limits().queue_events.min(BATCH_EVENTS))?
    };
    let ids: Vec<_> = events.iter().map(|event| modes::id_of(event)).collect();
    tracing::debug!(source = sender.name(), events = ids.len(), "a request was read");
    if events.is_empty() {
        return Ok(answer::outcome(ids, &[]));
    }
    let ends = intake.offer(events, sender.name())?;
    match tokio::time::timeout(intake.limits().ack_wait, ends).await {
        Ok(Ok(ends)) => Ok(answer::outcome(ids, &ends)),
        Ok(Err(_)) | Err(_) => Err(Denial::OutcomeUnknown),
    }
}

/// Who says to be sending.
enum Sender<'a> {
    Peer(&'a str),
    Signer(Claim<'a>),
}

impl<'a> Sender<'a> {
    /// Refuses what can be refused before the body is read.
    fn of(parts: &'a Parts, intake: &Intake) -> Result<Self, Denial> {
        let signs = [SOURCE_HEADER, KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER]
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        match parts.extensions.get::<ProvedPeer>() {
            Some(peer) if !signs => Ok(Self::Peer(&peer.0)),
            _ => {
                let claim = Claim::read(|name| single(&parts.headers, name)).map_err(Denial::Unproved)?;
                intake.with_keys(|keys, now| claim.plausible(keys, now)).map_err(Denial::Unproved)?;
                Ok(Self::Signer(claim))
            }
        }
    }

    fn prove(&self, intake: &Intake, mode: Mode, headers: &HeaderMap, body: &[u8]) -> Result<(), Denial> {
        let Self::Signer(claim) = self else { return Ok(()) };
        let attributes = if mode == Mode::Binary { modes::attributes(headers)? } else { Vec::new() };
        let proof: Result<(), Unproved> =
            intake.with_keys(|keys, now| claim.prove(keys, now, &attributes, body));
        proof.map_err(Denial::Unproved)
    }

    const fn name(&self) -> &'a str {
        match self {
            Self::Peer(name) => name,
            Self::Signer(claim) => claim.source,
        }
    }
}

/// The value of a header that is there exactly once, as text.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
