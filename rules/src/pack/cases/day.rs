//! The law of one day alone.

use chrono::NaiveDate;

use super::super::model::{Pack, Rule};

/// What a pack's cases try, left with the law of one day: the rules in force on it, each in its version of that day, and
/// the cases that fall under it. For running cases: the places of rules are others than in the pack.
pub fn law_of_day(mut pack: Pack, day: NaiveDate) -> Pack {
    for life_event in &mut pack.life_events {
        life_event.rules.retain(|rule| is_in_force(rule, day));
        for rule in &mut life_event.rules {
            let place = rule.place_on(day);
            let of_day: Vec<bool> = rule.cases.iter().map(|case| rule.place_on(case.on) == place).collect();
            let mut of_day = of_day.into_iter();
            rule.cases.retain(|_| of_day.next() == Some(true));
            rule.versions = rule.versions.drain(..).skip(place).take(1).collect();
        }
    }
    pack
}

fn is_in_force(rule: &Rule, day: NaiveDate) -> bool {
    let (first, last) = rule.in_force;
    first <= day && last.is_none_or(|last| day <= last)
}
