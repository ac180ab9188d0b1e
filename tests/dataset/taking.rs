//! Rows taken apart and written again: the same bytes for every format, whatever is in them; and what is said about rows that are broken.

use std::fs;
use std::path::Path;

use destilation::core::conversation::ToolCall;
use destilation::core::imported::{ImportRequest, Survey, given, job_file};
use destilation::core::job::parse::{Known, parse};
use destilation::core::job::{JobSpec, ReasoningStyle};
use destilation::core::plan::Plan;
use destilation::core::ports::SeedError;
use destilation::core::sample::{Sample, in_rows};
use destilation::core::task::NewTask;
use destilation::{dataset, seeds};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{self, sample, spec, step, write};

/// What the file says, and the job made of it.
fn looked_over(path: &Path, format: Option<&str>, skip: bool) -> Result<(Survey, JobSpec), SeedError> {
    let request = ImportRequest {
        file: path.to_owned(),
        format: format.map(str::to_owned),
        skip_broken: skip,
        ..ImportRequest::default()
    };
    let survey = dataset::look_over(path, seeds::open_placed(path)?, &request)?;
    let file = path.file_name().unwrap().to_string_lossy();
    let text = job_file(&survey, &request, "imported-rows", &file);
    let parsed = parse(&text, &|_| Err(String::new()), &Known::default());
    let spec = parsed
        .spec
        .unwrap_or_else(|| panic!("{text}\n{:?}", parsed.problems));
    Ok((survey, spec))
}

/// The samples that the job makes of the file.
fn samples_of(path: &Path, spec: &JobSpec) -> Result<Vec<Sample>, SeedError> {
    let taken = spec.seeds.taken.as_ref().unwrap();
    let rows = dataset::apart(path, seeds::open_placed(path)?, taken)?;
    let plan = Plan::new(spec, None);
    let tasks: Result<Vec<NewTask>, SeedError> = plan.tasks(rows).collect();
    let made = tasks?.into_iter().map(|task| {
        let steps = spec.steps.iter().filter_map(|step| {
            let value = in_rows([&task.vary, &task.seed], step.given.as_ref().unwrap())?;
            Some(given(&step.name, value).unwrap())
        });
        let mut made = sample(task.index, Value::Object(task.seed.clone()), steps.collect());
        made.vary = task.vary;
        made
    });
    Ok(made.collect())
}

/// Imports a file and writes its rows again.
fn there_and_back(path: &Path) -> (Survey, String) {
    let (survey, spec) = looked_over(path, None, false).unwrap();
    assert_eq!(survey.problems, [""; 0], "{}", path.display());
    let samples = samples_of(path, &spec).unwrap();
    assert_eq!(samples.len() as u64, survey.rows);
    (survey, write(&spec, &samples).unwrap())
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn every_golden_file_comes_out_as_it_went_in() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dataset");
    let mut formats = std::collections::BTreeSet::new();
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        let (survey, written) = there_and_back(&path);
        formats.insert(survey.format.clone());
        if survey.format != "raw" {
            assert_eq!(written, fs::read_to_string(&path).unwrap(), "{}", path.display());
            assert!(survey.lost.is_empty() && survey.columns.is_empty(), "{survey:?}");
        }
    }
    for format in destilation::core::job::parse::FORMAT_KINDS {
        let here = formats.contains(*format) || format.starts_with("kd");
        assert!(here, "{format} has no golden file");
    }
}

#[test]
fn tokens_come_out_as_they_went_in() {
    let row = r#"{"messages":[{"role":"user","content":"Wet?"},{"role":"assistant","content":"Yes."}],"#;
    let beside = format!(
        "{row}{}}}\n",
        r#""logprobs":[[{"token":"Y","logprob":-0.1},{"token":"N","logprob":-2.5}],[{"token":"es.","logprob":-0.20000000298023224},{"token":"o","logprob":-1.75}]]"#
    );
    let numbers = format!(
        "{row}{}}}\n",
        r#""logprobs":[[-0.1,-2.5],[-0.2,-1.75]],"target_token_ids":[[7,8],[3,4]]"#
    );
    for (text, format) in [(beside, "kd"), (numbers, "kd_ids")] {
        let (_folder, path) = file("a.jsonl", &text);
        let (survey, written) = there_and_back(&path);
        assert_eq!(
            (survey.format.as_str(), written.as_str()),
            (format, text.as_str())
        );
    }
}

