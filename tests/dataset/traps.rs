//! Every trap that trainers' formats have: a file with it, in which it is found at its line, and one without, in which nothing is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use destilation::core::job::parse::Severity;
use destilation::core::ports::{Finding, LintedFile};
use destilation::dataset::TRAINERS;
use serde_json::{Value, json};

/// What a setting mends is said of sound files, too.
const SETTINGS: [&str; 3] = ["needs_setting", "too_few", "nested_columns"];

pub fn lint(trainer: &str, rows: &[Value]) -> Vec<Finding> {
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

pub fn error(trainers: &[&str], rule: &str, bad: &[Value], good: &[Value]) {
    trap(trainers, Severity::Error, rule, bad, good);
}

pub fn warning(trainers: &[&str], rule: &str, bad: &[Value], good: &[Value]) {
    trap(trainers, Severity::Warning, rule, bad, good);
}

pub fn said(role: &str, content: impl Into<Value>) -> Value {
    json!({"role": role, "content": content.into()})
}

/// A whole conversation whose answer is that message.
pub fn answered(answer: &Value) -> Value {
    json!({"messages": [said("user", "How high?"), answer]})
}

pub fn chat() -> Value {
    answered(&said("assistant", "Six metres."))
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
    let tests = ["lint", "traps", "tool_traps"].map(|name| read(&format!("tests/dataset/{name}.rs")));
    let tests = tests.concat();
    let page = read("docs/formats.md");
    let (_, table) = page.split_once("### Every trap, and where it is caught").unwrap();
    let table = table.lines().take_while(|line| !line.starts_with("## "));
    let caught: BTreeSet<String> = table
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
