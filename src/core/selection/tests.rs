//! What is chosen: exactly the quota in a thousand seeds, the best, the stratified draw; whatever order samples were seen in.

use serde_json::json;

use super::*;
use crate::core::job::parse::{Known, parse};
use crate::core::job::{JobId, JobSpec};
use crate::core::request::{FinishReason, Usage};
use crate::core::sample::{Decision, SampleId, SampleState, StepAnswer, Verdict};
use crate::core::task::{RequestId, TaskId};

fn job(extra: &str) -> JobSpec {
    let source = format!(
        "name = \"a\"\nseeds = {{ rows = [ {{ level = \"easy\" }} ] }}\n[[steps]]\nname = \"answer\"\nprompt = \"x\"\n{extra}"
    );
    let parsed = parse(&source, &|_| Err(String::new()), &Known::default());
    assert!(parsed.spec.is_some(), "{:?}", parsed.problems);
    parsed.spec.unwrap()
}

fn sample(task: u64, candidate: u32, level: &str, score: Option<f64>, length: usize) -> Sample {
    let id = TaskId {
        job: JobId(1),
        index: task,
    };
    Sample {
        id: SampleId::of("a", task, candidate),
        task: id,
        candidate,
        state: SampleState::Accepted,
        reason: None,
        seq: Some(1),
        seed: json!({ "level": level }).as_object().cloned().unwrap(),
        vary: serde_json::Map::new(),
        steps: vec![StepAnswer {
            step: "answer".to_owned(),
            teacher: "p/a".to_owned(),
            request: RequestId(1),
            text: "x".repeat(length),
            value: None,
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
        }],
        verdicts: vec![Verdict {
            validator: "judge".to_owned(),
            decision: Decision::Accept,
            reason: None,
            score,
            agreement: None,
            evidence: None,
        }],
        review: None,
        tags: Vec::new(),
    }
}

/// Texts are alike if they begin with the same letter.
#[derive(Default)]
struct Beginnings(Vec<Option<char>>);

impl NearGroups for Beginnings {
    fn add(&mut self, _: (u64, u32), text: &str) {
        self.0.push(text.chars().next());
    }

    fn first_of(&mut self, (at, _): (u64, u32)) -> (u64, u32) {
        let letter = self.0[at as usize];
        (
            self.0.iter().position(|other| *other == letter).unwrap() as u64,
            0,
        )
    }
}

fn chosen(spec: &JobSpec, samples: &[Sample]) -> Selection {
    let mut selector = Selector::of(spec, |_| Box::new(Beginnings::default())).unwrap();
    for sample in samples {
        selector.see(sample);
    }
    selector.choose()
}

fn places(selection: &Selection) -> Vec<Place> {
    selection.chosen.iter().copied().collect()
}

#[test]
fn a_quota_is_exact_in_a_thousand_seeds() {
    let spec = job("[target.quota]\nfield = \"level\"\nclasses = { easy = 13, hard = 7 }\n");
    assert_eq!(spec.target.unwrap().accepted, 20);
    let quota = spec.quota.clone().unwrap();
    for seed in 0..1_000 {
        let mut bits = stream(seed, "quota", 0);
        let mut running = Places::new(quota.clone(), 20);
        let mut samples = Vec::new();
        let mut task = 0;
        // Up to eight are under way when the last place is taken: they are accepted all the same.
        let mut under_way = 8;
        while running.left() > 0 || under_way > 0 {
            under_way -= u64::from(running.left() == 0);
            let level = if bits.unit() < 0.8 { "easy" } else { "hard" };
            if bits.unit() < 0.6 {
                running.take(level);
                // One in ten turns out to be a duplicate when it is settled.
                if bits.unit() < 0.1 {
                    running.give_back(level);
                } else {
                    samples.push(sample(task, 0, level, None, 1));
                }
            }
            task += 1;
            assert!(task < 2_000);
        }
        let selection = chosen(&spec, &samples);
        let of = |level: &str| {
            let level = json!(level);
            let held = samples.iter().filter(|one| selection.holds((one.task.index, 0)));
            held.filter(|one| one.seed["level"] == level).count()
        };
        assert_eq!((of("easy"), of("hard")), (13, 7), "seed {seed}");
        let surplus = samples.len() as u64 - 20;
        assert_eq!(
            selection.left_out.get(&LeftOut::Quota).copied().unwrap_or(0),
            surplus
        );
        assert!(running.missing().is_empty());
    }
}

