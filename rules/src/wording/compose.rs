//! Setting a message.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use minijinja::value::Value as Printed;
use tidings_domain::value::Value;
use unicode_normalization::UnicodeNormalization;

use super::context::{Absent, Day, Names};
use super::{
    Ask, Item, Kind, Language, MAX_BODY_CHARS, MAX_ITEMS, MAX_LINE_CHARS, MAX_WORDS_CHARS, Text,
    WordingError, Words, clean,
};
use crate::expr::RowKind;
use crate::pack::model::{Pack, Rule, Service};

/// Between the laws of one rule, and between services in one line.
const SEPARATOR: &str = "; ";
/// Between paragraphs.
const PARAGRAPH: &str = "\n\n";

pub(super) fn compose(
    pack: &Pack,
    code: &str,
    language: &Language,
    ask: &Ask<'_>,
) -> Result<Text, WordingError> {
    if !(1..=MAX_ITEMS).contains(&ask.items.len()) {
        return Err(WordingError::Items(ask.items.len()));
    }
    let services = ask.items.iter().map(|item| service(pack, item.rule)).collect::<Result<Vec<_>, _>>()?;
    for item in ask.items {
        if item.evidence.len() != item.life_event.columns.len() {
            return Err(WordingError::Evidence(item.life_event.name.clone()));
        }
    }
    let setting = Setting { code, language, ask, services };
    let (subject, body) = (setting.subject()?, setting.body()?);
    let neutral = clean::one_line(&setting.frame("neutral", 0)?);
    limit("the subject line", MAX_LINE_CHARS, &subject)?;
    limit("the neutral text", MAX_LINE_CHARS, &neutral)?;
    limit("the body", MAX_BODY_CHARS, &body)?;
    Ok(Text { subject, body, neutral })
}

fn service<'a>(pack: &'a Pack, rule: &Rule) -> Result<&'a Service, WordingError> {
    pack.services.get(&rule.service).ok_or_else(|| WordingError::Service(rule.service.clone()))
}

fn limit(part: &'static str, limit: usize, text: &str) -> Result<(), WordingError> {
    if text.chars().count() > limit { Err(WordingError::TooLong { part, limit }) } else { Ok(()) }
}

struct Setting<'a> {
    code: &'a str,
    language: &'a Language,
    ask: &'a Ask<'a>,
    /// The service of each item.
    services: Vec<&'a Service>,
}

