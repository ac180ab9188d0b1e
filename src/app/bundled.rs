//! The jobs in the binary, with the seeds and schemas beside them, so that a fresh machine has something to run.

use crate::engine::Bundled;

/// Ready jobs.
pub(super) const JOBS: &[Bundled] = &[
    Bundled {
        name: "quickstart",
        source: include_str!("../../jobs/quickstart.toml"),
    },
    Bundled {
        name: "gsm8k-reasoning",
        source: include_str!("../../jobs/gsm8k-reasoning.toml"),
    },
    Bundled {
        name: "instructions",
        source: include_str!("../../jobs/instructions.toml"),
    },
    Bundled {
        name: "self-instruct",
        source: include_str!("../../jobs/self-instruct.toml"),
    },
    Bundled {
        name: "evol-instruct",
        source: include_str!("../../jobs/evol-instruct.toml"),
    },
    Bundled {
        name: "magpie",
        source: include_str!("../../jobs/magpie.toml"),
    },
    Bundled {
        name: "preference-pairs",
        source: include_str!("../../jobs/preference-pairs.toml"),
    },
    Bundled {
        name: "reasoning-traces",
        source: include_str!("../../jobs/reasoning-traces.toml"),
    },
    Bundled {
        name: "document-qa",
        source: include_str!("../../jobs/document-qa.toml"),
    },
    Bundled {
        name: "function-calls",
        source: include_str!("../../jobs/function-calls.toml"),
    },
    Bundled {
        name: "golden-pairs",
        source: include_str!("../../jobs/golden-pairs.toml"),
    },
    Bundled {
        name: "dialogues",
        source: include_str!("../../jobs/dialogues.toml"),
    },
    Bundled {
        name: "topic-tree",
        source: include_str!("../../jobs/topic-tree.toml"),
    },
    Bundled {
        name: "topic-answers",
        source: include_str!("../../jobs/topic-answers.toml"),
    },
];

/// Files beside them: path as the job files write it, text.
const FILES: &[(&str, &str)] = &[
    (
        "seeds/topics.jsonl",
        include_str!("../../jobs/seeds/topics.jsonl"),
    ),
    ("seeds/gsm8k.jsonl", include_str!("../../jobs/seeds/gsm8k.jsonl")),
    (
        "seeds/instructions.jsonl",
        include_str!("../../jobs/seeds/instructions.jsonl"),
    ),
    ("seeds/tasks.jsonl", include_str!("../../jobs/seeds/tasks.jsonl")),
    ("seeds/tools.jsonl", include_str!("../../jobs/seeds/tools.jsonl")),
    ("seeds/log.jsonl", include_str!("../../jobs/seeds/log.jsonl")),
    ("seeds/handbook.md", include_str!("../../jobs/seeds/handbook.md")),
];

/// A file beside the bundled jobs.
pub(super) fn file(path: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| *text)
}
