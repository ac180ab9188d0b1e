//! Cassettes: what was recorded comes back byte for byte, read by the wire it was in, and nothing else does.

use std::path::Path;
use std::sync::Arc;

use destilation::core::ports::{ModelProvider, Recorder as _};
use destilation::core::request::RawResponse;
use destilation::core::settings::{ModelSettings, ProviderSettings};
use destilation::providers::{CATALOG, CassetteRecorder};

use crate::{fixture, provider, question, reaction};

fn settings(name: &str, kind: &str) -> ProviderSettings {
    let model = ModelSettings {
        id: "m".into(),
        capabilities: vec!["json".into()],
        weight: 2.0,
        price: None,
        context: Some(9),
    };
    ProviderSettings {
        name: name.into(),
        kind: kind.into(),
        base_url: Some("https://internal.example/v1".into()),
        models: vec![model],
        ..Default::default()
    }
}

fn replay(path: &Path) -> Result<Arc<dyn ModelProvider>, String> {
    let settings = ProviderSettings {
        name: "t".into(),
        kind: "replay".into(),
        cassette: Some(path.to_owned()),
        ..Default::default()
    };
    (CATALOG.find("replay").unwrap().build)(&settings, None).map_err(|error| error.message)
}

/// A cassette of one exchange for each of these: teacher, question, response.
fn record(path: &Path, exchanges: &[(&str, &str, RawResponse)]) {
    let providers = [
        settings("or", "openrouter"),
        settings("claude", "anthropic"),
        settings("local", "ollama"),
        settings("fake", "mock"),
    ];
    let recorder = CassetteRecorder::create(path, &providers).unwrap();
    for (teacher, text, response) in exchanges {
        recorder.record(teacher, &question(text), response).unwrap();
    }
}

#[tokio::test]
async fn every_wire_is_read_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.cassette");
    let exchanges = [
        ("or/deepseek/deepseek-r1", "one", fixture("answer_openrouter")),
        ("claude/claude-x", "two", fixture("answer_claude_tool")),
        ("local/llama3.2", "three", fixture("answer_ollama_thinking")),
    ];
    record(&path, &exchanges);
    let tape = replay(&path).unwrap();
    for ((_, text, recorded), kind) in exchanges.iter().zip(["openrouter", "anthropic", "ollama"]) {
        let response = tape.send(&question(text)).await.unwrap();
        assert_eq!(
            (&response.body, response.status),
            (&recorded.body, recorded.status)
        );
        assert_eq!(
            tape.read(&response).unwrap(),
            provider(kind, |_| {}).read(recorded).unwrap()
        );
        assert_eq!(tape.usage(&response), provider(kind, |_| {}).usage(recorded));
    }
    assert!(tape.probe().await.is_ok());
    assert_eq!(tape.models().await.unwrap().len(), 4);
}

#[tokio::test]
async fn attempts_come_back_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.cassette");
    record(
        &path,
        &[
            ("or/m", "one", fixture("O9_in_flight")),
            ("or/m", "one", fixture("answer_openrouter")),
        ],
    );
    let tape = replay(&path).unwrap();
    let first = tape.send(&question("one")).await.unwrap();
    assert_eq!(
        reaction(&tape.read(&first).unwrap_err()),
        "snooze 3s RateLimit slower"
    );
    for _ in 0..2 {
        let next = tape.send(&question("one")).await.unwrap();
        assert_eq!(tape.read(&next).unwrap().text, "42");
    }
    let error = tape.send(&question("never asked")).await.unwrap_err();
    assert_eq!(reaction(&error), "fail Setup");
    assert!(
        error.message.contains("no recording of this request to m"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_replay_can_be_recorded_again() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (
        directory.path().join("a.cassette"),
        directory.path().join("b.cassette"),
    );
    record(
        &first,
        &[("claude/claude-x", "one", fixture("answer_claude_tool"))],
    );
    let response = replay(&first).unwrap().send(&question("one")).await.unwrap();
    record(&second, &[("claude/claude-x", "one", response.clone())]);
    let again = replay(&second).unwrap().send(&question("one")).await.unwrap();
    assert_eq!(again, response);
}

#[test]
fn a_cassette_holds_no_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.cassette");
    record(&path, &[]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"or\"") && !text.contains("internal.example"));
}

#[tokio::test]
async fn damage_is_told_plainly_and_a_torn_last_line_is_forgiven() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.cassette");
    assert!(replay(&path).err().unwrap().contains("run.cassette"));
    record(&path, &[("or/m", "one", fixture("answer_openrouter"))]);
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"teacher\":\"or/m\",\"finger")).unwrap();
    assert!(replay(&path).unwrap().send(&question("one")).await.is_ok());
    std::fs::write(&path, format!("{whole}garbage\n")).unwrap();
    assert!(
        replay(&path)
            .err()
            .unwrap()
            .contains("line 3 is no recorded exchange")
    );
    std::fs::write(&path, "{\"question\":1}\n").unwrap();
    assert!(replay(&path).err().unwrap().contains("this is no cassette"));
    std::fs::write(&path, "{\"cassette\":9,\"providers\":[]}\n").unwrap();
    assert!(replay(&path).err().unwrap().contains("version 9"));
}
