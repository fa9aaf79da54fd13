//! JSON-LD, short enough to be read by programs that know nothing of RDF: names under prefixes, texts by language.
//!
//! The context says of each property what all its values are, so that none has to say it for itself. `oxjsonld` writes
//! JSON-LD too, but in its long form alone; it is the reader that the tests hold this against.

use std::collections::{BTreeMap, BTreeSet};

use oxrdf::vocab::{rdf, xsd};
use oxrdf::{Literal, NamedNodeRef, Term};
use serde_json::{Map, Value as Json, json};

use super::ExportError;
use super::graph::{Graph, Kind, Node};
use super::vocabulary::{Name, PREFIXES};

/// What all values of a property are; `None` when they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    Links,
    Texts,
    Plain,
    Typed(String),
}

pub(super) fn write(graph: &Graph) -> Result<String, ExportError> {
    let prefixes = PREFIXES.into_iter().map(|(name, iri)| (name, iri.to_owned()));
    let own = Kind::ALL.into_iter().map(|kind| (kind.folder(), graph.prefix(kind)));
    let names = Names(prefixes.chain(own).collect());
    let values = values(graph);
    let nodes: Vec<Json> = graph.nodes().map(|node| names.node(node, &values)).collect();
    let document = json!({ "@context": names.context(&values), "@graph": nodes });
    serde_json::to_string_pretty(&document)
        .map(|text| text + "\n")
        .map_err(|error| ExportError::Write(error.to_string()))
}

/// What the values of each property are.
fn values(graph: &Graph) -> BTreeMap<Name, Option<Values>> {
    let mut found: BTreeMap<Name, Option<Values>> = BTreeMap::new();
    for (property, values) in graph.nodes().flat_map(Node::properties) {
        for value in values {
            let kind = Some(kind(value));
            let known = found.entry(property).or_insert_with(|| kind.clone());
            if *known != kind {
                *known = None;
            }
        }
    }
    found
}

fn kind(value: &Term) -> Values {
    match value {
        Term::Literal(literal) if literal.language().is_some() => Values::Texts,
        Term::Literal(literal) if literal.datatype() == xsd::STRING => Values::Plain,
        Term::Literal(literal) => Values::Typed(literal.datatype().as_str().to_owned()),
        _ => Values::Links,
    }
}

/// Prefixes and their IRIs.
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn context(&self, values: &BTreeMap<Name, Option<Values>>) -> Json {
        let mut context: Map<String, Json> =
            self.0.iter().map(|(name, iri)| ((*name).to_owned(), json!(iri))).collect();
        for (property, values) in values.iter().filter(|(property, _)| **property != rdf::TYPE) {
            let name = self.short(*property);
            let term = match values {
                Some(Values::Links) => json!({ "@id": name, "@type": "@id" }),
                Some(Values::Texts) => json!({ "@id": name, "@container": "@language" }),
                Some(Values::Typed(datatype)) => {
                    json!({ "@id": name, "@type": self.short(NamedNodeRef::new_unchecked(datatype)) })
                }
                Some(Values::Plain) | None => continue,
            };
            context.insert(name, term);
        }
        Json::Object(context)
    }

    fn node(&self, node: &Node, values: &BTreeMap<Name, Option<Values>>) -> Json {
        let mut object = Map::new();
        object.insert("@id".to_owned(), json!(self.short(node.subject.as_ref())));
        for (property, terms) in node.properties() {
            if property == rdf::TYPE {
                object.insert("@type".to_owned(), one_or_all(terms.map(|term| self.bare(term)).collect()));
                continue;
            }
            let said = match values.get(&property).and_then(Option::as_ref) {
                Some(Values::Texts) => by_language(terms),
                Some(_) => one_or_all(terms.map(|term| self.bare(term)).collect()),
                None => one_or_all(terms.map(|term| self.whole(term)).collect()),
            };
            object.insert(self.short(property), said);
        }
        Json::Object(object)
    }

    /// An IRI under its prefix, if what is left of it is a plain name.
    fn short(&self, iri: NamedNodeRef<'_>) -> String {
        let plain = |local: &&str| !local.is_empty() && !local.contains(['/', ':', '#', '?']);
        let named = |(name, prefix): &(&'static str, String)| {
            iri.as_str().strip_prefix(prefix.as_str()).filter(plain).map(|local| format!("{name}:{local}"))
        };
        self.0.iter().find_map(named).unwrap_or_else(|| iri.as_str().to_owned())
    }

    /// A value of which the context says what it is.
    fn bare(&self, term: &Term) -> Json {
        match term {
            Term::NamedNode(iri) => json!(self.short(iri.as_ref())),
            Term::Literal(literal) => json!(literal.value()),
            other => json!(other.to_string()),
        }
    }

    /// A value that says itself what it is.
    fn whole(&self, term: &Term) -> Json {
        let Term::Literal(literal) = term else { return json!({ "@id": self.bare(term) }) };
        match (literal.language(), kind(term)) {
            (Some(language), _) => json!({ "@value": literal.value(), "@language": language }),
            (None, Values::Plain) => json!(literal.value()),
            _ => json!({ "@value": literal.value(), "@type": self.short(literal.datatype()) }),
        }
    }
}

/// Texts by their language; several in one language stand in a list.
fn by_language<'a>(terms: impl Iterator<Item = &'a Term>) -> Json {
    let mut texts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for literal in terms.filter_map(as_literal) {
        texts.entry(literal.language().unwrap_or_default()).or_default().insert(literal.value());
    }
    let said = texts.into_iter().map(|(language, texts)| {
        (language.to_owned(), one_or_all(texts.into_iter().map(|text| json!(text)).collect()))
    });
    Json::Object(said.collect())
}

const fn as_literal(term: &Term) -> Option<&Literal> {
    if let Term::Literal(literal) = term { Some(literal) } else { None }
}

/// One value for itself, several in a list.
fn one_or_all(mut values: Vec<Json>) -> Json {
    if values.len() == 1 { values.remove(0) } else { Json::Array(values) }
}
