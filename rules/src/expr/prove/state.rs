//! What one alternative asks of columns and terms, and whether anything can satisfy it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::super::columns::Item;
use super::super::node::{Comparison, Members, Node};
use super::linear::{Linear, Terms, key};
use super::set::{FAR, IntSet, TextSet};
use super::{Ref, Truths, World};

mod numbers;

/// Demands, all of which must be met.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    bools: BTreeMap<usize, Truths>,
    /// Whether what has this key is NULL.
    nulls: BTreeMap<String, bool>,
    /// Sums, each written in one way, and where they lie.
    ints: BTreeMap<Linear, IntSet>,
    texts: BTreeMap<String, TextSet>,
    same: Vec<(String, String)>,
    differ: Vec<(String, String)>,
    /// Texts compared with constants by order, which says something only once they are few.
    orders: Vec<(String, Comparison, Box<str>)>,
}

/// Two sides of a comparison that holds.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) left: Ref<'a>,
    pub(super) right: Ref<'a>,
}

/// Whether a demand can still be met; what is known to fail ends the alternative.
pub(super) type Meets = bool;

impl State {
    /// A boolean column has one of these answers.
    pub(super) fn truth(&mut self, place: usize, truths: Truths, world: &World) -> Meets {
        let nullable = world.columns.get(place).is_none_or(|known| known.nullable);
        let before = self.bools.entry(place).or_insert(if nullable { Truths::ALL } else { Truths::KNOWN });
        *before = before.and(truths);
        !before.is_empty()
    }

    /// What a node computes is NULL, or is not.
    pub(super) fn null(&mut self, at: Ref<'_>, null: bool, world: &World) -> Meets {
        if let Node::Column(input, _) = at.node
            && let Some(known) = at.place(*input, world).and_then(|place| world.columns.get(place))
            && null
            && !known.nullable
        {
            return false;
        }
        *self.nulls.entry(key(at, world)).or_insert(null) == null
    }

    /// A comparison of two numbers or two dates, neither of them NULL, holds.
    pub(super) fn numbers(
        &mut self,
        comparison: Comparison,
        sides: Sides<'_>,
        terms: &mut Terms,
        world: &World,
    ) -> Meets {
        let (left, right) = (terms.linear(sides.left, world), terms.linear(sides.right, world));
        let difference = left.zip(right).and_then(|(left, right)| left.plus(-1, &right));
        difference.is_none_or(|difference| self.lies_in(&difference, &from_zero(comparison)))
    }

    /// A sum lies in a set.
    pub(super) fn lies_in(&mut self, sum: &Linear, set: &IntSet) -> Meets {
        let (sum, set) = sum.lies_in(set);
        if sum.terms.is_empty() {
            return set.contains(sum.constant);
        }
        let before = self.ints.entry(sum).or_insert_with(IntSet::all);
        *before = before.intersect(&set);
        !before.is_empty()
    }

    /// A node, not NULL, is or is not one of the constants of a list.
    pub(super) fn member(
        &mut self,
        at: Ref<'_>,
        members: &Members,
        inside: bool,
        terms: &mut Terms,
        world: &World,
    ) -> Meets {
        let numbers = match members {
            Members::Ints(values) => IntSet::points(values.iter().map(|value| i128::from(*value))),
            Members::Dates(values) => IntSet::points(values.iter().map(|value| i128::from(*value))),
            Members::Texts(values) => {
                let set = TextSet::In(values.iter().cloned().collect());
                return self.text(at, if inside { set } else { set.complement() }, world);
            }
        };
        if let Node::Const(constant) = at.node
            && !matches!(constant.item(), Some(Item::Int(_) | Item::Date(_)))
        {
            return !inside;
        }
        let Some(sum) = terms.linear(at, world) else { return true };
        // A list of people or truths keeps no constants here, and so no values to be among.
        self.lies_in(&sum, &if inside { numbers } else { numbers.complement() })
    }

