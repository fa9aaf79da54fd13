//! For tests: a channel that does as it is told, and the contract that every channel must keep.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tidings_domain::channel::{Channel, Envelope, Replay, SendError};
use tidings_domain::value::Pii;

use crate::{DELIVERY_BYTES, check_delivery};

/// What a [`ScriptedChannel`] does with one send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Delivers and says so.
    Deliver,
    /// Delivers nothing; to be tried again.
    Retry,
    /// Delivers nothing; refused for good.
    Refuse,
    /// Delivers, but the answer is lost.
    UnknownDelivered,
    /// Delivers nothing, and the answer is lost.
    UnknownLost,
}

/// A channel that does as it is told and remembers everything. Clones share one script and one memory.
#[derive(Clone)]
pub struct ScriptedChannel {
    name: String,
    replay: Replay,
    open: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Outcome>,
    attempts: Vec<Envelope>,
    delivered: Vec<Envelope>,
}

impl ScriptedChannel {
    /// A channel that is not open, cannot tell what arrived, and delivers everything.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), replay: Replay::Neither, open: false, state: Arc::default() }
    }

    /// The same, with another answer to a repeated send.
    #[must_use]
    pub fn replaying(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// The same, but others may read what it carries.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Adds outcomes of the next sends. When none is left, it delivers.
    pub fn script(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.state().script.extend(outcomes);
    }

    /// Every well-formed send, in order, whatever became of it.
    pub fn attempts(&self) -> Vec<Envelope> {
        self.state().attempts.clone()
    }

    /// What reached the recipient, in order. An idempotent channel delivers a delivery once.
    pub fn delivered(&self) -> Vec<Envelope> {
        self.state().delivered.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ScriptedChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedChannel").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Channel for ScriptedChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn replay(&self) -> Replay {
        self.replay
    }

    fn is_open(&self) -> bool {
        self.open
    }

    fn send(&self, envelope: &Envelope) -> Result<(), SendError> {
        check_delivery(&envelope.delivery)?;
        let mut state = self.state();
        state.attempts.push(envelope.clone());
        let outcome = state.script.pop_front().unwrap_or(Outcome::Deliver);
        if matches!(outcome, Outcome::Deliver | Outcome::UnknownDelivered) {
            let again = state.delivered.iter().any(|there| there.delivery == envelope.delivery);
            if !(again && self.replay == Replay::Idempotent) {
                state.delivered.push(envelope.clone());
            }
        }
        match outcome {
            Outcome::Deliver => Ok(()),
            Outcome::Retry => Err(SendError::Retry("scripted".into())),
            Outcome::Refuse => Err(SendError::Refused("scripted".into())),
            Outcome::UnknownDelivered | Outcome::UnknownLost => Err(SendError::Unknown("scripted".into())),
        }
    }

    fn arrived(&self, delivery: &str) -> Result<bool, SendError> {
        if self.replay != Replay::Queryable {
            return Err(SendError::Unknown("the channel cannot be asked".into()));
        }
        Ok(self.state().delivered.iter().any(|there| there.delivery == delivery))
    }
}

/// A channel under test, and a way to see what it delivered.
pub struct Subject {
    /// The channel.
    pub channel: Box<dyn Channel>,
    /// What stands at the other end of it, in any order.
    pub delivered: Box<dyn Fn() -> Vec<Envelope>>,
}

/// An envelope whose every personal part is odd enough to be found wherever it should not be.
pub fn envelope(delivery: &str) -> Envelope {
    Envelope {
        delivery: delivery.to_owned(),
        recipient: "recipient-7f3a".into(),
        language: "vi".into(),
        subject: Pii::new("Khai sinh cho bé Ánh".into()),
        body: Pii::new("Chào chị Nguyễn Thị Ánh,\r\n\t\"hạn\" \\ 5/8 \u{0}\u{1f476}\n".into()),
    }
}

/// What every channel must keep, each point on a new channel that `make` gives. Panics on the first that it
/// does not keep.
pub fn contract(make: impl Fn() -> Subject) {
    describes_itself(&make(), &make());
    delivers_exactly_what_it_was_given(&make());
    keeps_its_word_on_repetition(&make());
    refuses_unsafe_ids(&make());
    serves_many_threads(&make());
}

fn describes_itself(one: &Subject, other: &Subject) {
    let name = one.channel.name();
    assert!(check_delivery(name).is_ok(), "a name is made of a-z, 0-9 and -");
    assert_eq!(name, other.channel.name(), "a name is stable");
    assert_eq!(one.channel.replay(), other.channel.replay(), "replay is stable");
    assert_eq!(one.channel.is_open(), other.channel.is_open(), "openness is stable");
}

