//! Tools: calls and their arguments, results, and the schemas that are declared beside them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shape::Arguments;
use super::{Check, kind};
use crate::core::Row;

/// What is known of the tools of the row under way.
#[derive(Default)]
pub(super) struct Declared {
    /// Names in the column `tools`; `None`: there is no such column.
    names: Option<BTreeSet<String>>,
    /// Calls that wait for their result: ids, empty where a call has none.
    open: Vec<String>,
}

impl Declared {
    /// Another list of messages begins.
    pub(super) fn forget_calls(&mut self) {
        self.open.clear();
    }
}

impl Check {
    /// The calls of a message.
    pub(super) fn calls(&mut self, place: &str, message: &Row) {
        if message.get("function_call").is_some_and(|call| !call.is_null()) {
            let why = "templates render `tool_calls`; the old key is refused or left out without a word";
            let mend =
                "write tool_calls: [{\"type\": \"function\", \"function\": {\"name\", \"arguments\"}}]";
            self.notes
                .error("tool_calls", place, "a `function_call`", why, mend);
        }
        let Some(calls) = message.get("tool_calls").filter(|calls| !calls.is_null()) else {
            return;
        };
        let Value::Array(calls) = calls else {
            let why = "calls are a list, even a single one";
            self.notes
                .error("tool_calls", place, kind(calls), why, "write a list");
            return;
        };
        if self.trainer.arguments == Arguments::Unread && !calls.is_empty() {
            let name = self.trainer.name;
            let what = "a message that calls a tool";
            let why = format!(
                "{name} reads no calls: without content the row ends its run, or is learned with the text of the message before it"
            );
            let mend = format!("leave rows with calls out for {name}, or train with another one");
            self.notes.error("unread_calls", place, what, &why, &mend);
        }
        for (at, call) in calls.iter().enumerate() {
            self.call(&format!("{place}.tool_calls.{at}"), call);
        }
        if calls.len() > 1 && self.single_calls {
            let what = format!("{} calls at once", calls.len());
            let why = "the row says parallel_tool_calls: false";
            let mend = "take the key out, or make one call a message";
            self.notes.error("parallel_calls", place, what, why, mend);
        }
    }

    fn call(&mut self, place: &str, call: &Value) {
        let function = call.get("function");
        let name = function
            .and_then(|function| function.get("name"))
            .and_then(Value::as_str);
        let Some(name) = name else {
            let what = "a call without a function's name";
            let why = "a call is {\"type\": \"function\", \"function\": {\"name\", \"arguments\"}}";
            self.notes.error("tool_calls", place, what, why, "write it so");
            return;
        };
        let id = call.get("id").and_then(Value::as_str);
        if self.trainer.ids {
            if id.is_none() {
                let why = "results refer to their call by its id";
                let mend = "write it with --format openai";
                self.notes
                    .error("tool_id", place, "a call without an id", why, mend);
            }
            if call.get("type").and_then(Value::as_str) != Some("function") {
                let why = format!(
                    "{} refuses a call that does not say what it is",
                    self.trainer.name
                );
                let mend = "write \"type\": \"function\" into the call";
                self.notes
                    .error("tool_calls", place, "a call without its type", &why, mend);
            }
        }
        self.declared.open.push(id.unwrap_or_default().to_owned());
        self.known(place, name);
        self.arguments(place, function.and_then(|function| function.get("arguments")));
    }

    /// Whether a function that is called stands among the tools of the row.
    pub(super) fn known(&mut self, place: &str, name: &str) {
        match &self.declared.names {
            Some(names) if !names.contains(name) => {
                let what = format!("a call of {name:?}, which `tools` does not have");
                let why = "the student learns to call functions that nobody offers";
                let mend = "reject the sample, or declare the function";
                self.notes.error("undeclared", place, what, why, mend);
            }
            None if self.notes.first("no_tools") => {
                let what = "calls without a column `tools`";
                let why = "the template never shows the student which functions there are";
                let mend = "map [dataset] fields tools = \"…\" to their schemas";
                self.notes.warn("no_tools", place, what, why, mend);
            }
            Some(_) | None => {}
        }
    }

