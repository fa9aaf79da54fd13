//! Claims taken apart into alternatives. What can only be so is asked at once; what can be so in several ways waits, and
//! each way is then followed by itself.

use tidings_domain::value::ValueType;

use super::super::columns::Item as Value;
use super::super::node::{Case, Comparison, In, Members, Node};
use super::linear::{Linear, Term, Terms};
use super::set::{FAR, IntSet};
use super::state::{Sides, State};
use super::{BUDGET, Claim, Gap, MAX_SPLITS, Ref, Truths, World};

/// A side of a comparison.
#[derive(Clone, Copy)]
enum Operand<'a> {
    At(Ref<'a>),
    Null,
}

/// Something that is true, false or unknown.
#[derive(Clone, Copy)]
enum Item<'a> {
    Node(Ref<'a>),
    Compare(Comparison, Operand<'a>, Operand<'a>),
    /// Among constants; never NULL but for its needle.
    Member(Ref<'a>, &'a Members),
    Unknown,
}

#[derive(Clone, Copy)]
enum Goal<'a> {
    /// It has one of these answers.
    Truth(Item<'a>, Truths),
    /// It is NULL, or is not.
    Null(Ref<'a>, bool),
}

type Goals<'a> = Vec<Goal<'a>>;

/// What becomes of a goal.
enum Step<'a> {
    /// It is met, or asked of the state.
    Done,
    /// It cannot be met.
    Closed,
    /// It is met when these are.
    Goals(Goals<'a>),
    /// It is met when one of these is.
    Ways(Vec<Goals<'a>>),
}

/// Whether no row satisfies everything; `false` means that this was not proved.
pub(super) fn impossible(claims: &[Claim<'_>], gaps: &[Gap], world: &World) -> bool {
    let mut search = Search { world, terms: Terms::default(), budget: BUDGET, depth: 0 };
    let mut state = State::default();
    if !gaps.iter().all(|gap| search.gap(*gap, &mut state)) {
        return true;
    }
    let goals = claims.iter().map(|claim| Goal::Truth(Item::Node(claim.at), claim.truths)).collect();
    search.closes(state, goals, Vec::new())
}

struct Search<'w> {
    world: &'w World,
    terms: Terms,
    budget: usize,
    /// Alternatives within alternatives.
    depth: usize,
}

impl<'w> Search<'w> {
    fn gap(&mut self, gap: Gap, state: &mut State) -> bool {
        let [from, to] =
            [gap.from, gap.to].map(|column| self.terms.id(Term::Column(self.world.place(column))));
        let days = Linear::term(to).plus(-1, &Linear::term(from));
        days.is_none_or(|days| state.lies_in(&days, &IntSet::range(gap.days.into(), FAR)))
    }

    /// Whether every way to meet the goals fails.
    fn closes<'a>(&mut self, mut state: State, goals: Goals<'a>, mut waiting: Vec<Vec<Goals<'a>>>) -> bool {
        if self.fails(&mut state, goals, &mut waiting) {
            return true;
        }
        for ways in &mut waiting {
            ways.retain(|way| !self.fails_at_once(&state, way));
            if ways.is_empty() {
                return true;
            }
        }
        // The fewest ways first: less to repeat.
        let next = waiting.iter().enumerate().min_by_key(|(_, ways)| ways.len()).map(|(at, _)| at);
        let Some(next) = next else { return false };
        if self.depth >= MAX_SPLITS {
            return false;
        }
        self.depth += 1;
        let ways = waiting.swap_remove(next);
        let closes = ways.into_iter().all(|way| {
            let within = self.budget > 0;
            self.budget = self.budget.saturating_sub(1);
            within && self.closes(state.clone(), way, waiting.clone())
        });
        self.depth -= 1;
        closes
    }

    /// Asks everything that can only be so; what can be so in several ways waits. Whether it cannot be so.
    fn fails<'a>(
        &mut self,
        state: &mut State,
        mut goals: Goals<'a>,
        waiting: &mut Vec<Vec<Goals<'a>>>,
    ) -> bool {
        while let Some(goal) = goals.pop() {
            match self.step(goal, state) {
                Step::Done => {}
                Step::Closed => return true,
                Step::Goals(more) => goals.extend(more),
                Step::Ways(ways) if ways.is_empty() => return true,
                Step::Ways(mut ways) if ways.len() == 1 => goals.extend(ways.pop().unwrap_or_default()),
                Step::Ways(ways) => waiting.push(ways),
            }
        }
        !state.can_be(&mut self.terms, self.world)
    }

    /// Whether a way fails without being followed further.
    fn fails_at_once(&mut self, state: &State, way: &Goals<'_>) -> bool {
        let within = self.budget > 0;
        self.budget = self.budget.saturating_sub(1);
        within && self.fails(&mut state.clone(), way.clone(), &mut Vec::new())
    }

    fn step<'a>(&mut self, goal: Goal<'a>, state: &mut State) -> Step<'a> {
        match goal {
            Goal::Truth(_, truths) if truths == Truths::ALL => Step::Done,
            Goal::Truth(_, truths) if truths.is_empty() => Step::Closed,
            Goal::Truth(Item::Node(at), truths) => self.node(at, truths, state),
            Goal::Truth(Item::Compare(comparison, a, b), truths) => {
                self.compare(comparison, [a, b], truths, state)
            }
            Goal::Truth(Item::Member(at, members), truths) => self.member(at, members, truths, state),
            Goal::Truth(Item::Unknown, truths) => met(truths.has(Truths::UNKNOWN)),
            Goal::Null(at, null) => self.null(at, null, state),
        }
    }

    fn node<'a>(&mut self, at: Ref<'a>, truths: Truths, state: &mut State) -> Step<'a> {
        let items = |list: &'a [Node]| list.iter().map(|node| Item::Node(at.to(node))).collect::<Vec<_>>();
        let goal = |node, truths| Step::Goals(vec![Goal::Truth(Item::Node(at.to(node)), truths)]);
        match at.node {
            Node::Column(input, _) => match at.place(*input, self.world) {
                Some(place) => met(state.truth(place, truths, self.world)),
                None => Step::Done,
            },
            Node::Const(constant) => met(match constant.item() {
                Some(Value::Bool(truth)) => truths.has(Truths::only(truth)),
                _ => truths.has(Truths::UNKNOWN),
            }),
            Node::All(list) => every(&items(list), truths),
            Node::Any(list) => any(&items(list), truths),
            Node::Not(node) => goal(node, truths.negated()),
            Node::Is(wanted, node) => {
                let (yes, no) = (truths.has(Truths::YES), truths.has(Truths::NO));
                let wanted = Truths::only(*wanted);
                match (yes, no) {
                    (true, true) => Step::Done,
                    (true, false) => goal(node, wanted),
                    (false, true) => goal(node, Truths(Truths::ALL.0 & !wanted.0)),
                    (false, false) => Step::Closed,
                }
            }
            Node::IsNull(node) => match (truths.has(Truths::YES), truths.has(Truths::NO)) {
                (true, true) => Step::Done,
                (false, false) => Step::Closed,
                (null, _) => Step::Goals(vec![Goal::Null(at.to(node), null)]),
            },
            Node::Compare(comparison, pair) => {
                let [a, b] = [&pair[0], &pair[1]].map(|side| Operand::At(at.to(side)));
                Step::Goals(vec![Goal::Truth(Item::Compare(*comparison, a, b), truths)])
            }
            Node::Between(three) => {
                let [value, low, high] =
                    [&three[0], &three[1], &three[2]].map(|part| Operand::At(at.to(part)));
                let ends =
                    [Item::Compare(Comparison::Ge, value, low), Item::Compare(Comparison::Le, value, high)];
                every(&ends, truths)
            }
            Node::In(test) => any(&within(at, test), truths),
            Node::Case(case) => Step::Ways(taken(at, case, |result| match result {
                Operand::At(at) => Goal::Truth(Item::Node(at), truths),
                Operand::Null => Goal::Truth(Item::Unknown, truths),
            })),
            Node::Coalesce(_, list) => Step::Ways(first(at, list, |result| match result {
                Operand::At(at) => Goal::Truth(Item::Node(at), truths.and(Truths::KNOWN)),
                Operand::Null => Goal::Truth(Item::Unknown, truths),
            })),
            Node::Ints(..) | Node::Dates(..) | Node::Moved(..) | Node::Shift(..) => Step::Done,
        }
    }

    fn compare<'a>(
        &mut self,
        comparison: Comparison,
        sides: [Operand<'a>; 2],
        truths: Truths,
        state: &mut State,
    ) -> Step<'a> {
        let [Operand::At(a), Operand::At(b)] = sides else { return met(truths.has(Truths::UNKNOWN)) };
        for (at, other, left) in [(a, b, true), (b, a, false)] {
            let compared = |result| {
                let sides = if left { (result, Operand::At(other)) } else { (Operand::At(other), result) };
                Goal::Truth(Item::Compare(comparison, sides.0, sides.1), truths)
            };
            match at.node {
                Node::Case(case) => return Step::Ways(taken(at, case, compared)),
                Node::Coalesce(_, list) => return Step::Ways(first(at, list, compared)),
                _ => {}
            }
        }
        let item = Item::Compare(comparison, sides[0], sides[1]);
        if truths == Truths::UNKNOWN {
            return Step::Ways(vec![vec![Goal::Null(a, true)], vec![Goal::Null(b, true)]]);
        }
        if truths != Truths::YES && truths != Truths::NO {
            return Step::Ways(truths.each().map(|one| vec![Goal::Truth(item, one)]).collect());
        }
        let comparison = if truths == Truths::YES { comparison } else { opposite(comparison) };
        let sides = Sides { left: a, right: b };
        let holds = match type_of(a.node).or_else(|| type_of(b.node)) {
            Some(ValueType::Int | ValueType::Date) => {
                state.numbers(comparison, sides, &mut self.terms, self.world)
            }
            Some(ValueType::Text | ValueType::Citizen) => state.names(comparison, sides, self.world),
            Some(ValueType::Bool) => return alike(a, b, comparison == Comparison::Eq),
            None => true,
        };
        if !holds {
            return Step::Closed;
        }
        Step::Goals(vec![Goal::Null(a, false), Goal::Null(b, false)])
    }

    fn member<'a>(
        &mut self,
        at: Ref<'a>,
        members: &'a Members,
        truths: Truths,
        state: &mut State,
    ) -> Step<'a> {
        let among = |result| match result {
            Operand::At(at) => Goal::Truth(Item::Member(at, members), truths),
            Operand::Null => Goal::Truth(Item::Unknown, truths),
        };
        match at.node {
            Node::Case(case) => return Step::Ways(taken(at, case, among)),
            Node::Coalesce(_, list) => return Step::Ways(first(at, list, among)),
            _ => {}
        }
        if truths == Truths::UNKNOWN {
            return Step::Goals(vec![Goal::Null(at, true)]);
        }
        if truths != Truths::YES && truths != Truths::NO {
            let each = truths.each().map(|one| vec![Goal::Truth(Item::Member(at, members), one)]);
            return Step::Ways(each.collect());
        }
        if !state.member(at, members, truths == Truths::YES, &mut self.terms, self.world) {
            return Step::Closed;
        }
        Step::Goals(vec![Goal::Null(at, false)])
    }

    fn null<'a>(&mut self, at: Ref<'a>, null: bool, state: &mut State) -> Step<'a> {
        let truths = if null { Truths::UNKNOWN } else { Truths::KNOWN };
        if let Node::Const(constant) = at.node {
            return met(constant.item().is_none() == null);
        }
        if !state.null(at, null, self.world) {
            return Step::Closed;
        }
        match at.node {
            Node::Column(_, ValueType::Bool) => Step::Goals(vec![Goal::Truth(Item::Node(at), truths)]),
            // They are NULL also when they fault, so only that they are not says something of their parts.
            Node::Ints(_, pair) | Node::Dates(_, pair) | Node::Moved(_, pair) if !null => {
                Step::Goals(pair.iter().map(|node| Goal::Null(at.to(node), false)).collect())
            }
            Node::Ints(_, pair) | Node::Dates(_, pair) | Node::Moved(_, pair) if !self.world.faults => {
                Step::Ways(pair.iter().map(|node| vec![Goal::Null(at.to(node), true)]).collect())
            }
            Node::Shift(_, date) if !null || !self.world.faults => {
                Step::Goals(vec![Goal::Null(at.to(date), null)])
            }
            Node::Coalesce(_, list) if null => {
                Step::Goals(list.iter().map(|node| Goal::Null(at.to(node), true)).collect())
            }
            Node::Coalesce(_, list) => {
                Step::Ways(list.iter().map(|node| vec![Goal::Null(at.to(node), false)]).collect())
            }
            Node::Case(case) => Step::Ways(taken(at, case, |result| match result {
                Operand::At(at) => Goal::Null(at, null),
                Operand::Null => Goal::Truth(Item::Unknown, truths),
            })),
            node if type_of(node) == Some(ValueType::Bool) && !matches!(node, Node::Column(..)) => {
                Step::Goals(vec![Goal::Truth(Item::Node(at), truths)])
            }
            _ => Step::Done,
        }
    }
}