    /// A comparison of two texts or two people, neither of them NULL, holds.
    pub(super) fn names(&mut self, comparison: Comparison, sides: Sides<'_>, world: &World) -> Meets {
        match (text_of(sides.left), text_of(sides.right)) {
            (Some(left), Some(right)) => comparison.holds(left.cmp(right)),
            (None, Some(text)) => self.text_against(sides.left, comparison, text, world),
            (Some(text), None) => self.text_against(sides.right, turned(comparison), text, world),
            (None, None) => {
                let (left, right) = (key(sides.left, world), key(sides.right, world));
                if left == right {
                    return comparison.holds(Ordering::Equal);
                }
                // So that closed lists count.
                let known = self.text(sides.left, TextSet::all(), world)
                    && self.text(sides.right, TextSet::all(), world);
                match comparison {
                    Comparison::Eq => self.same.push((left, right)),
                    Comparison::Ne | Comparison::Lt | Comparison::Gt => self.differ.push((left, right)),
                    Comparison::Le | Comparison::Ge => {}
                }
                known
            }
        }
    }

    fn text_against(&mut self, at: Ref<'_>, comparison: Comparison, text: &str, world: &World) -> Meets {
        let only = TextSet::In([text.into()].into());
        match comparison {
            Comparison::Eq => self.text(at, only, world),
            Comparison::Ne => self.text(at, only.complement(), world),
            Comparison::Lt | Comparison::Gt => {
                self.text(at, only.complement(), world) && self.ordered(at, comparison, text, world)
            }
            Comparison::Le | Comparison::Ge => self.ordered(at, comparison, text, world),
        }
    }

    fn ordered(&mut self, at: Ref<'_>, comparison: Comparison, text: &str, world: &World) -> Meets {
        self.orders.push((key(at, world), comparison, text.into()));
        self.text(at, TextSet::all(), world)
    }

    fn text(&mut self, at: Ref<'_>, set: TextSet, world: &World) -> Meets {
        if let Some(text) = text_of(at) {
            return !set.intersect(&TextSet::In([text.into()].into())).is_empty();
        }
        let listed = match at.node {
            Node::Column(input, _) => at.place(*input, world).and_then(|place| world.columns.get(place)),
            _ => None,
        };
        let listed = listed.and_then(|known| known.texts.as_ref());
        let before = self.texts.entry(key(at, world)).or_insert_with(|| {
            listed.map_or_else(TextSet::all, |texts| {
                TextSet::In(texts.iter().map(|text| text.as_str().into()).collect())
            })
        });
        *before = before.intersect(&set);
        !before.is_empty()
    }

    /// Whether the demands can be met together, as far as can be told: `false` is proved.
    pub(super) fn can_be(&self, terms: &mut Terms, world: &World) -> bool {
        self.texts_agree() && numbers::agree(&self.ints, terms, world)
    }

    fn texts_agree(&self) -> bool {
        let mut class: BTreeMap<&str, &str> = BTreeMap::new();
        for (a, b) in &self.same {
            let (a, b) = (root(&class, a), root(&class, b));
            if a != b {
                class.insert(a, b);
            }
        }
        let mut sets: BTreeMap<&str, TextSet> = BTreeMap::new();
        for (name, set) in &self.texts {
            let of_class = sets.entry(root(&class, name)).or_insert_with(TextSet::all);
            *of_class = of_class.intersect(set);
        }
        for (name, comparison, text) in &self.orders {
            if let Some(set) = sets.get_mut(root(&class, name)) {
                set.retain(|one| comparison.holds(one.cmp(text)));
            }
        }
        let single = |name| sets.get(name).and_then(TextSet::single);
        !sets.values().any(TextSet::is_empty)
            && self.differ.iter().all(|(a, b)| {
                let (a, b) = (root(&class, a), root(&class, b));
                a != b && (single(a).is_none() || single(a) != single(b))
            })
    }
}

/// The name that stands for all that are the same.
fn root<'a>(class: &BTreeMap<&'a str, &'a str>, mut name: &'a str) -> &'a str {
    while let Some(next) = class.get(name) {
        name = next;
    }
    name
}

fn text_of(at: Ref<'_>) -> Option<&str> {
    match at.node {
        Node::Const(constant) => match constant.item() {
            Some(Item::Text(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Where a difference lies for the comparison of its two sides to hold.
fn from_zero(comparison: Comparison) -> IntSet {
    match comparison {
        Comparison::Eq => IntSet::range(0, 0),
        Comparison::Ne => IntSet::range(0, 0).complement(),
        Comparison::Lt => IntSet::range(-FAR, -1),
        Comparison::Le => IntSet::range(-FAR, 0),
        Comparison::Gt => IntSet::range(1, FAR),
        Comparison::Ge => IntSet::range(0, FAR),
    }
}

/// With the sides exchanged.
const fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
        same @ (Comparison::Eq | Comparison::Ne) => same,
    }
}
