//! No personal value leaves the sealed records but in the messages themselves: a run with marked values, with
//! everything wrong with them that can be, and then a search of all that it said and wrote.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests, and what they share"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, Days};
use serde_json::{Value as Json, json};
use tidings_tests::client::{Post, exchange, get, now};
use tidings_tests::process::{Deployment, Ran, SECRET, until};
use tidings_tests::{citizen, event};

const MOTHER: &str = "091876543210";
const FATHER: &str = "091876543211";
const CHILD: &str = "091876543212";
/// Nobody knows this one.
const STRANGER: &str = "091876543213";

/// What may stand nowhere. Every marked text holds the first.
const MARKS: [&str; 8] =
    ["MARKED", "09187654321", "1903-02-01", "01/02/1903", "1903-02-1", "marked", "EVENT-ID", "19030201"];
/// A sender's own ids come back in the answers to it.
const ID_MARK: &str = "EVENT-ID";

/// Where marks were found.
#[derive(Default)]
struct Search {
    found: Vec<String>,
    looked: BTreeMap<String, usize>,
}

impl Search {
    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.look_for(&MARKS, place, bytes);
    }

    fn look_for(&mut self, marks: &[&str], place: &str, bytes: &[u8]) {
        *self.looked.entry(place.to_owned()).or_default() += bytes.len();
        for mark in marks {
            let at = bytes.windows(mark.len()).position(|window| window == mark.as_bytes());
            if let Some(at) = at {
                let around = &bytes[at.saturating_sub(60)..bytes.len().min(at + 60)];
                self.found.push(format!("{mark} in {place}: ...{}...", String::from_utf8_lossy(around)));
            }
        }
    }

    fn ran(&mut self, what: &str, ran: &Ran) {
        self.look(&format!("stdout of {what}"), ran.out.as_bytes());
        self.look(&format!("stderr of {what}"), ran.err.as_bytes());
    }

    fn answer(&mut self, what: &str, post: &Post, from: SocketAddr) {
        let answer = post.answer(from);
        let marks: Vec<&str> = MARKS.into_iter().filter(|mark| *mark != ID_MARK).collect();
        self.look_for(
            &marks,
            &format!("the answer to {what}"),
            format!("{}{}", answer.head, answer.body).as_bytes(),
        );
    }

    /// Names of everything below a folder, and the content of what is not a message.
    fn folder(&mut self, folder: &Path, content: bool) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            self.look("the names of files", path.file_name().unwrap().as_encoded_bytes());
            if path.is_dir() {
                self.folder(&path, content);
            } else if content && path.is_file() {
                self.look(
                    &format!("the file {}", path.file_name().unwrap().display()),
                    &fs::read(&path).unwrap(),
                );
            }
        }
    }

    /// What a deployment keeps: its store, its key ring and its outbox.
    fn deployment(&mut self, deployment: &Deployment) {
        self.folder(&deployment.path("store"), true);
        self.look("the key ring", &fs::read(deployment.path("keys.ring")).unwrap());
        self.folder(&deployment.path("outbox"), false);
        for entry in fs::read_dir(deployment.root()).unwrap() {
            self.look("the names of files", entry.unwrap().file_name().as_encoded_bytes());
        }
    }

    #[track_caller]
    fn ends(self, at_least: usize) {
        for (place, bytes) in &self.looked {
            println!("{bytes:>9} bytes of {place}");
        }
        assert!(self.looked.len() >= at_least, "everything was looked at: {:?}", self.looked.keys());
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }
}

