//! The traps of tools: calls, their results and their schemas.

use serde_json::{Value, json};

use crate::traps::{answered, chat, error, said, warning};

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
fn who_reads_no_calls_is_given_none() {
    error(&["torchtune"], "unread_calls", &[tooled(&result())], &[chat()]);
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
