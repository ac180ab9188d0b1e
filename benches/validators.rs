//! What the validators cost on one core: near duplicates (texts a second, recall and precision against brute force, memory),
//! vectors (a look at all of them against one into the index, and its recall) and JSON Schema (rows a second, parsed and validated). Run with `cargo bench --bench validators`.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench reads the clock, touches files and may panic"
)]

use std::hint::black_box;
use std::time::Instant;

use destilation::validators::near_duplicates::{NearDuplicates, Sketcher};
use destilation::validators::schema;
use destilation::validators::shingles::{jaccard, shingles};
use destilation::validators::vectors::{Vectors, unit};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const THRESHOLD: f64 = 0.8;
const SHINGLE: usize = 3;

fn main() {
    println!("{:<44} {:>14} {:>12}", "what", "measured", "wanted");
    near_duplicates();
    quality();
    vectors();
    schemas();
}

fn line(what: &str, measured: &str, wanted: &str) {
    println!("{what:<44} {measured:>14} {wanted:>12}");
}

/// Texts of 12 to 40 words from a vocabulary of 20,000 with a skew towards its start; every fifth is an earlier text with up to
/// three words replaced.
fn corpus(texts: usize, seed: u64) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let vocabulary: Vec<String> = (0..20_000)
        .map(|_| {
            (0..rng.random_range(2..10))
                .map(|_| char::from(rng.random_range(b'a'..=b'z')))
                .collect()
        })
        .collect();
    let word = |rng: &mut ChaCha8Rng| {
        let skewed = rng.random::<f64>().powi(3) * vocabulary.len() as f64;
        vocabulary[skewed as usize].clone()
    };
    let mut corpus: Vec<Vec<String>> = Vec::with_capacity(texts);
    for at in 0..texts {
        let text = match corpus.choose(&mut rng) {
            Some(earlier) if at % 5 == 0 => {
                let mut copy = earlier.clone();
                for _ in 0..rng.random_range(0..=3) {
                    let place = rng.random_range(0..copy.len());
                    copy[place] = word(&mut rng);
                }
                copy
            }
            _ => (0..rng.random_range(12..=40)).map(|_| word(&mut rng)).collect(),
        };
        corpus.push(text);
    }
    corpus.into_iter().map(|words| words.join(" ")).collect()
}

/// Every text is looked up and then let in, duplicate or not, so that the index is as full as it can be.
fn near_duplicates() {
    for texts in [100_000, 500_000] {
        let corpus = corpus(texts, 1);
        let sketcher = Sketcher::new(THRESHOLD);
        let mut index = NearDuplicates::new(THRESHOLD, &sketcher);
        let mut found = 0_usize;
        let start = Instant::now();
        for (at, text) in corpus.iter().enumerate() {
            let sketch = sketcher.sketch(shingles(text, SHINGLE));
            found += usize::from(index.nearest(&sketch, |_| false).is_some());
            index.insert((at as u64, 0), &sketch);
        }
        let rate = texts as f64 / start.elapsed().as_secs_f64();
        line(
            &format!("near duplicates: texts/s, {texts} texts"),
            &format!("{rate:.0}"),
            "80000",
        );
        line("  of them near duplicates", &found.to_string(), "");
        line(
            "  bytes per text",
            &format!("{:.0}", index.bytes() as f64 / texts as f64),
            "",
        );
    }
}

/// Against the best match by brute force.
fn quality() {
    let corpus = corpus(8_000, 2);
    let sketcher = Sketcher::new(THRESHOLD);
    let mut index = NearDuplicates::new(THRESHOLD, &sketcher);
    let sets: Vec<_> = corpus.iter().map(|text| shingles(text, SHINGLE)).collect();
    let (mut there, mut found, mut right) = (0_u32, 0_u32, 0_u32);
    for (at, set) in sets.iter().enumerate() {
        let is_there = sets[..at].iter().any(|other| jaccard(set, other) >= THRESHOLD);
        let sketch = sketcher.sketch(set.clone());
        let near = index.nearest(&sketch, |_| false);
        there += u32::from(is_there);
        found += u32::from(near.is_some());
        let confirmed = |key: u64| jaccard(set, &sets[key as usize]) >= THRESHOLD;
        right += u32::from(near.is_some_and(|near| confirmed(near.key.0)));
        index.insert((at as u64, 0), &sketch);
    }
    let share = |part: u32, whole: u32| format!("{:.4}", f64::from(part) / f64::from(whole.max(1)));
    line(
        &format!("near duplicates: recall of {there} at >= {THRESHOLD}"),
        &share(right, there),
        "0.95",
    );
    line("near duplicates: precision", &share(right, found), "0.99");
}

