//! What we write for a trainer has none of its traps.

use std::fs;
use std::path::Path;

use destilation::core::job::ReasoningStyle;
use destilation::core::job::parse::{FORMAT_KINDS, FORMATS};
use destilation::core::sample::Sample;
use destilation::dataset::TRAINERS;
use serde_json::{Value, json};

use crate::support::{dataset, sample, spec, step, write};
use crate::traps::lint;

/// Rows of everything a format has a place for: a system message or none, reasoning, tools, a call, its result, a call as the answer.
fn exported(kind: &str, tools: bool) -> Vec<Value> {
    let bare = json!([{"name": "tide", "description": "Height.", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}]);
    let turns = json!([{"role": "assistant", "tool_calls": [{"function": {"name": "tide", "arguments": {"at": "Brest"}}}]},
        {"role": "tool", "content": "6 m"}]);
    let called = json!([{"name": "tide", "arguments": {"at": "Calais"}}, {"name": "tide", "arguments": {"at": "Brest"}}]);
    let made: Vec<Sample> = (0..12)
        .map(|at| {
            let mut seed = json!({"question": format!("Tide {at}?"), "rules": if at % 2 == 0 { "Be brief." } else { "" }, "label": at % 2 == 0});
            let mut answer = step("solution", "6 metres.");
            answer.reasoning = (at % 4 == 0).then(|| "Spring tide.".to_owned());
            let likeliest = json!([{"token": "token_id:7", "logprob": -0.1}, {"token": "token_id:8", "logprob": -2.5}]);
            answer.logprobs = Some(json!([{"token": "token_id:7", "logprob": -0.1, "top": likeliest}]));
            if tools && at % 3 == 0 {
                seed["tools"] = bare.clone();
                seed["turns"] = turns.clone();
            }
            if tools && at % 6 == 0 {
                seed["calls"] = called.clone();
            }
            sample(at, seed, vec![answer, step("worse", "By magic.")])
        })
        .collect();
    let format = FORMATS.iter().find(|format| format.kind == kind).unwrap();
    let names = format.required.iter().chain(format.optional.unwrap_or_default());
    let fields: Vec<(&str, &str)> = names
        .filter(|name| tools || **name != "tools")
        .map(|name| match *name {
            "user" | "prompt" | "instruction" => (*name, "question"),
            "assistant" | "completion" | "output" | "chosen" | "text" => (*name, "solution"),
            "rejected" => (*name, "worse"),
            "system" => (*name, "rules"),
            same => (same, same),
        })
        .collect();
    let mut dataset = dataset(kind, &fields);
    let plain = kind.starts_with("kd") || kind == "text";
    dataset.reasoning = if plain {
        ReasoningStyle::Drop
    } else {
        ReasoningStyle::Inline
    };
    let mut job = spec(dataset);
    job.steps[0].params.logprobs = Some(2);
    let rows = write(&job, &made).unwrap_or_else(|error| panic!("{kind}: {error}"));
    rows.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn nothing_is_found_in_what_we_export_for_a_trainer() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md")).unwrap();
    let mut seen = 0;
    for kind in FORMAT_KINDS.iter().filter(|kind| **kind != "raw") {
        let (with_tools, without) = (exported(kind, true), exported(kind, false));
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{kind}` |")));
        let readers = row.unwrap().rsplit('|').nth(1).unwrap().to_lowercase();
        let readers: String = readers.split('`').step_by(2).collect();
        for entry in TRAINERS.0 {
            if !readers.contains(entry.kind) {
                continue;
            }
            // Only LLaMA-Factory reads the calls of sharegpt, and torchtune none.
            let apart = *kind == "sharegpt" && entry.kind != "llama-factory" || entry.kind == "torchtune";
            let rows = if apart { &without } else { &with_tools };
            let mut found = lint(entry.kind, rows);
            found.retain(|finding| finding.rule != "needs_setting");
            assert!(
                found.is_empty(),
                "{kind} for {}: {found:?}\n{}",
                entry.kind,
                rows[0]
            );
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} pairs of format and trainer");
}

#[test]
fn calls_that_a_step_wrote_are_made_and_not_said() {
    let row = |kind: &str| exported(kind, true).swap_remove(6);
    for kind in ["messages", "openai"] {
        let messages = row(kind)["messages"].as_array().unwrap().clone();
        let last = messages.last().unwrap();
        assert_eq!(last["tool_calls"].as_array().map(Vec::len), Some(2), "{last}");
        assert_eq!(
            row(kind)["tools"][0]["type"],
            "function",
            "bare schemas are wrapped"
        );
    }
    let turns = row("sharegpt")["conversations"].as_array().unwrap().clone();
    assert_eq!(turns.last().unwrap()["from"], "function_call");
    let made = sample(
        0,
        json!({"question": "Tide?"}),
        vec![step(
            "solution",
            r#"[{"name":"tide","arguments":{"at":"Brest"}}]"#,
        )],
    );
    let same = [
        ("user", "question"),
        ("assistant", "solution"),
        ("calls", "solution"),
    ];
    let line = write(&spec(dataset("messages", &same)), std::slice::from_ref(&made)).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["messages"][1].get("content"), None, "{said}");
    assert_eq!(
        said["messages"][1]["tool_calls"][0]["function"]["arguments"],
        json!({"at": "Brest"})
    );
    let wrong = sample(
        0,
        json!({"question": "Tide?", "calls": [{"name": "tide", "arguments": 3}]}),
        vec![step("solution", "a")],
    );
    let fields = [
        ("user", "question"),
        ("assistant", "solution"),
        ("calls", "calls"),
    ];
    let error = write(&spec(dataset("messages", &fields)), &[wrong]).unwrap_err();
    assert!(
        error.contains("`calls`") && error.contains("no JSON object"),
        "{error}"
    );
}
