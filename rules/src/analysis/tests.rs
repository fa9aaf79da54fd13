//! Small packs with one thing against each; and the built-in pack, whole.

use std::collections::BTreeMap;

use super::*;
use crate::pack::tests::{good_files, load, with};

const BIRTH: &str = "life_events/birth.yaml";

fn options() -> Options {
    Options { as_of: "2026-11-24".parse().ok(), ..Options::default() }
}

fn analysed(files: BTreeMap<String, String>) -> Vec<Finding> {
    analyse(&load(files), &options())
}

/// Findings as `CODE file:line:column`.
fn places(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|one| format!("{} {}:{}:{}", one.code, one.file, one.line, one.column)).collect()
}

/// What a change to the good pack adds to what is found in it.
fn added(files: BTreeMap<String, String>) -> Vec<Finding> {
    let key = |one: &Finding| (one.code, one.message.clone());
    let before: Vec<_> = analysed(good_files()).iter().map(key).collect();
    analysed(files).into_iter().filter(|one| !before.contains(&key(one))).collect()
}

/// A rule in one line.
fn line(key: &str, rest: &str) -> String {
    let say = "{vi: {what: Có., by_when: Sớm.}, en: {what: Yes., by_when: Soon.}}";
    let case = |name, expect| {
        format!("{{name: {name}, on: \"2026-01-31\", event: {{place: home}}, expect: \"{expect}\"}}")
    };
    format!(
        "{{key: {key}, service: insurance, level: 1, to: [subject], basis: [{{law: Luật, article: Điều 1}}], \
         in_force: {{from: \"2025-01-01\"}}, backfill: none, say: {say}, cases: [{}, {}], {rest}}}",
        case("a", "yes"),
        case("b", "no"),
    )
}

/// More rules, and something after them, in the life event of births.
fn with_rules(rules: &[(&str, &str)], after: &str) -> BTreeMap<String, String> {
    let mut files = good_files();
    let birth = files.get_mut(BIRTH).expect("a file");
    for (key, rest) in rules {
        birth.push_str(&format!("  - {}\n", line(key, rest)));
    }
    birth.push_str(after);
    files
}

fn rule(class: &str, when: &str) -> String {
    format!("class: {class}, when: \"{when}\"")
}

#[test]
fn what_is_found_in_the_good_pack() {
    let found = analysed(good_files());
    let expected = [
        "A702 facts.yaml:61:3",
        "A703 facts.yaml:84:3",
        "A703 facts.yaml:87:3",
        "A504 life_events/birth.yaml:25:57",
        "A903 life_events/birth.yaml:54:56",
        "A904 life_events/birth.yaml:65:56",
        "A904 life_events/birth.yaml:68:63",
        "A902 services.yaml:17:13",
    ];
    assert_eq!(places(&found), expected, "{found:#?}");
    assert!(found.iter().all(|one| one.severity == one.code.severity()));
}

/// What replaces `subject.employed` in the first rule's condition, with `¦` before what is found; what is found, in which
/// words.
const CONDITIONS: &[(&str, &str, &str)] = &[
    ("subject.employed AND NOT ¦subject.employed", "A101", "exclude each other"),
    ("¦event.place = 'school'", "A101", "`event.place = 'school'` is never true, so nobody"),
    ("¦subject.children_count < 0", "A101", "is never true"),
    ("¦event.time < DATE '2025-01-01'", "A101", "is never true"),
    (
        "event.place <> 'home' AND event.born_on > DATE '2026-01-01' AND ¦event.place <> 'hospital'",
        "A101",
        "exclude each other",
    ),
    ("¦subject.birth_date = NULL", "A101", "is never true"),
    ("¦event.born_on IS NOT NULL", "A103", "is never false"),
    ("¦subject.employed = subject.employed", "A103", "is never false"),
    ("¦citizen.employed = subject.employed", "A103", "is never false"),
    ("(subject.employed OR ¦event.place = 'garden')", "A104", "`event.place = 'garden'` never applies"),
    (
        "CASE WHEN event.place = 'home' THEN subject.employed WHEN ¦event.place = 'home' THEN TRUE ELSE FALSE END",
        "A105",
        "is never taken",
    ),
    (
        "subject.children_count >= 2 AND ¦subject.children_count >= 1",
        "A106",
        "adds nothing to the other parts",
    ),
];

