//! Conversations: messages with typed parts, the one shape every provider translates to and from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The person, or the seed that plays one.
    User,
    /// The teacher.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A call the model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The wire's id, which the result refers to.
    pub id: String,
    /// Name of the function.
    pub name: String,
    /// Arguments as an object (never the JSON string some wires use).
    pub arguments: Value,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text {
        /// The text itself.
        text: String,
    },
    /// Thinking that the model keeps apart from its answer.
    Reasoning {
        /// The text itself.
        text: String,
    },
    /// A call the model asks for.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult {
        /// Id of the call it answers.
        id: String,
        /// The result as text.
        content: String,
    },
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A message of one text part.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            parts: vec![Part::Text { text: text.into() }],
        }
    }

    /// The text parts joined, without reasoning or tool calls.
    pub fn plain(&self) -> String {
        let texts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text } => Some(text.as_str()),
                Part::ToolResult { content, .. } => Some(content.as_str()),
                Part::Reasoning { .. } | Part::ToolCall(_) => None,
            })
            .collect();
        texts.join("\n")
    }
}