    /// Before a message that is no result: calls that got none.
    pub(super) fn unanswered(&mut self, place: &str) {
        let open = std::mem::take(&mut self.declared.open).len();
        if open == 0 {
            return;
        }
        let what = match open {
            1 => "before it a call stands without a result".to_owned(),
            many => format!("before it {many} calls stand without a result"),
        };
        if self.trainer.ids {
            let why = format!(
                "{} wants a result for every call that is not the end",
                self.trainer.name
            );
            let mend = "add the tool messages with their tool_call_id";
            self.notes.error("no_result", place, what, &why, mend);
        } else {
            let why = "the student learns to go on as if it knew the result";
            let mend = "add the result behind the call, or end the conversation there";
            self.notes.warn("no_result", place, what, why, mend);
        }
    }

    fn arguments(&mut self, place: &str, arguments: Option<&Value>) {
        let name = self.trainer.name;
        match (arguments, self.trainer.arguments) {
            (_, Arguments::Unread) => {}
            (Some(Value::Object(arguments)), Arguments::Object | Arguments::Either) => {
                if self.trainer.typed {
                    self.columns.arguments(arguments, &mut self.notes);
                }
            }
            (Some(Value::String(text)), Arguments::Text | Arguments::Either) => {
                if !matches!(serde_json::from_str(text), Ok(Value::Object(_))) {
                    let what = "arguments are text that is no JSON object";
                    let why = "the student learns calls that no tool can read";
                    let mend = "reject the sample, or mend the JSON";
                    self.notes.error("arguments", place, what, why, mend);
                }
            }
            (Some(Value::Object(_)), Arguments::Text) => {
                let why = format!("{name} reads arguments as JSON text");
                self.written_otherwise(place, "arguments are an object", &why);
            }
            (Some(Value::String(_)), Arguments::Object) => {
                let why = format!(
                    "{name} reads arguments as an object; its templates print JSON text as text, quoted twice"
                );
                self.written_otherwise(place, "arguments are JSON text", &why);
            }
            (other, _) => {
                let what = format!("arguments are {}", other.map_or("missing", kind));
                let why = "arguments are an object, {} where there are none";
                self.notes.error("arguments", place, what, why, "write them so");
            }
        }
    }

    fn written_otherwise(&mut self, place: &str, what: &str, why: &str) {
        let format = self.trainer.conversation();
        let mend = format!("write it with destiler export JOB --format {format}");
        self.notes.error("arguments", place, what, why, &mend);
    }

    /// A result takes one of the calls before it.
    pub(super) fn result(&mut self, place: &str, message: &Row) {
        let id = message.get("tool_call_id").and_then(Value::as_str);
        let open = &mut self.declared.open;
        if let Some(at) = id.and_then(|id| open.iter().position(|known| known == id)) {
            open.remove(at);
        } else if self.trainer.ids {
            let what = "a result that answers no call";
            let why = "a result names the call it answers by tool_call_id";
            self.notes
                .error("tool_id", place, what, why, "write it with --format openai");
        } else if open.is_empty() {
            self.uncalled(place);
        } else {
            open.remove(0);
        }
        let named = message.get("name").is_some_and(Value::is_string);
        if self.trainer.arguments == Arguments::Object && !named && self.notes.first("tool_name") {
            let what = "a result without the name of its tool";
            let why = format!(
                "templates that {} is used with show results by name",
                self.trainer.name
            );
            let mend = "write \"name\" beside content; destiler export JOB --format messages does";
            self.notes.warn("tool_name", place, what, &why, mend);
        }
    }

    /// A result nobody asked for.
    pub(super) fn uncalled(&mut self, place: &str) {
        let what = "a result without a call before it";
        let why = "the student learns that results come by themselves";
        let mend = "put the call before it, or reject the sample";
        self.notes.error("no_call", place, what, why, mend);
    }

