//! `tidings run` over HTTP: what is acknowledged is durable, what is refused says why, and the other commands reach
//! it while it runs.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests, and what they share")]

use std::net::SocketAddr;
use std::thread;

use serde_json::{Value as Json, json};
use tidings_sources::signature::{SIGNATURE_HEADER, WINDOW};
use tidings_tests::client::{Post, exchange, get, now};
use tidings_tests::process::{Deployment, SECRET, until};
use tidings_tests::{CHILD, FATHER, MOTHER, citizen, event};

const REGISTRY: &str = "civil-registry";

/// A run that listens for the civil registry and the population register.
fn listening(settings: &str) -> (Deployment, SocketAddr) {
    let deployment = Deployment::new(settings);
    let address = deployment.listen(&[REGISTRY, "population"]);
    (deployment, address)
}

fn death(id: &str, number: &str) -> Json {
    let data = json!({ "death_date": "2026-03-01", "certificate": format!("DC-{id}"), "registered_on": "2026-03-02" });
    event(REGISTRY, id, "civil.death.registered", number, "2026-03-02T08:00:00+07:00", data)
}

fn signed(post: Post) -> Post {
    post.signed(REGISTRY, SECRET)
}

#[test]
fn what_was_answered_is_there_after_a_kill_right_after_the_answer_in_all_three_modes() {
    let (deployment, address) = listening("");
    let requests = [
        ("structured", Post::structured(&death("s", MOTHER)), vec!["committed"]),
        ("binary", Post::binary(&death("b", FATHER)), vec!["committed"]),
        (
            "batch",
            Post::batch(&[death("1", CHILD), death("2", CHILD), death("s", MOTHER)]),
            vec!["committed", "committed", "duplicate"],
        ),
    ];
    for (mode, post, ends) in &requests {
        let mut run = deployment.serve();
        let answer = signed(post.clone()).answer(address);
        run.kill();
        assert_eq!(
            (answer.status, answer.ends()),
            (200, ends.iter().map(ToString::to_string).collect()),
            "{mode}: {answer:?}"
        );
    }
    let run = deployment.serve();
    for (mode, post, ends) in requests {
        let again = signed(post).answer(address);
        assert_eq!((again.status, again.ends()), (200, vec!["duplicate".to_owned(); ends.len()]), "{mode}");
    }
    drop(run.killed());
    for number in [MOTHER, FATHER, CHILD] {
        let known = deployment.tidings_with(&["--json", "explain", "-"], number).exits(0).json();
        assert_eq!(known["citizen"], json!(citizen(number).to_string()));
    }
}

#[test]
fn bad_events_are_answered_with_code_place_and_fix_and_the_good_beside_them_are_stored() {
    let (deployment, address) = listening("");
    let run = deployment.serve();
    let mut bad = death("bad", MOTHER);
    bad["data"]["death_date"] = json!("yesterday");
    let mut unknown = death("unknown", MOTHER);
    unknown["type"] = json!("civil.name.changed");
    let batch = [
        death("good", MOTHER),
        bad.clone(),
        unknown,
        json!(7),
        event(
            "population",
            "other",
            "population.card.issued",
            MOTHER,
            "2026-03-02T08:00:00+07:00",
            json!({}),
        ),
    ];
    let answer = signed(Post::batch(&batch)).answer(address);
    assert_eq!(answer.told(), (400, "dead-letters".to_owned()));
    assert_eq!(answer.ends(), ["committed", "dead-letter", "ignored", "dead-letter", "dead-letter"]);
    let told = answer.json();
    let events = &told["events"];
    assert_eq!((&events[1]["code"], &events[1]["place"]), (&json!("bad-field"), &json!("data.death_date")));
    assert_eq!((&events[1]["id"], &events[1]["index"]), (&json!("bad"), &json!(1)));
    assert!(events[1]["fix"].as_str().is_some_and(|fix| !fix.is_empty()));
    assert_eq!((&events[2]["code"], &events[4]["code"]), (&json!("unknown-type"), &json!("not-proved")));
    let answer = signed(Post::structured(&bad)).answer(address);
    assert_eq!(answer.told(), (400, "dead-letters".to_owned()), "again, and again refused");
    assert_eq!(signed(Post::structured(&death("good", MOTHER))).answer(address).ends(), ["duplicate"]);
    let mut other = death("good", MOTHER);
    other["data"]["death_date"] = json!("2026-02-01");
    let answer = signed(Post::structured(&other)).answer(address);
    assert_eq!(answer.json()["events"][0]["code"], json!("conflicting-id"));
    let ended = run.killed();
    assert!(ended.err.contains("bad-field"), "logged with its code: {}", ended.err);
}

