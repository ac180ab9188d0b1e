//! What reading a job file promises: the whole format, and every problem at once with its place.

use std::time::Duration;

use serde_json::json;

use super::parse::{Known, Parsed, Severity, parse};
use super::*;
use crate::core::budget::CapMode;
use crate::core::catalog::PlugError;
use crate::core::route::Teacher;

mod hostile;
mod methods;
mod references;

const PRODUCT: &str = include_str!("../../../tests/fixtures/core/product.toml");

const SMALL: &str = r#"
name = "small"
[seeds]
rows = [ { topic = "tides" }, { topic = "glaciers" } ]
[[steps]]
name = "answer"
prompt = "Explain {{ topic }}."
"#;

fn no_files(path: &str) -> Result<String, String> {
    Err(format!("no file {path}"))
}

fn read_with(source: &str, known: &Known) -> Parsed {
    parse(source, &no_files, known)
}

fn read(source: &str) -> Parsed {
    read_with(source, &Known::default())
}

/// The problems as they are shown.
fn said(source: &str) -> Vec<String> {
    said_with(source, &Known::default())
}

fn said_with(source: &str, known: &Known) -> Vec<String> {
    let problems = read_with(source, known).problems;
    problems.iter().map(ToString::to_string).collect()
}

fn good(source: &str) -> JobSpec {
    let parsed = read(source);
    assert_eq!(parsed.problems, [], "{source}");
    parsed.spec.unwrap()
}

/// The small job with `extra` in front of its steps.
fn small(extra: &str) -> String {
    SMALL.replace("[[steps]]", &format!("{extra}\n[[steps]]"))
}

fn teacher(name: &str, capabilities: &[&str]) -> Teacher {
    let (provider, model) = name.split_once('/').unwrap();
    Teacher {
        name: name.to_owned(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        capabilities: capabilities.iter().map(|c| (*c).to_owned()).collect(),
        weight: 1.0,
        price: None,
        context: None,
    }
}

#[test]
fn the_job_file_of_the_product_page_is_read_whole() {
    let kinds = ["structural", "dedup", "semantic_dedup", "judge"];
    let teachers = [teacher("openrouter/r1", &["reasoning", "judge"])];
    let known = Known {
        validators: &kinds,
        teachers: &teachers,
        seed_extensions: &["jsonl", "csv"],
        seed_fields: Some(vec!["question".to_owned()]),
        ..Known::default()
    };
    let parsed = read_with(PRODUCT, &known);
    assert_eq!(parsed.problems, []);
    let spec = parsed.spec.unwrap();
    assert_eq!(spec.name, "gsm8k-reasoning");
    assert_eq!(
        spec.description,
        "Step-by-step solutions of grade-school maths problems"
    );
    assert_eq!(
        (spec.priority, spec.random_seed, spec.route),
        (0, 17, RouteBy::Weights)
    );
    assert_eq!(
        spec.seeds,
        Seeds {
            source: SeedSource::Path("seeds/gsm8k.jsonl".to_owned()),
            limit: Some(500),
            shuffle: true,
            repeat: 1,
            chunk: None,
            columns: Columns::default(),
            taken: None,
        }
    );
    assert_eq!(
        spec.vary,
        [
            (
                "persona".to_owned(),
                Vary::Choose(vec![json!("a patient teacher"), json!("an engineer")])
            ),
            (
                "difficulty".to_owned(),
                Vary::Weights(vec![("easy".to_owned(), 3.0), ("hard".to_owned(), 1.0)])
            ),
            ("n_steps".to_owned(), Vary::Integer(2, 6)),
        ]
    );
    assert_eq!(
        (spec.defaults.temperature, spec.defaults.max_tokens),
        (Some(0.7), Some(1024))
    );
    let step = &spec.steps[0];
    assert_eq!(spec.steps.len(), 1);
    assert_eq!(
        (step.name.as_str(), step.capability.as_deref()),
        ("solution", Some("reasoning"))
    );
    assert_eq!(step.system.as_deref(), Some("You are {{ persona }}. …"));
    assert_eq!(step.prompt, "{{ question }}");
    let schema =
        json!({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]});
    assert_eq!(step.schema.as_deref(), Some(&schema));
    assert_eq!((step.reask, step.candidates, step.reuse), (2, 4, true));
    assert_eq!(step.when.as_deref(), Some("difficulty == 'hard'"));
    assert_eq!(step.params.logprobs, Some(5));
    let plugs: Vec<&str> = spec.validators.iter().map(|plug| plug.kind.as_str()).collect();
    assert_eq!(plugs, kinds);
    assert_eq!(
        json!(spec.validators[2].params),
        json!({"field": "question", "threshold": 0.8})
    );
    assert_eq!(
        json!(spec.validators[3].params),
        json!({"capability": "judge", "rubric": "…", "scale": [1, 5], "accept_at": 4, "review_at": 3})
    );
    assert_eq!(
        spec.target,
        Some(Target {
            accepted: 10_000,
            tasks_at_most: Some(14_000)
        })
    );
    assert_eq!(
        spec.limits,
        Limits {
            usd: Some(Money::from_usd(10.0)),
            tokens: Some(5_000_000),
            requests: Some(20_000),
            minutes: Some(120.0),
            cap: CapMode::Hard,
            on_limit: OnLimit::Pause,
            concurrency: Some(64),
            requests_per_minute: Some(600),
            attempts: 6,
            canary: Some(20),
        }
    );
    assert_eq!(spec.limits.caps().time, Some(Duration::from_hours(2)));
    assert_eq!(spec.dataset.format, "messages");
    assert_eq!(spec.dataset.fields["assistant"], "solution.answer");
    assert_eq!(
        spec.dataset.split,
        [("train".to_owned(), 0.95), ("valid".to_owned(), 0.05)]
    );
    assert_eq!(spec.dataset.reasoning, ReasoningStyle::Drop);
    let stored = serde_json::to_string(&spec).unwrap();
    assert_eq!(
        serde_json::from_str::<JobSpec>(&stored).unwrap(),
        spec,
        "the normal form reads back"
    );
}

