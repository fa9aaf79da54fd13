//! Deadlines and reminders that come too early or too late for everybody.

use super::finding::FindingCode as Code;
use super::places::Spot;
use super::{About, Found};
use crate::expr::prove::{Gap, Truths, World, days_of_shift, impossible_with, never};
use crate::pack::format::{Direction, RemindAnchor, Unit};
use crate::pack::model::{Deadline, Period, Rule};
use crate::pack::worlds::Under;

pub(super) fn check(rule: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    for under in Under::each(rule) {
        let Some(timing) = timing(under, about) else { continue };
        let spot = about.rule(rule);
        if timing.reaches(0) {
            reminders(&timing, &spot, found);
            continue;
        }
        let message = format!(
            "`{}`: the deadline always lies before the event, and so before anybody is told",
            rule.key
        );
        let hint = format!(
            "count `after` instead of `before`, or from another day than `{}`",
            timing.deadline.anchor
        );
        found.add(Code::DeadlinePast, &spot.then("deadline"), message, &hint);
    }
}

fn reminders(timing: &Timing<'_>, spot: &Spot<'_>, found: &mut Found<'_>) {
    let (key, anchor) = (&timing.under.rule.key, &timing.deadline.anchor);
    let after = timing.deadline.direction == Direction::After;
    for (at, (from, period)) in timing.under.rule.remind.iter().enumerate() {
        let spot = spot.then("remind").then(at);
        let (least, _) = length(*period);
        match from {
            RemindAnchor::BeforeDeadline if !timing.reaches(least.saturating_add(1)) => {
                let message = format!("`{key}`: this reminder always lies on or before the day of the event");
                let hint = "remind fewer days before the deadline";
                found.add(Code::ReminderTooEarly, &spot, message, hint);
            }
            RemindAnchor::BeforeDeadline if after && least > timing.latest => {
                let message =
                    format!("`{key}`: this reminder lies before `{anchor}`, from which the deadline counts");
                let hint = "right only if that day is to come when people are told; else remind later";
                found.add(Code::ReminderBeforeAnchor, &spot, message, hint);
            }
            RemindAnchor::AfterFirst if !timing.reaches(least) => {
                let message = format!("`{key}`: this reminder always lies after the deadline");
                found.add(Code::ReminderTooLate, &spot, message, "remind sooner after the first message");
            }
            _ => {}
        }
    }
}

/// A rule's deadline against the day of its event, under the law of some days.
struct Timing<'a> {
    under: Under<'a>,
    deadline: &'a Deadline,
    world: World,
    /// Position of the day of the event.
    time: usize,
    /// Position of the day that the deadline counts from.
    anchor: usize,
    /// The most days from there to the deadline.
    latest: i64,
}

fn timing<'a>(under: Under<'a>, about: &About<'_>) -> Option<Timing<'a>> {
    let rule = under.rule;
    let deadline = rule.deadline.as_ref()?;
    let amount = under.version.amount.as_ref()?;
    let amounts = amount.everywhere.iter().chain(amount.local.iter().map(|(_, amount)| amount));
    let latest = amounts.map(|amount| latest(*amount, deadline)).max()?;
    let anchor = about.columns.place(&deadline.anchor)?;
    let world = about.columns.world(&[rule], &rule.to, under.period);
    // Whoever is never told is not told too late.
    let told = !never(&[under.when().asked(Truths::YES)], &world);
    told.then(|| Timing { under, deadline, world, time: about.columns.time(), anchor, latest })
}

impl Timing<'_> {
    /// Whether the deadline may lie so many days after the event for somebody who is told. `false` is proved.
    fn reaches(&self, days: i64) -> bool {
        let gap = Gap { from: self.time, to: self.anchor, days: days.saturating_sub(self.latest) };
        !impossible_with(&[self.under.when().claim(Truths::YES)], &[gap], &self.world)
    }
}

/// The most days from the anchor to the deadline.
fn latest(amount: u32, deadline: &Deadline) -> i64 {
    let (least, most) = length(Period { amount, unit: deadline.unit });
    match deadline.direction {
        Direction::After => most,
        Direction::Before => -least,
    }
}

/// The fewest and the most days that a length can be.
fn length(period: Period) -> (i64, i64) {
    let amount = i64::from(period.amount);
    match period.unit {
        Unit::Days => (amount, amount),
        Unit::Months => days_of_shift(amount),
        // Every other day a holiday, and a month of them.
        Unit::WorkingDays => (amount, 2 * amount + 31),
    }
}