impl Setting<'_> {
    fn subject(&self) -> Result<String, WordingError> {
        let name = match self.ask.kind {
            Kind::First | Kind::Question => "subject",
            Kind::Reminder => "subject_reminder",
            Kind::Correction => "subject_correction",
        };
        Ok(clean::one_line(&self.frame(name, 0)?))
    }

    fn body(&self) -> Result<String, WordingError> {
        let mut paragraphs = vec![self.words("greeting", |words| words.greeting)?];
        match self.ask.kind {
            Kind::First | Kind::Question => {}
            Kind::Reminder => paragraphs.push(self.frame("reminder", 0)?),
            Kind::Correction => paragraphs.push(self.frame("correction", 0)?),
        }
        // A correction takes back; what it takes back is not said again.
        if self.ask.kind != Kind::Correction {
            for (wanted, name) in [(self.ask.unless_done, "unless_done"), (self.ask.sent_again, "sent_again")]
            {
                if wanted {
                    paragraphs.push(self.frame(name, 0)?);
                }
            }
            self.substance(&mut paragraphs)?;
        }
        paragraphs.push(self.frame("stop", 0)?);
        paragraphs.push(self.frame("automatic", 0)?);
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        Ok(paragraphs.join(PARAGRAPH).nfc().collect())
    }

    /// Why, and then each service.
    fn substance(&self, paragraphs: &mut Vec<String>) -> Result<(), WordingError> {
        let why = format!("{} {}", self.label("why", 0)?, self.reasons()?.join(" "));
        match self.ask.words {
            Some(words) => paragraphs.push(worded(words.reason)?),
            None => paragraphs.push(why.clone()),
        }
        for index in 0..self.ask.items.len() {
            if index > 0 {
                paragraphs.push(self.words("transition", |words| words.transition)?);
            }
            paragraphs.push(self.item(index)?);
        }
        if self.ask.words.is_some() {
            paragraphs.push(why);
        }
        Ok(())
    }

    /// The approved reason of each life event, once.
    fn reasons(&self) -> Result<Vec<String>, WordingError> {
        let mut said: Vec<&str> = Vec::new();
        let mut reasons = Vec::new();
        for (index, item) in self.ask.items.iter().enumerate() {
            if !said.contains(&item.life_event.name.as_str()) {
                said.push(&item.life_event.name);
                reasons.push(self.render(&format!("reason/{}", item.life_event.name), index)?);
            }
        }
        Ok(reasons)
    }

    fn item(&self, index: usize) -> Result<String, WordingError> {
        let (item, service) = (self.item_at(index), self.services[index]);
        let text = |texts: &BTreeMap<String, String>| {
            clean::one_line(texts.get(self.code).map_or("", String::as_str))
        };
        let say = |part: &str| self.render(&format!("say/{}/{part}", item.rule.key), index);
        if self.ask.kind == Kind::Question {
            let law = format!("{} {}", self.label("law", index)?, law(item.rule));
            return Ok([text(&service.title), say("ask")?, law].join("\n"));
        }
        let has = |part: &str| self.language.uses.contains_key(&format!("say/{}/{part}", item.rule.key));
        let mut lines = vec![text(&service.title), say("what")?];
        if has("by_when") && (item.rule.deadline.is_none() || item.deadline.is_some()) {
            lines.push(say("by_when")?);
        }
        if has("consequence") {
            lines.push(say("consequence")?);
        }
        let price = service.cost_at(self.ask.today, self.ask.here.0);
        let mut cost = format!("{} {}", self.label("cost", index)?, text(&price.text));
        if !self.uses("frame/label/cost", &["service", "cost_as_of"]) {
            cost = format!("{cost} ({})", self.written(price.as_of));
        }
        lines.push(cost);
        let authority = text(service.authority_at(self.ask.today, self.ask.here.0));
        let place =
            format!("{}. {}", authority.trim_end_matches('.'), text(service.channel_at(self.ask.here.0)));
        lines.push(format!("{} {place}", self.label("channel", index)?));
        let bring = text(&service.bring);
        if !bring.is_empty() {
            lines.push(format!("{} {bring}", self.label("bring", index)?));
        }
        lines.push(format!("{} {}", self.label("law", index)?, law(item.rule)));
        lines.retain(|line| !line.is_empty());
        Ok(lines.join("\n"))
    }

    fn uses(&self, template: &str, path: &[&str]) -> bool {
        self.language.uses.get(template).is_some_and(|uses| uses.iter().any(|used| used.path == path))
    }

    fn item_at(&self, index: usize) -> &Item<'_> {
        &self.ask.items[index]
    }

    /// A label and its colon.
    fn label(&self, name: &str, index: usize) -> Result<String, WordingError> {
        let label = self.frame(&format!("label/{name}"), index)?;
        Ok(format!("{}:", label.trim_end_matches([':', ' '])))
    }

    /// What the model worded, or else the frame's own.
    fn words<'w>(
        &'w self,
        name: &str,
        of: impl Fn(&'w Words<'w>) -> &'w str,
    ) -> Result<String, WordingError> {
        match self.ask.words {
            Some(words) => worded(of(words)),
            None => self.frame(name, 0),
        }
    }

    fn frame(&self, name: &str, index: usize) -> Result<String, WordingError> {
        self.render(&format!("frame/{name}"), index)
    }

    fn written(&self, date: NaiveDate) -> String {
        date.format(&self.language.date_format).to_string()
    }

    fn render(&self, name: &str, index: usize) -> Result<String, WordingError> {
        let failed = |error: &minijinja::Error| WordingError::Template {
            template: name.to_owned(),
            line: error.line().unwrap_or_default(),
            what: error.kind().to_string(),
        };
        let template = self.language.environment.get_template(name).map_err(|error| failed(&error))?;
        let absent = Absent::default();
        let mut names = Names::new(&absent);
        for used in self.language.uses.get(name).into_iter().flatten() {
            names.insert(&used.path, self.value(&used.path, index));
        }
        let text = template.render(names.into_value()).map_err(|error| {
            let missing = absent.lock().ok().and_then(|name| name.clone());
            match missing.filter(|_| error.kind() == minijinja::ErrorKind::UndefinedError) {
                Some(missing) => WordingError::Missing { name: missing, template: name.to_owned() },
                None => failed(&error),
            }
        })?;
        Ok(tidy(&text))
    }

    /// What a name stands for; `None` when that is not known.
    fn value(&self, path: &[String], index: usize) -> Option<Printed> {
        let (item, service) = (self.item_at(index), self.services[index]);
        let text = |texts: &BTreeMap<String, String>| {
            texts.get(self.code).map(|text| Printed::from(clean::one_line(text)))
        };
        let (first, rest) = path.split_first()?;
        match (first.as_str(), rest) {
            ("name", []) => {
                self.ask.person.name.map(clean::value).filter(|name| !name.is_empty()).map(Printed::from)
            }
            ("address", []) => Some(self.language.address(self.ask.person, self.ask.today).into()),
            ("date", []) => Some(self.day(self.ask.today)),
            ("deadline", []) => item.deadline.map(|date| self.day(date)),
            ("life_event", []) => text(&item.life_event.title),
            ("law", []) => Some(law(item.rule).into()),
            ("services", []) => {
                let titles = self.services.iter().filter_map(|service| service.title.get(self.code));
                Some(titles.map(|title| clean::one_line(title)).collect::<Vec<_>>().join(SEPARATOR).into())
            }
            ("service", [part]) => match part.as_str() {
                "title" => text(&service.title),
                "authority" => text(service.authority_at(self.ask.today, self.ask.here.0)),
                "channel" => text(service.channel_at(self.ask.here.0)),
                "cost" => text(&service.cost_at(self.ask.today, self.ask.here.0).text),
                "bring" => text(&service.bring),
                "cost_as_of" => Some(self.day(service.cost_at(self.ask.today, self.ask.here.0).as_of)),
                _ => None,
            },
            (row, path) => {
                let row = RowKind::ALL.into_iter().find(|kind| kind.to_string() == row)?;
                let columns = &item.life_event.columns;
                let place =
                    columns.iter().position(|(column, _)| column.row == row && column.path == path)?;
                self.printed(item.evidence.get(place)?.as_ref()?)
            }
        }
    }

    fn day(&self, date: NaiveDate) -> Printed {
        Printed::from_object(Day { date, written: self.written(date) })
    }

    /// A value as a template may use it. People are never printed, not even by their pseudonym.
    fn printed(&self, value: &Value) -> Option<Printed> {
        match value {
            Value::Bool(value) => Some((*value).into()),
            Value::Int(value) => Some((*value).into()),
            Value::Date(_) => value.as_date().map(|date| self.day(date)),
            Value::Text(text) => Some(clean::value(text).into()),
            Value::Citizen(_) => Some(true.into()),
        }
    }
}

/// A part that a model worded.
fn worded(text: &str) -> Result<String, WordingError> {
    let text = clean::one_line(text);
    limit("a part that the model worded", MAX_WORDS_CHARS, &text)?;
    Ok(text)
}

/// The laws of a rule, in one line.
pub(super) fn law(rule: &Rule) -> String {
    let each = rule.basis.iter().map(|basis| clean::one_line(&format!("{}, {}", basis.law, basis.article)));
    each.collect::<Vec<_>>().join(SEPARATOR)
}

/// Each line of a rendered template on its own, without blank ones around or within.
fn tidy(text: &str) -> String {
    let lines = text.lines().map(clean::one_line).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
