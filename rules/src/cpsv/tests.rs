//! The export read back by parsers that had no part in writing it, and held against the tables of CPSV-AP 3.2.0.

mod demands;
mod graph;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use self::demands::faults;
use self::graph::{Read, of_jsonld, of_turtle};
use super::{ExportError, Format, Request, export, names};
use crate::Pack;
use crate::pack::format::Texts;
use crate::pack::model::Dated;
use crate::pack::tests::{good_files, load, with};

const CV: &str = "http://data.europa.eu/m8g/";
const CPSV: &str = "http://purl.org/vocab/cpsv#";
const DCT: &str = "http://purl.org/dc/terms/";
const ELI: &str = "http://data.europa.eu/eli/ontology#";
const SKOS: &str = "http://www.w3.org/2004/02/skos/core#";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const BASE: &str = "https://pack.example/";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn written(pack: &Pack, on: &str, format: Format) -> String {
    export(pack, Request { on: day(on), base: None, format }).expect("an export")
}

/// Both formats, read back; they must be one graph.
#[track_caller]
fn read(pack: &Pack, on: &str) -> Read {
    let turtle = of_turtle(&written(pack, on, Format::Turtle));
    let jsonld = of_jsonld(&written(pack, on, Format::JsonLd));
    assert_eq!(turtle, jsonld, "the two formats");
    turtle
}

fn small() -> Pack {
    load(good_files())
}

fn viet_nam() -> Pack {
    load(crate::packs::viet_nam())
}

fn service(id: &str) -> String {
    format!("{BASE}service/{id}")
}

fn texts(vi: &str, en: &str) -> Texts {
    [("vi".to_owned(), vi.to_owned()), ("en".to_owned(), en.to_owned())].into()
}

#[test]
fn every_node_has_what_the_profile_demands() {
    for (pack, days) in [
        (small(), ["1990-01-01", "2026-01-31", "2031-01-01"]),
        (viet_nam(), ["2026-11-24", "2027-02-28", "2027-03-01"]),
    ] {
        for on in days {
            let found = faults(&read(&pack, on));
            assert!(found.is_empty(), "{} on {on}:\n{}", pack.name, found.join("\n"));
        }
    }
}

#[test]
fn the_demands_miss_nothing_that_is_taken_away_or_doubled() {
    let whole = read(&small(), "2026-01-31");
    let broken = demands::broken(&whole);
    assert!(broken.len() > 60, "only {} ways to break it", broken.len());
    for (what, read) in broken {
        assert!(!faults(&read).is_empty(), "nobody saw that {what}");
    }
}

#[test]
fn a_service_tells_all_that_the_pack_says_of_it() {
    let found = read(&small(), "2026-01-31");
    let insurance = service("insurance");
    let one = |subject: &str, property: String| found.only(subject, &property);
    assert_eq!(one(&insurance, format!("{DCT}identifier")), "\"insurance\"");
    assert_eq!(
        found.all(&insurance, &format!("{DCT}title")),
        ["\"Health insurance card\"@en", "\"Thẻ bảo hiểm y tế\"@vi"]
    );
    assert_eq!(
        found.all(&insurance, &format!("{DCT}description")),
        [
            "\"Health insurance card. Where: Social security. On the portal. Cost: Free of charge. Bring: The birth certificate.\"@en",
            "\"Thẻ bảo hiểm y tế. Nơi làm: Bảo hiểm xã hội. Trên cổng. Chi phí (tại ngày 18/07/2026): Không thu phí. Mang theo: Giấy chứng sinh.\"@vi",
        ]
    );
    let authority = found.link(&insurance, &format!("{CV}hasCompetentAuthority"));
    assert_eq!(
        found.all(&authority, &format!("{SKOS}prefLabel")),
        ["\"Bảo hiểm xã hội\"@vi", "\"Social security\"@en"]
    );
    let cost = found.link(&insurance, &format!("{CV}hasCost"));
    assert_eq!(one(&cost, format!("{DCT}date")), "\"2026-07-18\"^^<http://www.w3.org/2001/XMLSchema#date>");
    let evidence = found.link(&insurance, &format!("{CPSV}hasInput"));
    assert_eq!(
        found.all(&evidence, &format!("{DCT}title")),
        ["\"Giấy chứng sinh.\"@vi", "\"The birth certificate.\"@en"]
    );
    assert_eq!(found.link(&insurance, &format!("{CV}isGroupedBy")), format!("{BASE}life-event/birth"));
    assert_eq!(
        found.link(&insurance, &format!("{CV}relatedService")),
        service("residence"),
        "what it covers"
    );
    assert!(found.all(&service("residence"), &format!("{CPSV}hasInput")).is_empty(), "nothing to bring");
    let unchecked = format!("{SKOS}editorialNote");
    assert_eq!(
        found.all(&service("residence"), &unchecked),
        ["\"Not yet checked against the text in force.\"@en"]
    );
    assert!(found.all(&insurance, &unchecked).is_empty(), "nobody asked for a check");
}

