//! Settings: an empty place until its screen is built.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::View;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::{SETTINGS, Table};
use crate::tui::message::Message;

/// Settings.
#[derive(Default)]
pub(crate) struct Settings;

impl View for Settings {
    fn bindings(&self, _shared: &Shared) -> &'static Table {
        &SETTINGS
    }
    fn breadcrumb(&self) -> Vec<String> {
        vec!["Settings".to_owned()]
    }
    fn enter(&mut self, _cx: &mut Cx) {}
    fn update(&mut self, _message: &Message, _cx: &mut Cx) {}
    fn status(&self, _shared: &Shared) -> String {
        String::new()
    }
    fn view(&self, _shared: &Shared, _area: Rect, _buf: &mut Buffer) -> Option<Position> {
        None
    }
}
