//! What the mouse means: a click goes where it points, the wheel turns what is under it. Keys can do all of it, too.

use std::time::Duration;

use ratatui::layout::Position;

use super::input::{Pointer, Press};
use super::layout::{is_too_small, shell};
use super::message::Effect;
use super::model::Model;
use super::view::pressed;

/// Two clicks within this time at one place are a double one.
const DOUBLE: Duration = Duration::from_millis(400);

/// Rows that the wheel turns at once.
const ROWS: i16 = 3;

impl Model {
    pub(super) fn mouse(&mut self, pointer: Pointer) -> Vec<Effect> {
        let at = Position::new(pointer.column, pointer.row);
        let now = self.shared.now;
        if is_too_small(self.shared.size) {
            return Vec::new();
        }
        let rows = match pointer.press {
            Press::WheelUp => -ROWS,
            Press::WheelDown => ROWS,
            Press::Click => 0,
        };
        // The second click of two; a third begins anew.
        let double = rows == 0
            && self
                .clicked
                .take()
                .is_some_and(|(before, place)| place == at && now < before + DOUBLE);
        if rows == 0 && !double {
            self.clicked = Some((now, at));
        }
        if let Some(overlay) = self.overlays.last_mut() {
            let outcome = if rows == 0 {
                overlay.click(at, double, &self.shared)
            } else {
                overlay.wheel(rows, &self.shared);
                None
            };
            let Some(outcome) = outcome else {
                return Vec::new();
            };
            self.overlays.pop();
            return self.release(outcome);
        }
        if shell(self.shared.size).body.contains(at) {
            return self.with_top(|screen, cx| match rows {
                0 => screen.view_mut().click(at, double, cx),
                rows => screen.view_mut().wheel(at, rows, cx),
            });
        }
        match pressed(self, at).filter(|_| rows == 0) {
            Some(action) => self.act(action),
            None => Vec::new(),
        }
    }
}
