//! A server on a port of its own, and the smallest HTTP client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::{Extension, Router};
use serde_json::Value;
use tidings_domain::event::{Arrival, End};
use tidings_domain::source::{Batch, EventSource};
use tidings_domain::time::Timestamp;
use tidings_sources::Partition;
use tidings_sources::http::{self, Clocks, HttpSource, Intake, Limits, Load, ProvedPeer, Settings};
use tidings_sources::signature::{Signed, SourceKeys, Validity, sign};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

pub(crate) const SOURCE: &str = "civil-registry";
pub(crate) const KEY: &str = "2026a";
pub(crate) const SECRET: &[u8] = &[7; 32];
/// The wall clock of every test.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);
/// Longer than any test takes; nothing waits for it unless it is broken.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn key(byte: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![byte; 32])
}

pub(crate) fn keys() -> SourceKeys {
    let mut keys = SourceKeys::new();
    keys.insert(SOURCE, KEY, key(7), Validity::default()).expect("a good key");
    keys
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) intake: Intake,
    pub(crate) source: HttpSource,
    runtime: Runtime,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Limits::default(), keys())
    }

    pub(crate) fn with(limits: Limits, keys: SourceKeys) -> Self {
        Self::serve(limits, keys, |router| router)
    }

    pub(crate) fn behind(peer: ProvedPeer) -> Self {
        Self::serve(Limits::default(), keys(), |router| router.layer(Extension(peer)))
    }

    fn serve(limits: Limits, keys: SourceKeys, wrap: impl FnOnce(Router) -> Router) -> Self {
        let (intake, source) = http::source(Settings {
            partition: Partition { name: "http".into(), epoch: 9 },
            keys,
            clocks: Clocks { business: Arc::new(|| Timestamp(77)), wall: Arc::new(|| NOW) },
            limits,
        });
        let router = wrap(http::router(intake.clone()));
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, intake, source, runtime }
    }

    /// Drops the end that the loop polls.
    pub(crate) fn without_source(self) -> (SocketAddr, Intake, Runtime) {
        (self.address, self.intake, self.runtime)
    }

    /// Sends what is answered without the loop.
    pub(crate) fn send(&self, request: &Request) -> Reply {
        request.send(self.address)
    }

    /// Sends on a thread of its own.
    pub(crate) fn sending(&self, request: Request) -> JoinHandle<Reply> {
        let address = self.address;
        thread::spawn(move || request.send(address))
    }

    pub(crate) fn batch(&mut self, limit: usize) -> Vec<Arrival> {
        match self.source.next_batch(limit, LONG).expect("a source") {
            Batch::Events(events) => events,
            other => panic!("not events: {other:?}"),
        }
    }

    /// Sends a request, takes what it holds in one batch, and acknowledges each event with `end`.
    pub(crate) fn exchange(
        &mut self,
        request: Request,
        end: impl Fn(&Arrival) -> End,
    ) -> (Vec<Arrival>, Reply) {
        let client = self.sending(request);
        let arrivals = self.batch(usize::MAX);
        let ends: Vec<_> = arrivals.iter().map(end).collect();
        self.source.ack(&ends).expect("acknowledged");
        (arrivals, client.join().expect("answered"))
    }

    pub(crate) fn took_nothing(&mut self) {
        assert_eq!(self.intake.load(), Load::default());
        assert!(matches!(self.source.next_batch(9, Duration::ZERO), Ok(Batch::Quiet)));
    }
}

#[derive(Clone)]
pub(crate) struct Request {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: bool,
}

impl Request {
    pub(crate) fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { headers: Vec::new(), body: body.into(), chunked: false }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(there, _)| there != name);
        self
    }

    pub(crate) fn replace(self, name: &str, value: &str) -> Self {
        self.without(name).header(name, value)
    }

    pub(crate) fn map(mut self, name: &str, change: impl Fn(&str) -> String) -> Self {
        for (_, value) in self.headers.iter_mut().filter(|(there, _)| there == name) {
            *value = change(value);
        }
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    pub(crate) fn signed(self) -> Self {
        self.signed_by(SOURCE, KEY, SECRET, NOW.0 / 1000)
    }

    /// In binary mode, which is when there is a `ce-specversion`, the attributes are signed as well.
    pub(crate) fn signed_by(mut self, source: &str, key: &str, secret: &[u8], timestamp: i64) -> Self {
        let binary = self.headers.iter().any(|(name, _)| name == "ce-specversion");
        let attributes: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| binary && name.starts_with("ce-"))
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let signed = Signed { source, key, timestamp, attributes: &attributes, body: &self.body };
        let headers = sign(secret, &signed).expect("a good key");
        self.headers.extend(headers.map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// Writes the head alone, with other framing than the body's.
    pub(crate) fn head(&self, address: SocketAddr, framing: &str) -> TcpStream {
        let mut head = String::from("POST /events HTTP/1.1\r\nhost: tidings\r\nconnection: close\r\n");
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(LONG)).expect("set");
        stream.write_all(format!("{head}{framing}\r\n").as_bytes()).expect("written");
        stream
    }

    pub(crate) fn write(&self, address: SocketAddr) -> TcpStream {
        if !self.chunked {
            let mut stream = self.head(address, &format!("content-length: {}\r\n", self.body.len()));
            stream.write_all(&self.body).expect("written");
            return stream;
        }
        let mut stream = self.head(address, "transfer-encoding: chunked\r\n");
        for chunk in self.body.chunks(10_000) {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).expect("written");
            stream.write_all(chunk).expect("written");
            stream.write_all(b"\r\n").expect("written");
        }
        stream.write_all(b"0\r\n\r\n").expect("written");
        stream
    }

    pub(crate) fn send(&self, address: SocketAddr) -> Reply {
        Reply::read(self.write(address))
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Reply {
    /// Reads to the end of the connection.
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into()));
        Self {
            status: status.parse().expect("a number"),
            headers: headers.collect(),
            body: serde_json::from_str(body).expect("JSON"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn events(&self) -> &[Value] {
        self.body["events"].as_array().expect("events")
    }
}
