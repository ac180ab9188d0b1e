//! The models of a provider: those on offer and those chosen as teachers, to be found, sorted, weighed and priced. It changes settings in
//! its hands; writing them down is its owner's business.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::{Answer, Offer, Query};
use crate::core::budget::Price;
use crate::core::ports::ModelInfo;
use crate::core::settings::{ModelSettings, ProviderSettings};
use crate::core::text::grouped;
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{ago, compact, put, put_right};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{empty, failure, keys_below, pane};
use crate::tui::widgets::table::{Cell, Column, numbers, table, words};

const COLUMNS: [Column; 6] = [
    words("MODEL", 20, 9),
    numbers("CTX", 5, 5),
    numbers("$IN/M", 7, 6),
    numbers("$OUT/M", 7, 7),
    numbers("W", 4, 8),
    words("CAPABILITIES", 22, 3),
];

/// What is being typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Typing {
    Filter,
    Name,
    Price,
    Capabilities,
}

/// Orders of the list.
const SORTS: [&str; 5] = ["chosen first", "name", "context", "price in", "price out"];

/// The models.
#[derive(Default)]
pub(super) struct Browser {
    offer: Remote<Offer>,
    filter: String,
    field: Option<(Typing, Field)>,
    wrong: Option<String>,
    sort: usize,
    cursor: Cursor,
}

/// A line of the list: what is on offer, and what was chosen of it.
struct Line<'a> {
    id: &'a str,
    info: Option<&'a ModelInfo>,
    chosen: Option<&'a ModelSettings>,
    first: bool,
}

impl Line<'_> {
    fn price(&self) -> Option<Price> {
        let own = self.chosen.and_then(|model| model.price);
        own.or_else(|| self.info.and_then(|info| info.price))
    }

    fn context(&self) -> Option<u64> {
        let own = self.chosen.and_then(|model| model.context);
        own.or_else(|| self.info.and_then(|info| info.context))
    }

    fn capabilities(&self) -> String {
        let own = self.chosen.map(|model| &model.capabilities);
        let all = own.or_else(|| self.info.map(|info| &info.capabilities));
        all.map(|all| all.join(" ")).unwrap_or_default()
    }
}

impl Browser {
    /// Asks what is on offer, from memory where it is known.
    pub(super) fn ask(&mut self, settings: &ProviderSettings, refresh: bool, cx: &mut Cx) {
        self.offer.ask(query(settings, refresh), cx);
    }

    /// Whether a field has the caret.
    pub(super) fn typing(&self) -> bool {
        self.field.is_some()
    }

    /// Closes a field or a filter; false if there was none.
    pub(super) fn back(&mut self) -> bool {
        if self.field.take().is_some() {
            self.wrong = None;
            return true;
        }
        let filtered = !self.filter.is_empty();
        self.filter.clear();
        filtered
    }

    fn lines<'a>(&'a self, settings: &'a ProviderSettings) -> Vec<Line<'a>> {
        let offered = self.offer.value().map_or(&[][..], |offer| &offer.models);
        let chosen = settings.models.iter().enumerate().map(|(at, model)| Line {
            id: &model.id,
            info: offered.iter().find(|info| info.id == model.id),
            chosen: Some(model),
            first: at == 0,
        });
        let is_chosen = |id: &str| settings.models.iter().any(|model| model.id == id);
        let others = offered
            .iter()
            .filter(|info| !is_chosen(&info.id))
            .map(|info| Line {
                id: &info.id,
                info: Some(info),
                chosen: None,
                first: false,
            });
        let wanted: Vec<String> = self.filter.to_lowercase().split(' ').map(str::to_owned).collect();
        let mut lines: Vec<Line<'_>> = chosen
            .chain(others)
            .filter(|line| {
                let text = format!("{} {}", line.id.to_lowercase(), line.capabilities());
                wanted.iter().all(|word| fuzzy(&text, word))
            })
            .collect();
        let price = |line: &Line<'_>, of: fn(Price) -> f64| line.price().map_or(f64::INFINITY, of);
        match self.sort {
            1 => lines.sort_by(|one, two| one.id.cmp(two.id)),
            2 => lines.sort_by_key(|line| std::cmp::Reverse(line.context())),
            3 => lines.sort_by(|one, two| price(one, |p| p.input).total_cmp(&price(two, |p| p.input))),
            4 => lines.sort_by(|one, two| price(one, |p| p.output).total_cmp(&price(two, |p| p.output))),
            _ => {}
        }
        lines
    }

