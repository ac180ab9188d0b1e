//! Configuration: every problem at once with its place, every value with its origin, edits that keep comments, keys that are only read.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests prepare files and may panic"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use destilation::config::{Dirs, Origin, load};
use destilation::core::settings::{KeySource, Settings};
use serde_json::json;

use support::User;

#[path = "config/check.rs"]
mod check;
#[path = "config/edit.rs"]
mod edit;
#[path = "config/secrets.rs"]
mod secrets;
#[path = "config/support.rs"]
mod support;

#[test]
fn with_no_config_at_all_the_defaults_apply() {
    let loaded = User::new().load().unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.files.is_empty() && loaded.warnings.is_empty());
    assert!(
        loaded
            .entries()
            .iter()
            .all(|(_, _, origin)| *origin == Origin::Default)
    );
}

#[test]
fn the_stronger_layer_wins_and_its_origin_is_known() {
    let mut user = User::new()
        .config("[engine]\njobs_at_once = 3\ngrace_seconds = 4\nusd_per_day = 5\n[ui]\ntheme = \"night\"\n")
        .project("[engine]\n  jobs_at_once = 6\n  grace_seconds = 7\n")
        .variable("DESTILER_ENGINE__JOBS_AT_ONCE", "8")
        .variable("DESTILER_UI__MOUSE", "false")
        .variable("DESTILER_DATABASE_URL", "a.db")
        .variable("DESTILER_UI__COLOR", "")
        .variable("DESTILER_EDITOR", "vi");
    user.flags.overrides = vec![
        ("dataset_root".to_owned(), "out".to_owned()),
        ("ui.mouse".to_owned(), "true".to_owned()),
    ];
    let loaded = user.load().unwrap();
    let Settings { engine, ui, .. } = &loaded.settings;
    assert_eq!(
        (engine.jobs_at_once, engine.grace_seconds, engine.usd_per_day),
        (8, 7, Some(5.0))
    );
    assert_eq!(
        (ui.theme.as_str(), ui.mouse, ui.color.as_str()),
        ("night", true, "auto")
    );
    assert_eq!(loaded.settings.database_url.as_deref(), Some("a.db"));
    assert_eq!(loaded.settings.dataset_root.as_deref(), Some(Path::new("out")));
    assert_eq!(loaded.files, [user.project_file(), user.dirs.config_file()]);
    for (key, origin) in [
        ("engine.jobs_at_once", "DESTILER_ENGINE__JOBS_AT_ONCE".to_owned()),
        (
            "engine.grace_seconds",
            format!("{}:3:3", user.project_file().display()),
        ),
        (
            "engine.usd_per_day",
            format!("{}:4:1", user.dirs.config_file().display()),
        ),
        ("ui.mouse", "command line".to_owned()),
        ("ui.color", "default".to_owned()),
    ] {
        assert_eq!(loaded.origin(key).to_string(), origin, "{key}");
    }
    let entries = loaded.entries();
    assert!(entries.contains(&(
        "engine.usd_per_day".to_owned(),
        json!(5.0),
        loaded.origin("engine.usd_per_day")
    )));
}

#[test]
fn providers_merge_by_name() {
    let user = User::new()
        .config(
            "[[providers]]\nname = \"a\"\nkind = \"openai\"\napi_key = { env = \"A\" }\nlimits = { usd = 1, concurrency = 2 }\n\
             models = [{ id = \"x\" }, { id = \"y\" }]\n[[providers]]\nname = \"b\"\nkind = \"mock\"\n",
        )
        .project("[[providers]]\nname = \"c\"\nkind = \"mock\"\n[[providers]]\nname = \"a\"\nlimits = { usd = 3 }\n[[providers.models]]\nid = \"z\"\n");
    let loaded = user.load().unwrap();
    let names: Vec<&str> = loaded
        .settings
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    let a = &loaded.settings.providers[0];
    assert_eq!(
        (a.kind.as_str(), a.limits.usd, a.limits.concurrency),
        ("openai", Some(3.0), Some(2))
    );
    assert_eq!(a.models.len(), 1);
    assert_eq!(a.api_key, Some(KeySource::Env("A".to_owned())));
    assert!(
        loaded
            .origin("providers.a.limits.usd")
            .to_string()
            .ends_with("destiler.toml:6:12")
    );
    assert!(
        loaded
            .origin("providers.a.kind")
            .to_string()
            .ends_with("config.toml:3:1")
    );
    assert!(
        !loaded.origins.contains_key("providers.a.models[1].id"),
        "the models are the project's alone"
    );
}

