//! How an HTTP sender proves which registered source it is: HMAC-SHA-256 over what it says, in the manner of
//! RFC 9421 (what is covered is explicit) and Standard Webhooks (symmetric secrets, a timestamp against
//! replays).
//!
//! Four headers: [`SOURCE_HEADER`], [`KEY_HEADER`], [`TIMESTAMP_HEADER`] (seconds since 1970) and
//! [`SIGNATURE_HEADER`], the base64 of the HMAC, under the key, of
//!
//! ```text
//! SOURCE \n KEY \n TIMESTAMP \n ATTRIBUTES \n BODY
//! ```
//!
//! where ATTRIBUTES is, in binary mode, every `ce-*` header as it is on the wire, sorted by lower-case name,
//! each `name:value\n`; in the other modes it is empty. A signature of one mode is thus never one of another.
//! A request repeated within [`WINDOW`] passes here and ends as a duplicate in the store.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use tidings_domain::event::limits::ATTRIBUTE_BYTES;
use tidings_domain::time::Timestamp;
use zeroize::Zeroizing;

/// Names the registered source that signs.
pub const SOURCE_HEADER: &str = "tidings-source";
/// Names which of the source's keys signs.
pub const KEY_HEADER: &str = "tidings-key";
/// When it was signed, in whole seconds since 1970-01-01T00:00:00Z.
pub const TIMESTAMP_HEADER: &str = "tidings-timestamp";
/// The signature in base64, with padding.
pub const SIGNATURE_HEADER: &str = "tidings-signature";

/// How far a signature's timestamp may be from this machine's clock, either way.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);
/// The shortest secret that is accepted, in bytes (the output size of SHA-256; RFC 2104, section 3).
pub const MIN_SECRET_BYTES: usize = 32;
/// Most keys that a source may have at once.
pub const KEYS_A_SOURCE: usize = 8;

/// Why a key was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Shorter than [`MIN_SECRET_BYTES`].
    #[error("a secret has at least {MIN_SECRET_BYTES} bytes")]
    ShortSecret,
    /// It would not survive in a header.
    #[error("names of sources and keys are 1 to {ATTRIBUTE_BYTES} visible ASCII characters")]
    BadName,
    /// The source has a key of that name.
    #[error("the source has a key of that name already")]
    SameName,
    /// More than [`KEYS_A_SOURCE`].
    #[error("a source has at most {KEYS_A_SOURCE} keys")]
    TooMany,
}

/// When a key is valid; both ends are inclusive and may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// Not valid before this moment of the wall clock.
    pub not_before: Option<Timestamp>,
    /// Not valid after this moment of the wall clock.
    pub not_after: Option<Timestamp>,
}

impl Validity {
    fn holds(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|until| now <= until)
    }
}

struct Key {
    secret: Zeroizing<Vec<u8>>,
    validity: Validity,
}

/// The keys of every source that may sign. Several keys of one source are valid at once, so that they can be
/// rotated without a pause. Secrets are wiped from memory when dropped and never printed.
#[derive(Default)]
pub struct SourceKeys(BTreeMap<String, BTreeMap<String, Key>>);

impl SourceKeys {
    /// No keys: nobody can sign.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key of a source.
    pub fn insert(
        &mut self,
        source: &str,
        key: &str,
        secret: Zeroizing<Vec<u8>>,
        validity: Validity,
    ) -> Result<(), KeyError> {
        check(source, key, &secret)?;
        let keys = self.0.entry(source.to_owned()).or_default();
        if keys.contains_key(key) {
            return Err(KeyError::SameName);
        }
        if keys.len() >= KEYS_A_SOURCE {
            return Err(KeyError::TooMany);
        }
        keys.insert(key.to_owned(), Key { secret, validity });
        Ok(())
    }

    fn secret(&self, source: &str, key: &str, now: Timestamp) -> Option<&[u8]> {
        let key = self.0.get(source)?.get(key)?;
        key.validity.holds(now).then_some(key.secret.as_slice())
    }
}

impl fmt::Debug for SourceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|(source, keys)| (source, keys.keys().collect::<Vec<_>>()));
        f.write_str("SourceKeys([secret]) ")?;
        f.debug_map().entries(names).finish()
    }
}

/// What a signature covers.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// Name of the registered source.
    pub source: &'a str,
    /// Name of the key.
    pub key: &'a str,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub timestamp: i64,
    /// The `ce-*` headers of binary mode, in any order, lower-case names; empty in the other modes.
    pub attributes: &'a [(&'a str, &'a [u8])],
    /// The body as it is sent.
    pub body: &'a [u8],
}

/// Signs: the four headers to send. For clients and tests.
pub fn sign(secret: &[u8], signed: &Signed<'_>) -> Result<[(&'static str, String); 4], KeyError> {
    check(signed.source, signed.key, secret)?;
    let mac = mac(secret, signed).ok_or(KeyError::ShortSecret)?;
    Ok([
        (SOURCE_HEADER, signed.source.to_owned()),
        (KEY_HEADER, signed.key.to_owned()),
        (TIMESTAMP_HEADER, signed.timestamp.to_string()),
        (SIGNATURE_HEADER, STANDARD.encode(mac.finalize().into_bytes())),
    ])
}

