//! The settings of one deployment: defaults, then one TOML file, then environment variables.
//!
//! A variable is named `TIDINGS_` and the key in capitals, with two underscores where the key has a dot:
//! `TIDINGS_HTTP__LISTEN` is `http.listen`. [`CONFIG_VARIABLE`] alone is no key: it names the file. Relative paths,
//! those in variables too, are relative to the folder of the file; without a file, to the working directory.
//!
//! Everything that is wrong is told at once, with the place and what is expected; no error repeats a value, in case a
//! key was pasted where the path of its file belongs. This is the only place that reads the environment.

mod error;
mod given;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidings_domain::time::Timestamp;
use toml::de::{DeTable, DeValue};

pub(crate) use error::{ConfigError, Place, Problem};
use given::{Given, Wrong};
use reference::{KEYS, nearest};

/// What the names of variables start with.
pub(crate) const PREFIX: &str = "TIDINGS_";
/// The variable that names the file, when the command line does not.
pub(crate) const CONFIG_VARIABLE: &str = "TIDINGS_CONFIG";
/// Longest configuration file, bytes.
const FILE_BYTES: u64 = 1024 * 1024;
/// Longest path of a Unix socket, bytes (`sun_path` of unix(7) without its final zero).
const SOCKET_PATH_BYTES: usize = 107;

/// Which clock business time follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BusinessClock {
    /// The clock on the wall.
    Wall,
    /// The latest event: for demonstrations and catching up.
    Events,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs, one object a line.
    Json,
}

/// The files that hold keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFiles {
    /// What wraps the keys of citizens.
    pub(crate) master: PathBuf,
    /// The wrapped keys of citizens; apart from the data.
    pub(crate) ring: PathBuf,
    /// What turns national numbers into citizens.
    pub(crate) deployment: PathBuf,
}

/// `POST /events` and the screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Most events that were taken and are not yet durable.
    pub(crate) queue: usize,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// How lines look.
    pub(crate) format: LogFormat,
    /// The least that is worth a line.
    pub(crate) level: tracing::Level,
}

/// Attempts of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// How many before it is buried.
    pub(crate) attempts: u32,
    /// Delay after the first that failed; doubles with each.
    pub(crate) backoff: Duration,
}

/// A key with which a source signs over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceKey {
    /// Its name, as the source gives it with each request.
    pub(crate) id: String,
    /// The file that holds the secret.
    pub(crate) file: PathBuf,
    /// Not valid before.
    pub(crate) not_before: Option<Timestamp>,
    /// Not valid after.
    pub(crate) not_after: Option<Timestamp>,
}

/// Every setting; see [`Config::reference`] for what each means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// The folder of the store.
    pub(crate) store: PathBuf,
    /// Shards of the store; fixed when it is made.
    pub(crate) shards: u16,
    /// The folder of the rule pack; the built-in Viet Nam pack without it.
    pub(crate) pack: Option<PathBuf>,
    /// Key files.
    pub(crate) keys: KeyFiles,
    /// HTTP; none when no address is given.
    pub(crate) http: Option<Http>,
    /// The socket through which commands reach a running server.
    pub(crate) socket: PathBuf,
    /// The folder that messages are written to, if that channel is wanted.
    pub(crate) outbox: Option<PathBuf>,
    /// Most events in one commit.
    pub(crate) batch: usize,
    /// What business time follows.
    pub(crate) clock: Option<BusinessClock>,
    /// Logging.
    pub(crate) log: Log,
    /// Keys of sources, by the source's short name.
    pub(crate) sources: BTreeMap<String, Vec<SourceKey>>,
    /// Attempts of deliveries.
    pub(crate) retry: Retry,
}

impl Config {
    /// The settings of this process: `path`, or the file that [`CONFIG_VARIABLE`] names, and its environment.
    pub(crate) fn from_environment(path: Option<&Path>) -> Result<Self, Vec<ConfigError>> {
        #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let all = std::env::vars_os();
        let (mut variables, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, value) in all {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            match value.into_string() {
                Ok(value) => drop(variables.insert(name.to_owned(), value)),
                Err(_) => errors.push(ConfigError::not_utf8(name)),
            }
        }
        match Self::load(path, &variables) {
            Ok(config) if errors.is_empty() => Ok(config),
            Ok(_) => Err(errors),
            Err(more) => Err([errors, more].concat()),
        }
    }

