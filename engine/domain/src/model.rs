//! The seam of the language model. It may order suggestions and word the human part of a message; it never sees
//! an identifier, a name, a date or a figure, and nothing that it answers can make or unmake an opportunity.

use std::collections::BTreeMap;

/// The facts that a model may see: closed enums, booleans and buckets, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub BTreeMap<String, String>);

/// Suggestions to be ordered for one citizen.
#[derive(Clone, Debug)]
pub struct RankAsk {
    /// Whom for, as far as the model may know.
    pub signature: Signature,
    /// Service ids with their descriptions, in pack order.
    pub services: Vec<(String, String)>,
}

/// A model's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RankAnswer {
    /// One score for each service asked, in thousandths; higher fits better, ties keep pack order.
    Scores(Vec<i32>),
    /// No opinion: pack order stands. The reason is counted and recorded.
    PackOrder(String),
}

/// The human part of one message.
#[derive(Clone, Debug)]
pub struct WordAsk {
    /// Whom for, as far as the model may know.
    pub signature: Signature,
    /// Language code.
    pub language: String,
    /// Names of the life events told.
    pub life_events: Vec<String>,
}

/// Greeting, reason and transition in a model's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Greeting.
    pub greeting: String,
    /// Why the person receives this.
    pub reason: String,
    /// Between two services.
    pub transition: String,
}

/// A model's wording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordAnswer {
    /// Words, still to pass the guard.
    Words(Words),
    /// None: the approved template is used. The reason is counted and recorded.
    Template(String),
}

/// A model, or its absence.
pub trait LanguageModel: Send + Sync {
    /// What makes two models the same; stands in every decision.
    fn digest(&self) -> &str;

    /// Orders suggestions; one answer for each ask.
    fn rank(&self, asks: &[RankAsk]) -> Vec<RankAnswer>;

    /// Words messages; one answer for each ask.
    fn word(&self, asks: &[WordAsk]) -> Vec<WordAnswer>;
}