#[test]
fn a_rule_tells_its_advice_its_condition_and_its_law() {
    let found = read(&small(), "2026-01-31");
    // Under its oldest key, so that a rename changes no IRI.
    let rule = found.link(&service("insurance"), &format!("{CPSV}follows"));
    assert_eq!(rule, format!("{BASE}rule/insurance-old"));
    assert_eq!(found.only(&rule, &format!("{DCT}identifier")), "\"birth-insurance\"");
    assert_eq!(
        found.all(&rule, &format!("{DCT}title")),
        ["\"Birth of a child: Health insurance card\"@en", "\"Sinh con: Thẻ bảo hiểm y tế\"@vi"]
    );
    assert_eq!(
        found.all(&rule, &format!("{DCT}description")),
        ["\"Apply for the card.\"@en", "\"Xin cấp thẻ cho con. Quá hạn, xem Luật thử, Điều 5.\"@vi"],
        "a fact that only decides is nobody's, and the law is known"
    );
    let value = found.only(&rule, &format!("{RDF}value"));
    assert_eq!(value, "\"event.place IS NOT NULL\\nAND subject.employed\"", "the condition as it is written");
    assert_eq!(found.link(&rule, &format!("{DCT}type")), format!("{BASE}rule-class/entitlement"));
    let article = found.link(&rule, &format!("{CPSV}implements"));
    assert_eq!(found.only(&article, &format!("{DCT}title")), "\"Luật thử, Điều 5\"@vi");
    let law = found.link(&article, &format!("{ELI}is_part_of"));
    assert_eq!(found.only(&law, &format!("{DCT}title")), "\"Luật thử\"@vi");
    assert_eq!(found.link(&service("insurance"), &format!("{CV}hasLegalResource")), law);
    let residence = found.link(&service("residence"), &format!("{CPSV}follows"));
    let period = format!("\"start=2025-01-01; end=2030-12-31; scheme=W3C-DTF;\"^^<{DCT}Period>");
    assert_eq!(found.only(&residence, &format!("{DCT}valid")), period);
    assert_eq!(
        found.all(&residence, &format!("{DCT}description")),
        ["\"Birth of a child: Residence registration\"@en", "\"Sinh con: Đăng ký cư trú\"@vi"],
        "a sentence that prints a fact of somebody is not told to everybody"
    );
}

#[test]
fn the_day_decides_which_rules_are_told_and_no_service_is_lost_by_it() {
    let pack = viet_nam();
    let follows = format!("{CPSV}follows");
    let khai_sinh = "https://tidings.example/catalogue/vn/service/khai-sinh";
    let rule = "<https://tidings.example/catalogue/vn/rule/birth-registration>".to_owned();
    let (last, after) = (read(&pack, "2027-02-28"), read(&pack, "2027-03-01"));
    assert!(last.all(khai_sinh, &follows).contains(&rule), "the last day of the law");
    assert!(!after.all(khai_sinh, &follows).contains(&rule), "the day after");
    assert!(after.subject_is_there(khai_sinh));
    let told = |read: &Read| read.of_class(&format!("{CPSV}PublicService")).len();
    let usable = |on| pack.services.values().filter(|service| service.is_valid(day(on))).count();
    assert_eq!((told(&last), told(&after)), (usable("2027-02-28"), usable("2027-03-01")));
    let early = read(&pack, "2023-12-31");
    let linked = "https://tidings.example/catalogue/vn/service/lien-thong-khai-sinh";
    assert!(!early.subject_is_there(linked) && last.subject_is_there(linked), "nobody could use it then");
    let life_events = |on| read(&pack, on).of_class(&format!("{CV}LifeEvent")).len();
    assert_eq!(
        life_events("1990-01-01"),
        0,
        "before the first law, nothing happens that a service belongs to"
    );
    assert!(life_events("2026-11-24") > 5);
}

