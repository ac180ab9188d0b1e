//! The score a judge expects: the mean of the scale weighted by the probabilities of its tokens, instead of the one number it wrote
//! (G-Eval: Liu et al., arXiv 2303.16634, section 2, "scoring function"). It knows the tokens of an answer, not what they are about.

use serde_json::Value;

/// Probability that has to be on readable scores for the mean to say anything.
const KNOWN_AT_LEAST: f64 = 0.5;
/// Probability of tokens that may be one score or the beginning of another ("1" of "10") beyond which nothing is said.
const DOUBT_AT_MOST: f64 = 0.05;

/// The scores a judge might have given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expected {
    /// Their mean.
    pub(super) score: f64,
    /// Each with its share, the likeliest first.
    pub(super) shares: Vec<(i64, f64)>,
}

/// A token with what might have stood in its place.
struct Place<'a> {
    token: &'a str,
    others: Vec<(&'a str, f64)>,
}

fn places(logprobs: &Value) -> Vec<Place<'_>> {
    let pair = |value: &'_ Value| -> Option<f64> { value["logprob"].as_f64().map(f64::exp) };
    let tokens = logprobs.as_array().map(Vec::as_slice).unwrap_or_default();
    tokens
        .iter()
        .map(|token| {
            let word = token["token"].as_str().unwrap_or_default();
            let top = token["top"].as_array().map(Vec::as_slice).unwrap_or_default();
            let mut others: Vec<(&str, f64)> = top
                .iter()
                .filter_map(|other| Some((other["token"].as_str()?, pair(other)?)))
                .collect();
            if !others.iter().any(|(other, _)| *other == word) {
                others.extend(pair(token).map(|share| (word, share)));
            }
            Place { token: word, others }
        })
        .collect()
}

/// The expected score of an answer whose last `"score":` or `score:` is followed by a number; `None` where the tokens leave doubt.
pub(super) fn read(logprobs: &Value, scale: [i64; 2]) -> Option<Expected> {
    let places = places(logprobs);
    let joined: String = places.iter().map(|place| place.token).collect();
    let digit = number_after_score(&joined)?;
    let (mut at, mut begin) = (0, 0);
    while begin + places.get(at)?.token.len() <= digit {
        begin += places[at].token.len();
        at += 1;
    }
    let before = &places[at].token[..digit - begin];
    let mut shares: Vec<(i64, f64)> = Vec::new();
    let mut doubt = 0.0;
    let mut add = |score: i64, share: f64| match shares.iter_mut().find(|(known, _)| *known == score) {
        Some((_, sum)) => *sum += share,
        None => shares.push((score, share)),
    };
    for (token, share) in &places[at].others {
        let Some((number, is_open)) = number_in(token, before, scale) else {
            continue;
        };
        let written = *token == places[at].token;
        match (is_open, written) {
            (false, _) => add(number, *share),
            (true, true) => {
                let (goes_on, longer) = continued(number, places.get(at + 1), scale);
                add(number, share * (1.0 - goes_on));
                for (number, part) in longer {
                    add(number, share * part);
                }
            }
            (true, false) => doubt += share,
        }
    }
    shares.retain(|(score, _)| (scale[0]..=scale[1]).contains(score));
    let known: f64 = shares.iter().map(|(_, share)| share).sum();
    if known < KNOWN_AT_LEAST || doubt > DOUBT_AT_MOST {
        return None;
    }
    for (_, share) in &mut shares {
        *share /= known;
    }
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Some(Expected {
        score: shares.iter().map(|(score, share)| *score as f64 * share).sum(),
        shares,
    })
}

/// Where the digits begin after the last `score` with a colon or an equals sign.
fn number_after_score(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    lower.rmatch_indices("score").find_map(|(at, word)| {
        let mut rest = lower[at + word.len()..].char_indices();
        let mut sign = false;
        loop {
            let (offset, c) = rest.next()?;
            match c {
                ':' | '=' if !sign => sign = true,
                ' ' | '"' | '*' | '\'' | '`' | '\n' => {}
                '0'..='9' if sign => return Some(at + word.len() + offset),
                _ => return None,
            }
        }
    })
}

