//! Whether sums of numbers and dates can lie where they are asked to: intervals for each, shortest paths for differences
//! (R. Bellman's bounds on x - y, as in difference-bound matrices), and what functions of dates say of the dates.

use std::collections::{BTreeMap, BTreeSet};

use super::super::World;
use super::super::bounds::{days_of_months, days_of_shift, months_of_days};
use super::super::linear::{Linear, Term, TermId, Terms};
use super::super::set::{FAR, IntSet};

/// How often bounds are passed on. More would only tighten further.
const ROUNDS: usize = 6;
/// The most terms in one alternative; beyond, differences say nothing.
const MAX_TERMS: usize = 48;
/// Months of the calendar, generously.
const MOST_MONTHS: i128 = 200_000;
const MONTHS_A_YEAR: i128 = 12;

type Sums = BTreeMap<Linear, IntSet>;

/// Whether every sum can lie in its set: `false` is proved.
pub(super) fn agree(asked: &Sums, terms: &mut Terms, world: &World) -> bool {
    let mut sums = asked.clone();
    for _ in 0..ROUNDS {
        let before = sums.clone();
        if !round(&mut sums, terms, world) {
            return false;
        }
        if sums == before {
            break;
        }
    }
    true
}

fn round(sums: &mut Sums, terms: &Terms, world: &World) -> bool {
    for term in used(sums, terms) {
        let first = initial(terms.get(term), world);
        if !narrow(sums, Linear::term(term), &first) {
            return false;
        }
    }
    let Some(bounds) = Bounds::of(sums) else { return false };
    let tightened = sums.keys().cloned().map(|sum| (bounds.hull(&sum), sum)).collect::<Vec<_>>();
    for ((low, high), sum) in tightened {
        if !narrow(sums, sum, &IntSet::range(low, high)) {
            return false;
        }
    }
    used(sums, terms).into_iter().all(|term| related(term, sums, &bounds, terms))
}

/// `sum` lies in `set` too.
fn narrow(sums: &mut Sums, sum: Linear, set: &IntSet) -> bool {
    let (sum, set) = sum.lies_in(set);
    if sum.terms.is_empty() {
        return set.contains(sum.constant);
    }
    let before = sums.entry(sum).or_insert_with(IntSet::all);
    *before = before.intersect(&set);
    !before.is_empty()
}

/// The terms of these sums, and what those are computed from.
fn used(sums: &Sums, terms: &Terms) -> BTreeSet<TermId> {
    let mut used = BTreeSet::new();
    let mut next = sums.keys().flat_map(|sum| sum.terms.keys().copied()).collect::<Vec<_>>();
    while let Some(term) = next.pop() {
        if used.insert(term) {
            match terms.get(term) {
                Some(Term::Months(from, to)) => next.extend(from.terms.keys().chain(to.terms.keys())),
                Some(Term::Years(months)) => next.push(*months),
                Some(Term::Later(_, _, date)) => next.extend(date.terms.keys()),
                Some(Term::Column(_) | Term::Other(_)) | None => {}
            }
        }
    }
    used
}

/// Where a term lies whatever is asked.
fn initial(term: Option<&Term>, world: &World) -> IntSet {
    match term {
        Some(Term::Column(place)) => match world.columns.get(*place) {
            Some(known) => {
                let (low, high) = match known.value_type {
                    tidings_domain::value::ValueType::Date => (i32::MIN.into(), i32::MAX.into()),
                    _ => (i64::MIN, i64::MAX),
                };
                IntSet::range(known.at_least.unwrap_or(low).into(), known.at_most.unwrap_or(high).into())
            }
            None => IntSet::all(),
        },
        Some(Term::Months(..) | Term::Years(_)) => IntSet::range(-MOST_MONTHS, MOST_MONTHS),
        Some(Term::Later(..)) => IntSet::range(i32::MIN.into(), i32::MAX.into()),
        Some(Term::Other(_)) | None => IntSet::all(),
    }
}