#[test]
fn requests_that_are_refused_whole_say_why_and_store_nothing() {
    let (deployment, address) = listening("");
    let _run = deployment.serve();
    let good = || Post::structured(&death("e", MOTHER));
    let json = "application/cloudevents+json";
    let long = WINDOW.as_secs() as i64 + 60;
    let cases: Vec<(&str, Post, u16, &str)> = vec![
        ("no signature", good(), 401, "not-proved"),
        ("another secret", good().signed(REGISTRY, &[9; 32]), 401, "not-proved"),
        ("an unknown source", good().signed("nobody", SECRET), 401, "not-proved"),
        ("too old", good().signed_at(REGISTRY, SECRET, now() - long), 401, "not-proved"),
        ("too new", good().signed_at(REGISTRY, SECRET, now() + long), 401, "not-proved"),
        ("signed twice", signed(good()).header(SIGNATURE_HEADER, "AAAA"), 401, "not-proved"),
        (
            "a header added later",
            signed(Post::binary(&death("e", MOTHER))).header("ce-extra", "1"),
            401,
            "not-proved",
        ),
        ("too large an event", signed(Post::new(json, vec![b' '; 70_000])), 413, "too-large"),
        (
            "too large a batch",
            signed(Post::new("application/cloudevents-batch+json", vec![b' '; 5 << 20])),
            413,
            "too-large",
        ),
        ("another content type", signed(Post::new("text/plain", "x")), 415, "wrong-content-type"),
        ("no content type", signed(Post::new("", "x")), 415, "wrong-content-type"),
        (
            "another charset",
            signed(Post::new(&format!("{json}; charset=latin1"), "x")),
            415,
            "wrong-content-type",
        ),
        ("encoded", signed(good().header("content-encoding", "gzip")), 415, "encoded"),
        ("no batch", signed(Post::new("application/cloudevents-batch+json", "{}")), 400, "not-json"),
        (
            "a bad header",
            signed(Post::binary(&death("e", MOTHER)).header("ce-bad_name", "1")),
            400,
            "bad-attribute",
        ),
    ];
    for (name, post, status, code) in cases {
        let answer = post.answer(address);
        assert_eq!(answer.told(), (status, code.to_owned()), "{name}: {answer:?}");
        let told = answer.json();
        assert_eq!(told["events"], json!([]), "{name}");
        assert!(told["message"].as_str().is_some_and(|message| message.len() > 10), "{name}");
        assert!(
            status != 401 || answer.head.to_lowercase().contains("www-authenticate"),
            "{name}: {}",
            answer.head
        );
    }
    assert_eq!(get(address, "/events").status, 405);
    assert_eq!(get(address, "/nowhere").status, 404);
    let broken = exchange(address, b"HELLO\r\n\r\n").expect("an answer");
    assert_eq!(broken.status, 400);
    assert_eq!(
        signed(good()).answer(address).ends(),
        ["committed"],
        "nothing of it was stored, and it goes on"
    );
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let (deployment, address) = listening("");
    let _run = deployment.serve();
    assert_eq!((get(address, "/healthz").status, get(address, "/readyz").status), (200, 200));
    let before = metric(address, "tidings_events_total", &["end=\"committed\""]);
    assert_eq!(signed(Post::batch(&[death("1", MOTHER), death("2", MOTHER)])).answer(address).status, 200);
    assert_eq!(metric(address, "tidings_events_total", &["end=\"committed\""]), before + 2.0);
    let page = get(address, "/metrics");
    assert!(page.head.to_lowercase().contains("content-type: application/openmetrics-text"), "{}", page.head);
    assert!(page.body.ends_with("# EOF\n"), "whole");
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()), "{line}");
    }
}