#[test]
fn another_file_cannot_send_a_key_elsewhere() {
    let user = User::new()
        .config("[[providers]]\nname = \"a\"\nkind = \"openai\"\napi_key = { env = \"A\" }\n")
        .project("[[providers]]\nname = \"a\"\nbase_url = \"https://example.org\"\n");
    assert_eq!(
        user.problems(),
        [
            "project/destiler.toml:3:1: providers.a.base_url: this would send a key from another file elsewhere; say api_key here, too"
        ]
    );
    let own = user.project(
        "[[providers]]\nname = \"a\"\nbase_url = \"https://example.org\"\napi_key = { env = \"B\" }\n",
    );
    assert!(own.load().is_ok());
}

#[test]
fn a_project_file_that_others_can_write_is_not_read() {
    let user = User::new().project("[engine]\njobs_at_once = 9\n");
    fs::set_permissions(user.project_file(), fs::Permissions::from_mode(0o666)).unwrap();
    let loaded = user.load().unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert!(loaded.warnings[0].contains("others can write it"));
}

#[test]
fn every_problem_is_named_with_its_place() {
    let text = r#"
databse_url = "x"
[ui]
color = "trucolor"
mouse = "yes"
[engine]
jobs_at_once = 2.5
grace_seconds = -1
usd_per_day = inf
  jobs = 1
[[providers]]
kind = "openai"
[[providers]]
name = "a"
workers = 5_000_000_000
command = ["x", 1]
models = [{ id = "m", price = { input = 1 } }, "n"]
limits = 3
[[providers]]
name = "a"
"#;
    let problems = User::new().config(text).problems();
    let expected = [
        "2:1: databse_url: unknown key; did you mean `database_url`?",
        "4:9: ui.color: must be one of: auto, truecolor, 256, 16, none; did you mean \"truecolor\"?",
        "5:9: ui.mouse: must be true or false, not a text",
        "7:16: engine.jobs_at_once: must be a whole number, not a number with a fraction",
        "8:17: engine.grace_seconds: must not be negative",
        "9:15: engine.usd_per_day: must be a finite number",
        "10:3: engine.jobs: unknown key; known here: jobs_at_once, usd_per_day, grace_seconds, durability",
        "11:1: providers[0].name: is missing",
        "15:11: providers.a.workers: is too large",
        "16:11: providers.a.command: must be a list of texts: [\"…\", \"…\"]",
        "17:31: providers.a.models[0].price.output: is missing",
        "17:48: providers.a.models: must be a list of tables",
        "18:10: providers.a.limits: must be a table, not a whole number",
        "19:1: providers.a: stands twice in this file",
    ];
    let expected: Vec<String> = expected
        .iter()
        .map(|line| format!("home/destiler/config/config.toml:{line}"))
        .collect();
    assert_eq!(problems, expected);
}

#[test]
fn syntax_errors_are_named_without_the_line_they_are_in() {
    let problems = User::new()
        .config("[ui]\ntheme = \"a\n\n[engine\nx = sk-CANARY-0123456789\n")
        .problems();
    assert!(problems.len() >= 2, "{problems:?}");
    assert!(
        problems[0].starts_with("home/destiler/config/config.toml:2:"),
        "{problems:?}"
    );
    assert!(!problems.concat().contains("CANARY"));
}

#[test]
fn a_key_in_the_config_is_refused_and_never_repeated() {
    for line in [
        "api_key = \"sk-CANARY-0123456789\"",
        "api_key = { env = \"sk-CANARY-0123456789\" }",
        "api_key = { file = \"sk-CANARY-0123456789\" }",
        "api_key = { value = \"sk-CANARY-0123456789\" }",
        "api_key = { env = \"A\", file = \"sk-CANARY-0123456789\" }",
        "api_key = [\"sk-CANARY-0123456789\"]",
        "api_key = { command = \"sk-CANARY-0123456789\" }",
        "apikey = \"sk-CANARY-0123456789\"",
        "token = \"CANARY\"",
        "limits = \"sk-CANARY-0123456789\"",
    ] {
        let user = User::new().config(&format!(
            "[[providers]]\nname = \"a\"\nkind = \"openai\"\n{line}\n"
        ));
        let error = user.load().unwrap_err();
        let shown = format!("{error}\n{error:?}");
        assert!(!shown.contains("CANARY"), "{shown}");
        assert!(shown.contains(":4:"), "{shown}");
        if !line.starts_with("limits") {
            assert!(shown.contains("api_key = {") && shown.contains("0600"), "{shown}");
        }
    }
}

