//! Whether an opportunity may be told now: asked at planning, before sending and at opening, always on the facts
//! as of now. Pure: no clock, no store.

use chrono::{Datelike, Days, NaiveDate, TimeZone, Timelike};
use std::collections::{BTreeMap, BTreeSet};
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId};
use tidings_domain::record::{Answer, Occurrence, Opportunity, Record, State, Suppressed};
use tidings_domain::time::Timestamp;
use tidings_domain::value::{Value, date_of, days};
use tidings_rules::calendar;
use tidings_rules::pack::format::{Backfill, Class, LawOf};
use tidings_rules::pack::model::{LifeEvent, Pack, Recipient, Rule, Until};

use crate::clock;
use crate::view::{Folded, Reader, date};

/// Prefix of a refusal of one topic: `topic:LIFE_EVENT`.
pub const TOPIC: &str = "topic:";
/// Prefix of a refusal of one channel: `channel:NAME`.
pub const CHANNEL: &str = "channel:";
/// The refusal of everything.
pub const ALL: &str = "all";
/// The refusal of the model.
pub const MODEL: &str = "model";

/// A duty whose deadline is at most so many days ahead does not wait for its planning window.
pub const NEAR_DEADLINE_DAYS: u64 = 3;

/// What an operator has set.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// Rules, by root key, whose opportunities wait.
    pub rules: BTreeSet<String>,
}

/// One opportunity with all that decides about it.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The opportunity.
    pub opportunity: &'a Opportunity,
    /// Its occurrence.
    pub occurrence: &'a Occurrence,
    /// The occurrence folded.
    pub folded: &'a Folded,
    /// Its life event.
    pub life_event: &'a LifeEvent,
    /// Its rule.
    pub rule: &'a Rule,
}

/// Whether proactive services are refused for a rule of a life event.
pub fn refused(reader: Reader<'_>, life_event: &LifeEvent, rule: &Rule, at: Timestamp) -> bool {
    !must_tell(rule) && refuses(reader, life_event, at)
}

/// Whether a refusal does not keep a rule from being told.
pub const fn must_tell(rule: &Rule) -> bool {
    matches!(rule.class, Class::Duty) && rule.must_tell.is_some()
}

/// Whether the record's citizen refuses proactive services, all or those of a life event.
pub fn refuses(reader: Reader<'_>, life_event: &LifeEvent, at: Timestamp) -> bool {
    let refusals = &reader.pack.roles.refusals;
    let topic = format!("{TOPIC}{}", life_event.name);
    reader.has(reader.me, refusals, ALL, at) || reader.has(reader.me, refusals, &topic, at)
}

/// Why an opportunity may not be told now; `None` when it may.
pub fn objection(
    reader: Reader<'_>,
    candidate: Candidate<'_>,
    holds: &Holds,
    now: Timestamp,
) -> Option<Suppressed> {
    let Candidate { opportunity, occurrence, folded, life_event, rule } = candidate;
    if matches!(opportunity.state, State::Suppressed(Suppressed::Cancelled)) {
        return Some(Suppressed::Cancelled);
    }
    let death = death(reader, reader.me, now)
        .or_else(|| if life_event.death { None } else { death(reader, occurrence.subject, now) });
    death
        .or_else(|| refused(reader, life_event, rule, now).then_some(Suppressed::Refused))
        .or_else(|| (!linked(reader, candidate, now)).then_some(Suppressed::NoLink))
        .or_else(|| served(reader, occurrence, folded, rule).then_some(Suppressed::Served))
        .or_else(|| covered(reader, candidate, holds, now))
        .or_else(|| {
            let today = date(reader.pack, now);
            let late = deadline(reader, candidate, today).is_some_and(|day| day < today);
            late.then_some(Suppressed::Late)
        })
        .or_else(|| {
            let (today, filing) = (days(date(reader.pack, now)), &opportunity.filing);
            let says_no =
                !filing.is_empty() && !filing.iter().any(|(from, to)| (*from..=*to).contains(&today));
            says_no.then_some(Suppressed::NotInForce)
        })
        .or_else(|| holds.rules.contains(&rule.root).then_some(Suppressed::Held))
}