#[test]
fn a_cost_an_authority_and_a_place_on_a_list_are_those_of_the_day() {
    let pack = load(dated());
    let residence = service("residence");
    for (on, cost, known, authority, lists) in [
        ("2026-12-31", "Cheap.", "2026-07-18", "Office", 1),
        ("2027-01-01", "Dear.", "2026-12-24", "Ministry", 0),
    ] {
        let found = read(&pack, on);
        assert!(faults(&found).is_empty(), "{:?}", faults(&found));
        let costs = found.link(&residence, &format!("{CV}hasCost"));
        assert!(found.values(&costs, &format!("{DCT}description")).contains(cost), "{on}");
        assert!(found.values(&costs, &format!("{DCT}date")).contains(known), "{on}");
        let provider = found.link(&residence, &format!("{CV}hasCompetentAuthority"));
        assert!(found.values(&provider, &format!("{SKOS}prefLabel")).contains(authority), "{on}");
        assert_eq!(found.all(&residence, &format!("{CV}isClassifiedBy")).len(), lists, "{on}");
        let theme = found.link(&residence, &format!("{CV}thematicArea"));
        assert_eq!(found.only(&theme, &format!("{SKOS}notation")), "\"HOME\"");
    }
}

/// The small pack with a service of which much changes at a new year.
fn dated() -> BTreeMap<String, String> {
    let mut files = good_files();
    let services = files.get_mut("services.yaml").expect("the services");
    let authority = "authority: {vi: \"Công an cấp xã\", en: \"Commune police\"}";
    let cost = "cost: {vi: \"Lệ phí 10.000 đồng.\", en: \"10,000 dong.\"}";
    assert!(services.contains(authority) && services.contains(cost));
    *services = services.replace(authority, DATED_AUTHORITY).replace(cost, DATED_COST) + THEMES;
    files.insert("lists.yaml".to_owned(), LISTS.to_owned());
    files
}