/// Where the text that replaces `subject.employed` begins.
const REPLACED: (usize, usize) = (17, 11);

#[test]
fn conditions_that_decide_nothing_are_found_where_they_stand() {
    for (marked, code, message) in CONDITIONS {
        let column = REPLACED.1 + marked.chars().position(|char| char == '¦').expect("a mark");
        let text = marked.replace('¦', "");
        let found = added(with(BIRTH, "AND subject.employed", &format!("AND {text}")));
        let hit = found.iter().find(|one| one.code.as_str() == *code);
        let hit = hit.unwrap_or_else(|| panic!("{text}: {found:#?}"));
        assert_eq!((hit.file.as_str(), hit.line, hit.column), (BIRTH, REPLACED.0, column), "{text}: {hit}");
        assert!(hit.message.contains(message), "{text}: {hit}");
        assert!(hit.hint.is_some(), "{hit}");
    }
    let everybody = with(BIRTH, "AND subject.employed", "OR event.born_on IS NOT NULL");
    assert!(places(&added(everybody)).contains(&"A102 life_events/birth.yaml:16:7".to_owned()));
    for fine in [
        "subject.employed AND subject.spouse.employed",
        "subject.children_count >= 2 AND subject.children_count < 3",
        "(subject.employed OR event.place = 'home')",
        "subject.birth_date IS NOT NULL AND subject.birth_date < event.born_on",
        "age_years(subject.birth_date, event.born_on) BETWEEN 0 AND 1",
        "event.time >= DATE '2025-01-01' + INTERVAL '1' DAY",
    ] {
        let mut files = with(BIRTH, "AND subject.employed", &format!("AND {fine}"));
        // Said to the spouse's employment, so that it may be read.
        let birth = files.get_mut(BIRTH).expect("a file");
        *birth = birth.replacen(
            "    basis:",
            "    discloses: {what: [subject.spouse.employed], ground: Luật}\n    basis:",
            1,
        );
        let found = added(files);
        assert!(found.iter().all(|one| !one.code.as_str().starts_with("A1")), "{fine}: {found:#?}");
    }
}

#[test]
fn rules_that_offer_one_service_twice_are_found_with_a_case() {
    let entitled = |when: &str| rule("entitlement", when);
    let one = |rules: &[(&str, String)]| {
        let rules: Vec<_> = rules.iter().map(|(key, rest)| (*key, rest.as_str())).collect();
        let found = added(with_rules(&rules, ""));
        found.into_iter().filter(|one| one.code.as_str().starts_with("A2")).collect::<Vec<_>>()
    };
    let at_home = || ("at-home", entitled("event.place = 'home' AND subject.birth_date IS NOT NULL"));

    let found = one(&[at_home(), ("away", entitled("event.place <> 'home'"))]);
    // The first rule of the pack offers the same service, with a deadline, to whoever is employed.
    assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["A202", "A202"], "{found:#?}");
    assert!(found[0].message.contains("`at-home` and `birth-insurance`"), "{}", found[0]);
    assert!(found[0].message.contains("another deadline: event.place = home, "), "{}", found[0]);
    assert!(found[0].message.contains("subject.employed = true"), "{}", found[0]);

    let third = |third: (&str, String)| {
        let found = one(&[at_home(), third]);
        let of_both = found.into_iter().filter(|one| one.message.contains("`at-home`"));
        of_both.filter(|one| !one.message.contains("`birth-insurance`")).collect::<Vec<_>>()
    };
    let codes = |when: &str, class: &str| {
        let found = third(("third", rule(class, when)));
        found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(codes("subject.birth_date > DATE '2000-01-01'", "entitlement"), ["A201"]);
    assert_eq!(codes("subject.birth_date > DATE '2000-01-01'", "suggestion"), ["A202"]);
    assert_eq!(
        codes("NOT (subject.birth_date IS NULL) AND event.place IN ('home')", "entitlement"),
        ["A203"]
    );
    assert_eq!(codes("event.place = 'hospital'", "entitlement"), [""; 0]);
    assert_eq!(codes("subject.birth_date IS NULL AND event.place = 'home'", "entitlement"), [""; 0]);
    let covering = third(("third", format!("covers: [at-home], {}", entitled("event.place = 'home'"))));
    assert!(covering.is_empty(), "{covering:#?}");
}

