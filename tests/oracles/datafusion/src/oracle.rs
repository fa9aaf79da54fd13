//! DataFusion: its own parser, planner, type coercion and kernels, over its own Arrow.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, FixedSizeBinaryArray, FixedSizeBinaryBuilder,
    Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, DataFusionError, TableReference, not_impl_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::ContextProvider;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::create_physical_expr;
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::Parser;
use tidings_domain::ids::{CitizenId, ID_BYTES};
use tidings_domain::value::{Value, ValueType};

use crate::moves;
use crate::print::NOBODY;
use crate::tree::{COLUMNS, Row};

/// The columns, as DataFusion plans over them.
pub struct Oracle {
    schema: Arc<DFSchema>,
    functions: Functions,
}

impl Oracle {
    pub fn new() -> Result<Self> {
        let fields =
            COLUMNS.iter().enumerate().map(|(at, (_, value_type))| field(&format!("c{at}"), *value_type));
        let fields: Vec<Field> = fields.chain([field(NOBODY, ValueType::Citizen)]).collect();
        let schema = Arc::new(DFSchema::try_from(Schema::new(fields))?);
        Ok(Self { schema, functions: Functions::default() })
    }

    /// The value of the expression in every row.
    pub fn values(&self, sql: &str, rows: &[Row]) -> Result<Vec<Option<Value>>> {
        let parsed = Parser::new(&GenericDialect {}).try_with_sql(sql)?.parse_expr()?;
        let planner = SqlToRel::new(&self.functions);
        let expr =
            planner.sql_to_expr(parsed, &self.schema, &mut PlannerContext::new()).context("planning")?;
        // Typed, but not simplified: the simplifier rewrites for speed, and loses a NULL here and there (as of 55.2.0 in
        // `TRY_CAST(x AS BIGINT) >= 2`, where it compares x itself). What is asked is what the expression means.
        let context = SimplifyContext::builder().with_schema(Arc::clone(&self.schema)).build();
        let simplifier = ExprSimplifier::new(context);
        let expr = simplifier.coerce(expr, &self.schema).context("typing")?;
        let planned = create_physical_expr(
            &expr,
            &self.schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        let batch = batch(&self.schema, rows)?;
        let array = planned.evaluate(&batch).context("evaluating")?.into_array(rows.len())?;
        ensure!(array.len() == rows.len(), "{} values for {} rows", array.len(), rows.len());
        (0..array.len()).map(|row| value(&array, row)).collect()
    }
}

fn field(name: &str, value_type: ValueType) -> Field {
    let data_type = match value_type {
        ValueType::Bool => DataType::Boolean,
        ValueType::Int => DataType::Int64,
        ValueType::Date => DataType::Date32,
        ValueType::Text => DataType::Utf8,
        ValueType::Citizen => DataType::FixedSizeBinary(ID_BYTES as i32),
    };
    Field::new(name, data_type, true)
}

fn batch(schema: &DFSchema, rows: &[Row]) -> Result<RecordBatch> {
    let column = |at: usize| rows.iter().map(move |row| row[at].as_ref());
    let given = COLUMNS.iter().enumerate().map(|(at, (_, value_type))| array(*value_type, column(at)));
    let nobody = array(ValueType::Citizen, rows.iter().map(|_| None));
    let columns = given.chain([nobody]).collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema.inner()), columns)?)
}

fn array<'a>(value_type: ValueType, values: impl Iterator<Item = Option<&'a Value>>) -> Result<ArrayRef> {
    macro_rules! collect {
        ($array:ty, $variant:ident) => {{
            let values = values.map(|value| match value {
                Some(Value::$variant(value)) => Some(value.clone()),
                _ => None,
            });
            Arc::new(values.collect::<$array>())
        }};
    }
    Ok(match value_type {
        ValueType::Bool => collect!(BooleanArray, Bool),
        ValueType::Int => collect!(Int64Array, Int),
        ValueType::Date => collect!(Date32Array, Date),
        ValueType::Text => collect!(StringArray, Text),
        ValueType::Citizen => Arc::new(people(values)?),
    })
}

fn people<'a>(values: impl Iterator<Item = Option<&'a Value>>) -> Result<FixedSizeBinaryArray> {
    let mut builder = FixedSizeBinaryBuilder::new(ID_BYTES as i32);
    for value in values {
        match value.and_then(Value::as_citizen) {
            Some(id) => builder.append_value(id.0)?,
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}

fn value(array: &ArrayRef, row: usize) -> Result<Option<Value>> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).into()),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row).into()),
        DataType::FixedSizeBinary(_) => {
            Value::Citizen(CitizenId(array.as_fixed_size_binary().value(row).try_into()?))
        }
        other => anyhow::bail!("the oracle answered with {other}"),
    }))
}

/// The only functions that the printed SQL calls.
#[derive(Default)]
struct Functions {
    options: ConfigOptions,
}

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>, DataFusionError> {
        not_impl_err!("there is no table {name}")
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        match name {
            "nullif" => Some(datafusion_functions::core::nullif()),
            "date_part" => Some(datafusion_functions::datetime::date_part()),
            name => moves::function(name),
        }
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _name: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The version that answers.
pub fn version() -> &'static str {
    let locked = include_str!("../Cargo.lock").split("name = \"datafusion-sql\"\nversion = \"").nth(1);
    locked.and_then(|rest| rest.split('"').next()).unwrap_or("of a version unknown")
}