const DATED_AUTHORITY: &str = "theme: home
    authority:
      - {text: {vi: \"Sở\", en: \"Office\"}}
      - {from: \"2027-01-01\", text: {vi: \"Bộ\", en: \"Ministry\"}}";

const DATED_COST: &str = "cost:
      - {text: {vi: \"Rẻ.\", en: \"Cheap.\"}}
      - {from: \"2027-01-01\", as_of: \"2026-12-24\", text: {vi: \"Đắt.\", en: \"Dear.\"}}";

const THEMES: &str = "themes:
  home: {title: {vi: \"Nhà ở\", en: \"Home\"}, code: HOME}
";

const LISTS: &str = "lists:
  essential:
    title: {vi: \"Thiết yếu\", en: \"Essential\"}
    basis: \"Luật thử\"
    source: \"https://example.vn\"
    certainty: found
    members:
      - number: 1
        title: {vi: \"Cư trú\", en: \"Residence\"}
        services: [residence]
        from: \"2025-10-01\"
        to: \"2026-12-31\"
";

#[test]
fn where_no_article_was_found_a_rule_rests_on_the_law() {
    let mut files = with("life_events/birth.yaml", "article: \"Điều 6\"", "article: \"Toàn văn luật\"");
    files.get_mut("pack.yaml").expect("a file").push_str("article_gaps: [toàn văn]\n");
    let found = read(&load(files), "2026-01-31");
    let law = found.link(&format!("{BASE}rule/birth-residence"), &format!("{CPSV}implements"));
    assert_eq!(found.only(&law, &format!("{DCT}title")), "\"Luật thử\"@vi");
    assert!(found.all(&law, &format!("{ELI}is_part_of")).is_empty());
}

#[test]
fn a_source_is_a_link_where_it_is_a_page() {
    let pack = load(with("services.yaml", "https://example.vn", "https://example.vn/a ; Công báo số 1"));
    let found = read(&pack, "2026-01-31");
    let sources = found.all(&service("insurance"), &format!("{DCT}source"));
    assert_eq!(sources, ["\"Công báo số 1\"", "<https://example.vn/a>"]);
}

#[test]
fn the_same_is_written_to_the_byte_and_a_name_stays_what_it_was() {
    for format in [Format::Turtle, Format::JsonLd] {
        assert_eq!(
            written(&small(), "2026-01-31", format),
            written(&small(), "2026-01-31", format),
            "two packs from the same files"
        );
    }
    let subjects = |pack: &Pack| read(pack, "2026-01-31").subjects();
    let before = subjects(&small());
    let mut renamed = with("life_events/birth.yaml", "birth-residence", "residence-of-a-child");
    let text = renamed.get_mut("life_events/birth.yaml").expect("the birth");
    *text = text.replace(
        "  - key: birth-residence\n",
        "  - key: residence-of-a-child\n    formerly: [birth-residence]\n",
    );
    assert_eq!(subjects(&load(renamed)), before, "a rule with a new key");
    let dearer = with("services.yaml", "10.000 đồng", "20.000 đồng");
    assert_eq!(subjects(&load(dearer)), before, "a cost that rises");
}

#[test]
fn a_base_comes_from_the_request_or_the_pack_or_is_asked_for() {
    let silent = load(with("pack.yaml", &publication(), ""));
    let on = day("2026-01-31");
    let ask = |base| export(&silent, Request { on, base, format: Format::Turtle });
    assert!(matches!(ask(None), Err(ExportError::NoBase)));
    for bad in
        ["", "tidings", "https://", "https:///x/", "ftp://x.example/", "https://x.example", "https://x y/"]
    {
        assert!(matches!(ask(Some(bad)), Err(ExportError::BadBase(base)) if base == bad), "{bad}");
    }
    assert!(matches!(ask(Some("https://x.example/%zz/")), Err(ExportError::BadIri { .. })));
    for base in ["https://x.example/a/", "http://x.example/a#"] {
        let read = of_turtle(&ask(Some(base)).expect("an export"));
        assert!(faults(&read).is_empty(), "{:?}", faults(&read));
        assert!(read.subjects().iter().all(|subject| subject.contains(base)), "{:?}", read.subjects());
    }
    let other = Request { on, base: Some("https://other.example/"), format: Format::Turtle };
    let own: BTreeSet<_> = of_turtle(&export(&small(), other).expect("an export")).subjects();
    assert!(own.iter().all(|subject| !subject.contains(BASE)), "the request goes before the pack");
}

fn publication() -> String {
    let text = good_files()["pack.yaml"].clone();
    text[text.find("catalogue:").expect("a publication")..].to_owned()
}

#[test]
fn a_language_that_is_no_tag_is_named() {
    let mut pack = small();
    let service = pack.services.get_mut("insurance").expect("a service");
    service.title.insert("a language".to_owned(), "x".to_owned());
    let request = Request { on: day("2026-01-31"), base: None, format: Format::JsonLd };
    assert!(matches!(export(&pack, request), Err(ExportError::BadLanguage(tag)) if tag == "a language"));
}

#[test]
fn names_read_well_and_differ_where_their_texts_do() {
    let named = names::of("Ủy ban nhân dân cấp xã");
    assert!(named.starts_with("uy-ban-nhan-dan-cap-xa-"), "{named}");
    assert_eq!(names::of("  Ủy ban nhân dân cấp xã "), named, "space around it");
    assert_eq!(
        names::of(&"Ủy ban nhân dân cấp xã".nfd().collect::<String>()),
        named,
        "another form of Unicode"
    );
    assert_ne!(names::of("Ủy bán nhân dân cấp xã"), named);
    assert!(names::of("Nghị định 63/2024/NĐ-CP").starts_with("nghi-dinh-63-2024-nd-cp-"));
    for text in ["", "機関", "!?", &"đ".repeat(500)] {
        let name = names::of(text);
        assert!(name.len() <= 69 && !name.starts_with('-'), "{name}");
        assert!(name.chars().all(|char| matches!(char, 'a'..='z' | '0'..='9' | '-')), "{name}");
    }
}

/// Texts that a careless writer of Turtle or JSON would trip over.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "\"",
        "\"\"\"",
        "'",
        "\\",
        "\\u0041",
        "\n",
        "\r\n",
        "\t",
        "\u{8}",
        "\u{c}",
        "\u{7f}",
        "\u{1}",
        "<",
        ">",
        "<>",
        " .\n",
        "@prefix x: <y> .\n",
        "@vi",
        "^^",
        "{",
        "}",
        "#",
        "%41",
        "Đăng ký",
        "Uỷ",
        "o\u{302}\u{301}",
        "e\u{301}",
        "\u{202e}",
        "\u{feff}",
        "😀",
        "_:b0",
        "a:b",
        "//x",
        "https://x.example/",
        "\u{2028}",
    ];
    let piece =
        prop_oneof![proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), any::<String>()];
    proptest::collection::vec(piece, 1..6)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("said", |text| !text.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn hostile_texts_come_back_as_they_were(one in hostile(), other in hostile()) {
        let mut pack = small();
        let service = pack.services.get_mut("insurance").expect("a service");
        service.title = texts(&one, &other);
        service.bring = texts(&other, &one);
        service.authorities = Dated::always(texts(&other, &other));
        service.source = one.clone();
        service.procedure_code = Some(one.clone());
        pack.life_events[0].rules[0].basis[0].law = one.clone();
        let found = read(&pack, "2026-01-31");
        let clean = |text: &str| text.trim().nfc().collect::<String>();
        let titles = found.values(&self::service("insurance"), &format!("{DCT}title"));
        prop_assert_eq!(titles, BTreeSet::from([clean(&one), clean(&other)]));
        let evidence = found.link(&self::service("insurance"), &format!("{CPSV}hasInput"));
        let titles = found.values(&evidence, &format!("{DCT}title"));
        prop_assert_eq!(titles, BTreeSet::from([clean(&one), clean(&other)]));
        let faults = faults(&found);
        prop_assert!(faults.is_empty(), "{:?}", faults);
    }
}
