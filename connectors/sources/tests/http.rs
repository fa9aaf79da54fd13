//! The HTTP source over real sockets: the router behind a listener, a client that writes HTTP/1.1 by hand,
//! and the test as the ingest loop.

#[cfg(test)]
mod client;

use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use client::{KEY, LONG, NOW, Reply, Request, SECRET, SOURCE, Server, key, keys};
use serde_json::{Value, json};
use tidings_domain::event::limits::EVENT_BYTES;
use tidings_domain::event::{End, Ignored, Reason, Refusal};
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::time::Timestamp;
use tidings_sources::http::{BATCH_BYTES, BATCH_EVENTS, Limits, Load, ProvedPeer};
use tidings_sources::signature::{SourceKeys, Validity, WINDOW};

const EVENT: &str = r#"{"specversion":"1.0","id":"e-1","data":{"name":"Nguyễn Thị Ánh"}}"#;

fn structured(body: impl Into<Vec<u8>>) -> Request {
    Request::new(body).header("content-type", "application/cloudevents+json; charset=UTF-8")
}

fn batch(body: impl Into<Vec<u8>>) -> Request {
    Request::new(body).header("content-type", "application/cloudevents-batch+json")
}

fn binary(body: impl Into<Vec<u8>>) -> Request {
    Request::new(body)
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "e-1")
        .header("ce-source", "/civil-registry")
        .header("ce-type", "vn.birth")
        .header("ce-subject", "%C3%81nh%20%22100%25%22")
}

fn ids(reply: &Reply) -> Vec<&Value> {
    reply.events().iter().map(|event| &event["id"]).collect()
}

#[test]
fn one_event_is_answered_with_its_end() {
    let mut server = Server::start();
    for (end, told) in [
        (End::Committed, json!({"index": 0, "id": "e-1", "end": "committed"})),
        (End::Duplicate, json!({"index": 0, "id": "e-1", "end": "duplicate"})),
        (
            End::Ignored(Ignored::UnknownType),
            json!({"index": 0, "id": "e-1", "end": "ignored", "code": "unknown-type"}),
        ),
    ] {
        let (arrivals, reply) = server.exchange(structured(EVENT).signed(), |_| end.clone());
        assert_eq!((reply.status, reply.body["code"].as_str()), (200, Some("accepted")));
        assert_eq!(reply.events(), &[told]);
        assert_eq!(arrivals[0].bytes.reveal(), EVENT.as_bytes());
        assert_eq!(arrivals[0].proved.as_deref(), Some(SOURCE));
        assert_eq!(arrivals[0].received, Timestamp(77), "business time, not the wall clock");
    }
}

#[test]
fn offsets_count_what_was_taken() {
    let mut server = Server::start();
    for offset in 0..3 {
        let (arrivals, _) = server.exchange(structured(EVENT).signed(), |_| End::Committed);
        let position = &arrivals[0].position;
        assert_eq!((position.partition.as_str(), position.epoch, position.offset), ("http", 9, offset));
    }
}