fn death(reader: Reader<'_>, who: CitizenId, now: Timestamp) -> Option<Suppressed> {
    let roles = &reader.pack.roles;
    reader.fact(who, &roles.deceased_on, now).value?;
    let confirmed = reader.fact(who, &roles.death_confirmed, now).value;
    Some(match confirmed {
        Some(tidings_domain::value::Value::Bool(true)) => Suppressed::Death,
        _ => Suppressed::DeathUnconfirmed,
    })
}

/// Whether the subject's link to the recipient stands, unshielded, and with every link that the rule reads
/// through. A household is not a link.
fn linked(reader: Reader<'_>, candidate: Candidate<'_>, now: Timestamp) -> bool {
    let Candidate { occurrence, rule, .. } = candidate;
    let (me, subject) = (reader.me, occurrence.subject);
    if me != subject {
        // A death ends no link to the dead: the family is told as it was.
        let stands = rule.to.iter().any(|recipient| match recipient {
            Recipient::Subject => false,
            Recipient::Link(link) => reader.has(subject, link, &me.to_string(), now),
        });
        if !stands || shielded(reader, subject, now) {
            return false;
        }
    }
    rule.reads_links.iter().all(|(through_subject, link)| {
        let holder = if *through_subject { subject } else { me };
        reader.linked(holder, link, now).into_iter().all(|other| !shielded(reader, other, now))
    })
}

/// Whether a correction of something told should go out: to a living recipient who has not lost the link to the
/// subject since, and only when it was not simply done meanwhile.
pub fn may_correct(reader: Reader<'_>, opportunity: &Opportunity, now: Timestamp) -> bool {
    let Some(occurrence) = reader.record.occurrences.get(&opportunity.occurrence) else { return false };
    let done = reader.folded(occurrence).zip(reader.pack.rule(&opportunity.rule));
    let done = done.is_some_and(|(folded, (_, rule))| served(reader, occurrence, &folded, rule));
    !done && death(reader, reader.me, now).is_none() && !shielded(reader, occurrence.subject, now)
}

/// Whether an occurrence of `subject` may be shown to the record's citizen now: their own, or one of somebody
/// to whom a link of its audience stands, unshielded.
pub fn visible(reader: Reader<'_>, life_event: &LifeEvent, subject: CitizenId, now: Timestamp) -> bool {
    if subject == reader.me {
        return true;
    }
    let stands = life_event.audience.iter().any(|recipient| match recipient {
        Recipient::Subject => false,
        Recipient::Link(link) => reader.has(subject, link, &reader.me.to_string(), now),
    });
    stands && !shielded(reader, subject, now)
}

/// Whether a message's opportunity may be opened now.
pub fn may_open(reader: Reader<'_>, id: OpportunityId, now: Timestamp) -> bool {
    let Some(opportunity) = reader.record.opportunities.get(&id) else { return true };
    let Some(occurrence) = reader.record.occurrences.get(&opportunity.occurrence) else { return true };
    let life_event = reader.pack.life_event(&occurrence.life_event);
    life_event.is_none_or(|(_, life_event)| visible(reader, life_event, occurrence.subject, now))
}

/// Whether `other` is shielded from the record's citizen.
fn shielded(reader: Reader<'_>, other: CitizenId, now: Timestamp) -> bool {
    other != reader.me && reader.has(other, &reader.pack.roles.shields, &reader.me.to_string(), now)
}

/// Whether a life event that ends the need has been reported and not taken back.
fn served(reader: Reader<'_>, occurrence: &Occurrence, folded: &Folded, rule: &Rule) -> bool {
    let others = || reader.record.occurrences.values();
    rule.until.iter().any(|until| others().any(|other| ends(reader, until, (occurrence, folded), other)))
}

