//! `refusal`: the teacher answered instead of declining. It knows the usual openings of a refusal in four languages, the wire's own
//! word for it, and whatever patterns the job adds.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize;

use super::field::Field;
use super::pattern;
use crate::core::catalog::{Plug, PlugError};
use crate::core::ports::{CheckContext, CheckError, Validator};
use crate::core::request::FinishReason;
use crate::core::sample::{Candidate, Reason, Verdict};
use crate::core::text::shorten;

/// The kind's word.
pub const KIND: &str = "refusal";

/// Characters at the start of an answer in which a refusal declares itself.
const OPENING: usize = 300;

/// What can stand before a refusal, and what a refusal is, on an opening as [`opening`] makes it. A verb is asked for after
/// "I can't", so that "I can't believe it" is a story and "I'm sorry to hear that" is sympathy.
const APOLOGY: &str = concat!(
    r"(?:(?:oh|hi|hello|hey|hmm|thanks?(?: you)?[^.!?]{0,60})[,.!]? )?",
    r"(?:(?:(?:i'm|i am|we're|we are) (?:\w+ ){0,2}?sorry|sorry|my apologies|apologies|(?:i|we) (?:must |sincerely )?apologi[sz]e",
    r"|unfortunately|regrettably|i understand[^.!?]{0,80}|i appreciate[^.!?]{0,80})(?: for [^.,!?]{0,40}| about [^.,!?]{0,40})?",
    r"[,.;:!—–-]* ?(?:but|however|and)?,? ?)*",
    r"(?:as (?:an? )?(?:\w+ ){0,2}?(?:ai|a\.i\.|artificial intelligence|language model|llm|chatbot)[^.,!?]{0,60},? )?",
);
const REFUSALS: [&str; 6] = [
    concat!(
        r"(?:i|we) (?:really |simply |just |also )?",
        r"(?:can't|cannot|can not|could not|couldn't|won't|will not|would not|wouldn't|am unable to|am not able to|'m unable to|'m not able to",
        r"|am not allowed to|am not permitted to|am not programmed to|am not going to|do not have the ability to|don't have the ability to)",
        r" (?:be able to |in good conscience |ethically |legally |directly )?(?:\w+ (?:or|and) )?",
        r"(?:help|assist|provide|comply|fulfil|fulfill|create|generate|write|answer|support|engage|continue|discuss|share|do (?:that|this|so)",
        r"|participate|offer|complete|produce|give|respond|process|accept|accommodate|perform|make|describe|explain|recommend|endorse",
        r"|encourage|promote|advise|access|browse|proceed|teach|tell you|show you|be part)\b",
    ),
    concat!(
        r"(?:i|we)(?:'m| am|'re| are) (?:unable to|not able to|not allowed to|not permitted to|not programmed to|not going to|not comfortable",
        r"|unwilling to|here to help[^.]{0,40}, but i (?:can't|cannot))",
    ),
    concat!(
        r"(?:i|we) (?:must|have to|need to|will have to|respectfully|politely|am going to)? ?(?:decline|refuse)\b",
        r"|(?:i|we) (?:don't|do not) feel comfortable\b|i'd rather not\b|i would rather not\b",
    ),
    concat!(
        r"as an? (?:\w+ ){0,2}?(?:ai|a\.i\.|artificial intelligence|language model|llm)\b[^.!?]{0,60}?,? ?i",
        r"(?:'m| am| can't| cannot| can not| do not| don't| have no| lack| must| won't| will not)\b",
        r"|(?:my|our) (?:guidelines|programming|policies|ethical guidelines|safety guidelines|content policy)\b",
        r"|(?:this|that|your) (?:request|prompt|question|content|topic) (?:violates|goes against|is against|conflicts with|falls outside)",
        r"|(?:it is|it's|it would be|that is|that would be) (?:not appropriate|inappropriate|unethical) (?:for me )?to\b",
        r"|i'm (?:just|only) an? (?:ai|language model)\b",
    ),
    concat!(
        r"(?:es )?tut mir (?:sehr )?leid,? (?:aber |doch )?(?:\w+ ){0,6}?(?:kann|darf|werde|möchte) ich\b",
        r"|(?:es )?tut mir (?:sehr )?leid,? (?:aber |doch )?ich (?:kann|darf|werde|möchte|bin nicht)\b",
        r"|(?:leider )?(?:kann|darf) ich (?:\w+ ){0,5}?(?:nicht|keine?n?)\b|ich (?:kann|darf|werde) (?:\w+ ){0,4}?(?:nicht|keine?n?) ",
        r"(?:\w+ ){0,4}?(?:helfen|beantworten|unterstützen|bereitstellen|erstellen|schreiben|geben|behilflich)\b",
        r"|als (?:\w+ )?(?:ki|ki-\w+|sprachmodell|künstliche intelligenz)\b[^.!?]{0,40} (?:kann|darf|habe) ich",
    ),
    concat!(
        r"(?:je suis )?(?:vraiment )?désolée?,? (?:mais )?je ne (?:peux|suis|pourrai)\b|je ne (?:peux|suis) (?:malheureusement )?pas ",
        r"(?:vous |t'|te )?(?:aider|en mesure|répondre|fournir|créer|générer|écrire|capable)|en tant qu'(?:ia|intelligence artificielle|assistant)",
        r"|en tant que modèle de langage",
        r"|lo siento,? (?:pero )?(?:no puedo|no me es posible|como)\b|no puedo (?:ayudar|proporcionar|cumplir|responder|crear|generar|escribir|hacer eso)",
        r"|como (?:un )?modelo de lenguaje|como (?:una )?(?:ia|inteligencia artificial)\b",
    ),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    field: Option<String>,
    #[serde(default)]
    patterns: Vec<String>,
}

