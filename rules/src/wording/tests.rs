use chrono::NaiveDate;
use proptest::prelude::*;
use tidings_domain::value::Value;

use super::*;
use crate::Pack;
use crate::expr::{ColumnRef, RowKind};
use crate::pack::tests::{good_files, load, with};

const BIRTH: &str = "life_events/birth.yaml";

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Evidence for the birth life event: whatever is given by column name, unknown otherwise.
fn evidence(pack: &Pack, known: &[(&str, Value)]) -> Vec<Option<Value>> {
    let columns = &pack.life_events[0].columns;
    let value = |column: &ColumnRef| {
        known.iter().find(|(name, _)| *name == column.to_string()).map(|(_, value)| value.clone())
    };
    columns.iter().map(|(column, _)| value(column)).collect()
}

fn usual() -> Vec<(&'static str, Value)> {
    vec![
        ("event.born_on", Value::date(date("2026-01-30"))),
        ("event.place", Value::Text("hospital".into())),
        ("subject.birth_date", Value::date(date("1995-05-02"))),
        ("subject.employed", Value::Bool(true)),
        ("citizen.province", Value::Text("SECRET-79".into())),
    ]
}

fn items<'a>(pack: &'a Pack, evidence: &'a [Option<Value>], rules: &[usize]) -> Vec<Item<'a>> {
    let life_event = &pack.life_events[0];
    let item = |rule: &usize| Item {
        life_event,
        rule: &life_event.rules[*rule],
        evidence,
        deadline: Some(date("2026-03-31")),
    };
    rules.iter().map(item).collect()
}

fn ask<'a>(items: &'a [Item<'a>]) -> Ask<'a> {
    Ask {
        language: "vi",
        kind: Kind::First,
        person: Person {
            name: Some("Nguyễn Thị Ánh"), sex: Some("F"), birth_date: Some(date("1995-05-02"))
        },
        here: Facts(&|_| None),
        today: date("2026-02-01"),
        items,
        unless_done: false,
        sent_again: false,
        words: None,
    }
}

#[test]
fn a_message_says_everything_once_and_in_order() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0, 1]);
    let text = pack.wording.compose(&pack, &ask(&items)).expect("a message");
    assert_eq!(text.subject, "Thẻ bảo hiểm y tế; Đăng ký cư trú");
    assert_eq!(text.neutral, "Có thông báo mới trên cổng.");
    let expected = "\
Kính gửi bà Nguyễn Thị Ánh,

Lý do: Con được đăng ký khai sinh, sinh ngày 30/01/2026.

Thẻ bảo hiểm y tế
Xin cấp thẻ cho con sinh tại bệnh viện.
Chậm nhất ngày 31/03/2026.
Quá hạn, xem Luật thử, Điều 5.
Chi phí (tại ngày 18/07/2026): Không thu phí.
Nơi làm: Bảo hiểm xã hội. Trên cổng.
Mang theo: Giấy chứng sinh.
Căn cứ: Luật thử, Điều 5

Ngoài ra:

Đăng ký cư trú
Đăng ký cư trú cho con; mẹ sinh ngày 02/05/1995.
Trước ngày 31/03/2026.
Chi phí (tại ngày 18/07/2026): Lệ phí 10.000 đồng.
Nơi làm: Công an cấp xã. Tại trụ sở.
Căn cứ: Luật thử, Điều 6

Vào phần cài đặt để ngừng nhận.

Văn bản được soạn tự động.";
    assert_eq!(text.body, expected);
}

#[test]
fn the_other_language_and_its_fallback() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0]);
    let english = Ask { language: "en", person: Person::default(), ..ask(&items) };
    let body = pack.wording.compose(&pack, &english).expect("a message").body;
    for line in [
        "Dear citizen,",
        "Why: A child born on 30 January 2026 was registered.",
        "By 2026-03-31.",
        "Where: Social security. On the portal.",
    ] {
        assert!(body.contains(line), "{line} in\n{body}");
    }
    assert!(
        body.contains("Cost: Free of charge. (18 July 2026)"),
        "the as-of date stands where the label has none"
    );
    let other = Ask { language: "fr", ..ask(&items) };
    let fallback = pack.wording.compose(&pack, &other).expect("a message");
    assert!(fallback.body.contains("Chậm nhất ngày"), "the pack's first language");
}

