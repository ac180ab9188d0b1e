//! What refers to something else: settings of validators, teachers, fields of the dataset, targets, seed files, columns.

use super::*;

#[test]
fn validators_are_asked_about_their_own_keys() {
    let known = Known {
        validators: &["dedup", "judge"],
        check_validator: &|plug| match plug.params.get("accept") {
            Some(_) => Err(PlugError::at(
                "accept",
                "judge: unknown field `accept`, expected one of `rubric`, `accept_at`",
            )),
            None => Ok(()),
        },
        ..Known::default()
    };
    let source = format!(
        "{SMALL}[[validators]]\nkind = \"dedupe\"\n[[validators]]\nkind = \"judge\"\naccept = 4\n[[validators]]\nfield = 1\n"
    );
    assert_eq!(
        said_with(&source, &known),
        [
            "9:1: error: validators.1.kind: unknown kind `dedupe` (did you mean `dedup`?)",
            "12:1: error: validators.2.accept: judge: unknown field `accept`, expected one of `rubric`, `accept_at` (did you mean `accept_at`?)",
            "13:1: error: validators.3.kind: is missing",
        ]
    );
}

#[test]
fn teachers_and_capabilities_must_be_configured_where_that_is_known() {
    let teachers = [teacher("local/qwen3", &["json", "judge"])];
    let known = Known {
        teachers: &teachers,
        ..Known::default()
    };
    let with = |lines: &str| said_with(&format!("{SMALL}{lines}"), &known);
    assert!(with("teachers = [ { use = \"local/qwen3\", weight = 0 }, { use = \"mock/any\" } ]").is_empty());
    assert!(with("teachers = [ { use = \"local/qwen\" } ]")[0].contains("did you mean `local/qwen3`?"));
    assert!(with("teachers = [ { use = \"qwen\" } ]")[0].contains("(provider/model)"));
    assert!(
        with("capability = \"jsn\"")[0]
            .contains("no configured teacher declares `jsn` (did you mean `json`?)")
    );
    assert!(
        with("[[validators]]\nkind = \"judge\"\ncapability = \"jugde\"")[0]
            .starts_with("10:1: error: validators.1.capability")
    );
    assert!(
        said(&format!("{SMALL}capability = \"anything\"")).is_empty(),
        "nothing is known, nothing is checked"
    );
}

#[test]
fn dataset_fields_refer_to_something() {
    let with = |lines: &str| said(&format!("{SMALL}[dataset]\n{lines}"));
    assert!(with("fields = { user = \"topic\", assistant = \"answer\" }").is_empty());
    assert!(with("fields = { user = \"topic\", assistant = \"answer.reasoning\" }").is_empty());
    assert!(
        with("fields = { user = \"topik\", assistant = \"answer\" }")[0].contains("did you mean `topic`?")
    );
    assert!(with("fields = { user = \"topic\", assistant = \"answer.value\" }")[0].contains("plain text"));
    assert!(
        with("fields = { user = \"topic\", asistant = \"answer\" }")
            .iter()
            .any(|p| p.contains("did you mean `assistant`?"))
    );
    assert!(
        with("format = \"alpaca\"\nfields = { instruction = \"topic\" }")[0]
            .contains("dataset.fields.output: the format `alpaca` needs it")
    );
    assert!(with("format = \"mesages\"")[0].contains("did you mean `messages`?"));
    let known = Known {
        check_format: &|_, _| Err(PlugError::at("fields", "no guess")),
        ..Known::default()
    };
    assert!(said_with(SMALL, &known)[0].contains("dataset.fields: no guess"));
}

#[test]
fn a_target_that_nothing_can_reach_is_a_warning() {
    let found = read(&format!("{SMALL}[target]\naccepted = 3\n"));
    assert_eq!(found.problems[0].severity, Severity::Warning);
    assert_eq!(
        found.problems[0].message,
        "3 samples are wanted, but the tasks can make 2 at most"
    );
    assert!(
        good(&format!("{SMALL}candidates = 2\n[target]\naccepted = 3\n"))
            .target
            .is_some()
    );
}

