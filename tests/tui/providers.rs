//! The providers screen by behaviour: pictures, and the stories of adding, changing, testing and taking one away.

use destilation::core::api::Command;
use destilation::core::directory::ProviderChange;
use destilation::core::settings::{KeySource, ProviderSettings};
use destilation::tui::Message;

use crate::canned::Says;
use crate::pictures;
use crate::world::Hand;

#[test]
fn the_screen() {
    pictures("providers", Says::Everything, "5");
    pictures("providers_script", Says::Everything, "5jj");
    pictures("providers_open", Says::Everything, "5<enter>");
    pictures("providers_tested", Says::Everything, "5t");
    pictures("providers_filter", Says::Everything, "5/oll");
    pictures("providers_empty", Says::Nothing, "5");
    pictures("providers_loading", Says::Silence, "5<wait>");
    pictures("providers_error", Says::Failure, "5<wait>");
    pictures("providers_delete", Says::Everything, "5D<wait>");
}

#[test]
fn the_models() {
    pictures("models", Says::Everything, "5mj");
    pictures("models_filter", Says::Everything, "5m/lma");
    pictures("models_price", Says::Everything, "5mp");
}

#[test]
fn the_wizard() {
    pictures("provider_kind", Says::Everything, "5nj");
    pictures("provider_connection", Says::Everything, "5n<enter><tab>");
    pictures("provider_script", Says::Everything, "5njjj<enter><tab>");
    pictures("provider_protocol", Says::Everything, "5njjj<enter><ctrl-o>");
    pictures(
        "provider_key",
        Says::Everything,
        "5nj<enter><enter><enter><enter><enter>",
    );
    pictures(
        "provider_key_refused",
        Says::Everything,
        "5nj<enter><enter><enter><enter><enter><enter><ctrl-u>sk-or",
    );
    pictures(
        "provider_test",
        Says::Everything,
        "5e<enter><enter><enter><enter><enter>",
    );
    pictures(
        "provider_test_ok",
        Says::Everything,
        "5e<enter><enter><enter><enter><enter><enter>",
    );
    pictures(
        "provider_limits",
        Says::Everything,
        "5jjje<enter><enter><enter><enter><enter><enter><enter><enter>",
    );
}

/// What was saved last.
fn saved(hand: &Hand) -> ProviderSettings {
    let last = hand.orders.iter().rev().find_map(|order| match order {
        Command::SaveProvider(settings) => Some((**settings).clone()),
        _ => None,
    });
    last.unwrap_or_else(|| panic!("nothing was saved: {:?}", hand.orders))
}

fn hand() -> Hand {
    Hand::new(80, 24, Says::Everything)
}

#[test]
fn an_openai_server_is_added_step_by_step() {
    let mut hand = hand();
    // Kind, name as proposed, address, timeout, no plain http; key from the proposed variable; test; a model; limits.
    hand.keys("5n<enter><enter>http://127.0.0.1:8080/v1<enter><enter><enter>");
    assert!(hand.screen().contains("the key is in"), "{}", hand.screen());
    hand.keys("<enter><enter><enter>");
    assert!(matches!(hand.orders[..], [Command::TestSettings(_)]));
    assert!(hand.screen().contains("offers 5 models"), "{}", hand.screen());
    hand.keys("<enter>j<space><enter>8<enter><enter><enter><enter><enter><enter>");
    let settings = saved(&hand);
    assert_eq!(
        (settings.name.as_str(), settings.kind.as_str()),
        ("openai", "openai")
    );
    assert_eq!(settings.base_url.as_deref(), Some("http://127.0.0.1:8080/v1"));
    assert_eq!(settings.api_key, None, "a server of one's own needs none");
    assert_eq!(settings.models[0].id, "qwen/qwen3-235b-a22b");
    assert_eq!(settings.limits.concurrency, Some(8));
    assert!(hand.screen().contains("Providers"), "back at the list");
}

#[test]
fn openrouter_proposes_its_variable_and_says_whose_key_it_is() {
    let mut hand = hand();
    hand.keys("5nj<enter><enter><enter><enter><enter>");
    assert!(
        hand.screen().contains("uses $OPENROUTER_API_KEY (…c41f)"),
        "{}",
        hand.screen()
    );
    hand.keys("<enter><ctrl-u>OTHER_KEY");
    assert!(
        hand.screen().contains("$OTHER_KEY is not set"),
        "{}",
        hand.screen()
    );
    hand.keys("<enter><enter><enter><space><ctrl-s>");
    let settings = saved(&hand);
    assert_eq!(settings.name, "openrouter-2", "the name was taken");
    assert_eq!(settings.api_key, Some(KeySource::Env("OTHER_KEY".to_owned())));
}

#[test]
fn a_script_ollama_and_a_mock_are_added() {
    let mut hand = hand();
    hand.keys("5njjj<enter><enter>python3 'my teacher.py'<enter>MY_TOKEN<enter>2<enter><enter>");
    hand.keys("<enter><enter>amy-model<enter><ctrl-s>");
    let script = saved(&hand);
    assert_eq!(script.command, ["python3", "my teacher.py"]);
    assert_eq!(
        (script.workers, &script.env[..]),
        (Some(2), &["MY_TOKEN".to_owned()][..])
    );
    assert_eq!(script.models[0].id, "my-model");
    hand.keys("njj<enter><enter><enter><enter><enter><enter><enter>");
    hand.keys("<enter><enter><space><ctrl-s>");
    let ollama = saved(&hand);
    assert_eq!((ollama.kind.as_str(), ollama.api_key), ("ollama", None));
    hand.keys("njjjj<enter><enter>20<enter><enter><ctrl-s>");
    let mock = saved(&hand);
    assert_eq!((mock.name.as_str(), mock.latency_ms), ("mock-2", Some(20)));
}

