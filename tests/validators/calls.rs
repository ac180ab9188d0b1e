//! Calls held against the functions that are declared beside them.

use std::sync::Arc;

use destilation::core::conversation::ToolCall;
use destilation::core::sample::{Candidate, Decision, Reason};
use serde_json::{Value, json};

use super::{Fake, answer, build, build_error, candidate, row};

fn tool() -> Value {
    json!({
        "name": "days_between",
        "parameters": {
            "type": "object",
            "properties": {
                "start": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$"},
                "days": {"type": "integer", "minimum": 1}
            },
            "required": ["start"],
            "additionalProperties": false
        }
    })
}

/// A candidate whose step `call` answered with that, and with these functions beside it.
fn made(tools: &Value, value: Value) -> Candidate {
    let mut made = candidate("unused");
    made.seed = Arc::new(row(&json!({"question": "How long?", "tools": tools})));
    made.steps = vec![answer("call", &value.to_string())];
    made.steps[0].value = Some(Value::Object(
        [("answers".to_owned(), value)].into_iter().collect(),
    ));
    made
}

async fn judged(tools: &Value, value: Value) -> (Decision, Option<Reason>, String) {
    let gate = build("calls", "field = 'call.answers'");
    let verdict = gate.check(&made(tools, value), &Fake::default()).await.unwrap();
    (
        verdict.decision,
        verdict.reason,
        verdict.evidence.unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_call_names_a_declared_function_with_arguments_that_it_takes() {
    let tools = json!([tool()]);
    let good = json!([{"name": "days_between", "arguments": {"start": "2026-03-01", "days": 3}}]);
    assert_eq!(judged(&tools, good).await.0, Decision::Accept);
    for (call, said) in [
        (
            json!({"name": "day_count", "arguments": {}}),
            "no function is called `day_count`",
        ),
        (
            json!({"name": "days_between", "arguments": {}}),
            "\"start\" is a required property",
        ),
        (
            json!({"name": "days_between", "arguments": {"start": "2026-13-01"}}),
            "2026-13-01",
        ),
        (
            json!({"name": "days_between", "arguments": {"start": "2026-03-01", "days": 0}}),
            "minimum",
        ),
        (
            json!({"name": "days_between", "arguments": {"start": "2026-03-01", "end": "x"}}),
            "'end'",
        ),
        (
            json!({"name": "days_between", "arguments": "not json"}),
            "not json",
        ),
        (json!({"arguments": {}}), "has no name"),
    ] {
        let (decision, reason, evidence) = judged(&tools, json!([call.clone()])).await;
        assert_eq!(
            (decision, reason),
            (Decision::Reject, Some(Reason::Schema)),
            "{call}"
        );
        assert!(evidence.contains(said), "{said} in {evidence}");
    }
    let (decision, _, evidence) = judged(&tools, json!([])).await;
    assert_eq!(
        (decision, evidence.as_str()),
        (Decision::Reject, "there is no call")
    );
}

#[tokio::test]
async fn declarations_and_calls_come_in_the_shapes_of_every_wire() {
    let bare = tool();
    let wrapped = json!({"type": "function", "function": bare});
    let schema = json!({"name": "days_between", "input_schema": bare["parameters"]});
    let without = json!({"name": "days_between"});
    for tools in [
        json!([wrapped]),
        json!([schema]),
        json!(json!([bare]).to_string()),
    ] {
        for call in [
            json!([{"name": "days_between", "arguments": "{\"start\": \"2026-03-01\"}"}]),
            json!([{"type": "function", "function": {"name": "days_between", "arguments": {"start": "2026-03-01"}}}]),
            json!({"name": "days_between", "arguments": {"start": "2026-03-01"}}),
        ] {
            assert_eq!(
                judged(&tools, call.clone()).await.0,
                Decision::Accept,
                "{tools} {call}"
            );
        }
        let bad = json!([{"name": "days_between", "arguments": "{}"}]);
        assert_eq!(judged(&tools, bad).await.0, Decision::Reject, "{tools}");
    }
    let any = json!([{"name": "days_between", "arguments": {"whatever": 1}}]);
    assert_eq!(judged(&json!([without]), any).await.0, Decision::Accept);
}

#[tokio::test]
async fn calls_over_the_wire_are_looked_at_without_a_field() {
    let gate = build("calls", "");
    let mut made = made(&json!([tool()]), json!([]));
    let call = |start: &str| ToolCall {
        id: "c1".to_owned(),
        name: "days_between".to_owned(),
        arguments: json!({ "start": start }),
    };
    made.steps[0].tool_calls = vec![call("2026-03-01"), call("soon")];
    let verdict = gate.check(&made, &Fake::default()).await.unwrap();
    assert!(verdict.evidence.unwrap().starts_with("call 2, `days_between`: "));
    made.steps[0].tool_calls.pop();
    let verdict = gate.check(&made, &Fake::default()).await.unwrap();
    assert_eq!(verdict.decision, Decision::Accept);
}

#[tokio::test]
async fn what_cannot_be_told_is_for_a_person() {
    let call = json!([{"name": "days_between", "arguments": {}}]);
    for tools in [
        json!("none"),
        json!([{"parameters": {}}]),
        json!([{"name": "days_between", "parameters": {"type": "nonsense"}}]),
    ] {
        assert_eq!(judged(&tools, call.clone()).await.0, Decision::Review, "{tools}");
    }
    assert_eq!(build_error("calls", "tool = 'x'").key.as_deref(), Some("tool"));
}