fn met<'a>(meets: bool) -> Step<'a> {
    if meets { Step::Done } else { Step::Closed }
}

/// AND: one false makes it false, else one unknown makes it unknown.
fn every<'a>(items: &[Item<'a>], truths: Truths) -> Step<'a> {
    let all = |truths| items.iter().map(|item| Goal::Truth(*item, truths)).collect::<Goals<'a>>();
    let one = |truths| items.iter().map(|item| vec![Goal::Truth(*item, truths)]).collect::<Vec<_>>();
    match truths {
        Truths::YES => Step::Goals(all(Truths::YES)),
        Truths::NOT_NO => Step::Goals(all(Truths::NOT_NO)),
        Truths::NO => Step::Ways(one(Truths::NO)),
        Truths::NOT_YES => Step::Ways(one(Truths::NOT_YES)),
        Truths::UNKNOWN => Step::Ways(
            one(Truths::UNKNOWN)
                .into_iter()
                .map(|mut way| {
                    way.extend(all(Truths::NOT_NO));
                    way
                })
                .collect(),
        ),
        // True or false.
        _ => {
            let mut ways = one(Truths::NO);
            ways.push(all(Truths::YES));
            Step::Ways(ways)
        }
    }
}

/// OR, by way of AND.
fn any<'a>(items: &[Item<'a>], truths: Truths) -> Step<'a> {
    let turned = |goal| match goal {
        Goal::Truth(item, truths) => Goal::Truth(item, truths.negated()),
        null @ Goal::Null(..) => null,
    };
    match every(items, truths.negated()) {
        Step::Goals(goals) => Step::Goals(goals.into_iter().map(turned).collect()),
        Step::Ways(ways) => {
            Step::Ways(ways.into_iter().map(|goals| goals.into_iter().map(turned).collect()).collect())
        }
        step => step,
    }
}

