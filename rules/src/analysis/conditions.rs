//! Conditions that decide nothing, wholly or in part.

use super::finding::{Finding, FindingCode as Code};
use super::places::Spot;
use super::{About, Found};
use crate::expr::prove::{Claim, Truths, World, impossible};
use crate::expr::{Piece, figures};
use crate::pack::model::Rule;
use crate::pack::worlds::Under;
use crate::yaml::Position;

/// The longest part of a condition that a message quotes, in characters.
const MAX_QUOTE: usize = 80;

pub(super) fn check(rule: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    let spot = about.rule(rule).then("when");
    let each: Vec<Judged<'_>> =
        Under::each(rule).map(|under| under_law(under, &spot, about, found)).collect();
    for code in [Code::NeverTrue, Code::NeverFalse] {
        wholes(rule, &each, code, &spot, found);
    }
    parts(&each, found);
    if found.wants(Code::Figure) {
        typed_figures(rule, &spot, found);
    }
}

/// What there is to say of a condition under the law of some days.
struct Judged<'a> {
    under: Under<'a>,
    whole: Option<Whole>,
    parts: Vec<Finding>,
}

/// That a condition leaves nobody, or everybody.
struct Whole {
    code: Code,
    /// What in it is to blame.
    reason: String,
    at: Position,
    hint: &'static str,
}

fn under_law<'a>(under: Under<'a>, spot: &Spot<'_>, about: &About<'_>, found: &Found<'_>) -> Judged<'a> {
    let rule = under.rule;
    let world = about.columns.world(&[rule], &rule.to, under.period);
    let pieces = under.when().pieces();
    let one = One { under, world: &world, pieces: &pieces, spot };
    let mut parts = Found { options: found.options, findings: Vec::new() };
    let decides = pieces.iter().any(|piece| !piece.constant);
    let whole = if decides { one.whole() } else { None };
    if decides && whole.is_none() {
        one.parts(&mut parts);
        one.branches(&mut parts);
    }
    Judged { under, whole, parts: parts.findings }
}

/// What leaves nobody or everybody is told once: with its reason, or with the reasons that it has under the law of
/// different days.
fn wholes(rule: &Rule, each: &[Judged<'_>], code: Code, spot: &Spot<'_>, found: &mut Found<'_>) {
    let (consequence, key) = (consequence(code), &rule.key);
    let wholes: Vec<_> = each
        .iter()
        .filter_map(|it| Some((&it.under, it.whole.as_ref().filter(|whole| whole.code == code)?)))
        .collect();
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (under, whole) in &wholes {
        match reasons.iter_mut().find(|(reason, _)| *reason == whole.reason) {
            Some((_, periods)) => periods.push(period(under)),
            None => reasons.push((&whole.reason, vec![period(under)])),
        }
    }
    let message = match reasons.as_slice() {
        [] => return,
        [(reason, _)] if wholes.len() == each.len() => format!("`{key}`: {reason}, {consequence}"),
        [(reason, periods)] => {
            format!("`{key}`: {reason}, {consequence}, under the law {}", periods.join(" and "))
        }
        several => {
            let several: Vec<_> = several
                .iter()
                .map(|(reason, periods)| format!("under the law {} {reason}", periods.join(" and ")))
                .collect();
            format!("`{key}`: {}, {consequence}", several.join(", "))
        }
    };
    if let Some((_, first)) = wholes.first() {
        found.at(code, (spot.file, first.at), message, first.hint);
    }
}

const fn consequence(code: Code) -> &'static str {
    match code {
        Code::NeverFalse => "so it turns nobody away",
        _ => "so nobody is ever told",
    }
}

/// The days of a version, in words.
fn period(under: &Under<'_>) -> String {
    let from = under.version.from;
    under.period.1.map_or_else(|| format!("from {from}"), |to| format!("from {from} to {to}"))
}

/// Of parts, what is found under every law: that one says nothing more under new law is how law changes.
fn parts(each: &[Judged<'_>], found: &mut Found<'_>) {
    let Some((first, others)) = each.split_first() else { return };
    let always = first.parts.iter().filter(|it| others.iter().all(|other| other.parts.contains(it)));
    found.findings.extend(always.cloned());
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

    /// The whole is never true or never false.
    fn whole(&self) -> Option<Whole> {
        if self.never(&[self.under.when().claim(Truths::YES)]) {
            return self.never_true();
        }
        if !self.never(&[self.under.when().claim(Truths::NO)]) {
            return None;
        }
        let hint = "for a rule that is for everybody write `TRUE`; else say whom it is not for";
        self.because(Code::NeverFalse, self.pieces.first()?, "the condition is never false".to_owned(), hint)
    }

    fn because(&self, code: Code, piece: &Piece<'_>, reason: String, hint: &'static str) -> Option<Whole> {
        Some(Whole { code, reason, at: self.spot.within(piece.line, piece.column), hint })
    }

    /// Names the smallest part that is to blame.
    fn never_true(&self) -> Option<Whole> {
        let code = Code::NeverTrue;
        if let Some(piece) = self.pieces.iter().find(|piece| self.never(&[piece.claim(Truths::YES)])) {
            let hint = "correct it, or remove the rule; NULL is asked for with IS NULL";
            return self.because(code, piece, format!("{} is never true", quote(&piece.text)), hint);
        }
        let hint = "correct one of them";
        for (at, second) in self.pieces.iter().enumerate() {
            for first in &self.pieces[..at] {
                if self.never(&[first.claim(Truths::YES), second.claim(Truths::YES)]) {
                    let (one, other) = (quote(&first.text), quote(&second.text));
                    return self.because(code, second, format!("{one} and {other} exclude each other"), hint);
                }
            }
        }
        let reason = "the parts of the condition exclude each other".to_owned();
        self.because(code, self.pieces.first()?, reason, hint)
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
