//! The built-in teacher: the same question gets the same answer, answers satisfy their schema and differ from each other, and trouble
//! comes in the share that was ordered.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use destilation::core::conversation::{Message, Role};
use destilation::core::ports::ModelProvider;
use destilation::core::request::{Completion, FinishReason, ModelRequest, Params};
use destilation::providers::default_models;
use serde_json::{Value, json};

use crate::{provider, reaction};

fn asked(text: &str, schema: Option<Value>, salt: u32) -> ModelRequest {
    let messages = vec![Message::text(Role::User, text)];
    let params = Params::default();
    ModelRequest {
        completion: false,
        fingerprint: ModelRequest::fingerprint(
            "teacher",
            &messages,
            schema.as_ref(),
            &params,
            &salt.to_string(),
        ),
        model: "teacher".into(),
        messages,
        schema: schema.map(Arc::new),
        params,
    }
}

async fn answer(mock: &Arc<dyn ModelProvider>, request: &ModelRequest) -> Completion {
    mock.read(&mock.send(request).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_same_question_gets_the_same_answer_everywhere() {
    let request = asked("Explain the tides near a harbour to a sailor.", None, 1);
    let one = answer(&provider("mock", |_| {}), &request).await;
    assert_eq!(one, answer(&provider("mock", |_| {}), &request).await);
    assert_ne!(
        one.text,
        answer(&provider("mock", |settings| settings.seed = Some(1)), &request)
            .await
            .text
    );
    assert_ne!(
        one.text,
        answer(
            &provider("mock", |_| {}),
            &asked("Explain the tides near a harbour to a sailor.", None, 2)
        )
        .await
        .text
    );
    assert_eq!(
        (one.finish, one.model.as_deref()),
        (FinishReason::Stop, Some("teacher"))
    );
    assert!(one.usage.input.is_some() && one.usage.output > Some(20) && one.reasoning.is_some());
    let topical = ["tides", "harbour", "sailor"]
        .iter()
        .any(|word| one.text.contains(word) || one.reasoning.as_ref().unwrap().contains(word));
    assert!(topical, "{}", one.text);
}

fn schemas() -> Vec<Value> {
    vec![
        json!({ "type": "object", "required": ["question", "answer", "key_points", "level"], "additionalProperties": false, "properties": {
            "question": { "type": "string" }, "answer": { "type": "string", "minLength": 40, "maxLength": 3000 },
            "key_points": { "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 4 },
            "level": { "enum": ["beginner", "intermediate", "advanced"] } } }),
        json!({ "type": "object", "required": ["score", "reason"], "properties": { "score": { "type": "integer", "minimum": 1, "maximum": 5 }, "reason": { "type": "string" } } }),
        json!({ "type": "object", "required": ["a", "extra"], "properties": {
            "a": { "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }, "b": { "type": "integer", "multipleOf": 5, "minimum": 7, "maximum": 23 },
            "c": { "const": 42 }, "d": { "type": ["null", "boolean"] }, "e": { "type": "null" } } }),
        json!({ "type": "array", "minItems": 3, "uniqueItems": true, "items": { "type": "string", "enum": ["x", "y", "z"] } }),
        json!({ "type": "array", "prefixItems": [{ "type": "integer" }, { "type": "string" }], "items": false }),
        json!({ "type": "object", "properties": { "date": { "type": "string", "format": "date" }, "when": { "type": "string", "format": "date-time" },
            "mail": { "type": "string", "format": "email" }, "link": { "type": "string", "format": "uri" }, "id": { "type": "string", "format": "uuid" },
            "host": { "type": "string", "format": "ipv4" } }, "required": ["date", "when", "mail", "link", "id", "host"] }),
        json!({ "type": "object", "properties": { "code": { "type": "string", "pattern": "^[A-Z]{3}-\\d{2,4}$" }, "slug": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" },
            "either": { "type": "string", "pattern": "^(yes|no|n/a)$" } }, "required": ["code", "slug", "either"] }),
        json!({ "type": "string", "maxLength": 12 }),
        json!({ "type": "string", "minLength": 700 }),
        json!({ "anyOf": [{ "type": "null" }, { "type": "object", "required": ["x"], "properties": { "x": { "type": "integer" } } }] }),
        json!({ "allOf": [{ "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } }, { "required": ["b"], "properties": { "b": { "type": "boolean" } } }] }),
        json!({ "$defs": { "node": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" }, "child": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/leaf" }] } } },
            "leaf": { "type": "object", "properties": { "n": { "type": "integer", "minimum": 1 } }, "required": ["n"] } }, "$ref": "#/$defs/node" }),
        json!({ "type": "object", "minProperties": 2, "maxProperties": 5, "additionalProperties": { "type": "integer" } }),
        json!({ "type": "object", "oneOf": [{ "required": ["kind"], "properties": { "kind": { "const": "a" } } }, { "required": ["kind"], "properties": { "kind": { "const": "b" } } }] }),
        json!(true),
    ]
}

#[tokio::test]
async fn answers_satisfy_their_schema() {
    let mock = provider("mock", |_| {});
    for schema in schemas() {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        for salt in 0..100 {
            let text = answer(
                &mock,
                &asked("Describe how rivers shape valleys.", Some(schema.clone()), salt),
            )
            .await
            .text;
            let value: Value = serde_json::from_str(&text).unwrap();
            let problems: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert!(problems.is_empty(), "{schema}\n{text}\n{problems:?}");
        }
    }
}

#[tokio::test]
async fn odd_schemas_end() {
    let mock = provider("mock", |_| {});
    for schema in [
        json!(false),
        json!(17),
        json!({ "$ref": "#" }),
        json!({ "$ref": "#/nowhere" }),
        json!({ "$ref": "https://example.com/schema" }),
        json!({ "type": "array", "minItems": 1_000_000_000 }),
        json!({ "type": "array", "uniqueItems": true, "minItems": 3, "items": { "const": 1 } }),
        json!({ "type": "object", "minProperties": 1_000_000_000, "additionalProperties": false }),
        json!({ "type": "string", "minLength": 1_000_000_000 }),
        json!({ "type": "string", "pattern": "^((((a{1000}){1000}){1000}){1000})$" }),
        json!({ "type": "string", "pattern": "(?<=x)[^a]\\b(" }),
        json!({ "type": "integer", "minimum": 1e300, "maximum": -1e300, "multipleOf": 1e-300 }),
        json!({ "enum": [] }),
        json!({ "type": "object", "properties": { "x": { "$ref": "#" } }, "required": ["x"] }),
    ] {
        let _ = mock.send(&asked("x", Some(schema), 0)).await.unwrap();
    }
}

#[tokio::test]
async fn answers_are_various_and_readable() {
    let mock = provider("mock", |_| {});
    let mut texts = HashSet::new();
    let mut questions = HashSet::new();
    let schema = schemas().remove(0);
    for salt in 0..2000 {
        let prompt = "Subject: Physics\nTopic: why the sky is blue\nWrite one card as JSON.";
        let text = answer(&mock, &asked(prompt, None, salt)).await.text;
        assert!(
            (80..4000).contains(&text.len()) && text.ends_with('.') && !text.contains('~'),
            "{text}"
        );
        texts.insert(text);
        let card: Value = serde_json::from_str(
            &answer(&mock, &asked(prompt, Some(schema.clone()), salt))
                .await
                .text,
        )
        .unwrap();
        let question = card["question"].as_str().unwrap();
        assert!(
            question.ends_with('?') && question.starts_with(char::is_uppercase),
            "{question}"
        );
        questions.insert(question.to_owned());
    }
    assert_eq!((texts.len(), questions.len()), (2000, 2000));
}

#[tokio::test]
async fn judges_are_mostly_content() {
    let mock = provider("mock", |_| {});
    let mut scores: BTreeMap<i64, u32> = BTreeMap::new();
    for salt in 0..1000 {
        let schema = json!({ "type": "object", "required": ["score"], "properties": { "score": { "type": "integer" } } });
        let text = answer(&mock, &asked("Judge the answer.", Some(schema), salt))
            .await
            .text;
        *scores
            .entry(
                serde_json::from_str::<Value>(&text).unwrap()["score"]
                    .as_i64()
                    .unwrap(),
            )
            .or_default() += 1;
    }
    assert!(scores.keys().all(|score| (1..=5).contains(score)), "{scores:?}");
    assert!(scores[&4] + scores[&5] > 880 && scores[&3] > 20, "{scores:?}");
}

#[tokio::test]
async fn trouble_comes_in_the_share_that_was_ordered_and_passes() {
    let mut faults = destilation::core::Row::new();
    for name in [
        "429",
        "500",
        "timeout",
        "reset",
        "invalid_json",
        "truncated",
        "empty",
        "refusal",
    ] {
        faults.insert(name.into(), json!(0.05));
    }
    let mock = provider("mock", |settings| settings.faults = faults);
    let schema = json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for salt in 0..2000 {
        let request = asked("x", Some(schema.clone()), salt);
        let mut word = String::new();
        for attempt in 0..20 {
            let outcome = match mock.send(&request).await {
                Ok(response) => mock.read(&response),
                Err(error) => Err(error),
            };
            let found = match outcome {
                Ok(answer)
                    if answer.finish == FinishReason::Stop
                        && serde_json::from_str::<Value>(&answer.text).is_ok() =>
                {
                    "fine".to_owned()
                }
                Ok(answer) => answer.finish.as_str().to_owned(),
                Err(error) => reaction(&error),
            };
            if attempt == 0 {
                word.clone_from(&found);
            }
            if found == "fine" {
                break;
            }
            assert!(attempt < 19, "it never passes");
        }
        *seen.entry(word).or_default() += 1;
    }
    let expected: [(&str, u32); 8] = [
        ("fine", 1200),
        ("length", 100),
        ("refusal", 100),
        ("retry Garbage", 100),
        ("retry Network billed", 200),
        ("retry Server", 100),
        ("snooze 0.05s RateLimit slower", 100),
        ("stop", 100),
    ];
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    for (word, count) in expected {
        assert!(seen[word].abs_diff(count) < 60, "{word}: {seen:?}");
    }
}

#[tokio::test]
async fn latency_is_what_was_ordered() {
    let start = std::time::Instant::now();
    let mock = provider("mock", |settings| settings.latency_ms = Some(30));
    let response = mock.send(&asked("x", None, 0)).await.unwrap();
    assert!(start.elapsed().as_millis() >= 30);
    assert_eq!(response.latency.as_millis(), 30);
    let mut faults = destilation::core::Row::new();
    faults.insert("slow".into(), json!(1));
    let mock = provider("mock", |settings| {
        settings.latency_ms = Some(30);
        settings.faults = faults;
    });
    assert_eq!(
        mock.send(&asked("x", None, 0)).await.unwrap().latency.as_millis(),
        300
    );
}

#[tokio::test]
async fn limits_cut_and_log_probabilities_join_to_the_text() {
    let mock = provider("mock", |_| {});
    let mut request = asked("Tell a story about glaciers.", None, 3);
    request.params.max_tokens = Some(5);
    let cut = answer(&mock, &request).await;
    assert_eq!((cut.finish, cut.text.len()), (FinishReason::Length, 20));
    request.params = Params {
        logprobs: Some(4),
        ..Params::default()
    };
    let whole = answer(&mock, &request).await;
    let tokens = whole.logprobs.unwrap();
    let joined: String = tokens
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["token"].as_str().unwrap())
        .collect();
    assert_eq!(joined, whole.text);
    assert!(
        tokens
            .as_array()
            .unwrap()
            .iter()
            .all(|token| token["top"].as_array().unwrap().len() == 4)
    );
}

#[tokio::test]
async fn wrong_faults_are_named_and_models_are_there_without_any() {
    let build = destilation::providers::CATALOG.find("mock").unwrap().build;
    let mut settings = destilation::core::settings::ProviderSettings::default();
    settings.faults.insert("timeouts".into(), json!(0.1));
    assert!(
        build(&settings, None)
            .err()
            .unwrap()
            .message
            .contains("did you mean `timeout`?")
    );
    settings.faults = [("500".to_owned(), json!(5))].into_iter().collect();
    assert!(
        build(&settings, None)
            .err()
            .unwrap()
            .message
            .contains("from 0 to 1")
    );
    let models = provider("mock", |_| {}).models().await.unwrap();
    assert_eq!(
        models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(),
        ["teacher", "judge"]
    );
    let teacher = &default_models()[0];
    for word in [
        "reasoning",
        "json",
        "chat",
        "writing",
        "instruction",
        "generation",
    ] {
        assert!(teacher.capabilities.iter().any(|known| known == word), "{word}");
    }
    assert!(
        default_models()[1]
            .capabilities
            .iter()
            .any(|known| known == "judge")
    );
}
