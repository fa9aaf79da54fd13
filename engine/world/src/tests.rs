//! Promises of a whole world, checked by reading its lines as an engine would.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, FixedOffset};
use serde_json::Value;

use super::*;

/// The catalogue: type, source, required data.
const CATALOGUE: [(&str, &str, &[&str]); 21] = [
    ("health.birth.notified", "health", &["birth_certificate", "birth_date"]),
    (
        "civil.birth.registered",
        "civil-registry",
        &["birth_certificate", "birth_date", "child", "registered_on"],
    ),
    ("civil.death.registered", "civil-registry", &["death_date", "certificate", "registered_on"]),
    ("health.death.notified", "health", &["death_date"]),
    ("civil.marriage.registered", "civil-registry", &["marriage_certificate", "spouse", "registered_on"]),
    ("civil.divorce.recorded", "civil-registry", &["judgment", "spouse", "decided_on"]),
    (
        "population.residence.changed",
        "population",
        &["registration", "province", "commune", "moved_on", "kind"],
    ),
    ("population.card.issued", "population", &["card_number", "expires_on"]),
    ("employment.started", "social-insurance", &["contract", "started_on"]),
    ("employment.ended", "social-insurance", &["contract", "ended_on", "cause"]),
    ("licence.renewed", "traffic-police", &["licence", "expires_on"]),
    ("school.enrolment.opened", "education", &["school_year", "grade", "closes_on"]),
    ("service.filed", "portal", &["service", "reference", "filed_on"]),
    ("preference.refused", "portal", &["what"]),
    ("preference.restored", "portal", &["what"]),
    ("court.shield.ordered", "courts", &["order", "against"]),
    ("court.shield.lifted", "courts", &["order", "against"]),
    ("population.statement.retracted", "population", &["event_id"]),
    ("civil.statement.retracted", "civil-registry", &["event_id"]),
    ("social-insurance.statement.retracted", "social-insurance", &["event_id"]),
    ("health.statement.retracted", "health", &["event_id"]),
];

type Time = DateTime<FixedOffset>;

/// A line that a strict reader accepts as an envelope with an object of data.
struct Read {
    id: String,
    source: String,
    kind: String,
    subject: String,
    time: Time,
    recorded: Time,
    data: Value,
    text: String,
}

impl Read {
    fn parse(text: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| line.get(name)?.as_str().map(str::to_owned);
        let moment = |name: &str| DateTime::parse_from_rfc3339(&word(name)?).ok();
        let data = line.get("data").filter(|data| data.as_object().is_some_and(|data| !data.is_empty()))?;
        (word("specversion")? == "1.0" && word("datacontenttype")? == "application/json").then_some(())?;
        Some(Self {
            id: word("id")?,
            source: word("source")?,
            kind: word("type")?,
            subject: word("subject")?,
            time: moment("time")?,
            recorded: moment("recordedtime")?,
            data: data.clone(),
            text: text.to_owned(),
        })
    }

    fn row(&self) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
        CATALOGUE.iter().find(|(kind, _, _)| *kind == self.kind)
    }

    fn word(&self, field: &str) -> &str {
        self.data[field].as_str().unwrap_or_default()
    }
}

/// What reading sorted the lines of a world into.
#[derive(Default)]
struct Reading {
    accepted: Vec<Read>,
    by_type: BTreeMap<String, u64>,
    disorder: BTreeMap<&'static str, u64>,
}

fn read(world: &World) -> Reading {
    let mut reading = Reading::default();
    let mut seen = BTreeMap::new();
    for text in world.lines() {
        let mut count = |what| *reading.disorder.entry(what).or_default() += 1;
        let Some(line) = Read::parse(&text) else {
            count("malformed");
            continue;
        };
        *reading.by_type.entry(line.kind.clone()).or_default() += 1;
        let registered = line.source.strip_prefix("urn:gov:vn:");
        match (registered, line.row()) {
            (None, _) => count("unregistered"),
            (_, None) => count("unknown-type"),
            _ if line.time > line.recorded + Duration::hours(24) => count("future-dated"),
            _ if seen.get(&line.id) == Some(&text) => count("duplicate"),
            (Some(source), Some((_, owner, _))) => {
                assert_eq!(source, *owner, "{text}");
                assert!(seen.insert(line.id.clone(), text).is_none(), "one id, two statements: {}", line.id);
                reading.accepted.push(line);
            }
        }
    }
    reading
}

