//! The shapes of rows that trainers read, told by their keys; and which trainer reads which, as one table.

use serde_json::Value;

use crate::core::Row;

/// What a row is, by its keys alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Messages,
    ShareGpt,
    Alpaca,
    PromptCompletion,
    Text,
    Preference,
    PreferencePlain,
    PreferenceWhole,
    PreferenceAxolotl,
    PreferenceShareGpt,
    PreferenceOpenAi,
    Unpaired,
    UnpairedShareGpt,
    Kd,
    KdIds,
    Raw,
    // Of others: shown on trainers' own pages, written by no format here.
    InputOutput,
    Prompt,
    Steps,
    PreferenceImplicit,
    PreferenceAlpaca,
    PreferenceParts,
    UnpairedAlpaca,
    Unknown,
}

/// What a row teaches: a trainer that reads one shape of a purpose is offered that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Answers,
    Pairs,
    Labels,
    Text,
    Tokens,
    Prompts,
    Steps,
}

impl Shape {
    /// Tells a row's shape.
    pub(super) fn of(row: &Row) -> Self {
        let has = |key: &str| row.contains_key(key);
        if has("messages") && has("target_token_ids") {
            return Self::KdIds;
        }
        if has("messages") && has("logprobs") {
            return Self::Kd;
        }
        if has("preferred_output") || has("non_preferred_output") {
            return Self::PreferenceOpenAi;
        }
        if has("chosen_messages") || has("rejected_messages") {
            return Self::PreferenceParts;
        }
        if has("chosen") || has("rejected") {
            return match row.get("prompt") {
                _ if has("conversations") => Self::PreferenceShareGpt,
                _ if has("messages") => Self::PreferenceAxolotl,
                None if has("instruction") => Self::PreferenceAlpaca,
                None if row.get("chosen").is_some_and(Value::is_string) => Self::PreferenceImplicit,
                None => Self::PreferenceWhole,
                Some(prompt) if prompt.is_string() => Self::PreferencePlain,
                Some(_) => Self::Preference,
            };
        }
        if has("kto_tag") {
            if has("instruction") {
                return Self::UnpairedAlpaca;
            }
            return Self::UnpairedShareGpt;
        }
        if has("label") && has("completion") {
            return Self::Unpaired;
        }
        if has("steps") && has("provenance") {
            return Self::Raw;
        }
        if has("messages") {
            return Self::Messages;
        }
        if has("conversations") {
            return Self::ShareGpt;
        }
        if has("instruction") {
            return Self::Alpaca;
        }
        if has("completion") {
            return Self::PromptCompletion;
        }
        if has("text") {
            return Self::Text;
        }
        if has("input") && has("output") {
            return Self::InputOutput;
        }
        if has("prompt") && has("completions") && has("labels") {
            return Self::Steps;
        }
        if has("prompt") && !has("response") && !has("output") && !has("completions") {
            return Self::Prompt;
        }
        Self::Unknown
    }

    /// Tells a row's shape as MLX-LM does, which looks for prompt and completion before anything else.
    pub(super) fn first_of(row: &Row) -> Self {
        if row.contains_key("prompt") && row.contains_key("completion") {
            return Self::PromptCompletion;
        }
        Self::of(row)
    }

    /// The shapes of whole answers whose keys stand in a row that is nothing else.
    pub(super) fn all_of(row: &Row) -> Vec<&'static str> {
        let has = |key: &str| row.contains_key(key);
        let other = [
            "chosen",
            "rejected",
            "preferred_output",
            "kto_tag",
            "label",
            "logprobs",
            "provenance",
            "chosen_messages",
        ];
        if other.into_iter().any(has) {
            return Vec::new();
        }
        let known = [
            ("messages", has("messages")),
            ("conversations", has("conversations")),
            ("instruction and output", has("instruction") && has("output")),
            ("prompt and completion", has("prompt") && has("completion")),
            ("text", has("text")),
        ];
        let there = known.into_iter().filter(|(_, there)| *there);
        there.map(|(keys, _)| keys).collect()
    }

    /// The format that writes it (`messages` may also be `openai`).
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::ShareGpt => "sharegpt",
            Self::Alpaca => "alpaca",
            Self::PromptCompletion => "prompt_completion",
            Self::Text => "text",
            Self::Preference => "preference",
            Self::PreferencePlain => "preference_plain",
            Self::PreferenceWhole => "preference_whole",
            Self::PreferenceAxolotl => "preference_axolotl",
            Self::PreferenceShareGpt => "preference_sharegpt",
            Self::PreferenceOpenAi => "preference_openai",
            Self::Unpaired => "unpaired",
            Self::UnpairedShareGpt => "unpaired_sharegpt",
            Self::Kd => "kd",
            Self::KdIds => "kd_ids",
            Self::Raw => "raw",
            Self::InputOutput => "input and output",
            Self::Prompt => "prompts alone",
            Self::Steps => "steps with labels",
            Self::PreferenceImplicit => "pairs of texts without a prompt",
            Self::PreferenceAlpaca => "pairs with an instruction",
            Self::PreferenceParts => "pairs of messages in parts",
            Self::UnpairedAlpaca => "labelled instructions",
            Self::Unknown => "none of the known shapes",
        }
    }

    pub(super) fn purpose(self) -> Purpose {
        match self {
            Self::Messages
            | Self::ShareGpt
            | Self::Alpaca
            | Self::PromptCompletion
            | Self::InputOutput
            | Self::Raw
            | Self::Unknown => Purpose::Answers,
            Self::Prompt => Purpose::Prompts,
            Self::Steps => Purpose::Steps,
            Self::Text => Purpose::Text,
            Self::Kd | Self::KdIds => Purpose::Tokens,
            Self::Unpaired | Self::UnpairedShareGpt | Self::UnpairedAlpaca => Purpose::Labels,
            Self::Preference
            | Self::PreferencePlain
            | Self::PreferenceWhole
            | Self::PreferenceAxolotl
            | Self::PreferenceShareGpt
            | Self::PreferenceOpenAi
            | Self::PreferenceImplicit
            | Self::PreferenceAlpaca
            | Self::PreferenceParts => Purpose::Pairs,
        }
    }
}

