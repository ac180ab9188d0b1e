//! What a key looks like, so that one typed in the wrong place is refused. Finding and hiding keys that are known is the config wing's.

use super::settings::{KeySource, ProviderSettings};

/// Beginnings that the large services give their keys.
const PREFIXES: [&str; 8] = ["sk-", "sk_", "gsk_", "hf_", "AIza", "xai-", "r8_", "Bearer "];
/// Shorter runs of letters and digits are names.
const RUN_MIN: usize = 20;

/// Whether a word is more likely a key than the name of something: it begins like one, or is a long mixture of letters and digits.
pub fn looks_like_key(text: &str) -> bool {
    let text = text.trim();
    let mixed = |run: &str| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= RUN_MIN && digits >= 3 && run.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    PREFIXES.iter().any(|start| text.starts_with(start))
        || text
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .any(mixed)
}

/// Where settings seem to hold a key instead of a reference to one; `None` is good.
pub fn key_in(settings: &ProviderSettings) -> Option<&'static str> {
    let source = match &settings.api_key {
        Some(KeySource::Env(name)) => looks_like_key(name),
        Some(KeySource::File(path)) => looks_like_key(&path.to_string_lossy()),
        Some(KeySource::Command(words)) => words.iter().any(|word| looks_like_key(word)),
        None => false,
    };
    let base = settings.base_url.as_deref().unwrap_or_default();
    let address = base
        .split(['/', '?', '&', '=', '@', ':', '.'])
        .any(looks_like_key);
    [
        ("api_key", source),
        ("base_url", address),
        (
            "command",
            settings.command.iter().any(|word| looks_like_key(word)),
        ),
        ("env", settings.env.iter().any(|word| looks_like_key(word))),
    ]
    .into_iter()
    .find_map(|(place, holds)| holds.then_some(place))
}

/// The end of a key, which tells its owner which one it is; nothing of a key so short that this would give it away.
pub fn ending(key: &str) -> Option<String> {
    let letters: Vec<char> = key.trim().chars().collect();
    (letters.len() >= 16).then(|| letters[letters.len() - 4..].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_names_paths_and_programs() {
        for key in [
            "sk-or-v1-0123",
            "gsk_abc",
            "Bearer x",
            "AIzaSyA-1",
            "a3f5c2d19b8e4f60a1b2c3d4e5f60718",
            "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg==",
        ] {
            assert!(looks_like_key(key), "{key}");
        }
        for name in [
            "OPENROUTER_API_KEY",
            "MY_SECOND_OPENAI_KEY_FOR_2026",
            "~/.config/keys/openrouter",
            "python3",
            "plugins/teacher_of_many_things_2026.py",
            "gpt-4o-mini-2024-07-18",
            "llama-v3p1-405b-instruct",
            "~/keys/openrouter-prod-2026-key",
        ] {
            assert!(!looks_like_key(name), "{name}");
        }
    }

    #[test]
    fn only_long_keys_show_their_end() {
        assert_eq!(ending("sk-or-v1-0123456789c41f").as_deref(), Some("c41f"));
        assert_eq!(ending("EMPTY"), None);
    }
}