fn clean(seed: u64, citizens: u32) -> World {
    World::generate(&Config { seed, citizens, disorder: Disorder::none(), ..Config::default() })
}

fn bytes(config: &Config) -> Vec<u8> {
    let world = World::generate(config);
    let mut all = Vec::new();
    let people = world.write_people_csv(&mut all).unwrap() + world.write_people_ndjson(&mut all).unwrap();
    assert_eq!(people, 2 * u64::from(config.citizens));
    assert_eq!(world.write_events(&mut all).unwrap(), world.truth().lines);
    all
}

/// FNV-1a, to pin a world without keeping it.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_other_bytes() {
    let one = bytes(&small(1));
    assert_eq!(one, bytes(&small(1)));
    assert_ne!(one, bytes(&small(2)));
}

/// Changing this means that nobody can make an earlier world again: say so in the commit.
#[test]
fn a_pinned_world_is_the_same_on_every_machine() {
    assert_eq!(digest(&bytes(&small(1))), 15_977_059_792_390_633_853);
}

#[test]
fn accepted_lines_have_what_the_catalogue_asks() {
    let world = World::generate(&small(3));
    for line in read(&world).accepted {
        let (_, _, required) = line.row().unwrap();
        for field in *required {
            assert!(!line.data[field].is_null(), "{field} is missing in {}", line.text);
        }
        assert!(line.subject.len() == 12 && line.subject.bytes().all(|byte| byte.is_ascii_digit()));
        for (field, value) in line.data.as_object().unwrap() {
            let date = field.ends_with("_on") || field.ends_with("_date");
            assert!(!date || value.as_str().unwrap().parse::<NaiveDate>().is_ok(), "{}", line.text);
        }
    }
}

#[test]
fn truth_counts_what_a_reader_counts() {
    for seed in 0..5 {
        let config = Config { citizens: 3_000, ..small(seed) };
        let world = World::generate(&config);
        let (truth, reading) = (world.truth(), read(&world));
        let by_type: BTreeMap<String, u64> =
            truth.by_type.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        assert_eq!(by_type, reading.by_type);
        assert_eq!(truth.acceptable, reading.accepted.len() as u64);
        let count = |kind| truth.disorder.get(&kind).copied().unwrap_or_default();
        for (kind, name) in [
            (DisorderKind::Duplicate, "duplicate"),
            (DisorderKind::Malformed, "malformed"),
            (DisorderKind::UnknownType, "unknown-type"),
            (DisorderKind::Unregistered, "unregistered"),
            (DisorderKind::FutureDated, "future-dated"),
        ] {
            assert!(count(kind) > 0, "{name}");
            assert_eq!(count(kind), reading.disorder[name], "{name}");
        }
        assert_eq!(truth.traces.len() as u64, truth.disorder.values().sum::<u64>());
        let twice: BTreeSet<&str> = certificates(&reading, "health.birth.notified");
        let registered = certificates(&reading, "civil.birth.registered");
        assert_eq!(truth.births_told_twice, twice.intersection(&registered).count() as u64);
        assert_eq!(truth.births - truth.births_untold, twice.union(&registered).count() as u64);
    }
}

fn certificates<'a>(reading: &'a Reading, kind: &str) -> BTreeSet<&'a str> {
    reading
        .accepted
        .iter()
        .filter(|line| line.kind == kind)
        .map(|line| line.word("birth_certificate"))
        .collect()
}

