//! Conditions that decide nothing, wholly or in part.

use super::finding::{Finding, FindingCode as Code};
use super::places::Spot;
use super::worlds::Under;
use super::{About, Found};
use crate::expr::prove::{Claim, Piece, Truths, World, figures, impossible};
use crate::pack::model::Rule;

/// The longest part of a condition that a message quotes, in characters.
const MAX_QUOTE: usize = 80;

pub(super) fn check(rule: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    let spot = about.rule(rule).then("when");
    let each: Vec<Vec<Finding>> =
        Under::each(rule).map(|under| under_law(under, &spot, about, found)).collect();
    settle(rule, &each, found);
    if found.wants(Code::Figure) {
        typed_figures(rule, &spot, found);
    }
}

/// What is found under the law of some days.
fn under_law(under: Under<'_>, spot: &Spot<'_>, about: &About<'_>, found: &Found<'_>) -> Vec<Finding> {
    let rule = under.rule;
    let world = about.columns.world(&[rule], &rule.to, under.period);
    let pieces = under.when().pieces();
    let one = One { under, world: &world, pieces: &pieces, spot };
    let mut found = Found { options: found.options, findings: Vec::new() };
    if pieces.iter().any(|piece| !piece.constant) && !one.whole(&mut found) {
        one.parts(&mut found);
        one.branches(&mut found);
    }
    found.findings
}

/// What is found under every law is told once. Of the rest, only what leaves nobody or everybody: that a part
/// of a condition says nothing more under new law is how law changes.
fn settle(rule: &Rule, each: &[Vec<Finding>], found: &mut Found<'_>) {
    for (findings, version) in each.iter().zip(&rule.versions) {
        for finding in findings {
            let always = each.iter().all(|other| other.contains(finding));
            if always {
                found.findings.push(finding.clone());
            } else if matches!(finding.code, Code::NeverTrue | Code::NeverFalse) {
                let message = format!("{}, under the law from {}", finding.message, version.from);
                found.findings.push(Finding { message, ..finding.clone() });
            }
        }
    }
}

fn typed_figures(rule: &Rule, spot: &Spot<'_>, found: &mut Found<'_>) {
    for figure in figures(&rule.when_text) {
        let message = format!("the figure {} stands beside {}", figure.text, quote(&figure.of));
        let at = spot.within(figure.line, figure.column);
        found.at(Code::Figure, (spot.file, at), message, "law changes: name a parameter instead, `law.NAME`");
    }
}

/// One condition.
struct One<'a> {
    under: Under<'a>,
    world: &'a World,
    pieces: &'a [Piece<'a>],
    spot: &'a Spot<'a>,
}

