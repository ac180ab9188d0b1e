//! Texts held against other texts: ROUGE-L against the job's own pool and a reference, and test sets that must not be trained on.

use std::path::Path;
use std::sync::Arc;

use destilation::core::ports::Validator;
use destilation::core::sample::{Decision, Reason};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tempfile::TempDir;

use super::{Fake, build, build_error, candidate_of, check, rejected, try_build_in};

const FOX: &str = "The quick brown fox jumps over the lazy dog";

fn with_file(name: &str, text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), text).unwrap();
    directory
}

fn build_in(base: &Path, kind: &str, settings: &str) -> Arc<dyn Validator> {
    try_build_in(base, kind, settings).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn rouge_l_is_the_f_score_that_rouge_score_computes() {
    // Its own example: five words of nine and eight in the same order, 2 · 5 / 17.
    let near = "The quick brown dog jumps on the log.";
    let strict = build("rouge_l", "threshold = 0.6");
    assert_eq!(rejected(&strict, &candidate_of(1, 0, "q", FOX)).await, None);
    assert_eq!(rejected(&strict, &candidate_of(2, 0, "q", near)).await, None);
    let lax = build("rouge_l", "threshold = 0.58");
    assert_eq!(rejected(&lax, &candidate_of(1, 0, "q", FOX)).await, None);
    let verdict = check(&lax, &candidate_of(2, 0, "q", near)).await;
    assert_eq!(verdict.reason, Some(Reason::NearDuplicate));
    assert!((verdict.score.unwrap() - 10.0 / 17.0).abs() < 1e-12);
    assert_eq!(
        verdict.evidence.unwrap(),
        format!("the last answer has a ROUGE-L of 0.588 with task 1, candidate 0: “{FOX}”")
    );
}

#[tokio::test]
async fn exactly_at_the_threshold_is_not_above_it() {
    // Seven of ten words on both sides: 0.7.
    let validator = build("rouge_l", "");
    let ten = "one two three four five six seven eight nine ten";
    let seven = "one two three four five six seven x y z";
    let eight = "one two three four five six seven eight y z";
    assert_eq!(rejected(&validator, &candidate_of(1, 0, "q", ten)).await, None);
    assert_eq!(rejected(&validator, &candidate_of(2, 0, "q", seven)).await, None);
    assert_eq!(
        rejected(&validator, &candidate_of(3, 0, "q", eight)).await,
        Some(Reason::NearDuplicate)
    );
}

#[tokio::test]
async fn rouge_l_remembers_forgets_and_compares_siblings_by_their_answers() {
    let validator = build("rouge_l", "");
    let (first, second) = (candidate_of(1, 0, "q", FOX), candidate_of(2, 0, "q", FOX));
    assert!(validator.remembers());
    assert_eq!(rejected(&validator, &first).await, None);
    assert_eq!(rejected(&validator, &first).await, None, "an interrupted check");
    assert_eq!(rejected(&validator, &second).await, Some(Reason::NearDuplicate));
    validator.forget(&first);
    assert_eq!(rejected(&validator, &second).await, None);
    let fresh = build("rouge_l", "");
    fresh.restore(&second);
    assert_eq!(rejected(&fresh, &first).await, Some(Reason::NearDuplicate));
    let by_seed = build("rouge_l", "field = 'question'");
    assert_eq!(rejected(&by_seed, &candidate_of(1, 0, FOX, "a")).await, None);
    assert_eq!(rejected(&by_seed, &candidate_of(1, 1, FOX, "b")).await, None);
    assert_eq!(
        rejected(&by_seed, &candidate_of(2, 0, FOX, "c")).await,
        Some(Reason::NearDuplicate)
    );
    assert_eq!(rejected(&by_seed, &candidate_of(3, 0, " …", "c")).await, None);
}

#[tokio::test]
async fn rouge_l_holds_candidates_against_a_file_too() {
    let rows = format!(
        "{}\n{}\n",
        json!({"instruction": "Name a colour."}),
        json!({"instruction": FOX})
    );
    let directory = with_file("seeds.jsonl", &rows);
    let settings = "against = ['seeds.jsonl']\nagainst_field = 'instruction'";
    let validator = build_in(directory.path(), "rouge_l", settings);
    let verdict = check(
        &validator,
        &candidate_of(2, 0, "q", "A quick brown fox jumps over the lazy dog!"),
    )
    .await;
    assert_eq!(verdict.reason, Some(Reason::NearDuplicate));
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.ends_with(&format!("with seeds.jsonl line 2: “{FOX}”")),
        "{evidence}"
    );
    assert_eq!(
        rejected(&validator, &candidate_of(3, 0, "q", "Something else")).await,
        None
    );
}

