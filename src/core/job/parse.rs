//! Reads a job file and reports every problem of it at once: syntax, shapes, and what does not fit together. It reads no files
//! itself and knows no wing: both come as arguments.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use toml::de::DeTable;

use super::read::Table;
use super::report::{Report, Span, quote};
use super::{Chunk, DatasetSpec, JobSpec, Limits, RouteBy, Seeds};
use crate::core::Row;
use crate::core::catalog::{Plug, PlugError};
use crate::core::imported::Taken;
use crate::core::request::Params;
use crate::core::route::Teacher;

pub use super::report::{Problem, Severity};

/// Longest job file in bytes.
pub const SOURCE_AT_MOST: usize = 16 << 20;

/// What a job file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The job; `None` if a problem is an error.
    pub spec: Option<JobSpec>,
    /// Everything wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// Line and column, from 1, of what says where the seeds are: for problems of the rows themselves.
    pub seeds_at: (usize, usize),
}

/// Fields of a dataset format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatFields<'a> {
    /// The format's kind.
    pub kind: &'a str,
    /// Fields that must be named where any is.
    pub required: &'a [&'a str],
    /// Fields that may be named; `None`: any.
    pub optional: Option<&'a [&'a str]>,
}

/// The formats of the product with their fields (product.md, `[dataset]`): the only list of them.
pub const FORMATS: &[FormatFields<'static>] = &[
    MESSAGES,
    SHAREGPT,
    OPENAI,
    ALPACA,
    PROMPT_COMPLETION,
    TEXT,
    PREFERENCE,
    PREFERENCE_PLAIN,
    PREFERENCE_WHOLE,
    PREFERENCE_AXOLOTL,
    PREFERENCE_SHAREGPT,
    PREFERENCE_OPENAI,
    UNPAIRED,
    UNPAIRED_SHAREGPT,
    KD,
    KD_IDS,
    RAW,
];

/// Their kinds, in the same order.
pub const FORMAT_KINDS: &[&str] = &{
    let mut kinds = [""; FORMATS.len()];
    let mut at = 0;
    while at < FORMATS.len() {
        kinds[at] = FORMATS[at].kind;
        at += 1;
    }
    kinds
};

/// Conversations as TRL reads them.
pub const MESSAGES: FormatFields<'static> = conversation("messages");
/// Conversations as LLaMA-Factory reads them.
pub const SHAREGPT: FormatFields<'static> = conversation("sharegpt");
/// Conversations as OpenAI reads them.
pub const OPENAI: FormatFields<'static> = conversation("openai");
/// Instruction, input and output.
pub const ALPACA: FormatFields<'static> = closed("alpaca", &["instruction", "output"], &["input", "system"]);
/// Prompt and completion.
pub const PROMPT_COMPLETION: FormatFields<'static> =
    closed("prompt_completion", &["prompt", "completion"], &[]);
/// One text.
pub const TEXT: FormatFields<'static> = closed("text", &["text"], &[]);
/// Pairs as TRL reads them: three lists of messages.
pub const PREFERENCE: FormatFields<'static> = pair("preference", &["system"]);
/// Pairs of three texts.
pub const PREFERENCE_PLAIN: FormatFields<'static> = pair("preference_plain", &[]);
/// Pairs as torchtune reads them: two whole conversations.
pub const PREFERENCE_WHOLE: FormatFields<'static> = pair("preference_whole", &["system"]);
/// Pairs as Axolotl reads them: messages and two single ones.
pub const PREFERENCE_AXOLOTL: FormatFields<'static> = pair("preference_axolotl", &["system"]);
/// Pairs as LLaMA-Factory reads them.
pub const PREFERENCE_SHAREGPT: FormatFields<'static> = pair("preference_sharegpt", &["system"]);
/// Pairs as OpenAI reads them.
pub const PREFERENCE_OPENAI: FormatFields<'static> = pair("preference_openai", &["system", "tools"]);
/// Answers with a label as TRL reads them.
pub const UNPAIRED: FormatFields<'static> =
    closed("unpaired", &["prompt", "completion"], &["label", "system"]);
/// Answers with a label as LLaMA-Factory reads them.
pub const UNPAIRED_SHAREGPT: FormatFields<'static> = closed(
    "unpaired_sharegpt",
    &["prompt", "completion"],
    &["label", "system"],
);
/// Conversations with the teacher's most likely tokens, as Axolotl reads them.
pub const KD: FormatFields<'static> = closed("kd", &["user", "assistant"], &["system"]);
/// The same with tokens as numbers.
pub const KD_IDS: FormatFields<'static> = closed("kd_ids", &["user", "assistant"], &["system"]);
/// Everything, under its own names.
pub const RAW: FormatFields<'static> = FormatFields {
    kind: "raw",
    required: &[],
    optional: None,
};