#[test]
fn periods_that_follow_each_other_do_not_conflict() {
    let mut files =
        with_rules(&[("later", &rule("entitlement", "event.place IS NOT NULL AND subject.employed"))], "");
    let conflicts = |files| {
        let found = added(files);
        found.into_iter().filter(|one| one.code.as_str().starts_with("A2")).count()
    };
    assert_eq!(conflicts(files.clone()), 1);
    let birth = files.get_mut(BIRTH).expect("a file");
    *birth = birth.replacen(
        "in_force: {from: \"2025-01-01\"}",
        "in_force: {from: \"2020-01-01\", to: \"2024-12-31\"}",
        1,
    );
    assert_eq!(conflicts(files), 0);
}

#[test]
fn a_partition_is_held_against_every_case() {
    let partition = |rules: &[(&str, &str)]| {
        let rules: Vec<_> = rules.iter().map(|(key, when)| (*key, rule("suggestion", when))).collect();
        let rules: Vec<_> = rules.iter().map(|(key, rest)| (*key, rest.as_str())).collect();
        let of = rules.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
        let found = added(with_rules(&rules, &format!("partitions:\n  - {{name: by age, of: [{of}]}}\n")));
        found.into_iter().filter(|one| one.code.as_str().starts_with("A3")).collect::<Vec<_>>()
    };
    let age = "age_years(subject.birth_date, event.born_on)";
    let (young, old) = (format!("{age} < 18"), format!("{age} >= 18"));
    assert_eq!(partition(&[("young", &young), ("old", &old)]), []);
    let older = format!("{age} > 18");
    let found = partition(&[("young", &young), ("old", &older)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, FindingCode::PartitionGap);
    assert!(found[0].message.starts_with("`by age`: no rule takes event.born_on = "), "{}", found[0]);
    let also = format!("{age} >= 17");
    let found = partition(&[("young", &young), ("old", &also)]);
    assert_eq!(
        found.iter().map(|one| one.code).collect::<Vec<_>>(),
        [FindingCode::PartitionOverlap],
        "{found:#?}"
    );
    assert_eq!(partition(&[("home", "event.place = 'home'"), ("other", "event.place = 'hospital'")]), []);
    let found = partition(&[
        ("a", "subject.children_count * subject.children_count < 0"),
        ("b", "subject.children_count >= 0"),
    ]);
    assert_eq!(
        found.iter().map(|one| one.code).collect::<Vec<_>>(),
        [FindingCode::PartitionOpen],
        "{found:#?}"
    );
}

/// What replaces the deadline of the first rule, what its reminder, and what is found.
const DEADLINES: &[(&str, &str, &[&str])] = &[
    (
        "event.time, amount: 60, unit: days, direction: before",
        "before_deadline, amount: 7, unit: days",
        &["A401"],
    ),
    (
        "event.time, amount: 2, unit: months, direction: before",
        "before_deadline, amount: 7, unit: days",
        &["A401"],
    ),
    (
        "event.time, amount: 60, unit: days, direction: after",
        "before_deadline, amount: 60, unit: days",
        &["A402"],
    ),
    ("event.time, amount: 60, unit: days, direction: after", "before_deadline, amount: 59, unit: days", &[]),
    (
        "event.time, amount: 1, unit: months, direction: after",
        "before_deadline, amount: 3, unit: months",
        &["A402"],
    ),
    (
        "event.time, amount: 60, unit: days, direction: after",
        "after_first, amount: 61, unit: days",
        &["A403"],
    ),
    ("event.time, amount: 60, unit: days, direction: after", "after_first, amount: 60, unit: days", &[]),
    (
        "event.born_on, amount: 60, unit: days, direction: after",
        "before_deadline, amount: 90, unit: days",
        &["A404"],
    ),
    (
        "event.born_on, amount: 60, unit: days, direction: before",
        "before_deadline, amount: 7, unit: days",
        &[],
    ),
    (
        "event.time, amount: 5, unit: working_days, direction: before",
        "before_deadline, amount: 1, unit: days",
        &["A401"],
    ),
];

#[test]
fn deadlines_and_reminders_that_nobody_can_meet_are_found() {
    let found = |deadline: &str, remind: &str, condition: &str| {
        let mut files = with(BIRTH, "event.born_on, amount: 60, unit: days, direction: after", deadline);
        let birth = files.get_mut(BIRTH).expect("a file");
        *birth = birth.replacen("before_deadline, amount: 7, unit: days", remind, 1);
        *birth = birth.replacen("AND subject.employed", condition, 1);
        let found = added(files);
        let codes = found.iter().map(|one| one.code.as_str()).filter(|code| code.starts_with("A4"));
        codes.collect::<Vec<_>>()
    };
    for (deadline, remind, expected) in DEADLINES {
        assert_eq!(found(deadline, remind, "AND subject.employed"), *expected, "{deadline}; {remind}");
    }
    let soon =
        ("event.born_on, amount: 60, unit: days, direction: after", "before_deadline, amount: 7, unit: days");
    let late = |days| format!("AND days_between(event.born_on, event.time) > {days}");
    assert_eq!(found(soon.0, soon.1, &late(60)), ["A401"], "the condition itself lets the deadline pass");
    assert_eq!(found(soon.0, soon.1, &late(59)), ["A402"]);
    assert_eq!(found(soon.0, soon.1, &late(50)), [""; 0]);
}

#[test]
fn law_is_asked_for_on_a_day() {
    let at = |files, day: Option<&str>| {
        let as_of = day.map(|day| day.parse().expect("a date"));
        let found = analyse(&load(files), &Options { as_of, ..Options::default() });
        let codes = found.iter().map(|one| one.code.as_str()).filter(|code| code.starts_with("A5"));
        codes.collect::<Vec<_>>()
    };
    assert_eq!(at(good_files(), Some("2026-11-24")), ["A504"]);
    assert_eq!(at(good_files(), Some("2027-01-01")), ["A504"], "on the day itself it still holds");
    assert_eq!(at(good_files(), Some("2027-01-02")), ["A502"]);
    assert_eq!(at(good_files(), Some("2031-01-01")), ["A502", "A501"]);
    assert_eq!(at(good_files(), Some("2024-12-31")), ["A504", "A503", "A503"]);
    assert_eq!(at(good_files(), None), ["A504"]);
}

#[test]
fn references_without_an_article_are_the_packs_own_to_name() {
    let named = |gaps: &str| {
        let mut files = with(BIRTH, "article: \"Điều 6\"", "article: \"Toàn văn luật\"");
        let pack = files.get_mut("pack.yaml").expect("a file");
        pack.push_str(gaps);
        let found = added(files);
        found.into_iter().filter(|one| one.code == FindingCode::ArticleGap).collect::<Vec<_>>()
    };
    assert_eq!(named(""), []);
    let found = named("article_gaps: [toàn văn, quy định về]\n");
    assert_eq!(places(&found), ["A601 life_events/birth.yaml:59:36"]);
    assert_eq!(found[0].severity, Severity::Review);
}

#[test]
fn what_nothing_reads_is_found() {
    let cases = [
        (
            "facts.yaml",
            "sets:",
            "  unread: {type: bool, purpose: p, ground: g, sensitivity: ordinary, retention: 1 years, stale_after: never}\nsets:",
            "A701",
        ),
        (
            "facts.yaml",
            "links:",
            "links:\n  cousin: {purpose: p, ground: g, sensitivity: ordinary, retention: 1 years, stale_after: never}",
            "A704",
        ),
        (
            "events.yaml",
            "      father: {type: citizen}",
            "      father: {type: citizen}\n      weight: {type: int}",
            "A705",
        ),
        (
            "services.yaml",
            "services:",
            "services:\n  spare:\n    title: {vi: a, en: a}\n    authority: {vi: a, en: a}\n    channel: {vi: a, en: a}\n    cost: {vi: a, en: a}\n    cost_as_of: \"2026-01-01\"\n    source: s",
            "A706",
        ),
        (BIRTH, "    until:\n      - {life_event: filed, same: [certificate]}\n", "", "A707"),
        ("events.yaml", "events:", "events:\n  idle.event:\n    title: {vi: a, en: a}", "A708"),
    ];
    for (file, from, to, code) in cases {
        let mut files = with(file, from, to);
        let sources = files.get_mut("sources.yaml").expect("a file");
        *sources = sources
            .replace("facts: [full_name,", "facts: [full_name, ")
            .replace("events: [birth.registered,", "events: [birth.registered, ");
        if matches!(code, "A701" | "A704") {
            let name = if code == "A701" { "unread" } else { "cousin" };
            *sources = sources.replace("facts: [full_name,", &format!("facts: [{name}, full_name,"));
        }
        if code == "A708" {
            *sources =
                sources.replace("events: [birth.registered,", "events: [idle.event, birth.registered,");
        }
        let found = added(files);
        let hit = found.iter().find(|one| one.code.as_str() == code);
        let hit = hit.unwrap_or_else(|| panic!("{code}: {found:#?}"));
        assert!(hit.file == file || code == "A707", "{hit}");
    }
}

/// A figure that falls to nothing.
const FIGURES: &str = "parameters:
  most_children:
    title: {vi: a, en: a}
    type: int
    values:
      - {from: \"2020-01-01\", value: 3, basis: {law: Luật, article: Điều 1}}
      - {from: \"2026-07-01\", value: 0, basis: {law: Luật, article: toàn văn, review_by: \"2026-10-01\"}, review: true}
";

#[test]
fn conditions_are_judged_under_the_law_of_each_day() {
    let at = |condition: &str| {
        let mut files = with(BIRTH, "AND subject.employed", condition);
        files.insert("parameters.yaml".to_owned(), FIGURES.to_owned());
        files.get_mut("pack.yaml").expect("a file").push_str("article_gaps: [toàn văn]\n");
        added(files)
    };
    let found = at("AND subject.children_count < law.most_children");
    let never: Vec<_> = found.iter().filter(|one| one.code == FindingCode::NeverTrue).collect();
    assert_eq!(never.len(), 1, "{found:#?}");
    assert!(never[0].message.ends_with(", under the law from 2026-07-01"), "{}", never[0]);
    assert!(found.iter().all(|one| one.code != FindingCode::Figure), "a figure of law is not typed in");
    let of_law =
        ["A906", "A601", "A502"].map(|code| found.iter().filter(|one| one.code.as_str() == code).count());
    assert_eq!(of_law, [1, 1, 1], "{found:#?}");
    assert!(found.iter().all(|one| one.code != FindingCode::UnusedFigure), "{found:#?}");
    let found = at("AND subject.children_count < law.most_children - 1 AND subject.children_count > 1");
    let never: Vec<_> = found.iter().filter(|one| one.code == FindingCode::NeverTrue).collect();
    assert_eq!(never.len(), 1, "two reasons, told together: {found:#?}");
    let few = "`subject.children_count < law.most_children - 1`";
    let expected = format!(
        "`birth-insurance`: under the law from 2025-01-01 to 2026-06-30 {few} and `subject.children_count > 1` exclude \
         each other, under the law from 2026-07-01 {few} is never true, so nobody is ever told"
    );
    assert_eq!(never[0].message, expected);
    let found = at("AND FALSE AND subject.children_count < law.most_children");
    let never: Vec<_> = found.iter().filter(|one| one.code == FindingCode::NeverTrue).collect();
    assert!(never.len() == 1 && never[0].message.ends_with("nobody is ever told"), "told once: {found:#?}");
    assert!(
        found.iter().all(|one| one.code != FindingCode::DeadlinePast),
        "nobody is told too late: {found:#?}"
    );
    let found = at("AND subject.employed");
    assert!(found.iter().any(|one| one.code == FindingCode::UnusedFigure), "{found:#?}");
}

#[test]
fn rules_of_a_place_are_judged_for_those_who_live_there() {
    let file = "overlays/hanoi.yaml";
    let at = |rules: &[(&str, &str)]| {
        let mut files = good_files();
        files.get_mut("pack.yaml").expect("a file").push_str("places: [province]\n");
        let rules: String = rules.iter().map(|(key, rest)| format!("    - {}\n", line(key, rest))).collect();
        let head = "overlay: hanoi\ntitle: {vi: a, en: a}\nowner: {vi: a, en: a}\nwhere: {fact: province, is: [\"01\"]}\n";
        files.insert(file.to_owned(), format!("{head}rules:\n  birth:\n{rules}"));
        added(files)
    };
    let elsewhere = rule("suggestion", "citizen.province = '79'");
    let here = rule("suggestion", "citizen.province = '01'");
    let found = at(&[("there", &elsewhere), ("here", &here)]);
    let places: Vec<_> = places(&found).into_iter().filter(|one| one.starts_with("A1")).collect();
    assert_eq!(places.len(), 2, "{found:#?}");
    assert!(places[0].starts_with("A101 overlays/hanoi.yaml:7:"), "{places:?}");
    assert!(places[1].starts_with("A102 overlays/hanoi.yaml:8:"), "{places:?}");
    let conflicts = found.iter().filter(|one| one.code == FindingCode::Conflict && one.file == file);
    assert_eq!(conflicts.count(), 1, "with the rule of the whole nation: {found:#?}");
}

#[test]
fn figures_are_noted_and_can_be_left_out() {
    let files = with(BIRTH, "AND subject.employed", "AND subject.children_count < 3");
    let found = added(files.clone());
    let figures: Vec<_> = found.iter().filter(|one| one.code == FindingCode::Figure).collect();
    assert_eq!(figures.len(), 1, "{found:#?}");
    assert_eq!((figures[0].line, figures[0].column), (17, 36));
    let level = |severity| {
        let severities = [(FindingCode::Figure, severity)].into();
        let found = analyse(&load(files.clone()), &Options { severities, ..options() });
        let figures = found.into_iter().filter(|one| one.code == FindingCode::Figure);
        figures.map(|one| one.severity).collect::<Vec<_>>()
    };
    assert_eq!(level(None), []);
    assert_eq!(level(Some(Severity::Warning)), [Severity::Warning]);
}

#[test]
fn codes_are_unique_sorted_and_in_the_readme() {
    let codes: Vec<_> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
    let readme = include_str!("../../README.md");
    for code in FindingCode::ALL {
        let row = format!("| {code} | {} |", code.severity());
        assert!(readme.contains(&row), "rules/README.md has no row `{row}`");
        assert_eq!(code.as_str().parse(), Ok(*code));
    }
}

#[test]
fn the_built_in_pack_has_no_condition_that_decides_nothing() {
    let pack = load(crate::packs::viet_nam());
    let found = analyse(&pack, &options());
    assert!(found.len() >= pack.reviews.len());
    let proved =
        |one: &&Finding| ["A1", "A2", "A3", "A4"].iter().any(|kind| one.code.as_str().starts_with(kind));
    let proved: Vec<_> = found.iter().filter(proved).collect();
    assert!(proved.is_empty(), "{proved:#?}");
}
