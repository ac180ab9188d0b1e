//! The formats of pairs, labels, tools and plain text against their golden files, and how a job's mapping is taken over by another.

use std::collections::BTreeMap;

use destilation::core::job::parse::{FORMAT_KINDS, FORMATS, renamed};
use destilation::core::job::{DatasetSpec, ReasoningStyle};
use destilation::core::sample::{Reason, Sample, SampleState};
use destilation::dataset::CATALOG;
use serde_json::json;

use crate::formats::golden;
use crate::support::{dataset, sample, spec, step, write};

/// A plain pair, and one with a system message whose better side thought about it.
fn pairs() -> Vec<Sample> {
    let plain = sample(
        0,
        json!({"question": "Why tides?"}),
        vec![step("better", "The moon pulls."), step("worse", "Magic.")],
    );
    let mut thought = step("better", "Because \"waves\"\nbreak.");
    thought.reasoning = Some("Foam is air.".to_owned());
    let ruled = sample(
        1,
        json!({"question": "Why foam?", "rules": "Be brief."}),
        vec![thought, step("worse", "")],
    );
    vec![plain, ruled]
}

const PAIR: &[(&str, &str)] = &[
    ("prompt", "question"),
    ("chosen", "better"),
    ("rejected", "worse"),
];

fn ruled(format: &str, fields: &[(&str, &str)]) -> DatasetSpec {
    let mut all = fields.to_vec();
    all.push(("system", "rules"));
    dataset(format, &all)
}

#[test]
fn pairs_come_in_every_shape_a_trainer_reads() {
    for kind in FORMAT_KINDS.iter().filter(|kind| kind.starts_with("preference")) {
        let spec = if *kind == "preference_plain" {
            spec(dataset(kind, PAIR))
        } else {
            spec(ruled(kind, PAIR))
        };
        golden(&format!("{kind}.jsonl"), &write(&spec, &pairs()).unwrap());
    }
    let mut inline = dataset("preference", PAIR);
    inline.reasoning = ReasoningStyle::Inline;
    golden(
        "preference_inline.jsonl",
        &write(&spec(inline), &pairs()).unwrap(),
    );
}

#[test]
fn which_answer_is_better_is_never_guessed() {
    let error = write(&spec(dataset("preference", &[])), &[]).unwrap_err();
    assert!(
        error.contains("cannot be guessed") && error.contains("`chosen`"),
        "{error}"
    );
}

const LABELLED: &[(&str, &str)] = &[("prompt", "question"), ("completion", "better")];

#[test]
fn a_label_is_a_field_or_what_became_of_the_sample() {
    let mut samples = pairs();
    samples[1].state = SampleState::Rejected;
    samples[1].reason = Some(Reason::Judge);
    for kind in ["unpaired", "unpaired_sharegpt"] {
        let written = write(&spec(ruled(kind, LABELLED)), &samples).unwrap();
        golden(&format!("{kind}.jsonl"), &written);
    }
    samples[1].state = SampleState::NeedsReview;
    let error = write(&spec(dataset("unpaired", LABELLED)), &samples).unwrap_err();
    assert!(error.contains("waits for a person"), "{error}");

    let mapped = [LABELLED, &[("label", "good")]].concat();
    for (value, label) in [
        (json!(true), Some(true)),
        (json!("False"), Some(false)),
        (json!(1), Some(true)),
        (json!("0"), Some(false)),
        (json!("perhaps"), None),
        (json!(null), None),
    ] {
        samples[0].seed.insert("good".to_owned(), value.clone());
        let written = write(&spec(dataset("unpaired", &mapped)), &samples[..1]);
        match label {
            Some(label) => assert!(
                written.unwrap().contains(&format!("\"label\":{label}")),
                "{value}"
            ),
            None => assert!(written.unwrap_err().contains("neither true nor false"), "{value}"),
        }
    }
}