/// Everything is logged, and sent at any hour.
fn deployment() -> Deployment {
    let deployment = Deployment::new("outbox = \"outbox\"\npack = \"pack\"\nbatch = 4");
    deployment.append("[log]\nformat = \"json\"\nlevel = \"trace\"\n[retry]\nattempts = 1\n");
    for (name, text) in tidings_rules::packs::viet_nam() {
        let text = text.replace("from: 7\n  to: 21", "from: 0\n  to: 24");
        let path = deployment.path("pack").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let header = "number,full_name,birth_date,sex,commune,employed,insured_months,spouse";
    let mother = format!("{MOTHER},Trần MARKED Mẹ,1995-02-01,F,MARKED-COMMUNE,true,30,{FATHER}");
    let father = format!("{FATHER},Lê MARKED Cha,1903-02-01,M,MARKED-COMMUNE,true,40,{MOTHER}");
    deployment.write("people.csv", format!("{header}\n{mother}\n{father}\n"));
    deployment
}

fn load(deployment: &Deployment, table: &str, more: &[&str]) -> Ran {
    let arguments = deployment.load(table);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    deployment.tidings(&arguments)
}

fn birth(id: &str, time: &str) -> Json {
    let data =
        json!({ "birth_certificate": "MARKED-CERTIFICATE", "birth_date": time[..10], "father": FATHER });
    event("health", &format!("EVENT-ID-{id}"), "health.birth.notified", MOTHER, time, data)
}

/// One more birth, told by the hospital.
fn another_birth(id: &str, time: &str) -> Json {
    with(birth(id, time), |event| {
        event["data"]["birth_certificate"] = json!(format!("MARKED-CERTIFICATE-{id}"));
    })
}

/// A birth that was registered on a day.
fn registered(id: &str, time: &str, day: &str) -> Json {
    let data = json!({
        "birth_certificate": format!("MARKED-CERTIFICATE-{id}"), "birth_date": day, "child": CHILD, "registered_on": day,
    });
    event("civil-registry", &format!("EVENT-ID-{id}"), "civil.birth.registered", MOTHER, time, data)
}

fn with(mut event: Json, change: impl FnOnce(&mut Json)) -> Json {
    change(&mut event);
    event
}

/// Events that are wrong in every way, as bytes, around a good one.
fn wrong(good: impl Fn() -> Json) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |event: Json| event.to_string().into_bytes();
    let change = |change: fn(&mut Json)| bytes(with(good(), change));
    let mut broken = bytes(good());
    broken.truncate(broken.len() - 20);
    let mut latin = bytes(good());
    latin.insert(20, 0xff);
    vec![
        ("cut off", broken),
        ("not UTF-8", latin),
        ("an array", format!("[\"MARKED\", {MOTHER}]").into_bytes()),
        ("a text", b"MARKED 091876543210".to_vec()),
        ("too large", change(|event| event["data"]["more"] = json!("MARKED".repeat(12_000)))),
        (
            "too deep",
            change(|event| {
                event["data"]["more"] =
                    serde_json::from_str(&format!("{}\"MARKED\"{}", "[".repeat(40), "]".repeat(40))).unwrap()
            }),
        ),
        ("another type", change(|event| event["type"] = json!("civil.MARKED.changed"))),
        ("an unregistered source", change(|event| event["source"] = json!("urn:MARKED:091876543210"))),
        ("a type outside the register", change(|event| event["source"] = json!("urn:gov:vn:education"))),
        ("a wrong type of field", change(|event| event["data"]["birth_date"] = json!("MARKED-DATE"))),
        ("another wrong type", change(|event| event["data"]["birth_date"] = json!({ "MARKED": 1 }))),
        ("no field", change(|event| event["data"] = json!({ "MARKED-FIELD": "MARKED" }))),
        ("an undeclared field", change(|event| event["data"]["MARKED-FIELD"] = json!("MARKED"))),
        (
            "another saying under its id",
            change(|event| event["data"]["birth_certificate"] = json!("MARKED-OTHER")),
        ),
        ("dated ahead", change(|event| event["time"] = json!("2099-03-01T08:00:00+07:00"))),
        ("no time", change(|event| event["time"] = json!("MARKED-TIME"))),
        ("another version", change(|event| event["specversion"] = json!("MARKED"))),
        ("a number as subject", change(|event| event["subject"] = json!(91_876_543_210_u64))),
        ("no subject", change(|event| event["subject"] = json!(""))),
        ("a long id", change(|event| event["id"] = json!("MARKED".repeat(100)))),
    ]
}

