//! Differential test of conditions against DataFusion: random typed expressions over random rows with NULLs, whose
//! values must be equal to the last bit, by our kernels and by our row interpreter.
//!
//! ```text
//! generate -> tree -> print (two languages) -> ours (kernels, rows)
//!                                           -> oracle (DataFusion)   -> compare -> shrink
//! ```

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tidings_domain::value::{Value, ValueType};

mod compare;
mod generate;
mod moves;
mod oracle;
mod ours;
mod print;
mod tree;

use compare::Case;
use generate::Generator;
use oracle::Oracle;
use ours::{INTERPRETED, KERNELS};
use tree::{Node, Tree};

/// As many expressions hold every construct of the language.
const ENOUGH: usize = 1_000;
/// Rows over [`KERNELS`], so that batches end anywhere in a byte of bits.
const MORE_ROWS: usize = 64;

/// What is asked, from the command line: how many expressions, the seed that they all follow from, and perhaps the
/// number of the only one to compare, from 0.
struct Ask {
    expressions: usize,
    seed: u64,
    only: Option<usize>,
}

impl Ask {
    fn read() -> Result<Self> {
        let given =
            std::env::args().skip(1).map(|text| text.parse().with_context(|| format!("{text}: a number")));
        let given = given.collect::<Result<Vec<u64>>>()?;
        let at = |place: usize| given.get(place).map(|number| *number as usize);
        Ok(Self {
            expressions: at(0).unwrap_or(10_000),
            seed: given.get(1).copied().unwrap_or(1),
            only: at(2),
        })
    }
}

fn main() -> Result<()> {
    let ask = Ask::read()?;
    let (oracle, mut census, began) = (Oracle::new()?, Census::default(), Instant::now());
    println!("DataFusion {}, seed {}, {} expressions", oracle::version(), ask.seed, ask.expressions);
    for number in ask.only.map_or(0..ask.expressions, |only| only..only + 1) {
        let case = case(ask.seed, number);
        let said = format!("expression {number} of seed {}", ask.seed);
        let (values, difference) = case.compare(&oracle).with_context(|| {
            format!("{said}: {}\nDataFusion: {}", print::ours(&case.tree), print::datafusion(&case.tree))
        })?;
        if let Some(difference) = difference {
            let (case, difference) = case.shrink(&oracle, difference);
            bail!("{said}: {}", case.report(&difference));
        }
        census.count(&case.tree, &values);
    }
    print!("{census}");
    if ask.only.is_none() && ask.expressions >= ENOUGH {
        census.ensure_whole()?;
    }
    println!("all equal, in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Each has its own generator, so that one can be seen again alone.
fn case(seed: u64, number: usize) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number as u64);
    let mut generator = Generator::new(random);
    let tree = generator.expression();
    let count = KERNELS + generator.below(MORE_ROWS);
    let rows = generator.rows(count);
    let cuts = generator.cuts(count, INTERPRETED);
    Case { tree, rows, cuts }
}

/// What was compared, so that nobody need take it on trust.
#[derive(Default)]
struct Census {
    expressions: BTreeMap<String, u64>,
    constructs: BTreeMap<String, u64>,
    values: BTreeMap<&'static str, u64>,
}

/// Every construct of the language, by the name under which [`construct`] counts it.
const CONSTRUCTS: [&str; 46] = [
    "add_days",
    "add_months",
    "add_years",
    "%",
    "*",
    "+",
    "+ interval",
    "- DAY",
    "-",
    "/",
    "<",
    "<=",
    "<>",
    "=",
    ">",
    ">=",
    "AND",
    "BETWEEN",
    "CASE WHEN",
    "CASE x WHEN",
    "COALESCE",
    "IN",
    "IS FALSE",
    "IS NOT FALSE",
    "IS NOT NULL",
    "IS NOT TRUE",
    "IS NOT UNKNOWN",
    "IS NULL",
    "IS TRUE",
    "IS UNKNOWN",
    "NOT",
    "NOT BETWEEN",
    "NOT IN",
    "NULL",
    "OR",
    "age_years",
    "column",
    "date - date",
    "days_between",
    "interval +",
    "literal",
    "months_between",
    "sign +",
    "sign -",
    "- MONTH",
    "- YEAR",
];

fn construct(node: &Node) -> String {
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match node {
        Node::Column(_) => "column".to_owned(),
        Node::Literal(_) => "literal".to_owned(),
        Node::Null => "NULL".to_owned(),
        Node::And => "AND".to_owned(),
        Node::Or => "OR".to_owned(),
        Node::Not => "NOT".to_owned(),
        Node::Compare(sign) | Node::Calc(sign) => (*sign).to_owned(),
        Node::Between { negated } => format!("{}BETWEEN", not(negated)),
        Node::In { negated } => format!("{}IN", not(negated)),
        Node::IsNull { negated } => format!("IS {}NULL", not(negated)),
        Node::Is(what) => format!("IS {what}"),
        Node::Case { operand, .. } => if *operand { "CASE x WHEN" } else { "CASE WHEN" }.to_owned(),
        Node::Coalesce => "COALESCE".to_owned(),
        Node::Sign(sign) => format!("sign {sign}"),
        Node::DateMinusDate => "date - date".to_owned(),
        Node::Shift(shift) if shift.first => "interval +".to_owned(),
        Node::Shift(shift) if shift.sign == "+" => "+ interval".to_owned(),
        Node::Shift(shift) => format!("- {}", shift.unit),
        Node::Call(name) | Node::Move(name) => (*name).to_owned(),
    }
}

impl Census {
    fn count(&mut self, tree: &Tree, values: &[Option<Value>]) {
        *self.expressions.entry(tree.value_type.to_string()).or_default() += 1;
        tree.walk(&mut |tree| *self.constructs.entry(construct(&tree.node)).or_default() += 1);
        for value in values {
            let name = match value {
                None => "NULL",
                Some(Value::Bool(true)) => "true",
                Some(Value::Bool(false)) => "false",
                Some(value) if value.value_type() == ValueType::Date => "a date",
                Some(_) => "another value",
            };
            *self.values.entry(name).or_default() += 1;
        }
    }

    /// A construct that was never made was never compared.
    fn ensure_whole(&self) -> Result<()> {
        let never: Vec<_> = CONSTRUCTS.iter().filter(|name| !self.constructs.contains_key(**name)).collect();
        ensure!(never.is_empty(), "never generated: {never:?}");
        Ok(())
    }
}

impl std::fmt::Display for Census {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = |counts: &mut dyn Iterator<Item = (String, u64)>| {
            counts.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let owned = |counts: &BTreeMap<String, u64>| counts.clone().into_iter();
        writeln!(f, "expressions: {}", line(&mut owned(&self.expressions)))?;
        writeln!(f, "constructs: {}", line(&mut owned(&self.constructs)))?;
        let values = self.values.iter().map(|(name, count)| ((*name).to_owned(), *count));
        writeln!(f, "values: {}", line(&mut values.into_iter()))
    }
}