#[test]
fn raw_rows_keep_fields_answers_and_fate_and_give_every_other_format() {
    let mut samples = support::samples();
    samples[0]
        .verdicts
        .push(destilation::core::sample::Verdict::reject(
            "length",
            destilation::core::sample::Reason::Length,
            "short",
        ));
    let text = write(&spec(support::dataset("raw", &[])), &samples).unwrap();
    let (_folder, path) = file("raw.jsonl", &text);
    let (survey, job) = looked_over(&path, None, false).unwrap();
    assert_eq!(survey.format, "raw");
    let steps: Vec<(&str, bool)> = survey.steps.iter().map(|(s, all)| (s.as_str(), *all)).collect();
    assert_eq!(steps, [("solution", true), ("ask", false)]);
    assert_eq!(
        job.validators[0].params["reject_if"],
        "imported.state == 'rejected'"
    );
    let back = samples_of(&path, &job).unwrap();
    let states: Vec<&str> = back
        .iter()
        .map(|s| s.vary["imported"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["rejected", "accepted", "accepted", "accepted"]);
    assert_eq!(back[1].vary["imported"]["sample"], json!(samples[1].id.0));
    assert_eq!(back[1].steps[0].value, samples[1].steps[0].value);
    assert_eq!(back[1].steps[0].reasoning, samples[1].steps[0].reasoning);
    assert_eq!(back[2].steps[0].tool_calls, samples[2].steps[0].tool_calls);
    assert_eq!(back[1].steps[0].teacher, "mock/teacher");
    assert_eq!(
        back[1].seed["persona"], "an engineer",
        "varied fields are fields again"
    );
    // What was written of the original is written of the import.
    let chat = support::dataset("messages", &[("user", "question"), ("assistant", "solution")]);
    assert_eq!(
        write(&spec(chat.clone()), &back[1..3]).unwrap(),
        write(&spec(chat), &samples[1..3]).unwrap()
    );
}

#[test]
fn every_row_says_where_it_is_from_and_lines_are_those_of_the_file() {
    let (_folder, path) = file(
        "train.jsonl",
        "{\"prompt\":\"a\",\"completion\":\"b\"}\n\n{\"prompt\":\"c\",\"completion\":\"d\",\"level\":\"hard\"}\n",
    );
    let (survey, spec) = looked_over(&path, None, false).unwrap();
    assert_eq!(survey.columns, [("level".to_owned(), 1)]);
    let samples = samples_of(&path, &spec).unwrap();
    let from = &samples[1].vary["imported"];
    assert_eq!((&from["file"], &from["line"]), (&json!("train.jsonl"), &json!(3)));
    assert_eq!(from["sha256"], json!(survey.sha256));
    assert_eq!(samples[1].seed["level"], "hard");
    assert!(
        !samples[1].seed.contains_key("imported"),
        "it does not make two equal rows different"
    );
    // The file has to be the one that was looked at.
    fs::write(&path, "{\"prompt\":\"x\",\"completion\":\"y\"}\n").unwrap();
    let error = samples_of(&path, &spec).unwrap_err();
    assert!(
        error.message.contains("is another file than the one"),
        "{}",
        error.message
    );
}

#[test]
fn broken_rows_are_named_with_their_lines_and_left_out_if_wanted() {
    let good = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#;
    let wrong = [
        ("{", "is not valid JSON"),
        ("[1]", "is an array, not an object"),
        (r#"{"text":"x"}"#, "it has no `messages`"),
        (r#"{"messages":7}"#, "`messages` is a number, not a list"),
        (r#"{"messages":[]}"#, "`messages` is empty"),
        (
            r#"{"messages":[{"role":"user","content":"q"}]}"#,
            "ends with a turn of the user",
        ),
        (
            r#"{"messages":[{"role":"assistant","content":"a"}]}"#,
            "does not begin with a question",
        ),
        (
            r#"{"messages":[{"role":"bard","content":"a"}]}"#,
            "messages.0 is said by \"bard\"",
        ),
        (
            r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]},{"role":"assistant","content":"a"}]}"#,
            "holds image_url: only text",
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"no"}}]}]}"#,
            "calls f with arguments that are no JSON object",
        ),
        (
            r#"{"messages":[{"role":"user","content":"q"},{"role":"system","content":"s"},{"role":"assistant","content":"a"}]}"#,
            "system message in its middle",
        ),
    ];
    let mut text = format!("{good}\n");
    for (line, _) in wrong {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(good);
    text.push('\n');
    let (_folder, path) = file("rows.jsonl", &text);
    let (survey, _) = looked_over(&path, None, false).unwrap();
    assert_eq!((survey.rows, survey.broken), (2, wrong.len() as u64));
    for (at, (_, words)) in wrong.iter().enumerate() {
        let problem = &survey.problems[at];
        assert!(problem.contains(words), "{problem}");
        assert!(problem.contains(&format!("rows.jsonl:{}", at + 2)), "{problem}");
    }
    let (_, strict) = looked_over(&path, None, false).unwrap();
    assert!(
        samples_of(&path, &strict).is_err(),
        "a broken row ends the planning"
    );
    let (_, spec) = looked_over(&path, None, true).unwrap();
    assert_eq!(samples_of(&path, &spec).unwrap().len(), 2);
}