/// The number a token holds where the chosen one had `before` in front of it, and whether the next token may go on with it.
fn number_in(token: &str, before: &str, scale: [i64; 2]) -> Option<(i64, bool)> {
    let rest = token.strip_prefix(before).unwrap_or(token).trim_start();
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: i64 = rest[..digits].parse().ok()?;
    let ends = digits < rest.len();
    Some((number, !ends && number > 0 && number * 10 <= scale[1]))
}

/// How likely the token after an open number goes on with it, and to which numbers.
fn continued(number: i64, next: Option<&Place<'_>>, scale: [i64; 2]) -> (f64, Vec<(i64, f64)>) {
    let others = next.map(|next| next.others.as_slice()).unwrap_or_default();
    let all: f64 = others.iter().map(|(_, share)| share).sum();
    let mut goes_on = 0.0;
    let mut longer = Vec::new();
    for (token, share) in others {
        let digits: String = token.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            continue;
        }
        goes_on += share / all;
        if let Ok(number) = format!("{number}{digits}").parse::<i64>()
            && number <= scale[1]
        {
            longer.push((number, share / all));
        }
    }
    (goes_on, longer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(token: &str, top: &[(&str, f64)]) -> Value {
        let top: Vec<Value> = top
            .iter()
            .map(|(token, share)| json!({"token": token, "logprob": share.ln()}))
            .collect();
        json!({"token": token, "logprob": 0.0, "top": top})
    }

    fn plain(words: &[&str]) -> Vec<Value> {
        words.iter().map(|word| token(word, &[(word, 1.0)])).collect()
    }

    fn answer(number: &[Value]) -> Value {
        let front = plain(&[
            "{\"",
            "reason",
            "ing\": \"",
            "score: 2?",
            "\", \"",
            "score",
            "\":",
        ]);
        Value::Array([&front, number, &plain(&["}"])].concat())
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn the_mean_is_weighted_by_the_tokens_of_the_scale() {
        let said = answer(&[token(
            " 4",
            &[(" 4", 0.6), (" 3", 0.2), ("5", 0.1), (" four", 0.1)],
        )]);
        let expected = read(&said, [1, 5]).unwrap();
        assert!(
            close(expected.score, (4.0 * 0.6 + 3.0 * 0.2 + 5.0 * 0.1) / 0.9),
            "{expected:?}"
        );
        assert_eq!(expected.shares[0].0, 4);
        let off = answer(&[token(" 4", &[(" 4", 0.6), (" 7", 0.4)])]);
        assert!(
            close(read(&off, [1, 5]).unwrap().score, 4.0),
            "7 is off the scale"
        );
    }

    #[test]
    fn one_is_not_ten() {
        // The whole number in a token: nothing to doubt about a ten, a one might go on.
        let ten = answer(&[token("10", &[("10", 0.97), ("9", 0.03)])]);
        assert!(close(read(&ten, [1, 10]).unwrap().score, 9.97));
        // A one that ends: what follows says so.
        let one = answer(&[token("1", &[("1", 0.9), ("2", 0.1)])]);
        assert!(close(read(&one, [1, 10]).unwrap().score, 1.1));
        // Digits one by one: a ten is a one that goes on.
        let split = answer(&[token("1", &[("1", 1.0)]), token("0", &[("0", 0.75), ("}", 0.25)])]);
        let expected = read(&split, [1, 10]).unwrap();
        assert!(close(expected.score, 10.0 * 0.75 + 0.25), "{expected:?}");
        // A one that was not chosen may be either: with much on it nothing is said.
        let doubt = answer(&[token("9", &[("9", 0.8), ("1", 0.2)])]);
        assert_eq!(read(&doubt, [1, 10]), None);
        assert!(close(read(&doubt, [1, 9]).unwrap().score, 9.0 * 0.8 + 0.2));
    }

    #[test]
    fn a_number_within_a_longer_token_is_found() {
        let tokens = plain(&["Fine.\nScore", ": 4/5"]);
        assert!(close(read(&Value::Array(tokens), [1, 5]).unwrap().score, 4.0));
    }

    #[test]
    fn without_a_score_nothing_is_expected() {
        assert_eq!(read(&json!([]), [1, 5]), None);
        assert_eq!(read(&Value::Null, [1, 5]), None);
        assert_eq!(read(&Value::Array(plain(&["I like it"])), [1, 5]), None);
        let elsewhere = answer(&[token(" 4", &[(" 4", 0.2), (" no", 0.8)])]);
        assert_eq!(read(&elsewhere, [1, 5]), None, "most of it is on no score");
    }
}