#[test]
fn a_small_job_has_defaults() {
    let spec = good(SMALL);
    assert_eq!(spec.limits, Limits::default());
    assert_eq!(spec.dataset, DatasetSpec::default());
    assert_eq!(
        (spec.steps[0].candidates, spec.steps[0].reask, spec.seeds.repeat),
        (1, 0, 1)
    );
}

#[test]
fn every_problem_is_said_at_once_with_its_place() {
    let source = r#"name = "Not A Name"
colour = "red"
random_seed = "17"

[seeds]
path = "a.jsonl"
count = 3
shufle = true

[vary]
level = { weights = { easy = -1 } }

[defaults]
temperature = 3.5

[[steps]]
name = "Solution"
promt = "x"
top_p = 0
candidates = 0

[limits]
cap = "hrd"
usd = -1

[dataset]
split = { train = 0.9, valid = 0.2 }
"#;
    assert_eq!(
        said(source),
        [
            "1:8: error: name: `Not A Name` is no name for a job (1 to 64 of a-z, 0-9 and -)",
            "2:1: error: colour: unknown key `colour` (one of: name, description, tags, priority, random_seed, route, seeds, vary, rounds, defaults, steps, validators, target, limits, dataset)",
            "3:15: error: random_seed: expected a whole number, found the string `17`",
            "5:1: error: seeds: exactly one of path, rows, count and job is needed, found 2",
            "8:1: error: seeds.shufle: unknown key `shufle` (did you mean `shuffle`?)",
            "11:30: error: vary.level.weights.easy: -1 is out of range (from 0 up to 1000000000)",
            "14:15: error: defaults.temperature: 3.5 is out of range (from 0 up to 2)",
            "16:1: error: steps.1.prompt: is missing",
            "17:8: error: steps.1.name: `Solution` is no name for a step (a letter, then letters, digits and _; at most 64)",
            "18:1: error: steps.1.promt: unknown key `promt` (did you mean `prompt`?)",
            "19:9: error: steps.1.top_p: 0 is out of range (above 0 up to 1)",
            "20:14: error: steps.1.candidates: 0 is out of range (from 1 to 1000)",
            "23:7: error: limits.cap: unknown word `hrd` (did you mean `hard`?)",
            "24:7: error: limits.usd: -1 is out of range (from 0 up to 1000000000)",
            "27:9: error: dataset.split: the shares sum to 1.100000, not to 1",
        ]
    );
}