/// Passes on what a term says of what it is computed from, and the other way.
fn related(term: TermId, sums: &mut Sums, bounds: &Bounds, terms: &Terms) -> bool {
    let hull = |sums: &Sums, sum: &Linear| {
        let set = sums.get(sum).and_then(IntSet::hull);
        set.unwrap_or_else(|| bounds.hull(sum))
    };
    let own = Linear::term(term);
    let (low, high) = hull(sums, &own);
    match terms.get(term) {
        Some(Term::Months(from, to)) => {
            let Some(days) = to.plus(-1, from) else { return true };
            let (least, most) = days_of_months(low, high);
            let (fewest, largest) = bounds.hull(&days);
            let (fewest, largest) = months_of_days(fewest, largest);
            narrow(sums, days, &IntSet::range(least, most))
                && narrow(sums, own, &IntSet::range(fewest, largest))
        }
        Some(Term::Years(months)) => {
            let months = Linear::term(*months);
            let asked = IntSet::range(low * MONTHS_A_YEAR, high * MONTHS_A_YEAR + MONTHS_A_YEAR - 1);
            let (fewest, largest) = hull(sums, &months);
            let years = IntSet::range(fewest.div_euclid(MONTHS_A_YEAR), largest.div_euclid(MONTHS_A_YEAR));
            narrow(sums, months, &asked) && narrow(sums, own, &years)
        }
        Some(Term::Later(months, _, date)) => {
            let Some(days) = own.plus(-1, date) else { return true };
            let (least, most) = days_of_shift(*months);
            narrow(sums, days, &IntSet::range(least, most))
        }
        _ => true,
    }
}

/// Upper bounds on the difference of any two terms; place 0 is the number 0.
struct Bounds {
    places: BTreeMap<TermId, usize>,
    most: Vec<Vec<i128>>,
}

impl Bounds {
    /// `None` when they contradict each other.
    fn of(sums: &Sums) -> Option<Self> {
        let terms = sums.keys().flat_map(|sum| sum.terms.keys().copied()).collect::<BTreeSet<_>>();
        let places = terms
            .into_iter()
            .take(MAX_TERMS)
            .enumerate()
            .map(|(at, term)| (term, at + 1))
            .collect::<BTreeMap<_, _>>();
        let size = places.len() + 1;
        let mut bounds = Self { places, most: vec![vec![FAR; size]; size] };
        for (sum, set) in sums {
            let (low, high) = set.hull()?;
            let ends = match (sum.single(), sum.difference()) {
                (Some(term), _) => bounds.place(term).map(|place| (place, 0)),
                (_, Some((a, b))) => bounds.place(a).zip(bounds.place(b)),
                _ => None,
            };
            if let Some((a, b)) = ends {
                bounds.most[a][b] = bounds.most[a][b].min(high);
                bounds.most[b][a] = bounds.most[b][a].min(-low);
            }
        }
        bounds.close().then_some(bounds)
    }

    fn place(&self, term: TermId) -> Option<usize> {
        self.places.get(&term).copied()
    }

    /// Every bound that follows from two others (R. Floyd, "Algorithm 97: Shortest path", 1962). False when a number
    /// would have to be less than itself.
    fn close(&mut self) -> bool {
        let size = self.most.len();
        for via in 0..size {
            for from in 0..size {
                for to in 0..size {
                    let sum = add(self.most[from][via], self.most[via][to]);
                    self.most[from][to] = self.most[from][to].min(sum);
                }
            }
        }
        (0..size).all(|place| self.most[place][place] >= 0)
    }

    /// The least and the most that a sum can be.
    fn hull(&self, sum: &Linear) -> (i128, i128) {
        if let Some((a, b)) = sum.difference()
            && let Some((a, b)) = self.place(a).zip(self.place(b))
        {
            return (add(-self.most[b][a], sum.constant), add(self.most[a][b], sum.constant));
        }
        let mut hull = (sum.constant, sum.constant);
        for (term, factor) in &sum.terms {
            let Some(place) = self.place(*term) else { return (-FAR, FAR) };
            let ends = (times(-self.most[0][place], *factor), times(self.most[place][0], *factor));
            let ends = if *factor < 0 { (ends.1, ends.0) } else { ends };
            hull = (add(hull.0, ends.0), add(hull.1, ends.1));
        }
        hull
    }
}

/// No bound stays none.
fn add(a: i128, b: i128) -> i128 {
    match (a.abs() >= FAR, b.abs() >= FAR) {
        (true, _) => a,
        (_, true) => b,
        _ => (a + b).clamp(-FAR, FAR),
    }
}

fn times(bound: i128, factor: i128) -> i128 {
    if bound.abs() >= FAR {
        return bound * factor.signum();
    }
    bound
        .checked_mul(factor)
        .map_or(FAR * bound.signum() * factor.signum(), |product| product.clamp(-FAR, FAR))
}
