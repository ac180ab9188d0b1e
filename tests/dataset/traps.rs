//! Every trap that trainers' formats have: a file with it, in which it is found at its line, and one without, in which nothing is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use destilation::core::job::ReasoningStyle;
use destilation::core::job::parse::Severity;
use destilation::core::job::parse::{FORMAT_KINDS, FORMATS};
use destilation::core::ports::{Finding, LintedFile};
use destilation::core::sample::Sample;
use destilation::dataset::TRAINERS;
use serde_json::{Value, json};

use crate::support::{dataset, sample, spec, step, write};

/// What a setting mends is said of sound files, too.
const SETTINGS: [&str; 3] = ["needs_setting", "too_few", "nested_columns"];

fn lint(trainer: &str, rows: &[Value]) -> Vec<Finding> {
    let mut linter = (TRAINERS.find(trainer).unwrap().build)(LintedFile::default());
    let mut found: Vec<Finding> = rows
        .iter()
        .flat_map(|row| linter.line(format!("{row}\n").as_bytes()))
        .collect();
    found.extend(linter.end());
    found
}

/// The trap is found in the last row of `bad` by that rule; in `good` nothing is found.
#[track_caller]
fn trap(trainers: &[&str], severity: Severity, rule: &str, bad: &[Value], good: &[Value]) {
    for trainer in trainers {
        let found = lint(trainer, bad);
        let caught = found.iter().find(|finding| finding.rule == rule);
        let caught = caught.unwrap_or_else(|| panic!("{trainer}: no {rule} in {found:?}"));
        assert_eq!(caught.severity, severity, "{trainer}: {caught:?}");
        assert!(caught.line == bad.len() as u64, "{trainer}: {caught:?}");
        let said = !caught.what.is_empty() && caught.why.len() > 5 && caught.mend.len() > 5;
        assert!(said, "{trainer}: {caught:?}");
        let mut found = lint(trainer, good);
        found.retain(|finding| !SETTINGS.contains(&finding.rule) || finding.rule == rule);
        assert!(found.is_empty(), "{trainer}: {found:?}");
    }
}

fn error(trainers: &[&str], rule: &str, bad: &[Value], good: &[Value]) {
    trap(trainers, Severity::Error, rule, bad, good);
}

fn warning(trainers: &[&str], rule: &str, bad: &[Value], good: &[Value]) {
    trap(trainers, Severity::Warning, rule, bad, good);
}

fn said(role: &str, content: impl Into<Value>) -> Value {
    json!({"role": role, "content": content.into()})
}

/// A whole conversation whose answer is that message.
fn answered(answer: &Value) -> Value {
    json!({"messages": [said("user", "How high?"), answer]})
}

fn chat() -> Value {
    answered(&said("assistant", "Six metres."))
}

fn tool(name: &str, parameter: &str) -> Value {
    json!({"type": "function", "function": {"name": name,
        "parameters": {"type": "object", "properties": {parameter: {"type": "string"}}}}})
}

fn call(name: &str, parameter: &str) -> Value {
    json!({"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": name, "arguments": {parameter: "Brest"}}}]})
}

fn text_call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "tide", "arguments": "{\"at\":\"Brest\"}"}})
}

fn with_tools(messages: &Value, tools: &Value) -> Value {
    json!({"messages": messages, "tools": tools})
}

/// User, call, result, answer.
fn tooled(result: &Value) -> Value {
    with_tools(
        &json!([
            said("user", "Tide?"),
            call("tide", "at"),
            result,
            said("assistant", "6 m")
        ]),
        &json!([tool("tide", "at")]),
    )
}

fn result() -> Value {
    json!({"role": "tool", "name": "tide", "content": "6 m"})
}

