use tempfile::TempDir;

use super::*;

fn env(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A folder with `tidings.toml` in it.
fn folder(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tidings.toml");
    fs::write(&path, text).expect("written");
    (dir, path)
}

/// What is told of a file and variables, with the file's name alone.
fn told(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let (dir, path) = folder(text);
    let errors = Config::load(Some(&path), &env(variables)).expect_err("something is wrong");
    let folder = format!("{}/", dir.path().display());
    errors.iter().map(|error| error.to_string().replace(&folder, "")).collect()
}

fn defaults() -> Config {
    Config::load(None, &BTreeMap::new()).expect("nothing is required")
}

#[test]
fn the_reference_parses_to_the_defaults() {
    let (dir, path) = folder(&Config::reference());
    let mut expected = defaults();
    let keys = &mut expected.keys;
    let own = [&mut expected.store, &mut expected.socket];
    for path in own.into_iter().chain([&mut keys.master, &mut keys.ring, &mut keys.deployment]) {
        *path = dir.path().join(&*path);
    }
    assert_eq!(Config::load(Some(&path), &BTreeMap::new()), Ok(expected));
}

#[test]
fn every_example_in_the_reference_is_accepted() {
    let keyed = |line: &&str| line.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
    let bare = |line| {
        str::strip_prefix(line, "# ").filter(|rest| keyed(rest) || rest.starts_with('[')).unwrap_or(line)
    };
    let text: String = Config::reference().lines().map(|line| format!("{}\n", bare(line))).collect();
    let (dir, path) = folder(&text);
    let config = Config::load(Some(&path), &BTreeMap::new()).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(config.keys.ring, dir.path().join("data.keys"));
    assert_eq!(config.socket, dir.path().join("data.sock"));
    assert_eq!(config.pack, Some(dir.path().join("pack")));
    assert_eq!(config.outbox, Some(dir.path().join("outbox")));
    assert_eq!(config.http.map(|http| http.listen.to_string()), Some("127.0.0.1:8080".to_owned()));
    let key = &config.sources["civil-registry"][0];
    assert_eq!((key.id.as_str(), &key.file), ("k1", &dir.path().join("civil-registry.key")));
    assert_eq!(key.not_before.map(|time| time.to_string()), Some("2025-12-31T17:00:00.000Z".to_owned()));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let text = "\
stoer = \"data\"
shards = 0
pack = 3
clock = \"event\"
listen = \"x\"
http = { listen = \"localhost\", queue = 1.5 }

[keys]
master = \"\"
ring = { file = \"x\" }

[htpp]
listen = \"127.0.0.1:1\"

[log]
level = \"verbose\"
";
    let expected = [
        "tidings.toml:1:1: `stoer`: there is no such key; did you mean `store`?",
        "tidings.toml:2:10: `shards`: expected a whole number from 1 to 1024",
        "tidings.toml:3:8: `pack`: expected a path, in quotes",
        "tidings.toml:4:9: `clock`: expected one of \"wall\", \"events\"; did you mean `events`?",
        "tidings.toml:5:1: `listen`: there is no such key; did you mean `http.listen`?",
        "tidings.toml:6:19: `http.listen`: expected an IP address and a port, in quotes: \"127.0.0.1:8080\" or \"[::1]:8080\"",
        "tidings.toml:6:40: `http.queue`: expected a whole number from 1 to 1000000",
        "tidings.toml:9:10: `keys.master`: expected a path, in quotes",
        "tidings.toml:10:8: `keys.ring`: expected a path, in quotes",
        "tidings.toml:13:1: `htpp.listen`: there is no such key; did you mean `http.listen`?",
        "tidings.toml:16:9: `log.level`: expected one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"",
        "TIDINGS_BATCH: `batch`: expected a whole number from 1 to 100000",
        "TIDINGS_HTTP__QUEU: `http.queu`: there is no such key; did you mean `http.queue`?",
    ];
    assert_eq!(
        told(text, &[("TIDINGS_BATCH", "many"), ("TIDINGS_HTTP__QUEU", "1"), ("HOME", "/")]),
        expected
    );
}

#[test]
fn what_is_wrong_with_the_keys_of_a_source_is_told_where_it_stands() {
    let text = "\
[sources.a]
keys = [
  { id = \"k\", file = \"f\", not_before = 2026-01-01 },
  { id = \"k\", fil = \"f\" },
  3,
  { id = \"k\", file = \"g\", not_before = 2026-02-01T00:00:00Z, not_after = \"2026-01-01T00:00:00Z\" },
]
secret = \"x\"

[sources]
b = 1
";
    let list = "expected a list of tables: [{ id = \"k1\", file = \"PATH\" }]";
    let expected = [
        "tidings.toml:3:40: `sources.a.keys.0.not_before`: expected a moment with its offset: 2026-01-31T00:00:00+07:00",
        "tidings.toml:4:15: `sources.a.keys.1.fil`: there is no such key; did you mean `file`?",
        "tidings.toml:4:3: `sources.a.keys.1.file`: expected the path of the file that holds the secret, in quotes",
        &format!("tidings.toml:5:3: `sources.a.keys`: {list}"),
        "tidings.toml:6:3: `sources.a.keys.3.not_after`: expected a moment after not_before",
        "tidings.toml:6:3: `sources.a.keys.3.id`: expected an id that no other key of the source has",
        "tidings.toml:8:1: `sources.a.secret`: there is no such key; did you mean `sources.NAME.keys`?",
        "tidings.toml:11:5: `sources.b`: expected a table of keys",
        &format!("TIDINGS_SOURCES__C__KEYS: `sources.c.keys`: {list}"),
    ];
    assert_eq!(told(text, &[("TIDINGS_SOURCES__C__KEYS", "secret")]), expected);
}

#[test]
fn a_file_that_is_no_toml_is_told_by_line_and_its_keys_are_not() {
    let errors = told("store = \nnonsense = 1\n[log\n", &[]);
    assert!(errors[0].starts_with("tidings.toml:1:"), "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("not TOML")), "{errors:?}");
    assert!(errors.len() > 1, "{errors:?}");
}

#[test]
fn no_error_repeats_a_value() {
    let secret = "c2VjcmV0";
    let variables = ["SHARDS", "HTTP__LISTEN", "CLOCK", "LOG__LEVEL", "SOURCES__A__KEYS", "NOTHING"];
    let variables: Vec<_> = variables.iter().map(|name| (format!("{PREFIX}{name}"), secret)).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let errors = told(&format!("shards = \"{secret}\"\nclock = \"{secret}\"\n"), &variables);
    assert_eq!(errors.len(), 2 + variables.len());
    assert!(errors.iter().all(|error| !error.contains(secret)), "{errors:?}");
}

#[test]
fn variables_override_the_file_and_name_it() {
    let (dir, path) = folder("store = \"a\"\nbatch = 7\nhttp.listen = \"127.0.0.1:1\"\n");
    let variables = env(&[
        (CONFIG_VARIABLE, path.to_str().expect("UTF-8")),
        ("TIDINGS_STORE", "b"),
        ("TIDINGS_HTTP__LISTEN", "[::1]:2"),
        ("TIDINGS_KEYS__MASTER", "/etc/master"),
        ("TIDINGS_SOURCES__CIVIL-REGISTRY__KEYS", "[{id='k', file='f'}]"),
    ]);
    let config = Config::load(None, &variables).expect("good");
    assert_eq!((config.store, config.batch), (dir.path().join("b"), 7));
    assert_eq!(config.keys.ring, dir.path().join("b.keys"));
    assert_eq!(config.keys.master, PathBuf::from("/etc/master"));
    assert_eq!(config.http.map(|http| http.listen.port()), Some(2));
    assert_eq!(config.sources["civil-registry"][0].file, dir.path().join("f"));
}

#[test]
fn a_file_that_is_absent_or_a_socket_path_that_is_too_long_is_told() {
    let absent = Config::load(Some(Path::new("/nowhere/tidings.toml")), &BTreeMap::new());
    assert_eq!(
        absent.expect_err("absent")[0].to_string(),
        "/nowhere/tidings.toml: the file cannot be read: entity not found"
    );
    let long = "x".repeat(SOCKET_PATH_BYTES);
    let by_default = Config::load(None, &env(&[("TIDINGS_STORE", &long)]));
    let text = by_default.expect_err("too long")[0].to_string();
    assert!(text.starts_with("by default: `socket`: expected a path of at most 107 bytes"), "{text}");
    assert!(Config::load(None, &env(&[("TIDINGS_STORE", &long), ("TIDINGS_SOCKET", "s")])).is_ok());
}
