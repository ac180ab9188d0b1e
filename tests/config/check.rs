//! What is wrong with settings as a whole, and the example that has nothing wrong with it.

use destilation::config::{EXAMPLE, Origin, check_settings};
use destilation::core::settings::Settings;
use serde_json::Value;

use crate::support::{KINDS, User, settings};

#[test]
fn a_sound_config_has_no_problem() {
    assert_eq!(check_settings(&Settings::default(), KINDS), []);
    assert_eq!(check_settings(&settings(&uncommented()), KINDS), []);
}

#[test]
fn each_unsound_setting_is_found_at_its_key() {
    for (line, key, words) in [
        ("kind = \"opnai\"", "kind", "did you mean `openai`?"),
        ("name = \"A b\"", "name", "small letters"),
        ("name = \"mock\"", "name", "built-in mock"),
        ("base_url = \"ftp://x\"", "base_url", "must begin with https://"),
        ("base_url = \"https://\"", "base_url", "must name a host"),
        ("base_url = \"https://h:0/v1\"", "base_url", "port"),
        ("base_url = \"https://[::g]/v1\"", "base_url", "must name a host"),
        (
            "base_url = \"https://u:CANARY@h/v1\"",
            "base_url",
            "must not hold a user",
        ),
        (
            "base_url = \"https://h/v1?key=CANARY\"",
            "base_url",
            "must not hold a user, a key or a query",
        ),
        ("base_url = \"https://h/ v1\"", "base_url", "blanks"),
        (
            "base_url = \"http://10.0.0.1/v1\"\napi_key = { env = \"A\" }",
            "base_url",
            "unencrypted",
        ),
        (
            "base_url = \"http://localhost.evil.org/\"\napi_key = { env = \"A\" }",
            "base_url",
            "unencrypted",
        ),
        ("models = []", "models", "no teacher"),
        (
            "models = [{ id = \"m\", weight = -1 }]",
            "models[0].weight",
            "negative",
        ),
        (
            "models = [{ id = \"m\" }, { id = \"m\" }]",
            "models[1].id",
            "twice",
        ),
        ("models = [{ id = \" \" }]", "models[0].id", "empty"),
        (
            "models = [{ id = \"m\", context = 0 }]",
            "models[0].context",
            "at least 1",
        ),
        (
            "models = [{ id = \"m\", price = { input = -1, output = 1 } }]",
            "models[0].price.input",
            "negative",
        ),
        (
            "models = [{ id = \"m\", capabilities = [\"\"] }]",
            "models[0].capabilities",
            "empty",
        ),
        ("limits = { concurrency = 0 }", "limits.concurrency", "at least 1"),
        ("limits = { usd = -1 }", "limits.usd", "negative"),
        ("timeout_seconds = 0", "timeout_seconds", "at least 1"),
        ("command = [\"x\"]", "command", "kind = \"script\""),
        ("faults = { \"429\" = 0.5 }", "faults", "kind = \"mock\""),
        ("kind = \"script\"", "command", "is missing"),
        ("kind = \"replay\"", "cassette", "is missing"),
        (
            "kind = \"mock\"\nfaults = { a = 0.7, b = 0.7 }",
            "faults",
            "at most 1",
        ),
        (
            "kind = \"mock\"\nbase_url = \"https://x\"",
            "base_url",
            "means nothing",
        ),
    ] {
        let mut text = "[[providers]]\n".to_owned();
        for default in ["name = \"a\"", "kind = \"openai\"", "models = [{ id = \"m\" }]"] {
            let name = default.split(' ').next().unwrap();
            if !line.lines().any(|line| line.starts_with(name)) {
                text.push_str(default);
                text.push('\n');
            }
        }
        let loaded = User::new().config(&format!("{text}{line}\n")).load().unwrap();
        let problems = loaded.check(KINDS);
        let problem = problems
            .iter()
            .find(|problem| problem.key.ends_with(&format!(".{key}")) && problem.to_string().contains(words));
        let problem = problem.unwrap_or_else(|| panic!("{line}: {problems:?}"));
        assert!(matches!(problem.origin, Origin::File(_)), "{line}: {problem}");
        assert!(!problem.to_string().contains("CANARY"));
    }
    for fine in [
        "http://127.0.0.1:8080/v1",
        "http://[::1]:80",
        "http://localhost",
        "https://h.example:443/v1",
    ] {
        let text = format!(
            "[[providers]]\nname = \"a\"\nkind = \"openai\"\nmodels = [{{ id = \"m\" }}]\napi_key = {{ env = \"A\" }}\nbase_url = \"{fine}\"\n"
        );
        assert_eq!(check_settings(&settings(&text), KINDS), [], "{fine}");
    }
    let mut twice = settings(
        "[engine]\njobs_at_once = 0\nusd_per_day = -1\n[[providers]]\nname = \"a\"\nkind = \"mock\"\n",
    );
    twice.providers.push(twice.providers[0].clone());
    twice.ui.color = "red".to_owned();
    let keys: Vec<String> = check_settings(&twice, KINDS)
        .into_iter()
        .map(|problem| problem.key)
        .collect();
    assert_eq!(
        keys,
        [
            "ui.color",
            "engine.jobs_at_once",
            "engine.usd_per_day",
            "providers.a.name"
        ]
    );
}

/// The example with every setting in force.
fn uncommented() -> String {
    let setting = |line: &str| line.len() > 1 && line.starts_with('#') && !line.starts_with("# ");
    EXAMPLE
        .lines()
        .map(|line| if setting(line) { &line[1..] } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_example_changes_nothing_and_documents_every_key() {
    assert_eq!(settings(EXAMPLE), Settings::default());
    let text = uncommented();
    let all = settings(&text);
    let mut words = vec!["api_key", "faults", "database_url", "dataset_root"];
    let value = serde_json::to_value(&all).unwrap();
    let mut stack = vec![&value];
    while let Some(value) = stack.pop() {
        match value {
            Value::Object(table) => {
                for (name, value) in table {
                    words.push(name);
                    stack.push(value);
                }
            }
            Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
    for word in [
        "timeout_seconds",
        "allow_insecure_http",
        "tokens_per_minute",
        "context",
        "cassette",
        "latency_ms",
        "seed",
        "workers",
        "env",
    ] {
        assert!(words.contains(&word), "{word} is set nowhere in the example");
    }
    for kind in KINDS {
        assert!(
            all.providers.iter().any(|provider| provider.kind == *kind),
            "{kind}"
        );
    }
    for line in EXAMPLE.lines() {
        assert!(line.is_empty() || line.starts_with('#'), "{line}: is in force");
    }
}
