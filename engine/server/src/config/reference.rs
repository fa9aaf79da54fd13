//! Every key with what it means: the example file, and the hints for keys that do not exist.

/// One key.
pub(super) struct Key {
    /// Its name, with dots.
    pub(super) path: &'static str,
    /// What it means.
    means: &'static str,
    /// A value in TOML.
    value: &'static str,
    /// Whether that is what holds when the key is absent; otherwise the line is commented out.
    default: bool,
}

const fn key(path: &'static str, value: &'static str, means: &'static str) -> Key {
    Key { path, means, value, default: true }
}

/// A key that is absent by default; `value` is an example.
const fn optional(path: &'static str, value: &'static str, means: &'static str) -> Key {
    Key { path, means, value, default: false }
}

/// Every key but those of sources, as the example shows them.
pub(super) const KEYS: &[Key] = &[
    key("store", "\"data\"", "Folder of the store. Made if it is not there."),
    key("shards", "1", "Shards of the store, 1 to 1024. Fixed when the store is made."),
    optional("pack", "\"pack\"", "Folder of the rule pack. Default: the Viet Nam pack that is built in."),
    optional(
        "socket",
        "\"data.sock\"",
        "Socket through which commands reach the running server. Default: the store's path and `.sock`.",
    ),
    optional(
        "outbox",
        "\"outbox\"",
        "Folder that messages are written to, one file each, for a program that sends them. Default: none.",
    ),
    key("batch", "2000", "Most events in one commit, 1 to 100000."),
    optional(
        "clock",
        "\"wall\"",
        "What business time follows: \"wall\", or \"events\" (the latest event). Default: \"events\" for a file alone, else \"wall\".",
    ),
    key(
        "keys.master",
        "\"master.key\"",
        "File of the master key, at least 32 bytes, readable by its owner alone. Keep a copy apart: without it nothing opens.",
    ),
    optional(
        "keys.ring",
        "\"data.keys\"",
        "File of the citizens' keys; never in a backup of the store. Default: the store's path and `.keys`.",
    ),
    key(
        "keys.deployment",
        "\"deployment.key\"",
        "File of the key that turns national numbers into citizens, at least 32 bytes. Changing it orphans every record.",
    ),
    optional("http.listen", "\"127.0.0.1:8080\"", "Address and port. Default: none, and no HTTP."),
    key(
        "http.queue",
        "10000",
        "Most events that were taken and are not yet durable; beyond it senders are asked to come again.",
    ),
    key("log.format", "\"text\"", "\"text\" for people or \"json\" for programs."),
    key("log.level", "\"info\"", "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"."),
    key("retry.attempts", "8", "Attempts of one delivery before it is buried, 1 to 100."),
    key(
        "retry.backoff_seconds",
        "30",
        "Seconds to wait after the first attempt that failed; doubles with each.",
    ),
];

/// The name under which hints show the keys of sources.
const SOURCE_KEYS: &str = "sources.NAME.keys";

const HEAD: &str = "\
# Settings of Tidings. What is written here is what holds without it; lines that are commented out show an example.
# A variable of the environment overrides a key: TIDINGS_HTTP__LISTEN is http.listen.
# Relative paths are relative to the folder of this file.
";

const SOURCES: &str = "
# Keys with which a source signs what it sends over HTTP, by its short name in the pack's sources.yaml. At most 8 at
# once, so that they can be changed without a pause. `not_before` and `not_after` may be left out.
# [sources.civil-registry]
# keys = [{ id = \"k1\", file = \"civil-registry.key\", not_before = \"2026-01-01T00:00:00+07:00\", not_after = \"2027-01-01T00:00:00+07:00\" }]
";

/// The example file.
pub(super) fn text() -> String {
    let (mut text, mut section) = (HEAD.to_owned(), "");
    for key in KEYS {
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != section {
            text.push_str(&format!("\n[{of}]"));
            section = of;
        }
        let comment = if key.default { "" } else { "# " };
        text.push_str(&format!("\n# {}\n{comment}{name} = {}\n", key.means, key.value));
    }
    text + SOURCES
}

/// The good key that is most like this one, or has its last part in another section.
pub(super) fn nearest(segments: &[String]) -> Option<String> {
    let name = segments.join(".");
    let all = || KEYS.iter().map(|key| key.path).chain([SOURCE_KEYS]);
    let whole = most_like(&name, all());
    let moved = || {
        let last = segments.last()?;
        all().find(|path| path.rsplit('.').next() == Some(last))
    };
    let found = match segments {
        [sources, ..] if sources == "sources" => Some(SOURCE_KEYS),
        _ => moved().or(whole),
    };
    found.map(str::to_owned)
}

/// The candidate that is most like `text`, if one is much like it.
pub(super) fn most_like<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MUCH: f64 = 0.6;
    let likeness = |candidate: &str| strsim::normalized_damerau_levenshtein(text, candidate);
    let scored = candidates.into_iter().map(|candidate| (likeness(candidate), candidate));
    scored
        .filter(|(score, _)| *score >= MUCH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