impl One<'_> {
    fn never(&self, claims: &[Claim<'_>]) -> bool {
        impossible(claims, self.world)
    }

    fn report(&self, code: Code, piece: &Piece<'_>, message: String, hint: &str, found: &mut Found<'_>) {
        found.at(code, (self.spot.file, self.spot.within(piece.line, piece.column)), message, hint);
    }

    /// The whole is never true or never false. Whether it was reported.
    fn whole(&self, found: &mut Found<'_>) -> bool {
        if self.never(&[self.under.when().claim(Truths::YES)]) {
            self.never_true(found);
            return true;
        }
        let never_false = self.never(&[self.under.when().claim(Truths::NO)]);
        if never_false && let Some(first) = self.pieces.first() {
            let message =
                format!("`{}`: the condition is never false, so it turns nobody away", self.under.rule.key);
            let hint = "for a rule that is for everybody write `TRUE`; else say whom it is not for";
            self.report(Code::NeverFalse, first, message, hint, found);
        }
        never_false
    }

    /// Names the smallest part that is to blame.
    fn never_true(&self, found: &mut Found<'_>) {
        let key = &self.under.rule.key;
        let code = Code::NeverTrue;
        if let Some(piece) = self.pieces.iter().find(|piece| self.never(&[piece.claim(Truths::YES)])) {
            let message = format!("`{key}`: {} is never true, so nobody is ever told", quote(&piece.text));
            let hint = "correct it, or remove the rule; NULL is asked for with IS NULL";
            return self.report(code, piece, message, hint, found);
        }
        for (at, second) in self.pieces.iter().enumerate() {
            for first in &self.pieces[..at] {
                if self.never(&[first.claim(Truths::YES), second.claim(Truths::YES)]) {
                    let (one, other) = (quote(&first.text), quote(&second.text));
                    let message =
                        format!("`{key}`: {one} and {other} exclude each other, so nobody is ever told");
                    return self.report(code, second, message, "correct one of them", found);
                }
            }
        }
        let message =
            format!("`{key}`: the parts of the condition exclude each other, so nobody is ever told");
        if let Some(first) = self.pieces.first() {
            self.report(code, first, message, "correct one of them", found);
        }
    }

    /// Parts that are never false, and parts that the others already say.
    fn parts(&self, found: &mut Found<'_>) {
        if self.pieces.len() < 2 {
            return;
        }
        for (at, piece) in self.pieces.iter().enumerate() {
            if self.never(&[piece.claim(Truths::NO)]) {
                let message = format!("{} is never false", quote(&piece.text));
                let always = self.never(&[piece.claim(Truths::UNKNOWN)]);
                let hint = if always {
                    "remove it, or correct it"
                } else {
                    "write `IS NOT NULL` if it is to ask whether something is known, or correct it"
                };
                self.report(Code::PartNeverFalse, piece, message, hint, found);
            } else if found.wants(Code::Redundant) && self.is_said(at) {
                let message = format!("{} adds nothing to the other parts", quote(&piece.text));
                self.report(Code::Redundant, piece, message, "remove it, or correct it", found);
            }
        }
    }

    /// Whether no row is answered otherwise without this part: where it is false another part is false too, and where it is
    /// unknown another part is not true.
    fn is_said(&self, at: usize) -> bool {
        let piece = &self.pieces[at];
        let mut less = vec![piece.claim(Truths::NO)];
        less.extend(self.others(at).map(|other| other.claim(Truths::NOT_NO)));
        let mut unsure = vec![piece.claim(Truths::UNKNOWN)];
        unsure.extend(self.others(at).map(|other| other.claim(Truths::YES)));
        self.never(&less) && self.never(&unsure)
    }

    fn others(&self, at: usize) -> impl Iterator<Item = &Piece<'_>> {
        self.pieces.iter().enumerate().filter(move |(place, _)| *place != at).map(|(_, piece)| piece)
    }

    /// Alternatives and WHENs that are true in no row in which all the other parts are.
    fn branches(&self, found: &mut Found<'_>) {
        for (at, piece) in self.pieces.iter().enumerate() {
            let others = self.others(at).map(|other| other.claim(Truths::YES)).collect::<Vec<_>>();
            self.branches_of(piece, &others, found);
        }
    }

    fn branches_of(&self, piece: &Piece<'_>, others: &[Claim<'_>], found: &mut Found<'_>) {
        for branch in &piece.alternatives {
            let with = [&[branch.claim(Truths::YES)], others].concat();
            if self.never(&with) {
                let message = format!("the alternative {} never applies here", quote(&branch.text));
                self.report(Code::DeadAlternative, branch, message, "remove it, or correct it", found);
            } else {
                self.branches_of(branch, others, found);
            }
        }
        let mut before = others.to_vec();
        for when in &piece.whens {
            let with = [vec![when.claim(Truths::YES)], before.clone()].concat();
            if self.never(&with) {
                let message = format!("WHEN {} is never taken", quote(&when.text));
                let hint = "it is never true, or a WHEN before it takes all its cases";
                self.report(Code::DeadWhen, when, message, hint, found);
            }
            before.push(when.claim(Truths::NOT_YES));
        }
    }
}

/// A source text in a message.
fn quote(text: &str) -> String {
    if text.chars().count() <= MAX_QUOTE {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(MAX_QUOTE).collect();
    format!("`{start}…`")
}