/// IN, as the alternatives that it joins.
fn within<'a>(at: Ref<'a>, test: &'a In) -> Vec<Item<'a>> {
    let needle = at.to(&test.needle);
    let mut items = vec![Item::Member(needle, &test.members)];
    items.extend(test.null.then_some(Item::Unknown));
    items.extend(
        test.others
            .iter()
            .map(|other| Item::Compare(Comparison::Eq, Operand::At(needle), Operand::At(at.to(other)))),
    );
    items
}

/// The ways through CASE: the first WHEN that is true, or none.
fn taken<'a>(at: Ref<'a>, case: &'a Case, goal: impl Fn(Operand<'a>) -> Goal<'a>) -> Vec<Goals<'a>> {
    let test = |when| match &case.operand {
        None => Item::Node(at.to(when)),
        Some(operand) => Item::Compare(Comparison::Eq, Operand::At(at.to(operand)), Operand::At(at.to(when))),
    };
    let (mut ways, mut before) = (Vec::new(), Vec::new());
    for (when, then) in &case.whens {
        let mut way: Goals<'a> = before.clone();
        way.push(Goal::Truth(test(when), Truths::YES));
        way.push(goal(Operand::At(at.to(then))));
        ways.push(way);
        before.push(Goal::Truth(test(when), Truths::NOT_YES));
    }
    before.push(goal(case.otherwise.as_ref().map_or(Operand::Null, |node| Operand::At(at.to(node)))));
    ways.push(before);
    ways
}

