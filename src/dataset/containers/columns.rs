//! The columns of JSON rows as a typed table needs them: one kind for each, found by looking at every row.

use serde_json::Value;

use crate::core::Row;

/// Names under which people keep whatever they like: a column of each would have a null wherever another row has a key of its own,
/// and a trainer could not tell that null from one that was meant. Where their objects differ, they are JSON text.
const FREE: [&str; 8] = [
    "arguments",
    "parameters",
    "tools",
    "seed",
    "vary",
    "steps",
    "value",
    "params",
];

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing but null so far.
    Null,
    Bool,
    Int,
    Float,
    Text,
    /// Values that differ too much: as JSON text.
    Json,
    List(Box<Kind>),
    Struct {
        fields: Vec<(String, Kind)>,
        /// Not every object has every field.
        uneven: bool,
    },
}

impl Kind {
    /// The kind of an object.
    pub(super) fn of_row(row: &Row) -> Self {
        Self::Struct {
            fields: row
                .iter()
                .map(|(name, value)| (name.clone(), Self::of(value)))
                .collect(),
            uneven: false,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.is_i64() => Self::Int,
            Value::Number(_) => Self::Float,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::List(Box::new(
                items.iter().map(Self::of).reduce(Self::and).unwrap_or(Self::Null),
            )),
            Value::Object(row) => Self::of_row(row),
        }
    }

    /// The kind that holds both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::List(one), Self::List(two)) => Self::List(Box::new(one.and(*two))),
            (
                Self::Struct { mut fields, uneven },
                Self::Struct {
                    fields: others,
                    uneven: ragged,
                },
            ) => {
                let mut uneven = uneven || ragged || fields.len() != others.len();
                for (name, kind) in others {
                    if let Some((_, known)) = fields.iter_mut().find(|(known, _)| *known == name) {
                        let before = std::mem::replace(known, Self::Null);
                        *known = before.and(kind);
                    } else {
                        uneven = true;
                        fields.push((name, kind));
                    }
                }
                Self::Struct { fields, uneven }
            }
            (one, two) if one == two => one,
            _ => Self::Json,
        }
    }

    /// As it will be written: free objects that differ, and objects without fields, are JSON text.
    pub(super) fn settled(self, name: &str) -> Self {
        if FREE.contains(&name) && self.is_uneven() {
            return Self::Json;
        }
        match self {
            Self::Null => Self::Text,
            Self::List(item) => Self::List(Box::new(item.settled(""))),
            Self::Struct { fields, .. } if fields.is_empty() => Self::Json,
            Self::Struct { fields, uneven } => Self::Struct {
                fields: fields
                    .into_iter()
                    .map(|(name, kind)| {
                        let kind = kind.settled(&name);
                        (name, kind)
                    })
                    .collect(),
                uneven,
            },
            plain @ (Self::Bool | Self::Int | Self::Float | Self::Text | Self::Json) => plain,
        }
    }

    fn is_uneven(&self) -> bool {
        match self {
            Self::Struct { fields, uneven } => *uneven || fields.iter().any(|(_, kind)| kind.is_uneven()),
            Self::List(item) => item.is_uneven(),
            Self::Json => true,
            Self::Null | Self::Bool | Self::Int | Self::Float | Self::Text => false,
        }
    }
}
