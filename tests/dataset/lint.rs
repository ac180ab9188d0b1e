//! The linter: every golden file passes for whoever reads it, and every trap is found with its line, its reason and its mend.

use std::fs;
use std::path::Path;

use destilation::core::job::parse::Severity;
use destilation::core::ports::{Finding, LintedFile};
use destilation::dataset::TRAINERS;
use serde_json::json;

fn lint_as(trainer: &str, file: LintedFile, text: &[u8]) -> Vec<Finding> {
    let mut linter = (TRAINERS.find(trainer).unwrap().build)(file);
    let mut found: Vec<Finding> = text
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| linter.line(line))
        .collect();
    found.extend(linter.end());
    found
}

fn lint(trainer: &str, text: &str) -> Vec<Finding> {
    lint_as(trainer, LintedFile::default(), text.as_bytes())
}

/// `line rule` of the errors, without the one about too few rows.
fn errors(trainer: &str, text: &str) -> Vec<String> {
    said(trainer, text, Severity::Error)
}

fn warnings(trainer: &str, text: &str) -> Vec<String> {
    said(trainer, text, Severity::Warning)
}

fn said(trainer: &str, text: &str, severity: Severity) -> Vec<String> {
    lint(trainer, text)
        .into_iter()
        .filter(|finding| finding.severity == severity && finding.rule != "too_few")
        .inspect(|finding| {
            assert!(
                !finding.what.is_empty() && finding.why.len() > 5 && finding.mend.len() > 5,
                "{finding:?}"
            );
        })
        .map(|finding| format!("{} {}", finding.line, finding.rule))
        .collect()
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dataset");
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn what_we_write_for_a_trainer_it_reads() {
    for (name, trainers) in [
        ("messages_tools", &["trl", "axolotl", "unsloth"][..]),
        ("messages_tools_reasoning_content", &["axolotl"]),
        ("messages_thinking", &["trl", "unsloth"]),
        (
            "messages_inline",
            &["trl", "axolotl", "mlx", "openai", "together", "torchtune"],
        ),
        (
            "openai_tools",
            &["openai", "together", "fireworks", "mlx", "axolotl"],
        ),
        ("sharegpt_tools", &["llama-factory"]),
        (
            "sharegpt_inline",
            &["llama-factory", "torchtune", "axolotl", "unsloth"],
        ),
        (
            "alpaca_inline",
            &["llama-factory", "axolotl", "torchtune", "unsloth"],
        ),
        ("text", &["trl", "axolotl", "mlx", "torchtune", "unsloth"]),
        ("unpaired", &["trl", "unsloth"]),
        ("unpaired_sharegpt", &["llama-factory"]),
    ] {
        for trainer in trainers {
            let text = fixture(&format!("{name}.jsonl"));
            assert_eq!(errors(trainer, &text), [""; 0], "{name} for {trainer}");
        }
    }
    // Their second row rejects an empty answer, which is said, and nothing else is.
    for (name, trainers) in [
        ("preference", &["trl", "unsloth"][..]),
        ("preference_plain", &["trl", "unsloth"]),
        ("preference_whole", &["torchtune", "trl"]),
        ("preference_axolotl", &["axolotl"]),
        ("preference_sharegpt", &["llama-factory"]),
        ("preference_openai", &["openai", "together", "fireworks"]),
    ] {
        for trainer in trainers {
            let text = fixture(&format!("{name}.jsonl"));
            assert_eq!(errors(trainer, &text), ["2 empty"], "{name} for {trainer}");
        }
    }
}

#[test]
fn arguments_are_an_object_for_one_and_text_for_another() {
    let (objects, texts) = (fixture("messages_tools.jsonl"), fixture("openai_tools.jsonl"));
    assert_eq!(errors("trl", &texts), ["1 arguments"; 2]);
    assert_eq!(errors("mlx", &objects), ["1 arguments"; 2]);
    let found = lint("mlx", &objects);
    assert_eq!(found[0].field, "messages.1.tool_calls.0");
    assert!(found[0].mend.contains("--format openai"), "{found:?}");
    let both = errors("openai", &objects);
    assert_eq!(
        both.iter().filter(|one| *one == "1 tool_id").count(),
        4,
        "{both:?}"
    );
    let lost = texts.replace(
        "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"6.1 m\"},",
        "",
    );
    assert_eq!(errors("openai", &lost), ["1 no_result"]);
    assert_eq!(errors("mlx", &lost), [""; 0]);
    let broken = texts.replace("\\\"Brest\\\"}", "\\\"Brest\\\"");
    assert_eq!(errors("openai", &broken), ["1 arguments"]);
}

#[test]
fn sides_of_a_pair_are_lists_messages_or_texts() {
    let side =
        |value| json!({"prompt": [{"role": "user", "content": "q"}], "chosen": value, "rejected": value});
    let object = side(json!({"role": "assistant", "content": "a"})).to_string();
    assert_eq!(errors("trl", &object), ["1 sides"; 2]);
    let row = json!({"messages": [{"role": "user", "content": "q"}],
        "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]});
    assert_eq!(errors("axolotl", &row.to_string()), ["1 sides"; 2]);
    let tie = side(json!([{"role": "assistant", "content": "a"}])).to_string();
    assert_eq!(errors("trl", &tie), ["1 tie"]);
    let found = lint("axolotl", &fixture("preference.jsonl"));
    assert!(
        found[0].rule == "format" && found[0].mend.contains("--format preference_axolotl"),
        "{found:?}"
    );
}

#[test]
fn reasoning_stands_where_the_trainer_looks() {
    let (content, thinking) = (
        fixture("messages_reasoning_content.jsonl"),
        fixture("messages_thinking.jsonl"),
    );
    assert_eq!(errors("trl", &content), ["2 reasoning_key"]);
    assert_eq!(errors("axolotl", &thinking), ["2 reasoning_key"]);
    assert_eq!(errors("openai", &content), ["2 reasoning_key"]);
    let cut = r#"{"text":"<think>and so"}"#;
    assert_eq!(errors("trl", cut), ["1 open_think"]);
    let two = format!("{content}{}", fixture("messages_inline.jsonl"));
    assert_eq!(warnings("axolotl", &two), ["0 mixed_reasoning"]);
}

#[test]
fn tools_are_a_list_or_json_text() {
    let as_text =
        r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":"[]"}"#;
    assert_eq!(errors("trl", as_text), [""; 0]);
    for trainer in ["openai", "mlx", "axolotl"] {
        assert_eq!(errors(trainer, as_text), ["1 tools_column"], "{trainer}");
    }
    let list = r#"{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"tools":[]}"#;
    assert_eq!(errors("llama-factory", list), ["1 tools_column"]);
}

#[test]
fn a_file_has_one_format_and_the_first_row_may_decide() {
    let mixed = format!("{}{}", fixture("text.jsonl"), fixture("prompt_completion.jsonl"));
    for trainer in ["trl", "mlx"] {
        let found = errors(trainer, &mixed);
        assert!(
            found.contains(&"3 mixed_formats".to_owned()),
            "{trainer} {found:?}"
        );
    }
    let why = &lint("mlx", &mixed)[0].why;
    assert!(why.contains("what line 1 is"), "{why}");
    let typed = "{\"text\":\"a\",\"n\":1}\n{\"text\":\"b\",\"n\":\"x\"}\n";
    assert_eq!(errors("trl", typed), ["2 column_type"]);
    assert_eq!(errors("mlx", typed), [""; 0]);
}

#[test]
fn turns_have_an_order_and_end_with_an_answer() {
    let chat = |roles: &[&str]| {
        let turns: Vec<_> = roles
            .iter()
            .map(|role| json!({"role": role, "content": "x"}))
            .collect();
        json!({ "messages": turns }).to_string()
    };
    assert_eq!(errors("trl", &chat(&["user"])), ["1 no_answer"]);
    assert_eq!(
        errors("trl", &chat(&["user", "system", "assistant"])),
        ["1 order"]
    );
    assert_eq!(
        warnings("trl", &chat(&["user", "user", "assistant"])),
        ["1 order"]
    );
    assert_eq!(errors("trl", &chat(&["user", "robot", "assistant"])), ["1 role"]);
    let sides = r#"{"conversations":[{"from":"gpt","value":"q"},{"from":"gpt","value":"a"}]}"#;
    assert_eq!(errors("llama-factory", sides), ["1 order"]);
    let swapped = r#"{"messages":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}"#;
    assert_eq!(
        errors("trl", swapped),
        ["1 wrong_keys", "1 wrong_keys", "1 no_answer"]
    );
    let empty = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":" "}]}"#;
    assert_eq!(errors("trl", empty), ["1 empty"]);
}

#[test]
fn lines_that_are_no_rows_are_named() {
    let text =
        b"\xef\xbb\xbf{\"text\":\"a\"}\n\n[1]\n{\"text\":NaN}\n{\"text\":\"\xff\"}\n{\"text\":\"b\"}\n";
    let found = lint_as("trl", LintedFile::default(), text);
    let rules: Vec<_> = found.iter().map(|finding| (finding.line, finding.rule)).collect();
    let expected = [
        (1, "byte_order_mark"),
        (2, "blank"),
        (3, "object"),
        (4, "json"),
        (5, "json"),
    ];
    assert_eq!(rules, expected);
    assert!(found[4].what.contains("UTF-8"), "{:?}", found[4]);
    assert_eq!(
        lint("trl", "")
            .iter()
            .map(|finding| finding.rule)
            .collect::<Vec<_>>(),
        ["too_few"]
    );
}

#[test]
fn files_have_names_and_descriptions_and_enough_rows() {
    let named = |trainer: &str, name: &str, described: bool| -> Vec<&'static str> {
        let about = LintedFile {
            name: Some(name.to_owned()),
            described,
        };
        let text = if trainer == "mlx" {
            fixture("text.jsonl")
        } else {
            fixture("sharegpt_tools.jsonl")
        };
        lint_as(trainer, about, text.as_bytes())
            .iter()
            .map(|finding| finding.rule)
            .collect()
    };
    assert_eq!(named("mlx", "data.jsonl", false), ["file_name"]);
    assert!(named("mlx", "train.jsonl", false).is_empty());
    assert_eq!(named("llama-factory", "train.jsonl", false), ["dataset_info"]);
    assert!(named("llama-factory", "train.jsonl", true).is_empty());
    let few = lint("openai", &fixture("openai_tools.jsonl"));
    assert!(
        few[0].rule == "too_few" && few[0].why.contains("at least 10"),
        "{few:?}"
    );
    let one_side: String = fixture("unpaired.jsonl").lines().take(1).collect();
    assert_eq!(warnings("trl", &one_side), ["0 one_label"]);
    let word = one_side.replace("true", "\"yes\"");
    assert_eq!(errors("trl", &word), ["1 label"]);
}

#[test]
fn tokens_for_distillation_are_checked_place_by_place() {
    let row = |logprobs: &str| {
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"a\"}},{{\"role\":\"assistant\",\"content\":\"b\"}}],{logprobs}}}\n"
        )
    };
    let pair = |token: &str, logprob: f64| format!("{{\"token\":\"{token}\",\"logprob\":{logprob}}}");
    let good = row(&format!("\"logprobs\":[[{}]]", pair("token_id:1", -0.5)));
    assert!(errors("axolotl", &good).is_empty());
    assert_eq!(warnings("axolotl", &good), ["1 needs_setting"]);
    assert_eq!(errors("trl", &good), ["1 format"]);
    let one = |logprobs: String| errors("axolotl", &row(&logprobs));
    assert_eq!(
        one(format!("\"logprobs\":[[{}]]", pair("Yes", -0.5))),
        ["1 token_ids"]
    );
    assert_eq!(
        one(format!("\"logprobs\":[[{}]]", pair("token_id:1", 0.5))),
        ["1 logprob"]
    );
    assert_eq!(one("\"logprobs\":[[]]".to_owned()), ["1 tokens"]);
    let (first, second) = (pair("token_id:1", -0.5), pair("token_id:2", -1.5));
    assert_eq!(
        one(format!("\"logprobs\":[[{first}],[{first},{second}]]")),
        ["1 tokens_a_place"]
    );
    let ids = |ids: &str| one(format!("\"logprobs\":[[-0.5,-1.5]],\"target_token_ids\":{ids}"));
    assert!(ids("[[1,2]]").is_empty());
    assert_eq!(ids("[[1]]"), ["1 tokens_pair"]);
    assert_eq!(ids("[[1,\"b\"]]"), ["1 token_ids"]);
}
