//! What was found on this machine and could be a provider: offered here and on the dashboard, never used unasked.

use crate::core::api::{Answer, FoundProvider, Query};
use crate::tui::context::Cx;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::screens::Screen;

use super::wizard::Wizard;

/// The finds, unless they are ignored.
#[derive(Default)]
pub(crate) struct Offered {
    found: Remote<Vec<FoundProvider>>,
    ignored: bool,
}

impl Offered {
    /// Looks around.
    pub(crate) fn ask(&mut self, cx: &mut Cx) {
        self.found.ask(Query::Found, cx);
    }

    /// Takes the answer. True if `message` was it.
    pub(crate) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let read = |answer: &Answer| match answer {
            Answer::Found(found) => Some(found.clone()),
            _ => None,
        };
        self.found.take(message, read, || Query::Found, cx)
    }

    /// Whether there is anything to offer.
    pub(crate) fn is_empty(&self) -> bool {
        self.finds().is_empty()
    }

    fn finds(&self) -> &[FoundProvider] {
        match self.found.value() {
            Some(found) if !self.ignored => found,
            _ => &[],
        }
    }

    /// A sentence for each.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        let sentence = |found: &FoundProvider| format!("Found {}. a add provider · i ignore", found.label);
        self.finds().iter().map(sentence)
    }

    /// Not again in this session.
    pub(crate) fn ignore(&mut self) {
        self.ignored = true;
    }

    /// Opens the first find where its models are chosen; `taken` are the names there are.
    pub(crate) fn add(&self, taken: Vec<String>, cx: &mut Cx) {
        if let Some(found) = self.finds().first() {
            let wizard = Wizard::found(found.settings.clone(), taken);
            cx.open(Screen::Provider(Box::new(wizard)));
        }
    }
}
