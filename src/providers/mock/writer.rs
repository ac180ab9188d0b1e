//! Writes plain English around the words of a prompt: patterns with gaps, filled from short lists. Varied enough that no two answers are
//! near duplicates, readable enough to look at; means nothing.

use serde_json::{Value, json};

use super::dice::Dice;

/// Sentences. Gaps: `~T` a word of the prompt, `~n` noun, `~p` nouns, `~a` adjective, `~v` verb, `~d` adverb, `~w` where or when, `~k` number.
const SENTENCES: [&str; 32] = [
    "When it comes to ~T, a ~a ~n usually matters more than the ~n itself.",
    "The link between ~T and ~p becomes clear ~w.",
    "Most people notice the ~n first, yet ~p ~v the rest ~d.",
    "Think of ~T as a ~a ~n: it changes ~d as soon as the ~n does.",
    "A ~a ~n explains why ~p ~v what happens ~w.",
    "~w, the ~n behind ~T turns into something more ~a.",
    "This is easiest to see with ~k ~p and one ~a ~n.",
    "In practice, ~T depends on a ~a ~n and on how ~d the ~p respond.",
    "If the ~n is ~a, the ~p follow ~d.",
    "What looks like a ~a ~n is really the result of ~k small ~p.",
    "Compare two ~p: the one with the ~a ~n tells more about ~T.",
    "The usual mistake is to treat the ~n as ~a when it can only ~v ~w.",
    "Because the ~n stays ~a, ~T rarely needs more than ~k ~p.",
    "An everyday example is the ~n that ~p ~v ~w.",
    "Careful observers measure the ~n ~d and write down every ~a change.",
    "That is why ~T is often described with a ~n rather than with ~a ~p.",
    "The next step is to ask how the ~n and the ~n fit together.",
    "Small ~p can ~v a whole ~n if the start was ~a.",
    "Teachers like this case since the ~n behaves ~d and the ~p do not.",
    "Once the ~a part is understood, the ~n around ~T looks far less strange.",
    "It helps to draw the ~n, mark the ~a side and follow the ~p ~w.",
    "Neither the ~n nor the ~p alone would ~v this.",
    "A good test is whether the ~n still works with ~k times as many ~p.",
    "Historically, ~T was explained by a ~a ~n, which was only partly right.",
    "So the ~n sets the limit, and ~T moves ~d within it.",
    "The ~p that matter here are ~a, ~d renewed and easy to count.",
    "Without a ~a ~n, ~T would look quite different ~w.",
    "Both views agree on one point: the ~n has to be ~a.",
    "The effect is strongest ~w, where ~p meet a ~a ~n.",
    "Remember that a ~n is never ~a for long; ~p see to that ~d.",
    "From there the ~n passes to the ~p, which ~v it ~d.",
    "All of this rests on ~k ~p, a ~a ~n and some patience.",
];

/// Questions; a second half is joined to each.
const QUESTIONS: [&str; 14] = [
    "Why does a ~a ~n matter for ~T",
    "How would you explain ~T with a ~a ~n",
    "What happens to ~T when the ~n becomes ~a",
    "Which ~p make ~T more ~a",
    "How can a ~a ~n change the way we see ~T",
    "What do ~p tell us about ~T ~w",
    "Why is the ~n of ~T so ~a",
    "How do ~k ~p and a ~a ~n lead to ~T",
    "What would ~T look like without a ~a ~n",
    "When does the ~n behind ~T turn ~a",
    "How ~d do ~p ~v a ~n in ~T",
    "What is the most ~a ~n in ~T",
    "Where would you look for a ~a ~n in ~T",
    "Who would notice a ~a ~n in ~T first",
];

const HALVES: [&str; 12] = [
    "?",
    " ~w?",
    ", and what role do ~p play?",
    ", and how could one test it with ~k ~p?",
    ", and why do ~p respond ~d?",
    " if the ~n stays ~a?",
    ", compared with a ~a ~n?",
    ", and what is often misunderstood about the ~n?",
    " once ~p ~v the ~n?",
    ", and does the ~n always follow?",
    " for somebody who only knows ~p?",
    ", step by step?",
];

const NOUNS: [&str; 64] = [
    "pattern",
    "balance",
    "signal",
    "surface",
    "current",
    "rhythm",
    "structure",
    "source",
    "boundary",
    "habit",
    "method",
    "reason",
    "measure",
    "network",
    "layer",
    "cycle",
    "pressure",
    "shape",
    "rule",
    "record",
    "example",
    "comparison",
    "outline",
    "path",
    "reaction",
    "resource",
    "margin",
    "shift",
    "detail",
    "estimate",
    "channel",
    "contrast",
    "framework",
    "gradient",
    "origin",
    "routine",
    "sample",
    "schedule",
    "threshold",
    "tool",
    "trend",
    "variable",
    "weight",
    "context",
    "effect",
    "flow",
    "focus",
    "image",
    "instrument",
    "landscape",
    "mechanism",
    "motion",
    "perspective",
    "position",
    "process",
    "range",
    "response",
    "scale",
    "sequence",
    "skill",
    "stage",
    "system",
    "temperature",
    "tradition",
];

