//! Populations in Parquet, and the rows that change.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use rayon::prelude::*;
use tidings_domain::value::{ValueType, days};
use tidings_rules::expr::Answer;
use tidings_rules::pack::model::Recipient;
use tidings_rules::whatif::{Change, Column, Study};
use tidings_world::population::{Cell, Kind, Population, Wanted};

use super::table::{BATCH_ROWS, Chunk, Result, Table, places};
use crate::out::Usage;

/// Rows of a chunk: a larger row group is read in parts.
const CHUNK_ROWS: usize = 1 << 20;
/// Rows of a row group that is written here: what one core makes at a time.
pub(super) const GROUP_ROWS: u64 = 1 << 17;
/// The key of a file's metadata that holds the day on which its population stands.
const AS_OF: &str = "tidings.as_of";
/// The key that holds the first day of its period.
const FROM: &str = "tidings.from";

pub(super) struct ParquetTable {
    source: Arc<Source>,
    /// Row group, rows of it to leave out, rows to read, and the place of the first of these in the table.
    parts: std::vec::IntoIter<(usize, usize, usize, u64)>,
    rows: u64,
    as_of: Option<NaiveDate>,
    from: Option<NaiveDate>,
    absent: Vec<String>,
}

struct Source {
    file: SharedFile,
    metadata: ArrowReaderMetadata,
    projection: ProjectionMask,
    /// For each column of the study, its place among those that are read, and what it is.
    columns: Vec<Option<(usize, Column)>>,
}

impl ParquetTable {
    pub(super) fn open(path: &Path, study: &Study<'_>) -> Result<Self> {
        let unreadable = || format!("{} cannot be read", path.display());
        let file = SharedFile(Arc::new(File::open(path).with_context(unreadable)?));
        // Without the writer's own schema there are fewer types: text is Utf8, never a dictionary or a view.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, options).with_context(unreadable)?;
        let fields = metadata.schema().fields().clone();
        let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        let (places, absent) = places(study, &names);
        let wrong: Vec<String> = study
            .columns
            .iter()
            .zip(&places)
            .filter_map(|(column, place)| mistyped(column, fields[(*place)?].data_type()))
            .collect();
        if !wrong.is_empty() {
            return Err(Usage(format!("the population does not fit the pack:\n{}", wrong.join("\n"))).into());
        }
        let mut read: Vec<usize> = places.iter().flatten().copied().collect();
        read.sort_unstable();
        read.dedup();
        let among = |place: usize| read.binary_search(&place).unwrap_or_default();
        let columns = study.columns.iter().zip(places);
        let columns = columns.map(|(column, place)| Some((among(place?), column.clone()))).collect();
        let projection = ProjectionMask::roots(metadata.parquet_schema(), read.iter().copied());
        let day = |key: &str| stated(&metadata, key).and_then(|text| text.parse().ok());
        let (as_of, from) = (day(AS_OF), day(FROM));
        let parts = parts(&metadata);
        let rows = parts.iter().map(|(_, _, rows, _)| *rows as u64).sum();
        let source = Arc::new(Source { file, metadata, projection, columns });
        Ok(Self { source, parts: parts.into_iter(), rows, as_of, from, absent })
    }
}

