//! Seeds: every format reads the rows its users mean, and every broken file says where and what to do.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use destilation::core::Row;
use destilation::core::ports::{Rows, SeedError};
use destilation::seeds::{CATALOG, open};
use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn rows(name: &str, bytes: impl AsRef<[u8]>) -> Vec<Result<Row, SeedError>> {
    let folder = Folder::new();
    let path = folder.write(name, bytes);
    match open(&path) {
        Ok(rows) => rows.collect(),
        Err(error) => vec![Err(error)],
    }
}

fn good(name: &str, bytes: impl AsRef<[u8]>) -> Value {
    let rows: Vec<Row> = rows(name, bytes).into_iter().map(Result::unwrap).collect();
    serde_json::to_value(rows).unwrap()
}

fn bad(name: &str, bytes: impl AsRef<[u8]>) -> SeedError {
    rows(name, bytes)
        .into_iter()
        .find_map(Result::err)
        .expect("a broken file")
}

#[test]
fn json_lines_with_mark_crlf_and_blank_lines() {
    let text = "\u{feff}{\"q\":\"a\"}\r\n\r\n  \n{\"q\":\"b\\u2028\",\"n\":1}";
    let expected = json!([{"q": "a"}, {"q": "b\u{2028}", "n": 1}]);
    assert_eq!(good("a.jsonl", text), expected);
    assert_eq!(good("a.ndjson", text), expected);
    assert_eq!(good("A.JSONL", text), expected);
    assert_eq!(good("empty.jsonl", ""), json!([]));
}

#[test]
fn a_broken_line_has_its_number_and_the_next_ones_are_read() {
    let read = rows("a.jsonl", "{\"q\":1}\n\n{\"q\":\n[1]\n{\"q\":2}\n");
    let lines: Vec<u64> = read
        .iter()
        .map(|row| row.as_ref().map_or_else(|error| error.line, |_| 0))
        .collect();
    assert_eq!(lines, [0, 3, 4, 0]);
    let message = &read[2].as_ref().unwrap_err().message;
    assert!(message.contains("a.jsonl:4: is an array, not an object; write one JSON object a line"));
    let spread = bad("a.jsonl", "{\n \"q\": 1\n}\n");
    assert!(spread.message.contains(".json file"), "{}", spread.message);
}

#[test]
fn one_json_document_as_array_or_in_an_object() {
    let expected = json!([{"q": "a,]}\"\\"}, {"q": {"deep": [1, {"x": "["}]}}]);
    let array = serde_json::to_string_pretty(&expected).unwrap();
    assert_eq!(good("a.json", &array), expected);
    assert_eq!(good("a.json", format!("\u{feff}\r\n{array}\n\n")), expected);
    let object = json!({"version": 2, "note": "[not this]", "data": expected, "more": {"list": [1]}});
    assert_eq!(good("a.json", object.to_string()), expected);
    assert_eq!(good("a.json", "[]"), json!([]));
    assert_eq!(good("a.json", ""), json!([]));
}

/// Read as fractions they would be other numbers, and written again as such.
#[test]
fn whole_numbers_that_64_bits_cannot_hold_are_named_and_not_rounded() {
    let read = rows(
        "a.jsonl",
        "{\"n\":18446744073709551615}\n{\"n\":1,\"id\":[18446744073709551616]}\n{\"n\":\"18446744073709551616\",\"x\":1e30}\n",
    );
    let message = &read[1].as_ref().unwrap_err().message;
    let words =
        "a.jsonl:2: has 18446744073709551616 at column 14, a whole number beyond 64 bits; write it as text";
    assert!(message.contains(words), "{message}");
    assert!(read[0].is_ok() && read[2].is_ok(), "{read:?}");
    let error = bad(
        "a.json",
        "[{\"a\":1},\n{\"a\":\"12\",\n\"b\":-9223372036854775809}]",
    );
    assert_eq!(error.line, 3, "{}", error.message);
    assert!(
        error.message.contains("-9223372036854775809"),
        "{}",
        error.message
    );
}