/// A question, two calls at once with their results, and the answer.
fn with_tools() -> Sample {
    let tools = json!([{"type": "function", "function": {"name": "tide", "description": "Height of the tide.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}}}]);
    let call = |at: &str| json!({"function": {"name": "tide", "arguments": {"at": at}}});
    let turns = json!([
        {"role": "assistant", "content": null, "reasoning_content": "I must look.", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "tide", "arguments": "{\"at\": \"Brest\"}"}},
            call("Calais"),
        ]},
        {"role": "tool", "tool_call_id": "a", "content": "6.1 m"},
        {"role": "tool", "content": {"height": 7.2}},
    ]);
    let mut answer = step("solution", "6.1 m and 7.2 m.");
    answer.reasoning = Some("Both are there.".to_owned());
    sample(
        0,
        json!({"question": "Tides at Brest and Calais?", "tools": tools, "turns": turns}),
        vec![answer],
    )
}

const TOOLS: &[(&str, &str)] = &[
    ("user", "question"),
    ("assistant", "solution"),
    ("tools", "tools"),
    ("turns", "turns"),
];

#[test]
fn calls_and_results_stand_between_question_and_answer() {
    for kind in ["messages", "openai", "sharegpt"] {
        let written = write(&spec(dataset(kind, TOOLS)), &[with_tools()]).unwrap();
        golden(&format!("{kind}_tools.jsonl"), &written);
    }
    let mut apart = dataset("messages", TOOLS);
    apart.reasoning = ReasoningStyle::ReasoningContent;
    let written = write(&spec(apart), &[with_tools()]).unwrap();
    golden("messages_tools_reasoning_content.jsonl", &written);

    let mut wrong = with_tools();
    for (turns, said) in [
        (json!("words"), "no list of messages"),
        (json!([{"role": "robot"}]), "role is robot"),
        (json!([{"role": "assistant", "tool_calls": [{}]}]), "has no name"),
        (
            json!([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}]),
            "no JSON object",
        ),
    ] {
        wrong.seed.insert("turns".to_owned(), turns);
        let error = write(&spec(dataset("messages", TOOLS)), std::slice::from_ref(&wrong)).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn reasoning_goes_in_think_tags_where_a_trainer_has_no_key() {
    let one = |format: &str, fields: &[(&str, &str)]| {
        let mut dataset = dataset(format, fields);
        dataset.reasoning = ReasoningStyle::Inline;
        write(&spec(dataset), &[with_tools()]).unwrap()
    };
    golden(
        "alpaca_inline.jsonl",
        &one("alpaca", &[("instruction", "question"), ("output", "solution")]),
    );
    golden(
        "sharegpt_inline.jsonl",
        &one("sharegpt", &[("user", "question"), ("assistant", "solution")]),
    );
    golden("text_inline.jsonl", &one("text", &[("text", "solution")]));
}

#[test]
fn one_text_a_row() {
    let written = write(&spec(dataset("text", &[("text", "better")])), &pairs()).unwrap();
    golden("text.jsonl", &written);
    assert_eq!(
        write(&spec(dataset("text", &[])), &pairs()[..1]).unwrap(),
        "{\"text\":\"Magic.\"}\n"
    );
}

#[test]
fn a_mapping_is_taken_over_by_place_and_by_name() {
    let fields = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> { dataset("", pairs).fields };
    let chat = fields(&[("user", "q"), ("assistant", "a"), ("system", "s"), ("tools", "t")]);
    assert_eq!(renamed(&chat, "messages", "openai"), chat);
    assert_eq!(
        renamed(&chat, "messages", "alpaca"),
        fields(&[("instruction", "q"), ("output", "a"), ("system", "s")])
    );
    assert_eq!(renamed(&chat, "messages", "text"), fields(&[("text", "a")]));
    let pair = fields(&[("prompt", "q"), ("chosen", "b"), ("rejected", "w")]);
    assert_eq!(renamed(&pair, "preference", "preference_openai"), pair);
    assert_eq!(
        renamed(&pair, "preference", "messages"),
        fields(&[("user", "q"), ("assistant", "b")])
    );
    assert!(renamed(&pair, "preference", "raw").is_empty());
}

#[test]
fn what_a_job_may_name_is_what_can_be_written() {
    let mut kinds = CATALOG.kinds();
    kinds.sort_unstable();
    let mut known: Vec<&str> = FORMATS.iter().map(|format| format.kind).collect();
    known.sort_unstable();
    assert_eq!(kinds, known);
}
