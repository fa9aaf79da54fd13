//! A graph as a reader found it.

use std::collections::BTreeSet;

use oxjsonld::JsonLdParser;
use oxrdf::{NamedOrBlankNode, Term, Triple};
use oxttl::TurtleParser;

/// Triples as N-Triples writes them: subject and property without brackets, object whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read(pub(super) BTreeSet<(String, String, String)>);

/// The class of a node.
pub(super) const TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";

pub(super) fn of_turtle(text: &str) -> Read {
    let triples = TurtleParser::new().for_slice(text.as_bytes());
    gather(triples.map(|triple| triple.unwrap_or_else(|error| panic!("{error} in\n{text}"))))
}

pub(super) fn of_jsonld(text: &str) -> Read {
    let quads = JsonLdParser::new().for_slice(text.as_bytes());
    gather(quads.map(|quad| Triple::from(quad.unwrap_or_else(|error| panic!("{error} in\n{text}")))))
}

fn gather(triples: impl Iterator<Item = Triple>) -> Read {
    let plain = |triple: Triple| {
        let NamedOrBlankNode::NamedNode(subject) = triple.subject else { panic!("a node without an IRI") };
        assert!(!matches!(triple.object, Term::BlankNode(_)), "a node without an IRI");
        let property = triple.predicate.into_string();
        (subject.into_string(), property, triple.object.to_string())
    };
    Read(triples.map(plain).collect())
}

impl Read {
    /// All values of a property, sorted.
    pub(super) fn all(&self, subject: &str, property: &str) -> Vec<String> {
        let mine = self.0.iter().filter(|(node, name, _)| node == subject && name == property);
        mine.map(|(_, _, value)| value.clone()).collect()
    }

    /// The one value of a property.
    #[track_caller]
    pub(super) fn only(&self, subject: &str, property: &str) -> String {
        let all = self.all(subject, property);
        assert_eq!(all.len(), 1, "{subject} {property}: {all:?}");
        all[0].clone()
    }

    /// The one IRI to which a property leads.
    #[track_caller]
    pub(super) fn link(&self, subject: &str, property: &str) -> String {
        self.only(subject, property).trim_matches(['<', '>']).to_owned()
    }

    /// What the literals of a property say, without their quotes and language, for any text at all.
    pub(super) fn values(&self, subject: &str, property: &str) -> BTreeSet<String> {
        let all = self.all(subject, property);
        all.iter().map(|text| text.parse::<oxrdf::Literal>().expect("a literal").value().to_owned()).collect()
    }

    pub(super) fn of_class(&self, class: &str) -> BTreeSet<&str> {
        let class = format!("<{class}>");
        let of = self.0.iter().filter(|(_, name, value)| name == TYPE && *value == class);
        of.map(|(subject, _, _)| subject.as_str()).collect()
    }

    pub(super) fn is_a(&self, subject: &str, class: &str) -> bool {
        self.all(subject, TYPE).contains(&format!("<{class}>"))
    }

    pub(super) fn subjects(&self) -> BTreeSet<String> {
        self.0.iter().map(|(subject, _, _)| subject.clone()).collect()
    }

    pub(super) fn subject_is_there(&self, subject: &str) -> bool {
        self.0.iter().any(|(node, _, _)| node == subject)
    }
}