#[test]
fn each_kind_of_message_says_what_it_is() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0]);
    let reminder = Ask { kind: Kind::Reminder, unless_done: true, sent_again: true, ..ask(&items) };
    let text = pack.wording.compose(&pack, &reminder).expect("a message");
    assert_eq!(text.subject, "Nhắc: Thẻ bảo hiểm y tế");
    for sentence in ["nhắc lại.", "Nếu đã làm xong", "có thể đến hai lần", "Chậm nhất ngày"]
    {
        assert!(text.body.contains(sentence), "{sentence}");
    }
    let correction = Ask { kind: Kind::Correction, ..ask(&items) };
    let text = pack.wording.compose(&pack, &correction).expect("a message");
    assert!(text.body.contains("Thông báo trước về Thẻ bảo hiểm y tế không còn đúng."));
    assert!(!text.body.contains("Chậm nhất"), "what is taken back is not said again");
}

#[test]
fn words_of_a_model_stand_beside_the_approved_reason() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0, 1]);
    let words =
        Words {
            greeting: "Chào bà,", reason: "Chúc mừng\n\u{202e}gia đình.", transition: "Cũng nên biết:"
        };
    let body =
        pack.wording.compose(&pack, &Ask { words: Some(&words), ..ask(&items) }).expect("a message").body;
    assert!(body.starts_with("Chào bà,\n\nChúc mừng gia đình.\n\nThẻ"), "{body}");
    assert!(body.contains("Cũng nên biết:") && !body.contains("Ngoài ra:"));
    assert!(body.contains("Lý do: Con được đăng ký khai sinh"), "the approved reason always stands");
    let long = "x".repeat(MAX_WORDS_CHARS + 1);
    let words = Words { greeting: &long, ..words };
    let refused = pack.wording.compose(&pack, &Ask { words: Some(&words), ..ask(&items) });
    assert!(matches!(refused, Err(WordingError::TooLong { .. })));
}

#[test]
fn what_is_not_known_is_named_and_never_printed_as_nothing() {
    let pack = load(good_files());
    let without = |name: &str| usual().into_iter().filter(|(column, _)| *column != name).collect::<Vec<_>>();
    let compose = |known: &[(&str, Value)], rule: usize| {
        let evidence = evidence(&pack, known);
        let items = items(&pack, &evidence, &[rule]);
        pack.wording.compose(&pack, &ask(&items))
    };
    let missing = compose(&without("subject.birth_date"), 1).expect_err("needs the date");
    let expected = WordingError::Missing {
        name: "subject.birth_date".into(),
        template: "say/birth-residence/what".into(),
    };
    assert_eq!(missing, expected);
    let reason = compose(&without("event.born_on"), 0).expect_err("needs the date");
    assert!(reason.to_string().starts_with("`event.born_on` is not known"), "{reason}");
    let asked = compose(&without("event.place"), 0).expect("asked about first").body;
    assert!(asked.contains("Xin cấp thẻ cho con."), "{asked}");
}

#[test]
fn a_deadline_that_cannot_be_known_leaves_its_sentence_out() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items: Vec<_> =
        items(&pack, &evidence, &[0]).into_iter().map(|item| Item { deadline: None, ..item }).collect();
    let body = pack.wording.compose(&pack, &ask(&items)).expect("a message").body;
    assert!(body.contains("Xin cấp thẻ") && !body.contains("Chậm nhất"), "{body}");
}

#[test]
fn a_value_that_no_sentence_prints_is_in_no_message() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    for rules in [&[0][..], &[1], &[0, 1], &[1, 0]] {
        let items = items(&pack, &evidence, rules);
        for (language, kind) in ["vi", "en"]
            .into_iter()
            .flat_map(|code| [Kind::First, Kind::Reminder, Kind::Correction].map(|kind| (code, kind)))
        {
            let text =
                pack.wording.compose(&pack, &Ask { language, kind, ..ask(&items) }).expect("a message");
            let all = format!("{}\n{}\n{}", text.subject, text.body, text.neutral);
            assert!(!all.contains("SECRET"), "{all}");
            assert!(
                rules != [0] || !all.contains("1995"),
                "the mother's birth date is the other rule's: {all}"
            );
        }
    }
}

#[test]
fn values_are_data_and_not_templates() {
    let files = with(BIRTH, "\"Apply for the card.\"", "\"Apply, {% if name %}{{ name }}{% endif %}.\"");
    let pack = load(files);
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0]);
    let person = Person { name: Some("{{ subject.employed }}\r\nBcc: x\u{202e}<b>"), ..Person::default() };
    let body =
        pack.wording.compose(&pack, &Ask { language: "en", person, ..ask(&items) }).expect("a message").body;
    assert!(body.contains("Apply, {{ subject.employed }} Bcc: x<b>."), "one line, plain, unread: {body}");
    assert!(!format!("{person:?} {:?}", pack.wording).contains("Bcc"));
}