/// The occurrences that end an opportunity's need.
pub fn ended_by<'a>(
    reader: Reader<'a>,
    candidate: Candidate<'a>,
) -> impl Iterator<Item = OccurrenceId> + use<'a> {
    let Candidate { occurrence, folded, rule, .. } = candidate;
    let ending = move |other: &Occurrence| {
        rule.until.iter().any(|until| ends(reader, until, (occurrence, folded), other))
    };
    reader.record.occurrences.iter().filter(move |(_, other)| ending(other)).map(|(id, _)| *id)
}

/// Whether one occurrence ends the need of another.
fn ends(
    reader: Reader<'_>,
    until: &Until,
    (occurrence, folded): (&Occurrence, &Folded),
    other: &Occurrence,
) -> bool {
    if other.life_event != until.life_event || other.subject != occurrence.subject {
        return false;
    }
    let Some(done) = reader.folded(other) else { return false };
    let text = |field: &str| match done.data.get(field) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    if !until.values.iter().all(|(field, values)| text(field).is_some_and(|text| values.contains(text))) {
        return false;
    }
    if until.same.is_empty() {
        return done.time >= folded.time;
    }
    until.same.iter().all(|field| {
        folded.data.get(field.as_str()).is_some_and(|value| done.data.get(field.as_str()) == Some(value))
    })
}

/// The rule that tells this opportunity too: one of the same occurrence that was told, or may be told now. One
/// that is itself served or silenced covers nothing.
fn covered(
    reader: Reader<'_>,
    candidate: Candidate<'_>,
    holds: &Holds,
    now: Timestamp,
) -> Option<Suppressed> {
    let same = |other: &&Opportunity| {
        other.occurrence == candidate.opportunity.occurrence && other.answer == Answer::Yes
    };
    let covers = |other: &Opportunity| {
        let (_, rule) = reader.pack.rule(&other.rule)?;
        if !rule.covers.contains(&candidate.rule.root) {
            return None;
        }
        let speaks = !other.told.is_empty() || {
            // Covers has no cycles: the pack does not load with one.
            let other = Candidate { opportunity: other, rule, ..candidate };
            objection(reader, other, holds, now).is_none()
        };
        speaks.then(|| Suppressed::CoveredBy(rule.key.clone()))
    };
    reader.record.opportunities.values().filter(same).find_map(covers)
}

/// The last day to act, as it stands today.
pub fn deadline(reader: Reader<'_>, candidate: Candidate<'_>, today: NaiveDate) -> Option<NaiveDate> {
    deadline_of(reader, candidate.rule, (candidate.occurrence.subject, candidate.folded), today)
}

/// The first day after today on which the law of filing says yes.
pub fn next_filing(opportunity: &Opportunity, today: NaiveDate) -> Option<NaiveDate> {
    let ahead = opportunity.filing.iter().map(|(from, _)| *from).filter(|from| *from > days(today));
    ahead.min().and_then(date_of)
}

/// The last day to act on a rule for one occurrence.
pub fn deadline_of(
    reader: Reader<'_>,
    rule: &Rule,
    (subject, folded): (CitizenId, &Folded),
    today: NaiveDate,
) -> Option<NaiveDate> {
    let deadline = rule.deadline.as_ref()?;
    let anchor = reader.column(&deadline.anchor, subject, folded).value?.as_date()?;
    let fact = |name: &str| reader.text(name, folded.time);
    let occurred = reader.date(folded.time);
    calendar::last_day(&reader.pack.workdays, rule, (anchor, occurred, today), &fact)
}

