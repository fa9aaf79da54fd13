//! What CPSV-AP 3.2.0 demands of the classes that the export uses, from the tables of the specification
//! (<https://semiceu.github.io/CPSV-AP/releases/3.2.0/>): our own statement, as in `tests/oracles/cpsv/shapes.ttl`, which
//! pySHACL checks. The specification's editors publish shapes of their own, in no package that a test could install.

use super::graph::{Read, TYPE};
use super::{CPSV, CV, DCT, ELI, SKOS};

const DCAT: &str = "http://www.w3.org/ns/dcat#";
const FOAF: &str = "http://xmlns.com/foaf/0.1/";
const MANY: usize = usize::MAX;

/// What a value must be.
#[derive(Clone, Copy)]
enum Range {
    /// Text with a language, one in each at most.
    Text,
    /// Any literal.
    Literal,
    /// A node of this class, described in the same graph.
    Node(&'static str, &'static str),
}

/// Class, property, least and most, range.
type Demand = ((&'static str, &'static str), (&'static str, &'static str), (usize, usize), Range);

const ONCE: (usize, usize) = (1, 1);
const SOME: (usize, usize) = (1, MANY);
const ANY: (usize, usize) = (0, MANY);

const DEMANDS: &[Demand] = &[
    ((CPSV, "PublicService"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CPSV, "PublicService"), (DCT, "title"), SOME, Range::Text),
    ((CPSV, "PublicService"), (DCT, "description"), SOME, Range::Text),
    ((CPSV, "PublicService"), (CV, "hasCompetentAuthority"), SOME, Range::Node(CV, "PublicOrganisation")),
    ((CPSV, "PublicService"), (CV, "hasChannel"), ANY, Range::Node(CV, "Channel")),
    ((CPSV, "PublicService"), (CV, "hasCost"), ANY, Range::Node(CV, "Cost")),
    ((CPSV, "PublicService"), (CV, "hasLegalResource"), ANY, Range::Node(ELI, "LegalResource")),
    ((CPSV, "PublicService"), (CV, "isGroupedBy"), ANY, Range::Node(CV, "Event")),
    ((CPSV, "PublicService"), (CV, "relatedService"), ANY, Range::Node(CPSV, "PublicService")),
    ((CPSV, "PublicService"), (CPSV, "follows"), ANY, Range::Node(CPSV, "Rule")),
    ((CPSV, "PublicService"), (CPSV, "hasInput"), ANY, Range::Node(CV, "Evidence")),
    ((CPSV, "PublicService"), (CV, "thematicArea"), ANY, Range::Node(SKOS, "Concept")),
    ((CPSV, "PublicService"), (CV, "isClassifiedBy"), ANY, Range::Node(SKOS, "Concept")),
    ((CPSV, "PublicService"), (DCT, "language"), ANY, Range::Node(DCT, "LinguisticSystem")),
    ((CPSV, "PublicService"), (DCT, "spatial"), ANY, Range::Node(DCT, "Location")),
    ((CPSV, "PublicService"), (DCT, "isPartOf"), ANY, Range::Node(DCAT, "Dataset")),
    ((CV, "PublicOrganisation"), (SKOS, "prefLabel"), SOME, Range::Text),
    ((CV, "PublicOrganisation"), (DCT, "spatial"), SOME, Range::Node(DCT, "Location")),
    // An organisation is an agent.
    ((CV, "PublicOrganisation"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "PublicOrganisation"), (DCT, "title"), SOME, Range::Text),
    ((FOAF, "Agent"), (DCT, "identifier"), ONCE, Range::Literal),
    ((FOAF, "Agent"), (DCT, "title"), SOME, Range::Text),
    ((CPSV, "Rule"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CPSV, "Rule"), (DCT, "title"), SOME, Range::Text),
    ((CPSV, "Rule"), (DCT, "description"), SOME, Range::Text),
    ((CPSV, "Rule"), (CPSV, "implements"), ANY, Range::Node(ELI, "LegalResource")),
    ((CPSV, "Rule"), (DCT, "type"), (0, 1), Range::Node(SKOS, "Concept")),
    ((CV, "Event"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "Event"), (DCT, "title"), SOME, Range::Text),
    ((CV, "LifeEvent"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "Channel"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "Channel"), (DCT, "description"), ANY, Range::Text),
    ((CV, "Cost"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "Cost"), (DCT, "description"), ANY, Range::Text),
    ((CV, "Evidence"), (DCT, "identifier"), ONCE, Range::Literal),
    ((CV, "Evidence"), (DCT, "title"), SOME, Range::Text),
    ((ELI, "LegalResource"), (ELI, "is_part_of"), ANY, Range::Node(ELI, "LegalResource")),
    ((DCAT, "Dataset"), (DCT, "title"), SOME, Range::Text),
    ((DCAT, "Dataset"), (DCT, "description"), SOME, Range::Text),
    ((DCAT, "Dataset"), (DCT, "publisher"), ONCE, Range::Node(FOAF, "Agent")),
];

