use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::csv::CsvTable;
use super::ndjson::NdjsonTable;
use super::*;

fn csv_of(text: impl AsRef<[u8]>) -> Result<CsvTable, TableError> {
    CsvTable::new(Input::over(Cursor::new(text.as_ref().to_vec())))
}

fn ndjson_of(text: impl AsRef<[u8]>) -> NdjsonTable {
    NdjsonTable::new(Input::over(Cursor::new(text.as_ref().to_vec()))).expect("it can be read")
}

/// Every row, in batches of `limit`.
fn all(table: &mut dyn TableReader, limit: usize) -> Rows {
    let mut rows = Rows::new();
    loop {
        let batch = table.next_rows(limit).expect("the table is whole");
        assert!(batch.len() <= limit);
        if batch.is_empty() {
            return rows;
        }
        rows.extend(batch);
    }
}

fn row(cells: &[(&str, &str)]) -> Columns {
    cells.iter().map(|(name, text)| ((*name).to_owned(), Pii::new((*text).to_owned()))).collect()
}

fn faults(rows: Rows) -> Vec<(u64, Option<RowFault>)> {
    rows.into_iter().map(|(number, row)| (number, row.err().map(|error| error.fault))).collect()
}

fn written(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn a_malformed_csv_row_is_told_and_reading_goes_on() {
    let long = "x".repeat(ROW_BYTES);
    let mut text = format!("number,sex\n1,f\n2\n3,f,more\n4,\n\n5,{long}\n").into_bytes();
    text.extend(b"6,\xff\n7,\"a, \"\"b\"\"\nc\"\r\n8,a\"b\n9,a\rb\n10,\"open\n11,f\n");
    let rows = all(&mut csv_of(&text).expect("a header"), 3);
    assert_eq!(rows[0].1, Ok(row(&[("number", "1"), ("sex", "f")])));
    assert_eq!(rows[3].1, Ok(row(&[("number", "4")])), "an empty cell is absent");
    assert_eq!(rows[6].1, Ok(row(&[("number", "7"), ("sex", "a, \"b\"\nc")])));
    let fields = |found| Some(RowFault::Fields { expected: 2, found });
    let stray = Some(RowFault::StrayQuote { lines: 1 });
    let expected = [
        (0, None),
        (1, fields(1)),
        (2, fields(3)),
        (3, None),
        (4, Some(RowFault::TooLong)),
        (5, Some(RowFault::CellNotUtf8 { column: "sex".into() })),
        (6, None),
        (7, stray.clone()),
        (8, stray),
        (9, Some(RowFault::OpenQuote { lines: 3 })),
    ];
    assert_eq!(faults(rows), expected);
}

#[test]
fn an_open_quote_that_swallowed_rows_says_over_how_many_lines() {
    let rows = all(&mut csv_of("a,b\n\"1,x\n2,y\n\"3,z\n4,w\n").expect("a header"), 9);
    let error = rows[0].1.as_ref().expect_err("text after a quote");
    let text = "row 0: a quote or carriage return where none may stand; the row goes over 3 lines";
    assert_eq!(error.to_string(), text);
    assert_eq!(rows[1], (1, Ok(row(&[("a", "4"), ("b", "w")]))));
}

#[test]
fn the_limit_on_a_csv_row_is_exact_and_holds_for_many_fields() {
    for (bytes, fits) in [(ROW_BYTES, true), (ROW_BYTES + 1, false)] {
        let text = format!("a,b\n,{}\n1,2", "x".repeat(bytes));
        let rows = all(&mut csv_of(text).expect("a header"), 9);
        assert_eq!(rows[0].1.is_ok(), fits, "{bytes} bytes");
        assert_eq!(rows[1].1, Ok(row(&[("a", "1"), ("b", "2")])));
    }
    let text = format!("a,b\n{}\n1,2", ",".repeat(3 * COLUMNS));
    let found = faults(all(&mut csv_of(text).expect("a header"), 9));
    assert_eq!(found[0].1, Some(RowFault::Fields { expected: 2, found: 3 * COLUMNS + 1 }));
    assert_eq!(found[1].1, None);
}

#[test]
fn a_header_that_cannot_be_used_ends_the_table() {
    let many: Vec<String> = (0..=COLUMNS).map(|n| format!("c{n}")).collect();
    let cases: [(Vec<u8>, HeaderFault); 9] = [
        (b"".into(), HeaderFault::Missing),
        (b"\n\n".into(), HeaderFault::Missing),
        (b"number,,sex\n".into(), HeaderFault::Unnamed(2)),
        (b"number,sex,number\n".into(), HeaderFault::Twice("number".into())),
        (b"001099012345,001099012345\n".into(), HeaderFault::Twice("number 2".into())),
        (b"number,\xff\n".into(), HeaderFault::NotUtf8),
        (b"number,\"sex\n1,f\n".into(), HeaderFault::Quotes),
        (many.join(",").into(), HeaderFault::TooManyColumns),
        ("x".repeat(ROW_BYTES + 1).into(), HeaderFault::TooLong),
    ];
    for (text, fault) in cases {
        assert_eq!(csv_of(text).err(), Some(TableError::Header(fault)));
    }
}

#[test]
fn a_malformed_line_of_json_is_told_and_reading_goes_on() {
    let long = format!("{{\"number\": \"{}\"}}", "x".repeat(ROW_BYTES));
    let text = [
        "\u{feff}{\"number\": \"1\", \"alive\": true, \"left\": null, \"name\": \"\", \"children\": 2.0}",
        "",
        "{\"number\": \"2\"",
        "[1, 2]",
        "{\"number\": \"3\", \"address\": {\"street\": [\"x\"]}}",
        "{\"number\": \"4\", \"number\": \"5\"}",
        "{\"number\": \"6\", \"income\": 1.5}",
        "{\"number\": 7, \"Nguyễn Thị Ánh\": []}",
        &long,
        "{\"number\": \"8\"} {}",
        "{\"number\": -9}",
    ];
    let mut bytes = text.join("\r\n").into_bytes();
    bytes.extend(b"\n\xff{}\n");
    let rows = all(&mut ndjson_of(&bytes), 4);
    assert_eq!(rows[0].1, Ok(row(&[("number", "1"), ("alive", "true"), ("children", "2")])));
    assert_eq!(rows[9], (9, Ok(row(&[("number", "-9")]))));
    let column = |name: &str| name.to_owned();
    let expected = [
        (0, None),
        (1, Some(RowFault::NotAnObject)),
        (2, Some(RowFault::NotAnObject)),
        (3, Some(RowFault::Nested { column: column("address") })),
        (4, Some(RowFault::Twice { column: column("number") })),
        (5, Some(RowFault::NotWhole { column: column("income") })),
        (6, Some(RowFault::Nested { column: column("number 2") })),
        (7, Some(RowFault::TooLong)),
        (8, Some(RowFault::NotAnObject)),
        (9, None),
        (10, Some(RowFault::NotUtf8)),
    ];
    assert_eq!(faults(rows), expected);
}

#[test]
fn skipping_lands_on_the_row_and_never_goes_back() {
    let text: String = (0..9).map(|n| format!("{{\"number\": {n}}}\n")).collect();
    let mut table = ndjson_of(text);
    table.skip_to(4).expect("skipped");
    assert_eq!(table.next_rows(1).expect("a row")[0].0, 4);
    table.skip_to(2).expect("passed already");
    assert_eq!(table.next_rows(1).expect("a row")[0].0, 5);
    table.skip_to(99).expect("past the end");
    assert_eq!(table.next_rows(1), Ok(Vec::new()));
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let line = format!("{{\"a\": \"{}\"}}\n", "x".repeat(ROW_BYTES - 16));
    let mut table = ndjson_of(line.repeat(2 * BATCH_BYTES / ROW_BYTES));
    let first = table.next_rows(usize::MAX).expect("rows");
    let bytes: usize = first
        .iter()
        .flat_map(|(_, row)| row.as_ref().expect("good").values())
        .map(|cell| cell.reveal().len())
        .sum();
    assert!((BATCH_BYTES..BATCH_BYTES + ROW_BYTES).contains(&bytes), "{bytes}");
    assert!(!table.next_rows(1).expect("rows").is_empty());
}

#[test]
fn the_name_of_a_file_tells_its_format_and_no_error_tells_its_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let csv = written(&dir, "people.CSV", b"number\n1\n");
    let mut table = open(&csv).expect("a table");
    assert_eq!(table.columns(), Some(&["number".to_owned()][..]));
    assert_eq!(all(&mut *table, 9).len(), 1);
    assert_eq!(table.progress(), (9, Some(9)));
    let jsonl = written(&dir, "people.jsonl", b"{}\n");
    assert_eq!(open(&jsonl).expect("a table").columns(), None);
    assert_eq!(open(&written(&dir, "people.xlsx", b"")).err(), Some(TableError::UnknownFormat));
    let absent = open(&dir.path().join("secret.csv")).err().expect("absent");
    assert!(!absent.to_string().contains("secret"), "{absent}");
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_which_feature_is_missing() {
    let missing = open(std::path::Path::new("people.parquet")).err();
    assert_eq!(missing, Some(TableError::FeatureMissing("parquet")));
}

/// Columns of one type each, with their cells.
#[derive(Clone, Debug)]
enum Cells {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Date(Vec<Option<i32>>),
    Text(Vec<Option<String>>),
}

impl Cells {
    fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Bool(cells) => cells[row].map(|cell| cell.to_string()),
            Self::Int(cells) => cells[row].map(|cell| cell.to_string()),
            Self::Date(cells) => cells[row].map(|days| tidings_domain::value::Value::Date(days).canonical()),
            Self::Text(cells) => cells[row].clone(),
        }
    }

    fn json(&self, row: usize) -> serde_json::Value {
        match self {
            Self::Bool(cells) => cells[row].into(),
            Self::Int(cells) => cells[row].into(),
            Self::Date(_) => self.text(row).into(),
            Self::Text(cells) => cells[row].clone().into(),
        }
    }
}

