//! What changed between two texts, line by line, with a little of what stayed around it.

/// Lines that stay around a change.
const AROUND: usize = 3;
/// Texts with more lines than this are not compared line by line.
const MOST: usize = 4_000;

/// A line of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// In both.
    Same(String),
    /// Only in the new one.
    Added(String),
    /// Only in the old one.
    Removed(String),
    /// Lines in both that are left out.
    Skipped(String),
}

/// The changes from one text to another; empty if there are none.
pub(super) fn diff(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    if old == new {
        return Vec::new();
    }
    folded(compare(&old, &new))
}

/// Every line of both, by the longest common subsequence.
fn compare(old: &[&str], new: &[&str]) -> Vec<Line> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..], &new[head..]);
    let tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let same = |line: &&str| Line::Same((*line).to_owned());
    let mut lines: Vec<Line> = old[..head].iter().map(same).collect();
    if a.len().max(b.len()) > MOST {
        lines.extend(a.iter().map(|line| Line::Removed((*line).to_owned())));
        lines.extend(b.iter().map(|line| Line::Added((*line).to_owned())));
    } else {
        middle(a, b, &mut lines);
    }
    lines.extend(old[old.len() - tail..].iter().map(same));
    lines
}

fn middle(a: &[&str], b: &[&str], lines: &mut Vec<Line>) {
    // Length of the longest common subsequence of what follows each pair of places.
    let width = b.len() + 1;
    let mut common = vec![0_u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Same(a[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j >= b.len() || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Removed(a[i].to_owned()));
            i += 1;
        } else {
            lines.push(Line::Added(b[j].to_owned()));
            j += 1;
        }
    }
}

/// The same with long runs of what stayed left out.
fn folded(lines: Vec<Line>) -> Vec<Line> {
    let changed = |line: &Line| !matches!(line, Line::Same(_));
    let near: Vec<bool> = (0..lines.len())
        .map(|at| {
            let from = at.saturating_sub(AROUND);
            let to = (at + AROUND + 1).min(lines.len());
            lines[from..to].iter().any(changed)
        })
        .collect();
    let mut shown = Vec::new();
    let mut skipped = 0;
    let skip = |skipped: &mut usize, shown: &mut Vec<Line>| {
        if *skipped > 0 {
            shown.push(Line::Skipped(format!("… {skipped} lines as before")));
            *skipped = 0;
        }
    };
    for (line, near) in lines.into_iter().zip(near) {
        if near {
            skip(&mut skipped, &mut shown);
            shown.push(line);
        } else {
            skipped += 1;
        }
    }
    skip(&mut skipped, &mut shown);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let line = |line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Added(text) => format!("+{text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Skipped(text) => format!("~{text}"),
        };
        diff(old, new).into_iter().map(line).collect()
    }

    #[test]
    fn changes_are_found_between_what_stayed() {
        assert_eq!(told("a\nb\nc", "a\nx\nc\nd"), [" a", "-b", "+x", " c", "+d"]);
        assert!(told("a\nb", "a\nb").is_empty());
        assert_eq!(told("", "a"), ["+a"]);
        assert_eq!(told("a", ""), ["-a"]);
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let old: Vec<String> = (0..20).map(|line| line.to_string()).collect();
        let mut new = old.clone();
        new[10] = "x".to_owned();
        let told = told(&old.join("\n"), &new.join("\n"));
        assert_eq!(told.first().map(String::as_str), Some("~… 7 lines as before"));
        assert_eq!(told.last().map(String::as_str), Some("~… 6 lines as before"));
        assert_eq!(told.len(), 2 + 6 + 2);
    }

    #[test]
    fn both_texts_can_be_read_from_the_changes() {
        let (old, new) = ("a\nb\nc\nd\ne", "b\nc\nx\ne\nf");
        let lines = compare(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
        let side = |wanted: fn(&Line) -> Option<&str>| {
            lines.iter().filter_map(wanted).collect::<Vec<_>>().join("\n")
        };
        let first = side(|line| match line {
            Line::Same(text) | Line::Removed(text) => Some(text),
            _ => None,
        });
        let second = side(|line| match line {
            Line::Same(text) | Line::Added(text) => Some(text),
            _ => None,
        });
        assert_eq!((first.as_str(), second.as_str()), (old, new));
    }
}