/// How a trainer takes a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    AsIs,
    /// Once it is told so.
    Told(&'static str),
}

/// How a trainer wants the arguments of a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    Object,
    Text,
    Either,
    /// Calls are not read at all.
    Unread,
}

/// What a trainer reads.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of what each trainer does and does not"
)]
pub(super) struct Trainer {
    /// As it calls itself.
    pub(super) name: &'static str,
    /// The shapes it reads, the best first.
    pub(super) reads: &'static [(Shape, Reads)],
    pub(super) arguments: Arguments,
    /// Whether `tools` may also be JSON text beside a list.
    pub(super) tools_as_text: bool,
    /// Keys for reasoning that its templates know.
    pub(super) reasoning: &'static [&'static str],
    /// Keys by which a turn is weighed or left out.
    pub(super) flags: &'static [&'static str],
    /// The only keys of a message, where others are refused.
    pub(super) message_keys: Option<&'static [&'static str]>,
    /// Columns are typed by a table library: one kind of value a column.
    pub(super) typed: bool,
    /// The fewest rows it takes.
    pub(super) rows: u64,
    /// The only file names it opens.
    pub(super) names: Option<&'static [&'static str]>,
    /// It takes the whole file for what the first row is.
    pub(super) first_decides: bool,
    /// Calls and results are matched by their ids.
    pub(super) ids: bool,
    /// It finds its files through `dataset_info.json`.
    pub(super) described: bool,
}

use Reads::{AsIs, Told};

const BASE: Trainer = Trainer {
    name: "",
    reads: &[],
    arguments: Arguments::Either,
    tools_as_text: false,
    reasoning: &[],
    flags: &[],
    message_keys: None,
    typed: true,
    rows: 1,
    names: None,
    first_decides: false,
    ids: false,
    described: false,
};

pub(super) static TRL: Trainer = Trainer {
    name: "TRL",
    reads: &[
        (Shape::Messages, AsIs),
        (Shape::PromptCompletion, AsIs),
        (Shape::Text, AsIs),
        (Shape::Preference, AsIs),
        (Shape::PreferencePlain, AsIs),
        (Shape::PreferenceWhole, AsIs),
        (Shape::Unpaired, AsIs),
        (Shape::PreferenceImplicit, AsIs),
        (Shape::Steps, AsIs),
        (
            Shape::Prompt,
            Told(
                "train with GRPO, RLOO or online DPO, where the student answers itself; elsewhere the answers are missing",
            ),
        ),
    ],
    arguments: Arguments::Object,
    tools_as_text: true,
    reasoning: &["thinking"],
    ..BASE
};

pub(super) static AXOLOTL: Trainer = Trainer {
    name: "Axolotl",
    reads: &[
        (Shape::Messages, AsIs),
        (Shape::Alpaca, AsIs),
        (Shape::Text, AsIs),
        (Shape::PreferenceAxolotl, AsIs),
        (
            Shape::Kd,
            Told("add its kd plugin and set type: axolotl.integrations.kd.chat_template.load_legacy"),
        ),
        (
            Shape::KdIds,
            Told("add its kd plugin and set type: axolotl.integrations.kd.chat_template"),
        ),
        (
            Shape::ShareGpt,
            Told(
                "set field_messages: conversations and message_property_mappings: {role: from, content: value}",
            ),
        ),
    ],
    reasoning: &["reasoning_content"],
    flags: &["train", "training", "train_detail"],
    ..BASE
};