#[test]
fn what_was_found_is_added_with_few_keys_and_ignored_with_one() {
    let mut hand = hand();
    hand.keys("5");
    assert!(
        hand.screen().contains("Found OPENAI_API_KEY."),
        "{}",
        hand.screen()
    );
    hand.keys("i");
    assert!(!hand.screen().contains("Found OPENAI_API_KEY."));
    assert!(hand.orders.is_empty(), "nothing is used silently");
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("5a<space><ctrl-s>");
    let settings = saved(&hand);
    assert_eq!(
        settings.api_key,
        Some(KeySource::Env("OPENAI_API_KEY".to_owned()))
    );
    assert_eq!(settings.models.len(), 1);
}

#[test]
fn a_key_typed_or_pasted_anywhere_is_refused_and_shown_nowhere() {
    let canary = "sk-or-v1-CANARY0123456789abcdef";
    for script in [
        "5nj<enter>",
        "5nj<enter><enter>",
        "5nj<enter><enter><enter><enter><enter><enter><ctrl-u>",
        "5K<enter><ctrl-u>",
        "5njjj<enter><enter>",
    ] {
        for pasted in [true, false] {
            let mut hand = hand();
            hand.keys(script);
            if pasted {
                hand.send(Message::Paste(canary.to_owned()));
            } else {
                hand.keys(canary);
            }
            let screen = hand.screen();
            assert!(!screen.contains("CANARY"), "{script}\n{screen}");
            assert!(screen.contains("environment"), "{script}\n{screen}");
            hand.keys("<ctrl-s><wait>");
            for order in &hand.orders {
                assert!(!format!("{order:?}").contains("CANARY"), "{script}: {order:?}");
            }
        }
    }
}

#[test]
fn on_off_weight_and_models_are_changed_at_once_and_taken_back() {
    let mut hand = hand();
    hand.keys("5<space>u+");
    let change = |order: &Command| match order {
        Command::ChangeProvider { name, change } => (name.clone(), change.clone()),
        other => panic!("{other:?}"),
    };
    let changes: Vec<_> = hand.orders.iter().map(change).collect();
    let enabled = |enabled| ProviderChange {
        enabled: Some(enabled),
        ..ProviderChange::default()
    };
    assert_eq!(changes[0], ("openrouter".to_owned(), enabled(false)));
    assert_eq!(changes[1].1, enabled(true));
    assert_eq!(
        changes[2].1.weights[0],
        ("deepseek/deepseek-v3.2".to_owned(), 4.0)
    );
    hand.keys("mj<enter>");
    assert_eq!(saved(&hand).models[0].id, "openai/gpt-oss-120b");
    hand.keys("c<ctrl-u>judge json<enter>");
    assert_eq!(saved(&hand).models[0].capabilities, ["judge", "json"]);
    hand.keys("p<ctrl-u>0.5 two<enter>");
    assert!(hand.screen().contains("two numbers"), "{}", hand.screen());
    hand.keys("<ctrl-u>0.5 1.5<enter>");
    assert_eq!(saved(&hand).models[0].price.map(|price| price.output), Some(1.5));
}

#[test]
fn tests_say_what_they_cost_and_run_side_by_side() {
    let mut hand = hand();
    hand.keys("5<enter>");
    assert!(
        hand.screen().contains("t tests it: under $0.0001"),
        "{}",
        hand.screen()
    );
    hand.keys("<enter>T");
    let tests = hand
        .orders
        .iter()
        .filter(|order| matches!(order, Command::TestProvider(_)));
    assert_eq!(tests.count(), 5);
    assert!(
        hand.screen().contains("answered in 412 ms for $0.0000"),
        "{}",
        hand.screen()
    );
}

#[test]
fn deleting_one_with_a_history_wants_its_name_and_the_built_in_one_stays() {
    let mut hand = hand();
    hand.keys("5D<wait>y<enter>");
    assert!(hand.orders.is_empty(), "the name was not typed");
    hand.keys("<esc>D<wait>openrouter<enter>");
    assert_eq!(hand.orders, [Command::RemoveProvider("openrouter".to_owned())]);
    hand.keys("GD<wait>");
    assert!(!hand.model.asks(), "the mock is built in");
    hand.keys("kD<wait>y");
    assert_eq!(hand.orders.len(), 2, "without a history a yes is enough");
}

#[test]
fn a_draft_is_not_lost_without_a_question() {
    let mut hand = hand();
    hand.keys("5n<enter>x<esc><esc>");
    assert!(hand.model.asks(), "{}", hand.screen());
    hand.keys("<wait>n");
    assert!(hand.screen().contains("Kind"));
    hand.keys("<esc><wait>y");
    assert!(hand.screen().contains("providers ·"), "{}", hand.screen());
    assert!(hand.orders.is_empty());
}
