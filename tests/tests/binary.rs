//! Every command of the binary, from `init` to `completions`: what it does, how it exits, what it prints.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value as Json, json};
use tidings_tests::process::{Deployment, Ran, binary, clean, finish, until};
use tidings_tests::{CHILD, FATHER, MOTHER, citizen, event};

const RUN: [&str; 4] = ["run", "--clock", "events", "--events"];

/// Runs an events file on the clock of its events.
#[track_caller]
fn run(deployment: &Deployment, events: &str) -> Json {
    let path = deployment.path(events).display().to_string();
    deployment.json(&[&RUN[..], &[&path]].concat())
}

#[track_caller]
fn load(deployment: &Deployment, table: &str, more: &[&str]) -> Ran {
    let arguments = deployment.load(table);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    deployment.tidings(&arguments)
}

/// A deployment with a generated province beside it, as `people.csv`, `people.ndjson` and `events.ndjson`.
fn province(citizens: u32) -> Deployment {
    let deployment = Deployment::new("outbox = \"outbox\"");
    let path = |name: &str| deployment.path(name).display().to_string();
    for (people, events) in [("people.csv", "events.ndjson"), ("people.ndjson", "again.ndjson")] {
        let (people, events, citizens) = (path(people), path(events), citizens.to_string());
        let made =
            ["generate", "--citizens", &citizens, "--months", "6", "--people", &people, "--events", &events];
        assert_eq!(deployment.json(&made)["people"], json!(citizens.parse::<u32>().unwrap()));
    }
    assert_eq!(fs::read(path("events.ndjson")).unwrap(), fs::read(path("again.ndjson")).unwrap(), "one seed");
    deployment
}

/// A family that is told something: a birth, told by the hospital.
fn family() -> Deployment {
    let deployment = Deployment::new("outbox = \"outbox\"");
    deployment.write(
        "people.csv",
        format!(
            "number,full_name,birth_date,sex,commune,employed,insured_months\n\
             {MOTHER},Trần Thị Mẹ,1995-05-05,F,01057,true,30\n{FATHER},Lê Văn Cha,1993-03-03,M,01057,true,40\n"
        ),
    );
    drop(load(&deployment, "people.csv", &[]).exits(0));
    deployment.write("events.ndjson", lines(&[birth("h-1", "2026-03-01"), move_home("c-1", "2026-03-03")]));
    deployment
}