#[test]
fn a_batch_with_bad_events_tells_each_reason_and_keeps_the_good() {
    let mut server = Server::start();
    let long = format!(r#"{{"id":"e-3","x":"{}"}}"#, "x".repeat(EVENT_BYTES));
    let body = format!(r#"[ {{"id":"e-1"}} , {{"id":7}},{long} ]"#);
    let (arrivals, reply) = server.exchange(batch(body).signed(), |arrival| {
        let refused =
            |code, place: Option<&str>| End::DeadLetter(Reason { code, place: place.map(str::to_owned) });
        match arrival.position.offset {
            0 => End::Committed,
            1 => refused(Refusal::BadAttribute, Some("id")),
            _ => refused(Refusal::TooLarge, None),
        }
    });
    assert_eq!(arrivals[0].bytes.reveal(), br#"{"id":"e-1"}"#);
    assert_eq!(arrivals[2].bytes.reveal().len(), EVENT_BYTES + 1, "cut where the decoder sees it");
    assert_eq!((reply.status, reply.body["code"].as_str()), (400, Some("dead-letters")));
    let message = reply.body["message"].as_str().expect("a message");
    assert_eq!(message, "2 of 3 events are dead letters; stored: 1, not to be sent again");
    assert_eq!(
        reply.events(),
        &[
            json!({"index": 0, "id": "e-1", "end": "committed"}),
            json!({"index": 1, "end": "dead-letter", "code": "bad-attribute", "place": "id",
                   "fix": Refusal::BadAttribute.fix()}),
            json!({"index": 2, "end": "dead-letter", "code": "too-large", "fix": Refusal::TooLarge.fix()}),
        ]
    );
}

#[test]
fn a_batch_may_be_empty_and_may_take_several_turns_of_the_loop() {
    let mut server = Server::start();
    let reply = server.send(&batch("[]").signed());
    assert_eq!((reply.status, reply.events().len()), (200, 0));

    let client = server.sending(batch(r#"[{"id":"a"},{"id":"b"},{"id":"c"}]"#).signed());
    for end in [End::Committed, End::Duplicate, End::Committed] {
        assert_eq!(server.batch(1).len(), 1);
        server.source.ack(&[end]).expect("acknowledged");
    }
    let reply = client.join().expect("answered");
    assert_eq!(ids(&reply), ["a", "b", "c"]);
    assert_eq!(reply.events()[1]["end"], "duplicate");
}

#[test]
fn binary_mode_becomes_structured_json() {
    let mut server = Server::start();
    let (arrivals, reply) = server.exchange(binary(r#" {"n":1} "#).signed(), |_| End::Committed);
    assert_eq!((reply.status, ids(&reply)), (200, vec![&json!("e-1")]));
    let event: Value = serde_json::from_slice(arrivals[0].bytes.reveal()).expect("JSON");
    let expected = json!({
        "specversion": "1.0", "id": "e-1", "source": "/civil-registry", "type": "vn.birth",
        "subject": "Ánh \"100%\"", "datacontenttype": "application/json", "data": {"n": 1},
    });
    assert_eq!(event, expected);

    let (arrivals, _) = server.exchange(binary("").signed(), |_| End::Committed);
    let event: Value = serde_json::from_slice(arrivals[0].bytes.reveal()).expect("JSON");
    assert_eq!(event.get("data"), None, "no body, no data");
}

/// Data that closes its object early must not become attributes.
#[test]
fn data_cannot_reach_out_of_binary_mode() {
    let mut server = Server::start();
    let body = r#"{"n":1},"id":"other""#;
    let (arrivals, _) = server.exchange(binary(body).signed(), |_| End::Committed);
    assert_eq!(arrivals[0].bytes.reveal(), body.as_bytes(), "not JSON, and the decoder will say so");
    for (name, value) in [
        ("ce-data", "{}"),
        ("ce-datacontenttype", "x"),
        ("ce-my-id", "x"),
        ("ce-id", "e-2"),
        ("ce-x", "%C0%A0"),
    ] {
        let reply = server.send(&binary("{}").header(name, value).signed());
        assert_eq!((reply.status, reply.body["code"].as_str()), (400, Some("bad-attribute")), "{name}");
        server.took_nothing();
    }
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let mut server = Server::start();
    let (answered, answers) = channel();
    let (request, address) = (structured(EVENT).signed(), server.address);
    thread::spawn(move || answered.send(request.send(address)));
    assert_eq!(server.batch(9).len(), 1);
    let early = answers.recv_timeout(Duration::from_millis(200));
    assert!(early.is_err(), "no answer while it is in hand");
    server.source.ack(&[End::Committed]).expect("acknowledged");
    assert_eq!(answers.recv_timeout(LONG).expect("answered").status, 200);
}

#[test]
fn an_event_whose_client_went_away_is_processed() {
    let mut server = Server::start();
    let stream = structured(EVENT).signed().write(server.address);
    assert_eq!(server.batch(9).len(), 1);
    drop(stream);
    let (arrivals, reply) = {
        server.source.ack(&[End::Committed]).expect("acknowledged though nobody listens");
        server.exchange(structured(EVENT).signed(), |_| End::Duplicate)
    };
    assert_eq!((arrivals[0].position.offset, reply.status), (1, 200), "and the next is served");
    assert_eq!(server.intake.load(), Load::default());
}

#[test]
fn a_body_that_breaks_off_is_not_taken() {
    let mut server = Server::start();
    let mut stream = structured(EVENT).signed().head(server.address, "content-length: 1000\r\n");
    stream.write_all(EVENT.as_bytes()).expect("written");
    drop(stream);
    let (arrivals, _) = server.exchange(structured(EVENT).signed(), |_| End::Committed);
    assert_eq!((arrivals.len(), arrivals[0].position.offset), (1, 0));
}

#[test]
fn a_full_queue_takes_nothing_of_a_request() {
    let limits = Limits { queue_events: 2, ..Limits::default() };
    let mut server = Server::with(limits, keys());
    let first = server.sending(structured(EVENT).signed());
    assert_eq!(server.batch(9).len(), 1, "in hand, not yet acknowledged");

    let two = batch(r#"[{"id":"a"},{"id":"b"}]"#).signed();
    let reply = server.send(&two);
    assert_eq!((reply.status, reply.header("retry-after"), reply.events().len()), (429, Some("2"), 0));
    assert_eq!(server.intake.load(), Load { events: 1, bytes: EVENT.len() });

    server.source.ack(&[End::Committed]).expect("acknowledged");
    assert_eq!(first.join().expect("answered").status, 200);
    let (arrivals, reply) = server.exchange(two, |_| End::Committed);
    let offsets: Vec<_> = arrivals.iter().map(|arrival| arrival.position.offset).collect();
    assert_eq!((reply.status, offsets), (200, vec![1, 2]), "room again, and no offset was lost");

    let reply = server.send(&batch("[1,2,3]").signed());
    assert_eq!((reply.status, reply.body["code"].as_str()), (413, Some("too-many-events")), "never fits");
}

#[test]
fn room_is_counted_in_bytes_and_readers_as_well() {
    let limits = Limits { queue_bytes: EVENT.len() - 1, ..Limits::default() };
    for limits in [limits, Limits { readers: 0, ..Limits::default() }] {
        let mut server = Server::with(limits, keys());
        let reply = server.send(&structured(EVENT).signed());
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some("2")));
        server.took_nothing();
    }
}

#[test]
fn too_large_is_413() {
    let mut server = Server::start();
    let spaces = |bytes: usize| " ".repeat(bytes);
    let refused = [
        structured(spaces(EVENT_BYTES + 1)),
        structured(spaces(EVENT_BYTES + 1)).chunked(),
        binary(format!("\"{}\"", "x".repeat(EVENT_BYTES - 2))),
        batch(spaces(BATCH_BYTES + 1)),
        batch(spaces(BATCH_BYTES + 1)).chunked(),
        batch(format!("[{}1]", "1,".repeat(BATCH_EVENTS))),
    ];
    for request in refused {
        let reply = server.send(&request.signed());
        assert_eq!((reply.status, reply.events().len()), (413, 0), "{}", reply.body);
        server.took_nothing();
    }
    for declared in ["content-length: 99999999\r\n", "content-length: 65537\r\nexpect: 100-continue\r\n"] {
        let stream = structured("").signed().head(server.address, declared);
        assert_eq!(Reply::read(stream).status, 413, "before the body is sent");
    }
    let longest = server.exchange(structured(spaces(EVENT_BYTES)).signed(), |_| End::Committed);
    assert_eq!(longest.1.status, 200);
    let full = format!("[{}1]", "1,".repeat(BATCH_EVENTS - 1));
    assert_eq!(server.exchange(batch(full).signed(), |_| End::Committed).0.len(), BATCH_EVENTS);
}

#[test]
fn other_content_types_and_encodings_are_415() {
    let mut server = Server::start();
    let of = |value: &str| Request::new(EVENT).header("content-type", value);
    for request in [
        of("text/plain"),
        of("application/json"),
        of("application/cloudevents+xml"),
        of("application/cloudevents"),
        of("application/cloudevents+json; charset=utf-16"),
        Request::new(EVENT),
        of("text/plain").header("ce-specversion", "1.0"),
        structured(EVENT).header("content-type", "application/json"),
    ] {
        let reply = server.send(&request.signed());
        assert_eq!((reply.status, reply.body["code"].as_str()), (415, Some("wrong-content-type")));
        server.took_nothing();
    }
    let reply = server.send(&structured(EVENT).header("content-encoding", "gzip").signed());
    assert_eq!((reply.status, reply.header("accept-encoding")), (415, Some("identity")));
}

#[test]
fn a_body_that_cannot_be_split_is_refused_whole_and_not_repeated() {
    let mut server = Server::start();
    for (body, code) in
        [(EVENT.as_bytes(), "not-json"), (b"[1,".as_slice(), "not-json"), (b"[\"\xff\"]", "not-utf8")]
    {
        let reply = server.send(&batch(body).signed());
        assert_eq!((reply.status, reply.body["code"].as_str()), (400, Some(code)));
        assert!(!reply.body.to_string().contains("Nguyễn"));
        server.took_nothing();
    }
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let limits = Limits { body_wait: Duration::from_millis(20), ..Limits::default() };
    let server = Server::with(limits, keys());
    let stream = structured("").signed().head(server.address, "content-length: 10\r\n");
    assert_eq!(Reply::read(stream).status, 408);
}

#[test]
fn what_is_not_signed_rightly_is_401() {
    let mut server = Server::start();
    let seconds = NOW.0 / 1000;
    let late = WINDOW.as_secs() as i64 + 1;
    let stolen = structured(EVENT).signed();
    let signed = |source, key, secret, time| structured(EVENT).signed_by(source, key, secret, time);
    let mut refused = vec![
        structured(EVENT),
        stolen.clone().body(EVENT.replace("e-1", "e-2")),
        stolen.clone().replace("tidings-source", "tax-office"),
        stolen.clone().replace("tidings-key", "another"),
        stolen.clone().replace("tidings-timestamp", &(seconds + 1).to_string()),
        stolen.clone().replace("tidings-timestamp", "now"),
        stolen.clone().replace("tidings-signature", "AAAA"),
        stolen.clone().replace("tidings-signature", ""),
        stolen.clone().map("tidings-signature", |whole| whole[..24].to_owned()),
        stolen.clone().replace("tidings-signature", "no base64"),
        stolen.clone().header("tidings-source", SOURCE),
        signed(SOURCE, KEY, &[8; 32], seconds),
        signed("nobody", KEY, SECRET, seconds),
        signed(SOURCE, KEY, SECRET, seconds - late),
        signed(SOURCE, KEY, SECRET, seconds + late),
        signed(SOURCE, KEY, SECRET, i64::MIN),
        binary("{}").signed().replace("ce-id", "e-2"),
        binary("{}").signed().header("ce-retracts", "e-0"),
        binary(EVENT).signed().replace("content-type", "application/cloudevents+json"),
    ];
    for name in ["source", "key", "timestamp", "signature"] {
        refused.push(stolen.clone().without(&format!("tidings-{name}")));
    }
    for (index, request) in refused.iter().enumerate() {
        let reply = server.send(request);
        assert_eq!((reply.status, reply.body["code"].as_str()), (401, Some("not-proved")), "number {index}");
        assert_eq!(reply.header("www-authenticate"), Some("Tidings-Signature"));
        server.took_nothing();
    }
    for time in [seconds - late + 1, seconds + late - 1] {
        let (_, reply) = server.exchange(signed(SOURCE, KEY, SECRET, time), |_| End::Committed);
        assert_eq!(reply.status, 200, "inside the window");
    }
}

#[test]
fn keys_are_rotated_without_a_pause() {
    let mut keys = SourceKeys::new();
    let hour = Duration::from_secs(3600);
    let mut add = |name, byte, not_before, not_after| {
        keys.insert(SOURCE, name, key(byte), Validity { not_before, not_after }).expect("a good key");
    };
    add("old", 1, None, Some(NOW));
    add("new", 2, Some(NOW), None);
    add("expired", 3, None, Some(NOW - Duration::from_millis(1)));
    add("next", 4, Some(NOW + hour), Some(NOW + hour + hour));
    let mut server = Server::with(Limits::default(), keys);
    let by = |name, byte: u8| structured(EVENT).signed_by(SOURCE, name, &[byte; 32], NOW.0 / 1000);
    for (name, byte) in [("old", 1), ("new", 2)] {
        assert_eq!(server.exchange(by(name, byte), |_| End::Committed).1.status, 200, "{name}");
    }
    for (name, byte) in [("expired", 3), ("next", 4), ("new", 1)] {
        assert_eq!(server.send(&by(name, byte)).status, 401, "{name}");
    }
    let mut replaced = SourceKeys::new();
    replaced.insert(SOURCE, "next", key(4), Validity::default()).expect("a good key");
    server.intake.replace_keys(replaced);
    assert_eq!(server.exchange(by("next", 4), |_| End::Committed).1.status, 200);
    assert_eq!(server.send(&by("new", 2)).status, 401);
}

#[test]
fn a_proved_peer_need_not_sign_but_a_signature_decides() {
    let mut server = Server::behind(ProvedPeer("gateway".into()));
    let (arrivals, _) = server.exchange(structured(EVENT), |_| End::Committed);
    assert_eq!(arrivals[0].proved.as_deref(), Some("gateway"));
    let (arrivals, _) = server.exchange(structured(EVENT).signed(), |_| End::Committed);
    assert_eq!(arrivals[0].proved.as_deref(), Some(SOURCE));
    assert_eq!(server.send(&structured(EVENT).signed().body("{}")).status, 401);
    assert_eq!(server.send(&structured(EVENT).header("tidings-source", SOURCE)).status, 401);
}

#[test]
fn a_shutdown_finishes_what_was_taken() {
    let mut server = Server::start();
    let client = server.sending(batch(r#"[{"id":"a"},{"id":"b"}]"#).signed());
    assert_eq!(server.batch(1).len(), 1);
    server.intake.shut_down();
    let reply = server.send(&structured(EVENT).signed());
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("10")));
    assert_eq!(reply.body["code"], "shutting-down");
    server.source.ack(&[End::Committed]).expect("acknowledged");
    assert_eq!(server.batch(9).len(), 1);
    server.source.ack(&[End::Committed]).expect("acknowledged");
    assert_eq!(client.join().expect("answered").status, 200);
    assert!(matches!(server.source.next_batch(9, LONG), Ok(Batch::End)));
}

/// A handler that reads its body while the shutdown begins must not add to a queue that was just found empty.
#[test]
fn a_body_that_was_on_its_way_at_shutdown_is_not_taken() {
    let mut server = Server::start();
    let framing = format!("content-length: {}\r\nexpect: 100-continue\r\n", EVENT.len());
    let mut stream = structured(EVENT).signed().head(server.address, &framing);
    let mut asked = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut asked).expect("the body is asked for");
    server.intake.shut_down();
    assert!(matches!(server.source.next_batch(9, LONG), Ok(Batch::End)));
    stream.write_all(EVENT.as_bytes()).expect("written");
    assert_eq!(Reply::read(stream).status, 503);
    assert!(matches!(server.source.next_batch(9, LONG), Ok(Batch::End)));
}

#[test]
fn while_the_store_is_away_senders_are_told_to_wait() {
    let mut server = Server::start();
    server.intake.store_is_away(true);
    let reply = server.send(&structured(EVENT).signed());
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("10")));
    assert_eq!(reply.body["code"], "store-away");
    server.intake.store_is_away(false);
    assert_eq!(server.exchange(structured(EVENT).signed(), |_| End::Committed).1.status, 200);
}

#[test]
fn what_is_never_acknowledged_is_not_said_to_be_stored() {
    let mut server = Server::start();
    let client = server.sending(structured(EVENT).signed());
    assert_eq!(server.batch(9).len(), 1);
    assert!(matches!(server.source.ack(&[]), Err(SourceError::Failed(_))), "no end for one event");
    let reply = client.join().expect("answered");
    assert_eq!((reply.status, reply.body["code"].as_str()), (503, Some("outcome-unknown")));

    let client = server.sending(structured(EVENT).signed());
    assert_eq!(server.batch(9).len(), 1);
    assert!(matches!(server.source.next_batch(9, Duration::ZERO), Ok(Batch::Quiet)), "not delivered again");
    assert_eq!(client.join().expect("answered").status, 503);
    assert_eq!(server.intake.load(), Load::default());

    let client = server.sending(batch("[1,2]").signed());
    assert_eq!(server.batch(1).len(), 1);
    let (address, intake, runtime) = server.without_source();
    assert_eq!(client.join().expect("answered").status, 503);
    assert_eq!(structured(EVENT).signed().send(address).status, 503, "nobody takes them any more");
    assert_eq!(intake.load(), Load::default());
    drop(runtime);
}

#[test]
fn an_outcome_that_takes_too_long_is_503_and_may_still_come() {
    let limits = Limits { ack_wait: Duration::from_millis(20), ..Limits::default() };
    let mut server = Server::with(limits, keys());
    let reply = server.send(&structured(EVENT).signed());
    assert_eq!((reply.status, reply.body["code"].as_str()), (503, Some("outcome-unknown")));
    assert_eq!(server.batch(9).len(), 1, "it is still processed");
    server.source.ack(&[End::Committed]).expect("acknowledged");
    assert_eq!(server.intake.load(), Load::default());
}