#[test]
fn tables_with_refused_rows_tell_places_and_reasons_alone() {
    let deployment = deployment();
    let mut search = Search::default();
    search.ran("a good load", &load(&deployment, "people.csv", &[]).exits(0));
    let header = "number,full_name,birth_date,sex,commune,spouse,children,Nguyễn MARKED Cột";
    let mut table = format!("{header}\n").into_bytes();
    for row in [
        format!("{MOTHER},MARKED,MARKED-DATE,F,MARKED,,,"),
        format!("{CHILD},MARKED,1903-02-01,MARKED,MARKED,,,"),
        ",MARKED,1903-02-01,F,MARKED,,,".to_owned(),
        format!("{CHILD},MARKED,1903-02-01,F,MARKED,,MARKED-CHILD,"),
        format!("{CHILD},MARKED,1903-02-01,F,MARKED,,,MARKED"),
        format!("{CHILD},MARKED"),
        format!("{CHILD},\"MARKED\"MARKED\",1903-02-01,F,MARKED,,,"),
        format!("{CHILD},{},1903-02-01,F,MARKED,,,", "MARKED".repeat(12_000)),
    ] {
        table.extend(row.into_bytes());
        table.push(b'\n');
    }
    table.extend(b"091876543212,MARKED\xff,1903-02-01,F,MARKED,,,\n");
    deployment.write("refused.csv", table);
    let objects = [
        format!("{{\"number\":\"{CHILD}\",\"full_name\":[\"MARKED\"]}}"),
        format!("{{\"number\":\"{CHILD}\",\"Nguyễn MARKED Khóa\":\"MARKED\"}}"),
        format!("{{\"number\":\"{CHILD}\",\"091876543210\":\"MARKED\"}}"),
        format!("{{\"number\":\"{CHILD}\",\"full_name\":\"MARKED\",\"full_name\":\"MARKED\"}}"),
        format!("{{\"number\":\"{CHILD}\",\"insured_months\":\"MARKED\"}}"),
        "\"MARKED\"".to_owned(),
        "{\"MARKED".to_owned(),
    ];
    deployment.write("refused.ndjson", objects.join("\n"));
    for table in ["refused.csv", "refused.ndjson"] {
        for (more, way) in [(&["--json"][..], "JSON"), (&[], "text")] {
            let report = deployment.path(&format!("report-{way}"));
            let more = [more, &["--report", report.to_str().unwrap()]].concat();
            // A second time the table would be known; as another file it is not.
            let copy = format!("{way}-{table}");
            fs::copy(deployment.path(table), deployment.path(&copy)).unwrap();
            search.ran(
                &format!("load of {table}, {way}"),
                &load(&deployment, &copy, &more).exits(1).says("refused"),
            );
            let report = fs::read(report).unwrap();
            assert!(
                report.iter().filter(|byte| **byte == b'\n').count() >= 6,
                "{}",
                String::from_utf8_lossy(&report)
            );
            search.look(&format!("the report of {table}, {way}"), &report);
        }
    }
    deployment.write(
        "headless.csv",
        format!("{MOTHER},Trần MARKED Mẹ,1903-02-01\n{FATHER},Lê MARKED Cha,1903-02-01\n"),
    );
    search.ran("load without a header", &load(&deployment, "headless.csv", &[]));
    search.deployment(&deployment);
    search.ends(20);
}

/// Everything that goes wrong in a run over a log, with the channel failing half-way.
#[test]
fn a_run_over_a_log_says_no_personal_value() {
    let deployment = deployment();
    let mut search = Search::default();
    search.ran("load", &load(&deployment, "people.csv", &[]).exits(0));
    let mut run = deployment.start(&["run", "--clock", "events", "--events", "-"]);
    let mut stdin = run.stdin();
    let mut say = |bytes: &[u8]| stdin.write_all(&[bytes, b"\n"].concat()).unwrap();
    let good = || another_birth("c", "2026-03-02T09:00:00+07:00");
    say(birth("b", "2026-03-02T08:00:00+07:00").to_string().as_bytes());
    say(good().to_string().as_bytes());
    wrong(good).iter().for_each(|(_, bytes)| say(bytes));
    say(another_birth("n", "2026-03-04T09:00:00+07:00").to_string().as_bytes());
    until("messages", || (deployment.outbox().len() >= 2).then_some(()));
    let sent = deployment.outbox();
    // The channel fails from here on.
    fs::rename(deployment.path("outbox"), deployment.path("away")).unwrap();
    for day in 5..9 {
        let time = format!("2026-03-0{day}T09:00:00+07:00");
        say(another_birth(&format!("d{day}"), &time).to_string().as_bytes());
    }
    drop(stdin);
    let ran = run.ends().exits(0);
    assert!(
        ran.out.contains("dead letter: bad-field") && ran.out.contains("dead letter: conflicting-id"),
        "{}",
        ran.out
    );
    search.ran("run", &ran);
    for (arguments, what) in [
        (&["queue", "list"][..], "queue list"),
        (&["--json", "queue", "list", "--limit", "1000"], "queue list in JSON"),
        (&["--json", "replay"], "replay"),
        (&["check"], "check"),
    ] {
        let ran = deployment.tidings(arguments).exits(0);
        assert!(
            !what.starts_with("queue") || ran.out.contains("the outbox folder is gone"),
            "it failed: {}",
            ran.out
        );
        search.ran(what, &ran);
    }
    search.ran("explain of a stranger", &deployment.tidings_with(&["explain", "-"], STRANGER).exits(4));
    search.ran(
        "explain of nonsense",
        &deployment.tidings(&["explain", &citizen(STRANGER).to_string()]).exits(4),
    );
    search.deployment(&deployment);
    // The marks were there all the time: where they may be, they are.
    assert!(sent.values().any(|message| message["body"].as_str().unwrap().contains("MARKED")), "{sent:?}");
    let explained = deployment.tidings_with(&["explain", "-"], MOTHER).exits(0);
    assert!(explained.out.contains("MARKED-COMMUNE"), "{}", explained.out);
    search.ran("forget", &deployment.tidings_with(&["forget", "-"], MOTHER).exits(0));
    search.deployment(&deployment);
    search.ends(18);
}

