//! Reads the paths out of Rust source: tokens without comments and literals, `use` trees made flat, `super` resolved.
//!
//! It is no parser: it knows nothing of types, macros' output or conditional compilation.

/// A path somebody wrote, with `super` resolved: it starts with `crate` or with the name of another crate.
pub struct Named {
    /// Its segments, in order; a glob ends with `*`.
    pub segments: Vec<String>,
    /// Where it is written, from 1.
    pub line: usize,
    imported: bool,
}

impl Named {
    /// The top-level module this path enters, if it stays in this crate.
    pub fn inside_crate(&self) -> Option<&str> {
        match self.segments[0].as_str() {
            "crate" | "destilation" => Some(self.segments.get(1).map_or("", String::as_str)),
            _ => None,
        }
    }

    /// Whether this path names `banned` or something in it, or imports a module or glob through which it could be named.
    pub fn reaches(&self, banned: &str) -> bool {
        let banned: Vec<&str> = banned.split("::").collect();
        let own: Vec<&str> = self
            .segments
            .iter()
            .map(String::as_str)
            .filter(|segment| !matches!(*segment, "*" | "self"))
            .collect();
        own.starts_with(&banned) || (self.imported && banned.starts_with(&own))
    }
}

/// Every path of a file, those in `use` trees one by one.
pub fn paths(tokens: &[Token], modules: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut scope = modules.to_vec();
    let mut braces: Vec<bool> = Vec::new();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "{" => {
                let opens_module = at >= 2 && text(at - 2) == "mod";
                if opens_module {
                    scope.push(text(at - 1).to_owned());
                }
                braces.push(opens_module);
                at += 1;
            }
            "}" => {
                if braces.pop() == Some(true) {
                    scope.pop();
                }
                at += 1;
            }
            // `use<'a>` in a return type captures lifetimes and imports nothing.
            "use" if text(at + 1) != "<" => {
                let mut written = Vec::new();
                at = use_tree(tokens, at + 1, &mut Vec::new(), &mut written);
                for (segments, line) in written {
                    resolve(segments, line, true, &scope, &mut found);
                }
            }
            word if is_word(word) && text(at + 1) == "::" => {
                let line = tokens[at].line;
                let mut segments = vec![word.to_owned()];
                while text(at + 1) == "::" && is_word(text(at + 2)) {
                    segments.push(text(at + 2).to_owned());
                    at += 2;
                }
                at += 1;
                resolve(segments, line, false, &scope, &mut found);
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads one use tree, pushes its flat paths, and returns where it ends.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    written: &mut Vec<(Vec<String>, usize)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or(";", |token| token.text.as_str());
    let depth = prefix.len();
    loop {
        match text(at) {
            "::" => at += 1,
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | ";") {
                    at = use_tree(tokens, at, prefix, written);
                    if text(at) == "," {
                        at += 1;
                    }
                }
                at += usize::from(text(at) == "}");
                break;
            }
            "as" => at += 2,
            word if word == "*" || is_word(word) => {
                prefix.push(word.to_owned());
                if text(at + 1) != "::" {
                    written.push((prefix.clone(), tokens[at].line));
                }
                at += 1;
            }
            // `,` `}` `;` end this tree; anything else is no use tree at all and is stepped over.
            "," | "}" | ";" => break,
            _ => {
                at += 1;
                break;
            }
        }
    }
    prefix.truncate(depth);
    at
}

/// Turns `self` and `super` into a path from `crate`; drops what stays below the own module.
fn resolve(segments: Vec<String>, line: usize, imported: bool, scope: &[String], found: &mut Vec<Named>) {
    let first = segments[0].as_str();
    if first != "super" && first != "self" {
        if segments.len() > 1 || imported {
            found.push(Named {
                segments,
                line,
                imported,
            });
        }
        return;
    }
    let ups = segments.iter().filter(|segment| *segment == "super").count();
    let rest = segments
        .into_iter()
        .filter(|segment| segment != "super" && segment != "self");
    let base = &scope[..scope.len().saturating_sub(ups)];
    let whole = std::iter::once("crate".to_owned())
        .chain(base.iter().cloned())
        .chain(rest)
        .collect();
    found.push(Named {
        segments: whole,
        line,
        imported,
    });
}

/// A word or a mark of Rust, with its line. Comments are gone, literals are one empty token.
pub struct Token {
    /// The word or mark; empty for a literal.
    pub text: String,
    /// Where it stands, from 1.
    pub line: usize,
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Splits Rust into tokens: enough of the lexer to leave out comments and literals, nested and raw ones too.
pub fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    let see = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let start = at;
        let text = match (see(at), see(at + 1)) {
            ('/', '/') => {
                while at < chars.len() && see(at) != '\n' {
                    at += 1;
                }
                None
            }
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (see(at), see(at + 1)) {
                        ('/', '*') => (depth, at) = (depth + 1, at + 2),
                        ('*', '/') => (depth, at) = (depth - 1, at + 2),
                        _ => at += 1,
                    }
                    if depth == 0 || at >= chars.len() {
                        break;
                    }
                }
                None
            }
            ('"', _) => {
                at = end_of_string(&chars, at);
                Some(String::new())
            }
            ('\'', next) => {
                if next == '\\' || see(at + 2) == '\'' {
                    at += if next == '\\' { 3 } else { 2 };
                    while at < chars.len() && see(at) != '\'' {
                        at += 1;
                    }
                }
                at += 1;
                Some(String::new())
            }
            (first, _) if first.is_alphanumeric() || first == '_' => {
                while see(at).is_alphanumeric() || see(at) == '_' {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                match (word.as_str(), see(at)) {
                    ("r" | "br" | "cr", '"' | '#') if raw_hashes(&chars, at).is_some() => {
                        at = end_of_raw_string(&chars, at);
                        Some(String::new())
                    }
                    ("b" | "c", '"') => {
                        at = end_of_string(&chars, at);
                        Some(String::new())
                    }
                    ("r", '#') => {
                        at += 1; // a raw identifier: the word itself follows
                        None
                    }
                    _ => Some(word),
                }
            }
            (':', ':') => {
                at += 2;
                Some("::".to_owned())
            }
            (mark, _) => {
                at += 1;
                (!mark.is_whitespace()).then(|| mark.to_string())
            }
        };
        if let Some(text) = text {
            found.push(Token { text, line });
        }
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|mark| **mark == '\n').count();
    }
    found
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// How many `#` stand before the quote of a raw string, or `None` if this is no raw string.
fn raw_hashes(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|mark| **mark == '#').count();
    (chars.get(at + hashes) == Some(&'"')).then_some(hashes)
}

fn end_of_raw_string(chars: &[char], at: usize) -> usize {
    let hashes = raw_hashes(chars, at).unwrap_or_default();
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take(hashes).filter(|m| **m == '#').count() == hashes
    };
    let mut at = at + hashes + 1;
    while at < chars.len() && !closes(at) {
        at += 1;
    }
    at + hashes + 1
}
