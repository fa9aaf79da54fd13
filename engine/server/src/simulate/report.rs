//! What a what-if found: for programs, and as text for people.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Serialize, Serializer};
use tidings_rules::Pack;
use tidings_rules::expr::Answer;
use tidings_rules::pack::model::Recipient;
use tidings_rules::whatif::{Counts, Period, Reworded, Study, Tally, reworded};

use crate::out::{Grid, grouped, human};

/// Everything that was counted.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) old: Option<Named>,
    pub(super) new: Named,
    /// Citizens of a population, or events of a log.
    pub(super) rows: u64,
    pub(super) unit: &'static str,
    pub(super) as_of: NaiveDate,
    /// The days on which milestones and absences count; not of a log.
    #[serde(serialize_with = "first_and_last")]
    pub(super) period: Option<Period>,
    /// Life events that time or silence brings: computed, and not read from the population.
    pub(super) computed: Vec<String>,
    /// Columns that conditions read and the population does not have: NULL in every row.
    pub(super) absent_columns: Vec<String>,
    pub(super) people_with_gain: u64,
    pub(super) people_with_loss: u64,
    pub(super) people_with_date_changed: u64,
    /// Told on another day.
    pub(super) people_with_day_changed: u64,
    pub(super) total: Numbers,
    pub(super) rules: Vec<RuleLine>,
    pub(super) services: Vec<Line>,
    pub(super) provinces: Vec<Line>,
    pub(super) age_bands: Vec<Line>,
    pub(super) wording: Vec<Words>,
    pub(super) seconds: f64,
    pub(super) rows_per_second: f64,
    pub(super) peak_memory_bytes: Option<u64>,
}

/// Which pack.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: String,
}

/// Counts of answers: one question about one citizen is one.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Numbers {
    pub(super) asked: u64,
    pub(super) yes_before: u64,
    pub(super) yes_after: u64,
    pub(super) gains: u64,
    pub(super) losses: u64,
    pub(super) unknown_before: u64,
    pub(super) unknown_after: u64,
    pub(super) dates_changed: u64,
    pub(super) dates_earlier: u64,
    pub(super) dates_later: u64,
    /// Told before and after, but sooner or later.
    pub(super) told_sooner: u64,
    pub(super) told_later: u64,
    /// Of the gains, those of what came about outside the period before.
    pub(super) moved_in: u64,
    /// Of the losses, those of what would come about outside the period.
    pub(super) moved_out: u64,
}

impl Numbers {
    fn of(counts: &Counts) -> Self {
        Self {
            asked: counts.asked(),
            yes_before: counts.before(Answer::Yes),
            yes_after: counts.after(Answer::Yes),
            gains: counts.gains(),
            losses: counts.losses(),
            unknown_before: counts.before(Answer::Unknown),
            unknown_after: counts.after(Answer::Unknown),
            dates_changed: counts.dates.iter().sum(),
            dates_earlier: counts.dates[0],
            dates_later: counts.dates[1],
            told_sooner: counts.days[0],
            told_later: counts.days[1],
            moved_in: counts.moved[0],
            moved_out: counts.moved[1],
        }
    }

    pub(super) const fn changes(&self) -> bool {
        self.gains + self.losses + self.dates_changed + self.told_sooner + self.told_later > 0
            || self.unknown_before != self.unknown_after
    }
}

/// Counts under a name.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) key: String,
    /// For people.
    pub(super) title: String,
    #[serde(flatten)]
    pub(super) numbers: Numbers,
}

/// Counts of one rule for one kind of recipient.
#[derive(Debug, Serialize)]
pub(super) struct RuleLine {
    pub(super) rule: String,
    pub(super) root: String,
    pub(super) life_event: String,
    pub(super) service: String,
    pub(super) recipient: String,
    /// `both`, `added` or `removed`.
    pub(super) standing: &'static str,
    #[serde(flatten)]
    pub(super) numbers: Numbers,
    /// Unknown for a fault in the arithmetic.
    pub(super) faults: u64,
    /// Facts for want of which the new pack's answer is unknown, and for how many.
    pub(super) missing: Vec<(String, u64)>,
}

/// A text that would change.
#[derive(Debug, Serialize)]
pub(super) struct Words {
    pub(super) rule: String,
    pub(super) language: String,
    pub(super) part: String,
    pub(super) old: String,
    pub(super) new: String,
    /// Told before and after, and so in other words.
    pub(super) affected: u64,
}

