//! The figures of a job's report as lines: bars of lengths and classes, and a judge's marks with what each would let through. Pure; the
//! tab around them is [`super::report`]'s.

use crate::core::api::{Calibrated, Unanimity};
use crate::core::diversity::Diversity;
use crate::core::review::calibration::Mark;
use crate::core::text::grouped;

use crate::tui::text::{fit, share, wrap};
use crate::tui::theme::Slot;

/// One row: texts with their colours, one after the other.
pub(super) type Line = Vec<(String, Slot)>;

/// Columns of the words before figures.
const HEAD: usize = 11;
/// Columns from which on a judge's marks have all their figures.
const WHOLE: usize = 56;

fn line(text: impl Into<String>, slot: Slot) -> Line {
    vec![(text.into(), slot)]
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// A word, and behind it what there is to say, in as many rows as that takes.
fn said(head: &str, text: &str, width: usize, lines: &mut Vec<Line>) {
    for (row, part) in wrap(text, width.saturating_sub(HEAD + 1)).into_iter().enumerate() {
        let head = if row == 0 { head } else { "" };
        lines.push(vec![(format!("{head:<HEAD$} "), Slot::Muted), (part, Slot::Fg)]);
    }
}

/// How varied a dataset is.
pub(super) fn dataset(figures: &Diversity, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut samples = format!("{} samples", grouped(figures.samples));
    for (why, count) in &figures.left_out {
        samples = format!("{samples} · {} left out by {why}", grouped(*count));
    }
    said("dataset", &samples, width, &mut lines);
    let [one, two, three] = figures.distinct.map(percent);
    let distinct = format!("{one} of words · {two} of pairs · {three} of triples");
    said("distinct", &distinct, width, &mut lines);
    let near = figures.near_duplicates as f64 / figures.looked_at.max(1) as f64;
    let twins = format!(
        "{} ({}) at similarity {}",
        grouped(figures.near_duplicates),
        percent(near),
        figures.threshold
    );
    said("near dups", &twins, width, &mut lines);
    if figures.looked_at < figures.samples {
        let over = format!("both over {} samples, evenly spread", grouped(figures.looked_at));
        said("", &over, width, &mut lines);
    }
    let [least, median, most] = figures.words.map(grouped);
    lines.push(Line::new());
    lines.push(vec![
        ("Words of a text".to_owned(), Slot::Title),
        (format!("  {least} to {most}, median {median}"), Slot::Muted),
    ]);
    let named = |(from, samples): &(u64, u64)| {
        let name = match from {
            0 => "none".to_owned(),
            1 => "1".to_owned(),
            from => format!("{} to {}", grouped(*from), grouped(from * 2 - 1)),
        };
        (name, *samples)
    };
    let lengths: Vec<(String, u64)> = figures.lengths.iter().map(named).collect();
    bars(&lengths, figures.samples, width, &mut lines);
    for (field, values) in &figures.classes {
        lines.push(Line::new());
        lines.push(line(field.clone(), Slot::Title));
        bars(values, figures.samples, width, &mut lines);
    }
    lines
}

/// A bar a value: the longest for the most frequent.
fn bars(values: &[(String, u64)], all: u64, width: usize, lines: &mut Vec<Line>) {
    let most = values.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let name = (width / 3).clamp(10, 28);
    // Two cells before the name, count and share behind it.
    let room = width.saturating_sub(2 + name + 10 + 8 + 1);
    for (value, count) in values {
        let value = value.replace(char::is_control, " ");
        let cells = (*count as f64 / most as f64 * room as f64).ceil() as usize;
        let shown = fit(&value, name).into_owned();
        let pad = name.saturating_sub(unicode_width::UnicodeWidthStr::width(shown.as_str()));
        lines.push(vec![
            (format!("  {shown}{}", " ".repeat(pad)), Slot::Fg),
            (format!("{:>10}", grouped(*count)), Slot::Fg),
            (format!("{:>8} ", share(*count, all)), Slot::Muted),
            ("█".repeat(cells.min(room)), Slot::Chart1),
        ]);
    }
}

/// Every judge: how far it agrees with itself and with persons, and what its marks let through.
pub(super) fn judges(found: &[&Calibrated], agreed: &[Unanimity], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for calibrated in found {
        if !lines.is_empty() {
            lines.push(Line::new());
        }
        let many = found.len() > 1;
        let own = agreed.iter().find(|one| one.judge == calibrated.judge);
        judge(calibrated, own, many, width, &mut lines);
    }
    lines
}

fn judge(calibrated: &Calibrated, own: Option<&Unanimity>, many: bool, width: usize, lines: &mut Vec<Line>) {
    let found = &calibrated.found;
    if many {
        lines.push(line(format!("Judge {}", calibrated.judge), Slot::Title));
    }
    if let Some(own) = own {
        let what = if own.both_orders {
            "say the same in both orders"
        } else {
            "of a panel decide alike"
        };
        let text = format!(
            "{} {what}, over {} samples",
            percent(own.agreement),
            grouped(own.judged)
        );
        said("agreement", &text, width, lines);
    }
    if found.labelled == 0 {
        said("by hand", "nothing with a score of this judge yet", width, lines);
        let help = "Decide about some samples blindly: 4 reviews them. What you say is held against what the judge said.";
        for part in wrap(help, width) {
            lines.push(line(part, Slot::Muted));
        }
        return;
    }
    let by_hand = format!(
        "{} samples with a score, {} of them good",
        grouped(found.labelled),
        grouped(found.good)
    );
    said("by hand", &by_hand, width, lines);
    let left_out = [
        (calibrated.edited, "changed by a person"),
        (calibrated.unscored, "without a score"),
    ];
    for (count, why) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        said("", &format!("{} {why}, left out", grouped(count)), width, lines);
    }
    if let Some(now) = &found.now {
        let text = format!(
            "accept_at {}: κ {}, precision {}, recall {}",
            number(now.at),
            optional(now.kappa),
            between(now.precision, now.precision_between),
            between(now.recall, now.recall_between)
        );
        said("now", &text, width, lines);
    }
    let precision = found.wanted.precision;
    let likely = mark(found.wanted.reached.as_ref());
    let certain = mark(found.wanted.certain.as_ref());
    let text = format!("likely {likely}, certain {certain}");
    said(&format!("for {precision}"), &text, width, lines);
    lines.push(Line::new());
    marks(calibrated, width, lines);
}

