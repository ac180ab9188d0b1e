//! The directory in a home of its own: what is written, what is refused, what is found, and that no key gets anywhere.

#![expect(clippy::disallowed_methods, reason = "the tests read what was written")]

use super::*;

const CANARY: &str = "sk-or-v1-CANARY0123456789abcdef0123";

fn directory(home: &Path) -> Directory {
    let variables = BTreeMap::from([("OPENROUTER_API_KEY".to_owned(), CANARY.to_owned())]);
    Directory {
        variables,
        flags: Flags::default(),
        cwd: home.to_owned(),
        dirs: Dirs::below(Some(home.to_owned()), home),
        redactor: Redactor::new(&[]).unwrap(),
        mock_latency_ms: None,
        asked: true,
        known: Mutex::default(),
        memory: Mutex::default(),
    }
}

fn provider(source: KeySource) -> ProviderSettings {
    ProviderSettings {
        name: "openrouter".to_owned(),
        kind: "openrouter".to_owned(),
        api_key: Some(source),
        models: vec![ModelSettings {
            id: "a/b".to_owned(),
            capabilities: Vec::new(),
            weight: 1.0,
            price: None,
            context: None,
        }],
        ..ProviderSettings::default()
    }
}

/// Everything below a directory.
fn all(directory: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&all(&path));
        } else {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    text
}

#[tokio::test]
async fn a_provider_is_saved_changed_and_removed_and_its_key_is_in_no_file() {
    let home = tempfile::tempdir().unwrap();
    let directory = directory(home.path());
    let settings = provider(KeySource::Env("OPENROUTER_API_KEY".to_owned()));
    assert_eq!(directory.origin("openrouter"), None);
    let configured = directory.save(&settings).await.unwrap();
    assert_eq!(configured.providers[0], settings);
    assert!(!configured.mock_by_default);
    assert_eq!(configured.providers[1].name, "mock");
    assert!(directory.origin("openrouter").unwrap().ends_with("config.toml"));
    assert_eq!(
        directory.key(&settings),
        KeyState::Set {
            ending: Some("0123".to_owned())
        }
    );
    assert!(directory.build(&settings).await.is_ok());
    let change = ProviderChange {
        enabled: Some(false),
        weights: vec![("a/b".to_owned(), 3.0)],
    };
    let configured = directory.change("openrouter", &change).await.unwrap();
    assert!(configured.providers[0].disabled);
    assert!((configured.providers[0].models[0].weight - 3.0).abs() < 1e-9);
    directory.keep_test(
        &settings,
        LastTest {
            message: format!("401 for {CANARY}"),
            ..LastTest::default()
        },
    );
    directory.keep_offer(&settings, Vec::new());
    assert!(!directory.tested(&settings).unwrap().message.contains("CANARY"));
    let text = all(home.path());
    assert!(
        text.contains("OPENROUTER_API_KEY") && !text.contains("CANARY"),
        "{text}"
    );
    assert!(directory.remove("openrouter").await.unwrap().mock_by_default);
}

#[tokio::test]
async fn a_key_in_the_place_of_a_reference_is_refused_and_not_repeated() {
    let home = tempfile::tempdir().unwrap();
    let directory = directory(home.path());
    let mut address = provider(KeySource::Env("A".to_owned()));
    address.base_url = Some(format!("https://h/v1?key={CANARY}"));
    let mut script = provider(KeySource::Env("A".to_owned()));
    script.command = vec!["teach".to_owned(), CANARY.to_owned()];
    for settings in [
        provider(KeySource::Env(CANARY.to_owned())),
        provider(KeySource::File(CANARY.into())),
        provider(KeySource::Command(vec!["echo".to_owned(), CANARY.to_owned()])),
        address,
        script,
    ] {
        let failure = directory.save(&settings).await.unwrap_err();
        let told = format!("{failure:?}");
        assert!(
            told.contains("environment variable") && !told.contains("CANARY"),
            "{told}"
        );
    }
    assert_eq!(all(home.path()), "", "nothing was written");
}

#[tokio::test]
async fn what_is_found_is_offered_once_it_is_not_configured() {
    let home = tempfile::tempdir().unwrap();
    let directory = directory(home.path());
    let labels = |found: Vec<FoundProvider>| -> Vec<String> {
        let found = found.into_iter().filter(|found| found.settings.kind != "ollama");
        found.map(|found| found.label).collect()
    };
    assert_eq!(labels(directory.found().await), ["OPENROUTER_API_KEY"]);
    let settings = provider(KeySource::Env("OPENROUTER_API_KEY".to_owned()));
    directory.save(&settings).await.unwrap();
    assert!(labels(directory.found().await).is_empty());
    assert!(!directory.kinds().iter().any(|kind| kind.kind == "replay"));
}

#[tokio::test]
async fn the_last_offer_is_remembered_of_the_endpoint_that_made_it() {
    let home = tempfile::tempdir().unwrap();
    let first = directory(home.path());
    let settings = provider(KeySource::Env("OPENROUTER_API_KEY".to_owned()));
    first.save(&settings).await.unwrap();
    let model = ModelInfo {
        id: "a/b".to_owned(),
        context: Some(8),
        price: None,
        capabilities: Vec::new(),
    };
    first.keep_offer(&settings, vec![model.clone()]);
    let later = directory(home.path());
    assert_eq!(later.offered(&settings).unwrap().models, [model]);
    let elsewhere = ProviderSettings {
        base_url: Some("https://elsewhere/v1".to_owned()),
        ..settings
    };
    assert_eq!(later.offered(&elsewhere), None);
}
