//! Jobs and samples for the dataset's tests.

use std::sync::Arc;

use destilation::core::Row;
use destilation::core::budget::Money;
use destilation::core::conversation::ToolCall;
use destilation::core::job::{DatasetSpec, JobId, JobSpec, Limits, RouteBy, SeedSource, Seeds, Step};
use destilation::core::ports::Format;
use destilation::core::request::{FinishReason, Params, Usage};
use destilation::core::sample::{Review, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::task::{RequestId, TaskId};
use destilation::dataset::CATALOG;
use serde_json::{Value, json};

pub fn spec(dataset: DatasetSpec) -> JobSpec {
    JobSpec {
        name: "tides".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 17,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(4),
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
            columns: destilation::core::job::Columns::default(),
            taken: None,
        },
        vary: Vec::new(),
        rounds: None,
        defaults: Params {
            temperature: Some(0.5),
            ..Params::default()
        },
        steps: vec![Step {
            name: "solution".to_owned(),
            capability: None,
            teachers: Vec::new(),
            system: None,
            prompt: "{{ question }}".to_owned(),
            computed: false,
            given: None,
            completion: false,
            turns: Vec::new(),
            schema: Some(Arc::new(json!({"type": "object"}))),
            reask: 0,
            candidates: 1,
            when: None,
            params: Params {
                max_tokens: Some(64),
                ..Params::default()
            },
            reuse: false,
        }],
        validators: Vec::new(),
        target: None,
        quota: None,
        limits: Limits::default(),
        dataset,
    }
}

pub fn dataset(format: &str, fields: &[(&str, &str)]) -> DatasetSpec {
    DatasetSpec {
        format: format.to_owned(),
        fields: fields
            .iter()
            .map(|(name, path)| ((*name).to_owned(), (*path).to_owned()))
            .collect(),
        ..DatasetSpec::default()
    }
}

pub fn step(name: &str, text: &str) -> StepAnswer {
    StepAnswer {
        step: name.to_owned(),
        teacher: "mock/teacher".to_owned(),
        request: RequestId(1),
        text: text.to_owned(),
        value: None,
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        finish: FinishReason::Stop,
        usage: Usage {
            input: Some(10),
            output: Some(5),
            usd: Some(Money(250)),
        },
    }
}

pub fn sample(index: u64, seed: Value, steps: Vec<StepAnswer>) -> Sample {
    let Value::Object(seed) = seed else {
        panic!("a seed is an object");
    };
    Sample {
        id: SampleId::of("tides", index, 0),
        task: TaskId { job: JobId(1), index },
        candidate: 0,
        state: SampleState::Accepted,
        reason: None,
        seq: Some(index.cast_signed() + 1),
        seed,
        vary: Row::new(),
        steps,
        verdicts: vec![Verdict::accept("structural")],
        review: None,
        tags: Vec::new(),
    }
}

/// Plain; every odd character with reasoning and a value; tool calls; no seed but an earlier step.
pub fn samples() -> Vec<Sample> {
    let plain = sample(
        0,
        json!({"question": "Why tides?", "rules": "Be brief."}),
        vec![step("solution", "The moon.")],
    );
    let mut odd = step("solution", "{\"answer\": \"…\"}");
    odd.value = Some(json!({"answer": "\u{2028}line\u{0}\n\"☂\" </think>", "sure": true}));
    odd.reasoning = Some("First,\nthen.".to_owned());
    odd.usage = Usage::default();
    let mut odd = sample(1, json!({"id": 7, "question": 42}), vec![odd]);
    odd.vary.insert("persona".to_owned(), json!("an engineer"));
    odd.verdicts.push(Verdict::review("judge", "unsure").scored(3.5));
    odd.review = Some(Review {
        action: "accepted".to_owned(),
        note: Some("good".to_owned()),
        before: SampleState::NeedsReview,
        at_ms: 1_700_000_000_000,
    });
    let mut calling = step("solution", "");
    calling.finish = FinishReason::ToolCalls;
    calling.tool_calls = vec![ToolCall {
        id: "call_1".to_owned(),
        name: "tide".to_owned(),
        arguments: json!({"at": "Brest", "day": 3}),
    }];
    let tools = json!([{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]);
    let calling = sample(
        2,
        json!({"question": "Tide?", "tools": tools, "rules": ""}),
        vec![calling],
    );
    let mut drawn = sample(
        3,
        json!({}),
        vec![step("ask", "What is foam?"), step("solution", "Bubbles.")],
    );
    drawn.candidate = 2;
    drawn.seed.insert("question".to_owned(), json!("Foam?"));
    vec![plain, odd, calling, drawn]
}

pub fn write(spec: &JobSpec, samples: &[Sample]) -> Result<String, String> {
    let entry = CATALOG
        .find(&spec.dataset.format)
        .map_err(|error| error.message)?;
    let format: Box<dyn Format> = (entry.build)(&spec.dataset, spec).map_err(|error| error.message)?;
    assert_eq!(format.extension(), "jsonl");
    let mut out = Vec::new();
    for sample in samples {
        format
            .write(sample, &mut out)
            .map_err(|error| error.to_string())?;
    }
    Ok(String::from_utf8(out).unwrap())
}