    fn selected(&self, settings: &ProviderSettings) -> Option<(String, Option<ModelInfo>)> {
        let lines = self.lines(settings);
        let line = lines.get(self.cursor.selected)?;
        Some((line.id.to_owned(), line.info.cloned()))
    }

    /// Why an action cannot be done.
    pub(super) fn disabled(&self, action: Action, settings: &ProviderSettings) -> Option<String> {
        let lines = self.lines(settings);
        let line = lines.get(self.cursor.selected);
        let needs_choice = matches!(
            action,
            Action::Heavier | Action::Lighter | Action::Price | Action::Capabilities
        );
        match line {
            None if needs_choice || matches!(action, Action::Choose | Action::Open) => {
                Some("no model is selected".to_owned())
            }
            Some(line) if needs_choice && line.chosen.is_none() => {
                Some("space chooses the model first".to_owned())
            }
            _ => None,
        }
    }

    /// An action. True if the settings changed.
    pub(super) fn act(
        &mut self,
        action: Action,
        settings: &mut ProviderSettings,
        page: usize,
        cx: &mut Cx,
    ) -> bool {
        match action {
            Action::Filter => self.field = Some((Typing::Filter, Field::holding(&self.filter))),
            Action::AddByName => self.field = Some((Typing::Name, Field::default())),
            Action::Price | Action::Capabilities => self.open_field(action, settings),
            Action::Press => return self.keep(settings),
            Action::DeleteToStart => {
                if let Some((_, field)) = &mut self.field {
                    field.delete_to_start();
                }
            }
            Action::Sort => {
                self.sort = (self.sort + 1) % SORTS.len();
                self.cursor = Cursor::default();
            }
            Action::Reload => self.ask(settings, true, cx),
            Action::Choose => return self.choose(settings),
            Action::Open => return self.make_default(settings),
            Action::Heavier | Action::Lighter => {
                let Some((id, _)) = self.selected(settings) else {
                    return false;
                };
                let Some(model) = settings.models.iter_mut().find(|model| model.id == id) else {
                    return false;
                };
                let by = if action == Action::Heavier { 1.0 } else { -1.0 };
                model.weight = (model.weight + by).max(0.0);
                return true;
            }
            movement => {
                let rows = self.lines(settings).len();
                self.cursor.act(movement, rows, page);
            }
        }
        false
    }

    fn open_field(&mut self, action: Action, settings: &ProviderSettings) {
        let Some((id, info)) = self.selected(settings) else {
            return;
        };
        let chosen = settings.models.iter().find(|model| model.id == id);
        self.field = Some(if action == Action::Price {
            let price = chosen.and_then(|model| model.price);
            let price = price.or_else(|| info.and_then(|info| info.price));
            let text = price.map(|price| format!("{} {}", price.input, price.output));
            (Typing::Price, Field::holding(&text.unwrap_or_default()))
        } else {
            let words = chosen.map(|model| model.capabilities.join(" "));
            (Typing::Capabilities, Field::holding(&words.unwrap_or_default()))
        });
    }

    fn choose(&mut self, settings: &mut ProviderSettings) -> bool {
        let Some((id, info)) = self.selected(settings) else {
            return false;
        };
        if let Some(at) = settings.models.iter().position(|model| model.id == id) {
            settings.models.remove(at);
        } else {
            settings.models.push(teacher(&id, info.as_ref()));
        }
        // Chosen ones stand first: the cursor stays with its model.
        let at = self.lines(settings).iter().position(|line| line.id == id);
        self.cursor.selected = at.unwrap_or(self.cursor.selected);
        true
    }