impl Report {
    pub(super) fn new(
        study: &Study<'_>,
        tally: &Tally,
        absent: &[String],
        as_of: NaiveDate,
        elapsed: Duration,
    ) -> Self {
        let by_question = tally.by_question();
        let mut total = Counts::default();
        by_question.values().for_each(|counts| total.add(counts));
        let [gain, loss, date, day] = tally.people;
        let line =
            |key: String, title: String, counts: &Counts| Line { key, title, numbers: Numbers::of(counts) };
        let services = tally.by_service(study);
        let services = services.iter().map(|(key, counts)| line(key.clone(), title(study, key), counts));
        let plain = |(key, counts): (String, Counts)| line(key.clone(), key, &counts);
        let province = |(key, counts): (String, Counts)| {
            let code = key.chars().all(|one| one.is_ascii_digit());
            let title = if code { format!("Province {key}") } else { key.clone() };
            line(key, title, &counts)
        };
        let rule =
            |place: usize| rule(study, tally, place, &by_question.get(&place).copied().unwrap_or_default());
        Self {
            old: study.old.map(named),
            new: named(study.new),
            rows: tally.rows,
            unit: "citizens",
            as_of,
            period: None,
            computed: Vec::new(),
            absent_columns: absent.to_vec(),
            people_with_gain: gain,
            people_with_loss: loss,
            people_with_date_changed: date,
            people_with_day_changed: day,
            total: Numbers::of(&total),
            rules: (0..study.questions.len()).map(rule).collect(),
            services: services.collect(),
            provinces: tally.by_province().into_iter().map(province).collect(),
            age_bands: tally
                .by_band()
                .into_iter()
                .map(|(key, counts)| plain((key.to_owned(), counts)))
                .collect(),
            wording: words(study, &reworded(study, as_of), &by_question),
            seconds: elapsed.as_secs_f64(),
            rows_per_second: tally.rows as f64 / elapsed.as_secs_f64().max(1e-9),
            peak_memory_bytes: peak_memory(),
        }
    }
}

impl Report {
    /// Of a population, what was computed counts in a period.
    pub(super) fn of_population(&mut self, study: &Study<'_>, period: Period) {
        self.period = Some(period);
        let computed = study.happenings.iter().filter(|happening| happening.by_clock());
        self.computed = computed.map(|happening| happening.name.clone()).collect();
    }

    /// Of a log, nothing is counted by place, by age or by date.
    pub(super) fn of_events(&mut self) {
        self.unit = "events";
        self.provinces.clear();
        self.age_bands.clear();
    }
}

fn first_and_last<S: Serializer>(period: &Option<Period>, to: S) -> Result<S::Ok, S::Error> {
    period.map(|period| [period.first, period.last]).serialize(to)
}

fn named(pack: &Pack) -> Named {
    let digest = pack.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Named { name: pack.name.clone(), version: pack.version.clone(), digest }
}

/// A service's name in the new pack's first language.
fn title(study: &Study<'_>, service: &str) -> String {
    let of = |pack: &Pack| {
        let service = pack.services.get(service)?;
        let language = pack.languages.first()?;
        service.title.get(language).cloned()
    };
    of(study.new).or_else(|| study.old.and_then(of)).unwrap_or_else(|| service.to_owned())
}

fn rule(study: &Study<'_>, tally: &Tally, place: usize, counts: &Counts) -> RuleLine {
    let question = &study.questions[place];
    let (rule, service) = question.named();
    let missing = tally.missing(study, place).into_iter();
    RuleLine {
        rule: rule.to_owned(),
        root: question.root.clone(),
        life_event: question.life_event.clone(),
        service: service.to_owned(),
        recipient: match &question.recipient {
            Recipient::Subject => "subject".to_owned(),
            Recipient::Link(link) => format!("subject.{link}"),
        },
        standing: match (question.old_rule(), question.new_rule()) {
            (None, Some(_)) if study.old.is_some() => "added",
            (Some(_), None) => "removed",
            _ => "both",
        },
        numbers: Numbers::of(counts),
        faults: tally.faults.get(place).copied().unwrap_or_default(),
        missing: missing.map(|(name, count)| (name.to_owned(), count)).collect(),
    }
}