#[tokio::test]
async fn a_quoted_test_item_is_named_with_its_words() {
    let rows = format!(
        "{}\n",
        json!({"question": "How many moons does the planet Jupiter have in total?", "answer": "95"})
    );
    let directory = with_file("bench.jsonl", &rows);
    let validator = build_in(
        directory.path(),
        "decontaminate",
        "against = ['bench.jsonl']\nn = 8",
    );
    let asked = "Please answer: how many moons does the planet JUPITER have?";
    let verdict = check(&validator, &candidate_of(1, 0, asked, "Ninety-five.")).await;
    assert_eq!(verdict.reason, Some(Reason::Contaminated));
    assert_eq!(
        verdict.evidence.unwrap(),
        "`question` shares 8 words in a row with bench.jsonl line 1: “how many moons does the planet jupiter have”"
    );
    let altered = "How many moons does the planet Jupyter have in total?";
    let verdict = check(&validator, &candidate_of(2, 0, "q", altered)).await;
    assert_eq!(verdict.reason, Some(Reason::Contaminated));
    let evidence = verdict.evidence.unwrap();
    assert!(evidence.starts_with("`solution` is 98."), "{evidence}");
    assert!(
        evidence.contains(" % like bench.jsonl line 1: “How many moons"),
        "{evidence}"
    );
    assert!(verdict.score.unwrap() > 95.0);
    let only = build_in(
        directory.path(),
        "decontaminate",
        "against = ['bench.jsonl']\nfield = 'question'\nfuzzy = 0\nagainst_field = 'question'",
    );
    assert_eq!(rejected(&only, &candidate_of(2, 0, "q", altered)).await, None);
    let gone = build_in(
        directory.path(),
        "decontaminate",
        "against = ['bench.jsonl']\nfield = 'no'",
    );
    assert_eq!(
        check(&gone, &candidate_of(2, 0, "q", altered)).await.decision,
        Decision::Review
    );
}

#[test]
fn settings_that_make_no_sense_name_their_key() {
    let directory = with_file("bench.jsonl", "{\"q\": \"a text\"}\n");
    for (kind, settings, key) in [
        ("rouge_l", "threshold = 70", "threshold"),
        ("rouge_l", "threshold = 1.0", "threshold"),
        ("rouge_l", "treshold = 0.7", "treshold"),
        ("rouge_l", "against = ['no.jsonl']", "against"),
        ("rouge_l", "against_field = 'q'", "against_field"),
        ("decontaminate", "against = []", "against"),
        ("decontaminate", "against = ['no.jsonl']", "against"),
        ("decontaminate", "against = ['bench.jsonl']\nn = 2", "n"),
        (
            "decontaminate",
            "against = ['bench.jsonl']\nfuzzy = 0.95",
            "fuzzy",
        ),
        (
            "decontaminate",
            "against = ['bench.jsonl']\nagainst_field = 'question'",
            "against_field",
        ),
    ] {
        match try_build_in(directory.path(), kind, settings) {
            Ok(_) => panic!("{kind} was built from {settings}"),
            Err(error) => assert_eq!(error.key.as_deref(), Some(key), "{settings}: {error}"),
        }
    }
    let missing = build_error("decontaminate", "");
    assert!(missing.message.contains("missing field `against`"), "{missing}");
}