    fn make_default(&mut self, settings: &mut ProviderSettings) -> bool {
        let Some((id, info)) = self.selected(settings) else {
            return false;
        };
        let model = match settings.models.iter().position(|model| model.id == id) {
            Some(at) => settings.models.remove(at),
            None => teacher(&id, info.as_ref()),
        };
        settings.models.insert(0, model);
        let at = self.lines(settings).iter().position(|line| line.id == id);
        self.cursor.selected = at.unwrap_or(0);
        true
    }

    /// Takes what was typed. True if the settings changed.
    fn keep(&mut self, settings: &mut ProviderSettings) -> bool {
        let Some((typing, field)) = self.field.take() else {
            return false;
        };
        let text = field.text().trim().to_owned();
        self.wrong = None;
        if typing == Typing::Filter {
            self.filter = text;
            self.cursor = Cursor::default();
            return false;
        }
        if typing == Typing::Name {
            let known = settings.models.iter().any(|model| model.id == text);
            if !text.is_empty() && !known {
                settings.models.push(teacher(&text, None));
                return true;
            }
            return false;
        }
        let id = self.selected(settings).map(|(id, _)| id);
        let Some(model) = settings
            .models
            .iter_mut()
            .find(|model| Some(&model.id) == id.as_ref())
        else {
            return false;
        };
        if typing == Typing::Capabilities {
            let words = text.split([' ', ',']).filter(|word| !word.is_empty());
            model.capabilities = words.map(str::to_owned).collect();
            return true;
        }
        match price_of(&text) {
            Ok(price) => {
                model.price = price;
                true
            }
            Err(why) => {
                self.wrong = Some(why.to_owned());
                self.field = Some((typing, field));
                false
            }
        }
    }

    /// A key, pasted text, or an answer.
    pub(super) fn update(&mut self, message: &Message, settings: &ProviderSettings, cx: &mut Cx) {
        match (message, &mut self.field) {
            (Message::Key(key), Some((typing, field))) => {
                field.key(key);
                if *typing == Typing::Filter {
                    self.filter = field.text().to_owned();
                    self.cursor = Cursor::default();
                }
            }
            (Message::Paste(text), Some((_, field))) => field.insert(text.trim()),
            _ => {
                let read = |answer: &Answer| match answer {
                    Answer::Offer(offer) => Some((**offer).clone()),
                    _ => None,
                };
                self.offer.take(message, read, || query(settings, true), cx);
            }
        }
    }

    /// What the list is, for the status line.
    pub(super) fn status(&self, settings: &ProviderSettings, shared: &Shared) -> String {
        let now = shared.options.started_ms + shared.now.as_millis() as i64;
        let age = self.offer.value().map(|offer| {
            let age = std::time::Duration::from_millis((now - offer.at_ms).max(0).cast_unsigned());
            let date = date(offer.at_ms);
            match &offer.stale {
                Some(why) => format!("offline, list of {date}: {why}"),
                None => format!("list of {date}, {} ago (r refresh)", ago(age)),
            }
        });
        let age = age.unwrap_or_else(|| {
            if self.offer.is_pending() {
                "asking …"
            } else {
                "no list"
            }
            .to_owned()
        });
        format!(
            "{} chosen · sorted: {} · {age}",
            settings.models.len(),
            SORTS[self.sort]
        )
    }

    /// Draws the list in a pane; says where the caret is.
    pub(super) fn draw(
        &self,
        settings: &ProviderSettings,
        shared: &Shared,
        area: Rect,
        buf: &mut Buffer,
    ) -> Option<Position> {
        let lines = self.lines(settings);
        let offered = self.offer.value().map_or(0, |offer| offer.models.len());
        let fact = format!("{} offered", grouped(offered as u64));
        let inner = pane(buf, area, "Models", &fact, true, shared);
        let (top, rest) = crate::tui::layout::top(inner, 1);
        let caret = self.prompt(shared, top, buf);
        if !lines.is_empty() {
            let rows = lines
                .iter()
                .skip(self.cursor.offset)
                .map(|line| cells(line, shared));
            let at = self.cursor.selected.saturating_sub(self.cursor.offset);
            table(buf, rest, &COLUMNS, rows, Some(at), shared);
        } else if let Some(error) = self.offer.error() {
            failure(buf, rest, error, shared);
            keys_below(buf, rest, "a adds a model by its name", shared);
        } else if self.offer.is_slow(shared.now) {
            empty(buf, rest, &["Asking what it offers …"], shared);
        } else if self.offer.value().is_some() {
            let lines = [
                "No model is like that.",
                "esc clears the filter · a adds a model by its name",
            ];
            empty(buf, rest, &lines, shared);
        }
        caret
    }

