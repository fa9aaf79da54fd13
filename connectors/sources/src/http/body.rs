//! Reads a request's body within its limits of size and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};

use super::BATCH_BYTES;
use super::answer::Denial;

/// Bytes of a too large body that are read and thrown away, so that the sender comes to read the answer and
/// does not only see its connection reset.
const DISCARDED_BYTES: usize = BATCH_BYTES;

/// At most `longest` bytes.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    longest: usize,
    wait: Duration,
) -> Result<Vec<u8>, Denial> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let most = if headers.contains_key(EXPECT) { longest } else { longest + DISCARDED_BYTES };
    if declared.is_some_and(|bytes| bytes > most as u64) {
        return Err(Denial::TooLarge);
    }
    tokio::time::timeout(wait, collect(body, longest)).await.unwrap_or(Err(Denial::BodyTimeout))
}

async fn collect(mut body: Body, longest: usize) -> Result<Vec<u8>, Denial> {
    let (mut held, mut seen) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| Denial::BodyBroken)?.into_data() else { continue };
        seen += data.len();
        if seen > longest + DISCARDED_BYTES {
            break;
        }
        if seen <= longest {
            held.extend_from_slice(&data);
        } else {
            held = Vec::new();
        }
    }
    if seen > longest { Err(Denial::TooLarge) } else { Ok(held) }
}