/// The sum over every line of a metric that has these labels.
fn metric(of: SocketAddr, name: &str, labels: &[&str]) -> f64 {
    let page = get(of, "/metrics").body;
    let lines = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    let lines = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[test]
fn commands_reach_the_engine_while_it_runs() {
    let (deployment, address) = listening("");
    deployment.write("people.csv", format!("number,full_name,commune\n{MOTHER},Trần Thị Mẹ,01057\n,x,y\n"));
    let run = deployment.serve();
    let load = deployment.load("people.csv");
    let load: Vec<&str> = std::iter::once("--json").chain(load.iter().map(String::as_str)).collect();
    let loaded = deployment.tidings(&load).exits(1).json();
    assert_eq!((&loaded["committed"], &loaded["refused"]), (&json!(1), &json!(1)));
    assert_eq!(signed(Post::structured(&death("1", FATHER))).answer(address).status, 200);
    let id = citizen(MOTHER).to_string();
    assert_eq!(deployment.json(&["explain", &id])["citizen"], json!(id));
    drop(deployment.tidings(&["explain", &"0".repeat(32)]).exits(4).says("there is no record"));
    assert!(deployment.json(&["queue", "list"]).is_array());
    drop(deployment.tidings(&["queue", "list", "--queue", "nope"]).exits(2));
    assert!(deployment.json(&["queue", "hold", "--rule", "birth-linked"])["done"].is_string());
    assert!(deployment.json(&["queue", "release", "--rule", "birth-linked"])["done"].is_string());
    let forgotten = deployment.tidings_with(&["--json", "forget", "-"], FATHER).exits(0).json();
    assert_eq!(forgotten["known"], json!(true));
    let again = signed(Post::structured(&death("1", FATHER))).answer(address);
    assert_eq!((again.status, again.ends()), (200, vec!["ignored".to_owned()]));
    assert_eq!(again.json()["events"][0]["code"], json!("forgotten"));
    run.terminate();
    drop(run.ends());
}

#[test]
fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    const SENDERS: usize = 4;
    let (deployment, address) = listening("");
    let run = deployment.serve();
    let send = |sender: usize| {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let id = format!("{sender}-{number}");
            match signed(Post::structured(&death(&id, MOTHER))).send(address) {
                Ok(answer) if answer.status == 200 => acknowledged.push(id),
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    return acknowledged;
                }
                // Closed already.
                Err(_) => return acknowledged,
            }
        }
        acknowledged
    };
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|sender| scope.spawn(move || send(sender))).collect();
        until("some events", || (metric(address, "tidings_events_total", &[]) > 20.0).then_some(()));
        run.terminate();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    drop(run.ends().exits(0).says("everything acknowledged is durable"));
    assert!(!deployment.path("store.sock").exists());
    assert!(acknowledged.len() > 10, "{}", acknowledged.len());
    let _run = deployment.serve();
    for ids in acknowledged.chunks(100) {
        let events: Vec<Json> = ids.iter().map(|id| death(id, MOTHER)).collect();
        let again = signed(Post::batch(&events)).answer(address);
        assert_eq!((again.status, again.ends()), (200, vec!["duplicate".to_owned(); ids.len()]));
    }
}

#[test]
fn it_says_what_is_missing_before_it_listens() {
    let (deployment, address) = listening("");
    let first = deployment.serve();
    let other = Deployment::new("");
    other.append(&format!("[http]\nlisten = \"{address}\"\n"));
    drop(other.tidings(&["run"]).exits(2).says("http.listen").says("cannot be bound"));
    drop(first);
    std::fs::remove_file(deployment.path("source.key")).unwrap();
    drop(deployment.tidings(&["run"]).exits(2).says("sources.civil-registry.keys.k1"));
}
