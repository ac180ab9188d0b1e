//! What should not be in training data whatever its quality: the wrong language, personal data, keys. Nothing that is found is repeated.

use destilation::core::sample::{Decision, Reason};
use serde_json::json;

use super::{answer, build, build_error, candidate, candidate_of, check, rejected};

const GERMAN: &str = "Der Mond zieht das Wasser an, und deshalb steigt die Flut zweimal am Tag.";
const ENGLISH: &str = "The moon pulls the water towards itself, and so the tide rises twice a day.";

#[tokio::test]
async fn a_text_in_another_language_is_rejected_by_name() {
    let validator = build("language", "accept = ['en', 'fra']");
    assert_eq!(rejected(&validator, &candidate(ENGLISH)).await, None);
    let french = "La lune attire l'eau, et c'est pourquoi la marée monte deux fois par jour.";
    assert_eq!(rejected(&validator, &candidate(french)).await, None);
    let verdict = check(&validator, &candidate(GERMAN)).await;
    assert_eq!(verdict.reason, Some(Reason::Language));
    let evidence = verdict.evidence.unwrap();
    assert!(
        evidence.starts_with("the last answer is German (de), by "),
        "{evidence}"
    );
    assert!(evidence.ends_with("; wanted: en, fr"), "{evidence}");
    assert!(verdict.score.unwrap() > 0.9);
    let japanese = "月が水を引くので、潮は一日に二回満ちます。海の高さはこうして変わります。";
    assert_eq!(
        rejected(&validator, &candidate(japanese)).await,
        Some(Reason::Language)
    );
    let by_seed = build("language", "accept = ['en']\nfield = 'question'");
    assert_eq!(
        rejected(&by_seed, &candidate_of(1, 0, GERMAN, ENGLISH)).await,
        Some(Reason::Language)
    );
}

#[tokio::test]
async fn what_is_too_short_or_code_stays_undecided() {
    let lax = build("language", "accept = ['en']");
    let strict = build("language", "accept = ['en']\nundecided = 'review'");
    for text in [
        "42",
        "Ja, natürlich.",
        "```\nfür alle dinge in der welt gilt dieses\n```\nok",
    ] {
        let verdict = check(&lax, &candidate(text)).await;
        assert_eq!(verdict.decision, Decision::Accept, "{text}");
        assert!(verdict.evidence.unwrap().contains("too few to tell"), "{text}");
        assert_eq!(
            check(&strict, &candidate(text)).await.decision,
            Decision::Review,
            "{text}"
        );
    }
    let short = build("language", "accept = ['en']\nmin_chars = 200");
    assert_eq!(rejected(&short, &candidate(GERMAN)).await, None);
    for (settings, key) in [
        ("accept = []", "accept"),
        ("accept = ['english']", "accept"),
        ("acept = ['en']", "acept"),
    ] {
        assert_eq!(build_error("language", settings).key.as_deref(), Some(key));
    }
}

/// Keys that open nothing, in the shapes of keys that do: beginning and rest apart, so that no scanner of this repository wakes up.
const KEYS: [(&str, &str, &str); 9] = [
    (
        "sk-",
        "proj-q7Wm2ZpR8tKx4VnB6yHd1LcF",
        "a model provider's key (sk-…)",
    ),
    (
        "sk-",
        "ant-api03-q7Wm2ZpR8tKx4VnB6yHd1LcF",
        "a model provider's key (sk-…)",
    ),
    ("AKIA", "Q7WM2ZPR8TKX4VNB", "an AWS access key id (AKIA…)"),
    (
        "ghp_",
        "q7Wm2ZpR8tKx4VnB6yHd1LcF0sJg3QaE5uTi",
        "a GitHub token (gh…_…)",
    ),
    ("glpat-", "q7Wm2ZpR8tKx4VnB6yHd", "a GitLab token (glpat-…)"),
    (
        "hf_",
        "qWmZpRtKxVnByHdLcFsJgQaEuTiOpMn",
        "a Hugging Face token (hf_…)",
    ),
    (
        "AIza",
        "q7Wm2ZpR8tKx4VnB6yHd1LcF0sJg3QaE5uT",
        "a Google key (AIza…)",
    ),
    (
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJzdWIiOiIxMjM0In0.q7Wm2ZpR8tKx4VnB6yHd1LcF",
        "a JSON Web Token (eyJ…)",
    ),
    ("-----BEGIN RSA ", "PRIVATE KEY-----", "a private key (PEM)"),
];