/// Words as frequent as words are: few of them everywhere, most of them rare.
fn sentence(rng: &mut ChaCha8Rng, words: std::ops::RangeInclusive<usize>) -> Vec<String> {
    const SYLLABLES: [&str; 16] = [
        "ba", "ter", "lo", "min", "san", "ri", "co", "ven", "du", "pel", "ka", "tos", "ger", "ni", "fal",
        "wo",
    ];
    let length = rng.random_range(words);
    (0..length)
        .map(|_| {
            let draw: f64 = rng.random();
            let mut number = (draw.powi(3) * 4000.0) as usize + 16;
            let mut word = String::new();
            while number > 0 {
                word.push_str(SYLLABLES[number % 16]);
                number /= 16;
            }
            word
        })
        .collect()
}

/// What people do to a test item that finds its way into training data.
fn altered(item: &[String], way: usize, rng: &mut ChaCha8Rng) -> String {
    let around = |rng: &mut ChaCha8Rng| sentence(rng, 4..=20).join(" ");
    match way {
        0 => item
            .iter()
            .map(|word| word.to_uppercase())
            .collect::<Vec<_>>()
            .join(", "),
        1 => format!("“{}?!”", item.join(" — ")),
        2 => {
            let mut item = item.to_vec();
            let at = rng.random_range(0..item.len());
            item[at] = sentence(rng, 1..=1).concat();
            item.join(" ")
        }
        3 => format!("{} {}", around(rng), item.join(" ")),
        _ => format!("{} {}", item.join(" "), around(rng)),
    }
}

/// The figures of the proof: 50 altered items of a test set of 500 among 5,000 rows, 50 more rows quoting twelve words of an item.
#[tokio::test]
async fn fifty_altered_test_items_among_five_thousand_rows_are_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_101);
    let items: Vec<Vec<String>> = (0..500).map(|_| sentence(&mut rng, 15..=60)).collect();
    let lines: Vec<String> = items
        .iter()
        .map(|item| json!({ "question": item.join(" ") }).to_string())
        .collect();
    let directory = with_file("bench.jsonl", &lines.join("\n"));
    let validator = build_in(
        directory.path(),
        "decontaminate",
        "against = ['bench.jsonl']\nfield = 'question'",
    );
    let (mut found, mut planted, mut wrong) = (0, 0, 0);
    for at in 0..5000_usize {
        let is_planted = at % 100 == 7;
        let text = if is_planted {
            altered(items.choose(&mut rng).unwrap(), at / 100 % 5, &mut rng)
        } else if at % 100 == 8 {
            let item = items.choose(&mut rng).unwrap();
            let from = rng.random_range(0..=item.len() - 12);
            [
                sentence(&mut rng, 5..=30),
                item[from..from + 12].to_vec(),
                sentence(&mut rng, 5..=30),
            ]
            .concat()
            .join(" ")
        } else {
            sentence(&mut rng, 10..=80).join(" ")
        };
        let reason = rejected(&validator, &candidate_of(at as u64, 0, &text, "a")).await;
        planted += usize::from(is_planted);
        match (is_planted, reason) {
            (true, Some(Reason::Contaminated)) => found += 1,
            (false, Some(_)) => wrong += 1,
            _ => {}
        }
    }
    assert_eq!(planted, 50);
    assert_eq!((found, wrong), (50, 0), "found of 50, and found by mistake");
}

/// `cargo test --test validators -- --ignored --nocapture a_pool_of_fifty_thousand`
#[tokio::test]
#[ignore = "a measurement"]
async fn a_pool_of_fifty_thousand_short_texts_is_searched_quickly() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let validator = build("rouge_l", "");
    let context = Fake::default();
    let mut taken = 0;
    let mut started = std::time::Instant::now();
    for at in 0..52_000_u64 {
        if at == 50_000 {
            println!("50,000 texts let in after {:?}", started.elapsed());
            started = std::time::Instant::now();
        }
        let text = sentence(&mut rng, 8..=30).join(" ");
        let verdict = validator
            .check(&candidate_of(at, 0, "q", &text), &context)
            .await
            .unwrap();
        taken += u64::from(verdict.decision == Decision::Accept);
    }
    println!(
        "{:?} for each of 2,000 more; {taken} accepted",
        started.elapsed() / 2000
    );
}