fn birth(id: &str, date: &str) -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": date, "father": FATHER });
    event("health", id, "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

/// The father moves home.
fn move_home(id: &str, day: &str) -> Json {
    moved(id, FATHER, "CT-1", day)
}

fn moved(id: &str, subject: &str, registration: &str, day: &str) -> Json {
    let data = json!({
        "registration": registration, "province": "01", "commune": "00004", "moved_on": day, "kind": "permanent",
    });
    let time = format!("{day}T08:00:00+07:00");
    event("population", id, "population.residence.changed", subject, &time, data)
}

fn lines(events: &[Json]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

#[test]
fn init_makes_a_folder_once_with_keys_for_its_owner_alone() {
    let deployment = Deployment::new("");
    for key in ["master.key", "deployment.key"] {
        assert_eq!(fs::metadata(deployment.path(key)).unwrap().permissions().mode() & 0o777, 0o600, "{key}");
    }
    let folder = deployment.root().display().to_string();
    drop(deployment.tidings(&["init", &folder]).exits(2).says("is there already"));
    let other = deployment.path("other").display().to_string();
    let made = deployment.json(&["init", &other]);
    assert!(Path::new(made["config"].as_str().unwrap()).is_file());
}

#[test]
fn a_province_goes_from_tables_in_three_formats_to_messages_explanations_and_a_replay() {
    let deployment = province(400);
    let first = load(&deployment, "people.csv", &["--json"]).exits(0).json();
    assert_eq!((&first["committed"], &first["refused"]), (&json!(400), &json!(0)));
    drop(load(&deployment, "people.csv", &[]).exits(0).says("went on after row 400"));
    parquet_of(&deployment.path("people.csv"), &deployment.path("people.parquet"));
    for table in ["people.ndjson", "people.parquet"] {
        let same = load(&deployment, table, &["--json"]).exits(0).json();
        assert_eq!(same["duplicates"], json!(400), "{table} states what the CSV stated");
    }
    let ran = run(&deployment, "events.ndjson");
    let committed = ran["events"]["committed"].as_u64().unwrap();
    assert!(committed > 50 && ran["notifications"].as_u64().unwrap() > 30, "{ran}");
    assert_eq!(run(&deployment, "events.ndjson")["events"], json!({}), "a file goes on where it was left");
    let log = fs::read_to_string(deployment.path("events.ndjson")).unwrap();
    let again = deployment
        .tidings_with(&["--json", "run", "--clock", "events", "--events", "-"], &log)
        .exits(0)
        .json();
    assert!(
        again["events"]["duplicate"].as_u64().unwrap() >= committed,
        "standard input comes from the start"
    );
    assert_eq!(again["notifications"], json!(0));
    let messages = deployment.outbox();
    assert!(messages.len() > 30, "{}", messages.len());
    for (name, message) in &messages {
        assert_eq!(name, &format!("{}.json", message["delivery"].as_str().unwrap()));
    }
    let replayed = deployment.json(&["replay"]);
    assert_eq!((&replayed["different"], &replayed["differences"]), (&json!(0), &json!([])));
    assert!(replayed["equal"].as_u64().unwrap() > 30, "{replayed}");
}

/// The same table as Parquet, every column as text; an empty cell is null.
fn parquet_of(csv: &Path, parquet: &Path) {
    let text = fs::read_to_string(csv).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let rows: Vec<_> = rows.collect();
    let column = |place: usize| -> ArrayRef {
        let cells = rows.iter().map(|row| Some(row[place]).filter(|cell| !cell.is_empty()));
        Arc::new(cells.collect::<StringArray>())
    };
    let columns = header.iter().enumerate().map(|(place, name)| (name, column(place), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(parquet).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn refused_rows_are_reported_and_the_others_loaded() {
    let deployment = Deployment::new("");
    let table = format!(
        "number,birth_date,sex,commune\n{MOTHER},1995-05-05,F,01057\n,1990-01-01,M,1\n{FATHER},05/05/1995,M,1\n\
         {CHILD},2020-01-01,X,1\n{CHILD},2020-01-01,F\n"
    );
    deployment.write("people.csv", table);
    let report = deployment.path("refused.ndjson").display().to_string();
    let loaded = load(&deployment, "people.csv", &["--json", "--report", &report]).exits(1).json();
    assert_eq!((&loaded["committed"], &loaded["refused"]), (&json!(1), &json!(4)));
    let refused: Vec<Json> = fs::read_to_string(&report)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut places: Vec<_> =
        refused.iter().map(|row| (row["row"].as_u64().unwrap(), row["column"].as_str().unwrap())).collect();
    places.sort_unstable();
    assert_eq!(places, [(1, "number"), (2, "birth_date"), (3, "sex"), (4, "")]);
    assert!(refused.iter().all(|row| !row["why"].as_str().unwrap().is_empty()));
    drop(load(&deployment, "people.txt", &[]).exits(2));
    deployment.write("people.txt", "");
    drop(load(&deployment, "people.txt", &[]).exits(2));
    let unknown = deployment.path("people.csv").display().to_string();
    let unknown = ["load", &unknown, "--source", "nobody", "--as-of", "2026-01-01"];
    drop(deployment.tidings(&unknown).exits(4).says("nobody"));
}

#[test]
fn a_load_that_was_killed_goes_on_after_the_rows_that_are_durable() {
    const ROWS: u64 = 20_000;
    let deployment = Deployment::new("");
    let people = deployment.path("people.csv").display().to_string();
    let rows = ROWS.to_string();
    drop(deployment.json(&["generate", "--citizens", &rows, "--months", "0", "--people", &people]));
    let arguments = deployment.load("people.csv");
    let mut loading = deployment.start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    // Keys come before rows: those of the second commit are there once the first commit is.
    let keys = || fs::metadata(deployment.path("keys.ring")).map_or(0, |file| file.len() / 64);
    until("keys of the second commit", || (keys() > 2 * 4_096 || loading.ended().is_some()).then_some(()));
    loading.kill();
    let resumed = load(&deployment, "people.csv", &["--json"]).exits(0).json();
    let (after, rest) = (resumed["resumed_after"].as_u64().unwrap(), resumed["committed"].as_u64().unwrap());
    assert!(after >= 4_096, "{resumed}");
    assert_eq!(after + rest, ROWS, "{resumed}");
    assert_eq!(load(&deployment, "people.csv", &["--json"]).exits(0).json()["resumed_after"], json!(ROWS));
}

#[test]
fn explain_finds_a_citizen_by_id_by_number_and_by_decision() {
    let deployment = family();
    run(&deployment, "events.ndjson");
    let id = citizen(MOTHER).to_string();
    let by_id = deployment.json(&["explain", &id]);
    let by_number =
        deployment.tidings_with(&["--json", "explain", "-"], &format!(" {MOTHER}\n")).exits(0).json();
    assert_eq!(by_id, by_number);
    assert_eq!(by_id["citizen"], json!(id));
    let decision = by_id["decisions"][0]["decision"].as_str().unwrap().to_owned();
    let one = deployment.json(&["explain", &decision]);
    assert_eq!(one["decisions"].as_array().unwrap().len(), 1);
    let page = deployment
        .tidings(&["explain", &id])
        .exits(0)
        .says("birth-linked")
        .says("law: ")
        .says("outbox: delivered");
    assert!(page.out.contains("Trần Thị Mẹ"), "{}", page.out);
    drop(deployment.tidings(&["explain", &"0".repeat(32)]).exits(4).says("there is no record"));
    drop(deployment.tidings_with(&["explain", "-"], CHILD).exits(4));
    drop(deployment.tidings(&["explain", MOTHER]).exits(2).says("32 hexadecimal digits"));
    drop(deployment.tidings(&["explain", &format!("{id}-xyz")]).exits(2).says("CITIZEN-OCCURRENCE"));
}

fn tasks(deployment: &Deployment, filter: &[&str]) -> Vec<Json> {
    let listed = deployment.json(&[&["queue", "list"], filter].concat());
    listed.as_array().unwrap().clone()
}

#[test]
fn the_queue_is_listed_held_released_and_cancelled() {
    let deployment = family();
    run(&deployment, "events.ndjson");
    let reminders = tasks(&deployment, &["--queue", "remind", "--rule", "birth-linked"]);
    assert_eq!(reminders.len(), 1, "{reminders:?}");
    let task = reminders[0]["id"].as_str().unwrap();
    let queue_of = |task: &str| deployment.json(&["queue", "show", task])[0]["queue"].clone();
    assert!(deployment.json(&["queue", "hold", "--task", task])["done"].is_string());
    assert_eq!(queue_of(task), "held");
    drop(deployment.tidings(&["queue", "release", "--task", task]).exits(0).says("is released"));
    assert_eq!(queue_of(task), "remind");
    drop(deployment.tidings(&["queue", "retry", task]).exits(4).says("buried"));
    drop(deployment.tidings(&["queue", "cancel", task]).exits(0).says("is cancelled"));
    drop(deployment.tidings(&["queue", "show", task]).exits(4).says(task));
    assert!(tasks(&deployment, &["--citizen", &citizen(FATHER).to_string(), "--limit", "1"]).len() == 1);
    drop(deployment.tidings(&["queue", "list", "--queue", "nope"]).exits(2).says("buried"));
    drop(deployment.tidings(&["queue", "show", "nope"]).exits(2));
    drop(deployment.tidings(&["queue", "hold"]).exits(2));
    drop(deployment.tidings(&["queue", "hold", "--rule", "nope"]).exits(4).says("nope"));
    drop(deployment.tidings(&["queue", "release", "--rule", "birth-linked"]).exits(4).says("no hold"));
}

#[test]
fn a_held_rule_tells_nothing_until_it_is_released() {
    let deployment = family();
    drop(deployment.tidings(&["queue", "hold", "--rule", "residence-children"]).exits(0).says("is held"));
    run(&deployment, "events.ndjson");
    let to_father = |deployment: &Deployment| {
        let about = |message: &&Json| message["recipient"] == json!(citizen(FATHER).to_string());
        deployment
            .outbox()
            .values()
            .filter(about)
            .filter(|message| message.to_string().contains("thường trú cho con"))
            .count()
    };
    assert_eq!(to_father(&deployment), 0);
    drop(
        deployment
            .tidings(&["queue", "release", "--rule", "residence-children"])
            .exits(0)
            .says("is released"),
    );
    deployment.write(
        "later.ndjson",
        lines(&[birth("h-9", "2026-03-01"), move_home("c-1", "2026-03-03"), late_move()]),
    );
    run(&deployment, "later.ndjson");
    assert_eq!(to_father(&deployment), 1);
}

/// Somebody else's event of two days later, which moves the clock.
fn late_move() -> Json {
    moved("c-9", CHILD, "CT-9", "2026-03-06")
}

#[test]
fn a_forgotten_person_is_gone_and_stays_unknown_when_the_log_comes_again() {
    let deployment = family();
    run(&deployment, "events.ndjson");
    let ring = fs::read(deployment.path("keys.ring")).unwrap();
    let forgotten = deployment.tidings_with(&["--json", "forget", "-"], MOTHER).exits(0).json();
    assert_eq!(forgotten["known"], json!(true));
    assert!(forgotten["rows"].as_u64().unwrap() > 4, "{forgotten}");
    let now = fs::read(deployment.path("keys.ring")).unwrap();
    let changed: Vec<usize> =
        (0..ring.len() / 64).filter(|slot| slot_of(&ring, *slot) != slot_of(&now, *slot)).collect();
    let [slot] = changed[..] else { panic!("one slot is hers: {changed:?}") };
    assert!(slot_of(&now, slot).starts_with(b"destroyed"));
    let gone = &slot_of(&ring, slot)[16..];
    for (path, bytes) in files(deployment.root()) {
        assert!(
            !bytes.windows(gone.len()).any(|window| window == gone),
            "her wrapped key is still in {path}"
        );
    }
    let id = citizen(MOTHER).to_string();
    drop(deployment.tidings(&["explain", &id]).exits(4).says("there is no record"));
    let log = fs::read_to_string(deployment.path("events.ndjson")).unwrap();
    let again = deployment
        .tidings_with(&["--json", "run", "--clock", "events", "--events", "-"], &log)
        .exits(0)
        .json();
    assert_eq!(again["events"], json!({ "duplicate": 1, "ignored: forgotten": 1 }));
    fs::copy(deployment.path("people.csv"), deployment.path("copy.csv")).unwrap();
    let loaded = load(&deployment, "copy.csv", &["--json"]).exits(0).json();
    assert_eq!((&loaded["forgotten"], &loaded["duplicates"]), (&json!(1), &json!(1)));
    drop(deployment.tidings(&["explain", &id]).exits(4));
    drop(deployment.tidings(&["forget", &id]).exits(0).says("nothing was known"));
    assert_eq!(tasks(&deployment, &["--citizen", &id]), Vec::<Json>::new());
    drop(deployment.tidings(&["replay"]).exits(0));
}

fn slot_of(ring: &[u8], slot: usize) -> &[u8] {
    &ring[slot * 64..(slot + 1) * 64]
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Writes the built-in pack into the folder `pack`, changed by `change`.
fn write_pack(deployment: &Deployment, change: impl FnOnce(&mut BTreeMap<String, String>)) -> String {
    let mut pack = tidings_rules::packs::viet_nam();
    change(&mut pack);
    for (name, text) in pack {
        let path = deployment.path("pack").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    deployment.path("pack").display().to_string()
}

fn replace(pack: &mut BTreeMap<String, String>, file: &str, from: &str, to: &str) {
    let text = pack.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} has {from}");
    *text = text.replacen(from, to, 1);
}

/// Warnings leave the exit code alone unless `--strict` is given; law is asked for on a day; programs get JSON or SARIF.
fn analysis_finds_and_strict_refuses(deployment: &Deployment) {
    let doubtful = write_pack(deployment, |pack| {
        replace(
            pack,
            "life_events/12-licence-expiry.yaml",
            "when: ",
            "when: event.time < DATE '2000-01-01' AND ",
        );
    });
    let check = |more: &[&'static str]| [&["check", &doubtful, "--as-of", "2026-11-24"], more].concat();
    drop(deployment.tidings(&check(&[])).exits(0).says("A101"));
    drop(deployment.tidings(&check(&["--strict"])).exits(1).says("A101"));
    let found = deployment.tidings(&check(&["--format", "json"])).exits(0).json();
    let of = |code: &str, found: &serde_json::Value| {
        found["findings"].as_array().unwrap().iter().filter(|one| one["code"] == code).count()
    };
    assert_eq!((of("A101", &found), of("A502", &found)), (1, 0));
    let later = deployment.tidings(&["--json", "check", &doubtful, "--as-of", "2040-01-01"]).exits(0).json();
    assert!(of("A502", &later) > 0 && of("A504", &later) == 0);
    let quiet = deployment.tidings(&check(&["--format", "json", "--level", "A101=off"])).exits(0).json();
    assert_eq!(of("A101", &quiet), 0);
    let log = deployment.tidings(&check(&["--format", "sarif"])).exits(0).json();
    assert_eq!(
        (&log["version"], &log["runs"][0]["tool"]["driver"]["name"]),
        (&json!("2.1.0"), &json!("tidings"))
    );
    drop(deployment.tidings(&check(&["--level", "A999=off"])).exits(2).says("A999=off"));
}

#[test]
fn check_and_test_find_what_is_wrong_with_a_pack() {
    let deployment = Deployment::new("");
    let sound = deployment.json(&["check"]);
    assert_eq!((&sound["loads"], &sound["mistakes"]), (&json!(true), &json!([])));
    let tested = deployment.json(&["test"]);
    assert!(tested["passed"].as_u64().unwrap() > 100);
    assert_eq!(tested["failed"], json!([]));

    analysis_finds_and_strict_refuses(&deployment);
    let failing = write_pack(&deployment, |pack| {
        replace(pack, "life_events/11-card-expiry.yaml", ">= law.majority_age", ">= 99")
    });
    let tested = deployment.tidings(&["--json", "test", &failing]).exits(1).json();
    assert_eq!(tested["failed"][0]["rule"], "card-exchange");
    drop(deployment.tidings(&["test", &failing]).exits(1).says("card-exchange"));

    let broken = write_pack(&deployment, |pack| {
        replace(pack, "life_events/11-card-expiry.yaml", "subject.birth_date", "subject.birht_date");
        replace(pack, "life_events/12-licence-expiry.yaml", "class: ", "clas: ");
    });
    let checked = deployment.tidings(&["--json", "check", &broken]).exits(1).json();
    let files: Vec<_> =
        checked["mistakes"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert!(
        files.contains(&"life_events/11-card-expiry.yaml")
            && files.contains(&"life_events/12-licence-expiry.yaml")
    );
    assert!(checked.to_string().contains("subject.birth_date"), "the nearest good one: {checked}");
    deployment.prepend("pack = \"pack\"");
    for command in [&["test"][..], &["queue", "list"], &["replay"]] {
        drop(deployment.tidings(command).exits(2).says("does not load"));
    }
}

#[test]
fn test_says_what_no_case_reaches_and_what_none_would_notice() {
    let deployment = Deployment::new("");
    let pack = write_pack(&deployment, |pack| {
        let (_, figures) = include_str!("../packs/parameters.yaml").split_once("parameters:\n").unwrap();
        replace(pack, "parameters.yaml", "parameters:\n", &format!("parameters:\n{figures}"));
        pack.insert("life_events/93-law.yaml".to_owned(), include_str!("../packs/law.yaml").to_owned());
    });
    let one = ["test", &pack, "--rule", "law-of-occurrence"];
    let run = |more: &[&str]| deployment.tidings(&[&["--json"], &one[..], more].concat());
    let tested = run(&["--coverage", "--mutate"]).exits(0).json();
    assert_eq!((&tested["passed"], &tested["failed"]), (&json!(3), &json!([])));
    let gaps = &tested["coverage"]["rules"][0]["gaps"];
    assert_eq!(gaps[0]["never"], json!(["never unknown"]), "{tested}");
    // The figure of the old law has cases on both sides of it, that of the new one on one side.
    let survivors = tested["mutation"]["rules"][0]["survivors"].as_array().unwrap();
    assert_eq!(survivors.len(), 1, "{tested}");
    assert_eq!(survivors[0]["became"], "subject.insured_months >= 179");
    let by = &survivors[0]["noticed_by"];
    assert_eq!(
        (&by["like"], &by["value"], &by["expect"]),
        (&json!("enough by the new law"), &json!("179"), &json!("no"))
    );

    for (flag, of) in [("--min-mutation-score", "/mutation/noticed"), ("--min-coverage", "/coverage/reached")]
    {
        let found = tested.pointer(of).unwrap()["percent"].as_u64().unwrap();
        assert!(found < 100, "{tested}");
        for (least, code) in [(found, 0), (found + 1, 1)] {
            drop(run(&[flag, &least.to_string()]).exits(code));
        }
    }
    let said = deployment.tidings(&[&one[..], &["--coverage", "--mutate"]].concat()).exits(0);
    drop(
        said.says("never unknown")
            .says("a case like “enough by the new law” with subject.insured_months = 179: no"),
    );
    drop(
        deployment.tidings(&["test", &pack, "--rule", "law-of-occurence"]).exits(2).says("law-of-occurrence"),
    );
}

#[test]
fn schemas_the_reference_and_completions_are_of_use_as_they_stand() {
    let deployment = Deployment::new("");
    let all = deployment.json(&["schema"]);
    for name in ["pack", "sources", "facts", "events", "services", "wording", "life_event"] {
        assert_eq!(deployment.json(&["schema", name]), all[name], "{name}");
        assert!(all[name]["properties"].is_object(), "{name}");
    }
    drop(deployment.tidings(&["schema", "nope"]).exits(2).says("life_event"));
    let reference = deployment.tidings(&["config"]).exits(0).out;
    assert_eq!(deployment.json(&["config"])["text"].as_str().unwrap().trim(), reference.trim());
    deployment.write("tidings.toml", &reference);
    drop(deployment.tidings(&["check"]).exits(0));
    for shell in ["bash", "zsh", "fish"] {
        assert!(deployment.tidings(&["completions", shell]).exits(0).out.contains("explain"), "{shell}");
    }
    assert!(deployment.json(&["completions", "bash"])["text"].as_str().unwrap().contains("_tidings"));
    drop(deployment.tidings(&["--help"]).exits(0).says("Exit codes"));
    drop(deployment.tidings(&["nope"]).exits(2));
}

#[test]
fn every_bad_key_is_told_at_once_with_the_nearest_good_one_and_without_its_value() {
    let deployment = Deployment::new("batc = 7\nshards = 0\nclock = \"wal\"\n");
    deployment
        .append("mastr = \"SECRET-VALUE\"\n[http]\nlisten = \"SECRET-VALUE\"\n[log]\nlevel = \"inf\"\n");
    let mut command = deployment.command(&["--json", "queue", "list"]);
    command.env("TIDINGS_RETRY__ATEMPTS", "3").env("TIDINGS_OUTBOX", "");
    let ran = finish(&mut command, b"").exits(2);
    let told = ran.json()["error"].as_str().unwrap().to_owned();
    for (place, hint) in [
        ("`batc`", "did you mean `batch`?"),
        ("`shards`", "1 to 1024"),
        ("`clock`", "did you mean `wall`?"),
        ("`keys.mastr`", "did you mean `keys.master`?"),
        ("`http.listen`", "expected"),
        ("`log.level`", "did you mean `info`?"),
        ("TIDINGS_RETRY__ATEMPTS", "did you mean `retry.attempts`?"),
        ("TIDINGS_OUTBOX", "expected a path"),
    ] {
        let line =
            told.lines().find(|line| line.contains(place)).unwrap_or_else(|| panic!("{place} in {told}"));
        assert!(line.contains(hint), "{line}");
    }
    assert!(told.contains("tidings.toml:1:"), "{told}");
    assert!(!told.contains("SECRET-VALUE") && !ran.err.contains("SECRET-VALUE"), "{told}");
    drop(deployment.tidings(&["run"]).exits(2));
    deployment.write("tidings.toml", "store = ");
    drop(deployment.tidings(&["queue", "list"]).exits(2).says("not TOML"));
    fs::remove_file(deployment.path("tidings.toml")).unwrap();
    drop(deployment.tidings(&["queue", "list"]).exits(2).says("cannot be read"));
}

#[test]
fn a_store_of_another_release_another_key_or_another_shape_is_refused_and_left_as_it_is() {
    let deployment = family();
    let format = fs::read_to_string(deployment.path("store/format")).unwrap();
    deployment.write("store/format", format.replace("format 1", "format 7"));
    let newer = deployment.tidings(&["queue", "list"]).exits(3);
    drop(newer.says("format 7").says("reads up to 1").says("use the release that wrote it"));
    deployment.write("store/format", &format);
    let mut resharded = deployment.command(&["queue", "list"]);
    drop(finish(resharded.env("TIDINGS_SHARDS", "4"), b"").exits(3).says("shards"));

    let ring = fs::read(deployment.path("keys.ring")).unwrap();
    let mut newer = ring.clone();
    newer[8] = 9;
    deployment.write("keys.ring", newer);
    drop(deployment.tidings(&["queue", "list"]).exits(3).says("the key ring has format 9"));
    deployment.write("keys.ring", ring);

    let master = fs::read(deployment.path("master.key")).unwrap();
    deployment.write("master.key", [1; 32]);
    drop(deployment.tidings(&["queue", "list"]).exits(2).says("does not open with this master key"));
    deployment.write("master.key", [1; 8]);
    drop(deployment.tidings(&["queue", "list"]).exits(2).says("32 bytes"));
    deployment.write("master.key", master);
    fs::set_permissions(deployment.path("master.key"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(deployment.tidings(&["queue", "list"]).exits(2).says("chmod 600"));
    fs::set_permissions(deployment.path("master.key"), fs::Permissions::from_mode(0o600)).unwrap();
    drop(deployment.tidings(&["explain", &citizen(MOTHER).to_string()]).exits(0));

    let mut elsewhere = deployment.command(&["queue", "list"]);
    drop(finish(elsewhere.env("TIDINGS_STORE", deployment.root()), b"").exits(3));
}

#[test]
fn a_store_in_use_is_said_to_be_and_answers_through_its_socket() {
    let deployment = family();
    let mut running = deployment.start(&[&RUN[..], &["-"]].concat());
    until("the socket", || deployment.path("store.sock").exists().then_some(()));
    drop(deployment.tidings(&[&RUN[..], &["-"]].concat()).exits(3).says("in use"));
    drop(deployment.tidings(&["replay"]).exits(3).says("in use"));
    drop(deployment.tidings(&["explain", &citizen(MOTHER).to_string()]).exits(0));
    drop(deployment.tidings(&["explain", &"0".repeat(32)]).exits(4));
    assert_eq!(running.ended(), None);
    assert_eq!(running.ends().code, Some(0), "its input ends, and so does it");
    assert!(!deployment.path("store.sock").exists());
    drop(deployment.tidings(&["run"]).exits(2).says("--events"));
    drop(deployment.tidings(&["run", "--events", "/nowhere"]).exits(2));
}

/// What programs read: one JSON value on standard output, whatever happens.
#[test]
fn json_parses_everywhere() {
    let deployment = family();
    let events = deployment.path("events.ndjson").display().to_string();
    let people = deployment.path("people.csv").display().to_string();
    let (id, none) = (citizen(MOTHER).to_string(), "0".repeat(32));
    let folder = deployment.root().display().to_string();
    let mut cases: Vec<(Vec<&str>, i32)> = vec![
        ([&RUN[..], &[&events]].concat(), 0),
        (vec!["load", &people, "--source", "first-load", "--as-of", "2026-01-01"], 0),
        (vec!["load", "/nowhere.csv", "--source", "first-load", "--as-of", "2026-01-01"], 2),
        (vec!["init", &folder], 2),
        (vec!["generate"], 2),
    ];
    cases.extend([(vec!["explain", &*id], 0), (vec!["explain", &*none], 4), (vec!["explain", "x"], 2)]);
    cases.extend([
        (vec!["queue", "list"], 0),
        (vec!["queue", "show", &*none], 4),
        (vec!["queue", "retry", "x"], 2),
    ]);
    cases
        .extend([(vec!["queue", "hold", "--rule", "birth-linked"], 0), (vec!["queue", "cancel", &*none], 4)]);
    cases.extend([(vec!["queue", "release", "--rule", "birth-linked"], 0), (vec!["forget", "x"], 2)]);
    cases.extend([
        (vec!["check"], 0),
        (vec!["check", "/nowhere"], 1),
        (vec!["test"], 0),
        (vec!["test", "/nowhere"], 2),
    ]);
    cases.extend([
        (vec!["schema"], 0),
        (vec!["schema", "nope"], 2),
        (vec!["config"], 0),
        (vec!["completions", "zsh"], 0),
    ]);
    cases.extend([(vec!["replay"], 0), (vec!["forget", &*id], 0), (vec!["run"], 2)]);
    for (arguments, code) in cases {
        let ran = deployment.tidings(&[&["--json"], &arguments[..]].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.out, ran.err);
        let value = ran.json();
        if code > 1 {
            assert_eq!(value["exit"], json!(code), "{arguments:?}");
            assert!(value["error"].is_string(), "{arguments:?}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_makes_no_fault() {
    let deployment = family();
    run(&deployment, "events.ndjson");
    let mut command = deployment.command(&["explain", &citizen(MOTHER).to_string()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = deployment.command(&["config"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
}

#[test]
fn the_demonstration_runs_and_can_be_looked_around_in() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("demo");
    let mut command = Command::new(binary());
    clean(&mut command).args(["--json", "demo", "--citizens", "300", "--months", "3", "--keep"]).arg(&keep);
    let summary = finish(&mut command, b"").exits(0).json()["summary"].clone();
    assert_eq!((&summary["citizens"], &summary["loaded"]), (&json!(300), &json!(300)));
    let mut command = Command::new(binary());
    let config = keep.join("tidings.toml");
    clean(&mut command).arg("--config").arg(config).args(["--json", "replay"]);
    assert_eq!(finish(&mut command, b"").exits(0).json()["different"], json!(0));
}
