//! The gates over candidates, one file a kind, and [`CATALOG`], the table of them. What becomes of the verdicts is the engine's
//! business.

use crate::core::catalog::{Catalog, Entry};
use crate::core::ports::ValidatorCatalog;

mod child;
mod dedup;
mod expression;
mod field;
mod judge;
mod length;
pub mod near_duplicates;
mod no_control_chars;
mod pattern;
mod refusal;
mod regex;
pub mod schema;
mod score;
mod script;
mod semantic_dedup;
pub mod shingles;
mod structural;
mod truncated;

pub use schema::compile_schema;

/// Every kind of validator, the cheapest first: the order in which a job best names them.
pub static CATALOG: ValidatorCatalog = Catalog(&[
    Entry {
        kind: truncated::KIND,
        summary: "No answer is cut: ended by its token limit, or with an open code fence or open JSON",
        example: "",
        build: truncated::build,
    },
    Entry {
        kind: length::KIND,
        summary: "A text (`field`, or the last answer) has neither too few nor too many characters or words",
        example: "min_chars = 20\nmax_words = 2000",
        build: length::build,
    },
    Entry {
        kind: no_control_chars::KIND,
        summary: "No control, direction, tag or zero-width characters in any answer",
        example: "",
        build: no_control_chars::build,
    },
    Entry {
        kind: refusal::KIND,
        summary: "The teacher did not decline, by the usual words or by `patterns` (regular expressions, regardless of case)",
        example: "patterns = [\"outside my area of expertise\"]",
        build: refusal::build,
    },
    Entry {
        kind: regex::KIND,
        summary: "A text (`field`, or the last answer) matches a regular expression, or does not (`must_match = false`)",
        example: "pattern = 'Answer: \\d+'",
        build: regex::build,
    },
    Entry {
        kind: expression::KIND,
        summary: "A condition over fields and answers, in the template language: `reject_if`, `review_if`, or `accept_if` and nothing else",
        example: "reject_if = \"answer | split | length < 3\"\nbecause = \"too short to teach anything\"",
        build: expression::build,
    },
    Entry {
        kind: structural::KIND,
        summary: "Every answer is there and satisfies its step's JSON Schema",
        example: "",
        build: structural::build,
    },
    Entry {
        kind: dedup::KIND,
        summary: "No two accepted samples are exactly equal, in `fields` or in the seed and all answers",
        example: "fields = [\"question\"]",
        build: dedup::build,
    },
    Entry {
        kind: semantic_dedup::KIND,
        summary: "No two accepted samples are nearly equal: Jaccard over `shingle` words in a row, at least `threshold`",
        example: "field = \"question\"\nthreshold = 0.8",
        build: semantic_dedup::build,
    },
    Entry {
        kind: script::KIND,
        summary: "A program of yours decides: JSON lines on its standard input and output",
        example: "command = [\"python3\", \"check.py\"]\ntimeout_seconds = 30",
        build: script::build,
    },
    Entry {
        kind: judge::KIND,
        summary: "A teacher scores the sample by a rubric: accepted from `accept_at`, for a person from `review_at`",
        example: "capability = \"judge\"\nrubric = \"Is the answer correct, and does every step follow from the one before?\"\n\
                  scale = [1, 5]\naccept_at = 4\nreview_at = 3",
        build: judge::build,
    },
]);