fn cells(rows: usize) -> impl Strategy<Value = Cells> {
    use prop::collection::vec;
    use prop::option::of;
    let day = -30_000_i32..60_000;
    let text = prop_oneof!["[a,\"\n\r ]{0,6}", "\\PC{0,12}"];
    prop_oneof![
        vec(of(any::<bool>()), rows).prop_map(Cells::Bool),
        vec(of(any::<i64>()), rows).prop_map(Cells::Int),
        vec(of(day), rows).prop_map(Cells::Date),
        vec(of(text), rows).prop_map(Cells::Text),
    ]
}

fn table() -> impl Strategy<Value = (usize, Vec<Cells>)> {
    (0_usize..40, 1_usize..5)
        .prop_flat_map(|(rows, columns)| (Just(rows), prop::collection::vec(cells(rows), columns)))
}

fn name(column: usize) -> String {
    format!("c{column}")
}

fn as_csv(rows: usize, table: &[Cells]) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record((0..table.len()).map(name)).expect("written");
    for row in 0..rows {
        writer.write_record(table.iter().map(|cells| cells.text(row).unwrap_or_default())).expect("written");
    }
    writer.into_inner().expect("written")
}

fn as_ndjson(rows: usize, table: &[Cells]) -> Vec<u8> {
    let line = |row: usize| {
        let cells = table.iter().enumerate().map(|(column, cells)| (name(column), cells.json(row)));
        serde_json::Value::Object(cells.collect()).to_string()
    };
    (0..rows).flat_map(|row| (line(row) + "\n").into_bytes()).collect()
}

