//! The steps of adding a provider: which fields each has, and how they become settings. Pure; the screen is `wizard`.

use std::path::PathBuf;

use crate::core::api::ProviderKind;
use crate::core::settings::{KeySource, ProviderSettings};

use super::form::{Form, Row, choice, text};

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Which kind.
    Kind,
    /// Where it is.
    Connection,
    /// Where its key is found.
    Key,
    /// Whether it answers.
    Test,
    /// Which models are teachers.
    Models,
    /// How much at once, a minute, in all.
    Limits,
}

impl Step {
    /// The steps of a kind, in order.
    pub(super) fn of(kind: &str) -> Vec<Self> {
        let all = [
            Self::Kind,
            Self::Connection,
            Self::Key,
            Self::Test,
            Self::Models,
            Self::Limits,
        ];
        let needed = |step: &Self| match step {
            Self::Key => !matches!(kind, "script" | "mock"),
            Self::Models => kind != "mock",
            _ => true,
        };
        all.into_iter().filter(needed).collect()
    }

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kind => "Kind",
            Self::Connection => "Connection",
            Self::Key => "Key",
            Self::Test => "Test",
            Self::Models => "Models",
            Self::Limits => "Limits",
        }
    }
}

const SOURCES: [&str; 4] = ["variable", "file", "command", "none"];

fn number<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The form of a step. The name can only be given to a new provider: samples carry it.
pub(super) fn form(step: Step, settings: &ProviderSettings, kind: &ProviderKind, new: bool) -> Form {
    Form::of(match step {
        Step::Connection => connection(settings, kind, new),
        Step::Key => key(settings, kind),
        Step::Limits => limits(settings),
        Step::Kind | Step::Test | Step::Models => Vec::new(),
    })
}

fn connection(settings: &ProviderSettings, kind: &ProviderKind, new: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    if new {
        let help = "small letters, digits and -; jobs and samples name it";
        rows.push(text("name", "name", &settings.name, help));
    }
    match settings.kind.as_str() {
        "script" => {
            let command = joined(&settings.command);
            rows.push(text(
                "command",
                "command line",
                &command,
                "python3 plugins/teacher.py   (ctrl-o shows how it talks)",
            ));
            let env = settings.env.join(" ");
            rows.push(text(
                "env",
                "variables",
                &env,
                "names of the variables it gets besides PATH and LANG",
            ));
            rows.push(text(
                "workers",
                "workers",
                &number(settings.workers),
                "processes at once; 1",
            ));
        }
        "mock" => {
            rows.push(text(
                "latency_ms",
                "latency in ms",
                &number(settings.latency_ms),
                "time to answer; 0",
            ));
            rows.push(text(
                "seed",
                "seed",
                &number(settings.seed),
                "changes its answers; 0",
            ));
            return rows;
        }
        _ => {
            let base = kind.base_url.clone().unwrap_or_default();
            let written = settings.base_url.clone().unwrap_or_default();
            rows.push(text(
                "base_url",
                "base URL",
                &written,
                format!("{base} where nothing is written"),
            ));
        }
    }
    let timeout = number(settings.timeout_seconds);
    rows.push(text(
        "timeout_seconds",
        "timeout in seconds",
        &timeout,
        "longest wait for one answer; 600",
    ));
    if settings.kind != "script" {
        let now = if settings.allow_insecure_http { "yes" } else { "no" };
        let help = "←→ or space: send a key over plain http to another machine";
        rows.push(choice("insecure", "insecure http", &["no", "yes"], now, help));
    }
    rows
}

