//! What a sender is told. No answer repeats what an event said, but for the sender's own event ids.

use std::time::Duration;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tidings_domain::event::{End, Ignored, Refusal};

use super::{RETRY_WHEN_AWAY, RETRY_WHEN_FULL};
use crate::signature::Unproved;

/// The body of every answer.
#[derive(Serialize)]
struct Answer {
    /// `accepted`, `dead-letters` or the code of what the whole request failed.
    code: &'static str,
    message: String,
    /// One entry an event; empty if the request was refused as a whole.
    events: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'static str>,
}

impl Entry {
    fn of(index: usize, id: Option<String>, end: &End) -> Self {
        let (end, code, place, fix) = match end {
            End::Committed => ("committed", None, None, None),
            End::Duplicate => ("duplicate", None, None, None),
            End::Ignored(why) => ("ignored", Some(ignored(*why)), None, None),
            End::DeadLetter(why) => {
                ("dead-letter", Some(why.code.code()), why.place.clone(), Some(why.code.fix()))
            }
        };
        Self { index, id, end, code, place, fix }
    }
}

const fn ignored(why: Ignored) -> &'static str {
    match why {
        Ignored::UnknownType => "unknown-type",
        Ignored::Forgotten => "forgotten",
        Ignored::Watermark => "watermark",
    }
}

/// The answer to a request that was taken. `ids` and `ends` are of the same events.
pub(crate) fn outcome(ids: Vec<Option<String>>, ends: &[End]) -> Response {
    let bad = ends.iter().filter(|end| matches!(end, End::DeadLetter(_))).count();
    let pairs = ids.into_iter().zip(ends).enumerate();
    let events = pairs.map(|(index, (id, end))| Entry::of(index, id, end)).collect();
    let (status, code, message) = if bad == 0 {
        (StatusCode::OK, "accepted", format!("stored: {}", ends.len()))
    } else {
        let rest = match ends.len() - bad {
            0 => "nothing else was sent".to_owned(),
            good => format!("stored: {good}, not to be sent again"),
        };
        let message = format!("{bad} of {} events are dead letters; {rest}", ends.len());
        (StatusCode::BAD_REQUEST, "dead-letters", message)
    };
    json(status, &Answer { code, message, events })
}

/// A request that was refused as a whole: nothing of it is taken, but for [`Denial::OutcomeUnknown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    Unproved(Unproved),
    ContentType,
    ContentEncoding,
    TooLarge,
    TooManyEvents(usize),
    NotABatch,
    NotUtf8,
    /// A `ce-*` header that cannot become an attribute.
    BadHeader(String),
    BodyBroken,
    BodyTimeout,
    QueueFull,
    ReadersFull,
    ShuttingDown,
    Away,
    OutcomeUnknown,
}

impl Denial {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unproved(_) => Refusal::NotProved.code(),
            Self::ContentType => "wrong-content-type",
            Self::ContentEncoding => "encoded",
            Self::TooLarge => Refusal::TooLarge.code(),
            Self::TooManyEvents(_) => "too-many-events",
            Self::NotABatch => Refusal::NotJson.code(),
            Self::NotUtf8 => Refusal::NotUtf8.code(),
            Self::BadHeader(_) => Refusal::BadAttribute.code(),
            Self::BodyBroken => "cut-off",
            Self::BodyTimeout => "too-slow",
            Self::QueueFull | Self::ReadersFull => "busy",
            Self::ShuttingDown => "shutting-down",
            Self::Away => "store-away",
            Self::OutcomeUnknown => "outcome-unknown",
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::Unproved(_) => StatusCode::UNAUTHORIZED,
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge | Self::TooManyEvents(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotABatch | Self::NotUtf8 | Self::BadHeader(_) | Self::BodyBroken => {
                StatusCode::BAD_REQUEST
            }
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::QueueFull | Self::ReadersFull => StatusCode::TOO_MANY_REQUESTS,
            Self::ShuttingDown | Self::Away | Self::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unproved(why) => format!("{why}; sign with a key that is valid now"),
            Self::ContentType => "send application/cloudevents+json or application/cloudevents-batch+json, \
                                  or ce-* headers with application/json; in UTF-8"
                .into(),
            Self::ContentEncoding => "the body is encoded; send it as it is, without Content-Encoding".into(),
            Self::TooLarge => "send at most 64 KiB an event and 4 MiB a batch".into(),
            Self::TooManyEvents(most) => format!("send at most {most} events a batch"),
            Self::NotABatch => "the body is not a JSON array; nothing of it was taken".into(),
            Self::NotUtf8 => "the body is not UTF-8; nothing of it was taken".into(),
            Self::BadHeader(name) => format!(
                "the header {name} cannot be read: once, a-z and 0-9 in its name, percent-encoded UTF-8 in its value"
            ),
            Self::BodyBroken => "the body did not arrive whole; send it again".into(),
            Self::BodyTimeout => "the body did not arrive in time; send it again".into(),
            Self::QueueFull => {
                "no room for the whole request; nothing of it was taken; send it again later".into()
            }
            Self::ReadersFull => "too many requests at once; nothing was taken; send it again later".into(),
            Self::ShuttingDown => "shutting down; nothing was taken; send it again later".into(),
            Self::Away => "events cannot be stored now; nothing was taken; send it again later".into(),
            Self::OutcomeUnknown => {
                "the outcome is not known yet; send it again: what was stored is known to be a \
                                     duplicate"
                    .into()
            }
        }
    }

    /// The header that the status calls for (RFC 9110, sections 10.2.3, 11.6.1 and 12.5.3).
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unproved(_) => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Tidings-Signature"))),
            Self::ContentEncoding => Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Self::QueueFull | Self::ReadersFull => Some(retry_after(RETRY_WHEN_FULL)),
            Self::ShuttingDown | Self::Away | Self::OutcomeUnknown => Some(retry_after(RETRY_WHEN_AWAY)),
            _ => None,
        }
    }
}

fn retry_after(wait: Duration) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(wait.as_secs()))
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let answer = Answer { code: self.code(), message: self.message(), events: Vec::new() };
        let mut response = json(self.status(), &answer);
        response.headers_mut().extend(self.header());
        response
    }
}

fn json(status: StatusCode, answer: &Answer) -> Response {
    match serde_json::to_vec(answer) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
