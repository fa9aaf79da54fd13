//! The queue: each message into the inbox and out of each channel once, whatever fails in between.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at its first failure"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tidings_channels::testing::{Outcome, ScriptedChannel};
use tidings_domain::channel::Replay;
use tidings_domain::message::{DeliveryState, Queue};
use tidings_domain::record::{State, Suppressed};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_pipeline::engine::Engine;
use tidings_pipeline::queue::Filter;
use tidings_stores::{Fault, Faults, MemoryStore};
use tidings_tests::{FATHER, MOTHER, Setup, at, event, inbox, ingest, messages, records, settle};

const MORNING: &str = "2026-03-02T10:00:00+07:00";

/// A duty: to register a birth.
fn birth() -> Json {
    let data = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

/// Nothing but suggestions, to one person.
fn job_loss() -> Json {
    let data = json!({ "contract": "C-1", "ended_on": "2026-03-01", "cause": "expired" });
    event("social-insurance", "j-1", "employment.ended", MOTHER, "2026-03-02T08:00:00+07:00", data)
}

fn over(channel: &ScriptedChannel, store: Arc<MemoryStore>) -> Engine {
    Setup { channels: vec![Arc::new(channel.clone())], store, ..Setup::memory(1) }.open()
}

fn fresh() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(1))
}

fn state(engine: &Engine, channel: &str) -> DeliveryState {
    let message = messages(engine, MOTHER).into_iter().next().expect("a message");
    let delivery = message.deliveries.into_iter().find(|delivery| delivery.channel == channel);
    delivery.expect("the channel is in the plan").state
}

fn day(days: u64) -> Timestamp {
    at(MORNING) + Duration::from_secs(days * 86_400)
}

#[test]
fn a_message_stands_in_the_inbox_before_it_leaves() {
    let channel = ScriptedChannel::new("outbox");
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    engine.plan(at(MORNING), LeaseTime(1)).expect("plans");
    assert!(inbox(&engine, MOTHER).is_empty() && channel.attempts().is_empty());
    engine.dispatch(at(MORNING), LeaseTime(1)).expect("dispatches");
    let told = inbox(&engine, MOTHER);
    assert_eq!((told.len(), channel.delivered().len()), (1, 1));
    assert_eq!(
        channel.delivered()[0].body.reveal(),
        &told[0].body,
        "a closed channel carries the whole text"
    );
}

#[test]
fn an_open_channel_carries_the_neutral_text_and_nothing_else() {
    let channel = ScriptedChannel::new("sms").open();
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    let message = inbox(&engine, MOTHER).remove(0);
    for sent in channel.attempts() {
        assert_eq!(sent.body.reveal(), &message.neutral);
        assert_eq!(sent.subject.reveal(), "");
    }
}

#[test]
fn a_failed_send_is_tried_again_later_and_buried_in_the_end() {
    let channel = ScriptedChannel::new("outbox");
    channel.script(vec![Outcome::Retry; 3]);
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    assert_eq!(channel.attempts().len(), 1);
    settle(&engine, at(MORNING) + Duration::from_secs(1));
    assert_eq!(channel.attempts().len(), 1, "not before its time");
    for days in 1..4 {
        settle(&engine, day(days));
    }
    assert_eq!(channel.delivered().len(), 1, "delivered once there is a way");
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Finished(_)));

    let channel = ScriptedChannel::new("outbox");
    channel.script(vec![Outcome::Retry; 100]);
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    let mut ends = BTreeMap::new();
    for days in 0..20 {
        engine.plan(day(days), LeaseTime(days)).expect("plans");
        for ((channel, end), count) in engine.dispatch(day(days), LeaseTime(days)).expect("sends").ends {
            *ends.entry((channel, end)).or_default() += count;
        }
    }
    let limit = engine.limits.attempts as usize;
    assert_eq!(channel.attempts().len(), limit, "no more attempts than the limit");
    let counted = |end| ends.get(&("outbox".to_owned(), end)).copied();
    assert_eq!(
        (counted("retry"), counted("buried")),
        (Some(limit as u64 - 1), Some(1)),
        "counted as it ended"
    );
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Buried(_)));
    let buried =
        engine.tasks(&Filter { queue: Some(Queue::Buried), ..Filter::default() }, 10).expect("lists");
    assert_eq!(buried.len(), 1);
    assert!(buried[0].note.as_ref().is_some_and(|note| note.contains("attempts failed")), "{buried:?}");

    channel.script(vec![Outcome::Deliver]);
    engine.retry(buried[0].id, day(21)).expect("an operator tries again");
    assert_eq!(inbox(&engine, MOTHER).len(), 1);
}

