//! Identifiers. Every one is derived from stable data by a hash, so the same event always leads to the same
//! keys, on any machine, in any order; none of them can be turned back into what it was made of.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes kept of a SHA-256 digest in an identifier: 128 bits, the shortest truncation RFC 2104 (section 5) allows.
pub const ID_BYTES: usize = 16;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; ID_BYTES]);

        /// The order of the bytes, compared at once: maps by identifier are everywhere.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// Reads the 32 hexadecimal digits that `Display` prints.
            pub fn parse(text: &str) -> Option<Self> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&hex(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

id! {
    /// A person: HMAC-SHA-256 of the national number under the deployment key. The number itself is never a key.
    CitizenId
}
id! {
    /// One event, whatever it says: digest of its `source` and `id` (CloudEvents 1.0: the pair is unique).
    EventKey
}
id! {
    /// One life event of one person: digest of subject, life event and the declared key fields.
    OccurrenceId
}
id! {
    /// Recipient, rule and occurrence: one person may be told of one service because of one occurrence.
    OpportunityId
}
id! {
    /// One message to one citizen.
    NotificationId
}
id! {
    /// One step that the queue owes.
    TaskId
}

fn hex(id: [u8; ID_BYTES]) -> [u8; ID_BYTES * 2] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = [0; ID_BYTES * 2];
    for (pair, byte) in text.chunks_exact_mut(2).zip(id) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn parse_hex(text: &str) -> Option<[u8; ID_BYTES]> {
    let text = text.as_bytes();
    if text.len() != ID_BYTES * 2 {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut bytes = [0; ID_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Hashes length-prefixed parts, so that `["ab", "c"]` and `["a", "bc"]` differ.
fn digest(domain: &str, parts: &[&[u8]]) -> [u8; ID_BYTES] {
    let mut hash = Sha256::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    truncate(&hash.finalize())
}

fn truncate(full: &[u8]) -> [u8; ID_BYTES] {
    let mut id = [0; ID_BYTES];
    id.copy_from_slice(&full[..ID_BYTES]);
    id
}

/// The deployment key that turns national numbers into [`CitizenId`]s. Changing it orphans every record.
#[derive(Clone)]
pub struct Pseudonymiser(Hmac<Sha256>);

impl Pseudonymiser {
    /// The shortest deployment key that is accepted, in bytes (the output size of SHA-256; RFC 2104, section 3).
    pub const MIN_KEY_BYTES: usize = 32;

    /// `None` when the key is shorter than [`Self::MIN_KEY_BYTES`].
    pub fn new(key: &Zeroizing<Vec<u8>>) -> Option<Self> {
        (key.len() >= Self::MIN_KEY_BYTES).then(|| Hmac::new_from_slice(key).ok().map(Self)).flatten()
    }

    /// The citizen that a national number names. Spaces around it do not matter.
    pub fn citizen(&self, national_number: &str) -> CitizenId {
        let mut mac = self.0.clone();
        mac.update(national_number.trim().as_bytes());
        CitizenId(truncate(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Pseudonymiser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonymiser([secret])")
    }
}

impl EventKey {
    /// The key of the event that `source` calls `id`.
    pub fn of(source: &str, id: &str) -> Self {
        Self(digest("event", &[source.as_bytes(), id.as_bytes()]))
    }
}

impl OccurrenceId {
    /// The key of one life event of `subject`; `key` holds the life event's declared key fields in order.
    pub fn of(subject: CitizenId, life_event: &str, key: &[String]) -> Self {
        let mut parts: Vec<&[u8]> = vec![&subject.0, life_event.as_bytes()];
        parts.extend(key.iter().map(String::as_bytes));
        Self(digest("occurrence", &parts))
    }
}

impl OpportunityId {
    /// The key of an opportunity; `rule` is the rule's oldest stable key, so a renamed rule keeps its opportunities.
    pub fn of(recipient: CitizenId, rule: &str, occurrence: OccurrenceId) -> Self {
        Self(digest("opportunity", &[&recipient.0, rule.as_bytes(), &occurrence.0]))
    }
}

impl NotificationId {
    /// The key of a message, from everything it tells: the same content cannot make a second message.
    pub fn of(recipient: CitizenId, told: &[(OpportunityId, String)]) -> Self {
        let mut parts: Vec<&[u8]> = vec![&recipient.0];
        for (opportunity, kind) in told {
            parts.push(&opportunity.0);
            parts.push(kind.as_bytes());
        }
        Self(digest("notification", &parts))
    }
}

impl TaskId {
    /// The key of a task from its purpose and the ids it serves.
    pub fn of(purpose: &str, parts: &[&[u8]]) -> Self {
        Self(digest(purpose, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let key = EventKey::of("civil-registry", "e-1");
        assert_eq!(EventKey::parse(&key.to_string()), Some(key));
        assert_eq!(EventKey::parse("xyz"), None);
        assert_eq!(EventKey::parse(&"ê".repeat(16)), None);
    }

    #[test]
    fn shifting_a_boundary_changes_the_key() {
        assert_ne!(EventKey::of("ab", "c"), EventKey::of("a", "bc"));
    }

    #[test]
    fn a_short_deployment_key_is_refused() {
        assert!(Pseudonymiser::new(&Zeroizing::new(vec![7; 31])).is_none());
        let key = Pseudonymiser::new(&Zeroizing::new(vec![7; 32])).expect("32 bytes are enough");
        assert_eq!(key.citizen(" 001 "), key.citizen("001"));
        assert!(!format!("{key:?}").contains('7'));
    }
}