    /// The settings of a file, if there is one, and of variables. Of `env`, names without [`PREFIX`] are no concern.
    pub(crate) fn load(
        path: Option<&Path>,
        env: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<ConfigError>> {
        let path = path.or_else(|| env.get(CONFIG_VARIABLE).map(Path::new));
        let mut draft = Draft::default();
        if let Some(path) = path {
            draft.read_file(path);
        }
        for (name, value) in env {
            if let Some(key) = name.strip_prefix(PREFIX).filter(|_| name != CONFIG_VARIABLE) {
                let segments: Vec<String> = key.split("__").map(str::to_lowercase).collect();
                draft.set(&segments, Given::Text(value), &|_| Place::Variable(name.clone()));
            }
        }
        draft.finish(path.and_then(Path::parent).unwrap_or(Path::new("")))
    }

    /// An example file: every key with what it means, and its default.
    pub(crate) fn reference() -> String {
        reference::text()
    }
}

/// Settings as they were given, before paths are resolved and defaults that follow from others are set.
struct Draft {
    store: PathBuf,
    shards: u16,
    pack: Option<PathBuf>,
    master: PathBuf,
    ring: Option<PathBuf>,
    deployment: PathBuf,
    http: Http,
    listens: bool,
    socket: Option<PathBuf>,
    outbox: Option<PathBuf>,
    batch: usize,
    clock: Option<BusinessClock>,
    log: Log,
    sources: BTreeMap<String, Vec<SourceKey>>,
    retry: Retry,
    errors: Vec<ConfigError>,
    /// Where the socket's path came from, to tell when it is too long.
    socket_place: Option<Place>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            store: "data".into(),
            shards: 1,
            pack: None,
            master: "master.key".into(),
            ring: None,
            deployment: "deployment.key".into(),
            http: Http { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), queue: 10_000 },
            listens: false,
            socket: None,
            outbox: None,
            batch: 2_000,
            clock: None,
            log: Log { format: LogFormat::Text, level: tracing::Level::INFO },
            sources: BTreeMap::new(),
            retry: Retry { attempts: 8, backoff: Duration::from_secs(30) },
            errors: Vec::new(),
            socket_place: None,
        }
    }
}

impl Draft {
    fn read_file(&mut self, path: &Path) {
        let whole =
            |problem| ConfigError { place: Place::Whole(path.to_owned()), key: String::new(), problem };
        let text = match fs::metadata(path).map(|meta| meta.len()) {
            Ok(length) if length > FILE_BYTES => {
                return self.errors.push(whole(Problem::TooLong(FILE_BYTES)));
            }
            Ok(_) => fs::read_to_string(path),
            Err(error) => Err(error),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => return self.errors.push(whole(Problem::Unreadable(error.kind()))),
        };
        let place = |at: usize| Place::in_file(path, &text, at);
        let (table, mut faults) = DeTable::parse_recoverable(&text);
        // What a broken line leaves behind is not worth checking: it would be told twice.
        if faults.is_empty() {
            return self.walk(&mut Vec::new(), table.get_ref(), &place);
        }
        faults.sort_by_key(|fault| fault.span().map(|span| span.start));
        self.errors.extend(faults.iter().map(|fault| ConfigError {
            place: fault.span().map_or(Place::Whole(path.to_owned()), |span| place(span.start)),
            key: String::new(),
            problem: Problem::Syntax(fault.message().to_owned()),
        }));
    }

