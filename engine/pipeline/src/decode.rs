//! From bytes to a typed, pseudonymised event. Total: every input ends in exactly one [`Decoded`], never a panic.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, NaiveDate};
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tidings_domain::event::{Arrival, Event, Ignored, Reason, Refusal, limits};
use tidings_domain::facts::{Map, Name};
use tidings_domain::ids::{EventKey, Pseudonymiser};
use tidings_domain::time::Timestamp;
use tidings_domain::value::{Value, ValueType};
use tidings_rules::pack::model::{EventType, Field, Pack};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// CloudEvents `type` by which a source says that it has sent everything it recorded up to `time`.
pub const WATERMARK: &str = "tidings.watermark";

/// What an arrival turned out to be.
#[derive(Clone, Debug)]
pub enum Decoded {
    /// A statement to apply.
    Event(Box<Event>),
    /// A source is complete up to a time.
    Watermark {
        /// Short name of the source.
        source: String,
        /// Up to when.
        time: Timestamp,
    },
    /// Of no concern.
    Ignored(Ignored),
    /// Refused.
    Refused(Reason),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    recordedtime: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<IgnoredAny>,
}

/// Decodes one arrival.
pub fn decode(pack: &Pack, people: &Pseudonymiser, arrival: &Arrival) -> Decoded {
    try_decode(pack, people, arrival).unwrap_or_else(Decoded::Refused)
}

fn try_decode(pack: &Pack, people: &Pseudonymiser, arrival: &Arrival) -> Result<Decoded, Reason> {
    let envelope = envelope(arrival.bytes.reveal())?;
    if envelope.specversion.as_deref() != Some("1.0") {
        return Err(refuse(Refusal::WrongSpecVersion, "specversion"));
    }
    if envelope.data_base64.is_some() {
        return Err(refuse(Refusal::BadAttribute, "data_base64"));
    }
    let id = attribute(&envelope.id, "id")?;
    let uri = attribute(&envelope.source, "source")?;
    let kind = attribute(&envelope.kind, "type")?;
    let time = timestamp(attribute(&envelope.time, "time")?, "time")?;
    let recorded = match &envelope.recordedtime {
        Some(text) if arrival.proved.is_none() => timestamp(text, "recordedtime")?,
        _ => arrival.received,
    };
    let source = pack.sources.get(uri).ok_or_else(|| refuse(Refusal::UnregisteredSource, "source"))?;
    if arrival.proved.as_ref().is_some_and(|proved| *proved != source.name) {
        return Err(refuse(Refusal::NotProved, "source"));
    }
    if time > recorded + limits::AHEAD {
        return Err(refuse(Refusal::FutureDated, "time"));
    }
    if kind == WATERMARK {
        return Ok(Decoded::Watermark { source: source.name.clone(), time });
    }
    let Some(event_type) = pack.events.get(kind) else {
        return Ok(Decoded::Ignored(Ignored::UnknownType));
    };
    if !source.events.contains(kind) {
        return Err(refuse(Refusal::OutsideRegister, "type"));
    }
    let subject = people.citizen(attribute(&envelope.subject, "subject")?);
    let data = data(event_type, people, envelope.data)?;
    Ok(Decoded::Event(Box::new(Event {
        key: EventKey::of(uri, id),
        source: source.name.as_str().into(),
        kind: kind.to_owned(),
        subject,
        time,
        recorded,
        data,
    })))
}

fn refuse(code: Refusal, place: &str) -> Reason {
    Reason { code, place: Some(place.to_owned()) }
}

fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, Reason> {
    let whole = |code| Reason { code, place: None };
    if bytes.len() > limits::EVENT_BYTES {
        return Err(whole(Refusal::TooLarge));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| whole(Refusal::NotUtf8))?;
    if depth(bytes) > limits::DEPTH {
        return Err(whole(Refusal::TooDeep));
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => whole(Refusal::BadAttribute),
        _ => whole(Refusal::NotJson),
    })
}