#[test]
fn a_syntax_error_is_one_problem_with_its_place() {
    let parsed = read("name = \"a\"\n[seeds\n");
    assert!(parsed.spec.is_none());
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(
        (parsed.problems[0].line, parsed.problems[0].key.as_str()),
        (2, "")
    );
}

#[test]
fn what_is_missing_is_said() {
    let missing = said("");
    for key in ["name", "seeds", "steps"] {
        assert!(
            missing.contains(&format!("1:1: error: {key}: is missing")),
            "{missing:?}"
        );
    }
    let job = "name = \"a\"\nseeds = { count = 1 }\nsteps = [{ name = \"b\", prompt = \"c\" }]\n";
    assert_eq!(
        said(&format!("{job}[target]\ntasks_at_most = 5")),
        [
            "4:1: error: target.accepted: is missing: how many accepted samples to stop at \
          (or take tasks_at_most out: seeds.limit is what plans fewer tasks)"
        ],
        "a bound of the plan alone ends no job"
    );
    assert_eq!(
        said("name = \"a\"\nseeds = { count = 1 }\nsteps = []"),
        ["3:9: error: steps: expected 1 to 100 steps, found 0"]
    );
}

#[test]
fn a_variable_that_nobody_provides_is_found_with_the_nearest_name() {
    assert_eq!(
        said(&SMALL.replace("{{ topic }}", "{{ topik }}")),
        ["7:10: error: steps.answer.prompt: no field or step is called `topik` (did you mean `topic`?)"]
    );
    let guarded = SMALL.replace("{{ topic }}", "{{ topik | default('x') }}");
    assert!(said(&guarded).is_empty());
    let unknown_fields = SMALL.replace(
        r#"rows = [ { topic = "tides" }, { topic = "glaciers" } ]"#,
        "path = \"a.csv\"",
    );
    assert!(said(&unknown_fields.replace("{{ topic }}", "{{ anything }}")).is_empty());
    let known = Known {
        seed_fields: Some(vec!["subject".to_owned()]),
        ..Known::default()
    };
    assert_eq!(said_with(&unknown_fields, &known).len(), 1);
    let some_rows = SMALL.replace("{ topic = \"glaciers\" }", "{ other = 1 }");
    assert_eq!(
        said(&some_rows),
        ["7:10: warning: steps.answer.prompt: row 2 has no field `topic`"]
    );
    assert!(read(&some_rows).spec.is_some(), "a warning is no error");
}

#[test]
fn a_template_error_has_its_line_in_the_job_file() {
    let source = SMALL.replace(
        "\"Explain {{ topic }}.\"",
        "\"\"\"\nfirst\nsecond {{ topic\n}} {% if %}\n\"\"\"",
    );
    let problems = read(&source).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column), (10, 1), "{}", problems[0]);
}

