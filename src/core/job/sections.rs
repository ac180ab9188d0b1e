//! The smaller tables of a job file: its name, `[seeds]` and `[[validators]]`.

use super::parse::{FORMAT_KINDS, Known, Places, ValidatorPlaces, no_seeds};
use super::read::{Node, Table};
use super::report::{Report, hint, quote};
use super::{Chunk, SeedSource, Seeds};
use crate::core::Row;
use crate::core::catalog::Plug;
use crate::core::imported::Taken;

/// Largest count of rows or tasks that can be asked for.
pub(super) const COUNT_AT_MOST: u64 = 1_000_000_000_000;

/// File names that some systems keep for devices.
const RESERVED: &[&str] = &[
    "con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Words that mean something else inside a template.
const TEMPLATE_WORDS: &[&str] = &[
    "and",
    "caller",
    "debug",
    "dict",
    "elif",
    "else",
    "endfor",
    "endif",
    "false",
    "for",
    "if",
    "in",
    "is",
    "lipsum",
    "loop",
    "namespace",
    "none",
    "not",
    "or",
    "range",
    "self",
    "set",
    "super",
    "true",
];

/// A name that becomes a file or directory: `[a-z0-9-]{1,64}`, with `_` where `underscore` says so.
pub(super) fn file_name(name: &str, underscore: bool) -> Result<(), &'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (underscore && c == '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
        return Err("1 to 64 of a-z, 0-9 and -");
    }
    if RESERVED.contains(&name) {
        return Err("this name is reserved on some systems");
    }
    Ok(())
}

/// A name that templates use as a variable: `[a-z][a-z0-9_]*`, at most 64, in any case where `any_case` says so.
pub(super) fn variable_name(name: &str, any_case: bool) -> Result<(), &'static str> {
    let letter = |c: char| c.is_ascii_lowercase() || (any_case && (c.is_ascii_uppercase() || c == '_'));
    let fits = name.starts_with(letter)
        && name.len() <= 64
        && name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '_');
    if !fits {
        return Err("a letter, then letters, digits and _; at most 64");
    }
    if TEMPLATE_WORDS.contains(&name) {
        return Err("this word means something else in templates");
    }
    Ok(())
}

pub(super) fn name(node: &Node, report: &mut Report) -> Option<String> {
    let name = node.string(report)?;
    if let Err(rule) = file_name(&name, false) {
        let message = format!("{} is no name for a job", quote(&name));
        report.error_with(&node.span, &node.path, message, Some(rule.to_owned()));
    }
    Some(name)
}

pub(super) fn seeds(table: &mut Table, places: &mut Places, known: &Known, report: &mut Report) -> Seeds {
    let node = table.need("seeds", report);
    let Some(mut table) = node.and_then(|node| node.table(report)) else {
        return no_seeds();
    };
    let path = table.get("path");
    places.seeds = path.as_ref().map_or(&table.span, |node| &node.span).clone();
    let rows = table.get("rows");
    let count = table.get("count");
    let job = table.get("job");
    let fields = table.get("fields");
    if let (Some(fields), None) = (&fields, &job) {
        let message = "has no effect: only the rows of another job are made of fields";
        report.error(&fields.span, &fields.path, message);
    }
    let given = [&path, &rows, &count, &job].into_iter().flatten().count();
    if given != 1 {
        let message = format!("exactly one of path, rows, count and job is needed, found {given}");
        report.error(&table.span, &table.path, message);
    }
    let source = None
        .or_else(|| path.and_then(|node| seed_path(&node, known, report)))
        .or_else(|| rows.and_then(|node| seed_rows(&node, report)))
        .or_else(|| {
            let count = count?.whole(1..=COUNT_AT_MOST, report)?;
            Some(SeedSource::Count(count))
        })
        .or_else(|| {
            let name = job?.string(report)?;
            let fields = fields.map_or_else(Vec::new, |node| super::rounds::feed(&node, report));
            Some(SeedSource::Job { name, fields })
        });
    let is_count = matches!(source, Some(SeedSource::Count(_)));
    let is_path = matches!(source, Some(SeedSource::Path(_)));
    let seeds = Seeds {
        source: source.unwrap_or_else(|| no_seeds().source),
        limit: table
            .get("limit")
            .and_then(|node| node.whole(1..=COUNT_AT_MOST, report)),
        shuffle: table
            .get("shuffle")
            .and_then(|node| node.boolean(report))
            .unwrap_or(false),
        repeat: table
            .get("repeat")
            .and_then(|node| node.whole(1..=1_000_000, report))
            .unwrap_or(1),
        chunk: table.get("chunk").and_then(|node| {
            if is_count {
                report.error(&node.span, &node.path, "there are no rows to cut");
            }
            chunk(&node, report)
        }),
        columns: super::columns::columns(&mut table, places, is_count, report),
        taken: taken(&mut table, is_path, report),
    };
    table.finish(report);
    seeds
}

