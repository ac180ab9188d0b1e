//! What a plan promises: bijective shuffles, exact arithmetic, fair draws, and the same bits in every version.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::job::{Chunk, Columns, Limits, RouteBy, Step, Target};
use crate::core::request::Params;

fn spec(source: SeedSource) -> JobSpec {
    JobSpec {
        name: "plan".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 17,
        route: RouteBy::Weights,
        seeds: Seeds {
            source,
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
            columns: Columns::default(),
            taken: None,
        },
        vary: Vec::new(),
        rounds: None,
        defaults: Params::default(),
        steps: vec![Step {
            name: "answer".to_owned(),
            capability: None,
            teachers: Vec::new(),
            system: None,
            prompt: "{{ n }}".to_owned(),
            computed: false,
            given: None,
            completion: false,
            turns: Vec::new(),
            schema: None,
            reask: 0,
            candidates: 1,
            when: None,
            params: Params::default(),
            reuse: false,
        }],
        validators: Vec::new(),
        target: None,
        quota: None,
        limits: Limits::default(),
        dataset: DatasetSpec::default(),
    }
}

fn file() -> SeedSource {
    SeedSource::Path("rows.jsonl".to_owned())
}

fn row(n: u64) -> Row {
    [("n".to_owned(), json!(n))].into_iter().collect()
}

fn rows(count: u64) -> impl Iterator<Item = Result<Row, Infallible>> {
    (0..count).map(|n| Ok(row(n)))
}