#[test]
fn what_a_channel_refuses_for_good_is_buried_with_the_reason() {
    let channel = ScriptedChannel::new("outbox");
    channel.script(vec![Outcome::Refuse]);
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    settle(&engine, day(1));
    assert_eq!(channel.attempts().len(), 1);
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Buried(_)));
}

/// The engine dies after the send and before the finish: the commit that would have finished fails for good.
fn dies_between_send_and_finish(replay: Replay, events: &[Json], arrived: bool) -> (ScriptedChannel, Engine) {
    let channel = ScriptedChannel::new("outbox").replaying(replay);
    let faults = Faults::new();
    let store = Arc::new(MemoryStore::with_faults(1, Arc::clone(&faults)));
    let engine = over(&channel, Arc::clone(&store));
    ingest(&engine, events, 1);
    engine.plan(at(MORNING), LeaseTime(1)).expect("plans");
    channel.script(vec![if arrived { Outcome::Deliver } else { Outcome::UnknownLost }]);
    // Inbox, begin, finish, for the one message: the third commit from here.
    faults.at(faults.commits() + 2, Fault::CrashBefore);
    let died =
        engine.dispatch(at(MORNING), LeaseTime(1)).and_then(|_| engine.dispatch(at(MORNING), LeaseTime(1)));
    assert!(died.is_err(), "the finish did not come through");
    faults.clear();
    store.restart();
    (channel, engine)
}

fn comes_back(engine: &Engine) {
    engine.dispatch(day(1), LeaseTime(2)).expect("dispatches");
}

#[test]
fn an_idempotent_channel_is_sent_to_again_after_a_death() {
    let (channel, engine) = dies_between_send_and_finish(Replay::Idempotent, &[job_loss()], true);
    comes_back(&engine);
    let attempts = channel.attempts();
    assert_eq!(attempts.len(), 2);
    assert_eq!(
        attempts[0].delivery, attempts[1].delivery,
        "under the same id, which is what makes it harmless"
    );
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Finished(_)));
}

#[test]
fn a_queryable_channel_is_asked_after_a_death() {
    let (channel, engine) = dies_between_send_and_finish(Replay::Queryable, &[job_loss()], true);
    comes_back(&engine);
    assert_eq!(channel.attempts().len(), 1, "it had arrived");
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Finished(_)));
}

#[test]
fn where_nobody_can_know_a_duty_is_sent_again_and_says_so_and_anything_else_stops() {
    let (channel, engine) = dies_between_send_and_finish(Replay::Neither, &[birth()], true);
    comes_back(&engine);
    let attempts = channel.attempts();
    assert_eq!(attempts.len(), 2, "a duty is sent again");
    assert_ne!(attempts[0].body.reveal(), attempts[1].body.reveal(), "and says so");
    let (channel, engine) = dies_between_send_and_finish(Replay::Neither, &[job_loss()], true);
    comes_back(&engine);
    assert_eq!(channel.attempts().len(), 1);
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Unknown(_)));
}

#[test]
fn a_lease_keeps_others_away_until_it_ends() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth()], 1);
    let ask = |now| tidings_domain::store::LeaseAsk {
        queue: Queue::Plan,
        due: at(MORNING),
        now: LeaseTime(now),
        holds: Duration::from_millis(100),
        limit: 10,
    };
    let first = engine.store.lease(tidings_tests::FIRST, ask(0)).expect("leases");
    assert_eq!(first.len(), 1);
    assert_eq!(engine.plan(at(MORNING), LeaseTime(50)).expect("plans").tasks, 0, "somebody else has it");
    assert_eq!(engine.plan(at(MORNING), LeaseTime(101)).expect("plans").tasks, 1, "the lease has ended");
}