/// How deep brackets nest, outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn attribute<'a>(value: &'a Option<Cow<'_, str>>, name: &str) -> Result<&'a str, Reason> {
    match value.as_deref() {
        None | Some("") => Err(refuse(Refusal::MissingAttribute, name)),
        Some(text) if text.len() > limits::ATTRIBUTE_BYTES => Err(refuse(Refusal::BadAttribute, name)),
        Some(text) => Ok(text),
    }
}

fn timestamp(text: &str, name: &str) -> Result<Timestamp, Reason> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| Timestamp(time.timestamp_millis()))
        .map_err(|_| refuse(Refusal::BadAttribute, name))
}

fn data(
    event_type: &EventType,
    people: &Pseudonymiser,
    raw: Option<&RawValue>,
) -> Result<Map<Name, Value>, Reason> {
    let fields = match raw {
        None => Map::new(),
        Some(raw) => {
            let mut bad = None;
            let reader = Fields { event_type, people, bad: &mut bad };
            let read = reader.deserialize(&mut serde_json::Deserializer::from_str(raw.get()));
            if let Some(reason) = bad {
                return Err(reason);
            }
            read.map_err(|_| refuse(Refusal::BadField, "data"))?
        }
    };
    match event_type.fields.iter().find(|(name, field)| field.required && !fields.contains_key(name.as_str()))
    {
        Some((name, _)) => Err(refuse(Refusal::MissingField, &format!("data.{name}"))),
        None => Ok(fields),
    }
}

/// Reads the declared fields and skips the others without keeping them.
struct Fields<'a> {
    event_type: &'a EventType,
    people: &'a Pseudonymiser,
    bad: &'a mut Option<Reason>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Map<Name, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Map<Name, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of declared fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = Map::new();
        let mut seen = 0;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            seen += 1;
            if seen > limits::FIELDS {
                *self.bad = Some(refuse(Refusal::BadField, "data"));
                return Err(serde::de::Error::custom("too many fields"));
            }
            let Some((name, field)) = self.event_type.fields.get_key_value(name.as_ref()) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw: &RawValue = map.next_value()?;
            match scalar(field, self.people, raw.get()) {
                Some(Scalar::Null) => {}
                Some(Scalar::Value(value)) => {
                    values.insert(name.as_str().into(), value);
                }
                None => {
                    *self.bad = Some(refuse(Refusal::BadField, &format!("data.{name}")));
                    return Err(serde::de::Error::custom("wrong type"));
                }
            }
        }
        Ok(values)
    }
}

enum Scalar {
    Null,
    Value(Value),
}

fn scalar(field: &Field, people: &Pseudonymiser, raw: &str) -> Option<Scalar> {
    if raw == "null" {
        return Some(Scalar::Null);
    }
    let value = match field.value_type {
        ValueType::Bool => Value::Bool(raw.parse().ok()?),
        ValueType::Int => Value::Int(raw.parse().ok()?),
        ValueType::Date | ValueType::Text | ValueType::Citizen => {
            let text: Cow<'_, str> = Cow::from(serde_json::from_str::<String>(raw).ok()?);
            parse_text(field.value_type, people, &text)?
        }
    };
    match &value {
        Value::Text(text) if !field.values.is_empty() && !field.values.contains(text.as_str()) => None,
        _ => Some(Scalar::Value(value)),
    }
}

/// Reads a date, a text or a national number; `None` when it is not one.
pub(crate) fn parse_text(value_type: ValueType, people: &Pseudonymiser, text: &str) -> Option<Value> {
    match value_type {
        ValueType::Bool => text.parse().ok().map(Value::Bool),
        ValueType::Int => text.parse().ok().map(Value::Int),
        ValueType::Date => text.parse::<NaiveDate>().ok().map(Value::date),
        ValueType::Text if text.is_empty() || text.len() > Value::MAX_TEXT_BYTES => None,
        ValueType::Text => Some(Value::Text(match is_nfc_quick(text.chars()) {
            IsNormalized::Yes => text.into(),
            _ => text.nfc().collect(),
        })),
        ValueType::Citizen if text.trim().is_empty() || text.len() > limits::ATTRIBUTE_BYTES => None,
        ValueType::Citizen => Some(Value::Citizen(people.citizen(text))),
    }
}