#[test]
fn a_format_that_nobody_wrote_is_told_with_its_columns() {
    let (_folder, path) = file("rows.jsonl", "{\"q\":1,\"a\":2}\n");
    let error = looked_over(&path, None, false).unwrap_err();
    assert!(
        error.message.contains("no format has the columns q, a"),
        "{}",
        error.message
    );
    let error = looked_over(&path, Some("shargpt"), false).unwrap_err();
    assert!(
        error.message.contains("did you mean `sharegpt`?"),
        "{}",
        error.message
    );
    let (_folder, path) = file("empty.jsonl", "\n");
    assert!(
        looked_over(&path, None, false)
            .unwrap_err()
            .message
            .contains("has no rows")
    );
}

#[test]
fn what_others_write_is_understood() {
    // Whole conversations beside the prompt, as a well-known set of pairs has them.
    let pairs = r#"{"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}],"score_chosen":8.5}"#;
    let (_folder, path) = file("a.jsonl", &format!("{pairs}\n"));
    let (survey, spec) = looked_over(&path, None, false).unwrap();
    assert_eq!(survey.format, "preference_whole");
    let made = samples_of(&path, &spec).unwrap();
    assert_eq!(made[0].steps[1].text, "good", "the better side is the answer");
    // Prompt and completion as messages are a conversation; the system message in the list is one.
    let listed = r#"{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]}"#;
    let (_folder, path) = file("a.jsonl", &format!("{listed}\n"));
    let (survey, spec) = looked_over(&path, None, false).unwrap();
    assert_eq!(
        (survey.format.as_str(), survey.dataset.as_str()),
        ("prompt_completion", "messages")
    );
    let row: Value =
        serde_json::from_str(&write(&spec, &samples_of(&path, &spec).unwrap()).unwrap()).unwrap();
    assert_eq!(row["messages"][0]["content"], "s");
    // Calls without ids and results by name find each other, also out of order.
    let tools = r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"a","arguments":{}}},{"type":"function","function":{"name":"b","arguments":{}}}]},{"role":"tool","name":"b","content":"2"},{"role":"tool","name":"a","content":"1"},{"role":"assistant","content":"3"}]}"#;
    let (_folder, path) = file("a.jsonl", &format!("{tools}\n"));
    let (_, written) = there_and_back(&path);
    assert_eq!(written, format!("{tools}\n"));
    // Weights have no place, and that is said.
    let weighed =
        r#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0}]}"#;
    let (_folder, path) = file("a.jsonl", &format!("{weighed}\n"));
    let (survey, _) = looked_over(&path, None, false).unwrap();
    assert_eq!(survey.lost, [("messages[].weight".to_owned(), 1)]);
}