#[test]
fn tool_calls_results_and_schemas_belong_together() {
    let question = said("user", "Tide?");
    let good = tooled(&result());
    error(
        &["trl", "axolotl", "unsloth"],
        "no_call",
        &[with_tools(
            &json!([question, result(), said("assistant", "6 m")]),
            &json!([tool("tide", "at")]),
        )],
        std::slice::from_ref(&good),
    );
    warning(
        &["trl", "axolotl"],
        "no_result",
        &[with_tools(
            &json!([
                question,
                call("tide", "at"),
                said("user", "Well?"),
                said("assistant", "6 m")
            ]),
            &json!([tool("tide", "at")]),
        )],
        std::slice::from_ref(&good),
    );
    warning(
        &["trl", "unsloth"],
        "tool_name",
        &[tooled(&said("tool", "6 m"))],
        std::slice::from_ref(&good),
    );
    error(
        &["trl", "axolotl"],
        "undeclared",
        &[with_tools(
            &json!([question, call("tides", "at")]),
            &json!([tool("tide", "at")]),
        )],
        &[with_tools(
            &json!([question, call("tide", "at")]),
            &json!([tool("tide", "at")]),
        )],
    );
    warning(
        &["trl"],
        "no_tools",
        &[json!({"messages": [question, call("tide", "at")]})],
        std::slice::from_ref(&good),
    );
    let old =
        json!({"role": "assistant", "content": null, "function_call": {"name": "tide", "arguments": "{}"}});
    error(
        &["trl", "axolotl", "mlx"],
        "tool_calls",
        &[answered(&old)],
        &[chat()],
    );
    let as_text = with_tools(
        &json!([
            question,
            said("assistant", r#"[{"name":"tide","arguments":{"at":"Brest"}}]"#)
        ]),
        &json!([tool("tide", "at")]),
    );
    warning(&["trl", "openai", "mlx"], "call_as_text", &[as_text], &[chat()]);
}

#[test]
fn schemas_of_tools_have_the_form_that_is_read() {
    let bare = json!({"name": "tide", "parameters": {"type": "object", "properties": {}}});
    let row = |tools: Value| {
        let mut row = chat();
        row["tools"] = tools;
        row
    };
    let good = row(json!([tool("tide", "at")]));
    error(
        &["openai", "together"],
        "tool_schema",
        &[row(json!([bare]))],
        std::slice::from_ref(&good),
    );
    warning(
        &["trl", "mlx", "axolotl"],
        "tool_schema",
        &[row(json!([bare]))],
        std::slice::from_ref(&good),
    );
    error(
        &["trl"],
        "tool_schema",
        &[row(json!([{"type": "function"}]))],
        std::slice::from_ref(&good),
    );
    error(
        &["trl"],
        "tool_schema",
        &[row(json!("[{\"type\":\"function\"}]"))],
        std::slice::from_ref(&good),
    );
    let flat = json!({"type": "function", "function": {"name": "tide", "parameters": {"at": "string"}}});
    error(
        &["openai", "trl"],
        "tool_schema",
        &[row(json!([flat]))],
        std::slice::from_ref(&good),
    );
    let other = row(json!([tool("sunrise", "day")]));
    warning(
        &["trl", "axolotl"],
        "nested_columns",
        &[good.clone(), other],
        &[good.clone(), good],
    );
    let calls = |parameter: &str| {
        with_tools(
            &json!([said("user", "Tide?"), call("tide", parameter)]),
            &json!([tool("tide", "at")]),
        )
    };
    warning(
        &["trl"],
        "nested_columns",
        &[calls("at"), calls("day")],
        &[calls("at"), calls("at")],
    );
}

#[test]
fn parallel_calls_are_allowed_or_not_made() {
    let row = |allowed: Value, ids: &[&str]| {
        let calls: Vec<Value> = ids.iter().map(|id| text_call(id)).collect();
        json!({"messages": [said("user", "Tides?"), {"role": "assistant", "tool_calls": calls}],
            "tools": [tool("tide", "at")], "parallel_tool_calls": allowed})
    };
    error(
        &["openai"],
        "parallel_calls",
        &[row(json!("no"), &["a"])],
        &[row(json!(false), &["a"])],
    );
    error(
        &["openai", "fireworks"],
        "parallel_calls",
        &[row(json!(false), &["a", "b"])],
        &[row(json!(true), &["a", "b"])],
    );
    let mut untyped = row(json!(true), &["a"]);
    untyped["messages"][1]["tool_calls"][0]
        .as_object_mut()
        .unwrap()
        .remove("type");
    error(&["openai"], "tool_calls", &[untyped], &[row(json!(true), &["a"])]);
}

#[test]
fn observations_follow_calls() {
    let turn = |from: &str, value: &str| json!({"from": from, "value": value});
    let call = turn("function_call", r#"{"name":"tide","arguments":{"at":"Brest"}}"#);
    let row =
        |turns: Value| json!({"conversations": turns, "tools": json!([tool("tide", "at")]).to_string()});
    let good = row(json!([
        turn("human", "q"),
        call,
        turn("observation", "6"),
        turn("gpt", "6 m")
    ]));
    error(
        &["llama-factory"],
        "no_call",
        &[row(json!([
            turn("human", "q"),
            turn("gpt", "a"),
            turn("observation", "6"),
            turn("gpt", "b")
        ]))],
        std::slice::from_ref(&good),
    );
    warning(
        &["llama-factory"],
        "no_result",
        &[row(json!([
            turn("human", "q"),
            call,
            turn("human", "and?"),
            turn("gpt", "b")
        ]))],
        std::slice::from_ref(&good),
    );
    let other = turn("function_call", r#"{"name":"tides","arguments":{"at":"Brest"}}"#);
    error(
        &["llama-factory"],
        "undeclared",
        &[row(json!([turn("human", "q"), other]))],
        std::slice::from_ref(&good),
    );
    let mut numbered = good.clone();
    numbered["system"] = json!(7);
    error(&["llama-factory"], "not_text", &[numbered], &[good]);
}

#[test]
fn contents_in_parts_are_read_by_some() {
    let parts = |part: Value| json!({"messages": [{"role": "user", "content": [part]}, {"role": "assistant", "content": [part]}]});
    let ours = parts(json!({"type": "text", "text": "Six."}));
    let theirs = parts(json!({"type": "text", "value": "Six."}));
    error(&["mlx"], "part", std::slice::from_ref(&ours), &[chat()]);
    error(&["openai"], "part", std::slice::from_ref(&ours), &[chat()]);
    warning(
        &["trl", "axolotl", "unsloth"],
        "part",
        std::slice::from_ref(&ours),
        &[chat()],
    );
    error(
        &["trl", "axolotl"],
        "part",
        std::slice::from_ref(&theirs),
        &[chat()],
    );
    error(
        &["llama-factory"],
        "part",
        std::slice::from_ref(&ours),
        std::slice::from_ref(&theirs),
    );
    error(
        &["llama-factory"],
        "part",
        &[parts(json!({"text": "Six."}))],
        &[theirs],
    );
    error(&["trl"], "column_type", &[chat(), ours], &[chat(), chat()]);
}

#[test]
fn what_is_not_to_be_learned_is_said_in_the_trainers_words() {
    let flagged = |key: &str, value: Value| {
        let mut answer = said("assistant", "Six.");
        answer[key] = value;
        json!({"messages": [said("user", "q"), said("assistant", "a"), said("user", "r"), answer]})
    };
    error(
        &["openai"],
        "flag",
        &[flagged("weight", json!(0.5))],
        &[flagged("weight", json!(0))],
    );
    error(
        &["axolotl"],
        "flag",
        &[flagged("train", json!("no"))],
        &[flagged("train", json!(false))],
    );
    error(
        &["llama-factory"],
        "flag",
        &[flagged("loss_weight", json!("half"))],
        &[flagged("loss_weight", json!(0.5))],
    );
    warning(&["trl", "mlx"], "flag", &[flagged("weight", json!(0))], &[chat()]);
    let silent = answered(&json!({"role": "assistant", "content": "a", "weight": 0}));
    error(&["openai"], "nothing_learned", &[silent], &[chat()]);
    let silent = answered(&json!({"role": "assistant", "content": "a", "train": false}));
    error(&["axolotl"], "nothing_learned", &[silent], &[chat()]);
}

#[test]
fn pairs_have_one_prompt_and_it_stands_once() {
    let user = said("user", "Name a tidal river, please.");
    let (good, bad) = (said("assistant", "The Severn."), said("assistant", "The Danube."));
    let pair =
        |chosen: Value, rejected: Value| json!({"prompt": [user], "chosen": chosen, "rejected": rejected});
    error(
        &["trl", "unsloth"],
        "prompt_twice",
        &[pair(json!([user, good]), json!([user, bad]))],
        &[pair(json!([good]), json!([bad]))],
    );
    let whole = |first: &Value| json!({"chosen": [user, good], "rejected": [first, bad]});
    error(
        &["trl", "torchtune"],
        "no_common_prompt",
        &[whole(&said("user", "Another question."))],
        &[whole(&user)],
    );
    let plain = |chosen: &str| json!({"prompt": "Name a tidal river, please.", "chosen": chosen, "rejected": "Danube"});
    warning(
        &["trl"],
        "prompt_twice",
        &[plain("Name a tidal river, please. The Severn.")],
        &[plain("The Severn.")],
    );
    let hosted = |input: Value, side: &Value| json!({"input": {"messages": input}, "preferred_output": [side], "non_preferred_output": [bad]});
    error(
        &["openai"],
        "side_role",
        &[hosted(json!([user]), &said("user", "The Severn."))],
        &[hosted(json!([user]), &good)],
    );
    warning(
        &["openai"],
        "order",
        &[hosted(json!([user, bad]), &good)],
        &[hosted(json!([user]), &good)],
    );
    let axolotl = |side: Value| json!({"messages": [user], "chosen": side, "rejected": bad});
    error(
        &["axolotl"],
        "side_role",
        &[axolotl(said("user", "The Severn."))],
        &[axolotl(good.clone())],
    );
    error(
        &["axolotl"],
        "wrong_keys",
        &[axolotl(json!({"from": "gpt", "value": "The Severn."}))],
        &[axolotl(good.clone())],
    );
    let factory = |side: Value| json!({"conversations": [{"from": "human", "value": "q"}], "chosen": side, "rejected": {"from": "gpt", "value": "b"}});
    let sound = json!({"from": "gpt", "value": "a"});
    error(
        &["llama-factory"],
        "wrong_keys",
        &[factory(good)],
        &[factory(sound.clone())],
    );
    error(
        &["llama-factory"],
        "side_role",
        &[factory(json!({"from": "human", "value": "a"}))],
        &[factory(sound)],
    );
    error(
        &["axolotl"],
        "open_think",
        &[axolotl(said("assistant", "<think>well"))],
        &[axolotl(said("assistant", "<think>well</think>\nThe Severn."))],
    );
}

#[test]
fn columns_of_instructions_are_those_that_are_read() {
    let row = |more: Value| {
        let mut row = json!({"instruction": "q", "input": "", "output": "a"});
        row.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        row
    };
    let history = row(json!({"history": [["one", "two"]]}));
    error(
        &["llama-factory"],
        "history",
        &[row(json!({"history": [{"role": "user", "content": "one"}]}))],
        std::slice::from_ref(&history),
    );
    error(
        &["llama-factory"],
        "history",
        &[row(json!({"history": [["one"]]}))],
        std::slice::from_ref(&history),
    );
    warning(
        &["axolotl", "torchtune", "unsloth"],
        "history",
        &[history],
        &[row(json!({"history": []}))],
    );
    error(
        &["llama-factory"],
        "not_text",
        &[row(json!({"system": ["Be brief."]}))],
        &[row(json!({"system": "Be brief."}))],
    );
    warning(
        &["trl", "mlx", "unsloth"],
        "two_shapes",
        &[json!({"text": "q a", "messages": chat()["messages"]})],
        &[chat()],
    );
    // MLX-LM looks for prompt and completion first, whatever else there is.
    warning(
        &["mlx"],
        "two_shapes",
        &[json!({"prompt": "q", "completion": "a", "messages": 7})],
        &[json!({"prompt": "q", "completion": "a"})],
    );
}

/// Shapes that trainers' own pages show and that nothing here writes.
#[test]
fn shapes_of_others_are_known() {
    let steps = |completions: Value, labels: Value| json!({"prompt": "9.8 or 9.11?", "completions": completions, "labels": labels});
    let good = steps(json!(["0.8 > 0.11.", "So 9.8."]), json!([true, true]));
    error(
        &["trl"],
        "steps",
        &[steps(json!(["0.8 > 0.11.", "So 9.8."]), json!([true]))],
        std::slice::from_ref(&good),
    );
    error(
        &["trl"],
        "steps",
        &[steps(json!(["So 9.8."]), json!([1]))],
        std::slice::from_ref(&good),
    );
    error(
        &["trl"],
        "steps",
        &[steps(json!("So 9.8."), json!([true]))],
        std::slice::from_ref(&good),
    );
    error(&["mlx", "openai"], "format", &[good], &[chat()]);
    warning(
        &["trl"],
        "needs_setting",
        &[json!({"prompt": "The sky is"})],
        &[json!({"text": "a"})],
    );
    warning(
        &["trl"],
        "order",
        &[json!({"prompt": [said("user", "q"), said("assistant", "a")]})],
        &[json!({"prompt": [said("user", "q")]})],
    );
    error(
        &["trl"],
        "format",
        &[json!({"prompt": "q", "response": "a"})],
        &[json!({"prompt": "q", "completion": "a"})],
    );
    error(
        &["torchtune"],
        "not_text",
        &[json!({"input": "q", "output": 4})],
        &[json!({"input": "q", "output": "4"})],
    );
    let pair = json!({"instruction": "q", "input": "", "chosen": "a", "rejected": "b"});
    error(
        &["llama-factory"],
        "tie",
        &[json!({"instruction": "q", "chosen": "a", "rejected": "a"})],
        &[pair],
    );
    let labelled = |label: Value| json!({"instruction": "q", "input": "", "output": "a", "kto_tag": label});
    error(
        &["llama-factory"],
        "label",
        &[labelled(json!(true)), labelled(json!("bad"))],
        &[labelled(json!(true)), labelled(json!(false))],
    );
    let implicit = |rejected: &str| json!({"chosen": "The sky is blue.", "rejected": rejected});
    error(
        &["trl"],
        "tie",
        &[implicit("The sky is blue.")],
        &[implicit("The sky is green.")],
    );
    let mut named = chat();
    named["messages"][1]["mood"] = json!("good");
    error(&["openai"], "unknown_key", &[named], &[chat()]);
    error(
        &["trl", "mlx"],
        "not_messages",
        &[json!({"messages": "How high?"})],
        &[chat()],
    );
    let v1 = |role: &str| {
        let side = |text: &str| json!([{"role": "user", "content": [{"type": "text", "value": "q"}]}, {"role": role, "content": [{"type": "text", "value": text}]}]);
        json!({"chosen_messages": side("a"), "rejected_messages": side("b")})
    };
    error(&["llama-factory"], "role", &[v1("gpt")], &[v1("assistant")]);
}

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
            // Only LLaMA-Factory reads the calls of sharegpt.
            let apart = *kind == "sharegpt" && entry.kind != "llama-factory";
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

/// Rules as the sources say them.
fn rules() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dataset/lint");
    let mut rules = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let text: String = fs::read_to_string(file.unwrap().path()).unwrap();
        for call in [".error(", ".warn("] {
            for said in text.split(call).skip(1) {
                let rule = said.trim_start().strip_prefix('"');
                rules.extend(rule.and_then(|rule| rule.split('"').next()).map(str::to_owned));
            }
        }
    }
    assert!(rules.len() > 30, "{rules:?}");
    rules
}

#[test]
fn every_rule_is_tested_and_stands_in_the_documentation_and_no_other_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let tests = read("tests/dataset/lint.rs") + &read("tests/dataset/traps.rs");
    let page = read("docs/formats.md");
    let (_, table) = page.split_once("### Every trap, and where it is caught").unwrap();
    let caught: BTreeSet<String> = table
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(3))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    let rules = rules();
    for rule in &rules {
        let tested = tests.contains(&format!("\"{rule}\"")) || tests.contains(&format!(" {rule}\""));
        assert!(tested, "no test of {rule}");
        assert!(
            caught.contains(rule),
            "docs/formats.md has no trap that {rule} catches"
        );
    }
    let unknown: Vec<&String> = caught.difference(&rules).collect();
    assert!(
        unknown.is_empty(),
        "docs/formats.md names {unknown:?}, which are no rules"
    );
}