fn words(
    study: &Study<'_>,
    found: &[Reworded],
    counts: &std::collections::BTreeMap<usize, Counts>,
) -> Vec<Words> {
    let affected = |root: &str| {
        let of = study.questions.iter().enumerate().filter(|(_, question)| question.root == root);
        of.filter_map(|(place, _)| counts.get(&place)).map(Counts::kept).sum()
    };
    let each = found.iter().map(|one| Words {
        rule: one.root.clone(),
        language: one.language.clone(),
        part: one.part.clone(),
        old: one.old.clone(),
        new: one.new.clone(),
        affected: affected(&one.root),
    });
    each.collect()
}

/// The largest resident size of this process so far (Linux: `VmHWM`).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.old {
            Some(_) => self.comparison(f)?,
            None => self.counts(f)?,
        }
        if let Some(Period { first, last }) = self.period {
            write!(
                f,
                "\nStudied: {first} to {last}. Computed for these days, and not read from the population: {}",
                self.computed.join(", ")
            )?;
        }
        if !self.absent_columns.is_empty() {
            write!(
                f,
                "\nNot in the population, so unknown for everybody: {}",
                self.absent_columns.join(", ")
            )?;
        }
        write!(
            f,
            "\n{} {} in {}, {} a second",
            grouped(self.rows),
            self.unit,
            human(Duration::from_secs_f64(self.seconds)),
            grouped(self.rows_per_second as u64)
        )?;
        match self.peak_memory_bytes {
            Some(bytes) => write!(f, ", peak memory {} MB", grouped(bytes / 1_000_000)),
            None => Ok(()),
        }
    }
}

impl Report {
    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut grid = Grid::new("Asked, yes, unknown, by rule and recipient");
        for rule in &self.rules {
            let missing: Vec<String> =
                rule.missing.iter().map(|(name, count)| format!("{name} {}", grouped(*count))).collect();
            grid.row([
                grouped(rule.numbers.asked),
                grouped(rule.numbers.yes_after),
                grouped(rule.numbers.unknown_after),
                rule.rule.clone(),
                rule.recipient.clone(),
                missing.join(", "),
            ]);
        }
        writeln!(f, "{grid}")
    }

    fn comparison(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} people would be told of something new, {} no longer of something, {} have another last day to act, {} are \
             told on another day",
            grouped(self.people_with_gain),
            grouped(self.people_with_loss),
            grouped(self.people_with_date_changed),
            grouped(self.people_with_day_changed)
        )?;
        let mut grid =
            Grid::new("Gains, losses, last days changed, told on another day, by rule and recipient");
        for rule in self.rules.iter().filter(|rule| rule.numbers.changes() || rule.standing != "both") {
            let standing = if rule.standing == "both" { "" } else { rule.standing };
            grid.row([
                format!("+{}", grouped(rule.numbers.gains)),
                format!("-{}", grouped(rule.numbers.losses)),
                grouped(rule.numbers.dates_changed),
                grouped(rule.numbers.told_sooner + rule.numbers.told_later),
                rule.rule.clone(),
                rule.recipient.clone(),
                standing.to_owned(),
            ]);
        }
        writeln!(f, "{grid}")?;
        let Numbers { moved_in, moved_out, .. } = self.total;
        if moved_in + moved_out > 0 {
            writeln!(
                f,
                "Of the gains, {} come about outside the period before; of the losses, {} would come about outside it",
                grouped(moved_in),
                grouped(moved_out)
            )?;
        }
        for (title, lines) in
            [("By service", &self.services), ("By province", &self.provinces), ("By age", &self.age_bands)]
        {
            if !lines.is_empty() {
                writeln!(f, "{}", changed(title, lines))?;
            }
        }
        for one in &self.wording {
            writeln!(
                f,
                "\n{} ({}, {}) reads differently to {}:\n  - {}\n  + {}",
                one.rule,
                one.part,
                one.language,
                grouped(one.affected),
                one.old,
                one.new
            )?;
        }
        Ok(())
    }
}

fn changed(title: &str, lines: &[Line]) -> Grid {
    let mut grid = Grid::new(title);
    for line in lines.iter().filter(|line| line.numbers.changes()) {
        let Numbers { gains, losses, dates_changed, told_sooner, told_later, .. } = line.numbers;
        grid.row([
            format!("+{}", grouped(gains)),
            format!("-{}", grouped(losses)),
            grouped(dates_changed),
            grouped(told_sooner + told_later),
            line.title.clone(),
        ]);
    }
    grid
}