#[test]
fn an_instruction_takes_what_it_is_about_along_into_formats_without_a_place_for_it() {
    let rows = "{\"instruction\":\"Add.\",\"input\":\"1 2\",\"output\":\"3\"}\n{\"instruction\":\"Sing.\",\"input\":\"\",\"output\":\"La\"}\n";
    let (_folder, path) = file("a.jsonl", rows);
    let (_, mut spec) = looked_over(&path, None, false).unwrap();
    let samples = samples_of(&path, &spec).unwrap();
    assert_eq!(write(&spec, &samples).unwrap(), rows);
    let fields = destilation::core::job::parse::renamed(&spec.dataset.fields, "alpaca", "prompt_completion");
    spec.dataset = support::dataset("prompt_completion", &[]);
    spec.dataset.fields = fields;
    assert_eq!(
        write(&spec, &samples).unwrap(),
        "{\"prompt\":\"Add.\\n\\n1 2\",\"completion\":\"3\"}\n{\"prompt\":\"Sing.\",\"completion\":\"La\"}\n"
    );
}

#[test]
fn messages_that_a_table_holds_as_text_are_read_as_what_they_say() {
    use destilation::core::ports::DatasetWriter;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.parquet");
    let writer = dataset::FilesystemDatasetWriter::new(folder.path().to_owned());
    let mut file = writer.create(&path).unwrap();
    let turns = [
        r#"{"role":"user","content":"q"}"#,
        r#"{"role":"assistant","content":"a"}"#,
    ];
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": "{\"type\":\"object\",\"properties\":{}}"}}]);
    writeln!(file.writer(), "{}", json!({ "messages": turns, "tools": tools })).unwrap();
    file.finish().unwrap();
    let (_, written) = there_and_back(&path);
    let row: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(row["messages"][1]["content"], "a");
    assert_eq!(row["tools"][0]["function"]["parameters"]["properties"], json!({}));
}

#[test]
fn text_that_looks_like_json_stays_text_in_json_lines() {
    for row in [
        r#"{"prompt":"[1, 2]","completion":"{\"a\": 1}"}"#,
        r#"{"prompt":"[1]","chosen":"[{\"role\":\"x\"}]","rejected":"{}"}"#,
        r#"{"instruction":"{}","input":"[]","output":"[]"}"#,
    ] {
        let (_folder, path) = file("a.jsonl", &format!("{row}\n"));
        let (_, written) = there_and_back(&path);
        assert_eq!(written, format!("{row}\n"));
    }
}

