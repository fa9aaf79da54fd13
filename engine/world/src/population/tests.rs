use super::*;

const SEED: u64 = 11;

fn wanted(names: &[(&str, Kind)]) -> Vec<Wanted> {
    let one =
        |(name, kind): &(&str, Kind)| Wanted { name: (*name).to_owned(), kind: *kind, values: Vec::new() };
    names.iter().map(one).collect()
}

fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date")
}

fn every_kind() -> Population {
    let mut wanted = wanted(&[
        ("subject.birth_date", Kind::Date),
        ("subject.sex", Kind::Text),
        ("subject.province", Kind::Text),
        ("subject.commune", Kind::Text),
        ("subject.marital_status", Kind::Text),
        ("subject.household_status", Kind::Text),
        ("subject.employed", Kind::Bool),
        ("subject.insured_months", Kind::Int),
        ("subject.children_count", Kind::Int),
        ("subject.spouse", Kind::Link),
        ("subject.spouse.employed", Kind::Bool),
        ("birth:time", Kind::Date),
        ("birth:birth_date", Kind::Date),
        ("job-loss:time", Kind::Date),
        ("death-in-family:time", Kind::Date),
        ("subject.shoe_size", Kind::Int),
        ("flood:time", Kind::Date),
        ("flood:depth", Kind::Int),
        ("flood:cause", Kind::Text),
    ]);
    wanted.last_mut().expect("a column").values = vec!["rain".to_owned(), "dam".to_owned()];
    Population::new(SEED, start(), 12, wanted)
}

fn cells(population: &Population, number: u64) -> Vec<String> {
    let row = population.row(number);
    (0..population.wanted().len()).map(|column| format!("{:?}", row.cell(column))).collect()
}

#[test]
fn a_row_is_the_same_whatever_is_made_before_it_and_another_seed_gives_another() {
    let population = every_kind();
    let forwards: Vec<_> = (0..300).map(|number| cells(&population, number)).collect();
    let again = every_kind();
    let backwards: Vec<_> = (0..300).rev().map(|number| cells(&again, number)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()), "seed {SEED}");
    let other = Population::new(SEED + 1, start(), 12, population.wanted().to_vec());
    let equal = (0..300).filter(|&number| cells(&other, number) == forwards[number as usize]).count();
    assert_eq!(equal, 0, "seed {SEED}");
}

#[test]
fn one_more_column_changes_no_other() {
    let population = every_kind();
    let mut more = population.wanted().to_vec();
    more.extend(wanted(&[("subject.hat_size", Kind::Int), ("marriage:time", Kind::Date)]));
    let more = Population::new(SEED, start(), 12, more);
    for number in 0..200 {
        let (few, many) = (cells(&population, number), cells(&more, number));
        assert_eq!(few, many[..few.len()], "seed {SEED}");
    }
}

#[test]
fn what_is_known_only_by_type_is_assumed_and_said_so() {
    let population = every_kind();
    let assumed: Vec<_> = population.assumed().collect();
    assert_eq!(assumed, ["subject.shoe_size", "flood:time", "flood:depth", "flood:cause"]);
    let place = |name: &str| population.wanted().iter().position(|one| one.name == name).expect("a column");
    let (time, cause) = (place("flood:time"), place("flood:cause"));
    let mut floods = 0;
    for number in 0..20_000 {
        let row = population.row(number);
        let (time, cause) = (row.cell(time), row.cell(cause));
        floods += usize::from(time != Cell::Null);
        assert!(time != Cell::Null || cause == Cell::Null, "seed {SEED}");
        assert!(matches!(cause, Cell::Null | Cell::Text("rain" | "dam")), "seed {SEED}");
    }
    assert!((300..500).contains(&floods), "{floods}, seed {SEED}");
}

fn cell<'r>(row: &'r Row<'_>, name: &str) -> Cell<'r> {
    let place = row.population.wanted().iter().position(|one| one.name == name).expect("a column");
    row.cell(place)
}

/// Counts rows in 40,000 for which something holds.
fn share(population: &Population, holds: impl Fn(&Row<'_>) -> bool) -> u32 {
    (0..40_000).map(|number| u32::from(holds(&population.row(number)))).sum()
}

#[test]
fn rates_are_near_those_of_the_nation() {
    let population = every_kind();
    let within = |name: &str, per_thousand: std::ops::RangeInclusive<u32>, found: u32| {
        assert!(per_thousand.contains(&(found / 40)), "{name}: {} per thousand, seed {SEED}", found / 40);
    };
    within("births", 10..=18, share(&population, |row| cell(row, "birth:time") != Cell::Null));
    within("deaths", 4..=9, share(&population, |row| cell(row, "death-in-family:time") != Cell::Null));
    within("job losses", 15..=40, share(&population, |row| cell(row, "job-loss:time") != Cell::Null));
    within(
        "poor",
        9..=17,
        share(&population, |row| cell(row, "subject.household_status") == Cell::Text("poor")),
    );
    within(
        "status unstated",
        14..=26,
        share(&population, |row| cell(row, "subject.household_status") == Cell::Null),
    );
    within("in 79", 100..=150, share(&population, |row| cell(row, "subject.province") == Cell::Text("79")));
    within("married", 400..=620, share(&population, |row| cell(row, "subject.spouse") != Cell::Null));
}

#[test]
fn facts_of_a_row_agree_with_each_other() {
    let population = every_kind();
    let wrong = share(&population, |row| {
        let spouse = cell(row, "subject.spouse") != Cell::Null;
        let married = cell(row, "subject.marital_status") == Cell::Text("married");
        let fatherly_birth =
            cell(row, "birth:time") != Cell::Null && cell(row, "subject.sex") != Cell::Text("F");
        let childless_birth =
            cell(row, "birth:time") != Cell::Null && cell(row, "subject.children_count") == Cell::Int(0);
        let lost_and_employed =
            cell(row, "job-loss:time") != Cell::Null && cell(row, "subject.employed") == Cell::Bool(true);
        let nobody_works = !spouse && cell(row, "subject.spouse.employed") != Cell::Null;
        spouse != married || fatherly_birth || childless_birth || lost_and_employed || nobody_works
    });
    assert_eq!(wrong, 0, "seed {SEED}");
}
