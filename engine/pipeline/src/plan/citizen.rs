//! Planning one citizen: what may be told now, in which order, in which message, and what waits.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::{Notification, Outcome};
use tidings_domain::model::{RankAnswer, RankAsk, Signature};
use tidings_domain::record::{Answer, Kind, Record, State, Suppressed};
use tidings_domain::time::Timestamp;
use tidings_rules::pack::format::Class;
use tidings_rules::pack::model::Pack;

use crate::compose::{self, Telling};
use crate::engine::Engine;
use crate::judge;
use crate::policy;
use crate::view::{DAY_MS, Folded, Reader};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What planning one citizen came to.
#[derive(Default)]
pub(super) struct Plan {
    /// Messages to be sent.
    pub(super) notifications: Vec<Notification>,
    /// What became of opportunities, by occurrence and rule key.
    pub(super) outcomes: BTreeMap<OccurrenceId, Vec<(String, Outcome)>>,
    /// Scores that the model gave, by rule.
    pub(super) scores: Vec<(String, i32)>,
    /// Why pack order or a template stood in for the model.
    pub(super) fallback: Option<String>,
}

/// One opportunity that may be told now.
struct Admitted {
    id: OpportunityId,
    root: String,
    class: Class,
    deadline: Option<NaiveDate>,
    order: u32,
    score: i32,
}

struct Planner<'a> {
    engine: &'a Engine,
    pack: &'a Pack,
    me: CitizenId,
    record: &'a mut Record,
    now: Timestamp,
    folded: BTreeMap<OccurrenceId, Folded>,
    plan: Plan,
    next: Option<Timestamp>,
}

/// Plans a citizen's open opportunities and sets when to plan again, if ever.
pub(super) fn plan(engine: &Engine, pack: &Pack, me: CitizenId, record: &mut Record, now: Timestamp) -> Plan {
    record.told.retain(|told| now.0 - told.0 < 7 * DAY_MS);
    let folded = policy::fold_all(Reader { pack, me, record });
    let mut planner = Planner { engine, pack, me, record, now, folded, plan: Plan::default(), next: None };
    let mut admitted = planner.admit();
    if admitted.is_empty() || policy::is_sociable(pack, now) {
        planner.rank(&mut admitted);
        admitted.sort_by_key(|one| {
            (one.class, one.deadline.is_none(), one.deadline, Reverse(one.score), one.order)
        });
        let told = planner.fill_messages(admitted);
        planner.ask(told);
        planner.correct();
    } else {
        planner.wait_until(policy::next_sociable(pack, now, false));
    }
    planner.record.plan = planner.next.map(|due| (TaskId::of("plan", &[&me.0]), due));
    planner.plan
}