pub(super) static LLAMA_FACTORY: Trainer = Trainer {
    name: "LLaMA-Factory",
    reads: &[
        (Shape::ShareGpt, AsIs),
        (Shape::Alpaca, AsIs),
        (Shape::PreferenceShareGpt, AsIs),
        (Shape::UnpairedShareGpt, AsIs),
        (
            Shape::Messages,
            Told("name role_tag, content_tag, user_tag and assistant_tag in dataset_info.json"),
        ),
        (
            Shape::PromptCompletion,
            Told("name the columns in dataset_info.json: prompt is prompt, response is completion"),
        ),
        (
            Shape::PreferencePlain,
            Told("set ranking: true and name the columns prompt, chosen, rejected in dataset_info.json"),
        ),
        (
            Shape::Text,
            Told("name the column in dataset_info.json: prompt is text"),
        ),
        (
            Shape::InputOutput,
            Told("name the columns in dataset_info.json: prompt is input, response is output"),
        ),
        (
            Shape::PreferenceAlpaca,
            Told("set ranking: true and name the columns chosen and rejected in dataset_info.json"),
        ),
        (
            Shape::UnpairedAlpaca,
            Told("name the column kto_tag in dataset_info.json"),
        ),
        (Shape::PreferenceParts, Told("use its v1 data engine")),
    ],
    arguments: Arguments::Text,
    tools_as_text: true,
    flags: &["loss_weight"],
    described: true,
    ..BASE
};

pub(super) static OPENAI: Trainer = Trainer {
    name: "OpenAI",
    reads: &[(Shape::Messages, AsIs), (Shape::PreferenceOpenAi, AsIs)],
    arguments: Arguments::Text,
    message_keys: Some(&[
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "weight",
        "refusal",
    ]),
    typed: false,
    rows: 10,
    flags: &["weight"],
    ids: true,
    ..BASE
};

pub(super) static TOGETHER: Trainer = Trainer {
    name: "Together",
    rows: 1,
    message_keys: None,
    ..hosted()
};

pub(super) static FIREWORKS: Trainer = Trainer {
    name: "Fireworks",
    rows: 1,
    message_keys: None,
    ..hosted()
};

const fn hosted() -> Trainer {
    Trainer {
        reads: &[(Shape::Messages, AsIs), (Shape::PreferenceOpenAi, AsIs)],
        arguments: Arguments::Text,
        flags: &["weight"],
        typed: false,
        ids: true,
        ..BASE
    }
}

pub(super) static TORCHTUNE: Trainer = Trainer {
    name: "torchtune",
    reads: &[
        (Shape::Messages, Told("set conversation_style: openai")),
        (Shape::ShareGpt, Told("set conversation_style: sharegpt")),
        (Shape::Alpaca, AsIs),
        (
            Shape::PromptCompletion,
            Told("set column_map: {input: prompt, output: completion}"),
        ),
        (Shape::InputOutput, AsIs),
        (Shape::Text, AsIs),
        (Shape::PreferenceWhole, AsIs),
    ],
    arguments: Arguments::Unread,
    ..BASE
};

pub(super) static MLX: Trainer = Trainer {
    name: "MLX-LM",
    reads: &[
        (Shape::Messages, AsIs),
        (Shape::PromptCompletion, AsIs),
        (Shape::Text, AsIs),
    ],
    arguments: Arguments::Text,
    typed: false,
    names: Some(&["train.jsonl", "valid.jsonl", "test.jsonl"]),
    first_decides: true,
    ..BASE
};

pub(super) static UNSLOTH: Trainer = Trainer {
    name: "Unsloth",
    reads: &[
        (Shape::Messages, AsIs),
        (Shape::Alpaca, AsIs),
        (Shape::Text, AsIs),
        (
            Shape::ShareGpt,
            Told("call standardize_sharegpt on the dataset first"),
        ),
        (Shape::Preference, AsIs),
        (Shape::PreferencePlain, AsIs),
        (Shape::Unpaired, AsIs),
    ],
    arguments: Arguments::Object,
    tools_as_text: true,
    reasoning: &["thinking"],
    ..BASE
};

impl Trainer {
    /// How it takes that shape, if it does.
    pub(super) fn takes(&self, shape: Shape) -> Option<Reads> {
        let mut known = self.reads.iter();
        known.find(|(known, _)| *known == shape).map(|(_, reads)| *reads)
    }

    /// The format to write for it instead.
    pub(super) fn instead(&self, purpose: Purpose) -> Option<&'static str> {
        let mut same = self.reads.iter().filter(|(shape, _)| shape.purpose() == purpose);
        let (shape, _) = same.next()?;
        Some(match shape {
            Shape::Messages => self.conversation(),
            other => other.format(),
        })
    }

    /// Which of the two formats of messages suits it.
    pub(super) fn conversation(&self) -> &'static str {
        match self.arguments {
            Arguments::Text if self.takes(Shape::Messages) == Some(AsIs) => "openai",
            Arguments::Text if self.described => "sharegpt",
            _ => "messages",
        }
    }
}
