//! CSV and Parquet: what went in comes out again, nested as it was, and no cell is a formula.

use std::fs;
use std::path::Path;

use destilation::core::ports::DatasetWriter;
use destilation::dataset::FilesystemDatasetWriter;
use destilation::seeds;
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

/// Packs lines into a container of that extension and reads it again.
fn through(extension: &str, lines: &str) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("rows.{extension}"));
    pack(&path, lines);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left beside it");
    seeds::open(&path).unwrap().map(|row| row.unwrap()).collect()
}

fn pack(path: &Path, lines: &str) {
    let writer = FilesystemDatasetWriter::new(path.parent().unwrap().to_path_buf());
    let mut file = writer.create(path).unwrap();
    file.writer().write_all(lines.as_bytes()).unwrap();
    file.finish().unwrap();
}

fn lines_of(rows: &[Value]) -> String {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    lines.join("\n")
}

/// Nulls out: a typed table cannot tell a missing value from a null one.
fn sparse(value: &Value) -> Value {
    match value {
        Value::Object(row) => row
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), sparse(value)))
            .collect::<Row>()
            .into(),
        Value::Array(items) => items.iter().map(sparse).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_format_is_the_same_in_parquet() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dataset");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let back = through("parquet", &text);
        assert_eq!(back.len(), rows.len());
        for (row, back) in rows.iter().zip(back) {
            assert_eq!(
                opened(&sparse(row)),
                opened(&sparse(&back.into())),
                "{}",
                path.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 20);
}

/// JSON text of a list or an object opened, wherever it stands: where objects differ too much they are written so.
fn opened(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => opened(&sparse(&inner)),
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(opened).collect(),
        Value::Object(row) => row
            .iter()
            .map(|(name, value)| (name.clone(), opened(value)))
            .collect::<Row>()
            .into(),
        other => other.clone(),
    }
}

#[test]
fn nesting_nulls_and_empty_lists_keep_their_places() {
    let rows = [
        json!({"a": [[1, 2], [], [3]], "b": {"c": [{"d": "x", "e": null}, {"d": null, "e": 2.5}]}, "f": true}),
        json!({"a": [], "b": {"c": []}, "f": null}),
        json!({"a": null, "b": null, "f": false}),
        json!({"a": [null, [4]], "b": {"c": null}, "f": true}),
    ];
    let back = through("parquet", &lines_of(&rows));
    let back: Vec<Value> = back.into_iter().map(Value::Object).collect();
    assert_eq!(back, rows);
}

#[test]
fn what_differs_too_much_is_json_text() {
    let rows = [
        json!({"n": 1, "x": 1, "tools": [{"properties": {"at": {}}}]}),
        json!({"n": 1.5, "x": "one", "tools": [{"properties": {"day": {}}}]}),
    ];
    let back = through("parquet", &lines_of(&rows));
    assert_eq!((&back[0]["n"], &back[1]["n"]), (&json!(1.0), &json!(1.5)));
    assert_eq!((&back[0]["x"], &back[1]["x"]), (&json!("1"), &json!("\"one\"")));
    assert_eq!(back[0]["tools"], json!("[{\"properties\":{\"at\":{}}}]"));
}

#[test]
fn no_rows_are_a_file_all_the_same() {
    assert!(through("parquet", "").is_empty());
    let folder = tempfile::tempdir().unwrap();
    pack(&folder.path().join("rows.csv"), "");
    assert_eq!(fs::read(folder.path().join("rows.csv")).unwrap(), b"");
}

#[test]
fn many_rows_are_several_groups() {
    let rows: Vec<Value> = (0..25_000)
        .map(|n| json!({"n": n, "text": format!("row {n}")}))
        .collect();
    let back = through("parquet", &lines_of(&rows));
    assert_eq!(back.len(), rows.len());
    assert_eq!(Value::Object(back[24_999].clone()), rows[24_999]);
}

#[test]
fn a_cell_is_never_a_formula_and_gives_its_text_back() {
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@sum",
        "\tx",
        "\rx",
        "'=1",
        "''=1",
        "'quoted'",
        "plain",
        "a,b\n\"c\"",
        "",
        "é=",
    ];
    let rows: Vec<Value> = texts
        .iter()
        .map(|text| json!({"text": text, "more": [1, text]}))
        .collect();
    let back = through("csv", &lines_of(&rows));
    for (text, row) in texts.iter().zip(&back) {
        let cell = row["text"].as_str().unwrap();
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        let begins = cell
            .trim_start_matches('\'')
            .starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert_eq!(if begins { &cell[1..] } else { cell }, *text);
        assert_eq!(row["more"], json!(json!([1, text]).to_string()));
    }
    let back = through("csv", &lines_of(&[json!({"a": "x"}), json!({"b": 2, "a": null})]));
    assert_eq!(Value::Object(back[1].clone()), json!({"a": "", "b": "2"}));
}