impl Planner<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader { pack: self.pack, me: self.me, record: self.record }
    }

    fn wait_until(&mut self, due: Timestamp) {
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// A rule's key as the pack has it now.
    fn key(&self, root: &str) -> String {
        self.pack.rule(root).map_or(root, |(_, rule)| &rule.key).to_owned()
    }

    fn outcome(&mut self, occurrence: OccurrenceId, root: &str, outcome: Outcome) {
        let key = self.key(root);
        self.plan.outcomes.entry(occurrence).or_default().push((key, outcome));
    }

    /// Marks an opportunity as not told; recorded once, not at every planning.
    fn suppress(&mut self, id: OpportunityId, reason: Suppressed) {
        let Some(opportunity) = self.record.opportunities.get_mut(&id) else { return };
        let state = State::Suppressed(reason.clone());
        if opportunity.state == state {
            return;
        }
        opportunity.state = state;
        let (occurrence, rule) = (opportunity.occurrence, opportunity.rule.clone());
        self.outcome(occurrence, &rule, Outcome::Suppressed(reason));
    }

    /// Finds what may be told now; what may not is suppressed, with the reason.
    fn admit(&mut self) -> Vec<Admitted> {
        let holds = self.engine.holds();
        let (mut admitted, mut refused) = (Vec::new(), Vec::new());
        for (id, opportunity) in &self.record.opportunities {
            let waits = matches!(opportunity.state, State::Open | State::Suppressed(_));
            if !waits || opportunity.answer != Answer::Yes || opportunity.told.contains_key(&Kind::First) {
                continue;
            }
            let Some(candidate) = policy::candidate(self.pack, self.record, &self.folded, opportunity) else {
                continue;
            };
            match policy::objection(self.reader(), candidate, &holds, self.now) {
                Some(reason) => refused.push((*id, reason)),
                None => admitted.push(Admitted {
                    id: *id,
                    root: candidate.rule.root.clone(),
                    class: candidate.rule.class,
                    deadline: policy::deadline(self.reader(), candidate, self.reader().date(self.now)),
                    order: candidate.rule.order,
                    score: 0,
                }),
            }
        }
        for (id, reason) in refused {
            if reason == Suppressed::Held {
                self.wait_until(policy::next_sociable(self.pack, self.now + DAY, true));
            }
            if reason == Suppressed::NotInForce {
                self.wait_for_law(id);
            }
            self.suppress(id, reason);
        }
        admitted
    }

    /// What the law of today does not give, that of a later day may.
    fn wait_for_law(&mut self, id: OpportunityId) {
        let today = self.reader().date(self.now);
        let next = self.record.opportunities.get(&id).and_then(|one| policy::next_filing(one, today));
        if let Some(day) = next {
            self.wait_until(policy::next_sociable(self.pack, policy::start_of(self.pack, day), false));
        }
    }

    /// Lets the model order suggestions, unless the person refused it.
    fn rank(&mut self, admitted: &mut [Admitted]) {
        let suggestions: Vec<usize> =
            (0..admitted.len()).filter(|place| admitted[*place].class == Class::Suggestion).collect();
        let reader = self.reader();
        if suggestions.len() < 2 || reader.has(self.me, &self.pack.roles.refusals, policy::MODEL, self.now) {
            return;
        }
        let service = |place: &usize| {
            let (_, rule) = self.pack.rule(&admitted[*place].root)?;
            let service = self.pack.services.get(&rule.service)?;
            let title = self.pack.languages.first().and_then(|code| service.title.get(code));
            Some((service.id.clone(), title.cloned().unwrap_or_default()))
        };
        let services: Vec<_> = suggestions.iter().filter_map(service).collect();
        let ask = RankAsk { signature: Signature::default(), services };
        match self.engine.model.rank(std::slice::from_ref(&ask)).pop() {
            Some(RankAnswer::Scores(scores)) if scores.len() == suggestions.len() => {
                for (place, score) in suggestions.into_iter().zip(scores) {
                    admitted[place].score = score;
                    self.plan.scores.push((admitted[place].root.clone(), score));
                }
            }
            Some(RankAnswer::PackOrder(reason)) => self.plan.fallback = Some(reason),
            _ => self.plan.fallback = Some("bad-answer".to_owned()),
        }
    }

    /// Fills messages in order. Duties always go out; the rest only while there is room: one message now, and
    /// no more than the cap in a week.
    /// Whether one went out.
    fn fill_messages(&mut self, admitted: Vec<Admitted>) -> bool {
        let week_full = self.record.told.len() >= self.pack.cap_per_week as usize;
        let room = self.record.told.iter().min().map(|oldest| *oldest + 7 * DAY);
        let mut queue = admitted.into_iter().peekable();
        let mut first = true;
        while queue.peek().is_some() {
            let chunk: Vec<Admitted> = queue.by_ref().take(self.pack.per_message).collect();
            let duty = chunk.iter().any(|one| one.class == Class::Duty);
            if duty || (first && !week_full) {
                self.tell(Kind::First, chunk.iter().map(|one| one.id).collect());
            } else {
                let (reason, again) = match room {
                    Some(room) if week_full => (Suppressed::Capped, room),
                    _ => (Suppressed::Outranked, self.now + DAY),
                };
                self.wait_until(policy::next_sociable(self.pack, again, true));
                chunk.iter().for_each(|one| self.suppress(one.id, reason.clone()));
            }
            first = false;
        }
        !first
    }

    /// Asks for missing facts, when nothing else is told now and there is room this week.
    fn ask(&mut self, told: bool) {
        let mut asking = Vec::new();
        let holds = self.engine.holds();
        for (id, opportunity) in &self.record.opportunities {
            let waits = matches!(opportunity.state, State::Open | State::Suppressed(_));
            if !waits || !opportunity.asks || opportunity.told.contains_key(&Kind::Question) {
                continue;
            }
            let candidate = policy::candidate(self.pack, self.record, &self.folded, opportunity);
            let may = candidate
                .filter(|candidate| policy::objection(self.reader(), *candidate, &holds, self.now).is_none());
            asking.extend(may.map(|candidate| (candidate.rule.class, candidate.rule.order, *id)));
        }
        if asking.is_empty() {
            return;
        }
        if told {
            return self.wait_until(policy::next_sociable(self.pack, self.now + DAY, true));
        }
        if self.record.told.len() >= self.pack.cap_per_week as usize {
            let room = self.record.told.iter().min().map_or(self.now + DAY, |oldest| *oldest + 7 * DAY);
            return self.wait_until(policy::next_sociable(self.pack, room, true));
        }
        asking.sort_unstable();
        asking.truncate(self.pack.per_message);
        self.tell(Kind::Question, asking.into_iter().map(|(_, _, id)| id).collect());
    }

    /// Composes a first message or a question; an opportunity whose wording lacks a value is left out of it.
    fn tell(&mut self, kind: Kind, mut told: Vec<OpportunityId>) {
        let telling = Telling { kind, unless_done: false, sent_again: false };
        while !told.is_empty() {
            let composed =
                compose::message(self.engine, self.reader(), &self.folded, &told, telling, self.now);
            match composed {
                Ok(composed) => {
                    if let Some(fallback) = composed.fallback {
                        self.plan.fallback.get_or_insert(fallback);
                    }
                    return self.planned(composed.notification, &told);
                }
                Err(bad) => {
                    told.retain(|id| *id != bad);
                    self.suppress(bad, Suppressed::Wording);
                }
            }
        }
    }

    fn planned(&mut self, notification: Notification, told: &[OpportunityId]) {
        for id in told {
            let Some(opportunity) = self.record.opportunities.get_mut(id) else { continue };
            opportunity.told.insert(notification.kind, notification.id);
            if notification.kind == Kind::First {
                opportunity.state = State::Planned(notification.id);
            }
            let (occurrence, rule) = (opportunity.occurrence, opportunity.rule.clone());
            self.outcome(occurrence, &rule, Outcome::Planned(notification.id, notification.kind));
        }
        self.plan.notifications.push(notification);
    }

    /// Takes back what was told and is no longer so.
    fn correct(&mut self) {
        let due: Vec<OpportunityId> = self
            .record
            .opportunities
            .iter()
            .filter(|(_, one)| one.answer == Answer::Withdrawn && judge::wants_planning(one))
            .map(|(id, _)| *id)
            .collect();
        if due.is_empty() {
            return;
        }
        if !policy::is_sociable(self.pack, self.now) {
            return self.wait_until(policy::next_sociable(self.pack, self.now, false));
        }
        let (due, silent): (Vec<_>, Vec<_>) = due.into_iter().partition(|id| {
            let opportunity = self.record.opportunities.get(id);
            opportunity.is_some_and(|one| policy::may_correct(self.reader(), one, self.now))
        });
        for id in silent {
            self.suppress(id, Suppressed::NoLink);
        }
        let telling = Telling { kind: Kind::Correction, unless_done: false, sent_again: false };
        for chunk in due.chunks(self.pack.per_message) {
            let composed =
                compose::message(self.engine, self.reader(), &self.folded, chunk, telling, self.now);
            if let Ok(composed) = composed {
                self.planned(composed.notification, chunk);
            }
        }
    }
}
