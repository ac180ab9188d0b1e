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
];

/// A file beside the bundled jobs.
pub(super) fn file(path: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, text)| *text)
}