/// Every mark with its figures; the job's own and those for the wanted precision stand out.
fn marks(calibrated: &Calibrated, width: usize, lines: &mut Vec<Line>) {
    let found = &calibrated.found;
    let whole = width >= WHOLE;
    let counts = if whole { " ACCEPTED    GOOD" } else { "" };
    lines.push(line(
        format!("    FROM{counts}  PREC  95 %       RECALL     κ"),
        Slot::Muted,
    ));
    let is =
        |other: Option<&Mark>, mark: &Mark| other.is_some_and(|other| other.at.total_cmp(&mark.at).is_eq());
    for mark in &found.marks {
        let (low, high) = mark.precision_between;
        let good = mark.confusion.good_accepted;
        let counts = if whole {
            format!(
                "{:>9}{:>8}",
                grouped(good + mark.confusion.bad_accepted),
                grouped(good)
            )
        } else {
            String::new()
        };
        let figures = format!(
            "{:>6}{counts}{:>6}  {low:.2}–{high:.2}{:>8}{:>6}",
            number(mark.at),
            optional(mark.precision),
            optional(mark.recall),
            optional(mark.kappa)
        );
        let (glyph, slot) = match mark {
            mark if is(found.wanted.certain.as_ref(), mark) => ("✓", Slot::Ok),
            mark if is(found.wanted.reached.as_ref(), mark) => ("≈", Slot::Warn),
            mark if is(found.now.as_ref(), mark) => ("▸", Slot::Accent),
            _ => (" ", Slot::Fg),
        };
        lines.push(vec![(format!("{glyph} "), slot), (figures, slot)]);
    }
    lines.push(line("▸ now   ≈ likely   ✓ certain", Slot::Muted));
}

fn number(at: f64) -> String {
    let text = format!("{at:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn optional(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{:.2}", figure + 0.0))
}

fn between(figure: Option<f64>, (low, high): (f64, f64)) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) => format!("{figure:.2} ({low:.2}–{high:.2})"),
    }
}

fn mark(mark: Option<&Mark>) -> String {
    mark.map_or_else(
        || "with no mark".to_owned(),
        |mark| format!("from {} on", number(mark.at)),
    )
}
