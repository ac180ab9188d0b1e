//! Drawing the value of a varied field. Only arithmetic that is the same on every machine: no logarithm or cosine of a system's library
//! stands between the bits and a number.

use std::collections::HashMap;

use serde_json::Value;

use super::draw::Stream;
use super::weighted;
use crate::core::Row;
use crate::core::job::{Cases, Normal, Vary};
use crate::core::sample::as_text;

/// Uniform draws whose sum is taken for a normal one.
const UNIFORMS: u32 = 12;

/// The value of a field. `other` finds the fields it may depend on; `accepted` is what earlier rounds accepted.
pub(super) fn pick<'a>(
    vary: &Vary,
    stream: &mut Stream,
    other: &dyn Fn(&str) -> Option<&'a Value>,
    accepted: &[Row],
) -> Value {
    match vary {
        Vary::Choose(values) => {
            let at = stream.below(values.len() as u128);
            values.get(at as usize).cloned().unwrap_or_default()
        }
        Vary::Weights(names) => {
            let at = weighted(names.iter().map(|(_, weight)| *weight), stream.unit());
            names
                .get(at)
                .map_or(Value::Null, |(name, _)| Value::from(name.as_str()))
        }
        Vary::Integer(low, high) => {
            let span = (i128::from(*high) - i128::from(*low)).max(0) + 1;
            let offset = stream.below(span.unsigned_abs()).cast_signed();
            Value::from(i64::try_from(i128::from(*low) + offset).unwrap_or(*high))
        }
        Vary::Normal(normal) => around(normal, stream),
        Vary::Draw(values, count) => {
            let places = distinct(values.len(), *count as usize, stream);
            places
                .into_iter()
                .filter_map(|at| values.get(at).cloned())
                .collect()
        }
        Vary::Accepted(count) => {
            let places = distinct(accepted.len(), *count as usize, stream);
            let rows = places.into_iter().filter_map(|at| accepted.get(at).cloned());
            rows.map(Value::Object).collect()
        }
        Vary::Case(cases) => {
            let case = chosen(cases, other);
            case.map_or(Value::Null, |case| pick(case, stream, other, accepted))
        }
    }
}

fn chosen<'c, 'a>(cases: &'c Cases, other: &dyn Fn(&str) -> Option<&'a Value>) -> Option<&'c Vary> {
    let value = other(&cases.by).cloned().map(as_text).unwrap_or_default();
    let case = cases.cases.iter().find(|(name, _)| *name == value);
    case.map(|(_, vary)| vary).or(cases.otherwise.as_deref())
}

/// A sum of twelve uniform draws less six has mean 0 and deviation 1 and is normal to within 0.3 % of its distribution function; it
/// ends at six deviations.
fn around(normal: &Normal, stream: &mut Stream) -> Value {
    let sum: f64 = (0..UNIFORMS).map(|_| stream.unit()).sum();
    let drawn = normal.mean + normal.deviation * (sum - f64::from(UNIFORMS / 2));
    let (low, high) = normal.within.unwrap_or((f64::MIN, f64::MAX));
    let scale = f64::from(10_u32.pow(normal.digits.min(9)));
    let rounded = (drawn.clamp(low, high) * scale).round() / scale;
    if normal.digits == 0 {
        return Value::from(rounded as i64);
    }
    Value::from(rounded)
}

/// Different places below `of`, in the order drawn: the first steps of a Fisher-Yates shuffle that keeps only what it has moved.
fn distinct(of: usize, count: usize, stream: &mut Stream) -> Vec<usize> {
    let mut moved: HashMap<usize, usize> = HashMap::new();
    let mut drawn = Vec::with_capacity(count.min(of));
    for at in 0..count.min(of) {
        let other = at + stream.below((of - at) as u128) as usize;
        let here = moved.get(&at).copied().unwrap_or(at);
        drawn.push(moved.insert(other, here).unwrap_or(other));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::core::plan::draw::stream;

    fn drawn(vary: &Vary, index: u64, seed: &Value) -> Value {
        let mut stream = stream(17, "vary/x", index);
        pick(vary, &mut stream, &|field| seed.get(field), &[])
    }

    #[test]
    fn a_normal_field_has_its_mean_its_deviation_and_its_ends() {
        let normal = |within| {
            Vary::Normal(Normal {
                mean: 100.0,
                deviation: 15.0,
                within,
                digits: 1,
            })
        };
        let draws = |vary: &Vary| -> Vec<f64> {
            let draws = (0..20_000).map(|index| drawn(vary, index, &json!({})));
            draws.map(|value| value.as_f64().unwrap()).collect()
        };
        let free = draws(&normal(None));
        let mean = free.iter().sum::<f64>() / free.len() as f64;
        let spread = free.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / free.len() as f64;
        assert!((mean - 100.0).abs() < 0.5, "{mean}");
        assert!((spread.sqrt() - 15.0).abs() < 0.3, "{}", spread.sqrt());
        let within = free.iter().filter(|x| (**x - 100.0).abs() < 15.0).count() as f64 / 20_000.0;
        assert!((within - 0.683).abs() < 0.015, "{within}");
        let held = draws(&normal(Some((90.0, 110.0))));
        assert!(held.iter().all(|x| (90.0..=110.0).contains(x)));
        let whole = Vary::Normal(Normal {
            mean: 3.0,
            deviation: 1.0,
            within: Some((1.0, 5.0)),
            digits: 0,
        });
        assert!(drawn(&whole, 3, &json!({})).is_i64());
    }

    #[test]
    fn drawn_lists_hold_no_value_twice_and_come_in_every_order() {
        let vary = Vary::Draw(vec![json!("a"), json!("b"), json!("c")], 3);
        let mut orders = BTreeSet::new();
        for index in 0..200 {
            let list = drawn(&vary, index, &json!({}));
            let mut sorted: Vec<&str> = list
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            orders.insert(list.to_string());
            sorted.sort_unstable();
            assert_eq!(sorted, ["a", "b", "c"]);
        }
        assert_eq!(orders.len(), 6, "every order of three comes");
        let few = Vary::Draw((0..100).map(Value::from).collect(), 7);
        let list = drawn(&few, 1, &json!({}));
        let all: BTreeSet<u64> = list
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_u64)
            .collect();
        assert_eq!(all.len(), 7);
        assert_eq!(drawn(&Vary::Accepted(2), 1, &json!({})), json!([]));
    }

    #[test]
    fn a_case_follows_the_field_it_depends_on() {
        let vary = Vary::Case(Cases {
            by: "level".to_owned(),
            cases: vec![
                ("1".to_owned(), Vary::Choose(vec![json!("one")])),
                ("easy".to_owned(), Vary::Integer(1, 3)),
            ],
            otherwise: Some(Box::new(Vary::Integer(7, 7))),
        });
        assert_eq!(drawn(&vary, 1, &json!({"level": 1})), "one");
        assert!((1..=3).contains(&drawn(&vary, 5, &json!({"level": "easy"})).as_i64().unwrap()));
        assert_eq!(drawn(&vary, 5, &json!({"level": "odd"})), 7);
        assert_eq!(drawn(&vary, 5, &json!({})), 7);
    }
}