/// A file that several threads read at places of their own. A duplicated handle would not do: it shares its place.
#[derive(Clone)]
struct SharedFile(Arc<File>);

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |about| about.len())
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(ReadFrom { file: Arc::clone(&self.0), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads on from a place in a shared file.
struct ReadFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

fn stated(metadata: &ArrowReaderMetadata, key: &str) -> Option<String> {
    let pairs = metadata.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.clone()
}

fn parts(metadata: &ArrowReaderMetadata) -> Vec<(usize, usize, usize, u64)> {
    let mut first_row = 0;
    let mut parts = Vec::new();
    for (group, about) in metadata.metadata().row_groups().iter().enumerate() {
        let rows = usize::try_from(about.num_rows()).unwrap_or_default();
        for skipped in (0..rows).step_by(CHUNK_ROWS) {
            parts.push((group, skipped, CHUNK_ROWS.min(rows - skipped), first_row + skipped as u64));
        }
        first_row += rows as u64;
    }
    parts
}

/// What is wrong with a column's type, if anything.
fn mistyped(column: &Column, found: &DataType) -> Option<String> {
    use DataType as T;
    let fits = match column.value_type {
        None => true,
        Some(ValueType::Bool) => matches!(found, T::Boolean),
        Some(ValueType::Int) => {
            matches!(found, T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32)
        }
        Some(ValueType::Date) => matches!(found, T::Date32),
        Some(ValueType::Text) => matches!(found, T::Utf8),
        Some(ValueType::Citizen) => matches!(found, T::FixedSizeBinary(16)),
    };
    let wanted = column.value_type.filter(|_| !fits)?;
    Some(format!("column {} is {found}, and the pack takes it for {wanted}", column.name))
}

/// The array that the rules take; its type was checked when the file was opened.
fn fitted(array: &ArrayRef, column: &Column) -> ArrayRef {
    let wide = |values: Int64Array| Arc::new(values) as ArrayRef;
    match (column.value_type, array.data_type()) {
        (None, _) => {
            let there = (0..array.len()).map(|row| array.is_valid(row).then_some(true));
            Arc::new(there.collect::<BooleanArray>())
        }
        (_, DataType::Int8) => wide(array.as_primitive::<Int8Type>().unary(i64::from)),
        (_, DataType::Int16) => wide(array.as_primitive::<Int16Type>().unary(i64::from)),
        (_, DataType::Int32) => wide(array.as_primitive::<Int32Type>().unary(i64::from)),
        (_, DataType::UInt8) => wide(array.as_primitive::<UInt8Type>().unary(i64::from)),
        (_, DataType::UInt16) => wide(array.as_primitive::<UInt16Type>().unary(i64::from)),
        (_, DataType::UInt32) => wide(array.as_primitive::<UInt32Type>().unary(i64::from)),
        _ => ArrayRef::clone(array),
    }
}

impl Source {
    fn read(
        &self,
        (group, skipped, rows): (usize, usize, usize),
        judge: &mut dyn FnMut(Vec<Option<ArrayRef>>, usize) -> Result,
    ) -> Result {
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
                .with_projection(self.projection.clone())
                .with_row_groups(vec![group])
                .with_offset(skipped)
                .with_limit(rows)
                .with_batch_size(BATCH_ROWS)
                .build()?;
        for batch in reader {
            let batch = batch?;
            let column = |column: &Option<(usize, Column)>| {
                column.as_ref().map(|(place, column)| fitted(batch.column(*place), column))
            };
            judge(self.columns.iter().map(column).collect(), batch.num_rows())?;
        }
        Ok(())
    }
}

impl Table for ParquetTable {
    fn next_chunks(&mut self, most: usize) -> Result<Vec<Chunk>> {
        let next = self.parts.by_ref().take(most);
        let chunk = |(group, skipped, rows, first_row)| {
            let source = Arc::clone(&self.source);
            Chunk { first_row, read: Box::new(move |judge| source.read((group, skipped, rows), judge)) }
        };
        Ok(next.map(chunk).collect())
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn as_of(&self) -> Option<NaiveDate> {
        self.as_of
    }

    fn from(&self) -> Option<NaiveDate> {
        self.from
    }

    fn absent(&self) -> &[String] {
        &self.absent
    }
}

/// The rows that change, as they are found.
pub(super) struct Changed {
    schema: SchemaRef,
    writer: ArrowWriter<File>,
}

impl Changed {
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
        let text = |name: &str| {
            Field::new(name, DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()), false)
        };
        let date = |name: &str| Field::new(name, DataType::Date32, true);
        let schema = Schema::new(vec![
            Field::new("row", DataType::UInt64, false),
            text("life_event"),
            text("rule"),
            text("service"),
            text("recipient"),
            date("old_day"),
            date("new_day"),
            text("old_answer"),
            text("new_answer"),
            date("old_deadline"),
            date("new_deadline"),
        ]);
        let schema = Arc::new(schema);
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties().build()))?;
        Ok(Self { schema, writer })
    }

    pub(super) fn write(&mut self, study: &Study<'_>, changes: &[Change]) -> Result {
        for changes in changes.chunks(BATCH_ROWS) {
            let batch = changed_batch(&self.schema, study, changes)?;
            self.writer.write(&batch)?;
        }
        Ok(())
    }

    pub(super) fn close(self) -> Result {
        self.writer.close()?;
        Ok(())
    }
}

