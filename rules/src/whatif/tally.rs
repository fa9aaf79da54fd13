//! Counts over a population, kept so that any part can be added to any other.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::judge::{Change, born_by};
use super::source::Input;
use super::study::Study;
use crate::expr::Answer;

/// Age bands: first age and name. What has no birth date stands after the last.
pub const AGE_BANDS: [(u32, &str); 8] = [
    (0, "0-5"),
    (6, "6-13"),
    (14, "14-17"),
    (18, "18-24"),
    (25, "25-39"),
    (40, "40-54"),
    (55, "55-59"),
    (60, "60+"),
];

const BANDS: usize = AGE_BANDS.len() + 1;
/// Name of a group for which the table says nothing.
const UNKNOWN: &str = "unknown";

/// How often each answer became which, and how many dates moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Old answer, then new answer: yes, no, unknown.
    pub answers: [[u64; 3]; 3],
    /// Yes before and after, with another last day to act: an earlier one, a later one, one that comes or goes.
    pub dates: [u64; 3],
    /// Yes before and after, and told on another day: sooner, later.
    pub days: [u64; 2],
    /// Gains of what came about outside the period before, and losses of what would come about outside it.
    pub moved: [u64; 2],
}

impl Counts {
    const fn place(answer: Answer) -> usize {
        match answer {
            Answer::Yes => 0,
            Answer::No => 1,
            Answer::Unknown => 2,
        }
    }

    fn note(&mut self, change: &Change) {
        self.answers[Self::place(change.old)][Self::place(change.new)] += 1;
        if let Some(place) = change.date() {
            self.dates[place] += 1;
        }
        if let Some(place) = change.day() {
            self.days[place] += 1;
        }
        let [before, after] = change.elsewhere;
        self.moved[0] += u64::from(change.gains() && before);
        self.moved[1] += u64::from(change.loses() && after);
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &Self) {
        for (row, others) in self.answers.iter_mut().zip(&other.answers) {
            row.iter_mut().zip(others).for_each(|(count, other)| *count += other);
        }
        let own = self.dates.iter_mut().chain(&mut self.days).chain(&mut self.moved);
        let others = other.dates.iter().chain(&other.days).chain(&other.moved);
        own.zip(others).for_each(|(count, other)| *count += other);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.answers.iter().flatten().sum()
    }

    /// How often the answer was `answer`.
    pub fn before(&self, answer: Answer) -> u64 {
        self.answers[Self::place(answer)].iter().sum()
    }

    /// How often the answer would be `answer`.
    pub fn after(&self, answer: Answer) -> u64 {
        self.answers.iter().map(|row| row[Self::place(answer)]).sum()
    }

    /// Told who were not.
    pub fn gains(&self) -> u64 {
        self.after(Answer::Yes) - self.answers[0][0]
    }

    /// Not told who were.
    pub fn losses(&self) -> u64 {
        self.before(Answer::Yes) - self.answers[0][0]
    }

    /// Told before and after.
    pub const fn kept(&self) -> u64 {
        self.answers[0][0]
    }
}

/// Where a count stands.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) question: usize,
    pub(super) province: usize,
    pub(super) band: usize,
}

/// The counts of some rows, by question, province and age band.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Rows read.
    pub rows: u64,
    /// People with at least one gain, at least one loss, at least one other last day to act, and at least one other day on
    /// which they are told.
    pub people: [u64; 4],
    /// By question: how often the new pack's answer was unknown for a fault in the arithmetic.
    pub faults: Vec<u64>,
    /// By question and column of the study: unknown answers of the new pack that it was missing for.
    pub(super) missing: Vec<BTreeMap<Input, u64>>,
    questions: usize,
    /// By province, question and band.
    cells: Vec<Counts>,
    provinces: Vec<Option<String>>,
    /// The latest birth date of each band but the first.
    born_by: [i32; AGE_BANDS.len() - 1],
}

impl Tally {
    /// Nothing counted yet. Ages are those on `as_of`.
    pub fn new(study: &Study<'_>, as_of: NaiveDate) -> Self {
        let questions = study.questions.len();
        Self {
            rows: 0,
            people: [0; 4],
            faults: vec![0; questions],
            missing: vec![BTreeMap::new(); questions],
            questions,
            cells: Vec::new(),
            provinces: Vec::new(),
            born_by: std::array::from_fn(|place| born_by(as_of, AGE_BANDS[place + 1].0)),
        }
    }

    pub(super) fn province(&mut self, province: Option<&str>) -> usize {
        // There are few, so looking through them is as quick as a hash.
        let known = self.provinces.iter().position(|known| known.as_deref() == province);
        known.unwrap_or_else(|| self.new_province(province.map(str::to_owned)))
    }