fn delivers_exactly_what_it_was_given(subject: &Subject) {
    assert!((subject.delivered)().is_empty(), "a new channel has delivered nothing");
    let empty = Envelope { subject: Pii::default(), body: Pii::default(), ..envelope("empty") };
    for sent in [envelope("d-1"), empty, envelope(&"x".repeat(DELIVERY_BYTES))] {
        assert_eq!(subject.channel.send(&sent), Ok(()));
        let delivered = (subject.delivered)();
        assert!(delivered.iter().any(|there| same(there, &sent)), "content survives exactly");
    }
    assert_eq!((subject.delivered)().len(), 3);
}

fn keeps_its_word_on_repetition(subject: &Subject) {
    let channel = &subject.channel;
    let queryable = channel.replay() == Replay::Queryable;
    if queryable {
        assert_eq!(channel.arrived("d-1"), Ok(false), "nothing was sent");
    }
    assert_eq!(channel.send(&envelope("d-1")), Ok(()));
    if queryable {
        assert_eq!(channel.arrived("d-1"), Ok(true), "it was sent");
        assert_eq!(channel.arrived("d-2"), Ok(false), "another was not");
    }
    if channel.replay() == Replay::Idempotent {
        assert_eq!(channel.send(&envelope("d-1")), Ok(()));
        assert_eq!((subject.delivered)().len(), 1, "twice is once");
    }
}

fn refuses_unsafe_ids(subject: &Subject) {
    let long = "x".repeat(DELIVERY_BYTES + 1);
    for bad in ["", "..", "../d", "d/1", "d\\1", "D-1", "d 1", "d.1", "d\n", "d\0", "đ", "/etc/passwd", &long]
    {
        let sent = envelope(bad);
        let refused = subject.channel.send(&sent);
        assert!(matches!(refused, Err(SendError::Refused(_))), "{bad:?} is refused");
        let text = refused.map_or_else(|error| error.to_string(), |()| String::new());
        for personal in [&sent.recipient, sent.subject.reveal(), sent.body.reveal()] {
            assert!(!text.contains(personal.as_str()), "an error tells nothing personal");
        }
    }
    assert!((subject.delivered)().is_empty(), "what is refused is not delivered");
}

fn serves_many_threads(subject: &Subject) {
    const THREADS: usize = 8;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let channel = &subject.channel;
            scope.spawn(move || {
                assert_eq!(channel.send(&envelope("shared")), Ok(()));
                assert_eq!(channel.send(&envelope(&format!("own-{thread}"))), Ok(()));
            });
        }
    });
    let delivered = (subject.delivered)();
    let shared = delivered.iter().filter(|there| there.delivery == "shared").count();
    assert_eq!(delivered.len() - shared, THREADS, "each of its own is delivered once");
    assert!(subject.channel.replay() != Replay::Idempotent || shared == 1, "many times is once");
}

fn same(one: &Envelope, other: &Envelope) -> bool {
    let parts = |of: &Envelope| {
        let (subject, body) = (of.subject.reveal().clone(), of.body.reveal().clone());
        (of.delivery.clone(), of.recipient.clone(), of.language.clone(), subject, body)
    };
    parts(one) == parts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripted_channel_keeps_the_contract() {
        for replay in [Replay::Idempotent, Replay::Queryable, Replay::Neither] {
            contract(|| {
                let channel = ScriptedChannel::new("scripted").replaying(replay);
                let seen = channel.clone();
                Subject { channel: Box::new(channel), delivered: Box::new(move || seen.delivered()) }
            });
        }
    }

    #[test]
    fn the_script_is_followed_then_everything_is_delivered() {
        let channel = ScriptedChannel::new("scripted").open();
        assert!(channel.is_open());
        channel.script([Outcome::Retry, Outcome::UnknownLost, Outcome::UnknownDelivered, Outcome::Refuse]);
        let sent: Vec<_> = (0..5).map(|_| channel.send(&envelope("d-1"))).collect();
        assert!(matches!(
            &sent[..],
            [
                Err(SendError::Retry(_)),
                Err(SendError::Unknown(_)),
                Err(SendError::Unknown(_)),
                Err(SendError::Refused(_)),
                Ok(())
            ]
        ));
        assert_eq!((channel.attempts().len(), channel.delivered().len()), (5, 2));
        assert!(channel.arrived("d-1").is_err(), "neither idempotent nor queryable");
    }
}