const fn pair(kind: &'static str, optional: &'static [&'static str]) -> FormatFields<'static> {
    closed(kind, &["prompt", "chosen", "rejected"], optional)
}

/// A job's field names as another format calls them: the question and the answer by their place (an answer with two sides gives its
/// better one), the rest by name. What the other format has no name for is left out; only what an instruction is about joins it in the
/// question, since nobody could answer without.
pub fn renamed(fields: &BTreeMap<String, String>, own: &str, other: &str) -> BTreeMap<String, String> {
    let of = |kind: &str| FORMATS.iter().find(|format| format.kind == kind);
    let (Some(own), Some(other)) = (of(own), of(other)) else {
        return BTreeMap::new();
    };
    let answer = |format: &FormatFields<'static>| {
        let at = format.required.len().min(2);
        format.required.get(at.wrapping_sub(1)).copied()
    };
    let question = |format: &FormatFields<'static>| (format.required.len() > 1).then(|| format.required[0]);
    let names = |format: &FormatFields<'static>, name: &str| {
        format.optional.is_some_and(|optional| optional.contains(&name))
    };
    let joined = fields
        .get("input")
        .filter(|_| names(own, "input") && !names(other, "input"));
    let all = other.required.iter().chain(other.optional.unwrap_or_default());
    all.filter_map(|name| {
        let from = if question(other) == Some(*name) {
            question(own)?
        } else if answer(other) == Some(*name) {
            answer(own)?
        } else {
            *name
        };
        let path = fields.get(from)?;
        let path = match joined {
            Some(input) if question(other) == Some(*name) => format!("{path}, {input}"),
            _ => path.clone(),
        };
        Some(((*name).to_owned(), path))
    })
    .collect()
}

const fn conversation(kind: &'static str) -> FormatFields<'static> {
    closed(
        kind,
        &["user", "assistant"],
        &["system", "tools", "turns", "calls"],
    )
}

const fn closed(
    kind: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
) -> FormatFields<'static> {
    FormatFields {
        kind,
        required,
        optional: Some(optional),
    }
}

/// Reads rows to draw from: a path as written, and how many at most.
pub type Pool<'a> = dyn Fn(&str, usize) -> Result<Vec<Row>, String> + 'a;

/// Looks for the fields of a seed file's rows: a path as written, and how its rows are taken apart.
pub type LookAtSeeds<'a> = dyn Fn(&str, Option<&Taken>) -> Option<Vec<String>> + 'a;

/// What the wings know about the words of a job file. Empty lists are not checked against.
#[derive(Clone)]
pub struct Known<'a> {
    /// Kinds of validators.
    pub validators: &'a [&'a str],
    /// Whether a validator can be built from its table.
    pub check_validator: &'a dyn Fn(&Plug) -> Result<(), PlugError>,
    /// Whether a JSON Schema compiles.
    pub check_schema: &'a dyn Fn(&Value) -> Result<(), String>,
    /// Dataset formats.
    pub formats: &'a [FormatFields<'a>],
    /// Whether a format can be built for a job that is otherwise right.
    pub check_format: &'a dyn Fn(&DatasetSpec, &JobSpec) -> Result<(), PlugError>,
    /// Configured teachers.
    pub teachers: &'a [Teacher],
    /// Extensions of seed files, without the dot.
    pub seed_extensions: &'a [&'a str],
    /// Fields of the seed file's rows, where somebody has looked.
    pub seed_fields: Option<Vec<String>>,
    /// Looks for the fields in the seed file at that path, as written, whose rows may be taken apart; `None` if it cannot be read. Not asked for `-`, nor where
    /// `seed_fields` tells.
    pub look_at_seeds: &'a LookAtSeeds<'a>,
    /// Reads the rows of a file to draw from (`choose_from`), by the path as written, up to so many.
    pub pool: &'a Pool<'a>,
}

impl Default for Known<'_> {
    fn default() -> Self {
        Self {
            validators: &[],
            check_validator: &|_| Ok(()),
            check_schema: &|_| Ok(()),
            formats: FORMATS,
            check_format: &|_, _| Ok(()),
            teachers: &[],
            seed_extensions: &[],
            seed_fields: None,
            look_at_seeds: &|_, _| None,
            pool: &|path, _| Err(format!("no file {path}")),
        }
    }
}

/// Where things stand in the file, for problems that are found later.
#[derive(Default)]
pub(super) struct Places {
    pub(super) seeds: Span,
    /// In the order of [`super::Columns::exclude`].
    pub(super) exclude: Vec<Span>,
    /// In the order of [`super::Columns::rename`].
    pub(super) rename: Vec<Span>,
    pub(super) vary: Vec<Span>,
    pub(super) rounds: Span,
    pub(super) steps: Vec<StepPlaces>,
    pub(super) validators: Vec<ValidatorPlaces>,
    pub(super) target: Span,
    pub(super) route: Span,
    pub(super) canary: Span,
    pub(super) quota: Span,
    pub(super) split_by: Span,
    pub(super) select: SelectPlaces,
    pub(super) format: Span,
    /// In the order of [`DatasetSpec::fields`].
    pub(super) fields: Vec<Span>,
}

/// Where the parts of `[dataset.select]` stand.
#[derive(Default)]
pub(super) struct SelectPlaces {
    pub(super) table: Span,
    pub(super) near: Span,
    pub(super) stratified: Span,
    pub(super) score: Span,
}