#[test]
fn every_trace_points_at_the_line_that_bears_its_id() {
    let world = World::generate(&small(4));
    let lines: Vec<String> = world.lines().collect();
    for trace in &world.truth().traces {
        let line = &lines[trace.line as usize];
        assert!(
            trace.kind == DisorderKind::Malformed || line.contains(&format!(r#""id":"{}""#, trace.id)),
            "{line}"
        );
        if let Some(target) = &trace.target {
            assert!(line.contains(&format!(r#""event_id":"{target}""#)));
        }
    }
}

#[test]
fn recorded_times_go_back_only_where_a_trace_says_so() {
    let world = World::generate(&small(5));
    let strange: BTreeSet<u64> = world.truth().traces.iter().map(|trace| trace.line).collect();
    let mut last = None;
    for (place, text) in world.lines().enumerate().filter(|(place, _)| !strange.contains(&(*place as u64))) {
        let recorded = Read::parse(&text).unwrap().recorded;
        assert!(last <= Some(recorded), "line {place}");
        last = Some(recorded);
    }
    let sorted = clean(5, 1_000).lines().map(|text| Read::parse(&text).unwrap().recorded).is_sorted();
    assert!(sorted, "a clean stream is in order");
}

#[test]
fn a_retraction_names_a_line_of_the_same_source_and_subject() {
    let world = World::generate(&Config { citizens: 5_000, ..small(6) });
    let reading = read(&world);
    let place: BTreeMap<&str, usize> =
        reading.accepted.iter().enumerate().map(|(place, line)| (line.id.as_str(), place)).collect();
    let (mut before, mut after) = (0, 0);
    for (at, line) in reading.accepted.iter().enumerate().filter(|(_, line)| line.kind.ends_with("retracted"))
    {
        let target = place[line.word("event_id")];
        let told = &reading.accepted[target];
        assert_eq!((&line.source, &line.subject), (&told.source, &told.subject));
        assert!(line.recorded > told.recorded);
        *if target < at { &mut after } else { &mut before } += 1;
    }
    assert_eq!(before, world.truth().retracted_first);
    assert!(before > 0 && after > before, "{before} before, {after} after");
    assert!(world.truth().wrong_deaths > 0);
}

#[test]
fn disorder_changes_no_life() {
    let config = Config { disorder: Disorder::none(), ..small(7) };
    let clean: BTreeSet<String> = World::generate(&config).lines().collect();
    let disordered = World::generate(&small(7));
    let lines: BTreeSet<String> = disordered.lines().collect();
    let late = disordered.truth().disorder[&DisorderKind::Late];
    assert_eq!(clean.difference(&lines).count() as u64, late, "all but the late lines are there unchanged");
}

#[test]
fn numbers_are_unique_and_say_sex_and_year() {
    let world = clean(8, 20_000);
    let mut numbers = BTreeSet::new();
    for person in world.people() {
        assert!(person.number.len() == 12 && person.number.bytes().all(|byte| byte.is_ascii_digit()));
        let year = person.birth_date.year();
        let century = (year - 1900) / 100 * 2 + i32::from(person.sex == "F");
        assert_eq!(person.number[3..6], format!("{century}{:02}", year % 100));
        assert!(person.commune.len() == 5 && person.province.len() == 2);
        assert!(numbers.insert(person.number));
    }
    let births: Vec<Read> =
        read(&world).accepted.into_iter().filter(|line| line.kind == "civil.birth.registered").collect();
    assert!(!births.is_empty());
    for birth in births {
        assert!(numbers.insert(birth.word("child").to_owned()), "a newborn's number is new");
    }
}

#[test]
fn links_name_people_of_this_world() {
    let world = clean(9, 3_000);
    let all: BTreeMap<String, Person> =
        world.people().map(|person| (person.number.clone(), person)).collect();
    for person in all.values() {
        for parent in person.mother.iter().chain(&person.father) {
            assert!(all[parent].birth_date < person.birth_date);
        }
        if let Some(spouse) = &person.spouse {
            assert_eq!(all[spouse].spouse.as_ref(), Some(&person.number));
        }
    }
}

#[test]
fn nobody_acts_after_death() {
    let world = clean(10, 20_000);
    let lines = read(&world).accepted;
    let deaths: BTreeMap<&str, Time> = lines
        .iter()
        .filter(|line| line.kind.contains(".death."))
        .map(|line| (line.subject.as_str(), line.time))
        .collect();
    assert!(deaths.len() > 80);
    for line in lines.iter().filter(|line| !line.kind.contains(".death.")) {
        assert!(deaths.get(line.subject.as_str()).is_none_or(|died| line.time <= *died), "{}", line.text);
        for other in ["spouse", "against"].map(|field| line.word(field)) {
            assert!(deaths.get(other).is_none_or(|died| line.time <= *died), "{}", line.text);
        }
    }
}

#[test]
fn jobs_end_after_they_start_and_nobody_marries_twice_or_too_young() {
    let world = clean(11, 20_000);
    let people: BTreeMap<String, Person> =
        world.people().map(|person| (person.number.clone(), person)).collect();
    // What happens in the last weeks may be recorded after the period.
    let settled: Time = "2026-12-08T00:00:00+07:00".parse().unwrap();
    let mut lines: Vec<Read> = read(&world).accepted.into_iter().filter(|line| line.time < settled).collect();
    lines.sort_by_key(|line| line.time);
    let mut employed: BTreeMap<&str, bool> =
        people.values().map(|person| (person.number.as_str(), person.employed)).collect();
    let mut spouse: BTreeMap<&str, Option<&str>> =
        people.values().map(|person| (person.number.as_str(), person.spouse.as_deref())).collect();
    for line in &lines {
        let (one, other) = (line.subject.as_str(), line.word("spouse"));
        match line.kind.as_str() {
            "employment.started" => assert_eq!(employed.insert(one, true), Some(false), "{}", line.text),
            "employment.ended" => assert_eq!(employed.insert(one, false), Some(true), "{}", line.text),
            "civil.marriage.registered" => {
                for (who, with) in [(one, other), (other, one)] {
                    assert!(line.time.date_naive() >= people[who].birth_date + chrono::Months::new(12 * 18));
                    spouse.insert(who, Some(with));
                }
            }
            "civil.divorce.recorded" => {
                for (who, from) in [(one, other), (other, one)] {
                    assert_eq!(spouse.insert(who, None), Some(Some(from)), "{}", line.text);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_year_has_plausible_rates() {
    let world = clean(12, 50_000);
    let truth = world.truth();
    let per_thousand = |count: u64| count as f64 / 50.0;
    let told = |name| per_thousand(truth.by_type[name]);
    for (what, rate, band) in [
        ("births", per_thousand(truth.births), 12.5..16.0),
        ("deaths", per_thousand(truth.deaths), 5.0..7.0),
        ("marriages", told("civil.marriage.registered"), 4.5..6.5),
        ("divorces", told("civil.divorce.recorded"), 0.7..1.6),
        ("moves", told("population.residence.changed"), 20.0..32.0),
        ("refusals", told("preference.refused"), 6.0..12.0),
        ("cards", told("population.card.issued"), 40.0..90.0),
        ("lines", per_thousand(truth.lines), 420.0..1_000.0),
    ] {
        assert!(band.contains(&rate), "{what}: {rate} per 1,000");
    }
    assert!(truth.births_told_twice * 100 / truth.births >= 65);
    assert!(truth.births_redated > 0 && truth.births_untold > 0);
}

#[test]
fn people_age_as_a_population_does() {
    let world = clean(13, 50_000);
    let start = Config::default().start;
    let ages: Vec<u32> = world.people().map(|person| start.years_since(person.birth_date).unwrap()).collect();
    let share = |low, high| ages.iter().filter(|age| (low..high).contains(*age)).count() * 100 / ages.len();
    assert!((21..=25).contains(&share(0, 15)), "children");
    assert!((12..=16).contains(&share(60, 200)), "from 60 on");
    let women = world.people().filter(|person| person.sex == "F").count() * 100 / ages.len();
    assert!((48..=53).contains(&women));
}

#[test]
fn a_person_keeps_silent_in_debug_output() {
    let world = World::generate(&small(14));
    assert!(world.people().all(|person| format!("{person:?}") == "Person([personal])"));
}

#[test]
fn extremes_make_small_or_empty_worlds_and_the_check_names_what_is_out_of_range() {
    let nobody = World::generate(&Config { citizens: 0, ..Config::default() });
    assert_eq!((nobody.people().count(), nobody.lines().count()), (0, 0));
    let moment = World::generate(&Config { months: 0, ..small(1) });
    assert_eq!(moment.lines().count(), 0);
    for start in [NaiveDate::MIN, NaiveDate::MAX] {
        let config = Config { start, citizens: 50, disorder: Disorder::all(u32::MAX), ..small(1) };
        assert_eq!(config.check(), Err(ConfigError::Start));
        World::generate(&config);
    }
    let long = Config { months: 121, ..small(1) };
    assert_eq!(long.check(), Err(ConfigError::Months));
    assert_eq!(Config { citizens: u32::MAX, ..small(1) }.check(), Err(ConfigError::Citizens));
    assert_eq!(small(1).check(), Ok(()));
}

#[test]
fn ten_years_pass_without_a_fault() {
    let world = World::generate(&Config { citizens: 2_000, months: 120, ..small(15) });
    assert_eq!(read(&world).accepted.len() as u64, world.truth().acceptable);
}