#[test]
fn the_form_of_address_goes_by_age_and_sex() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0]);
    let greeting = |sex, birth_date: Option<&str>| {
        let person = Person { name: None, sex, birth_date: birth_date.map(date) };
        let body = pack.wording.compose(&pack, &Ask { person, ..ask(&items) }).expect("a message").body;
        body.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(greeting(Some("M"), Some("2008-02-01")), "Kính gửi ông,", "eighteen today");
    assert_eq!(greeting(Some("M"), Some("2008-02-02")), "Kính gửi em,");
    assert_eq!(greeting(Some("F"), Some("1990-01-01")), "Kính gửi bà,");
    assert_eq!(greeting(Some("X"), Some("1990-01-01")), "Kính gửi quý công dân,");
    assert_eq!(greeting(None, Some("1990-01-01")), "Kính gửi quý công dân,");
    assert_eq!(greeting(Some("F"), None), "Kính gửi quý công dân,");
}

#[test]
fn an_ask_that_makes_no_sense_is_refused() {
    let pack = load(good_files());
    let evidence = evidence(&pack, &usual());
    assert_eq!(pack.wording.compose(&pack, &ask(&[])), Err(WordingError::Items(0)));
    let four = items(&pack, &evidence, &[0, 0, 0, 0]);
    assert_eq!(pack.wording.compose(&pack, &ask(&four)), Err(WordingError::Items(4)));
    let short = items(&pack, &evidence[1..], &[0]);
    assert_eq!(pack.wording.compose(&pack, &ask(&short)), Err(WordingError::Evidence("birth".into())));
    let place = pack.life_events[0]
        .columns
        .iter()
        .position(|(column, _)| *column == ColumnRef { row: RowKind::Event, path: vec!["place".into()] });
    assert!(place.is_some(), "what a sentence asks about is a column");
}

#[test]
fn wording_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Wording>();
    shared::<Pack>();
}

proptest! {
    #[test]
    fn no_value_breaks_a_message(name in "(?s).{0,300}", place in "(?s).{0,300}") {
        let pack = load(good_files());
        let mut known = usual();
        known[1].1 = Value::Text(place.into());
        let evidence = evidence(&pack, &known);
        let items = items(&pack, &evidence, &[0]);
        let person = Person { name: Some(&name), ..Person::default() };
        let nobody = Ask { person: Person::default(), ..ask(&items) };
        let plain = pack.wording.compose(&pack, &nobody).expect("a message");
        let named = pack.wording.compose(&pack, &Ask { person, ..ask(&items) }).expect("a message");
        prop_assert_eq!(plain.body.lines().count(), named.body.lines().count());
        prop_assert!(!named.body.chars().any(|char| char.is_control() && char != '\n'));
        prop_assert!(named.body.chars().count() <= MAX_BODY_CHARS);
    }
}

#[test]
fn a_message_prints_the_cost_and_the_authority_of_its_day() {
    let plain = "cost: {vi: \"Không thu phí.\", en: \"Free of charge.\"}";
    let dated = "cost:
      - text: {vi: \"Lệ phí 25.000 đồng.\", en: \"25,000 dong.\"}
      - {from: \"2026-02-02\", text: {vi: \"Lệ phí 50.000 đồng.\", en: \"50,000 dong.\"}, as_of: \"2026-01-20\"}";
    let mut files = with("services.yaml", plain, dated);
    let text = files.get_mut("services.yaml").expect("a file");
    let plain = "authority: {vi: \"Bảo hiểm xã hội\", en: \"Social security\"}";
    let dated = "authority:
      - text: {vi: \"Sở cũ\", en: \"The old office\"}
      - {from: \"2026-02-02\", text: {vi: \"Sở mới\", en: \"The new office\"}}";
    *text = text.replace(plain, dated);
    let pack = load(files);
    let evidence = evidence(&pack, &usual());
    let items = items(&pack, &evidence, &[0]);
    let body = |today| {
        let ask = Ask { today: date(today), ..ask(&items) };
        pack.wording.compose(&pack, &ask).expect("a message").body
    };
    let (before, after) = (body("2026-02-01"), body("2026-02-02"));
    assert!(before.contains("Chi phí (tại ngày 18/07/2026): Lệ phí 25.000 đồng."), "{before}");
    assert!(before.contains("Sở cũ. ") && !before.contains("Sở mới"), "{before}");
    assert!(after.contains("Chi phí (tại ngày 20/01/2026): Lệ phí 50.000 đồng."), "{after}");
    assert!(after.contains("Sở mới. ") && !after.contains("Sở cũ"), "{after}");
}
