//! A compiled condition taken apart again: the parts a person would point at, what cases reach of them, and what
//! mistakes in them no case would notice.
//!
//! Coverage and mutation work on the syntax tree after names have been replaced, so that a figure of law is a literal
//! here like any other. Every part and every changed condition is compiled as a rule's own is; nothing is evaluated in
//! two ways. Whether a part can do something at all, and whether a change makes any difference, is asked of
//! [`super::prove`].

use std::sync::Arc;

use sqlparser::ast::{BinaryOperator, Expr, Value as Sql};
use tidings_domain::value::ValueType;

use super::bound::{Answer, Bound};
use super::columns::Columns;
use super::{ColumnRef, Scope, Tree, Unresolved, check, parse};

mod coverage;
mod mutate;
mod pieces;
mod tree;

pub use coverage::{Outcome, Point};
pub use mutate::{Change, Mutant, Mutants};
pub(crate) use pieces::{Piece, figures};

/// A condition's syntax tree, with what is needed to compile others like it.
struct Apart<'b> {
    bound: &'b Bound,
    expr: Expr,
}

impl<'b> Apart<'b> {
    /// `None` when the text of its parts cannot be read again as what it was (`- -1` prints as a comment).
    fn of(bound: &'b Bound) -> Option<Self> {
        let same = |part: &String| parse::reread(part).filter(|expr| expr.to_string() == *part);
        let parts = bound.tree().parts.iter().map(same);
        let parts = parts.collect::<Option<Vec<_>>>()?;
        Some(Self { bound, expr: tree::join(parts, &BinaryOperator::And)? })
    }

    /// `expr`, which reads columns of this condition alone, over the same columns. `None` when it has no meaning.
    fn compile(&self, expr: &Expr) -> Option<Bound> {
        let checked = check::check(expr, self.bound.tree(), Some(ValueType::Bool)).ok()?;
        let tree = Tree {
            text: expr.to_string(),
            columns: checked.columns,
            value_type: checked.value_type,
            parts: checked.parts,
            root: checked.root,
        };
        self.bound.with(Arc::new(tree))
    }
}

/// A condition's own columns, so that its parts can be compiled without the pack.
impl Scope for Tree {
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved> {
        let found = self.columns.iter().find(|(known, _)| known == column);
        found
            .map(|(_, value_type)| *value_type)
            .ok_or_else(|| Unresolved { message: format!("`{column}` is not read here"), hint: None })
    }
}

/// A truth value as the text writes it.
fn truth(value: bool) -> Expr {
    Expr::Value(Sql::Boolean(value).with_empty_span())
}