fn changed_batch(schema: &SchemaRef, study: &Study<'_>, changes: &[Change]) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&Change) -> String| {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        changes.iter().for_each(|change| builder.append_value(of(change)));
        Arc::new(builder.finish()) as ArrayRef
    };
    let date = |of: &dyn Fn(&Change) -> Option<NaiveDate>| {
        let mut builder = Date32Builder::with_capacity(changes.len());
        changes.iter().for_each(|change| builder.append_option(of(change).map(days)));
        Arc::new(builder.finish()) as ArrayRef
    };
    let question = |change: &Change| &study.questions[change.question];
    let columns = vec![
        Arc::new(changes.iter().map(|change| Some(change.row)).collect::<UInt64Array>()) as ArrayRef,
        text(&|change| question(change).life_event.clone()),
        text(&|change| question(change).named().0.to_owned()),
        text(&|change| question(change).named().1.to_owned()),
        text(&|change| recipient(&question(change).recipient)),
        date(&|change| change.old_day),
        date(&|change| change.new_day),
        text(&|change| answer(change.old).to_owned()),
        text(&|change| answer(change.new).to_owned()),
        date(&|change| change.old_deadline),
        date(&|change| change.new_deadline),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn recipient(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Subject => "subject".to_owned(),
        Recipient::Link(link) => format!("subject.{link}"),
    }
}

const fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::Unknown => "unknown",
    }
}

fn properties() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()))
}

/// A population with the columns of a study, and one more: `row`, each row's number.
pub(super) fn population(study: &Study<'_>, seed: u64, start: NaiveDate, months: u32) -> Population {
    let wanted = |column: &Column| Wanted {
        name: column.name.clone(),
        kind: match column.value_type {
            Some(ValueType::Bool) => Kind::Bool,
            Some(ValueType::Int) => Kind::Int,
            Some(ValueType::Date) => Kind::Date,
            Some(ValueType::Text) => Kind::Text,
            // People are told apart by no condition of a population that is made up: only whether there is somebody.
            Some(ValueType::Citizen) | None => Kind::Link,
        },
        values: column.values.iter().cloned().collect(),
    };
    let columns = study.columns.iter().filter(|column| column.value_type != Some(ValueType::Citizen));
    Population::new(seed, start, months, columns.map(wanted).collect())
}

