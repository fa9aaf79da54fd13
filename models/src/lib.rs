//! Language models behind the [`LanguageModel`] seam.
//!
//! [`PackOrder`] is what stands in where there is no model: suggestions keep the order in which the pack names
//! them, and every text is the approved template. With it, every notification still goes out.

use tidings_domain::model::{LanguageModel, RankAnswer, RankAsk, WordAnswer, WordAsk};

/// No model: pack order and templates.
#[derive(Clone, Copy, Debug, Default)]
pub struct PackOrder;

/// The reason that decisions record when there is no model.
pub const NO_MODEL: &str = "no-model";

impl LanguageModel for PackOrder {
    fn digest(&self) -> &str {
        "pack-order"
    }

    fn rank(&self, asks: &[RankAsk]) -> Vec<RankAnswer> {
        asks.iter().map(|_| RankAnswer::PackOrder(NO_MODEL.to_owned())).collect()
    }

    fn word(&self, asks: &[WordAsk]) -> Vec<WordAnswer> {
        asks.iter().map(|_| WordAnswer::Template(NO_MODEL.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_domain::model::Signature;

    #[test]
    fn every_ask_is_answered_with_its_reason() {
        let ask = RankAsk { signature: Signature::default(), services: vec![("a".into(), "A".into())] };
        assert_eq!(PackOrder.rank(&[ask]), [RankAnswer::PackOrder(NO_MODEL.into())]);
        let ask = WordAsk { signature: Signature::default(), language: "vi".into(), life_events: Vec::new() };
        assert_eq!(PackOrder.word(&[ask.clone(), ask]).len(), 2);
    }
}
