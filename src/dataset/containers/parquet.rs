//! Parquet with Zstandard: lists and objects are nested columns as table libraries read them, every column optional, a bounded number
//! of rows a group.

use std::io::{self, BufWriter};
use std::sync::Arc;

use ::parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical, ZstdLevel};
use ::parquet::column::writer::ColumnWriter;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{Type, TypePtr};
use serde_json::Value;

use super::super::files::Replacement;
use super::Rows;
use super::columns::Kind;
use super::levels::{Leaf, Place, Values, leaves, shred};

/// Rows of a group, at most.
const GROUP_ROWS: usize = 10_000;
/// Bytes of JSON that fill a group.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

type Out<'a> = &'a mut BufWriter<Replacement>;

/// Writes all rows: one look for the columns, one for the values.
pub(super) fn write(rows: &Rows, out: Out<'_>) -> io::Result<()> {
    let mut table: Option<Kind> = None;
    rows.each(|row, _| {
        let kind = Kind::of_row(&row);
        table = Some(match table.take() {
            Some(known) => known.and(kind),
            None => kind,
        });
        Ok(())
    })?;
    let table = table.map(|table| table.settled(""));
    let fields = match table {
        Some(Kind::Struct { fields, .. }) => fields,
        _ => Vec::new(),
    };
    let schema = Type::group_type_builder("schema")
        .with_fields(columns(&fields).map_err(lost)?)
        .build()
        .map_err(lost)?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("destiler ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(lost)?;
    let mut group = Group::of(&fields);
    rows.each(|row, bytes| {
        group.add(&fields, &row.into());
        group.bytes += bytes;
        if group.rows >= GROUP_ROWS || group.bytes >= GROUP_BYTES {
            let full = std::mem::replace(&mut group, Group::of(&fields));
            full.write(&mut writer).map_err(lost)?;
        }
        Ok(())
    })?;
    if group.rows > 0 {
        group.write(&mut writer).map_err(lost)?;
    }
    writer.close().map_err(lost)?;
    Ok(())
}

fn lost(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

fn columns(fields: &[(String, Kind)]) -> Result<Vec<TypePtr>, ParquetError> {
    let mut columns = Vec::with_capacity(fields.len());
    for (name, kind) in fields {
        columns.push(Arc::new(column(name, kind)?));
    }
    Ok(columns)
}

fn column(name: &str, kind: &Kind) -> Result<Type, ParquetError> {
    let (physical, converted) = match kind {
        Kind::List(item) => {
            let items = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(column("element", item)?)])
                .build()?;
            return Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_converted_type(ConvertedType::LIST)
                .with_fields(vec![Arc::new(items)])
                .build();
        }
        Kind::Struct { fields, .. } => {
            return Type::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_fields(columns(fields)?)
                .build();
        }
        Kind::Bool => (Physical::BOOLEAN, ConvertedType::NONE),
        Kind::Int => (Physical::INT64, ConvertedType::NONE),
        Kind::Float => (Physical::DOUBLE, ConvertedType::NONE),
        // By that word libraries that know it give the value back and not its text.
        Kind::Json => (Physical::BYTE_ARRAY, ConvertedType::JSON),
        Kind::Text | Kind::Null => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_converted_type(converted)
        .build()
}

/// Rows on their way into a group.
struct Group {
    leaves: Vec<Leaf>,
    rows: usize,
    bytes: usize,
}

impl Group {
    fn of(fields: &[(String, Kind)]) -> Self {
        let mut all = Vec::new();
        for (_, kind) in fields {
            leaves(kind, &mut all);
        }
        Self {
            leaves: all,
            rows: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, fields: &[(String, Kind)], row: &Value) {
        let top = Place {
            definition: 0,
            repetition: 0,
            lists: 0,
        };
        let mut at = 0;
        for (name, kind) in fields {
            shred(kind, row.get(name), top, &mut self.leaves[at..]);
            at += super::levels::count(kind);
        }
        self.rows += 1;
    }

    fn write(self, writer: &mut SerializedFileWriter<Out<'_>>) -> Result<(), ParquetError> {
        let mut group: SerializedRowGroupWriter<'_, Out<'_>> = writer.next_row_group()?;
        for leaf in self.leaves {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            let (definition, repetition) = (Some(&leaf.definition[..]), Some(&leaf.repetition[..]));
            match (column.untyped(), &leaf.values) {
                (ColumnWriter::BoolColumnWriter(to), Values::Bool(values)) => {
                    to.write_batch(values, definition, repetition)?;
                }
                (ColumnWriter::Int64ColumnWriter(to), Values::Int(values)) => {
                    to.write_batch(values, definition, repetition)?;
                }
                (ColumnWriter::DoubleColumnWriter(to), Values::Float(values)) => {
                    to.write_batch(values, definition, repetition)?;
                }
                (ColumnWriter::ByteArrayColumnWriter(to), Values::Text(values)) => {
                    to.write_batch(values, definition, repetition)?;
                }
                _ => return Err(ParquetError::General("a column of another type".to_owned())),
            }
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}