/// The same over HTTP, on the machine's clock.
#[test]
fn a_live_run_says_no_personal_value() {
    let deployment = deployment();
    let address = deployment.listen(&["civil-registry", "health"]);
    let mut search = Search::default();
    search.ran("load", &load(&deployment, "people.csv", &[]).exits(0));
    let run = deployment.serve();
    let today = DateTime::from_timestamp(now(), 0).unwrap();
    // The child's residence is to be registered within sixty days: so near that the duty is told at once.
    let (time, day) = (today.to_rfc3339(), (today.date_naive() - Days::new(58)).to_string());
    let good = |id: &str| registered(id, &time, &day);
    let post =
        |bytes: &[u8]| Post::new("application/cloudevents+json", bytes).signed("civil-registry", SECRET);
    search.answer("a good event", &post(good("c").to_string().as_bytes()), address);
    for (what, bytes) in wrong(|| good("c")) {
        search.answer(what, &post(&bytes), address);
    }
    let refused = [
        ("no signature", Post::structured(&good("c"))),
        (
            "another source's event",
            Post::structured(&birth("b", "2026-03-02T08:00:00+07:00")).signed("civil-registry", SECRET),
        ),
        ("another content type", Post::new("text/MARKED", "MARKED").signed("civil-registry", SECRET)),
        (
            "no batch",
            Post::new("application/cloudevents-batch+json", "MARKED").signed("civil-registry", SECRET),
        ),
        (
            "a broken header",
            Post::binary(&good("c")).header("ce-subject2", "%zz MARKED").signed("civil-registry", SECRET),
        ),
        ("an unknown signer", Post::structured(&good("c")).signed("MARKED", SECRET)),
    ];
    for (what, post) in refused {
        search.answer(what, &post, address);
    }
    let strange = format!("GET /MARKED/{MOTHER} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let strange = exchange(address, strange.as_bytes()).unwrap();
    search.look("the answer to a strange path", format!("{}{}", strange.head, strange.body).as_bytes());
    until("the first message", || (!deployment.outbox().is_empty()).then_some(()));
    fs::rename(deployment.path("outbox"), deployment.path("away")).unwrap();
    assert_eq!(post(good("d").to_string().as_bytes()).answer(address).status, 200);
    let buried = || deployment.json(&["queue", "list", "--queue", "buried"]) != json!([]);
    until("a message that cannot be sent", || buried().then_some(()));
    for path in ["/metrics", "/healthz", "/readyz"] {
        search.look(path, get(address, path).body.as_bytes());
    }
    search.ran("queue list, asked of the run", &deployment.tidings(&["queue", "list"]).exits(0));
    search.ran("explain, asked of the run", &deployment.tidings_with(&["explain", "-"], STRANGER).exits(4));
    run.terminate();
    let ran = run.ends().exits(0);
    assert!(ran.err.lines().all(|line| line.starts_with('{')), "JSON, all of it: {}", ran.err);
    assert!(
        ran.err.contains("bad-field") && ran.err.contains("wrong-content-type"),
        "it was logged: {}",
        ran.err
    );
    search.ran("run", &ran);
    search.deployment(&deployment);
    search.ends(35);
}
