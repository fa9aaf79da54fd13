//! Citizens from a fixed sequence, every fact known: the peers have no third answer.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use tidings_domain::value::{Value, ValueType, date_of};

/// The columns, in the order of the file. Those that begin with `event_` are the event's.
pub const COLUMNS: [(&str, ValueType); 10] = [
    ("age", ValueType::Int),
    ("birth", ValueType::Date),
    ("employed", ValueType::Bool),
    ("expires", ValueType::Date),
    ("household", ValueType::Text),
    ("months", ValueType::Int),
    ("province", ValueType::Text),
    ("status", ValueType::Text),
    ("event_day", ValueType::Date),
    ("event_months", ValueType::Int),
];

/// One citizen and one event, a value for each of [`COLUMNS`].
pub type Row = [Value; COLUMNS.len()];

/// How many citizens are loaded, and then judged one by one: few enough to stay in the cache.
pub const ARRIVING: usize = 128;

const STATUSES: [&str; 4] = ["single", "married", "divorced", "widowed"];
const HOUSEHOLDS: [&str; 10] =
    ["none", "none", "none", "none", "none", "none", "none", "near_poor", "near_poor", "poor"];
const PROVINCES: [&str; 34] = [
    "01", "04", "08", "11", "12", "14", "15", "19", "20", "22", "24", "25", "31", "33", "37", "38", "40",
    "42", "44", "46", "48", "51", "52", "56", "66", "68", "75", "79", "80", "82", "86", "91", "92", "96",
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }

    fn pick(&mut self, of: &[&str]) -> Value {
        Value::Text(of[self.below(of.len() as u64) as usize].into())
    }

    fn int(&mut self, below: u64) -> Value {
        Value::Int(self.below(below) as i64)
    }
}

/// The first `count` citizens: every run sees the same ones.
pub fn citizens(count: usize) -> Vec<Row> {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    (0..count).map(|_| citizen(&mut dice)).collect()
}

fn citizen(dice: &mut Dice) -> Row {
    // A day of 2026, and a birth in the 95 years before it.
    let day = 20_454 + dice.below(365) as i32;
    let birth = day - dice.below(95 * 365) as i32;
    let age = date_of(day).zip(date_of(birth)).and_then(|(day, birth)| day.years_since(birth)).unwrap_or(0);
    [
        Value::Int(age.into()),
        Value::Date(birth),
        Value::Bool(dice.below(10) < 6),
        Value::Date(day - 200 + dice.below(1_000) as i32),
        dice.pick(&HOUSEHOLDS),
        dice.int(360),
        dice.pick(&PROVINCES),
        dice.pick(&STATUSES),
        Value::Date(day),
        dice.int(24),
    ]
}

/// Writes the file that the peers read.
pub fn write(rows: &[Row], path: &Path) -> Result<()> {
    let mut text = COLUMNS.map(|(name, _)| name).join(",");
    for row in rows {
        let mut comma = '\n';
        for value in row {
            write!(text, "{comma}{}", value.canonical())?;
            comma = ',';
        }
    }
    text.push('\n');
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
