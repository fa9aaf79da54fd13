//! The binary as a deployment runs it: a folder made by `tidings init`, commands on it, and a `tidings run` beside
//! them. Every wait here ends by itself, with what the process said, when what it waits for does not come.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test cannot go on without the process it is about"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;
use tidings_channels::outbox::OutboxFolder;
use tidings_domain::channel::Channel;
use tidings_models::PackOrder;
use tidings_pipeline::engine::{Engine, Limits};
use tidings_pipeline::open::Parts;
use tidings_rules::Pack;
use tidings_stores::{EmbeddedStore, FileKeyRing, Options, load_master_key};
use tidings_world::{Config, World, small};

use crate::client::free_address;

/// Longer than anything here takes on a busy machine; a test that comes to it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What every source signs with.
pub const SECRET: &[u8; 32] = b"32 bytes, which every source has";

/// The binary beside this test.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let this = std::env::current_exe().expect("a test knows where it is");
    let release = this.parent().and_then(Path::parent).expect("tests lie in target/release/deps");
    let path = release.join("tidings");
    assert!(path.is_file(), "{} is missing: run `cargo build --release -p tidings`", path.display());
    path
}

/// A variable of the environment that tells a test what to do.
#[must_use]
pub fn told(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how a person asks a test for more rounds or an old seed")]
    std::env::var(name).ok()
}

/// The seed of this run: `TIDINGS_SEED`, or one by chance. Printed, so that a failure can be had again.
#[must_use]
pub fn seed() -> u64 {
    let seed = told("TIDINGS_SEED")
        .map_or_else(rand::random, |text| text.parse().expect("TIDINGS_SEED is a number"));
    println!("TIDINGS_SEED={seed}");
    seed
}

/// What a finished command left.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Itself, if it ended so.
    #[must_use]
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// Standard output as one JSON value.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }

    /// Itself, if standard error or output says so.
    #[must_use]
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no {text:?} in\n{}{}",
            self.out,
            self.err
        );
        self
    }
}

/// Runs a command to its end, with this on its standard input.
#[track_caller]
pub fn finish(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // A command that does not read its input closes the pipe.
    let feeder = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("a child can be waited for");
    feeder.join().expect("the feeder ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A deployment in a folder of its own, which goes with it.
pub struct Deployment {
    folder: TempDir,
}

impl Deployment {
    /// `tidings init`, then these top-level lines in front of the configuration. The deployment key is that of
    /// [`crate::people`], so that a test knows its citizens.
    #[must_use]
    #[track_caller]
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let new = Self { folder };
        let made = finish(clean(&mut Command::new(binary())).arg("init").arg(new.root()), b"");
        drop(made.exits(0));
        fs::write(new.path("deployment.key"), [7; 32]).expect("its own key file");
        new.prepend(settings);
        new
    }

    /// Puts lines in front of the configuration.
    pub fn prepend(&self, settings: &str) {
        let file = self.path("tidings.toml");
        let rest = fs::read_to_string(&file).expect("init made it");
        fs::write(file, format!("{settings}\n{rest}")).expect("it is ours");
    }

    /// Puts lines at the end of the configuration.
    pub fn append(&self, settings: &str) {
        let file = self.path("tidings.toml");
        let rest = fs::read_to_string(&file).expect("init made it");
        fs::write(file, format!("{rest}\n{settings}\n")).expect("it is ours");
    }

    /// A folder that was a deployment's, with the modes that a copy has lost.
    #[must_use]
    pub fn adopt(folder: TempDir) -> Self {
        let modes =
            [("master.key", 0o600), ("deployment.key", 0o600), ("keys.ring", 0o600), ("outbox", 0o700)];
        for (name, mode) in modes {
            let path = folder.path().join(name);
            if path.exists() {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
            }
        }
        Self { folder }
    }

    /// Lets it listen for events that these sources sign with [`SECRET`]; gives the address.
    #[must_use]
    pub fn listen(&self, sources: &[&str]) -> SocketAddr {
        let address = free_address();
        let mut settings = format!("[http]\nlisten = \"{address}\"\n");
        self.write_key("source.key", SECRET);
        for source in sources {
            let keys = "keys = [{ id = \"k1\", file = \"source.key\" }]";
            settings.push_str(&format!("[sources.{source}]\n{keys}\n"));
        }
        self.append(&settings);
        address
    }

    /// Starts `run`, and waits until it listens.
    #[must_use]
    #[track_caller]
    pub fn serve(&self) -> Running {
        let mut run = self.start(&["run"]);
        run.until_says("listening");
        run
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Something in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the folder is ours");
        path
    }

    /// Makes a key file that a source signs with.
    pub fn write_key(&self, name: &str, secret: &[u8]) {
        let path = self.write(name, secret);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    }

    /// A command on this deployment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        clean(&mut command).arg("--config").arg(self.path("tidings.toml")).args(arguments);
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn tidings(&self, arguments: &[&str]) -> Ran {
        self.tidings_with(arguments, "")
    }

    /// Runs a command to its end, with this on its standard input.
    #[track_caller]
    pub fn tidings_with(&self, arguments: &[&str], input: &str) -> Ran {
        finish(&mut self.command(arguments), input.as_bytes())
    }

    /// What a command that succeeds prints with `--json`.
    #[must_use]
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Json {
        self.tidings(&[&["--json"], arguments].concat()).exits(0).json()
    }

    /// The arguments that load this table as the population register drew it on new year's day.
    #[must_use]
    pub fn load(&self, table: &str) -> Vec<String> {
        let file = self.path(table).display().to_string();
        ["load", &file, "--source", "first-load", "--as-of", "2026-01-01"].map(str::to_owned).into()
    }

    /// Starts a command that goes on.
    #[must_use]
    #[track_caller]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::spawn(self.command(arguments))
    }

    /// Every message in the outbox, by the name of its file.
    #[must_use]
    pub fn outbox(&self) -> BTreeMap<String, Json> {
        outbox(&self.path("outbox"))
    }

    /// The engine over what the binary left, with what the binary would give it.
    #[must_use]
    #[track_caller]
    pub fn engine(&self) -> Engine {
        engine(self.root())
    }
}

