//! The gates over candidates, one file a kind, and [`CATALOG`], the table of them. What becomes of the verdicts is the engine's
//! business.

use crate::core::catalog::{Catalog, Entry};
use crate::core::ports::ValidatorCatalog;

mod calls;
mod child;
mod compare;
mod decontaminate;
mod dedup;
mod embedding_dedup;
mod expected;
mod expression;
mod field;
mod finding;
mod judge;
mod language;
mod lcs;
mod length;
pub mod near_duplicates;
mod near_groups;
mod no_control_chars;
mod overlaps;
mod panel;
mod pattern;
mod pii;
mod reference;
mod refusal;
mod regex;
mod rouge_l;
pub mod schema;
mod score;
mod script;
mod secrets;
mod semantic_dedup;
pub mod shingles;
mod structural;
mod test_items;
mod truncated;
pub mod vectors;
mod words;

pub use near_groups::near_groups;
pub use reference::{BundledText, read_bundled_with, read_tables_with};
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
        kind: language::KIND,
        summary: "A text (`field`, or the last answer) is in one of the languages of `accept`; too short ones are `undecided`",
        example: "accept = [\"en\"]\nmin_chars = 20\nundecided = \"accept\"",
        build: language::build,
    },
    Entry {
        kind: pii::KIND,
        summary: "No e-mail address, phone number, IBAN, payment card or IP address in any text: `action` is warn, review or reject",
        example: "find = [\"email\", \"phone\", \"iban\", \"card\", \"ip\"]\naction = \"review\"",
        build: pii::build,
    },
    Entry {
        kind: secrets::KIND,
        summary: "No key, token or private key of a well-known shape in any text: `action` is warn, review or reject",
        example: "action = \"reject\"",
        build: secrets::build,
    },
    Entry {
        kind: structural::KIND,
        summary: "Every answer is there and satisfies its step's JSON Schema",
        example: "",
        build: structural::build,
    },
    Entry {
        kind: calls::KIND,
        summary: "Every call (`field`, or those of the answers) names a function of `tools`, with arguments that its schema takes",
        example: "field = \"call.answers\"\ntools = \"tools\"",
        build: calls::build,
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
        kind: rouge_l::KIND,
        summary: "No accepted sample follows another one, or a text of a file in `against`, word by word: ROUGE-L above `threshold`",
        example: "field = \"question\"\nthreshold = 0.7",
        build: rouge_l::build,
    },
    Entry {
        kind: decontaminate::KIND,
        summary: "No sample quotes a test set (`n` words in a row) or nearly is one of its items (`fuzzy` per cent)",
        example: "against = [\"bench.jsonl\"]\nn = 13\nfuzzy = 95",
        build: decontaminate::build,
    },
    Entry {
        kind: script::KIND,
        summary: "A program of yours decides: JSON lines on its standard input and output",
        example: "command = [\"python3\", \"check.py\"]\ntimeout_seconds = 30",
        build: script::build,
    },
    Entry {
        kind: embedding_dedup::KIND,
        summary: "No two accepted samples mean the same: cosine of the vectors that `teacher` gives, at least `threshold`",
        example: "field = \"question\"\nteacher = \"local/embeddings\"\nthreshold = 0.9",
        build: embedding_dedup::build,
    },
    Entry {
        kind: judge::KIND,
        summary: "A teacher scores the sample by a rubric: accepted from `accept_at`, for a person from `review_at`; or prefers a text to another, `against`, in both orders",
        example: "capability = \"judge\"\nrubric = \"Is the answer correct, and does every step follow from the one before?\"\n\
                  scale = [1, 5]\naccept_at = 4\nreview_at = 3",
        build: judge::build,
    },
]);