    fn new_province(&mut self, province: Option<String>) -> usize {
        let place = self.provinces.len();
        self.provinces.push(province);
        self.cells.resize(self.provinces.len() * self.questions * BANDS, Counts::default());
        place
    }

    pub(super) fn band(&self, birth_date: Option<i32>) -> usize {
        let Some(birth_date) = birth_date else { return AGE_BANDS.len() };
        self.born_by.iter().take_while(|&&latest| birth_date <= latest).count()
    }

    /// Counts an answer of somebody of whom neither place nor age is known here.
    pub fn note(&mut self, question: usize, old: Answer, new: Answer) {
        let (province, band) = (self.province(None), self.band(None));
        let change = Change {
            row: 0,
            question,
            old_day: None,
            new_day: None,
            old,
            new,
            elsewhere: [false; 2],
            old_deadline: None,
            new_deadline: None,
        };
        self.add(Cell { question, province, band }, &change);
    }

    pub(super) fn add(&mut self, cell: Cell, change: &Change) {
        let place = (cell.province * self.questions + cell.question) * BANDS + cell.band;
        if let Some(counts) = self.cells.get_mut(place) {
            counts.note(change);
        }
    }

    /// Counts each person once, however much of theirs changes.
    pub(super) fn count_people(&mut self, first_row: u64, rows: usize, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let mut seen = vec![[false; 4]; rows];
        for change in changes {
            let Some(seen) = usize::try_from(change.row - first_row).ok().and_then(|row| seen.get_mut(row))
            else {
                continue;
            };
            let (date, day) = (change.date().is_some(), change.day().is_some());
            for (place, now) in [change.gains(), change.loses(), date, day].into_iter().enumerate() {
                self.people[place] += u64::from(now && !seen[place]);
                seen[place] |= now;
            }
        }
    }

    /// Adds the counts of other rows of the same study.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.people.iter_mut().zip(&other.people).for_each(|(count, other)| *count += other);
        self.faults.iter_mut().zip(&other.faults).for_each(|(count, other)| *count += other);
        for (missing, others) in self.missing.iter_mut().zip(&other.missing) {
            others.iter().for_each(|(input, count)| *missing.entry(*input).or_default() += count);
        }
        let each = self.questions * BANDS;
        for (province, cells) in other.provinces.iter().zip(other.cells.chunks(each.max(1))) {
            let place = self.province(province.as_deref()) * each;
            let own = &mut self.cells[place..place + each];
            own.iter_mut().zip(cells).for_each(|(counts, other)| counts.add(other));
        }
    }

    fn sum<K: Ord>(&self, key: impl Fn(Cell) -> K) -> BTreeMap<K, Counts> {
        let mut sums: BTreeMap<K, Counts> = BTreeMap::new();
        for (place, counts) in self.cells.iter().enumerate().filter(|(_, counts)| counts.asked() > 0) {
            let (group, band) = (place / BANDS, place % BANDS);
            let cell = Cell { question: group % self.questions, province: group / self.questions, band };
            sums.entry(key(cell)).or_default().add(counts);
        }
        sums
    }

    /// By position in [`Study::questions`].
    pub fn by_question(&self) -> BTreeMap<usize, Counts> {
        self.sum(|cell| cell.question)
    }

    /// By service; the new pack's where a rule changed its service.
    pub fn by_service(&self, study: &Study<'_>) -> BTreeMap<String, Counts> {
        self.sum(|cell| study.questions[cell.question].named().1.to_owned())
    }

    /// By province as the table writes it.
    pub fn by_province(&self) -> BTreeMap<String, Counts> {
        self.sum(|cell| self.provinces[cell.province].clone().unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    /// By age band, in the order of [`AGE_BANDS`]; bands in which nothing was asked are there too.
    pub fn by_band(&self) -> Vec<(&'static str, Counts)> {
        let mut sums = self.sum(|cell| cell.band);
        let names = AGE_BANDS.iter().map(|(_, name)| *name).chain([UNKNOWN]).enumerate();
        let all = names.map(|(band, name)| (name, sums.remove(&band).unwrap_or_default()));
        all.filter(|(name, counts)| *name != UNKNOWN || counts.asked() > 0).collect()
    }

    /// The columns for want of which the new pack's answers to a question are unknown, the most often missing first.
    pub fn missing<'s>(&self, study: &'s Study<'_>, question: usize) -> Vec<(&'s str, u64)> {
        let counts = self.missing.get(question).into_iter().flatten();
        let mut named: Vec<_> = counts.map(|(input, count)| (study.name_of(*input), *count)).collect();
        named.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        named
    }
}
