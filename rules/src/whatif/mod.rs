//! What-if: what the rules of one pack, or of two side by side, answer about a whole population, and who would gain,
//! lose, have another date or read other words. Pure: tables are read and pages written elsewhere.
//!
//! ```text
//! packs -> Study (which columns, which questions) -> judge(Batch) -> Tally (+ Changes)
//! ```
//!
//! A population is one wide table, one row a citizen. What is known of the citizen stands in columns named as
//! conditions name them (`subject.birth_date`, `subject.mother.employed`); what happened to them in the period stands
//! in the columns of each life event that events report (`birth:time`, `birth:birth_date`), where a NULL time says that
//! it did not. Milestones and absences have no columns: they are computed from these, under each pack's own dates, lead
//! times and periods, and count when they come about in the period that is studied. A
//! rule is asked of the rows in which its life event comes about, once for each kind of recipient: where it tells a linked
//! person, `citizen.x` is the column `subject.LINK.x`, and a NULL in the column `subject.LINK` says that there is nobody.
//! A rule of an overlay is asked where its recipient lives in the place.
//!
//! What this leaves out, because a wide table cannot say it: a second occurrence of one reported life event in the
//! period, one before the period (so an absence of what happened before it), the linked person's own links, facts as of
//! the occurrence where they changed later, and everything that is asked at planning (refusals, deaths, shields, what a
//! linked service covers, limits of a week).

mod judge;
mod met;
mod occur;
mod source;
mod study;
mod tally;
#[cfg(test)]
mod tests;
mod views;
mod words;

pub use judge::{Batch, Change, JudgeError, Period, judge};
pub use study::{Column, Happening, Question, Study, StudyError, column_name};
pub use tally::{AGE_BANDS, Counts, Tally};
pub use views::views;
pub use words::{Reworded, reworded};