    fn prompt(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let style = shared.style(Slot::Match);
        let Some((typing, field)) = &self.field else {
            let text = if self.filter.is_empty() {
                "/ no filter".to_owned()
            } else {
                format!("/ {}", self.filter)
            };
            put(buf, area, 1, 0, &text, shared.style(Slot::Muted));
            return None;
        };
        let head = match typing {
            Typing::Filter => "/ ",
            Typing::Name => "model: ",
            Typing::Price => "USD per million tokens in, out: ",
            Typing::Capabilities => "capabilities: ",
        };
        let at = 1 + put(buf, area, 1, 0, head, style);
        let caret = field.draw(buf, area, at, 0, style);
        if let Some(why) = &self.wrong {
            put_right(buf, area, 0, why, shared.style(Slot::Error));
        }
        Some(caret)
    }
}

fn query(settings: &ProviderSettings, refresh: bool) -> Query {
    Query::Offer {
        provider: Box::new(settings.clone()),
        refresh,
    }
}

/// A model on offer, as a teacher.
fn teacher(id: &str, info: Option<&ModelInfo>) -> ModelSettings {
    ModelSettings {
        id: id.to_owned(),
        capabilities: info.map(|info| info.capabilities.clone()).unwrap_or_default(),
        weight: 1.0,
        price: info.and_then(|info| info.price),
        context: info.and_then(|info| info.context),
    }
}

/// `0.27 0.40`, or nothing.
fn price_of(text: &str) -> Result<Option<Price>, &'static str> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let number = |word: &str| {
        let number: Option<f64> = word.trim_start_matches('$').parse().ok();
        number.filter(|number| number.is_finite() && *number >= 0.0)
    };
    match words.as_slice() {
        [] => Ok(None),
        [input, output] => match (number(input), number(output)) {
            (Some(input), Some(output)) => Ok(Some(Price { input, output })),
            _ => Err("two numbers: 0.27 0.40"),
        },
        _ => Err("two numbers: 0.27 0.40"),
    }
}

/// Whether the letters stand in the text in this order.
fn fuzzy(text: &str, letters: &str) -> bool {
    let mut text = text.chars();
    letters.chars().all(|letter| text.any(|c| c == letter))
}

/// `2026-11-22` of milliseconds since 1970 UTC (days to a civil date, after Howard Hinnant's `civil_from_days`).
fn date(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn cells(line: &Line<'_>, shared: &Shared) -> Vec<Cell> {
    let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
    let mark = match (line.chosen.is_some(), line.first) {
        (true, true) => "★ ",
        (true, false) => "✓ ",
        _ => "  ",
    };
    let style = if line.chosen.is_some() {
        shared.style(Slot::Ok)
    } else {
        fg
    };
    let price = |of: fn(Price) -> f64| {
        let price = line.price().map(of);
        price.map_or("?".to_owned(), |price| format!("{price:.2}"))
    };
    let context = line.context().map(|context| compact(context as f64));
    let weight = line.chosen.map(|model| format!("{}", model.weight));
    vec![
        (format!("{mark}{}", line.id), style),
        (context.unwrap_or_else(|| "?".to_owned()), fg),
        (price(|price| price.input), fg),
        (price(|price| price.output), fg),
        (weight.unwrap_or_default(), fg),
        (line.capabilities(), muted),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_prices_and_letters_are_read() {
        assert_eq!(date(1_795_357_800_000), "2026-11-22");
        assert_eq!(date(951_782_400_000), "2000-02-29");
        assert_eq!(price_of("").unwrap(), None);
        assert_eq!(
            price_of("$0.27, 0.4").unwrap(),
            Some(Price {
                input: 0.27,
                output: 0.4
            })
        );
        assert!(price_of("1").is_err());
        assert!(fuzzy("deepseek/deepseek-v3.2", "dskv3") && !fuzzy("qwen", "nq"));
    }
}
