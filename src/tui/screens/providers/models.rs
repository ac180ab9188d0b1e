//! The models of a configured provider. Every change is written at once; `u` on the providers takes it back.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::Command;
use crate::core::settings::ProviderSettings;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{Action, MODEL_FIELD, MODELS, Table};
use crate::tui::layout::{inside, shell};
use crate::tui::message::Message;
use crate::tui::screens::View;

use super::browser::Browser;

/// The models of one provider.
pub(crate) struct Models {
    settings: ProviderSettings,
    browser: Browser,
    /// Why they cannot be changed.
    fixed: Option<String>,
}

impl Models {
    /// Of this provider; `fixed`: why nothing can be changed.
    pub(super) fn of(settings: ProviderSettings, fixed: Option<String>) -> Self {
        Self {
            settings,
            browser: Browser::default(),
            fixed,
        }
    }
}

/// Rows of a list that fill the body of the screen under a prompt.
pub(super) fn page(shared: &Shared) -> usize {
    let inner = inside(shell(shared.size).body, shared.size.width);
    usize::from(inner.height.saturating_sub(2))
}

impl View for Models {
    fn bindings(&self, _: &Shared) -> &'static Table {
        if self.browser.typing() {
            &MODEL_FIELD
        } else {
            &MODELS
        }
    }

    fn breadcrumb(&self) -> Vec<String> {
        vec![self.settings.name.clone(), "Models".to_owned()]
    }

    fn typing(&self) -> bool {
        self.browser.typing()
    }

    fn enter(&mut self, cx: &mut Cx) {
        self.browser.ask(&self.settings, false, cx);
    }

    fn back(&mut self, _: &mut Cx) -> bool {
        self.browser.back()
    }

    fn disabled(&self, action: Action, _: &Shared) -> Option<String> {
        let changes = matches!(
            action,
            Action::Choose
                | Action::Open
                | Action::Heavier
                | Action::Lighter
                | Action::Price
                | Action::Capabilities
                | Action::AddByName
        );
        self.fixed
            .clone()
            .filter(|_| changes)
            .or_else(|| self.browser.disabled(action, &self.settings))
    }

    fn update(&mut self, message: &Message, cx: &mut Cx) {
        if let Message::Act(action) = message {
            let page = page(cx.shared);
            if self.browser.act(*action, &mut self.settings, page, cx) {
                let done = format!("Saved the models of {}", self.settings.name);
                cx.order(Command::SaveProvider(Box::new(self.settings.clone())), done);
            }
        } else {
            self.browser.update(message, &self.settings, cx);
        }
    }

    fn status(&self, shared: &Shared) -> String {
        self.browser.status(&self.settings, shared)
    }

    fn view(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        self.browser.draw(&self.settings, shared, area, buf)
    }
}