const PLURALS: [&str; 48] = [
    "neighbours",
    "particles",
    "numbers",
    "readers",
    "seasons",
    "materials",
    "observations",
    "cells",
    "machines",
    "rivers",
    "sentences",
    "costs",
    "signals",
    "shadows",
    "plants",
    "cities",
    "tools",
    "waves",
    "choices",
    "questions",
    "families",
    "markets",
    "maps",
    "measurements",
    "stories",
    "experiments",
    "species",
    "engines",
    "habits",
    "letters",
    "layers",
    "forces",
    "colours",
    "memories",
    "bridges",
    "patterns",
    "visitors",
    "instruments",
    "details",
    "networks",
    "islands",
    "farmers",
    "planets",
    "streets",
    "workers",
    "sounds",
    "crystals",
    "winters",
];

const ADJECTIVES: [&str; 48] = [
    "steady",
    "hidden",
    "gentle",
    "narrow",
    "common",
    "fragile",
    "gradual",
    "simple",
    "distant",
    "shared",
    "uneven",
    "familiar",
    "precise",
    "slow",
    "sudden",
    "warm",
    "dense",
    "flexible",
    "local",
    "natural",
    "quiet",
    "reliable",
    "sharp",
    "subtle",
    "complex",
    "early",
    "empty",
    "even",
    "faint",
    "heavy",
    "initial",
    "large",
    "light",
    "modest",
    "open",
    "practical",
    "rare",
    "regular",
    "remote",
    "rough",
    "rounded",
    "short",
    "smooth",
    "solid",
    "stable",
    "thin",
    "typical",
    "visible",
];

const VERBS: [&str; 24] = [
    "shape", "support", "slow", "reveal", "carry", "limit", "explain", "balance", "repeat", "connect",
    "separate", "absorb", "change", "follow", "guide", "hold", "move", "protect", "reflect", "replace",
    "spread", "stretch", "trigger", "turn",
];

const ADVERBS: [&str; 24] = [
    "quickly",
    "slowly",
    "in small steps",
    "almost silently",
    "without warning",
    "at regular intervals",
    "evenly",
    "only partly",
    "in both directions",
    "again and again",
    "surprisingly well",
    "with some delay",
    "step by step",
    "from the inside",
    "in turn",
    "more than expected",
    "under pressure",
    "as a group",
    "one by one",
    "with little effort",
    "in the same order",
    "by accident",
    "rather late",
    "at a constant rate",
];

const PLACES: [&str; 24] = [
    "in the early morning",
    "near the edge",
    "during a long winter",
    "over several years",
    "at the centre",
    "in a small village",
    "under a microscope",
    "after heavy rain",
    "at home",
    "in the laboratory",
    "along the coast",
    "within a few seconds",
    "at night",
    "in the second half",
    "on a busy street",
    "between two stages",
    "far from the source",
    "in everyday life",
    "at low temperatures",
    "when nobody watches",
    "in a crowded room",
    "at the end of the day",
    "on paper",
    "beyond a certain point",
];

const NUMBERS: [&str; 8] = ["two", "three", "four", "five", "six", "seven", "ten", "twelve"];

/// Words of prompts that are about the task, not about its topic.
const SKIPPED: [&str; 64] = [
    "about",
    "above",
    "after",
    "answer",
    "answers",
    "audience",
    "begin",
    "between",
    "card",
    "could",
    "description",
    "each",
    "every",
    "example",
    "explain",
    "field",
    "fields",
    "following",
    "format",
    "four",
    "from",
    "give",
    "given",
    "have",
    "into",
    "json",
    "just",
    "level",
    "like",
    "list",
    "make",
    "more",
    "most",
    "must",
    "need",
    "number",
    "only",
    "output",
    "please",
    "points",
    "problem",
    "prompt",
    "question",
    "reader",
    "reply",
    "sentence",
    "sentences",
    "should",
    "some",
    "style",
    "subject",
    "text",
    "than",
    "that",
    "their",
    "there",
    "they",
    "this",
    "topic",
    "weight",
    "what",
    "when",
    "with",
    "write",
];

/// Words of a prompt considered at most.
const TOPICS: usize = 5;

/// One answer's author.
pub(super) struct Writer<'a> {
    /// Its draws.
    pub dice: Dice,
    topics: Vec<&'a str>,
}

impl<'a> Writer<'a> {
    /// Finds what the prompt is about: the words after `Topic:` where it has such a line, else its first words.
    pub(super) fn new(dice: Dice, prompt: &'a str) -> Self {
        let line = prompt
            .split_once("Topic: ")
            .map(|(_, rest)| rest.lines().next().unwrap_or_default());
        let mut topics = line.map(topics).unwrap_or_default();
        if topics.is_empty() {
            topics = self::topics(prompt);
        }
        if topics.is_empty() {
            topics.push("this");
        }
        Self { dice, topics }
    }