#[test]
fn steps_see_only_what_was_answered_before_them_and_what_their_schemas_promise() {
    let second = |prompt: &str, schema: &str| {
        format!(
            "{SMALL}\n{schema}\n[[steps]]\nname = \"check\"\nprompt = \"{prompt}\"\n[[steps]]\nname = \"last\"\nprompt = \"x\"\n"
        )
    };
    let closed = r#"schema = { properties = { text = { type = "string" } }, additionalProperties = false }"#;
    let open = r#"schema = { properties = { text = { type = "string" } } }"#;
    assert!(said(&second("{{ answer }}", "")).is_empty());
    assert!(said(&second("{{ answer.text }}", closed)).is_empty());
    assert!(
        said(&second("{{ answer.txt }}", closed))[0].contains(
            "error: steps.check.prompt: the schema of `answer` has no `txt` (did you mean `text`?)"
        )
    );
    assert!(said(&second("{{ answer.txt }}", open))[0].contains("warning"));
    assert!(said(&second("{{ answer.text }}", ""))[0].contains("is plain text"));
    for later in ["{{ last }}", "{{ check }}"] {
        assert!(said(&second(later, ""))[0].contains("is answered later"));
    }
}

#[test]
fn names_are_unique_and_one_step_fans_out() {
    let two = format!(
        "{}\ncandidates = 2\n[[steps]]\nname = \"answer\"\nprompt = \"x\"\ncandidates = 3",
        small("[vary]\nanswer = { integer = [1, 2] }")
    );
    let found = said(&two);
    assert!(
        found
            .iter()
            .any(|p| p.contains("another step is called `answer` too")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|p| p.contains("a varied field is called `answer` too")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|p| p.ends_with("only one step may ask for more than one candidate")),
        "{found:?}"
    );
}

#[test]
fn schemas_come_as_tables_as_text_or_from_files() {
    let with = |schema: &str| format!("{SMALL}{schema}\n");
    let expected = json!({"type": "object"});
    assert_eq!(
        good(&with("schema = { type = \"object\" }")).steps[0]
            .schema
            .as_deref(),
        Some(&expected)
    );
    assert_eq!(
        good(&with("schema = '{\"type\": \"object\"}'")).steps[0]
            .schema
            .as_deref(),
        Some(&expected)
    );
    let files = |path: &str| match path {
        "a.json" => Ok("{\"type\": \"object\"}".to_owned()),
        _ => Err("not found".to_owned()),
    };
    let from = |file: &str| {
        parse(
            &with(&format!("schema_file = \"{file}\"")),
            &files,
            &Known::default(),
        )
    };
    assert_eq!(
        from("a.json").spec.unwrap().steps[0].schema.as_deref(),
        Some(&expected)
    );
    assert!(from("b.json").problems[0].message.contains("`b.json`: not found"));
    let refused = |schema: &str| {
        let found = said(&with(schema));
        assert_eq!(found.len(), 1, "{schema}: {found:?}");
        found[0].clone()
    };
    assert!(
        refused("schema = \"\"\"\n{\n  \"type\": oops\n}\"\"\"")
            .starts_with("10:1: error: steps.answer.schema: is no JSON")
    );
    assert!(refused("schema = '[1]'").contains("is no object"));
    for outside in [
        "http://intranet.example/x",
        "file:///etc/hostname",
        "other.json#/a",
    ] {
        assert!(
            refused(&format!(
                "schema = {{ items = [ {{ \"$ref\" = \"{outside}\" }} ] }}"
            ))
            .contains("points outside")
        );
    }
    assert!(
        said(&with(
            "schema = { \"$ref\" = \"#/$defs/a\", properties = { \"$ref\" = { type = \"string\" } } }"
        ))
        .is_empty()
    );
    let deep = format!("schema = '{}1{}'", "{\"not\":".repeat(70), "}".repeat(70));
    assert!(refused(&deep).contains("nests deeper than 64"));
    let long = format!("schema = '{{\"title\": \"{}\"}}'", "x".repeat(300_000));
    assert!(refused(&long).contains("longer than 256 KiB"));
    assert!(refused("schema = {}\nschema_file = \"a\"").contains("only one of"));
    let known = Known {
        check_schema: &|_| Err("`type` is no type".to_owned()),
        ..Known::default()
    };
    assert!(said_with(&with("schema = { type = \"strng\" }"), &known)[0].contains("`type` is no type"));
}