fn key(settings: &ProviderSettings, kind: &ProviderKind) -> Vec<Row> {
    let (source, value) = match &settings.api_key {
        Some(KeySource::Env(name)) => ("variable", name.clone()),
        Some(KeySource::File(path)) => ("file", path.display().to_string()),
        Some(KeySource::Command(words)) => ("command", joined(words)),
        None if kind.key_variable.is_some() && settings.base_url.is_none() => {
            ("variable", kind.key_variable.clone().unwrap_or_default())
        }
        None => ("none", String::new()),
    };
    vec![
        choice(
            "source",
            "the key is in",
            &SOURCES,
            source,
            "←→ or space: an environment variable (recommended), a file of yours (0600), what a command prints, or there is none",
        ),
        text(
            "value",
            "name, path, command",
            &value,
            "only where it is found; the key itself stays there",
        ),
    ]
}

fn limits(settings: &ProviderSettings) -> Vec<Row> {
    let limits = &settings.limits;
    vec![
        text(
            "concurrency",
            "requests at once",
            &number(limits.concurrency),
            "as many as jobs ask for",
        ),
        text(
            "requests_per_minute",
            "requests a minute",
            &number(limits.requests_per_minute),
            "no limit",
        ),
        text(
            "tokens_per_minute",
            "tokens a minute",
            &number(limits.tokens_per_minute),
            "no limit",
        ),
        text(
            "usd",
            "USD in all",
            &number(limits.usd),
            "no cap; over the life of the database",
        ),
        text("requests", "requests in all", &number(limits.requests), "no cap"),
        text("tokens", "tokens in all", &number(limits.tokens), "no cap"),
    ]
}

/// What is wrong: the row, and why.
type Wrong = (usize, String);

/// Takes the fields into the settings.
pub(super) fn apply(step: Step, form: &Form, settings: &mut ProviderSettings) -> Result<(), Wrong> {
    for (at, row) in form.rows.iter().enumerate() {
        let value = row.field.text().trim();
        let wrong = |why: String| (at, why);
        match row.name {
            "name" => {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                if value.is_empty() || !value.bytes().all(plain) {
                    return Err(wrong("small letters, digits and - only".to_owned()));
                }
                value.clone_into(&mut settings.name);
            }
            "base_url" => settings.base_url = address(value).map_err(wrong)?,
            "insecure" => settings.allow_insecure_http = value == "yes",
            "timeout_seconds" => settings.timeout_seconds = whole(value).map_err(wrong)?,
            "command" => {
                settings.command = words(value).map_err(wrong)?;
                if settings.command.is_empty() {
                    return Err(wrong("a program and its arguments".to_owned()));
                }
            }
            "env" => {
                settings.env = value
                    .split([' ', ','])
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            "workers" => settings.workers = small(value).map_err(wrong)?,
            "latency_ms" => settings.latency_ms = whole(value).map_err(wrong)?,
            "seed" => settings.seed = whole(value).map_err(wrong)?,
            "concurrency" => settings.limits.concurrency = small(value).map_err(wrong)?,
            "requests_per_minute" => settings.limits.requests_per_minute = small(value).map_err(wrong)?,
            "tokens_per_minute" => settings.limits.tokens_per_minute = whole(value).map_err(wrong)?,
            "usd" => settings.limits.usd = amount(value).map_err(wrong)?,
            "requests" => settings.limits.requests = whole(value).map_err(wrong)?,
            "tokens" => settings.limits.tokens = whole(value).map_err(wrong)?,
            _ => {}
        }
    }
    if step == Step::Key {
        settings.api_key = source(form)?;
    }
    Ok(())
}

/// The reference to the key.
fn source(form: &Form) -> Result<Option<KeySource>, Wrong> {
    let value = form.value("value");
    let wrong = |why: &str| Err((1, why.to_owned()));
    Ok(match form.value("source") {
        "variable" => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if value.is_empty()
                || !value.bytes().all(plain)
                || value.starts_with(|c: char| c.is_ascii_digit())
            {
                return wrong("the name of an environment variable: letters, digits and _");
            }
            Some(KeySource::Env(value.to_owned()))
        }
        "file" if value.is_empty() => return wrong("the path of a file of mode 0600"),
        "file" => Some(KeySource::File(PathBuf::from(value))),
        "command" => match words(value) {
            Ok(words) if !words.is_empty() => Some(KeySource::Command(words)),
            _ => return wrong("a program and its arguments; its first line is the key"),
        },
        _ => None,
    })
}