#[test]
fn broken_json_documents() {
    for (text, line, words) in [
        ("[\n{\"a\":1},\n2\n]", 3, "a number, not an object"),
        ("[{\"a\":1}\n{\"a\":2}]", 2, "`,` or `]`"),
        ("[{\"a\":1},\n]", 2, "an element after"),
        ("[{\"a\":1},\n{\"a\":\n tru}]", 3, "expected ident"),
        ("[{\"a\":1}", 1, "`,` or `]`"),
        ("[{\"a\":\n1", 2, "ends in the middle"),
        ("{\"a\":1}", 1, "no array"),
        ("{\"a\":[], \"b\":[]}", 1, "more than one array"),
        ("{\"a\":1}\n{\"a\":2}", 1, "no array"),
        ("[{\"a\":1}]\n[]", 2, "goes on after its end"),
        ("\"text\"", 1, "an array or an object"),
        ("{a: 1}", 1, "a key in quotes"),
        ("{\"a\" 1}", 1, "`:`"),
    ] {
        let error = bad("a.json", text);
        assert_eq!(error.line, line, "{text}: {}", error.message);
        assert!(error.message.contains(words), "{text}: {}", error.message);
    }
}

#[test]
fn deep_json_is_an_error_and_no_crash() {
    let deep = "[".repeat(200_000);
    assert!(
        !bad("a.json", format!("{deep}{}", "]".repeat(200_000)))
            .message
            .is_empty()
    );
    assert!(!bad("a.jsonl", deep).message.is_empty());
}

#[test]
fn separated_values_are_text_under_their_names() {
    let csv = "\u{feff}q,a \r\n\"two\r\nlines, \"\"quoted\"\"\",007\r\n\r\n,\r\n";
    let expected = json!([{"q": "two\r\nlines, \"quoted\"", "a": "007"}, {"q": "", "a": ""}]);
    assert_eq!(good("a.csv", csv), expected);
    let tsv = "q\ta\n1,5\tx y\n";
    assert_eq!(good("a.tsv", tsv), json!([{"q": "1,5", "a": "x y"}]));
    assert_eq!(good("a.csv", "q\n"), json!([]));
}

#[test]
fn broken_separated_values() {
    let read = rows("a.csv", "q,a\n1,2\n1,2,3\n3,4\n");
    assert_eq!(read.len(), 3);
    let error = read[1].as_ref().unwrap_err();
    assert_eq!(error.line, 3);
    assert!(
        error
            .message
            .contains("has 3 fields where the first line names 2")
    );
    let twice = bad("a.csv", "q,a, q\n1,2,3\n");
    assert!(twice.message.contains("\"q\" stands twice") && twice.line == 1);
    assert!(bad("a.csv", "q,,a\n").message.contains("column 2 has no name"));
    assert_eq!(bad("a.csv", b"q,a\n1,2\n\xff,3\n").line, 3);
}

#[test]
fn plain_text_is_a_row_a_line() {
    let expected = json!([{"text": "tides"}, {"text": " glaciers"}]);
    assert_eq!(good("a.txt", "tides\r\n\n \t\n glaciers"), expected);
}

#[test]
fn markdown_is_cut_at_its_upper_headings() {
    let text = "---\ntitle: x\n# not a heading\n---\nBefore.\n\n# One\n\nText.\n### Deep\nmore\n```\n# code\n```\n## Two ##\nEnd.\n# Empty\n";
    let expected = json!([
        {"title": "book", "text": "Before."},
        {"title": "One", "text": "Text.\n### Deep\nmore\n```\n# code\n```"},
        {"title": "Two", "text": "End."},
    ]);
    assert_eq!(good("book.md", text), expected);
    assert_eq!(
        good("book.md", "Just text.\r\n"),
        json!([{"title": "book", "text": "Just text."}])
    );
    assert_eq!(
        good("book.md", "---\nA rule, no matter.\n"),
        json!([{"title": "book", "text": "---\nA rule, no matter."}])
    );
}

fn write_column<T: parquet::data_type::DataType>(
    rows: &mut parquet::file::writer::SerializedRowGroupWriter<fs::File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) {
    let mut column = rows.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, levels, None).unwrap();
    column.close().unwrap();
}

