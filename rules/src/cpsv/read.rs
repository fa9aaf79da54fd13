//! The one place that reads a pack for the export: each property of a service and of a rule, on a day.

use chrono::NaiveDate;

use crate::Pack;
use crate::pack::format::Texts;
use crate::pack::model::{LifeEvent, List, Rule, Service};

/// Between two sentences, and between a label and what it labels.
const LABELLED: &str = ": ";

/// Whether a rule applies to what happens on this day.
pub(super) fn is_in_force(rule: &Rule, on: NaiveDate) -> bool {
    let (from, to) = rule.in_force;
    from <= on && to.is_none_or(|to| on <= to)
}

/// The services that can be used on a day.
pub(super) fn services(pack: &Pack, on: NaiveDate) -> impl Iterator<Item = &Service> {
    pack.services.values().filter(move |service| service.is_valid(on))
}

/// The rules in force on a day about services that can be used on it, with their life events, in pack order.
pub(super) fn rules(pack: &Pack, on: NaiveDate) -> impl Iterator<Item = (&LifeEvent, &Rule)> {
    let usable = move |rule: &Rule| pack.services.get(&rule.service).is_some_and(|it| it.is_valid(on));
    pack.life_events
        .iter()
        .flat_map(|life_event| life_event.rules.iter().map(move |rule| (life_event, rule)))
        .filter(move |(_, rule)| is_in_force(rule, on) && usable(rule))
}

/// Who provides a service.
pub(super) fn authority(service: &Service, on: NaiveDate) -> &Texts {
    service.authority(on)
}

/// What a service costs, and the day on which that was known.
pub(super) fn cost(service: &Service, on: NaiveDate) -> (&Texts, NaiveDate) {
    let price = service.cost(on);
    (&price.text, price.as_of)
}

/// The lists that a service stands on, by id.
pub(super) fn lists<'a>(
    pack: &'a Pack,
    service: &'a Service,
    on: NaiveDate,
) -> impl Iterator<Item = (&'a String, &'a List)> {
    let holds = move |list: &List| {
        list.members.iter().any(|member| member.stands(on) && member.services.contains(&service.id))
    };
    pack.lists.iter().filter(move |(_, list)| holds(list))
}

/// Where the facts of a service come from, each source by itself.
pub(super) fn sources(service: &Service) -> impl Iterator<Item = &str> {
    service.source.split(" ; ").map(str::trim).filter(|source| !source.is_empty())
}

/// Where and how to apply.
pub(super) const fn channel(service: &Service) -> &Texts {
    &service.channel
}

/// What to bring; empty where nothing is needed.
pub(super) const fn evidence(service: &Service) -> &Texts {
    &service.bring
}

/// What a catalogue says of a service: its name, and the pack's own sentences on who provides it and where, what it
/// costs and what to bring, under the labels that messages put before them.
pub(super) fn description(pack: &Pack, service: &Service, on: NaiveDate) -> Texts {
    let (cost, known) = cost(service, on);
    let told = |language: &String| {
        let of = |texts: &Texts| texts.get(language).map(|text| text.trim().to_owned()).unwrap_or_default();
        let place = format!("{} {}", sentence(&of(authority(service, on))), of(channel(service)));
        let parts = [("channel", place), ("cost", of(cost)), ("bring", of(evidence(service)))];
        let mut text = sentence(&of(&service.title));
        for (label, part) in parts.into_iter().filter(|(_, part)| !part.trim().is_empty()) {
            let label = pack.wording.label(language, label, known);
            let label = label.map(|label| label + LABELLED).unwrap_or_default();
            text = format!("{text} {label}{}", part.trim());
        }
        (language.clone(), text)
    };
    pack.languages.iter().map(told).collect()
}

/// Name of a rule: the moment, and the service.
pub(super) fn rule_title(pack: &Pack, life_event: &LifeEvent, rule: &Rule) -> Texts {
    let service = pack.services.get(&rule.service).map(|service| &service.title);
    let title = |(language, moment): (&String, &String)| {
        let service = service.and_then(|title| title.get(language)).unwrap_or(&rule.service);
        (language.clone(), format!("{moment}{LABELLED}{service}"))
    };
    life_event.title.iter().map(title).collect()
}

/// What a rule says is to be done; its name where every sentence prints a fact of somebody.
pub(super) fn rule_description(pack: &Pack, life_event: &LifeEvent, rule: &Rule) -> Texts {
    let title = rule_title(pack, life_event, rule);
    let advice = |(language, title): (String, String)| {
        let advice = pack.wording.advice(&language, rule).unwrap_or(title);
        (language, advice)
    };
    title.into_iter().map(advice).collect()
}

/// When a rule is in force, as a DCMI period: the start, and the end if there is one.
pub(super) fn period(rule: &Rule) -> String {
    let (from, to) = rule.in_force;
    let end = to.map(|to| format!(" end={to};")).unwrap_or_default();
    format!("start={from};{end} scheme=W3C-DTF;")
}

/// A text with a full stop behind it.
fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