/// A deployment with a small province loaded, and its log beside it as `events.ndjson`: two months, so that it runs
/// fast, with everything that goes wrong. Commits are small, so that there are many moments between them.
///
/// # Panics
/// When it does not load.
#[must_use]
#[track_caller]
pub fn province(seed: u64) -> Deployment {
    let deployment = Deployment::new("outbox = \"outbox\"\nbatch = 16");
    let world = World::generate(&Config { citizens: 1_500, months: 2, ..small(seed) });
    let create = |name: &str| File::create(deployment.path(name)).expect("the folder is ours");
    world.write_people_csv(create("people.csv")).expect("there is room");
    world.write_events(create("events.ndjson")).expect("there is room");
    let load = deployment.load("people.csv");
    let load: Vec<&str> = load.iter().map(String::as_str).collect();
    drop(deployment.tidings(&load).exits(0));
    deployment
}

/// Every message in an outbox folder, by the name of its file.
///
/// # Panics
/// When one of them is not whole.
#[must_use]
pub fn outbox(folder: &Path) -> BTreeMap<String, Json> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("names are hexadecimal");
    entries
        .map(|entry| name(entry.expect("the folder is ours")))
        .filter(|name| name.ends_with(".json"))
        .map(|name| {
            let content = fs::read(folder.join(&name)).expect("the file is ours");
            let message =
                serde_json::from_slice(&content).expect("a reader sees a message whole or not at all");
            (name, message)
        })
        .collect()
}

/// The engine over the store, the key ring and the keys in a folder.
///
/// # Panics
/// When it does not open.
#[must_use]
#[track_caller]
pub fn engine(root: &Path) -> Engine {
    let master = load_master_key(root.join("master.key")).expect("init made it");
    let outbox = OutboxFolder::open(&root.join("outbox")).expect("the outbox");
    let parts = Parts {
        store: Arc::new(EmbeddedStore::open(root.join("store"), Options::new(1)).expect("the store opens")),
        ring: Arc::new(FileKeyRing::open(root.join("keys.ring"), &master).expect("the key ring opens")),
        people: crate::people(),
        model: Arc::new(PackOrder),
        channels: vec![Arc::new(outbox) as Arc<dyn Channel>],
        limits: Limits::default(),
    };
    let pack = match root.join("pack") {
        folder if folder.is_dir() => Pack::load(&folder).expect("the pack loads"),
        _ => crate::viet_nam(),
    };
    Engine::open(parts, pack, crate::at("2026-01-01T00:00:00+07:00")).expect("the engine opens").0
}

/// Takes this process's environment away from a command: `TIDINGS_SEED` would be taken for a setting.
pub fn clean(command: &mut Command) -> &mut Command {
    command.env_clear()
}

/// Waits until `look` gives something; whoever waits names what for.
///
/// # Panics
/// After [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        // Leaves the processor to what is waited for.
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// A process that goes on; it is killed with its handle.
pub struct Running {
    child: Child,
    lines: Receiver<(Stream, String)>,
    heard: [String; 2],
}

#[derive(Clone, Copy)]
enum Stream {
    Out = 0,
    Err = 1,
}

impl Running {
    /// Starts a command, with a pipe on each of its streams.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    #[track_caller]
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (sender, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("piped"));
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("piped"));
        for (stream, reader) in [(Stream::Out, out), (Stream::Err, err)] {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(reader);
                let mut line = Vec::new();
                while reader.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    if sender.send((stream, text)).is_err() {
                        return;
                    }
                    line.clear();
                }
            });
        }
        Self { child, lines, heard: Default::default() }
    }

    /// Its standard input.
    ///
    /// # Panics
    /// When it was taken before.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("taken once")
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line with this text, on either stream.
    #[track_caller]
    pub fn until_says(&mut self, text: &str) {
        let began = Instant::now();
        while !self.heard.iter().any(|heard| heard.contains(text)) {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok((stream, line)) => self.heard[stream as usize].push_str(&line),
                Err(error) => {
                    panic!("never said {text:?} ({error}), but\n{}{}", self.heard[0], self.heard[1])
                }
            }
        }
    }

    /// Sends it SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(sent.expect("kill is there").success(), "SIG{name} was not sent");
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) -> ExitStatus {
        // It may have ended by itself just before.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for")
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Kills it, and gives what it said until then.
    #[must_use]
    pub fn killed(mut self) -> Ran {
        self.kill();
        self.ends()
    }

    /// Waits for its end, and gives what it said.
    #[must_use]
    #[track_caller]
    pub fn ends(mut self) -> Ran {
        drop(self.child.stdin.take());
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok((stream, line)) => self.heard[stream as usize].push_str(&line),
                // Both streams are closed: it is gone.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end\n{}{}", self.heard[0], self.heard[1])
                }
            }
        }
        let code = self.child.wait().expect("a child can be waited for").code();
        let [out, err] = std::mem::take(&mut self.heard);
        Ran { code, out, err }
    }

    /// Bytes that it has handed to the system, to files and pipes: how far it has come. `None` once it is gone.
    #[must_use]
    pub fn written(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.id())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("wchar: ")?.trim().parse().ok())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