/// Where the parts of a step stand.
pub(super) struct StepPlaces {
    /// `steps.<name>`, or `steps.<number>`.
    pub(super) path: String,
    pub(super) name: Span,
    pub(super) capability: Span,
    pub(super) teachers: Vec<Span>,
    pub(super) system: Span,
    pub(super) prompt: Span,
    pub(super) when: Span,
    pub(super) candidates: Span,
    pub(super) on_invalid: Span,
    pub(super) turns: Span,
    pub(super) given: Span,
}

/// Where a validator and its keys stand.
pub(super) struct ValidatorPlaces {
    /// `validators.<number>`.
    pub(super) path: String,
    pub(super) table: Span,
    pub(super) keys: Vec<(String, Span)>,
}

impl ValidatorPlaces {
    /// The place of a key, or of the table.
    pub(super) fn of(&self, key: &str) -> &Span {
        let found = self.keys.iter().find(|(name, _)| name == key);
        found.map_or(&self.table, |(_, span)| span)
    }
}

/// Reads files that the job file names (`schema_file`), by the path as written.
pub type Files<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads a job file.
pub fn parse(source: &str, files: Files, known: &Known) -> Parsed {
    let mut report = Report::new(source);
    if source.len() > SOURCE_AT_MOST {
        let most = SOURCE_AT_MOST >> 20;
        let message = format!("the file is longer than {most} MiB; put rows into a seed file");
        report.error(&(0..0), "", message);
    } else {
        match DeTable::parse(source) {
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let mut message = error.message().replace('\n', " ");
                if message == "duplicate key" {
                    let key = source.get(span.clone()).unwrap_or_default();
                    message = format!("{} stands here for the second time", quote(key));
                }
                report.error(&span, "", message);
            }
            Ok(document) => {
                let (spec, places) = read(document.get_ref(), files, known, &mut report);
                super::check::check(&spec, &places, known, &mut report);
                let sound = report.errors() == 0;
                return Parsed {
                    seeds_at: report.place(&places.seeds),
                    problems: report.finish(),
                    spec: sound.then_some(spec),
                };
            }
        }
    }
    Parsed {
        spec: None,
        problems: report.finish(),
        seeds_at: (1, 1),
    }
}

/// The job as far as it can be read: whatever is wrong is reported, and a default stands in its place.
fn read(document: &DeTable, files: Files, known: &Known, report: &mut Report) -> (JobSpec, Places) {
    let mut places = Places::default();
    let mut table = Table::document(document);
    let name = table.need("name", report);
    let name = name.and_then(|node| super::sections::name(&node, report));
    let text = |node: super::read::Node, report: &mut Report| node.string(report);
    places.route = table.place("route");
    let quota;
    let spec = JobSpec {
        name: name.unwrap_or_default(),
        description: table
            .get("description")
            .and_then(|node| text(node, report))
            .unwrap_or_default(),
        tags: table
            .get("tags")
            .and_then(|node| node.strings(report))
            .unwrap_or_default(),
        priority: table
            .get("priority")
            .and_then(|node| node.whole(i64::MIN..=i64::MAX, report))
            .unwrap_or_default(),
        random_seed: table
            .get("random_seed")
            .and_then(|node| node.whole(0..=u64::MAX, report))
            .unwrap_or_default(),
        route: table
            .get("route")
            .and_then(|node| {
                let words = [("weights", RouteBy::Weights), ("yield", RouteBy::Yield)];
                node.word(&words, report)
            })
            .unwrap_or_default(),
        seeds: super::sections::seeds(&mut table, &mut places, known, report),
        vary: super::vary::vary(&mut table, &mut places, known, report),
        rounds: super::rounds::rounds(&mut table, &mut places, report),
        defaults: defaults(&mut table, report),
        steps: super::steps::steps(&mut table, &mut places, files, known, report),
        validators: super::sections::validators(&mut table, &mut places, report),
        target: {
            let (target, classes) = super::target::target(&mut table, &mut places, report);
            quota = classes;
            target
        },
        quota,
        limits: table
            .get("limits")
            .and_then(|node| node.table(report))
            .map_or_else(Limits::default, |table| {
                places.canary = table.place("canary");
                super::limits::limits(table, report)
            }),
        dataset: super::dataset::dataset(&mut table, &mut places, report),
    };
    table.finish(report);
    (spec, places)
}

fn defaults(table: &mut Table, report: &mut Report) -> Params {
    let Some(mut table) = table.get("defaults").and_then(|node| node.table(report)) else {
        return Params::default();
    };
    let params = super::limits::params(&mut table, report);
    table.finish(report);
    params
}

/// A schema as steps keep it.
pub(super) type Schema = Arc<Value>;

/// A table that is not there, so that everything after it can still be checked.
pub(super) fn no_seeds() -> Seeds {
    Seeds {
        source: super::SeedSource::Path(String::new()),
        limit: None,
        shuffle: false,
        repeat: 1,
        chunk: None::<Chunk>,
        columns: super::Columns::default(),
        taken: None,
    }
}
