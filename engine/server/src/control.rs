//! The local socket: while `run` holds the store, the other commands are answered by it. One JSON line asks, one
//! answers. The socket's file permissions say who may ask: its owner.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tidings_pipeline::engine::Engine;

use crate::commands::requests::{Reply, Request, answer};
use crate::out::{Refused, code_of};

/// Longest request line, bytes.
const REQUEST_BYTES: u64 = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Done(Box<Reply>),
    Failed { code: u8, message: String },
}

/// A listening socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
}

impl Control {
    /// Listens, and answers on a thread of its own until `stop` is set.
    pub(crate) fn serve(path: &Path, engine: Arc<Engine>, stop: Arc<AtomicBool>) -> anyhow::Result<Self> {
        // Whoever holds the store owns the socket: a file left by a process that died is in the way.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("the control socket is in the way and cannot be removed");
            }
            _ => {}
        }
        let listener = UnixListener::bind(path).context("the control socket cannot be made")?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        std::thread::Builder::new().name("control".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(stream) = stream
                    && let Err(error) = serve_one(&engine, &stream)
                {
                    tracing::debug!(%error, "a control connection ended early");
                }
            }
        })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Wakes the thread, which then sees that it is to stop.
        drop(UnixStream::connect(&self.path));
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket was removed by somebody else");
        }
    }
}

fn serve_one(engine: &Engine, stream: &UnixStream) -> anyhow::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.take(REQUEST_BYTES)).read_line(&mut line)?;
    let answer = match serde_json::from_str::<Request>(&line) {
        Err(_) => Answer::Failed { code: crate::out::exit::USAGE, message: "that is no request".to_owned() },
        Ok(request) => match answer(engine, request, crate::clock::wall()) {
            Ok(reply) => Answer::Done(Box::new(reply)),
            Err(error) => Answer::Failed { code: code_of(&error), message: format!("{error:#}") },
        },
    };
    let mut stream = stream;
    stream.write_all(serde_json::to_string(&answer)?.as_bytes())?;
    stream.write_all(b"\n")?;
    Ok(())
}

/// Asks a running `tidings`.
pub(crate) fn ask(path: &Path, request: &Request) -> anyhow::Result<Reply> {
    let mut stream = UnixStream::connect(path).context(
        "the store is in use by a process that does not answer on its control socket; is it a `tidings run`?",
    )?;
    stream.write_all(serde_json::to_string(request)?.as_bytes())?;
    stream.write_all(b"\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    match serde_json::from_str(&line).context("the running tidings gave an answer of another release")? {
        Answer::Done(reply) => Ok(*reply),
        Answer::Failed { code, message } => Err(Refused { code, message }.into()),
    }
}