#[tokio::test]
async fn keys_are_found_wherever_they_are_and_never_repeated() {
    let validator = build("secrets", "");
    for (begin, rest, what) in KEYS {
        let key = format!("{begin}{rest}");
        let mut one = candidate("Fine.");
        one.steps[0].reasoning = Some(format!("I was given export KEY=\"{key}\" before."));
        let verdict = check(&validator, &one).await;
        assert_eq!(verdict.reason, Some(Reason::Secret), "{key}");
        let evidence = verdict.evidence.unwrap();
        let at = format!(
            "the reasoning of `solution` has {what} at character 25 ({} characters)",
            key.len()
        );
        assert_eq!(evidence, at);
        assert!(
            what.contains("PEM") || !evidence.contains(&rest[..4]),
            "{evidence}"
        );
        let in_seed = candidate_of(1, 0, &format!("({key})"), "x");
        assert_eq!(
            rejected(&validator, &in_seed).await,
            Some(Reason::Secret),
            "{key}"
        );
    }
    for nothing in [
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-your-api-key-goes-here-1234567890",
        "risk-management-of-long-hyphenated-words",
        "hf_short",
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(rejected(&validator, &candidate(nothing)).await, None, "{nothing}");
    }
    let mut called = candidate("");
    called.steps.push(answer("call", ""));
    called.steps[1]
        .tool_calls
        .push(destilation::core::conversation::ToolCall {
            id: "1".to_owned(),
            name: "f".to_owned(),
            arguments: json!({"token": format!("{}{}", KEYS[3].0, KEYS[3].1)}),
        });
    assert_eq!(rejected(&validator, &called).await, Some(Reason::Secret));
    let warning = check(
        &build("secrets", "action = 'warn'"),
        &candidate(&format!("{}{}", KEYS[2].0, KEYS[2].1)),
    )
    .await;
    assert_eq!(warning.decision, Decision::Accept);
    assert!(warning.evidence.is_some());
    assert!(
        build_error("secrets", "action = 'drop'")
            .message
            .contains("`warn`, `review`, `reject`")
    );
}

#[tokio::test]
async fn personal_data_is_found_by_shape_and_checksum() {
    let validator = build("pii", "action = 'reject'");
    for (text, what) in [
        (
            "Write to anna.berg@posteo.de today",
            "an e-mail address at character 10 (19 characters)",
        ),
        (
            "Call +49 (30) 901820 now",
            "a phone number at character 6 (15 characters)",
        ),
        (
            "Call 212-555-0142 now",
            "a phone number at character 6 (12 characters)",
        ),
        (
            "Pay to DE89 3704 0044 0532 0130 00 AT ONCE",
            "a bank account (IBAN) at character 8 (27 characters)",
        ),
        (
            "Card 4111-1111-1111-1111.",
            "a payment card number at character 6 (19 characters)",
        ),
        (
            "Card 378282246310005.",
            "a payment card number at character 6 (15 characters)",
        ),
        (
            "From 8.8.4.4: ping",
            "an IP address at character 6 (7 characters)",
        ),
        (
            "From 2606:4700:4700::1111",
            "an IP address at character 6 (20 characters)",
        ),
    ] {
        let verdict = check(&validator, &candidate(text)).await;
        assert_eq!(verdict.reason, Some(Reason::Pii), "{text}: {verdict:?}");
        assert_eq!(verdict.evidence.unwrap(), format!("`solution` has {what}"));
    }
    for nothing in [
        "anna@example.com and localhost 127.0.0.1, 192.168.0.1",
        "DE88 3704 0044 0532 0130 00",
        "4111 1111 1111 1112",
        "2^31 = 2147483648, 3.14159265358979, 1,234,567,890",
        "version 1.2.3, 10:20:30:40, 5+12345678",
        "ISO 9001:2015, on 2024-11-03",
    ] {
        assert_eq!(rejected(&validator, &candidate(nothing)).await, None, "{nothing}");
    }
    assert_eq!(
        check(&build("pii", ""), &candidate("a@b.de")).await.decision,
        Decision::Review
    );
    let cards = build("pii", "find = ['card']\naction = 'reject'");
    assert_eq!(rejected(&cards, &candidate("a@b.de")).await, None);
    assert!(
        build_error("pii", "find = ['cards']")
            .message
            .contains("unknown variant `cards`")
    );
    assert_eq!(build_error("pii", "find = []").key.as_deref(), Some("find"));
    let many = "a@b.de ".repeat(8);
    let evidence = check(&validator, &candidate(&many)).await.evidence.unwrap();
    assert!(evidence.ends_with("; and 3 more"), "{evidence}");
}