/// Every place where the graph is not as demanded.
pub(super) fn faults(read: &Read) -> Vec<String> {
    let mut faults = Vec::new();
    for ((space, class), (property_space, property), (least, most), range) in DEMANDS {
        let property = format!("{property_space}{property}");
        for subject in read.of_class(&format!("{space}{class}")) {
            let values = read.all(subject, &property);
            if !(*least..=*most).contains(&values.len()) {
                faults.push(format!("{subject} has {} of {property}", values.len()));
            }
            if matches!(range, Range::Text) && !one_a_language(&values) {
                faults.push(format!("{subject} says {property} twice in one language"));
            }
            let wrong = values.iter().filter(|value| !fits(read, value, *range));
            faults.extend(wrong.map(|value| format!("{subject} {property} is {value}")));
        }
    }
    faults
}

fn fits(read: &Read, value: &str, range: Range) -> bool {
    match range {
        Range::Literal => value.starts_with('"') && !value.starts_with("\"\""),
        Range::Text => !value.starts_with("\"\"") && language(value).is_some(),
        Range::Node(space, class) => read.is_a(value.trim_matches(['<', '>']), &format!("{space}{class}")),
    }
}

/// The language of a literal.
fn language(value: &str) -> Option<&str> {
    let (_, behind) = value.rsplit_once('"')?;
    behind.strip_prefix('@')
}

fn one_a_language(values: &[String]) -> bool {
    let mut languages: Vec<_> = values.iter().map(|value| language(value)).collect();
    languages.sort_unstable();
    languages.windows(2).all(|pair| pair[0] != pair[1])
}

/// The graph, broken in one place each time: a property that must be there is gone, one that may stand once stands
/// twice, a text has lost its language, a node its class.
pub(super) fn broken(whole: &Read) -> Vec<(String, Read)> {
    let mut broken = Vec::new();
    for ((space, class), (property_space, property), (least, most), range) in DEMANDS {
        let property = format!("{property_space}{property}");
        let Some(subject) = whole.of_class(&format!("{space}{class}")).first().map(|it| (*it).to_owned())
        else {
            continue;
        };
        let mut change = |what: &str, change: &dyn Fn(&mut Read)| {
            let mut read = whole.clone();
            change(&mut read);
            broken.push((format!("{subject} {property} {what}"), read));
        };
        if *least > 0 {
            change("is gone", &|read| read.0.retain(|(node, name, _)| (node, name) != (&subject, &property)));
        }
        let Some(value) = whole.all(&subject, &property).first().cloned() else { continue };
        let triple = |value: String| (subject.clone(), property.clone(), value);
        if *most == 1 {
            let other = if value.starts_with('<') { "<https://other.example/>" } else { "\"other\"" };
            change("stands twice", &|read| {
                read.0.insert(triple(other.to_owned()));
            });
        }
        match range {
            Range::Text => change("has no language", &|read| {
                read.0.insert(triple("\"no language\"".to_owned()));
            }),
            Range::Literal => change("is a node", &|read| {
                read.0.remove(&triple(value.clone()));
                read.0.insert(triple(format!("<{subject}>")));
            }),
            Range::Node(..) => change("leads to a node without a class", &|read| {
                let target = value.trim_matches(['<', '>']);
                read.0.retain(|(node, name, _)| node != target || name != TYPE);
            }),
        }
    }
    broken
}