fn expected(rows: usize, table: &[Cells]) -> Rows {
    let row_of = |row: usize| -> Columns {
        let cells = table.iter().enumerate().map(|(column, cells)| (name(column), cells.text(row)));
        let stated =
            cells.filter_map(|(name, text)| Some((name, Pii::new(text.filter(|text| !text.is_empty())?))));
        stated.collect()
    };
    (0..rows).map(|row| (row as u64, Ok(row_of(row)))).collect()
}

proptest! {
    #[test]
    fn every_format_gives_the_same_rows_and_resumes_at_any(
        (rows, table) in table(), limit in 1_usize..50, from in 0_usize..45,
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut files = vec![
            written(&dir, "t.csv", &as_csv(rows, &table)),
            written(&dir, "t.ndjson", &as_ndjson(rows, &table)),
        ];
        #[cfg(feature = "parquet")]
        files.push(written(&dir, "t.parquet", &of_parquet::as_parquet(rows, &table)));
        let expected = expected(rows, &table);
        for file in files.drain(..) {
            let mut reader = open(&file).expect("a table");
            prop_assert_eq!(&all(&mut *reader, limit), &expected);
            let (read, total) = reader.progress();
            prop_assert_eq!(Some(read), total);
            let mut reader = open(&file).expect("a table");
            reader.skip_to(from as u64).expect("skipped");
            prop_assert_eq!(&all(&mut *reader, limit)[..], &expected[from.min(rows)..]);
        }
    }

    #[test]
    fn the_csv_crate_reads_a_good_row_alike(body in "[a\",\r\n]{0,24}") {
        let text = format!("a,b\n{body}");
        let mut oracle = ::csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let oracle: Vec<_> = oracle.records().map(|record| record.expect("UTF-8")).collect();
        let rows = all(&mut csv_of(&text).expect("a header"), 9);
        // It forgives quotes and returns, and then cuts rows elsewhere: alike is what comes before the first of them.
        let good = rows.iter().map_while(|(number, row)| match row {
            Err(error) if matches!(error.fault, RowFault::Fields { .. }) => Some((*number, None)),
            row => Some((*number, Some(row.as_ref().ok()?))),
        });
        for ((number, row), record) in good.zip(&oracle) {
            let cells = ["a", "b"].into_iter().zip(record).filter(|(_, cell)| !cell.is_empty());
            match row {
                Some(row) => prop_assert_eq!(row, &super::tests::row(&cells.collect::<Vec<_>>()), "row {}", number),
                None => prop_assert_ne!(record.len(), 2, "row {}", number),
            }
        }
    }

    #[test]
    fn whatever_the_bytes_reading_ends_and_rows_are_in_order(
        bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'"'), Just(b','), Just(b'{'), any::<u8>()], 0..200),
    ) {
        let mut readers: Vec<Box<dyn TableReader>> = vec![Box::new(ndjson_of(&bytes))];
        if let Ok(csv) = csv_of(&bytes) {
            readers.push(Box::new(csv));
        }
        for mut reader in readers {
            let numbers: Vec<u64> = all(&mut *reader, 3).into_iter().map(|(row, _)| row).collect();
            prop_assert!(numbers.is_sorted_by(|before, after| before < after));
            prop_assert_eq!(reader.progress().0, bytes.len() as u64);
        }
    }
}

