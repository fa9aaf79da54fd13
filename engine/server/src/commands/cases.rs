//! `tidings test`: the cases of a pack, what they reach, and what they would notice.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;
use tidings_domain::value::Value;
use tidings_rules::Pack;
use tidings_rules::expr::Answer;
use tidings_rules::pack::model::Rule;
use tidings_rules::pack::{
    RuleCoverage, RuleMutation, Survivor, Witness, coverage, law_of_day, mutation, run_cases,
};

use crate::cli::TestArgs;
use crate::out::{Grid, Out, Usage, exit};

/// How many of the rules that most is left to do for are listed.
const WORST: usize = 10;

#[derive(Serialize)]
struct Tested {
    passed: usize,
    failed: Vec<Failed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Covered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutated>,
}

#[derive(Serialize)]
struct Failed {
    rule: String,
    case: String,
    detail: String,
}

/// How much of something there is; the share in percent, rounded down, so that 100 is all of it.
#[derive(Clone, Copy, Serialize)]
struct Share {
    all: usize,
    of_them: usize,
    percent: usize,
}

impl Share {
    fn of((all, of_them): (usize, usize)) -> Self {
        Self { all, of_them, percent: (of_them * 100).checked_div(all).unwrap_or(100) }
    }

    fn sum(shares: impl Iterator<Item = Self>) -> Self {
        let sum = shares.fold((0, 0), |(all, of_them), share| (all + share.all, of_them + share.of_them));
        Self::of(sum)
    }

    fn left(self) -> usize {
        self.all - self.of_them
    }

    fn whole(self) -> bool {
        self.left() == 0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} ({} %)", self.of_them, self.all, self.percent)
    }
}

#[derive(Serialize)]
struct Covered {
    reached: Share,
    rules: Vec<CoveredRule>,
}

#[derive(Serialize)]
struct CoveredRule {
    life_event: String,
    rule: String,
    cases: usize,
    reached: Share,
    /// False when the condition could not be taken apart.
    whole: bool,
    gaps: Vec<Missed>,
}

#[derive(Serialize)]
struct Missed {
    part: String,
    never: Vec<String>,
}

#[derive(Serialize)]
struct Mutated {
    noticed: Share,
    /// Changes that were not tried, being certainly the same as the rule or as another change.
    same: usize,
    /// Survivors for which no case was found that would notice them: some may be the same as the rule.
    without_witness: usize,
    by_change: BTreeMap<&'static str, Share>,
    rules: Vec<MutatedRule>,
}

#[derive(Serialize)]
struct MutatedRule {
    life_event: String,
    rule: String,
    noticed: Share,
    same: usize,
    whole: bool,
    survivors: Vec<Survived>,
}

#[derive(Serialize)]
struct Survived {
    change: &'static str,
    part: String,
    became: Option<String>,
    noticed_by: Option<Noticed>,
}

#[derive(Serialize)]
struct Noticed {
    like: String,
    column: String,
    value: Option<String>,
    expect: &'static str,
    instead: &'static str,
}

/// Runs a pack's cases, and what else is asked for.
pub(super) fn test(args: &TestArgs, out: Out) -> anyhow::Result<ExitCode> {
    let pack = super::pack::need(args.pack.as_deref(), args.known)?;
    let pack = match args.as_of {
        Some(day) => law_of_day(pack, day),
        None => pack,
    };
    let wanted = |rule: &Rule| args.rule.as_ref().is_none_or(|key| rule.key == *key);
    if !pack.life_events.iter().flat_map(|life_event| &life_event.rules).any(wanted) {
        return Err(no_rule(&pack, args.rule.as_deref().unwrap_or_default()).into());
    }
    let mut tested = cases(&pack, args.rule.as_deref(), out);
    if args.coverage || args.min_coverage.is_some() {
        let covered = covered(coverage(&pack, &wanted));
        covered.say(args.rule.is_some(), out);
        tested.coverage = Some(covered);
    }
    if args.mutate || args.min_mutation_score.is_some() {
        let mutated = mutated(mutation(&pack, &wanted));
        mutated.say(args.rule.is_some(), out);
        tested.mutation = Some(mutated);
    }
    summary(&tested, out);
    out.say(format!("{} cases passed, {} failed", tested.passed, tested.failed.len()));
    let enough = tested.enough(args, out);
    out.value(&tested)?;
    let good = tested.failed.is_empty() && enough;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(exit::FINDINGS) })
}