#[test]
fn each_caps_every_class_and_the_target_all_together() {
    let spec = job("[target]\naccepted = 5\nquota = { field = \"level\", each = 2 }\n");
    let levels = ["a", "a", "a", "b", "c", "c", "d", "d"];
    let samples: Vec<Sample> = (0..8)
        .map(|at| sample(at, 0, levels[at as usize], None, 1))
        .collect();
    let selection = chosen(&spec, &samples);
    assert_eq!(places(&selection), [(0, 0), (1, 0), (3, 0), (4, 0), (5, 0)]);
    assert_eq!(
        selection.left_out,
        [(LeftOut::Quota, 1), (LeftOut::Target, 2)].into_iter().collect()
    );
    // Which order they were seen in does not matter.
    let mut other = samples;
    other.reverse();
    assert_eq!(chosen(&spec, &other), selection);
}

#[test]
fn the_best_of_each_task_then_the_best_of_all() {
    let samples = [
        sample(0, 0, "a", Some(3.0), 1),
        sample(0, 1, "a", Some(5.0), 1),
        sample(1, 0, "a", None, 1),
        sample(1, 1, "a", Some(1.0), 1),
        sample(2, 0, "a", Some(5.0), 1),
    ];
    let spec = job("[dataset.select]\nbest_of = 1\n");
    assert_eq!(places(&chosen(&spec, &samples)), [(0, 1), (1, 1), (2, 0)]);
    let spec =
        job("[dataset.select]\nbest_of = 1\ntop = 1\nscore = \"judge\"\n[[validators]]\nkind = \"judge\"\n");
    let selection = chosen(&spec, &samples);
    assert_eq!(
        places(&selection),
        [(0, 1)],
        "equal scores: the first in the plan"
    );
    assert_eq!(
        selection.left_out,
        [(LeftOut::BestOf, 2), (LeftOut::Top, 2)].into_iter().collect()
    );
}

#[test]
fn of_nearly_equal_ones_the_best_stays() {
    let samples = [
        sample(0, 0, "alike", Some(3.0), 9),
        sample(1, 0, "other", Some(1.0), 5),
        sample(2, 0, "as it was", Some(5.0), 4),
        sample(3, 0, "again", Some(5.0), 12),
        sample(3, 1, "of another kind", None, 50),
    ];
    let near = "[dataset.select]\nnear = { field = \"level\" }\n";
    let judge = "[[validators]]\nkind = \"judge\"\n";
    let selection = chosen(&job(&format!("{near}{judge}")), &samples);
    assert_eq!(
        places(&selection),
        [(1, 0), (2, 0)],
        "the best by score, of equal ones the first; candidates of a task are alike only by their texts"
    );
    assert_eq!(selection.left_out, [(LeftOut::Near, 3)].into_iter().collect());
    let longest = job(&format!("{near}score = \"length\"\n"));
    let selection = chosen(&longest, &samples);
    assert_eq!(places(&selection), [(3, 0), (3, 1)], "the longest");
    let mut other = samples.to_vec();
    other.reverse();
    assert_eq!(chosen(&longest, &other), selection, "whichever was seen first");
    let top = job("[dataset.select]\ntop = 2\nscore = \"length\"\n");
    assert_eq!(places(&chosen(&top, &samples)), [(3, 0), (3, 1)]);
}

#[test]
fn a_stratified_draw_is_even_over_classes_and_prefers_the_long() {
    let spec = job("[dataset.select]\nstratified = { field = \"level\", rows = 40 }\n");
    let samples: Vec<Sample> = (0..500)
        .map(|at| {
            // Nine of ten are of one class.
            let level = if at % 10 == 0 { "rare" } else { "common" };
            sample(at, 0, level, None, 1 + at as usize)
        })
        .collect();
    let selection = chosen(&spec, &samples);
    assert_eq!(selection.len(), 40);
    let rare = places(&selection)
        .iter()
        .filter(|(task, _)| task % 10 == 0)
        .count();
    assert!((10..=30).contains(&rare), "{rare}");
    let long = places(&selection).iter().filter(|(task, _)| *task > 300).count();
    assert!(long > 35, "{long}");
    assert_eq!(chosen(&spec, &samples), selection);
    // More than there are: all of them.
    let few = chosen(&spec, &samples[..7]);
    assert_eq!((few.len(), few.left_out.len()), (7, 0));
}