/// How the rows of a dataset are taken apart.
fn taken(table: &mut Table, is_path: bool, report: &mut Report) -> Option<Taken> {
    let format = table.get("format");
    let others = [
        table.get("sha256"),
        table.get("skip_broken"),
        table.get("split_think"),
    ];
    let Some(format) = format else {
        for node in others.into_iter().flatten() {
            let message = "has no effect: only the rows of a dataset, with `format`, are taken apart";
            report.error(&node.span, &node.path, message);
        }
        return None;
    };
    if !is_path {
        report.error(
            &format.span,
            &format.path,
            "has no effect: only a file can hold a dataset",
        );
    }
    let words: Vec<(&str, &str)> = FORMAT_KINDS.iter().map(|kind| (*kind, *kind)).collect();
    let [sha256, skip_broken, split_think] = others;
    let sha256 = sha256.and_then(|node| {
        let digest = node.string(report)?;
        let fits = digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !fits {
            report.error(&node.span, &node.path, "is no SHA-256: 64 hexadecimal digits");
        }
        Some(digest.to_ascii_lowercase())
    });
    let flag = |node: Option<Node>, report: &mut Report| node.and_then(|node| node.boolean(report));
    Some(Taken {
        format: format.word(&words, report)?.to_owned(),
        sha256,
        skip_broken: flag(skip_broken, report).unwrap_or(false),
        split_think: flag(split_think, report).unwrap_or(false),
    })
}

fn seed_path(node: &Node, known: &Known, report: &mut Report) -> Option<SeedSource> {
    let path = node.string(report)?;
    let name = path.rsplit(['/', '\\']).next().unwrap_or(&path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = extension.to_ascii_lowercase();
    if path.is_empty() {
        report.error(&node.span, &node.path, "is empty");
    } else if path != "-"
        && !known.seed_extensions.is_empty()
        && !known.seed_extensions.contains(&extension.as_str())
    {
        let message = format!("no reader for files like {}", quote(name));
        let help = hint(&extension, known.seed_extensions);
        report.error_with(&node.span, &node.path, message, help);
    }
    Some(SeedSource::Path(path))
}

fn seed_rows(node: &Node, report: &mut Report) -> Option<SeedSource> {
    let items = node.list(report)?;
    if items.is_empty() {
        report.error(&node.span, &node.path, "has no row");
    }
    let rows: Vec<Row> = items.iter().filter_map(|item| item.row(report)).collect();
    Some(SeedSource::Rows(rows))
}

fn chunk(node: &Node, report: &mut Report) -> Option<Chunk> {
    let mut table = node.table(report)?;
    let field = table.need("field", report);
    let field = field.and_then(|node| node.string(report));
    let size = table.need("size", report);
    let size = size.and_then(|node| node.whole(1..=10_000_000, report));
    let most = size.map_or(usize::MAX, |size: usize| size / 2);
    let overlap = table.get("overlap");
    let overlap = overlap.map_or(Some(0), |node| node.whole(0..=most, report));
    table.finish(report);
    Some(Chunk {
        field: field?,
        size: size?,
        overlap: overlap?,
    })
}

pub(super) fn validators(table: &mut Table, places: &mut Places, report: &mut Report) -> Vec<Plug> {
    let items = table.get("validators").and_then(|node| node.list(report));
    let mut plugs = Vec::new();
    for node in items.unwrap_or_default() {
        let Some(mut table) = node.table(report) else {
            continue;
        };
        let kind = table.need("kind", report);
        let Some(kind) = kind.and_then(|node| node.string(report)) else {
            continue;
        };
        let mut params = Row::new();
        let mut keys = Vec::new();
        for (key, span, node) in table.entries() {
            if key != "kind"
                && let Some(value) = node.json(report)
            {
                params.insert(key.to_owned(), value);
            }
            keys.push((key.to_owned(), span));
        }
        places.validators.push(ValidatorPlaces {
            path: node.path.clone(),
            table: node.span.clone(),
            keys,
        });
        plugs.push(Plug { kind, params });
    }
    plugs
}
