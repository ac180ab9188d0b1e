//! Shapes: answers against their schemas, and schemas that are broken themselves.

use destilation::core::conversation::ToolCall;
use destilation::core::ports::CompileSchema;
use destilation::core::sample::Reason;
use destilation::validators::compile_schema;
use serde_json::json;

use super::{broken, build, candidate, check, rejected, with_schema};

#[tokio::test]
async fn structural_says_where_an_answer_breaks_its_schema() {
    let validator = build("structural", "");
    let schema = json!({
        "type": "object", "required": ["answer"],
        "properties": {"answer": {"type": "integer"}, "steps": {"type": "array", "items": {"type": "string"}}}
    });
    let whole = with_schema(schema.clone(), r#"{"answer": 4, "steps": ["a"]}"#);
    assert_eq!(rejected(&validator, &whole).await, None);
    let verdict = check(
        &validator,
        &with_schema(schema.clone(), r#"{"answer": "4", "steps": ["a", 1]}"#),
    )
    .await;
    assert_eq!(verdict.reason, Some(Reason::Schema));
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.contains("at /answer") && evidence.contains("at /steps/1"),
        "{evidence}"
    );
    let verdict = check(
        &validator,
        &with_schema(schema.clone(), "{\"answer\": 4,\n oops}"),
    )
    .await;
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.starts_with("`solution`: not JSON: ") && evidence.contains("line 2 column 2"),
        "{evidence}"
    );
    let mut unread = with_schema(schema, r#"{"answer": 4}"#);
    unread.steps[0].value = None;
    assert_eq!(
        rejected(&validator, &unread).await,
        None,
        "what was not read yet is read here"
    );
}

#[tokio::test]
async fn structural_wants_a_text_or_a_call_without_a_schema() {
    let validator = build("structural", "");
    assert_eq!(rejected(&validator, &candidate("text")).await, None);
    let mut blank = candidate(" \n");
    assert_eq!(rejected(&validator, &blank).await, Some(Reason::Schema));
    blank.steps[0].tool_calls.push(ToolCall {
        id: "1".to_owned(),
        name: "search".to_owned(),
        arguments: json!({}),
    });
    assert_eq!(rejected(&validator, &blank).await, None);
}

#[tokio::test]
async fn a_broken_schema_is_no_fault_of_the_answer() {
    let validator = build("structural", "");
    for schema in [
        json!({"type": "objekt"}),
        json!({"$ref": "http://127.0.0.1:9/x.json"}),
        json!({"pattern": "^(a{1000}){1000}$"}),
        json!({"pattern": "^(?=a)"}),
    ] {
        let message = broken(&validator, &with_schema(schema, "\"aaa\"")).await;
        assert!(
            message.contains("the schema of `solution` is broken"),
            "{message}"
        );
    }
}

#[test]
fn the_engine_can_compile_a_schema_for_asking_again() {
    let compile: CompileSchema = compile_schema;
    let check = compile(&json!({"type": "integer", "minimum": 3})).unwrap_or_else(|e| panic!("{e}"));
    assert!(check.problems(&json!(4)).is_empty());
    assert_eq!(
        check.problems(&json!(2)),
        ["at the top: 2 is less than the minimum of 3"]
    );
    let Err(error) = compile(&json!({"type": "int", "minimum": "3"})) else {
        panic!("it is broken");
    };
    assert_eq!(error.key.as_deref(), Some("schema"));
    assert!(
        error.message.contains("/type") && error.message.contains("/minimum"),
        "{error}"
    );
}