struct Refusal {
    field: Field,
    openings: Regex,
    extra: Vec<Regex>,
}

/// Builds the kind from its table.
pub fn build(plug: &Plug, _base: &Path) -> Result<Arc<dyn Validator>, PlugError> {
    let settings: Settings = plug.settings()?;
    let extra = settings
        .patterns
        .iter()
        .map(|extra| pattern::compile(KIND, "patterns", extra, true))
        .collect::<Result<_, _>>()?;
    Ok(Arc::new(Refusal {
        field: Field::new(settings.field),
        openings: openings()?,
        extra,
    }))
}

fn openings() -> Result<Regex, PlugError> {
    let any = format!("^{APOLOGY}(?:{})", REFUSALS.join("|"));
    Regex::new(&any).map_err(|error| PlugError::new(format!("{KIND}: {error}")))
}

/// The start of an answer in lower case, with plain apostrophes and single spaces, without markup in front.
fn opening(text: &str) -> String {
    let mut out = String::with_capacity(OPENING + 16);
    let start = text.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | '#' | '>' | '"' | '“' | '«' | '¡' | '(' | '`')
    });
    for c in start.chars().take(OPENING) {
        match c {
            '’' | '‘' | 'ʼ' | '`' | '´' | '＇' => out.push('\''),
            '*' | '_' => {}
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

impl Refusal {
    /// What in the text is a refusal.
    fn found(&self, text: &str) -> Option<String> {
        let opening = opening(text);
        if let Some(found) = self.openings.find(&opening) {
            return Some(format!("opens with “{}”", shorten(found.as_str(), 120)));
        }
        self.extra.iter().find_map(|extra| {
            let found = extra.find(text)?;
            Some(format!("holds “{}”", shorten(found.as_str(), 120)))
        })
    }
}

#[async_trait]
impl Validator for Refusal {
    async fn check(&self, candidate: &Candidate, _context: &dyn CheckContext) -> Result<Verdict, CheckError> {
        let declined = candidate
            .steps
            .iter()
            .find(|answer| matches!(answer.finish, FinishReason::Refusal | FinishReason::ContentFilter));
        if let Some(answer) = declined {
            let evidence = format!("`{}` ended by {}", answer.step, answer.finish.as_str());
            return Ok(Verdict::reject(KIND, Reason::Refusal, evidence));
        }
        let Some(text) = self.field.text(candidate) else {
            return Ok(self.field.missing(KIND));
        };
        Ok(match self.found(&text) {
            Some(what) => Verdict::reject(KIND, Reason::Refusal, format!("{} {what}", self.field.name())),
            None => Verdict::accept(KIND),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refusal(text: &str) -> bool {
        openings().unwrap().is_match(&opening(text))
    }

    #[test]
    fn refusals_are_known_by_their_opening() {
        for text in [
            "I'm sorry, but I can't assist with that request.",
            "I’m sorry, but I can’t help with that.",
            "I am really sorry, but I cannot provide that information.",
            "Sorry, I can't do that.",
            "**I cannot fulfill this request.** My purpose is to be helpful.",
            "I apologize, but I am unable to generate that content.",
            "Unfortunately, I cannot help or assist with this.",
            "As an AI language model, I don't have personal opinions.",
            "I'm sorry, but as an AI developed to be helpful, I cannot write this.",
            "I must decline to answer.",
            "I'm not able to browse the internet.",
            "I won't help with that.",
            "\n\n\"I can not comply with this.\"",
            "This request violates my guidelines, so no.",
            "I do not feel comfortable writing that.",
            "I understand your frustration, but I can't help you harm someone.",
            "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
            "Leider kann ich diese Anfrage nicht beantworten.",
            "Ich kann dir dabei leider nicht helfen.",
            "Je suis désolé, mais je ne peux pas vous aider.",
            "Désolée, je ne peux pas répondre à cette question.",
            "Lo siento, pero no puedo ayudar con eso.",
            "Lo siento, no puedo cumplir con esa solicitud.",
        ] {
            assert!(is_refusal(text), "{text}");
        }
    }

    #[test]
    fn answers_are_left_alone() {
        for text in [
            "I'm sorry to hear that you lost your keys. First, retrace your steps.",
            "I can't believe it was already morning, she thought.",
            "I cannot stress enough how important backups are.",
            "Sorry for the confusion! The answer is 42.",
            "Unfortunately, the two curves never meet.",
            "The assistant said: I can't help with that.",
            "As an airline pilot, I check the weather first.",
            "I won't be long, he said.",
            "Sorry seems to be the hardest word.",
            "My guide to sourdough has three parts.",
            "Ich kann das Ergebnis so zusammenfassen: 7.",
            "Je ne suis pas parti hier, dit-il.",
            "No puedo creer que ya sea lunes, pensó.",
            "",
        ] {
            assert!(!is_refusal(text), "{text}");
        }
    }
}
