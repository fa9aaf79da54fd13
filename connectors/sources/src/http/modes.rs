//! The three content modes of the CloudEvents HTTP binding 1.0.2 (section 3), each turned into the bytes of
//! structured-mode JSON.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};
use tidings_domain::event::limits::{ATTRIBUTE_BYTES, EVENT_BYTES};

use super::answer::Denial;
use super::{BATCH_EVENTS, single};

const PREFIX: &str = "ce-";

/// How a request carries its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The body is one event.
    Structured,
    /// The body is an array of events.
    Batch,
    /// The attributes are headers, the body is the data.
    Binary,
}

impl Mode {
    /// Told by the content type, then by the presence of `ce-specversion` (section 3).
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Denial> {
        if headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity") {
            return Err(Denial::ContentEncoding);
        }
        let binary = headers.contains_key("ce-specversion");
        if !headers.contains_key(CONTENT_TYPE) {
            return if binary { Ok(Self::Binary) } else { Err(Denial::ContentType) };
        }
        let value = single(headers, CONTENT_TYPE.as_str()).ok_or(Denial::ContentType)?.to_ascii_lowercase();
        let mut parts = value.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let foreign = |part: &str| {
            part.strip_prefix("charset=").is_some_and(|charset| charset.trim_matches('"') != "utf-8")
        };
        if parts.any(foreign) {
            return Err(Denial::ContentType);
        }
        match media_type {
            "application/cloudevents+json" => Ok(Self::Structured),
            "application/cloudevents-batch+json" => Ok(Self::Batch),
            other if other.starts_with("application/cloudevents") => Err(Denial::ContentType),
            "application/json" if binary => Ok(Self::Binary),
            other if binary && other.ends_with("+json") => Ok(Self::Binary),
            _ => Err(Denial::ContentType),
        }
    }

    /// The events of a request, at most `most`.
    pub(crate) fn split(self, headers: &HeaderMap, body: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Denial> {
        match self {
            Self::Structured => Ok(vec![body.to_vec()]),
            Self::Batch => batch(body, most),
            Self::Binary => binary(headers, body).map(|event| vec![event]),
        }
    }
}

/// The `ce-*` headers as they came, sorted by name.
pub(crate) fn attributes(headers: &HeaderMap) -> Result<Vec<(&str, &[u8])>, Denial> {
    let mut found: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    found.sort_unstable();
    match found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(twice) => Err(Denial::BadHeader(twice[0].0.to_owned())),
        None => Ok(found),
    }
}

/// The event as the decoder would read it in structured mode. Data that is not JSON makes an event that is
/// not JSON: the body alone, for which the decoder gives the reason.
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Denial> {
    let mut event: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    for (header, value) in attributes(headers)? {
        let bad = || Denial::BadHeader(header.to_owned());
        let name = header.strip_prefix(PREFIX).filter(|name| may_be_header(name)).ok_or_else(bad)?;
        event.insert(name, to_raw_value(&decode(value).ok_or_else(bad)?).map_err(|_| bad())?);
    }
    if let Some(content_type) = single(headers, CONTENT_TYPE.as_str()) {
        event.insert("datacontenttype", to_raw_value(content_type).map_err(|_| Denial::ContentType)?);
    }
    if !body.is_empty() {
        let Ok(data) = serde_json::from_slice(body) else { return Ok(body.to_vec()) };
        event.insert("data", data);
    }
    let event = serde_json::to_vec(&event).map_err(|_| Denial::TooLarge)?;
    if event.len() > EVENT_BYTES { Err(Denial::TooLarge) } else { Ok(event) }
}

/// Attribute names are a-z and 0-9 (CloudEvents 1.0.2, "Attribute Naming Convention"); two have another home.
fn may_be_header(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty() && name.bytes().all(plain) && !matches!(name, "data" | "datacontenttype")
}

