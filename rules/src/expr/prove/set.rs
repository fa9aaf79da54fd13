//! Sets of values: whole numbers as intervals, texts as what is in or what is out.

use std::collections::BTreeSet;

/// Stands for no bound; far outside every 64-bit number, and far from overflow.
pub(super) const FAR: i128 = 1 << 96;

/// A set of whole numbers: intervals with both ends included, sorted, with gaps between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IntSet(Vec<(i128, i128)>);

impl IntSet {
    pub(super) fn all() -> Self {
        Self(vec![(-FAR, FAR)])
    }

    /// From `low` to `high`, both included; empty when they are the other way round.
    pub(super) fn range(low: i128, high: i128) -> Self {
        let (low, high) = (low.max(-FAR), high.min(FAR));
        Self(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    pub(super) fn points(points: impl IntoIterator<Item = i128>) -> Self {
        let points = points.into_iter().collect::<BTreeSet<_>>();
        let mut set: Vec<(i128, i128)> = Vec::new();
        for point in points {
            match set.last_mut() {
                Some((_, high)) if *high + 1 == point => *high = point,
                _ => set.push((point, point)),
            }
        }
        Self(set)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, value: i128) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&value))
    }

    pub(super) fn complement(&self) -> Self {
        let (mut set, mut next) = (Vec::new(), -FAR);
        for (low, high) in &self.0 {
            if next < *low {
                set.push((next, low - 1));
            }
            next = high + 1;
        }
        if next <= FAR {
            set.push((next, FAR));
        }
        Self(set)
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        let mut set = Vec::new();
        let (mut mine, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(&&(a, b)), Some(&&(c, d))) = (mine.peek(), theirs.peek()) {
            if a.max(c) <= b.min(d) {
                set.push((a.max(c), b.min(d)));
            }
            if b < d {
                mine.next()
            } else {
                theirs.next()
            };
        }
        Self(set)
    }

    /// The smallest and the largest; `None` when empty.
    pub(super) fn hull(&self) -> Option<(i128, i128)> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }

    /// The numbers x with `factor * x + constant` in the set; `factor` is not 0.
    pub(super) fn preimage(&self, factor: i128, constant: i128) -> Self {
        let mut set = self
            .0
            .iter()
            .map(|&(low, high)| {
                let (low, high) = (far_minus(low, constant), far_minus(high, constant));
                let (low, high) = if factor > 0 { (low, high) } else { (-high, -low) };
                (ceil(low, factor.abs()), floor(high, factor.abs()))
            })
            .filter(|(low, high)| low <= high)
            .collect::<Vec<_>>();
        set.sort_unstable();
        Self(set)
    }
}

/// No bound stays none.
fn far_minus(bound: i128, constant: i128) -> i128 {
    if bound.abs() >= FAR { bound } else { bound - constant }
}

fn floor(value: i128, by: i128) -> i128 {
    if value.abs() >= FAR { value } else { value.div_euclid(by) }
}

fn ceil(value: i128, by: i128) -> i128 {
    -floor(-value, by)
}

/// A set of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextSet {
    /// These alone.
    In(BTreeSet<Box<str>>),
    /// All but these.
    Out(BTreeSet<Box<str>>),
}

impl TextSet {
    pub(super) const fn all() -> Self {
        Self::Out(BTreeSet::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::In(texts) if texts.is_empty())
    }

    /// The only text in it, when there is only one.
    pub(super) fn single(&self) -> Option<&str> {
        match self {
            Self::In(texts) if texts.len() == 1 => texts.first().map(|text| &**text),
            _ => None,
        }
    }

    pub(super) fn complement(self) -> Self {
        match self {
            Self::In(texts) => Self::Out(texts),
            Self::Out(texts) => Self::In(texts),
        }
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::In(a), Self::In(b)) => Self::In(a & b),
            (Self::In(a), Self::Out(b)) | (Self::Out(b), Self::In(a)) => Self::In(a - b),
            (Self::Out(a), Self::Out(b)) => Self::Out(a | b),
        }
    }

    /// Without the texts of a finite set that `keep` does not hold for; what is not finite stays as it is.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        if let Self::In(texts) = self {
            texts.retain(|text| keep(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn a_set() -> impl Strategy<Value = IntSet> {
        let range = (-20_i128..20, 0_i128..9).prop_map(|(low, more)| IntSet::range(low, low + more));
        let points = prop::collection::vec(-20_i128..20, 0..5).prop_map(IntSet::points);
        prop_oneof![range, points].prop_flat_map(|set| {
            any::<bool>().prop_map(move |turned| if turned { set.complement() } else { set.clone() })
        })
    }

    proptest! {
        #[test]
        fn sets_are_what_membership_says(
            a in a_set(),
            b in a_set(),
            value in -25_i128..25,
            factor in prop::sample::select(vec![-3_i128, -2, -1, 1, 2, 3]),
            constant in -5_i128..6,
        ) {
            prop_assert_eq!(a.intersect(&b).contains(value), a.contains(value) && b.contains(value));
            prop_assert_eq!(a.complement().contains(value), !a.contains(value));
            prop_assert_eq!(
                a.preimage(factor, constant).contains(value),
                a.contains(factor * value + constant)
            );
            if a.contains(value) {
                let (low, high) = a.hull().expect("not empty");
                prop_assert!((low..=high).contains(&value));
            }
            prop_assert_eq!(a.intersect(&a.complement()).is_empty(), true);
        }
    }
}