fn check(source: &str, key: &str, secret: &[u8]) -> Result<(), KeyError> {
    let well_named = |name: &str| {
        (1..=ATTRIBUTE_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !well_named(source) || !well_named(key) {
        return Err(KeyError::BadName);
    }
    if secret.len() < MIN_SECRET_BYTES { Err(KeyError::ShortSecret) } else { Ok(()) }
}

fn mac(secret: &[u8], signed: &Signed<'_>) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{}\n{}\n{}\n", signed.source, signed.key, signed.timestamp).as_bytes());
    let mut attributes = signed.attributes.to_vec();
    attributes.sort_unstable();
    for (name, value) in attributes {
        for part in [name.as_bytes(), b":", value, b"\n"] {
            mac.update(part);
        }
    }
    mac.update(b"\n");
    mac.update(signed.body);
    Some(mac)
}

/// Why a request proves nothing. Which of name, key and signature is wrong is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Unproved {
    #[error("the request is not signed: {0} is missing")]
    Missing(&'static str),
    #[error("{0} cannot be read")]
    Malformed(&'static str),
    #[error("the signature is more than five minutes off this machine's clock")]
    OutsideWindow,
    #[error("the signature does not hold")]
    Wrong,
}

/// What the four headers claim, before it is proved.
pub(crate) struct Claim<'a> {
    pub(crate) source: &'a str,
    key: &'a str,
    timestamp: i64,
    signature: Vec<u8>,
}

impl<'a> Claim<'a> {
    /// Reads the claim; `header` gives the one value of a header.
    pub(crate) fn read(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Unproved> {
        let read = |name: &'static str| header(name).ok_or(Unproved::Missing(name));
        let (source, key) = (read(SOURCE_HEADER)?, read(KEY_HEADER)?);
        let timestamp = read(TIMESTAMP_HEADER)?.parse().map_err(|_| Unproved::Malformed(TIMESTAMP_HEADER))?;
        let signature =
            STANDARD.decode(read(SIGNATURE_HEADER)?).map_err(|_| Unproved::Malformed(SIGNATURE_HEADER))?;
        Ok(Self { source, key, timestamp, signature })
    }

    /// What can be refused before the body is read.
    pub(crate) fn plausible(&self, keys: &SourceKeys, now: Timestamp) -> Result<(), Unproved> {
        let off = now.0.div_euclid(1000).abs_diff(self.timestamp);
        if off > WINDOW.as_secs() {
            return Err(Unproved::OutsideWindow);
        }
        keys.secret(self.source, self.key, now).map(drop).ok_or(Unproved::Wrong)
    }

    /// Whether the signature holds, in constant time.
    pub(crate) fn prove(
        &self,
        keys: &SourceKeys,
        now: Timestamp,
        attributes: &[(&str, &[u8])],
        body: &[u8],
    ) -> Result<(), Unproved> {
        let secret = keys.secret(self.source, self.key, now).ok_or(Unproved::Wrong)?;
        let (source, key, timestamp) = (self.source, self.key, self.timestamp);
        let signed = Signed { source, key, timestamp, attributes, body };
        let mac = mac(secret, &signed).ok_or(Unproved::Wrong)?;
        mac.verify_slice(&self.signature).map_err(|_| Unproved::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; 32] = b"an example of a secret, 32 bytes";

    fn signed<'a>(attributes: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Signed<'a> {
        Signed { source: "civil-registry", key: "2026a", timestamp: 1_767_225_600, attributes, body }
    }

    /// Made with `printf ... | openssl dgst -sha256 -hmac ... -binary | base64`: other programs can sign as
    /// well.
    #[test]
    fn the_signature_is_what_openssl_makes() {
        let plain = sign(SECRET, &signed(&[], b"{}")).expect("signed");
        let attributes: [(&str, &[u8]); 2] = [("ce-type", b"birth"), ("ce-id", b"1")];
        let binary = sign(SECRET, &signed(&attributes, b"{}")).expect("signed");
        assert_eq!(plain[3].1, "c2O3BuiorNgLiEqYWf6QUjL7516kwBv+aCPqiUFIKoI=");
        assert_eq!(binary[3].1, "LsZ35IypVsCEjalk1F9twv+hNMKRq2CuXsgPWZGGMt4=");
    }

    #[test]
    fn weak_and_unusable_keys_are_refused() {
        let mut keys = SourceKeys::new();
        let mut add = |source: &str, key: &str, bytes| {
            keys.insert(source, key, Zeroizing::new(vec![7; bytes]), Validity::default())
        };
        assert_eq!(add("a", "k", 31), Err(KeyError::ShortSecret));
        assert_eq!(add("a\n", "k", 32), Err(KeyError::BadName));
        assert_eq!(add("a", "", 32), Err(KeyError::BadName));
        assert_eq!(add("a", "k", 32), Ok(()));
        assert_eq!(add("a", "k", 32), Err(KeyError::SameName));
        for n in 1..KEYS_A_SOURCE {
            assert_eq!(add("a", &n.to_string(), 32), Ok(()));
        }
        assert_eq!(add("a", "one-more", 32), Err(KeyError::TooMany));
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut keys = SourceKeys::new();
        let secret = Zeroizing::new(SECRET.to_vec());
        keys.insert("civil-registry", "2026a", secret, Validity::default()).expect("a good key");
        let printed = format!("{keys:?}");
        assert!(printed.contains("civil-registry") && printed.contains("2026a"), "{printed}");
        assert!(!printed.contains("example") && !printed.contains("97"), "{printed}");
    }
}