#[test]
fn nobody_is_written_to_at_night() {
    let engine = Setup::memory(1).open();
    let late = json!({ "birth_certificate": "BC-1", "birth_date": "2026-03-01", "father": FATHER });
    let late = event("health", "h-1", "health.birth.notified", MOTHER, "2026-03-02T23:10:00+07:00", late);
    ingest(&engine, &[late], 1);
    for hour in ["23:30", "00:00", "03:00", "05:59"] {
        let day = if hour.starts_with('2') { "02" } else { "03" };
        settle(&engine, at(&format!("2026-03-{day}T{hour}:00+07:00")));
        assert!(inbox(&engine, MOTHER).is_empty(), "at {hour}");
    }
    settle(&engine, at("2026-03-03T10:00:00+07:00"));
    assert_eq!(inbox(&engine, MOTHER).len(), 1);
}

#[test]
fn a_refused_channel_is_left_out_and_the_inbox_stays() {
    let channel = ScriptedChannel::new("outbox");
    let engine = over(&channel, fresh());
    let refusal = json!({ "what": "channel:outbox" });
    let refusal = event("portal", "p-1", "preference.refused", MOTHER, "2026-03-01T09:00:00+07:00", refusal);
    ingest(&engine, &[refusal, birth()], 7);
    settle(&engine, at(MORNING));
    assert_eq!((inbox(&engine, MOTHER).len(), channel.attempts().len()), (1, 0));
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Dropped(Suppressed::Refused)));
}

#[test]
fn what_turns_out_wrong_between_plan_and_send_is_not_sent() {
    let channel = ScriptedChannel::new("outbox");
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    engine.plan(at(MORNING), LeaseTime(1)).expect("plans");
    let back = json!({ "event_id": "h-1" });
    let back =
        event("health", "x-1", "health.statement.retracted", MOTHER, "2026-03-02T09:00:00+07:00", back);
    ingest(&engine, &[back], 1);
    for days in 0..5 {
        settle(&engine, day(days));
    }
    assert!(inbox(&engine, MOTHER).is_empty() && channel.attempts().is_empty());
    let record = records(&engine).remove(&tidings_tests::citizen(MOTHER)).expect("a record");
    assert!(record.opportunities.is_empty(), "nothing was told, so nothing is left to correct");
}

#[test]
fn what_was_told_and_is_taken_back_is_corrected_once() {
    let channel = ScriptedChannel::new("outbox");
    let engine = over(&channel, fresh());
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    let back = json!({ "event_id": "h-1" });
    let back =
        event("health", "x-1", "health.statement.retracted", MOTHER, "2026-03-03T09:00:00+07:00", back);
    ingest(&engine, &[back], 1);
    for days in 1..6 {
        settle(&engine, day(days));
    }
    let kinds: Vec<String> = inbox(&engine, MOTHER).iter().map(|message| message.kind.to_string()).collect();
    let corrections = kinds.iter().filter(|kind| *kind == "correction").count();
    assert_eq!(corrections, kinds.len() - corrections, "each first message has its correction: {kinds:?}");
    // Something else happens, and is told; what was corrected is not corrected again.
    let sent = channel.attempts().len();
    ingest(&engine, &[job_loss()], 1);
    for days in 6..10 {
        settle(&engine, day(days));
    }
    let told = inbox(&engine, MOTHER).len() - kinds.len();
    assert!(told > 0);
    assert_eq!(channel.attempts().len(), sent + told, "only what is new was sent");
}

#[test]
fn a_held_rule_waits_and_is_told_when_it_is_released() {
    let engine = Setup::memory(1).open();
    engine.hold_rule("birth-registration", at(MORNING)).expect("holds");
    assert!(engine.hold_rule("no-such-rule", at(MORNING)).is_err());
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    let told = |engine: &Engine| {
        let rules: Vec<_> = inbox(engine, MOTHER).into_iter().flat_map(|message| message.rules).collect();
        rules.iter().any(|(root, _)| root == "birth-registration")
    };
    assert!(!told(&engine));
    let record = records(&engine).remove(&tidings_tests::citizen(MOTHER)).expect("a record");
    let held = State::Suppressed(Suppressed::Held);
    assert!(record.opportunities.values().any(|one| one.state == held), "it waits, visibly");
    engine.release_rule("birth-registration").expect("releases");
    for days in 1..3 {
        settle(&engine, day(days));
    }
    assert!(told(&engine));
}

