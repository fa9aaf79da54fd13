//! How often things happen. Yearly rates are in a million of the people named; "assumed" marks a number that no
//! source was read for, chosen to look plausible. Where a source is named it was recalled, not opened.

/// Five-year age groups from 0, per thousand people: near the General Statistics Office's mid-term census of 2024.
pub(crate) const AGES: [(u8, u32); 19] = [
    (0, 72),
    (5, 80),
    (10, 80),
    (15, 72),
    (20, 66),
    (25, 73),
    (30, 82),
    (35, 83),
    (40, 74),
    (45, 66),
    (50, 60),
    (55, 54),
    (60, 48),
    (65, 38),
    (70, 25),
    (75, 13),
    (80, 8),
    (85, 4),
    (90, 2),
];

/// Men per hundred people under 15, 15 to 59, 60 to 79 and from 80: census of 2019, rounded.
pub(crate) const MEN_PERCENT: [(i32, u32); 4] = [(15, 52), (60, 50), (80, 44), (200, 35)];

/// Boys per thousand births: 111.4 boys to 100 girls (GSO, 2024).
pub(crate) const BOYS_PER_THOUSAND: u32 = 527;

/// Deaths a year by age below the first number: shaped like the WHO life table of 2019, about 6 per 1,000 overall.
pub(crate) const DEATHS: [(i32, u32); 10] = [
    (1, 12_000),
    (5, 700),
    (15, 300),
    (30, 700),
    (45, 1_700),
    (55, 4_000),
    (65, 9_000),
    (75, 20_000),
    (85, 55_000),
    (200, 150_000),
];

/// Births a year to a married woman below an age: shaped like GSO's rates of 2023, scaled to 14 births per 1,000 people.
pub(crate) const BIRTHS_MARRIED: [(i32, u32); 6] =
    [(20, 380_000), (25, 335_000), (30, 220_000), (35, 128_000), (40, 52_000), (46, 12_000)];

/// Births a year to a woman of 18 to 34 who is not married: assumed.
pub(crate) const BIRTHS_UNMARRIED: u32 = 9_000;

/// Twin births per thousand: assumed from the usual 10 to 12.
pub(crate) const TWINS_PER_THOUSAND: u32 = 11;

/// Days before the same mother may give birth again: assumed.
pub(crate) const DAYS_BETWEEN_BIRTHS: i32 = 320;

/// Births in a hundred that a hospital notifies, and that the registry records in the end: assumed, since nearly all
/// births are in a facility and not every facility reports yet.
pub(crate) const BIRTH_TOLD_BY_HEALTH: u32 = 82;
/// See [`BIRTH_TOLD_BY_HEALTH`].
pub(crate) const BIRTH_REGISTERED: u32 = 97;
/// Births in a hundred for which the hospital wrote the day before: assumed.
pub(crate) const BIRTH_DATE_WRONG: u32 = 2;

/// Working mothers and fathers in a hundred who file for the benefit of social insurance, and working parents who
/// register the child as a dependant for tax: assumed.
pub(crate) const MATERNITY_FILED: u32 = 75;
/// See [`MATERNITY_FILED`].
pub(crate) const PATERNITY_FILED: u32 = 45;
/// See [`MATERNITY_FILED`].
pub(crate) const DEPENDANT_FILED: u32 = 30;

/// Deaths in a hundred that a hospital notifies, and that the registry records: assumed, many die at home.
pub(crate) const DEATH_TOLD_BY_HEALTH: u32 = 55;
/// See [`DEATH_TOLD_BY_HEALTH`].
pub(crate) const DEATH_REGISTERED: u32 = 94;

/// Women, and men, below an age who marry in a year if they can: about 5.5 marriages per 1,000 people (GSO, 2022).
pub(crate) const BRIDES: [(i32, u32); 5] =
    [(20, 36_000), (25, 95_000), (30, 180_000), (40, 95_000), (60, 9_000)];
/// See [`BRIDES`].
pub(crate) const GROOMS: [(i32, u32); 5] = [(20, 0), (25, 60_000), (30, 132_000), (40, 95_000), (60, 9_000)];

/// Couples who divorce in a year: assumed, near 1.2 divorces per 1,000 people.
pub(crate) const DIVORCES: u32 = 5_200;

/// Women by age below the first number who are married, per hundred: census of 2019, rounded.
pub(crate) const WIVES_PERCENT: [(i32, u32); 9] =
    [(19, 0), (20, 6), (25, 30), (30, 68), (35, 84), (45, 88), (55, 84), (65, 72), (200, 45)];

/// Of those without a spouse, below an age: widowed and divorced women, widowed and divorced men, per hundred. Assumed.
pub(crate) const ALONE_PERCENT: [(i32, [u32; 4]); 5] = [
    (25, [0, 1, 0, 0]),
    (35, [1, 10, 0, 6]),
    (50, [10, 35, 4, 25]),
    (65, [50, 25, 30, 35]),
    (200, [88, 5, 75, 8]),
];

/// Adults who move in a year by age below the first number: 2 to 3 % of people in all (GSO's migration survey). Six in
/// ten married movers take their family.
pub(crate) const MOVES: [(i32, u32); 5] = [(18, 0), (25, 55_000), (35, 38_000), (50, 16_000), (200, 7_000)];
/// See [`MOVES`].
pub(crate) const FAMILY_MOVES_PERCENT: u32 = 60;

/// Workers who lose or leave a job in a year with none to follow: 5 %, assumed.
pub(crate) const JOB_ENDS: u32 = 50_000;
/// Workers who go from one job to another in a year: assumed.
pub(crate) const JOB_CHANGES: u32 = 220_000;
/// People of 18 to 54 without a job who find one in a year: assumed, to balance the ends.
pub(crate) const JOB_STARTS: u32 = 120_000;

/// People of working age by age below the first number who have a contract, per hundred: assumed.
pub(crate) const EMPLOYED_PERCENT: [(i32, u32); 6] =
    [(18, 0), (22, 35), (30, 68), (45, 72), (56, 60), (62, 25)];

/// Adults in a hundred with a car licence, which ends after ten years (Road Traffic Order and Safety Law 36/2024/QH15,
/// article 57): assumed.
pub(crate) const DRIVERS_PERCENT: u32 = 16;

/// Card holders who have a lost or damaged card replaced in a year: assumed.
pub(crate) const CARDS_REPLACED: u32 = 30_000;

/// Adults who refuse something proactive in a year, and those who take it back in the end, per hundred: assumed.
pub(crate) const REFUSALS: u32 = 12_000;
/// See [`REFUSALS`].
pub(crate) const RESTORED_PERCENT: u32 = 20;

/// Married women whom a court protects from their husband in a year, and how many orders are lifted: assumed.
pub(crate) const SHIELDS: u32 = 500;
/// See [`SHIELDS`].
pub(crate) const SHIELDS_LIFTED_PERCENT: u32 = 30;

/// The last column of the first row whose age lies above `age`; the last row's when there is none.
pub(crate) fn by_age<T: Copy, const N: usize>(table: &[(i32, T); N], age: i32) -> T {
    table.iter().find(|(below, _)| age < *below).map_or(table[N - 1].1, |(_, value)| *value)
}

/// The share of a yearly rate that falls on one month.
pub(crate) const fn monthly(yearly: u32) -> u32 {
    yearly / 12
}