    /// The `tools` column: a list of schemas, or JSON text of one. What it declares holds until the next row.
    pub(super) fn tools(&mut self, field: &str, tools: Option<&Value>) {
        self.declared = Declared::default();
        match tools {
            Some(Value::Array(_)) if self.trainer.described => {
                let why = format!("{} reads tools as JSON text", self.trainer.name);
                let mend = "write it with --format sharegpt";
                self.notes.error("tools_column", field, "a list", &why, mend);
            }
            None | Some(Value::Null) => {}
            Some(Value::Array(tools)) => {
                if self.trainer.typed {
                    self.columns.tools(tools, &mut self.notes);
                }
                self.schemas(field, tools);
            }
            Some(Value::String(text)) if self.trainer.tools_as_text => match serde_json::from_str(text) {
                Ok(Value::Array(tools)) => self.schemas(field, &tools),
                _ if text.is_empty() => {}
                _ => {
                    let what = "text that is no JSON list";
                    let why = "the text is read as a JSON list of schemas";
                    self.notes
                        .error("tools_column", field, what, why, "write a list as JSON");
                }
            },
            Some(other) => {
                let why = format!("{} reads a list of JSON schemas", self.trainer.name);
                self.notes
                    .error("tools_column", field, kind(other), &why, "write a list");
            }
        }
    }

    fn schemas(&mut self, field: &str, tools: &[Value]) {
        let mut names = BTreeSet::new();
        for (at, tool) in tools.iter().enumerate() {
            let place = format!("{field}.{at}");
            let function = tool.get("function").unwrap_or(tool);
            let Some(name) = function.get("name").and_then(Value::as_str) else {
                let why = "a tool is {\"type\": \"function\", \"function\": {\"name\", \"description\", \"parameters\"}}";
                self.notes
                    .error("tool_schema", &place, "a tool without a name", why, "write it so");
                continue;
            };
            names.insert(name.to_owned());
            let bare = tool.get("function").is_none();
            if self.trainer.ids && (bare || tool.get("type").and_then(Value::as_str) != Some("function")) {
                let why = format!(
                    "{} refuses a tool that is not {{\"type\": \"function\", \"function\": {{…}}}}",
                    self.trainer.name
                );
                let mend = "destiler export JOB writes tools so";
                self.notes.error(
                    "tool_schema",
                    &place,
                    format!("{name} as it is, without a type"),
                    &why,
                    mend,
                );
            } else if bare && !self.trainer.described && self.notes.first("tool_schema") {
                let what = format!("{name} as it is, not under `function`");
                let why = "some templates look for tool.function and show the student nothing, or fail";
                let mend = "write {\"type\": \"function\", \"function\": {…}}; destiler export JOB does";
                self.notes.warn("tool_schema", &place, what, why, mend);
            }
            let parameters = function
                .get("parameters")
                .filter(|parameters| !parameters.is_null());
            if parameters.is_some_and(|schema| schema.get("type").and_then(Value::as_str) != Some("object")) {
                let what = format!("the parameters of {name} are no schema of an object");
                let why = "templates and servers read them as {\"type\": \"object\", \"properties\": {…}}";
                self.notes
                    .error("tool_schema", &place, what, why, "write them as a JSON schema");
            }
        }
        self.declared.names = Some(names);
    }

    /// A call that is written into the answer as text, beside tools that could be called.
    pub(super) fn call_in(&mut self, place: &str, text: &str) {
        let declared = self
            .declared
            .names
            .as_ref()
            .is_some_and(|names| !names.is_empty());
        if declared
            && text.trim_start().starts_with(['[', '{'])
            && !called(text).is_empty()
            && self.notes.first("call_as_text")
        {
            let why = "the student learns to write calls as text, which no program that reads tool_calls carries out";
            let mend =
                "map [dataset] fields calls = \"step.field\": destiler export writes them as tool_calls";
            self.notes
                .warn("call_as_text", place, "a call as JSON in the text", why, mend);
        }
    }
}

/// The functions that a text of calls names: one call as JSON, or a list of them. None: it is no such text.
pub(super) fn called(text: &str) -> Vec<String> {
    let name = |call: &Value| {
        let name = call.get("name").and_then(Value::as_str);
        name.filter(|_| call.get("arguments").is_some())
            .map(str::to_owned)
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(calls)) => calls.iter().map(name).collect::<Option<_>>().unwrap_or_default(),
        Ok(call) => name(&call).into_iter().collect(),
        Err(_) => Vec::new(),
    }
}