#[test]
fn chunks_and_seed_files_are_checked() {
    let with =
        |lines: &str| SMALL.replace(r#"rows = [ { topic = "tides" }, { topic = "glaciers" } ]"#, lines);
    let known = Known {
        seed_extensions: &["jsonl", "md"],
        ..Known::default()
    };
    assert!(said_with(&with("path = \"-\""), &known).is_empty());
    assert!(said_with(&with("path = \"a/b.JSONL\""), &known).is_empty());
    assert!(said_with(&with("path = \"a.docx\""), &known)[0].contains("no reader for files like `a.docx`"));
    let chunk = |chunk: &str| said(&with(&format!("path = \"a.md\"\nchunk = {chunk}")));
    assert!(chunk("{ field = \"text\", size = 4000, overlap = 200 }").is_empty());
    assert!(
        chunk("{ field = \"text\", size = 100, overlap = 51 }")[0]
            .contains("51 is out of range (from 0 to 50)")
    );
    let known_fields = Known {
        seed_fields: Some(vec!["topic".to_owned()]),
        ..Known::default()
    };
    let uses_chunk = with("path = \"a.md\"\nchunk = { field = \"topic\", size = 10 }")
        .replace("{{ topic }}", "{{ topic }} {{ chunk }}");
    assert!(said_with(&uses_chunk, &known_fields).is_empty());
}

#[test]
fn a_problem_is_also_data() {
    let problem = &read("name = 1\n").problems[0];
    assert_eq!(
        serde_json::to_value(problem).unwrap(),
        json!({"severity": "error", "line": 1, "column": 1, "key": "seeds", "message": "is missing", "help": null})
    );
}

#[test]
fn columns_are_excluded_and_renamed_and_every_mistake_in_it_is_said() {
    let rows = r#"rows = [ { topic = "tides" }, { topic = "glaciers" } ]"#;
    let with = |keys: &str, prompt: &str| {
        let wide = r#"rows = [ { "Topic Name" = "tides", email = "x", level = 1 } ]"#;
        SMALL
            .replace(rows, &format!("{wide}\n{keys}"))
            .replace("{{ topic }}", prompt)
    };
    let spec = good(&with(
        "exclude = [\"email\"]\nrename = { \"Topic Name\" = \"topic\" }",
        "{{ topic }} {{ level }}",
    ));
    assert_eq!(spec.seeds.columns.exclude, ["email"]);
    assert_eq!(
        spec.seeds.columns.rename,
        [("Topic Name".to_owned(), "topic".to_owned())]
    );
    let normal = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<JobSpec>(&normal).unwrap(), spec);
    let plain = serde_json::to_string(&good(SMALL)).unwrap();
    assert!(
        !plain.contains("columns"),
        "specs without it stay as they were: {plain}"
    );
    let one = |keys: &str, prompt: &str| {
        let said = said(&with(keys, prompt));
        assert_eq!(said.len(), 1, "{said:?}");
        said.into_iter().next().unwrap()
    };
    for (keys, prompt, wanted) in [
        (
            "exclud = []",
            "x",
            "unknown key `exclud` (did you mean `exclude`?)",
        ),
        (
            "exclude = [\"emial\"]",
            "x",
            "warning: seeds.exclude: no row that was looked at has a column `emial` (did you mean `email`?)",
        ),
        (
            "exclude = [\"email\"]",
            "{{ email }}",
            "no field or step is called `email` ([seeds] excludes that column)",
        ),
        (
            "rename = { email = \"mail\" }",
            "{{ email }}",
            "no field or step is called `email` ([seeds] renames that column: it is `mail`)",
        ),
        (
            "rename = { email = \"level\" }",
            "x",
            "the rows have a column `level` of their own (exclude that one, or choose another name)",
        ),
        (
            "rename = { email = \"a b\" }",
            "x",
            "seeds.rename.email: `a b` is no name for a field (a letter, then letters, digits and _; at most 64)",
        ),
        (
            "exclude = [\"email\"]\nrename = { email = \"mail\" }",
            "x",
            "seeds.rename.email: `email` is excluded",
        ),
        (
            "rename = { email = \"mail\", level = \"mail\" }",
            "x",
            "another column is called `mail` too",
        ),
        (
            "exclude = [\"email\"]\nchunk = { field = \"email\", size = 10 }",
            "x",
            "seeds.chunk.field: `email` is excluded",
        ),
        (
            "rename = { email = \"text\" }\nchunk = { field = \"email\", size = 10 }",
            "x",
            "seeds.chunk.field: `email` has another name here (it is called `text`)",
        ),
    ] {
        let said = one(keys, prompt);
        assert!(said.contains(wanted), "{said}");
    }
    let swapped = with("rename = { email = \"level\", level = \"email\" }", "{{ email }}");
    assert!(said(&swapped).is_empty());
    let count = SMALL
        .replace(rows, "count = 3\nexclude = [\"a\"]")
        .replace("{{ topic }}", "x");
    assert!(said(&count)[0].contains("there are no columns"));
}