// ------------------------------------------------------------------------------------------------ whatever is in the rows

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        1 => Just(String::new()),
        1 => Just("=1+1".to_owned()),
        1 => Just("''-x".to_owned()),
        1 => Just("<think>\nwell\n</think>\nno".to_owned()),
        1 => Just("<think></think>\n".to_owned()),
        1 => Just("{\"a\": [1,\r\n 2]}\u{2028}\u{feff}\u{0}".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("a number", |x| x.is_finite())
            .prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec((text(), value()), 0..4)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

/// Calls of one turn, and what came back of each.
fn calls() -> impl Strategy<Value = Vec<(String, Value, String)>> {
    prop::collection::vec(("[a-z]{1,3}", object(), text()), 1..4)
}

/// A sample whose conversation has everything a format may have to carry.
fn talk() -> impl Strategy<Value = Sample> {
    (
        (text(), text(), prop::option::of(text()), prop::option::of(text())),
        prop::option::of(calls()),
        prop::option::of(value()),
        prop::option::of(calls()),
        any::<bool>(),
    )
        .prop_map(|((question, answer, system, reasoning), between, tools, asks, label)| {
            let mut made = step("solution", &answer);
            made.reasoning = reasoning;
            made.tool_calls = asks.into_iter().flatten().enumerate().map(|(at, (name, arguments, _))| ToolCall {
                id: format!("call_{}", at + 10),
                name,
                arguments,
            }).collect();
            let mut seed = json!({ "question": question, "label": label, "better": answer, "worse": "no" });
            if let Some(system) = system {
                seed["rules"] = system.into();
            }
            if let Some(tools) = tools {
                seed["tools"] = json!([tools]);
            }
            if let Some(calls) = between {
                let asked: Vec<Value> = calls.iter().enumerate().map(|(at, (name, arguments, _))| json!({"id": format!("call_{}", at + 1), "type": "function", "function": {"name": name, "arguments": arguments}})).collect();
                let mut turns = vec![json!({"role": "assistant", "content": null, "tool_calls": asked})];
                turns.extend(calls.iter().enumerate().map(|(at, (_, _, result))| json!({"role": "tool", "tool_call_id": format!("call_{}", at + 1), "content": result})));
                turns.push(json!({"role": "assistant", "content": "So."}));
                turns.push(json!({"role": "user", "content": "And?"}));
                seed["turns"] = turns.into();
            }
            sample(0, seed, vec![made])
        })
}

const CHAT: &[(&str, &str)] = &[
    ("user", "question"),
    ("assistant", "solution"),
    ("system", "rules"),
    ("tools", "tools"),
    ("turns", "turns"),
];

/// A format, its fields, and how reasoning may stand in it.
type Written<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [ReasoningStyle]);

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn what_is_exported_and_imported_is_exported_the_same(samples in prop::collection::vec(talk(), 1..4)) {
        use ReasoningStyle::{Drop, Inline, ReasoningContent, Thinking};

        let pair = &[("prompt", "question"), ("chosen", "solution"), ("rejected", "worse"), ("system", "rules")];
        let plain = &pair[..3];
        let labelled = &[("prompt", "question"), ("completion", "solution"), ("label", "label"), ("system", "rules")];
        let alpaca = &[("instruction", "question"), ("output", "solution"), ("input", "better"), ("system", "rules")];
        let all: &[Written] = &[
            ("messages", CHAT, &[Drop, Inline, ReasoningContent, Thinking]),
            ("openai", CHAT, &[Drop, Inline]),
            ("sharegpt", CHAT, &[Drop, Inline]),
            ("alpaca", alpaca, &[Drop, Inline]),
            ("prompt_completion", &labelled[..2], &[Drop, Inline]),
            ("text", &[("text", "solution")], &[Drop, Inline]),
            ("preference", pair, &[Drop, Inline]),
            ("preference_plain", plain, &[Drop, Inline]),
            ("preference_whole", pair, &[Drop, Inline]),
            ("preference_axolotl", pair, &[Drop, Inline]),
            ("preference_sharegpt", pair, &[Drop, Inline]),
            ("preference_openai", pair, &[Drop, Inline]),
            ("unpaired", labelled, &[Drop, Inline]),
            ("unpaired_sharegpt", labelled, &[Drop, Inline]),
        ];
        for (format, fields, styles) in all {
            for style in *styles {
                let mut job = spec(support::dataset(format, fields));
                job.dataset.reasoning = *style;
                let text = write(&job, &samples).unwrap();
                let (_folder, path) = file("a.jsonl", &text);
                let (survey, written) = there_and_back(&path);
                prop_assert_eq!(&written, &text, "{} {:?} {:?}", format, style, survey);
                prop_assert!(survey.lost.is_empty(), "{:?}", survey);
            }
        }
    }
}