/// Whether the rule applied on the day of the occurrence, and was known then or may look back.
pub fn applies(
    reader: Reader<'_>,
    (life_event, rule): (&LifeEvent, &Rule),
    since: Option<Timestamp>,
    folded: &Folded,
) -> Result<(), Suppressed> {
    let day = reader.date(folded.time);
    let (from, to) = rule.in_force;
    // Who files later files under later law, so only what has ended by the occurrence is over for good.
    let begun = day >= from || rule.law_of != LawOf::Occurrence;
    if !begun || to.is_some_and(|to| day > to) {
        return Err(Suppressed::NotInForce);
    }
    let before =
        since.is_some_and(|since| folded.time < since) || clock::came_late(reader, life_event, folded);
    if rule.backfill == Backfill::None && before {
        return Err(Suppressed::BeforeRule);
    }
    Ok(())
}

/// The next moment, at or after `at`, at which people may be written to: `at` itself within the sociable hours
/// when `at_once`, else the next full sociable hour.
pub fn next_sociable(pack: &Pack, at: Timestamp, at_once: bool) -> Timestamp {
    let local = at.to_utc().with_timezone(&pack.zone);
    let (from, to) = pack.sociable_hours;
    let within = |hour: u32| (from..to).contains(&hour);
    if at_once && within(local.hour()) {
        return at;
    }
    let next_hour = local.hour() + 1;
    let (day, hour) = if within(next_hour) {
        (local.date_naive(), next_hour)
    } else if next_hour <= from {
        (local.date_naive(), from)
    } else {
        (local.date_naive().checked_add_days(Days::new(1)).unwrap_or(local.date_naive()), from)
    };
    let naive = day.and_hms_opt(hour, 0, 0).unwrap_or_default();
    // A time that a change of clocks skips is moved to the first one after it.
    let resolved = pack.zone.from_local_datetime(&naive).earliest();
    resolved.map_or(at, |time| Timestamp(time.timestamp_millis()))
}

/// Whether people may be written to at `at`.
pub fn is_sociable(pack: &Pack, at: Timestamp) -> bool {
    let (from, to) = pack.sociable_hours;
    (from..to).contains(&at.to_utc().with_timezone(&pack.zone).hour())
}

/// When an opportunity should be planned: at once for a duty whose deadline is near, else at the next sociable
/// hour after its occurrence was first recorded.
pub fn plan_due(reader: Reader<'_>, candidate: Candidate<'_>) -> Timestamp {
    let recorded = candidate.folded.recorded;
    let near = candidate.rule.class == Class::Duty
        && deadline(reader, candidate, date(reader.pack, recorded)).is_some_and(|day| {
            let last = date(reader.pack, recorded).checked_add_days(Days::new(NEAR_DEADLINE_DAYS));
            last.is_some_and(|last| day <= last)
        });
    next_sociable(reader.pack, recorded, near)
}

/// Midnight, in the pack's zone, at the start of a day.
pub fn start_of(pack: &Pack, day: NaiveDate) -> Timestamp {
    let naive = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    let at = pack.zone.from_local_datetime(&naive).earliest();
    at.map_or_else(
        || Timestamp(i64::from(day.num_days_from_ce() - 719_163) * crate::view::DAY_MS),
        |time| Timestamp(time.timestamp_millis()),
    )
}

/// The occurrences of a record, folded once each.
pub fn fold_all(reader: Reader<'_>) -> BTreeMap<OccurrenceId, Folded> {
    let all = reader.record.occurrences.iter();
    all.filter_map(|(id, occurrence)| Some((*id, reader.folded(occurrence)?))).collect()
}

/// Everything about one opportunity of a record; `None` when its rule or occurrence is gone.
pub fn candidate<'a>(
    pack: &'a Pack,
    record: &'a Record,
    folded: &'a BTreeMap<OccurrenceId, Folded>,
    opportunity: &'a Opportunity,
) -> Option<Candidate<'a>> {
    let (life_event, rule) = pack.rule(&opportunity.rule)?;
    let occurrence = record.occurrences.get(&opportunity.occurrence)?;
    let folded = folded.get(&opportunity.occurrence)?;
    Some(Candidate { opportunity, occurrence, folded, life_event, rule })
}
