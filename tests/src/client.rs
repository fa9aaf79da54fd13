//! The smallest HTTP client, and how a source signs.
#![expect(clippy::expect_used, clippy::panic, reason = "a test cannot go on without its answer")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::Value as Json;
use tidings_sources::signature::{Signed, sign};

use crate::process::PATIENCE;

/// An address that nobody listens on: a port of a loopback address that this process alone uses.
///
/// # Panics
/// When there is no loopback.
#[must_use]
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    let listener = TcpListener::bind(SocketAddr::from(([127, high.max(1), low, last], 0))).expect("loopback");
    listener.local_addr().expect("it is bound")
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// The body as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Status, and the code that the body gives.
    #[must_use]
    pub fn told(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// How each event of the request ended.
    #[must_use]
    pub fn ends(&self) -> Vec<String> {
        let json = self.json();
        let events = json["events"].as_array().into_iter().flatten();
        events.map(|event| event["end"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// A request to `POST /events`.
#[derive(Clone, Debug)]
pub struct Post {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Post {
    /// Bytes of this content type; an empty one is left out.
    #[must_use]
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let post = Self { headers: Vec::new(), body: body.into() };
        if content_type.is_empty() { post } else { post.header("content-type", content_type) }
    }

    /// One event in structured mode.
    #[must_use]
    pub fn structured(event: &Json) -> Self {
        Self::new("application/cloudevents+json", event.to_string())
    }

    /// Events in batch mode.
    #[must_use]
    pub fn batch(events: &[Json]) -> Self {
        Self::new("application/cloudevents-batch+json", Json::from(events).to_string())
    }

    /// One event in binary mode.
    ///
    /// # Panics
    /// When the event is not an object.
    #[must_use]
    pub fn binary(event: &Json) -> Self {
        let data = event["data"].to_string();
        let attributes = event.as_object().expect("an event").iter();
        let attributes = attributes.filter(|(name, _)| !matches!(name.as_str(), "data" | "datacontenttype"));
        attributes.fold(Self::new("application/json", data), |post, (name, value)| {
            post.header(&format!("ce-{name}"), value.as_str().expect("attributes are text"))
        })
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signed by this source now, with the key `k1`.
    #[must_use]
    pub fn signed(self, source: &str, secret: &[u8]) -> Self {
        self.signed_at(source, secret, now())
    }

    /// Signed by this source at some second.
    ///
    /// # Panics
    /// When the secret is too short.
    #[must_use]
    pub fn signed_at(self, source: &str, secret: &[u8], timestamp: i64) -> Self {
        let attributes: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("ce-"))
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let said = Signed { source, key: "k1", timestamp, attributes: &attributes, body: &self.body };
        let signature = sign(secret, &said).expect("a good key");
        signature.into_iter().fold(self.clone(), |post, (name, value)| post.header(name, &value))
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// When the connection is refused or broken before the answer is whole.
    pub fn send(&self, to: SocketAddr) -> io::Result<Reply> {
        let mut head = format!("POST /events HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        exchange(to, &[head.as_bytes(), &self.body].concat())
    }

    /// Sends it and reads the answer, which must come.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    #[track_caller]
    pub fn answer(&self, from: SocketAddr) -> Reply {
        self.send(from).expect("an answer")
    }
}

/// `GET`s a page, which must come.
///
/// # Panics
/// When it does not.
#[must_use]
#[track_caller]
pub fn get(from: SocketAddr, path: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {from}\r\nconnection: close\r\n\r\n");
    exchange(from, request.as_bytes()).expect("an answer")
}

/// Sends bytes and reads the answer to them.
///
/// # Errors
/// When the connection is refused or broken before the answer is whole.
pub fn exchange(with: SocketAddr, request: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(with)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses early may close before it has read everything; its answer counts.
    let sent = stream.write_all(request);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer)
        && answer.is_empty()
    {
        return Err(sent.err().unwrap_or(error));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    if length.is_some_and(|length| length > body.len()) {
        return Err(cut());
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

/// Seconds since 1970, as the server sees them.
///
/// # Panics
/// Before 1970.
#[must_use]
pub fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the server checks signatures against the machine's clock")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since.as_secs()).expect("it is not that late")
}