/// Takes off double quotes (RFC 7230, section 3.2.6), then one round of percent-encoding; what is then not
/// UTF-8, overlong forms included, is refused (HTTP binding 1.0.2, section 3.1.3.2).
fn decode(value: &[u8]) -> Option<String> {
    let plain = unquote(value)?;
    let mut decoded = Vec::with_capacity(plain.len());
    let mut bytes = plain.into_iter();
    while let Some(byte) = bytes.next() {
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        decoded.push(match byte {
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn unquote(value: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = value.strip_prefix(b"\"") else { return Some(value.to_vec()) };
    let mut bytes = rest.iter().copied();
    let mut plain = Vec::with_capacity(rest.len());
    loop {
        match bytes.next()? {
            b'"' => return bytes.next().is_none().then_some(plain),
            b'\\' => plain.push(bytes.next()?),
            byte => plain.push(byte),
        }
    }
}

/// The elements of a JSON array. One that is longer than an event may be is cut where the decoder sees it.
fn batch(body: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Denial> {
    let text = std::str::from_utf8(body).map_err(|_| Denial::NotUtf8)?;
    let Elements { first, count } = serde_json::from_str(text).map_err(|_| Denial::NotABatch)?;
    if count > most {
        return Err(Denial::TooManyEvents(most));
    }
    let cut = |element: &RawValue| {
        let bytes = element.get().as_bytes();
        bytes[..bytes.len().min(EVENT_BYTES + 1)].to_vec()
    };
    Ok(first.into_iter().map(cut).collect())
}

/// The first [`BATCH_EVENTS`] elements of an array, and how many it has: a hostile array takes no more
/// memory.
struct Elements<'a> {
    first: Vec<&'a RawValue>,
    count: usize,
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < BATCH_EVENTS
            && let Some(element) = array.next_element()?
        {
            first.push(element);
        }
        let mut count = first.len();
        while array.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Elements { first, count })
    }
}

/// The id that an event gives itself, if it can be read: it only helps the sender to find the event.
pub(crate) fn id_of(event: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        id: String,
    }
    let head: Head = serde_json::from_slice(event).ok()?;
    (head.id.len() <= ATTRIBUTE_BYTES).then_some(head.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_decoded_as_the_binding_says() {
        for (value, text) in [
            ("plain", "plain"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%c3%a1nh", "ánh"),
            ("100%25", "100%"),
            ("%2525", "%25"),
            (r#""two words""#, "two words"),
            (r#""a \"b\" %25""#, r#"a "b" %"#),
            ("", ""),
        ] {
            assert_eq!(decode(value.as_bytes()).as_deref(), Some(text), "{value}");
        }
        for bad in ["%", "%4", "%zz", "%C0%A0", "%FF", r#""open"#, r#""a"b"#] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_batch_is_split_into_the_bytes_that_were_sent() {
        let body = r#" [ {"id":"1", "x":[1,{"y":"]},"}]} , 3 ] "#;
        let events = batch(body.as_bytes(), 2).expect("two elements");
        assert_eq!(events, [br#"{"id":"1", "x":[1,{"y":"]},"}]}"#.to_vec(), b"3".to_vec()]);
        assert_eq!(batch(body.as_bytes(), 1), Err(Denial::TooManyEvents(1)));
        assert_eq!(batch(b"[]", 1), Ok(Vec::new()));
        for bad in ["{}", "[1", "[1,]", "[1] 2", ""] {
            assert_eq!(batch(bad.as_bytes(), 9), Err(Denial::NotABatch), "{bad}");
        }
        assert_eq!(batch(b"[\"\xff\"]", 9), Err(Denial::NotUtf8));
    }

    #[test]
    fn deep_nesting_and_long_arrays_are_no_danger() {
        let deep = format!("[{}{}]", "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(batch(deep.as_bytes(), 9).expect("one element")[0].len(), EVENT_BYTES + 1);
        let long = format!("[{}1]", "1,".repeat(1_000_000));
        assert_eq!(batch(long.as_bytes(), BATCH_EVENTS), Err(Denial::TooManyEvents(BATCH_EVENTS)));
        assert_eq!(id_of(format!(r#"{{"a":{deep},"id":"x"}}"#).as_bytes()).as_deref(), Some("x"));
    }
}