fn no_rule(pack: &Pack, key: &str) -> Usage {
    let keys = pack.life_events.iter().flat_map(|life_event| &life_event.rules).map(|rule| &rule.key);
    let near = keys.max_by(|a, b| {
        let near = |other: &str| strsim::normalized_damerau_levenshtein(key, other);
        near(a).total_cmp(&near(b))
    });
    let hint = near.map(|near| format!("; the nearest is `{near}`")).unwrap_or_default();
    Usage(format!("the pack has no rule `{key}`{hint}"))
}

fn cases(pack: &Pack, rule: Option<&str>, out: Out) -> Tested {
    let results = run_cases(pack).into_iter().filter(|result| rule.is_none_or(|key| result.rule == key));
    let (passed, failed): (Vec<_>, Vec<_>) = results.partition(|result| result.passed);
    let failed: Vec<Failed> = failed
        .into_iter()
        .map(|result| Failed { rule: result.rule, case: result.case, detail: result.detail })
        .collect();
    let mut grid = Grid::new("Cases that fail");
    for one in &failed {
        grid.row([one.rule.clone(), one.case.clone(), one.detail.clone()]);
    }
    if !failed.is_empty() {
        out.say(grid);
    }
    Tested { passed: passed.len(), failed, coverage: None, mutation: None }
}

impl Tested {
    /// Whether the shares asked for are met.
    fn enough(&self, args: &TestArgs, out: Out) -> bool {
        let asked = [
            ("coverage", self.coverage.as_ref().map(|it| it.reached), args.min_coverage),
            ("mutation score", self.mutation.as_ref().map(|it| it.noticed), args.min_mutation_score),
        ];
        let mut enough = true;
        for (what, found, least) in asked {
            if let (Some(found), Some(least)) = (found, least)
                && found.percent < least.into()
            {
                out.say(format!("the {what} is {} %, below the {least} % asked for", found.percent));
                enough = false;
            }
        }
        enough
    }
}

fn covered(rules: Vec<RuleCoverage>) -> Covered {
    let rules: Vec<_> = rules
        .into_iter()
        .map(|rule| CoveredRule {
            reached: Share::of(rule.counts()),
            gaps: rule.gaps().into_iter().map(|gap| Missed { part: gap.part, never: gap.never }).collect(),
            whole: rule.points.is_some(),
            life_event: rule.life_event,
            rule: rule.rule,
            cases: rule.cases,
        })
        .collect();
    Covered { reached: Share::sum(rules.iter().map(|rule| rule.reached)), rules }
}

impl Covered {
    /// What is not reached; of one rule, also that everything is.
    fn say(&self, one: bool, out: Out) {
        for rule in self.rules.iter().filter(|rule| one || !rule.reached.whole() || !rule.whole) {
            out.say(format!("\n{}: {} cases reach {}", rule.rule, rule.cases, rule.reached));
            for gap in &rule.gaps {
                out.say(format!("  {}\n      {}", gap.part, gap.never.join(", ")));
            }
            if !rule.whole {
                out.say("  the condition cannot be taken apart, so nothing is known of its parts");
            }
        }
    }
}

fn mutated(rules: Vec<RuleMutation>) -> Mutated {
    let mut by_change: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    for rule in &rules {
        for (change, killed) in &rule.killed {
            let (all, noticed) = by_change.entry(change).or_default();
            (*all, *noticed) = (*all + killed, *noticed + killed);
        }
        for survivor in &rule.survivors {
            by_change.entry(survivor.change).or_default().0 += 1;
        }
    }
    let rules: Vec<_> = rules.into_iter().map(mutated_rule).collect();
    let survivors = || rules.iter().flat_map(|rule| &rule.survivors);
    Mutated {
        noticed: Share::sum(rules.iter().map(|rule| rule.noticed)),
        same: rules.iter().map(|rule| rule.same).sum(),
        without_witness: survivors().filter(|one| one.noticed_by.is_none()).count(),
        by_change: by_change.into_iter().map(|(change, counts)| (change, Share::of(counts))).collect(),
        rules,
    }
}

fn mutated_rule(rule: RuleMutation) -> MutatedRule {
    MutatedRule {
        noticed: Share::of(rule.counts()),
        same: rule.same,
        whole: rule.whole,
        survivors: rule.survivors.into_iter().map(survived).collect(),
        life_event: rule.life_event,
        rule: rule.rule,
    }
}

fn survived(survivor: Survivor) -> Survived {
    Survived {
        change: survivor.change,
        part: survivor.part,
        became: Some(survivor.became).filter(|became| !became.is_empty()),
        noticed_by: survivor.witness.map(noticed),
    }
}

