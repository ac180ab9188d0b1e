//! Edits: one value or one provider changes, every comment stays.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use destilation::config::{EXAMPLE, EditError, put_provider, remove_provider, set, write_new};
use destilation::core::budget::Price;
use destilation::core::settings::{KeySource, ModelSettings, ProviderLimits, ProviderSettings};
use serde_json::json;

use crate::support::User;

const COMMENTED: &str = "# My config.\n\n[ui] # the screen\ntheme   =  'night'   # dark\nmouse = true\n\n# Teachers\n[[providers]]\nname = \"a\" # first\nkind = \"openai\"\nbase_url = \"https://h/v1\" # the gateway\nallow_insecure_http = false # keep\nlimits = { usd = 2, concurrency = 4 } # careful\n\n# good\n[[providers.models]]\nid = \"m\"\nweight = 1 # as it is\ncontext = 65_536 # big\n\n[[providers.models]]\nid = \"n\"\n\n[engine]\njobs_at_once = 3 # not more\n";

#[test]
fn one_value_changes_and_all_else_stays() {
    let user = User::new().config(COMMENTED);
    let file = user.dirs.config_file();
    set(&file, "ui.theme", &json!("day"), &user.dirs).unwrap();
    set(&file, "engine.jobs_at_once", &json!(3), &user.dirs).unwrap();
    let expected = COMMENTED.replace("'night'", "\"day\"");
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    set(&file, "engine.usd_per_day", &json!(2.5), &user.dirs).unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!("{expected}usd_per_day = 2.5\n")
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(&user.dirs.config).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_provider_changes_in_place() {
    let user = User::new().config(COMMENTED);
    let file = user.dirs.config_file();
    let mut provider = user.load().unwrap().settings.providers[0].clone();
    put_provider(&file, &provider, &user.dirs).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), COMMENTED, "nothing changed");

    provider.base_url = Some("https://other/v1".to_owned());
    provider.limits.usd = Some(5.0);
    provider.models.remove(1);
    provider.models[0].price = Some(Price {
        input: 1.0,
        output: 2.5,
    });
    provider.api_key = Some(KeySource::Env("A_KEY".to_owned()));
    put_provider(&file, &provider, &user.dirs).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(user.load().unwrap().settings.providers, [provider]);
    for line in [
        "base_url = \"https://other/v1\" # the gateway",
        "limits = { usd = 5.0, concurrency = 4 } # careful",
        "weight = 1 # as it is",
        "context = 65_536 # big",
        "# good",
        "api_key = { env = \"A_KEY\" }",
        "jobs_at_once = 3 # not more",
        "allow_insecure_http = false # keep",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("\"n\""));
}

#[test]
fn a_new_provider_in_a_new_file() {
    let user = User::new();
    let file = user.dirs.config.join("deeper/config.toml");
    let provider = ProviderSettings {
        name: "local".to_owned(),
        kind: "openai".to_owned(),
        base_url: Some("http://127.0.0.1/v1".to_owned()),
        limits: ProviderLimits {
            concurrency: Some(2),
            ..ProviderLimits::default()
        },
        models: vec![ModelSettings {
            id: "m".to_owned(),
            capabilities: vec!["json".to_owned()],
            weight: 1.0,
            price: None,
            context: None,
        }],
        ..ProviderSettings::default()
    };
    put_provider(&file, &provider, &user.dirs).unwrap();
    let text = "[[providers]]\nname = \"local\"\nkind = \"openai\"\nbase_url = \"http://127.0.0.1/v1\"\nlimits = { concurrency = 2 }\n\n[[providers.models]]\nid = \"m\"\ncapabilities = [\"json\"]\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    // A second one, and inline models stay inline.
    fs::write(
        &file,
        "[[providers]]\nname = \"b\"\nmodels = [{ id = \"x\" }] # mine\n",
    )
    .unwrap();
    put_provider(&file, &provider, &user.dirs).unwrap();
    let changed = ProviderSettings {
        name: "b".to_owned(),
        ..provider
    };
    put_provider(&file, &changed, &user.dirs).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("models = [{ id = \"m\"") && text.contains("}] # mine"),
        "{text}"
    );
    assert_eq!(text.matches("[[providers]]").count(), 2);
}

#[test]
fn an_edit_that_would_break_the_file_is_refused() {
    let user = User::new().config(COMMENTED);
    let file = user.dirs.config_file();
    for (key, value) in [
        ("ui.theem", json!("x")),
        ("ui.mouse", json!("maybe")),
        ("engine.jobs_at_once", json!(-1)),
        ("providers", json!([])),
    ] {
        let error = set(&file, key, &value, &user.dirs).unwrap_err();
        assert!(matches!(&error, EditError::Invalid(_)), "{key}: {error}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), COMMENTED);
    fs::write(&file, "providers = [{ name = \"a\" }]\nui = 3\n").unwrap();
    assert!(
        set(&file, "ui.theme", &json!("x"), &user.dirs)
            .unwrap_err()
            .to_string()
            .contains("must be a table")
    );
    fs::write(&file, "providers = [{ name = \"a\" }]\n").unwrap();
    let error = put_provider(&file, &ProviderSettings::default(), &user.dirs).unwrap_err();
    assert!(error.to_string().contains("[[providers]]"));
    assert!(matches!(write_new(&file, EXAMPLE), Err(EditError::Io { .. })));
}

#[test]
fn a_linked_config_stays_a_link() {
    let user = User::new();
    let target = user.folder.path().join("dotfiles.toml");
    fs::write(&target, "# mine\n").unwrap();
    symlink(&target, user.dirs.config_file()).unwrap();
    set(&user.dirs.config_file(), "ui.theme", &json!("x"), &user.dirs).unwrap();
    assert!(
        fs::symlink_metadata(user.dirs.config_file())
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::read_to_string(&target).unwrap(),
        "# mine\n\n[ui]\ntheme = \"x\"\n"
    );
}

#[test]
fn a_provider_is_switched_off_and_its_first_model_is_another_with_comments_kept() {
    let user = User::new().config(COMMENTED);
    let file = user.dirs.config_file();
    let mut provider = user.load().unwrap().settings.providers[0].clone();
    provider.disabled = true;
    provider.models.swap(0, 1);
    put_provider(&file, &provider, &user.dirs).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        user.load().unwrap().settings.providers,
        [provider.clone()],
        "{text}"
    );
    for line in [
        "disabled = true",
        "weight = 1 # as it is",
        "# good",
        "name = \"a\" # first",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    provider.disabled = false;
    provider.models.swap(0, 1);
    put_provider(&file, &provider, &user.dirs).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("disabled"), "{text}");
    assert_eq!(user.load().unwrap().settings.providers, [provider]);
}

#[test]
fn a_provider_is_taken_out_and_all_else_stays() {
    let user = User::new().config(&format!(
        "{COMMENTED}\n[[providers]]\nname = \"b\"\nkind = \"mock\" # stays\n"
    ));
    let file = user.dirs.config_file();
    remove_provider(&file, "a", &user.dirs).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    for line in [
        "# My config.",
        "theme   =  'night'   # dark",
        "jobs_at_once = 3 # not more",
        "kind = \"mock\" # stays",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(!text.contains("https://h/v1"), "{text}");
    remove_provider(&file, "b", &user.dirs).unwrap();
    assert!(user.load().unwrap().settings.providers.is_empty());
    remove_provider(&file, "never", &user.dirs).unwrap();
}