fn address(value: &str) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    if !value.starts_with("https://") && !value.starts_with("http://") {
        return Err("an address: https://host/v1, or http://127.0.0.1:8080/v1".to_owned());
    }
    if value.contains(['?', '@']) {
        return Err("no user, password or query: keys belong elsewhere".to_owned());
    }
    Ok(Some(value.to_owned()))
}

fn whole(value: &str) -> Result<Option<u64>, String> {
    let plain = value.replace(['_', ',', ' '], "");
    if plain.is_empty() {
        return Ok(None);
    }
    plain
        .parse()
        .map(Some)
        .map_err(|_| "a whole number, or nothing".to_owned())
}

fn small(value: &str) -> Result<Option<u32>, String> {
    match whole(value)? {
        None => Ok(None),
        Some(0) => Err("at least 1, or nothing".to_owned()),
        Some(number) => u32::try_from(number)
            .map(Some)
            .map_err(|_| "a smaller number".to_owned()),
    }
}

fn amount(value: &str) -> Result<Option<f64>, String> {
    let plain = value.trim_start_matches('$');
    if plain.is_empty() {
        return Ok(None);
    }
    let number: Option<f64> = plain.parse().ok();
    let good = number.filter(|number| number.is_finite() && *number >= 0.0);
    good.map(Some)
        .ok_or_else(|| "an amount such as 2.50, or nothing".to_owned())
}

/// A command line as words: blanks part them, quotes hold them together.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (' ' | '\t', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(format!("a quotation {open} is not closed")),
        None => Ok(words),
    }
}

/// The line that [`words`] reads.
fn joined(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && !word.contains([' ', '"', '\'', '\t']) {
            word.clone()
        } else if word.contains('"') {
            format!("'{word}'")
        } else {
            format!("\"{word}\"")
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_read_as_it_is_shown() {
        for line in ["python3 plugins/teacher.py", "sh -c \"echo a  b\"", "a '\"' \"\""] {
            let read = words(line).unwrap();
            assert_eq!(words(&joined(&read)).unwrap(), read, "{line}");
        }
        assert_eq!(words("sh -c \"echo a  b\"").unwrap()[2], "echo a  b");
        assert!(words("a \"b").is_err());
    }

    #[test]
    fn fields_become_settings_and_back() {
        let mut settings = ProviderSettings {
            name: "p".to_owned(),
            kind: "openai".to_owned(),
            ..ProviderSettings::default()
        };
        let kind = ProviderKind::default();
        let mut limits = form(Step::Limits, &settings, &kind, true);
        limits.paste("8");
        limits.at = 3;
        limits.paste("$2.5\n");
        apply(Step::Limits, &limits, &mut settings).unwrap();
        assert_eq!(
            (settings.limits.concurrency, settings.limits.usd),
            (Some(8), Some(2.5))
        );
        let mut connection = form(Step::Connection, &settings, &kind, true);
        connection.at = 1;
        connection.paste("host:80");
        assert_eq!(
            apply(Step::Connection, &connection, &mut settings).unwrap_err().0,
            1
        );
    }

    #[test]
    fn a_key_leaves_its_field_at_once() {
        let settings = ProviderSettings::default();
        let kind = ProviderKind {
            key_variable: Some("A_KEY".to_owned()),
            ..ProviderKind::default()
        };
        for secret in ["sk-or-v1-CANARY", "abcdefghij0123456789CANARY"] {
            let mut form = form(Step::Key, &settings, &kind, true);
            form.at = 1;
            form.delete_to_start();
            form.paste(secret);
            assert_eq!(form.value("value"), "");
            assert!(form.wrong.is_some());
        }
    }
}