fn write_parquet(path: &Path, compression: parquet::basic::Compression) {
    use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
    let schema = "message schema { REQUIRED BYTE_ARRAY question (UTF8); OPTIONAL INT64 level;
                  REQUIRED FIXED_LEN_BYTE_ARRAY(16) stars (DECIMAL(38,0)); REQUIRED FIXED_LEN_BYTE_ARRAY(16) price (DECIMAL(38,2)); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(compression)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer =
        parquet::file::writer::SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for group in 0..3_i64 {
        let mut rows = writer.next_row_group().unwrap();
        let texts = [
            ByteArray::from("why?"),
            ByteArray::from(format!("{group} ☂").as_str()),
        ];
        write_column::<ByteArrayType>(&mut rows, &texts, None);
        write_column::<Int64Type>(&mut rows, &[group], Some(&[0, 1]));
        for _ in ["stars", "price"] {
            let numbers = [1_i128 << 70, i128::from(-group)];
            let numbers = numbers.map(|number| FixedLenByteArray::from(number.to_be_bytes().to_vec()));
            write_column::<FixedLenByteArrayType>(&mut rows, &numbers, None);
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn parquet_is_read_group_by_group() {
    use parquet::basic::{Compression, ZstdLevel};
    let folder = Folder::new();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let path = folder.0.path().join("a.parquet");
        write_parquet(&path, compression);
        let read: Vec<Row> = open(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), 6);
        assert_eq!(
            Value::Object(read[5].clone()),
            json!({"question": "2 ☂", "level": 2, "stars": "-2", "price": "-0.02"})
        );
        assert_eq!(
            Value::Object(read[4].clone()),
            json!({"question": "why?", "level": null, "stars": "1180591620717411303424", "price": "11805916207174113034.24"})
        );
    }
    let damaged = folder.write("b.parquet", b"PAR1 nothing PAR1");
    let error = open(&damaged).err().unwrap();
    assert!(error.message.contains("damaged or no Parquet"));
}

#[test]
fn other_files_are_refused_with_the_way_out() {
    let folder = Folder::new();
    for (name, words) in [
        ("a.jsnl", "did you mean .jsonl?"),
        ("a.jsonl.gz", "unpack it first"),
        ("a.xlsx", "save the sheet as .csv"),
        ("a", "has no extension"),
        (
            "a.bin",
            "known are .jsonl .ndjson .json .csv .tsv .txt .md .parquet",
        ),
    ] {
        let error = open(&folder.write(name, "x")).err().unwrap();
        assert!(error.message.contains(words), "{name}: {}", error.message);
        assert_eq!(error.line, 0);
    }
    let missing = open(&folder.0.path().join("none.jsonl")).err().unwrap();
    assert!(
        missing
            .message
            .contains("relative path refers to the directory of the job file")
    );
    fs::create_dir(folder.0.path().join("d.csv")).unwrap();
    let directory = open(&folder.0.path().join("d.csv")).err().unwrap();
    assert!(directory.message.contains("is a directory"));
}

#[test]
fn every_format_reports_what_cannot_be_opened() {
    for kind in CATALOG.kinds() {
        let error = open(Path::new(&format!("/nowhere/a.{kind}"))).err().unwrap();
        assert!(error.message.contains("cannot be opened"), "{kind}");
    }
}

/// Peak of the process's memory in KiB, as the kernel counts it.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_stays_flat_over_large_files() {
    let folder = Folder::new();
    let many: usize = 60_000;
    let text = "x".repeat(900);
    let paths = [folder.0.path().join("a.csv"), folder.0.path().join("a.json")];
    let [mut csv, mut json] = [0, 1].map(|at| BufWriter::new(fs::File::create(&paths[at]).unwrap()));
    writeln!(csv, "text,n").unwrap();
    write!(json, "{{\"rows\":[").unwrap();
    for n in 0..many {
        writeln!(csv, "{text},{n}").unwrap();
        let comma = if n == 0 { "" } else { "," };
        write!(json, "{comma}{{\"text\":\"{text}\",\"n\":{n}}}").unwrap();
    }
    write!(json, "]}}").unwrap();
    drop((csv, json));
    let before = peak_kib();
    for path in paths {
        let rows: Rows = open(&path).unwrap();
        assert_eq!(rows.map(Result::unwrap).count(), many);
    }
    // Each file is more than 50 MiB; reading one whole would show.
    assert!(peak_kib() - before < 30_000, "{} KiB more", peak_kib() - before);
}