    /// A few sentences.
    pub(super) fn paragraph(&mut self) -> String {
        let mut text = String::with_capacity(480);
        let count = 3 + self.dice.below(4);
        for at in 0..count {
            if at > 0 {
                text.push(' ');
            }
            self.sentence_into(&mut text);
        }
        text
    }

    /// An answer without a schema: one to three paragraphs.
    pub(super) fn prose(&mut self) -> String {
        let mut text = self.paragraph();
        for _ in 0..self.dice.below(3) {
            text.push_str("\n\n");
            text.push_str(&self.paragraph());
        }
        text
    }

    /// What goes before an answer.
    pub(super) fn thought(&mut self) -> String {
        let mut text = String::with_capacity(200);
        self.fill_into(&mut text, "The request is about ~T. ");
        self.sentence_into(&mut text);
        text.push_str(" So the answer should start there.");
        text
    }

    /// One sentence.
    pub(super) fn sentence(&mut self) -> String {
        let mut text = String::with_capacity(96);
        self.sentence_into(&mut text);
        text
    }

    /// One question.
    pub(super) fn question(&mut self) -> String {
        let mut text = String::with_capacity(128);
        let first = self.dice.pick(&QUESTIONS);
        let second = self.dice.pick(&HALVES);
        self.fill_into(&mut text, first);
        self.fill_into(&mut text, second);
        text
    }

    /// A few words, the first with a capital.
    pub(super) fn title(&mut self) -> String {
        let mut text = String::with_capacity(48);
        let pattern = self.dice.pick(&[
            "~a ~n of ~T",
            "~T and the ~a ~n",
            "~a ~p",
            "~n, ~n and ~T",
            "~a ~n in ~p",
        ]);
        self.fill_into(&mut text, pattern);
        text
    }

    /// One lower-case word.
    pub(super) fn word(&mut self) -> &'static str {
        self.dice.pick(&NOUNS)
    }

    /// Appends a sentence.
    pub(super) fn sentence_into(&mut self, text: &mut String) {
        let pattern = self.dice.pick(&SENTENCES);
        self.fill_into(text, pattern);
    }

    /// Log-probabilities for the words of a text, in the wire's shape: the tokens joined are the text.
    pub(super) fn logprobs(&mut self, text: &str, top: usize) -> Value {
        let tokens = text.split_inclusive(' ').map(|token| {
            let best = -0.7 * self.dice.unit();
            let mut others = vec![json!({ "token": token, "logprob": best })];
            others.extend((1..top).map(|rank| {
                json!({ "token": self.dice.pick(&NOUNS), "logprob": best - rank as f64 - self.dice.unit() })
            }));
            others.truncate(top);
            json!({ "token": token, "logprob": best, "top_logprobs": others })
        });
        json!({ "content": tokens.collect::<Vec<_>>() })
    }

    /// Fills the gaps of a pattern and begins it with a capital.
    fn fill_into(&mut self, text: &mut String, pattern: &str) {
        let start = text.len();
        let starts_sentence = !pattern.starts_with([' ', ',', '?']);
        let mut pieces = pattern.split('~');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let word = match piece.as_bytes().first() {
                Some(b'T') => self.dice.pick(&self.topics),
                Some(b'n') => self.dice.pick(&NOUNS),
                Some(b'p') => self.dice.pick(&PLURALS),
                Some(b'a') => self.dice.pick(&ADJECTIVES),
                Some(b'v') => self.dice.pick(&VERBS),
                Some(b'd') => self.dice.pick(&ADVERBS),
                Some(b'w') => self.dice.pick(&PLACES),
                _ => self.dice.pick(&NUMBERS),
            };
            let after_article = text.ends_with(" a ") || text.ends_with("A ");
            if after_article && word.starts_with(['a', 'e', 'i', 'o', 'u']) {
                text.insert(text.len() - 1, 'n');
            }
            text.push_str(word);
            text.push_str(piece.get(1..).unwrap_or_default());
        }
        if starts_sentence && text.as_bytes().get(start).is_some_and(u8::is_ascii_lowercase) {
            let upper = text[start..=start].to_ascii_uppercase();
            text.replace_range(start..=start, &upper);
        }
    }
}

fn topics(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::with_capacity(TOPICS);
    let words = text.split(|c: char| !c.is_alphabetic());
    for word in words.filter(|word| (4..=24).contains(&word.len())).take(200) {
        let known = SKIPPED.iter().any(|skipped| skipped.eq_ignore_ascii_case(word));
        if !known && !found.contains(&word) {
            found.push(word);
        }
        if found.len() == TOPICS {
            break;
        }
    }
    found
}