/// Vectors of 384 numbers about 500 subjects; every one is looked for and then let in. Those asked for afterwards are one of them, turned
/// to a cosine of about 0.95.
fn vectors() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let drawn = |rng: &mut ChaCha8Rng, around: &[f32], by: f32| {
        let numbers = around
            .iter()
            .map(|number| number + by * rng.random_range(-1.0..1.0));
        unit(numbers.collect()).unwrap()
    };
    let subjects: Vec<_> = (0..500).map(|_| drawn(&mut rng, &[0.0; 384], 1.0)).collect();
    let (mut flat, mut index) = (Vectors::flat_up_to(usize::MAX), Vectors::flat_up_to(0));
    let mut known = Vec::new();
    for wanted in [10_000, 50_000] {
        let more = wanted - known.len();
        let start = Instant::now();
        for _ in 0..more {
            let subject = rng.random_range(0..subjects.len());
            let vector = drawn(&mut rng, &subjects[subject], 0.05);
            let key = (known.len() as u64, 0);
            black_box(index.nearest(&vector, |_| false));
            index.insert(key, "".into(), &vector);
            flat.insert(key, "".into(), &vector);
            known.push(vector);
        }
        let growing = start.elapsed().as_secs_f64() / more as f64;
        let asked: Vec<_> = (0..500)
            .map(|_| {
                let near = rng.random_range(0..known.len());
                drawn(&mut rng, &known[near], 0.03)
            })
            .collect();
        let timed = |pool: &mut Vectors| {
            let start = Instant::now();
            let found = asked.iter().map(|asked| pool.nearest(asked, |_| false));
            let found: Vec<_> = found.map(|near| near.unwrap().key).collect();
            (found, start.elapsed().as_secs_f64() / asked.len() as f64)
        };
        let ((exact, looking), (found, asking)) = (timed(&mut flat), timed(&mut index));
        let right = exact
            .iter()
            .zip(&found)
            .filter(|(exact, found)| exact == found)
            .count();
        let millis = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
        line(
            &format!("vectors: a look at all of {wanted}"),
            &millis(looking),
            "",
        );
        line("  a look into the index", &millis(asking), "");
        line("  a look and letting in, on the way", &millis(growing), "");
        let recall = format!("{:.4}", right as f64 / asked.len() as f64);
        line("  recall of the index", &recall, "0.95");
    }
}

fn schemas() {
    let compiled = schema::compile(&json!({
        "type": "object",
        "properties": {
            "answer": {"type": "string", "minLength": 1},
            "steps": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "language": {"enum": ["en", "de", "fr"]}
        },
        "required": ["answer", "confidence"],
        "additionalProperties": false
    }));
    let Ok(compiled) = compiled else {
        line("json schema", "broken", "");
        return;
    };
    let rows: Vec<String> = (0..1000)
        .map(|n| {
            json!({"answer": format!("the sum is {n}"), "steps": ["add the tens", "add the ones"], "confidence": 0.9, "language": "en"})
                .to_string()
        })
        .collect();
    let rounds = 1000;
    let mut valid = 0_usize;
    let start = Instant::now();
    for _ in 0..rounds {
        for row in &rows {
            let value = serde_json::from_str::<Value>(black_box(row));
            valid += usize::from(value.is_ok_and(|value| compiled.check(&value).is_ok()));
        }
    }
    let rate = valid as f64 / start.elapsed().as_secs_f64();
    line(
        "json schema: rows/s, parsed and validated",
        &format!("{rate:.0}"),
        "400000",
    );
    let values: Vec<Value> = rows
        .iter()
        .filter_map(|row| serde_json::from_str(row).ok())
        .collect();
    let start = Instant::now();
    for _ in 0..rounds {
        for value in &values {
            black_box(compiled.check(black_box(value)).is_ok());
        }
    }
    let rate = (rounds * values.len()) as f64 / start.elapsed().as_secs_f64();
    line("json schema: rows/s, validated", &format!("{rate:.0}"), "");
}