#[test]
fn a_rule_held_between_plan_and_send_is_told_when_it_is_released() {
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth()], 1);
    engine.plan(at(MORNING), LeaseTime(1)).expect("plans");
    engine.hold_rule("birth-registration", at(MORNING)).expect("holds");
    settle(&engine, at(MORNING));
    let told = |engine: &Engine| {
        inbox(engine, MOTHER)
            .into_iter()
            .flat_map(|message| message.rules)
            .any(|(root, _)| root == "birth-registration")
    };
    assert!(!told(&engine));
    engine.release_rule("birth-registration").expect("releases");
    for days in 1..3 {
        settle(&engine, day(days));
    }
    assert!(told(&engine));
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again() {
    let channel = ScriptedChannel::new("outbox").replaying(Replay::Queryable);
    channel.script(vec![Outcome::UnknownDelivered]);
    let engine = over(&channel, fresh());
    ingest(&engine, &[job_loss()], 1);
    settle(&engine, at(MORNING));
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Begun(_)), "nobody knows yet");
    settle(&engine, day(1));
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Finished(_)), "it had arrived");
    assert_eq!(channel.attempts().len(), 1);
}

#[test]
fn a_death_between_begin_and_finish_is_asked_about_before_anything_is_sent_again() {
    let (channel, engine) = dies_between_send_and_finish(Replay::Idempotent, &[job_loss()], false);
    let death = json!({ "death_date": "2026-03-02", "certificate": "D-1", "registered_on": "2026-03-02" });
    let time = "2026-03-02T20:00:00+07:00";
    ingest(&engine, &[event("civil-registry", "d-1", "civil.death.registered", MOTHER, time, death)], 1);
    comes_back(&engine);
    assert_eq!(channel.attempts().len(), 1, "nothing more goes to the dead");
    assert!(matches!(state(&engine, "outbox"), DeliveryState::Unknown(_)));
}

#[test]
fn planned_sent_or_reminded_late_in_the_day_it_waits_for_the_next() {
    let night = |engine: &Engine, day: &str| settle(engine, at(&format!("{day}T23:30:00+07:00")));
    let morning = |engine: &Engine, day: &str| settle(engine, at(&format!("{day}T10:00:00+07:00")));
    // Planned late, and sent late.
    for planned in [false, true] {
        let channel = ScriptedChannel::new("outbox");
        let engine = over(&channel, fresh());
        ingest(&engine, &[birth()], 1);
        if planned {
            engine.plan(at(MORNING), LeaseTime(1)).expect("plans");
        }
        night(&engine, "2026-03-02");
        assert_eq!((inbox(&engine, MOTHER).len(), channel.attempts().len()), (0, 0), "planned {planned}");
        morning(&engine, "2026-03-03");
        assert_eq!((inbox(&engine, MOTHER).len(), channel.attempts().len()), (1, 1), "planned {planned}");
    }
    // Reminded late.
    let engine = Setup::memory(1).open();
    ingest(&engine, &[birth()], 1);
    settle(&engine, at(MORNING));
    let beat = |source: &str| {
        let id = format!("{source}-w");
        event(source, &id, "tidings.watermark", "-", "2026-12-01T00:00:00+07:00", json!({}))
    };
    ingest(&engine, &["civil-registry", "portal", "health", "population"].map(beat), 7);
    let first = inbox(&engine, MOTHER).len();
    for day in 3..31 {
        night(&engine, &format!("2026-03-{day:02}"));
    }
    assert_eq!(inbox(&engine, MOTHER).len(), first, "reminders wait for the day");
    morning(&engine, "2026-03-31");
    morning(&engine, "2026-04-01");
    assert!(inbox(&engine, MOTHER).len() > first, "and come then");
}
