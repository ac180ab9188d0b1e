//! What a template's source may not hold before anything compiles it: too much text, expressions that nest the compiler to death,
//! and literals multiplied into bombs. It reads tags word by word; the template engine itself judges the grammar.

/// Longest template in bytes.
pub const SOURCE_AT_MOST: usize = 256 << 10;

/// Bytes that multiplied literals of a template may come to.
const REPEATED_AT_MOST: u128 = 64 << 10;

/// Operators and brackets in one tag, and tags in a chain of `elif`: the compiler recurses over both.
const OPERATORS_AT_MOST: usize = 256;

/// Why a source is refused.
pub(super) struct Refusal {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Checks a source.
pub(super) fn check(source: &str) -> Result<(), Refusal> {
    let refuse = |line: usize, message: String| Err(Refusal { line, message });
    if source.len() > SOURCE_AT_MOST {
        return refuse(
            1,
            format!(
                "longer than {} KiB; put long texts into seed fields",
                SOURCE_AT_MOST >> 10
            ),
        );
    }
    let mut repeated = 0;
    let mut branches = 0;
    for (at, tag) in tags(source) {
        let line = || source[..at].matches('\n').count() + 1;
        let measured = measure(tag);
        repeated += measured.repeated;
        branches += usize::from(tag.trim_start_matches(['-', '+', ' ', '\n']).starts_with("elif"));
        if measured.repeats_list {
            return refuse(line(), "lists cannot be multiplied".to_owned());
        }
        if repeated > REPEATED_AT_MOST {
            let most = REPEATED_AT_MOST >> 10;
            return refuse(line(), format!("repeats text to more than {most} KiB"));
        }
        if measured.operators > OPERATORS_AT_MOST || branches > OPERATORS_AT_MOST {
            return refuse(
                line(),
                format!("more than {OPERATORS_AT_MOST} operators or branches in one expression"),
            );
        }
    }
    Ok(())
}

/// Every word (`[A-Za-z_][A-Za-z0-9_]*`) of a text.
pub(super) fn words(source: &str) -> impl Iterator<Item = &str> {
    source
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// Whether a use of the variable is followed by a test or filter that takes a missing one.
pub(super) fn tolerates(source: &str, name: &str) -> bool {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    source.match_indices(name).any(|(at, _)| {
        let after = source[at + name.len()..]
            .trim_start_matches(|c: char| in_word(c) || c == '.')
            .trim_start();
        let whole = !source[..at].ends_with(in_word) && !source[at + name.len()..].starts_with(in_word);
        let mut next = after.split_whitespace();
        let filter = after.strip_prefix('|').map(str::trim_start);
        let takes_missing = match (next.next(), next.next(), next.next()) {
            (Some("is"), Some(test), _) if is_presence(test) => true,
            (Some("is"), Some("not"), Some(test)) => is_presence(test),
            _ => filter.is_some_and(|filter| filter.starts_with("default") || filter.starts_with("d(")),
        };
        whole && takes_missing
    })
}

fn is_presence(test: &str) -> bool {
    test.starts_with("defined") || test.starts_with("undefined")
}

/// The insides of `{{ … }}` and `{% … %}` with their places. An open one reaches to the end.
fn tags(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = source.get(from..)?;
        let open = rest
            .as_bytes()
            .windows(2)
            .position(|pair| pair == b"{{" || pair == b"{%")?;
        let start = from + open + 2;
        let close = if source[from + open..].starts_with("{{") {
            "}}"
        } else {
            "%}"
        };
        let end = end_of(&source[start..], close);
        from = start + end;
        Some((start, &source[start..start + end]))
    })
}

/// Where a tag ends: at its closing mark outside of strings.
fn end_of(text: &str, close: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if text[at..].starts_with(close) => return at,
            Some(_) | None => {}
        }
    }
    text.len()
}

/// Bytes of the string literal at the beginning of a text, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if text.starts_with(c) => return at + 1,
            _ => {}
        }
    }
    text.len()
}

struct Measured {
    /// Bytes that literals multiplied by numbers come to.
    repeated: u128,
    /// Operators, dots, filters and brackets.
    operators: usize,
    /// A list literal is a factor (repeated lists are free of fuel until they become text).
    repeats_list: bool,
}

/// Measures one tag. Brackets are looked through, so that `('a' * 9) * 9` counts as it is.
fn measure(tag: &str) -> Measured {
    let mut repeated = 0;
    let mut operators = 0;
    // The product under way: its factor, the bytes of its literal, whether an operator `*` is open.
    let mut factor: u128 = 1;
    let mut literal: u128 = 0;
    let mut times = false;
    let mut repeats_list = false;
    let mut before = ' ';
    let mut count = |factor: u128, literal: u128| {
        if factor > 1 {
            repeated += factor.saturating_mul(literal).min(1 << 64);
        }
    };
    let mut rest = tag;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' | '\'' => string_length(rest),
            c if c.is_ascii_alphanumeric() || c == '_' => rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let token = &rest[..length];
        rest = &rest[token.len()..];
        repeats_list |= matches!((before, c), (']', '*') | ('*', '['));
        if !c.is_whitespace() {
            before = c;
        }
        let number = token.replace('_', "").parse::<u128>().ok();
        match (c, number) {
            ('*', _) => {
                operators += 1;
                times = true;
                continue;
            }
            ('(' | ')' | '[' | ']', _) => {
                operators += 1;
                continue;
            }
            (c, _) if c.is_whitespace() => continue,
            (_, Some(number)) if times => factor = factor.saturating_mul(number),
            ('"' | '\'', _) if times => literal += token.len() as u128,
            (_, number) => {
                count(factor, literal);
                factor = number.unwrap_or(1);
                literal = if matches!(c, '"' | '\'') {
                    token.len() as u128
                } else {
                    0
                };
                operators += usize::from(
                    "+-~/%|.=!<>{".contains(c)
                        || matches!(token, "and" | "or" | "not" | "in" | "is" | "if" | "else"),
                );
            }
        }
        times = false;
    }
    count(factor, literal);
    Measured {
        repeated,
        operators,
        repeats_list,
    }
}