#[cfg(feature = "parquet")]
mod of_parquet {
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Float64Array, Int64Array, RecordBatch,
        StringArray, TimestampMillisecondArray,
    };

    use super::*;

    fn file(columns: Vec<(String, ArrayRef)>) -> Vec<u8> {
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let groups = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(groups)).expect("a writer");
        writer.write(&batch).expect("written");
        writer.into_inner().expect("written")
    }

    pub(super) fn as_parquet(rows: usize, table: &[Cells]) -> Vec<u8> {
        let column = |cells: &Cells| -> ArrayRef {
            match cells.clone() {
                Cells::Bool(cells) => Arc::new(BooleanArray::from(cells)),
                Cells::Int(cells) => Arc::new(Int64Array::from(cells)),
                Cells::Date(cells) => Arc::new(Date32Array::from(cells)),
                Cells::Text(cells) => Arc::new(StringArray::from(cells)),
            }
        };
        let columns: Vec<_> = table.iter().enumerate().map(|(at, cells)| (name(at), column(cells))).collect();
        assert!(columns.iter().all(|(_, column)| column.len() == rows));
        file(columns)
    }

    fn open_with(columns: Vec<(&str, ArrayRef)>) -> Result<Box<dyn TableReader>, TableError> {
        let dir = tempfile::tempdir().expect("a folder");
        let columns = columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect();
        open(&written(&dir, "t.parquet", &file(columns)))
    }

    #[test]
    fn columns_of_other_types_are_refused_together_by_name() {
        let refused = open_with(vec![
            ("number", Arc::new(StringArray::from(vec!["1"]))),
            ("updated_at", Arc::new(TimestampMillisecondArray::from(vec![1]))),
            ("seen", Arc::new(Date64Array::from(vec![86_400_000]))),
        ]);
        let error = refused.err().expect("two columns are no facts").to_string();
        assert!(error.contains("updated_at is a timestamp"), "{error}");
        assert!(error.contains("seen is a time"), "{error}");
        assert!(!error.contains("number"), "{error}");
    }

    #[test]
    fn a_malformed_row_is_told_and_reading_goes_on() {
        let long = "x".repeat(ROW_BYTES + 1);
        let mut table = open_with(vec![
            ("number", Arc::new(BinaryArray::from(vec![&b"1"[..], b"\xff", b"3", b"4", b"5"]))),
            ("children", Arc::new(Float64Array::from(vec![Some(2.0), None, Some(0.5), None, None]))),
            ("born", Arc::new(Date32Array::from(vec![Some(0), None, None, Some(i32::MAX), None]))),
            ("note", Arc::new(StringArray::from(vec!["", "", "", "", &long]))),
        ])
        .expect("a table");
        let rows = all(&mut *table, 2);
        assert_eq!(rows[0].1, Ok(row(&[("number", "1"), ("children", "2"), ("born", "1970-01-01")])));
        let expected = [
            (0, None),
            (1, Some(RowFault::CellNotUtf8 { column: "number".into() })),
            (2, Some(RowFault::NotWhole { column: "children".into() })),
            (3, Some(RowFault::NoDate { column: "born".into() })),
            (4, Some(RowFault::TooLong)),
        ];
        assert_eq!(faults(rows), expected);
    }

    #[test]
    fn a_file_that_is_cut_or_something_else_is_damaged() {
        let dir = tempfile::tempdir().expect("a folder");
        let whole = file(vec![("number".into(), Arc::new(StringArray::from(vec!["1"])))]);
        for bytes in [&whole[..whole.len() - 9], b"number\n1\n", b""] {
            let error = open(&written(&dir, "t.parquet", bytes)).err();
            assert!(matches!(error, Some(TableError::Damaged(_))), "{error:?}");
        }
    }
}
