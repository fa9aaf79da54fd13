//! The graph in the making: nodes that have an IRI each, in an order that follows from their names alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use oxrdf::vocab::{rdf, xsd};
use oxrdf::{Literal, NamedNode, Term, Triple};
use unicode_normalization::UnicodeNormalization as _;

use super::ExportError;
use super::vocabulary::Name;
use crate::pack::format::Texts;

/// What a node describes: the folder of its IRI, and its place in the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Catalogue,
    Service,
    Procedure,
    Channel,
    Cost,
    Evidence,
    Theme,
    List,
    LifeEvent,
    Rule,
    RuleClass,
    Law,
    Organisation,
    Area,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Catalogue,
        Self::Service,
        Self::Procedure,
        Self::Channel,
        Self::Cost,
        Self::Evidence,
        Self::Theme,
        Self::List,
        Self::LifeEvent,
        Self::Rule,
        Self::RuleClass,
        Self::Law,
        Self::Organisation,
        Self::Area,
    ];

    /// Between the base and the name of an IRI, and the prefix of such IRIs.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Service => "service",
            Self::Procedure => "procedure",
            Self::Channel => "channel",
            Self::Cost => "cost",
            Self::Evidence => "evidence",
            Self::Theme => "theme",
            Self::List => "list",
            Self::LifeEvent => "life-event",
            Self::Rule => "rule",
            Self::RuleClass => "rule-class",
            Self::Law => "law",
            Self::Organisation => "organisation",
            Self::Area => "area",
        }
    }

    /// Where its nodes stand: what belongs to a service stands behind it.
    const fn section(self) -> Self {
        match self {
            Self::Procedure | Self::Channel | Self::Cost | Self::Evidence => Self::Service,
            other => other,
        }
    }
}

/// Section, name within it, part.
type Place = (Kind, String, Kind);

/// All nodes.
#[derive(Debug)]
pub(super) struct Graph {
    base: String,
    nodes: BTreeMap<Place, Node>,
}

impl Graph {
    /// An empty graph whose own IRIs begin with `base`.
    pub(super) const fn new(base: String) -> Self {
        Self { base, nodes: BTreeMap::new() }
    }

    /// What IRIs of a kind begin with.
    pub(super) fn prefix(&self, kind: Kind) -> String {
        format!("{}{}/", self.base, kind.folder())
    }

    /// The IRI of a node.
    pub(super) fn iri(&self, kind: Kind, name: &str) -> Result<NamedNode, ExportError> {
        iri(&format!("{}{name}", self.prefix(kind)))
    }

    /// The node of this kind and name, for more to be said about it.
    pub(super) fn node(&mut self, kind: Kind, name: &str, class: Name) -> Result<&mut Node, ExportError> {
        let subject = self.iri(kind, name)?;
        Ok(self.at((kind.section(), name.to_owned(), kind), subject, class))
    }

    /// A node of somebody else's, with its class: checkers look for that in the same graph.
    pub(super) fn foreign(&mut self, text: &str, class: Name) -> Result<NamedNode, ExportError> {
        let subject = iri(text)?;
        self.at((Kind::Area, text.to_owned(), Kind::Area), subject.clone(), class);
        Ok(subject)
    }

    fn at(&mut self, place: Place, subject: NamedNode, class: Name) -> &mut Node {
        let node = self.nodes.entry(place).or_insert_with(|| Node { subject, properties: Vec::new() });
        node.add(rdf::TYPE, class.into_owned());
        node
    }

    /// The nodes in their order.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }
}

/// An absolute IRI.
pub(super) fn iri(text: &str) -> Result<NamedNode, ExportError> {
    NamedNode::new(text).map_err(|error| ExportError::BadIri { iri: text.to_owned(), why: error.to_string() })
}

/// The values of a property, by language and then by what they say.
type Said = BTreeMap<(String, String), Term>;

/// One subject and what is said of it: properties in the order in which they were first said, values sorted by language
/// and then by what they say.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) subject: NamedNode,
    properties: Vec<(Name, Said)>,
}

impl Node {
    /// One more value; the same again changes nothing.
    pub(super) fn add(&mut self, property: Name, value: impl Into<Term>) -> &mut Self {
        let value = value.into();
        let place = self.properties.iter().position(|(known, _)| *known == property);
        let place = place.unwrap_or_else(|| {
            self.properties.push((property, BTreeMap::new()));
            self.properties.len() - 1
        });
        let language = match &value {
            Term::Literal(literal) => literal.language().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        self.properties[place].1.insert((language, value.to_string()), value);
        self
    }

    /// A text in each language. An empty one is left out.
    pub(super) fn texts(&mut self, property: Name, texts: &Texts) -> Result<&mut Self, ExportError> {
        for (language, text) in texts {
            self.text(property, language, text)?;
        }
        Ok(self)
    }

    /// A text in one language, in NFC.
    pub(super) fn text(
        &mut self,
        property: Name,
        language: &str,
        text: &str,
    ) -> Result<&mut Self, ExportError> {
        let text: String = text.trim().nfc().collect();
        if !text.is_empty() {
            let literal = Literal::new_language_tagged_literal(text, language)
                .map_err(|_| ExportError::BadLanguage(language.to_owned()))?;
            self.add(property, literal);
        }
        Ok(self)
    }

    /// A plain word, without a language.
    pub(super) fn word(&mut self, property: Name, word: &str) -> &mut Self {
        self.add(property, Literal::new_simple_literal(word.nfc().collect::<String>()))
    }

    /// A day.
    pub(super) fn day(&mut self, property: Name, day: NaiveDate) -> &mut Self {
        self.add(property, Literal::new_typed_literal(day.to_string(), xsd::DATE))
    }

    /// Links to other nodes.
    pub(super) fn links(&mut self, property: Name, others: impl IntoIterator<Item = NamedNode>) -> &mut Self {
        for other in others {
            self.add(property, other);
        }
        self
    }

    /// Its properties with their values.
    pub(super) fn properties(&self) -> impl Iterator<Item = (Name, impl Iterator<Item = &Term>)> {
        self.properties.iter().map(|(property, values)| (*property, values.values()))
    }

    /// The same as triples.
    pub(super) fn triples(&self) -> impl Iterator<Item = Triple> {
        self.properties().flat_map(move |(property, values)| {
            values.map(move |value| Triple::new(self.subject.clone(), property, value.clone()))
        })
    }
}
