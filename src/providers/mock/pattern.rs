//! Makes a text that matches a simple regular expression: literals, classes, groups, alternatives, counts. Best effort: what it does not
//! know makes it give up, and the validator has the last word anyway.

use super::dice::Dice;

/// Repetitions of `*` and `+` at most.
const ENOUGH: usize = 6;
/// Repetitions of a written count at most, and nesting.
const LIMIT: usize = 1000;
const DEEPEST: usize = 8;

/// A text that matches, if the expression is simple enough.
pub(super) fn matching(pattern: &str, dice: &mut Dice) -> Option<String> {
    let mut parser = Parser {
        rest: pattern.trim_start_matches('^').chars().collect(),
        at: 0,
    };
    let whole = parser.alternatives(0)?;
    (parser.at == parser.rest.len()).then(|| {
        let mut text = String::new();
        write(&whole, dice, &mut text);
        text
    })
}

/// Alternatives, each a sequence of pieces with their counts.
type Alternatives = Vec<Vec<(Piece, usize, usize)>>;

enum Piece {
    Literal(char),
    Class(Vec<(char, char)>),
    Group(Alternatives),
}

struct Parser {
    rest: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let fits = wanted
            .chars()
            .enumerate()
            .all(|(offset, c)| self.rest.get(self.at + offset) == Some(&c));
        self.at += if fits { wanted.chars().count() } else { 0 };
        fits
    }

    fn alternatives(&mut self, depth: usize) -> Option<Alternatives> {
        if depth > DEEPEST {
            return None;
        }
        let mut all = vec![Vec::new()];
        while let Some(c) = self.peek() {
            match c {
                ')' => break,
                '|' => {
                    self.at += 1;
                    all.push(Vec::new());
                }
                '$' | '^' => self.at += 1,
                _ => {
                    let piece = self.piece(depth)?;
                    let (least, most) = self.count()?;
                    all.last_mut()?.push((piece, least, most));
                }
            }
        }
        Some(all)
    }

    fn piece(&mut self, depth: usize) -> Option<Piece> {
        Some(match self.take()? {
            '(' => {
                if self.skip("?") && !self.skip(":") {
                    return None;
                }
                let inside = self.alternatives(depth + 1)?;
                (self.take()? == ')').then_some(Piece::Group(inside))?
            }
            '[' => Piece::Class(self.class()?),
            '.' => Piece::Class(vec![('a', 'z')]),
            '\\' => match self.take()? {
                c if class_of(c).is_some() => Piece::Class(class_of(c)?),
                c if c.is_ascii_alphanumeric() => return None,
                c => Piece::Literal(c),
            },
            '*' | '+' | '?' => return None,
            c => Piece::Literal(c),
        })
    }

    fn class(&mut self) -> Option<Vec<(char, char)>> {
        if self.peek() == Some('^') {
            return None;
        }
        let mut ranges = Vec::new();
        loop {
            let low = match self.take()? {
                ']' => break,
                '\\' => match self.take()? {
                    c if class_of(c).is_some() => {
                        ranges.extend(class_of(c)?);
                        continue;
                    }
                    c => c,
                },
                c => c,
            };
            let is_range = self.peek() == Some('-') && self.rest.get(self.at + 1).is_some_and(|c| *c != ']');
            let high = if is_range {
                self.at += 1;
                self.take()?
            } else {
                low
            };
            ranges.push((low, high.max(low)));
        }
        (!ranges.is_empty()).then_some(ranges)
    }

    fn count(&mut self) -> Option<(usize, usize)> {
        let count = match self.peek() {
            Some('*') => (0, ENOUGH),
            Some('+') => (1, ENOUGH),
            Some('?') => (0, 1),
            Some('{') => return self.written_count(),
            _ => return Some((1, 1)),
        };
        self.at += 1;
        self.skip("?");
        Some(count)
    }

    fn written_count(&mut self) -> Option<(usize, usize)> {
        let end = self.rest[self.at..].iter().position(|c| *c == '}')? + self.at;
        let text: String = self.rest[self.at + 1..end].iter().collect();
        self.at = end + 1;
        let (least, most) = match text.split_once(',') {
            None => (text.parse().ok()?, text.parse().ok()?),
            Some((least, "")) => (
                least.parse().ok()?,
                least.parse::<usize>().ok()?.saturating_add(ENOUGH),
            ),
            Some((least, most)) => (least.parse().ok()?, most.parse().ok()?),
        };
        (least <= most && least <= LIMIT).then_some((least, most.min(LIMIT)))
    }
}

fn class_of(c: char) -> Option<Vec<(char, char)>> {
    Some(match c {
        'd' => vec![('0', '9')],
        'w' => vec![('a', 'z'), ('0', '9')],
        's' => vec![(' ', ' ')],
        _ => return None,
    })
}

fn write(alternatives: &Alternatives, dice: &mut Dice, text: &mut String) {
    let Some(sequence) = alternatives.get(dice.below(alternatives.len())) else {
        return;
    };
    for (piece, least, most) in sequence {
        let times = least + dice.below((most - least).min(ENOUGH) + 1);
        for _ in 0..times {
            if text.len() > 1 << 16 {
                return;
            }
            match piece {
                Piece::Literal(c) => text.push(*c),
                Piece::Class(ranges) => {
                    let (low, high) = ranges[dice.below(ranges.len())];
                    let code = dice.between(i64::from(u32::from(low)), i64::from(u32::from(high)));
                    text.push(u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(low));
                }
                Piece::Group(inside) => write(inside, dice, text),
            }
        }
    }
}
