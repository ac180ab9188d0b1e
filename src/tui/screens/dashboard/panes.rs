//! Where the panes of the dashboard are, and which of them can have the keys: pure functions of the size and the focus.

use ratatui::layout::{Rect, Size};

use crate::tui::layout::{Width, left, shell, top};
use crate::tui::widgets::cursor::turned;

/// A pane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pane {
    /// The six counters.
    Counters,
    /// The chart that shows what one chooses.
    Speed,
    /// Tokens per second, and money.
    Cost,
    /// Jobs of this session.
    #[default]
    Jobs,
    /// Providers.
    Providers,
    /// What happened.
    Events,
}

impl Pane {
    /// Those that can have the keys on a terminal of that width, in the order of `tab`.
    pub(super) fn order(width: u16) -> &'static [Self] {
        match Width::of(width) {
            Width::Narrow => &[Self::Jobs, Self::Providers, Self::Events, Self::Speed],
            Width::Medium => &[
                Self::Jobs,
                Self::Providers,
                Self::Events,
                Self::Counters,
                Self::Speed,
            ],
            Width::Wide => &[
                Self::Jobs,
                Self::Providers,
                Self::Events,
                Self::Counters,
                Self::Speed,
                Self::Cost,
            ],
        }
    }

    /// The pane after or before this one.
    pub(super) fn step(self, width: u16, forward: bool) -> Self {
        let order = Self::order(width);
        let at = order.iter().position(|pane| *pane == self).unwrap_or(0);
        order[turned(at, order.len(), forward)]
    }
}

/// The areas, in the order of [`Pane`]; an empty one is not drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panes([Rect; 6]);

impl Panes {
    /// The area of a pane.
    pub(super) fn of(&self, pane: Pane) -> Rect {
        self.0[pane as usize]
    }

    fn set(&mut self, pane: Pane, area: Rect) {
        self.0[pane as usize] = area;
    }

    /// Cuts the body: everything where there is room, fewer panes where not; a zoomed pane takes it all.
    pub(super) fn cut(size: Size, focus: Pane, zoom: bool) -> Self {
        let area = shell(size).body;
        let mut panes = Self([Rect { height: 0, ..area }; 6]);
        if zoom {
            panes.set(focus, area);
            return panes;
        }
        // Where only one list has room, it is the one with the keys.
        let list = match focus {
            Pane::Providers | Pane::Events => focus,
            _ => Pane::Jobs,
        };
        match Width::of(area.width) {
            Width::Narrow => {
                let (counters, rest) = top(area, 2);
                panes.set(Pane::Counters, counters);
                panes.set(if focus == Pane::Speed { focus } else { list }, rest);
            }
            Width::Wide if area.height >= 26 => panes.whole(area),
            _ => {
                let (counters, rest) = top(area, 5);
                panes.set(Pane::Counters, counters);
                let (chart, rest) = top(rest, if rest.height >= 12 { 5 } else { 0 });
                panes.set(Pane::Speed, chart);
                panes.set(list, rest);
            }
        }
        panes
    }

    fn whole(&mut self, area: Rect) {
        let mut main = area;
        if area.width >= 160 {
            // Events as a column of their own.
            let events;
            (main, events) = left(area, area.width - 52);
            self.set(Pane::Events, events);
        }
        let (counters, rest) = top(main, 6);
        self.set(Pane::Counters, counters);
        let (charts, rest) = top(rest, rest.height / 3);
        let (speed, cost) = left(charts, charts.width / 2);
        self.set(Pane::Speed, speed);
        self.set(Pane::Cost, cost);
        let below = (rest.height / 2).min(9);
        let (jobs, rest) = top(rest, rest.height - below);
        self.set(Pane::Jobs, jobs);
        if area.width >= 160 {
            self.set(Pane::Providers, rest);
        } else {
            let (providers, events) = left(rest, rest.width / 2);
            self.set(Pane::Providers, providers);
            self.set(Pane::Events, events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pane_with_the_keys_is_always_drawn_and_none_lies_over_another() {
        for (width, height) in [
            (40, 12),
            (60, 16),
            (80, 24),
            (99, 50),
            (120, 28),
            (120, 36),
            (200, 50),
        ] {
            for focus in Pane::order(width) {
                for zoom in [false, true] {
                    let panes = Panes::cut(Size { width, height }, *focus, zoom);
                    // On a low terminal the chart is seen by zooming it.
                    let seen = panes.of(*focus).height > 0
                        || (!zoom && *focus == Pane::Speed)
                        || (width >= 100 && !zoom);
                    assert!(seen, "{width}x{height} {focus:?} {zoom}");
                    for (at, one) in panes.0.iter().enumerate() {
                        for other in &panes.0[at + 1..] {
                            assert!(
                                one.intersection(*other).is_empty(),
                                "{width}x{height} {focus:?}: {one:?} {other:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tab_comes_round() {
        let mut pane = Pane::default();
        for _ in Pane::order(120) {
            pane = pane.step(120, true);
        }
        assert_eq!(pane, Pane::Jobs);
        assert_eq!(pane.step(120, false), Pane::Cost);
        assert_eq!(Pane::Cost.step(40, true), Pane::Providers);
    }
}