    fn walk(&mut self, segments: &mut Vec<String>, table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            segments.push(name.get_ref().to_string());
            let (is_key, is_section) = (is_key(segments), is_section(segments));
            match value.get_ref() {
                DeValue::Table(inner) if !is_key && (is_section || !inner.is_empty()) => {
                    self.walk(segments, inner, place);
                }
                _ if is_section => {
                    self.wrong(segments, Wrong::new("a table of keys"), place(value.span().start))
                }
                // An unknown key is shown itself, a bad value where it stands.
                inner => self.set(segments, Given::Toml(inner, value.span().start), &|at| {
                    place(if is_key { at } else { name.span().start })
                }),
            }
            segments.pop();
        }
    }

    /// Sets one key. `place` tells where a byte of the file is; a variable has one place.
    fn set(&mut self, segments: &[String], given: Given<'_>, place: &dyn Fn(usize) -> Place) {
        if let [sources, name, keys] = segments
            && (sources.as_str(), keys.as_str()) == ("sources", "keys")
        {
            let (keys, wrongs) = given.source_keys();
            self.sources.insert(name.clone(), keys);
            for (at, wrong) in wrongs {
                self.wrong(segments, wrong, place(at));
            }
            return;
        }
        match self.set_plain(&segments.join("."), &given) {
            Ok(true) if segments == ["socket"] => self.socket_place = Some(place(given.start())),
            Ok(true) => {}
            Ok(false) => self.errors.push(ConfigError {
                place: place(given.start()),
                key: segments.join("."),
                problem: Problem::UnknownKey { nearest: nearest(segments) },
            }),
            Err(wrong) => self.wrong(segments, wrong, place(given.start())),
        }
    }

    /// Sets a key that is not a source's; `false` when there is none of that name.
    fn set_plain(&mut self, key: &str, given: &Given<'_>) -> Result<bool, Wrong> {
        use tracing::Level;
        match key {
            "store" => self.store = given.path()?,
            "shards" => self.shards = given.count(1..=1_024)?,
            "pack" => self.pack = Some(given.path()?),
            "keys.master" => self.master = given.path()?,
            "keys.ring" => self.ring = Some(given.path()?),
            "keys.deployment" => self.deployment = given.path()?,
            "http.listen" => {
                self.http.listen = given.address()?;
                self.listens = true;
            }
            "http.queue" => self.http.queue = given.count(1..=1_000_000)?,
            "socket" => self.socket = Some(given.path()?),
            "outbox" => self.outbox = Some(given.path()?),
            "batch" => self.batch = given.count(1..=100_000)?,
            "clock" => {
                let choices = [("wall", BusinessClock::Wall), ("events", BusinessClock::Events)];
                self.clock = Some(given.choice(&choices)?);
            }
            "log.format" => {
                self.log.format = given.choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
            }
            "log.level" => {
                self.log.level = given.choice(&[
                    ("error", Level::ERROR),
                    ("warn", Level::WARN),
                    ("info", Level::INFO),
                    ("debug", Level::DEBUG),
                    ("trace", Level::TRACE),
                ])?;
            }
            "retry.attempts" => self.retry.attempts = given.count(1..=100)?,
            "retry.backoff_seconds" => self.retry.backoff = Duration::from_secs(given.count(1..=86_400)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn wrong(&mut self, segments: &[String], wrong: Wrong, place: Place) {
        let key = segments.iter().map(String::as_str).chain(wrong.within.as_deref());
        let key = key.collect::<Vec<_>>().join(".");
        self.errors.push(ConfigError { place, key, problem: wrong.problem });
    }

    fn finish(mut self, base: &Path) -> Result<Config, Vec<ConfigError>> {
        let store = base.join(self.store);
        let beside = |suffix: &str| {
            let mut path = store.clone().into_os_string();
            path.push(suffix);
            PathBuf::from(path)
        };
        let socket = self.socket.map_or_else(|| beside(".sock"), |path| base.join(path));
        if socket.as_os_str().len() > SOCKET_PATH_BYTES {
            let expected =
                format!("a path of at most {SOCKET_PATH_BYTES} bytes (by default the store's, and .sock)");
            self.errors.push(ConfigError {
                place: self.socket_place.unwrap_or(Place::Default),
                key: "socket".to_owned(),
                problem: Problem::WrongValue { expected, nearest: None },
            });
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let mut sources = self.sources;
        for key in sources.values_mut().flatten() {
            key.file = base.join(&key.file);
        }
        Ok(Config {
            shards: self.shards,
            pack: self.pack.map(|path| base.join(path)),
            keys: KeyFiles {
                master: base.join(self.master),
                ring: self.ring.map_or_else(|| beside(".keys"), |path| base.join(path)),
                deployment: base.join(self.deployment),
            },
            http: self.listens.then_some(self.http),
            socket,
            outbox: self.outbox.map(|path| base.join(path)),
            batch: self.batch,
            clock: self.clock,
            log: self.log,
            sources,
            retry: self.retry,
            store,
        })
    }
}

/// Whether there is a key of this name.
fn is_key(segments: &[String]) -> bool {
    let name = segments.join(".");
    KEYS.iter().any(|key| key.path == name) || matches!(segments, [s, _, k] if s == "sources" && k == "keys")
}

/// Whether there are keys whose names start with this one's.
fn is_section(segments: &[String]) -> bool {
    let start = segments.join(".") + ".";
    KEYS.iter().any(|key| key.path.starts_with(&start)) || matches!(segments, [s] | [s, _] if s == "sources")
}