/// Writes the first `rows` of a population, `group_rows` in each row group; how many bytes. The file is the same whatever the number of cores.
pub(super) fn write_population(
    population: &Population,
    (rows, group_rows): (u64, u64),
    path: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<u64> {
    let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
    let schema = Arc::new(schema(population));
    let properties = properties()
        .set_column_encoding("row".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled("row".into(), false)
        .set_key_value_metadata(Some(vec![
            KeyValue::new(AS_OF.to_owned(), population.end().to_string()),
            KeyValue::new(FROM.to_owned(), population.start().to_string()),
        ]))
        .build();
    let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
    let (mut writer, factory) = writer.into_serialized_writer()?;
    let groups: Vec<u64> = (0..rows).step_by(usize::try_from(group_rows)?).collect();
    for together in groups.chunks(rayon::current_num_threads()) {
        let encoded: Vec<Vec<ArrowColumnChunk>> = together
            .par_iter()
            .map(|&first| {
                let range = first..rows.min(first + group_rows);
                encode(population, &schema, &factory, range)
            })
            .collect::<Result<_>>()?;
        for columns in encoded {
            let mut group = writer.next_row_group()?;
            for column in columns {
                column.append_to_row_group(&mut group)?;
            }
            group.close()?;
        }
        progress(rows.min(together.last().map_or(0, |first| first + group_rows)));
    }
    writer.close()?;
    Ok(std::fs::metadata(path)?.len())
}

fn schema(population: &Population) -> Schema {
    let field = |wanted: &Wanted| {
        let data_type = match wanted.kind {
            Kind::Bool | Kind::Link => DataType::Boolean,
            Kind::Int => DataType::Int64,
            Kind::Date => DataType::Date32,
            Kind::Text => DataType::Utf8,
        };
        Field::new(&wanted.name, data_type, true)
    };
    let row = Field::new("row", DataType::Int64, false);
    Schema::new(std::iter::once(row).chain(population.wanted().iter().map(field)).collect::<Vec<_>>())
}

/// One row group, made and encoded.
fn encode(
    population: &Population,
    schema: &Schema,
    factory: &ArrowRowGroupWriterFactory,
    range: std::ops::Range<u64>,
) -> Result<Vec<ArrowColumnChunk>> {
    // The number of a row group is only used for encryption, which there is none of.
    let mut writers = factory.create_column_writers(0)?;
    for first in range.clone().step_by(BATCH_ROWS) {
        let rows = first..range.end.min(first + BATCH_ROWS as u64);
        let arrays = arrays(population, rows);
        for ((array, field), writer) in arrays.iter().zip(schema.fields()).zip(&mut writers) {
            for leaf in compute_leaves(field, array)? {
                writer.write(&leaf)?;
            }
        }
    }
    writers.into_iter().map(|writer| Ok(writer.close()?)).collect()
}

/// A column being filled.
enum Filling {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Date(Date32Builder),
    Text(StringBuilder),
}

impl Filling {
    fn new(wanted: &Wanted) -> Self {
        match wanted.kind {
            Kind::Bool | Kind::Link => Self::Bool(BooleanBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
        }
    }

    /// A cell of another type than its column's is NULL: what is known here may be of a fact that a pack means
    /// otherwise.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Bool(builder), Cell::Bool(value)) => builder.append_value(value),
            (Self::Bool(builder), _) => builder.append_null(),
            (Self::Int(builder), Cell::Int(value)) => builder.append_value(value),
            (Self::Int(builder), _) => builder.append_null(),
            (Self::Date(builder), Cell::Date(value)) => builder.append_value(value),
            (Self::Date(builder), _) => builder.append_null(),
            (Self::Text(builder), Cell::Text(value)) => builder.append_value(value),
            (Self::Text(builder), _) => builder.append_null(),
        }
    }

    fn finish(mut self) -> ArrayRef {
        match &mut self {
            Self::Bool(builder) => ArrayBuilder::finish(builder),
            Self::Int(builder) => ArrayBuilder::finish(builder),
            Self::Date(builder) => ArrayBuilder::finish(builder),
            Self::Text(builder) => ArrayBuilder::finish(builder),
        }
    }
}

fn arrays(population: &Population, rows: std::ops::Range<u64>) -> Vec<ArrayRef> {
    let mut columns: Vec<Filling> = population.wanted().iter().map(Filling::new).collect();
    for number in rows.clone() {
        let row = population.row(number);
        columns.iter_mut().enumerate().for_each(|(place, column)| column.push(row.cell(place)));
    }
    let numbers: Int64Array = rows.map(|row| i64::try_from(row).ok()).collect();
    let numbers: ArrayRef = Arc::new(numbers);
    std::iter::once(numbers).chain(columns.into_iter().map(Filling::finish)).collect()
}
