//! Nested values as Parquet keeps them: every leaf a column of values with a definition level (how much of its path is there) and a
//! repetition level (which list goes on). The format's own description of nested encoding is the source.

use ::parquet::data_type::ByteArray;
use serde_json::Value;

use super::columns::Kind;

/// The values of a leaf.
pub(super) enum Values {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Vec<ByteArray>),
}

/// A leaf of the rows gathered so far.
pub(super) struct Leaf {
    pub(super) values: Values,
    pub(super) definition: Vec<i16>,
    pub(super) repetition: Vec<i16>,
}

/// The empty leaves of a kind, in order.
pub(super) fn leaves(kind: &Kind, into: &mut Vec<Leaf>) {
    let values = match kind {
        Kind::List(item) => return leaves(item, into),
        Kind::Struct { fields, .. } => return fields.iter().for_each(|(_, kind)| leaves(kind, into)),
        Kind::Bool => Values::Bool(Vec::new()),
        Kind::Int => Values::Int(Vec::new()),
        Kind::Float => Values::Float(Vec::new()),
        Kind::Text | Kind::Json | Kind::Null => Values::Text(Vec::new()),
    };
    into.push(Leaf {
        values,
        definition: Vec::new(),
        repetition: Vec::new(),
    });
}

/// How many leaves a kind has.
pub(super) fn count(kind: &Kind) -> usize {
    match kind {
        Kind::List(item) => count(item),
        Kind::Struct { fields, .. } => fields.iter().map(|(_, kind)| count(kind)).sum(),
        Kind::Null | Kind::Bool | Kind::Int | Kind::Float | Kind::Text | Kind::Json => 1,
    }
}

/// Where in the nesting a value stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Definition level of what is around it.
    pub(super) definition: i16,
    /// Repetition level it is written with.
    pub(super) repetition: i16,
    /// Lists around it.
    pub(super) lists: i16,
}

/// Takes a value apart. Everything is optional: a missing value ends the path there, for all leaves below.
pub(super) fn shred(kind: &Kind, value: Option<&Value>, place: Place, leaves: &mut [Leaf]) {
    let inside = Place {
        definition: place.definition + 1,
        ..place
    };
    match (kind, value) {
        (Kind::Json, Some(value)) if !value.is_null() => {
            leaves[0].put(&Value::String(value.to_string()), inside);
        }
        (_, None | Some(Value::Null)) => {
            for leaf in &mut leaves[..count(kind)] {
                leaf.mark(place);
            }
        }
        (Kind::List(item), Some(Value::Array(items))) => {
            if items.is_empty() {
                for leaf in &mut leaves[..count(item)] {
                    leaf.mark(inside);
                }
            }
            for (at, value) in items.iter().enumerate() {
                let place = Place {
                    definition: inside.definition + 1,
                    repetition: if at == 0 {
                        place.repetition
                    } else {
                        place.lists + 1
                    },
                    lists: place.lists + 1,
                };
                shred(item, Some(value), place, leaves);
            }
        }
        (Kind::Struct { fields, .. }, Some(Value::Object(row))) => {
            let mut rest = leaves;
            for (name, kind) in fields {
                shred(kind, row.get(name), inside, rest);
                rest = &mut rest[count(kind)..];
            }
        }
        (_, Some(value)) => leaves[0].put(value, inside),
    }
}

impl Leaf {
    fn mark(&mut self, place: Place) {
        self.definition.push(place.definition);
        self.repetition.push(place.repetition);
    }

    fn put(&mut self, value: &Value, place: Place) {
        self.mark(place);
        match &mut self.values {
            Values::Bool(values) => values.push(value.as_bool().unwrap_or_default()),
            Values::Int(values) => values.push(value.as_i64().unwrap_or_default()),
            Values::Float(values) => values.push(value.as_f64().unwrap_or_default()),
            Values::Text(values) => {
                let text = value.as_str().unwrap_or_default();
                values.push(ByteArray::from(text.as_bytes().to_vec()));
            }
        }
    }
}