fn noticed(witness: Witness) -> Noticed {
    Noticed {
        like: witness.like,
        column: witness.column.to_string(),
        value: witness.value.as_ref().map(Value::canonical),
        expect: word(witness.expect),
        instead: word(witness.instead),
    }
}

const fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Unknown => "unknown",
    }
}

impl Mutated {
    /// What no case notices; of one rule, also that everything is noticed.
    fn say(&self, one: bool, out: Out) {
        for rule in self.rules.iter().filter(|rule| one || !rule.noticed.whole() || !rule.whole) {
            out.say(format!("\n{}: {} changes noticed", rule.rule, rule.noticed));
            rule.survivors(out);
            if !rule.whole {
                out.say("  the condition cannot be taken apart, so it was not changed");
            }
        }
        let mut grid = Grid::new("Changes noticed, by kind");
        for (change, share) in &self.by_change {
            grid.row([(*change).to_owned(), share.to_string()]);
        }
        out.say(grid);
    }
}

impl MutatedRule {
    /// The changes part by part, each with the number of the case that would notice it, and then these cases.
    fn survivors(&self, out: Out) {
        let mut cases: Vec<String> = Vec::new();
        let mut part = "";
        for survivor in &self.survivors {
            if survivor.part != part {
                out.say(format!("  {}", survivor.part));
                part = &survivor.part;
            }
            let became =
                survivor.became.as_ref().map_or("left out".to_owned(), |became| format!("as {became}"));
            let noticed = survivor.noticed_by.as_ref().map(Noticed::said);
            let number = noticed.map(|case| match cases.iter().position(|known| *known == case) {
                Some(place) => place + 1,
                None => {
                    cases.push(case);
                    cases.len()
                }
            });
            let number = number.map_or("[no case found]".to_owned(), |number| format!("[{number}]"));
            out.say(format!("      {became}  {number}"));
        }
        if !cases.is_empty() {
            out.say("  would be noticed by");
        }
        for (place, case) in cases.iter().enumerate() {
            out.say(format!("      [{}] {case}", place + 1));
        }
    }
}

impl Noticed {
    fn said(&self) -> String {
        let value = self.value.as_deref().unwrap_or("unknown");
        format!("a case like “{}” with {} = {value}: {}", self.like, self.column, self.expect)
    }
}

/// The rules that most is left to do for, and the totals.
fn summary(tested: &Tested, out: Out) {
    let mut rules: BTreeMap<&str, [Option<Share>; 2]> = BTreeMap::new();
    for rule in tested.coverage.iter().flat_map(|covered| &covered.rules) {
        rules.entry(&rule.rule).or_default()[0] = Some(rule.reached);
    }
    for rule in tested.mutation.iter().flat_map(|mutated| &mutated.rules) {
        rules.entry(&rule.rule).or_default()[1] = Some(rule.noticed);
    }
    let left = |shares: &[Option<Share>; 2]| shares.iter().flatten().map(|share| share.left()).sum::<usize>();
    let mut open: Vec<_> = rules.iter().filter(|(_, shares)| left(shares) > 0).collect();
    open.sort_by_key(|(_, shares)| std::cmp::Reverse(left(shares)));
    if open.len() > 1 {
        let mut grid = Grid::new("Most is left to do for");
        for (rule, shares) in open.iter().take(WORST) {
            let [reached, noticed] =
                shares.map(|share| share.map(|share| share.to_string()).unwrap_or_default());
            let words = [(reached, "reached"), (noticed, "noticed")];
            let [reached, noticed] =
                words.map(|(share, word)| if share.is_empty() { share } else { format!("{share} {word}") });
            grid.row([(*rule).to_string(), reached, noticed]);
        }
        out.say(grid);
    }
    totals(tested, rules.len() - open.len(), out);
}

fn totals(tested: &Tested, done: usize, out: Out) {
    if tested.coverage.is_none() && tested.mutation.is_none() {
        return;
    }
    out.say(format!("\nnothing is left to do for {done} rules"));
    if let Some(covered) = &tested.coverage {
        out.say(format!("coverage: {} reached of what the parts of conditions can do", covered.reached));
    }
    if let Some(mutated) = &tested.mutation {
        out.say(format!("mutation score: {} changes noticed", mutated.noticed));
        out.say(format!(
            "  not tried: {}, certainly the same as the rule or as another; counted as not noticed though perhaps the \
             same: {}",
            mutated.same, mutated.without_witness
        ));
    }
}