/// The ways through COALESCE: the first that is not NULL, or none.
fn first<'a>(at: Ref<'a>, list: &'a [Node], goal: impl Fn(Operand<'a>) -> Goal<'a>) -> Vec<Goals<'a>> {
    let (mut ways, mut before) = (Vec::new(), Vec::new());
    for node in list {
        let mut way: Goals<'a> = before.clone();
        way.push(Goal::Null(at.to(node), false));
        way.push(goal(Operand::At(at.to(node))));
        ways.push(way);
        before.push(Goal::Null(at.to(node), true));
    }
    before.push(goal(Operand::Null));
    ways.push(before);
    ways
}

/// Two truths, both known, are equal, or are not.
fn alike<'a>(a: Ref<'a>, b: Ref<'a>, equal: bool) -> Step<'a> {
    let way = |truth| {
        let other = Truths::only(truth == equal);
        vec![Goal::Truth(Item::Node(a), Truths::only(truth)), Goal::Truth(Item::Node(b), other)]
    };
    Step::Ways(vec![way(true), way(false)])
}

const fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Eq => Comparison::Ne,
        Comparison::Ne => Comparison::Eq,
        Comparison::Lt => Comparison::Ge,
        Comparison::Le => Comparison::Gt,
        Comparison::Gt => Comparison::Le,
        Comparison::Ge => Comparison::Lt,
    }
}

/// The type of a node's value; `None` for NULL.
fn type_of(node: &Node) -> Option<ValueType> {
    Some(match node {
        Node::Column(_, value_type) => *value_type,
        Node::Const(constant) => constant.value()?.value_type(),
        Node::Case(case) => case.value_type,
        Node::Coalesce(value_type, _) => *value_type,
        Node::Ints(..) | Node::Dates(..) => ValueType::Int,
        Node::Moved(..) | Node::Shift(..) => ValueType::Date,
        _ => ValueType::Bool,
    })
}