fn plan(spec: &JobSpec, count: u64) -> Vec<NewTask> {
    Plan::new(spec, Some(count))
        .tasks(rows(count))
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_place_is_repeated_and_limits_cut_rows_while_the_target_cuts_tasks() {
    let mut spec = spec(file());
    spec.seeds.repeat = 3;
    spec.seeds.limit = Some(4);
    spec.target = Some(Target {
        accepted: 1,
        tasks_at_most: Some(10),
    });
    let tasks = plan(&spec, 100);
    let seen: Vec<(u64, u64)> = tasks
        .iter()
        .map(|task| (task.index, task.seed["n"].as_u64().unwrap()))
        .collect();
    let wanted: Vec<(u64, u64)> = (0..10).map(|index| (index, index / 3)).collect();
    assert_eq!(seen, wanted);
    assert_eq!(Plan::new(&spec, Some(100)).total(), Some(10));
    assert_eq!(Plan::new(&spec, Some(2)).total(), Some(6));
}

#[test]
fn reading_stops_when_no_later_row_can_become_a_task() {
    let mut spec = spec(file());
    spec.seeds.limit = Some(2);
    let read = std::cell::Cell::new(0);
    let rows = rows(1_000_000).inspect(|_| read.set(read.get() + 1));
    assert_eq!(Plan::new(&spec, None).tasks(rows).count(), 2);
    assert_eq!(read.get(), 2);
}

#[test]
fn an_unreadable_row_passes_through_and_takes_no_place() {
    let rows = [Ok(row(0)), Err("line 2"), Ok(row(2))];
    let spec = spec(file());
    let plan = Plan::new(&spec, None);
    let got: Vec<Result<u64, &str>> = plan
        .tasks(rows.into_iter())
        .map(|task| task.map(|task| task.index))
        .collect();
    assert_eq!(got, [Ok(0), Err("line 2"), Ok(1)]);
    assert_eq!(count_rows(&spec, [Ok(row(0)), Err("no")].into_iter()), Err("no"));
}

#[test]
fn a_shuffled_limit_takes_rows_from_everywhere() {
    let mut spec = spec(file());
    spec.seeds.shuffle = true;
    spec.seeds.limit = Some(100);
    assert!(needs_count(&spec));
    let tasks = plan(&spec, 10_000);
    let indexes: BTreeSet<u64> = tasks.iter().map(|task| task.index).collect();
    assert_eq!(indexes, (0..100).collect());
    let late = tasks
        .iter()
        .filter(|task| task.seed["n"].as_u64() >= Some(5_000))
        .count();
    assert!((30..70).contains(&late), "{late}");
}

#[test]
fn a_job_with_its_own_rows_needs_no_file_and_a_count_has_empty_rows() {
    let none = || std::iter::empty::<Result<Row, Infallible>>();
    let own = spec(SeedSource::Rows(vec![row(7), row(8)]));
    let tasks: Vec<NewTask> = Plan::new(&own, None).tasks(none()).flatten().collect();
    assert_eq!(tasks[1].seed, row(8));
    let mut count = spec(SeedSource::Count(5));
    count.seeds.shuffle = true;
    assert!(!needs_count(&count));
    let tasks: Vec<NewTask> = Plan::new(&count, None).tasks(none()).flatten().collect();
    assert_eq!(tasks.len(), 5);
    assert!(tasks.iter().all(|task| task.seed.is_empty()));
}

#[test]
fn documents_become_pieces_before_they_are_counted_and_shuffled() {
    let mut spec = spec(file());
    spec.seeds.chunk = Some(Chunk {
        field: "text".to_owned(),
        size: 4,
        overlap: 0,
    });
    spec.seeds.shuffle = true;
    let documents = || {
        ["abcdefgh", "ab", "abcdefghi"]
            .into_iter()
            .map(|text| Ok::<Row, Infallible>([("text".to_owned(), json!(text))].into_iter().collect()))
    };
    let count = count_rows(&spec, documents()).unwrap();
    assert_eq!(count, 6);
    let plan = Plan::new(&spec, Some(count));
    let indexes: BTreeSet<u64> = plan.tasks(documents()).map(|task| task.unwrap().index).collect();
    assert_eq!(indexes, (0..6).collect());
}

#[test]
fn varied_fields_are_drawn_fairly_and_independently_of_each_other() {
    let mut spec = spec(SeedSource::Count(10_000));
    spec.vary = vec![
        (
            "persona".to_owned(),
            Vary::Choose(vec![json!("a"), json!("b"), json!("c")]),
        ),
        (
            "difficulty".to_owned(),
            Vary::Weights(vec![
                ("easy".to_owned(), 3.0),
                ("never".to_owned(), 0.0),
                ("hard".to_owned(), 1.0),
            ]),
        ),
        ("steps".to_owned(), Vary::Integer(-2, 2)),
    ];
    let plan = Plan::new(&spec, None);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for index in 0..10_000 {
        for (name, value) in plan.vary_of(index, &Row::new()) {
            *counts.entry(format!("{name}={value}")).or_default() += 1;
        }
    }
    let share = |key: &str| f64::from(counts.get(key).copied().unwrap_or(0)) / 10_000.0;
    assert!((share("persona=\"b\"") - 1.0 / 3.0).abs() < 0.02);
    assert!((share("difficulty=\"easy\"") - 0.75).abs() < 0.02);
    assert!(share("difficulty=\"never\"") == 0.0);
    for n in -2..=2 {
        assert!((share(&format!("steps={n}")) - 0.2).abs() < 0.02);
    }
    let before = plan.vary_of(42, &Row::new());
    spec.vary.remove(0);
    let after = Plan::new(&spec, None).vary_of(42, &Row::new());
    assert_eq!(after["difficulty"], before["difficulty"]);
}

#[test]
fn splits_are_near_their_shares_and_a_dataset_without_them_is_one_file() {
    let mut dataset = DatasetSpec::default();
    assert_eq!(split_of(&dataset, 17, 3), "data");
    dataset.split = vec![("train".to_owned(), 0.95), ("valid".to_owned(), 0.05)];
    let valid = (0..20_000)
        .filter(|index| split_of(&dataset, 17, *index) == "valid")
        .count();
    assert!((900..1_100).contains(&valid), "{valid}");
}

/// Promise 7. If this fails, plans of existing jobs change: that is a breaking change, never a refactoring.
#[test]
fn the_plan_of_a_fixed_spec_is_the_same_in_every_version() {
    let mut spec = spec(file());
    spec.seeds.shuffle = true;
    spec.seeds.repeat = 2;
    spec.seeds.limit = Some(150);
    spec.vary = vec![
        (
            "persona".to_owned(),
            Vary::Choose(vec![json!("a"), json!(2), json!([3])]),
        ),
        (
            "difficulty".to_owned(),
            Vary::Weights(vec![("easy".to_owned(), 3.0), ("hard".to_owned(), 1.0)]),
        ),
        ("steps".to_owned(), Vary::Integer(2, 6)),
    ];
    spec.dataset.split = vec![("train".to_owned(), 0.9), ("valid".to_owned(), 0.1)];
    let mut hasher = blake3::Hasher::new();
    for task in plan(&spec, 1_000) {
        let split = split_of(&spec.dataset, spec.random_seed, task.index);
        let draw = draw(spec.random_seed, "route/answer", task.index).to_bits();
        let line = json!([task.index, task.seed, task.vary, split, draw]);
        hasher.update(line.to_string().as_bytes());
    }
    assert_eq!(
        hasher.finalize().to_hex().as_str(),
        "1b2fe5ca20aa7c570b0df7cafe181873d13290bab208731073c70dc464ae9b15"
    );
}

proptest! {
    #[test]
    fn a_shuffle_is_a_bijection_for_any_number_of_rows(count in 0_u64..3_000, seed in any::<u64>()) {
        let shuffle = Shuffle::new(seed, count);
        let places: BTreeSet<u64> = (0..count).map(|row| shuffle.place(row)).collect();
        prop_assert_eq!(places, (0..count).collect::<BTreeSet<u64>>());
    }

    #[test]
    fn a_shuffle_of_any_size_stays_inside(count in 1_u64.., row in any::<u64>(), seed in any::<u64>()) {
        let shuffle = Shuffle::new(seed, count);
        let row = row % count;
        prop_assert!(shuffle.place(row) < count);
    }

    #[test]
    fn the_same_spec_gives_the_same_plan_and_indexes_are_exactly_the_total(
        count in 0_u64..60,
        limit in prop::option::of(1_u64..80),
        cap in prop::option::of(1_u64..200),
        repeat in 1_u32..5,
        shuffle in any::<bool>(),
    ) {
        let mut spec = spec(file());
        spec.seeds.limit = limit;
        spec.seeds.repeat = repeat;
        spec.seeds.shuffle = shuffle;
        spec.target = cap.map(|cap| Target { accepted: 1, tasks_at_most: Some(cap) });
        spec.vary = vec![("v".to_owned(), Vary::Integer(i64::MIN, i64::MAX))];
        let tasks = plan(&spec, count);
        prop_assert_eq!(&tasks, &plan(&spec, count));
        let indexes: BTreeSet<u64> = tasks.iter().map(|task| task.index).collect();
        let total = Plan::new(&spec, Some(count)).total().unwrap();
        prop_assert_eq!(indexes, (0..total).collect::<BTreeSet<u64>>());
        prop_assert_eq!(tasks.len() as u64, total);
        prop_assert_eq!(total, (count.min(limit.unwrap_or(u64::MAX)) * u64::from(repeat)).min(cap.unwrap_or(u64::MAX)));
    }
}

fn with_rounds(rows: crate::core::job::RoundRows) -> JobSpec {
    let mut spec = spec(file());
    spec.vary = vec![("x".to_owned(), Vary::Integer(0, 1_000_000))];
    spec.rounds = Some(crate::core::job::Rounds {
        count: 3,
        rows,
        feed: vec![("n".to_owned(), "answer".to_owned())],
        keep_rejected: false,
    });
    spec
}

#[test]
fn a_later_round_of_the_seeds_has_the_same_rows_under_other_numbers_and_draws_of_its_own() {
    let spec = with_rounds(crate::core::job::RoundRows::Seeds);
    let of = |round: u64| -> Vec<NewTask> {
        let plan = Plan::new(&spec, Some(5)).in_round(round, Arc::default());
        plan.tasks(rows(5)).map(Result::unwrap).collect()
    };
    let (first, third) = (of(0), of(2));
    assert_eq!(
        third.iter().map(|task| task.index % ROUND).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert!(
        third
            .iter()
            .all(|task| task.index / ROUND == 2 && task.vary["round"] == 2)
    );
    assert!(
        first
            .iter()
            .zip(&third)
            .all(|(one, other)| one.seed == other.seed)
    );
    assert!(
        first
            .iter()
            .zip(&third)
            .any(|(one, other)| one.vary["x"] != other.vary["x"])
    );
}

#[test]
fn a_childs_number_follows_from_its_parents_alone() {
    let mut spec = with_rounds(crate::core::job::RoundRows::Accepted);
    spec.steps[0].candidates = 4;
    let plan = Plan::new(&spec, None).in_round(2, Arc::default());
    let child = |parent, candidate| plan.child(parent, candidate, 0, row(1)).map(|task| task.index);
    assert_eq!(child(ROUND + 7, 3), Some(2 * ROUND + 31));
    assert_eq!(
        child(7, 3),
        Some(2 * ROUND + 31),
        "whatever round the parent is of"
    );
    assert_eq!(
        child(ROUND + ROUND / 4, 0),
        None,
        "the numbers of a round are used up"
    );
    spec.rounds.as_mut().unwrap().feed = vec![("n".to_owned(), "answer.topics.*".to_owned())];
    let plan = Plan::new(&spec, None).in_round(1, Arc::default());
    assert_eq!(
        plan.child(7, 1, 42, row(1)).map(|task| task.index),
        Some(ROUND + 2942)
    );
    let mut numbers = BTreeSet::new();
    for parent in 0..20 {
        for candidate in 0..4 {
            for element in 0..100 {
                numbers.extend(
                    plan.child(parent, candidate, element, row(1))
                        .map(|task| task.index),
                );
            }
        }
    }
    assert_eq!(numbers.len(), 20 * 4 * 100, "no two rows share a number");
}

#[test]
fn columns_are_left_out_and_renamed_before_documents_are_cut_and_the_places_stay() {
    let rows = || {
        (0..20).map(|n| {
            let value = json!({"n": n, "secret": "s", "Body Text": "abcdefgh"});
            Ok::<Row, Infallible>(value.as_object().cloned().unwrap())
        })
    };
    let mut spec = spec(file());
    spec.seeds.shuffle = true;
    let order = |spec: &JobSpec| -> Vec<(u64, serde_json::Value)> {
        let count = count_rows(spec, rows()).unwrap();
        let plan = Plan::new(spec, Some(count));
        let tasks = plan.tasks(rows()).map(Result::unwrap);
        tasks.map(|task| (task.index, task.seed["n"].clone())).collect()
    };
    let before = order(&spec);
    spec.seeds.columns = Columns {
        exclude: vec!["secret".to_owned()],
        rename: vec![("Body Text".to_owned(), "text".to_owned())],
    };
    assert_eq!(order(&spec), before);
    spec.seeds.chunk = Some(Chunk {
        field: "text".to_owned(),
        size: 4,
        overlap: 0,
    });
    let count = count_rows(&spec, rows()).unwrap();
    assert_eq!(count, 40);
    let plan = Plan::new(&spec, Some(count));
    let mut first: Vec<Row> = plan
        .tasks(rows())
        .map(|task| task.unwrap().seed)
        .take(2)
        .collect();
    first.sort_by_key(|row| row["chunk"].as_u64());
    assert_eq!(
        json!(first),
        json!([{"n": 0, "text": "abcd", "chunk": 0}, {"n": 0, "text": "efgh", "chunk": 1}])
    );
    spec.seeds.source = SeedSource::Rows(rows().map(Result::unwrap).collect());
    assert_eq!(Plan::new(&spec, None).total(), Some(40));
}