#[test]
fn wrong_variables_and_flags_are_named() {
    let mut user = User::new()
        .variable("DESTILER_ENGINE__JOBS_AT_ONC", "3")
        .variable("DESTILER_UI__MOUSE", "CANARY")
        .variable("DESTILER_PROVIDERS__A__KIND", "x")
        .variable("DESTILER__DATABASE_URL", "x")
        .variable("DESTILER_COLOR", "never");
    user.flags.overrides = vec![
        ("engine.jobs".to_owned(), "x".to_owned()),
        ("providers".to_owned(), "x".to_owned()),
    ];
    let problems = user.problems();
    for (problem, start) in problems.iter().zip([
        "DESTILER_ENGINE__JOBS_AT_ONC: no such config key; did you mean `DESTILER_ENGINE__JOBS_AT_ONCE`?",
        "DESTILER_PROVIDERS__A__KIND: providers are set in a file, not in the environment",
        "DESTILER_UI__MOUSE: ui.mouse: must be true or false",
        "DESTILER__DATABASE_URL: no such config key; did you mean `DESTILER_DATABASE_URL`?",
        "command line: engine.jobs: unknown key",
        "command line: providers: unknown key",
    ]) {
        assert!(problem.starts_with(start), "{problem}");
    }
    assert_eq!(problems.len(), 6);
}

#[test]
fn a_named_file_replaces_the_others_and_must_be_there() {
    let mut user = User::new()
        .config("[ui]\ntheme = \"a\"\n")
        .project("[ui]\ntheme = \"b\"\n");
    let file = user.folder.path().join("my config.toml");
    fs::write(&file, "\u{feff}[engine]\r\njobs_at_once = 0x10\r\n").unwrap();
    user.flags.config = Some(file.clone());
    let loaded = user.load().unwrap();
    assert_eq!(
        (
            loaded.settings.engine.jobs_at_once,
            loaded.settings.ui.theme.as_str()
        ),
        (16, "terminal")
    );
    assert_eq!(loaded.files, [file]);
    user.flags.config = Some("none.toml".into());
    assert!(user.problems()[0].contains("none.toml:1:1: cannot be read"));
}

#[test]
fn odd_paths_and_links_are_read() {
    let mut user = User::new();
    let odd = user.folder.path().join(OsStr::from_bytes(b"\xff odd"));
    fs::create_dir(&odd).unwrap();
    let file = odd.join("config.toml");
    fs::write(&file, "[ui]\ntheme = \"odd\"\n").unwrap();
    symlink(&file, user.dirs.config_file()).unwrap();
    assert_eq!(user.load().unwrap().settings.ui.theme, "odd");
    let cwd = odd.join("x".repeat(200)).join("y".repeat(200));
    fs::create_dir_all(&cwd).unwrap();
    fs::rename(&file, odd.join("destiler.toml")).unwrap();
    fs::remove_file(user.dirs.config_file()).unwrap();
    let loaded = load(&user.flags, &user.variables, &cwd, &user.dirs).unwrap();
    assert_eq!(loaded.settings.ui.theme, "odd");
    user.flags.config = Some(odd.join("destiler.toml"));
    assert!(user.load().is_ok());
    fs::write(odd.join("destiler.toml"), b"\xff").unwrap();
    assert!(user.load().unwrap_err().to_string().contains("is not UTF-8 text"));
}

#[test]
fn a_user_without_a_home_is_told_where_things_go() {
    let user = User::new();
    let dirs = Dirs::below(None, &user.folder.path().join(".destiler"));
    let loaded = load(&user.flags, &user.variables, user.folder.path(), &dirs).unwrap();
    assert!(loaded.warnings[0].contains("no home directory") && loaded.warnings[0].contains(".destiler"));
    let found = Dirs::find(Path::new("/anywhere"));
    assert!(found.config_file().ends_with("config.toml") && found.logs().ends_with("logs"));
}

#[test]
fn paths_refer_to_their_file_and_to_the_home() {
    let text = "dataset_root = \"./out\"\n[[providers]]\nname = \"a\"\napi_key = { file = \"~/a.key\" }\ncassette = \"/c\"\n";
    let user = User::new().config(text);
    let Settings {
        dataset_root,
        providers,
        ..
    } = user.load().unwrap().settings;
    assert_eq!(dataset_root, Some(user.dirs.config.join("out")));
    let home = user.dirs.home.clone().unwrap();
    assert_eq!(providers[0].api_key, Some(KeySource::File(home.join("a.key"))));
    assert_eq!(providers[0].cassette.as_deref(), Some(Path::new("/c")));
    let in_config = user.dirs.config.join("x.db").display().to_string();
    let in_home = format!("sqlite://{}/x.db", home.display());
    for (written, expected) in [
        ("x.db", in_config.as_str()),
        ("sqlite://~/x.db", &in_home),
        ("sqlite::memory:", "sqlite::memory:"),
        ("postgres://host/x", "postgres://host/x"),
    ] {
        fs::write(user.dirs.config_file(), format!("database_url = \"{written}\"")).unwrap();
        let found = user.load().unwrap().settings.database_url;
        assert_eq!(found.as_deref(), Some(expected), "{written}");
    }
}
