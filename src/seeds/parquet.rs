//! Seeds from a Parquet file, one row group after the other through the record reader. Dates and decimals come as text, bytes as
//! base64.

use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::Field;
use parquet::record::reader::{ReaderIter, TreeBuilder};
use serde_json::Value;

use super::{open_file, problem};
use crate::core::Row;
use crate::core::ports::{Rows, SeedError};

/// Opens the file and reads its footer.
pub(super) fn open(path: &Path) -> Result<Rows, SeedError> {
    let file = open_file(path)?;
    let reader = SerializedFileReader::new(file).map_err(|error| explain(path, 0, &error))?;
    Ok(Box::new(Records {
        groups: 0..reader.num_row_groups(),
        reader: Box::new(reader),
        rows: None,
        path: path.to_owned(),
        row: 0,
        ended: false,
    }))
}

struct Records {
    reader: Box<dyn FileReader>,
    groups: std::ops::Range<usize>,
    rows: Option<ReaderIter>,
    path: PathBuf,
    /// Rows read so far, which number the errors.
    row: u64,
    ended: bool,
}

impl Records {
    fn next_row(&mut self) -> Result<Option<Row>, ParquetError> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                let row = row?.into_columns();
                return Ok(Some(
                    row.into_iter()
                        .map(|(name, field)| (name, value(&field)))
                        .collect(),
                ));
            }
            let Some(group) = self.groups.next() else {
                return Ok(None);
            };
            let schema = self.reader.metadata().file_metadata().schema_descr_ptr();
            let group = self.reader.get_row_group(group)?;
            self.rows = Some(TreeBuilder::new().as_iter(schema, &*group)?);
        }
    }
}

impl Iterator for Records {
    type Item = Result<Row, SeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.row += 1;
        self.next_row()
            .map_err(|error| {
                self.ended = true;
                explain(&self.path, self.row, &error)
            })
            .transpose()
    }
}

/// A field as JSON. Decimals may have more digits than a number of JSON keeps; a whole one ends with its last digit.
fn value(field: &Field) -> Value {
    match field {
        Field::Decimal(_) => Value::String(field.to_string().trim_end_matches('.').to_owned()),
        other => other.to_json_value(),
    }
}

fn explain(path: &Path, row: u64, error: &ParquetError) -> SeedError {
    let text = error.to_string();
    let help = if text.contains("Disabled feature") {
        "write it again uncompressed or with Snappy or Zstandard"
    } else {
        "the file is damaged or no Parquet"
    };
    problem(path, row, &format!("cannot be read: {text}"), help)
}
