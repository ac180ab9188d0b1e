//! Step 5, the gates: an ordered list with switches, their settings, the catalog to add from, and a try on a pasted answer.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Command, KindRow};
use crate::core::job::draft::{Draft, value_of, written};
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::pane::{failure, pane};

use super::form::{Kind, Line};
use super::menu::For;
use super::typing::Target;
use super::work::Work;
use super::{NewJob, Step, dry_run};

/// One of the list: on, with its place in the job file, or off, with its place among those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    On(usize),
    Off(usize),
}

/// All of them in their order.
fn gates(work: &Work) -> Vec<Gate> {
    let on = work.draft.len("validators");
    let mut all: Vec<Gate> = Vec::new();
    let mut next = 0;
    for place in 0..on + work.off.len() {
        if let Some(at) = work.off.iter().position(|(wanted, _)| *wanted == place) {
            all.push(Gate::Off(at));
        } else if next < on {
            all.push(Gate::On(next));
            next += 1;
        }
    }
    all.extend((next..on).map(Gate::On));
    for at in 0..work.off.len() {
        if !all.contains(&Gate::Off(at)) {
            all.push(Gate::Off(at));
        }
    }
    all
}

/// Puts the places of those that are off right, after the order changed.
fn settle(work: &mut Work, all: &[Gate]) {
    for (place, gate) in all.iter().enumerate() {
        if let Gate::Off(at) = gate {
            work.off[*at].0 = place;
        }
    }
}

/// A path of the job file as problems name it: they count validators from 1.
pub(super) fn counted(path: &str) -> String {
    let number = path
        .strip_prefix("validators.")
        .and_then(|rest| rest.split_once('.'))
        .and_then(|(at, key)| Some((at.parse::<usize>().ok()?, key)));
    number.map_or_else(
        || path.to_owned(),
        |(at, key)| format!("validators.{}.{key}", at + 1),
    )
}

/// Whether a problem at `key` is about the gate behind a form's path.
pub(super) fn same(key: &str, path: &str) -> bool {
    let Some(number) = path.strip_prefix("@on.") else {
        return false;
    };
    let mut parts = key.split('.');
    // Problems count validators from 1.
    parts.next() == Some("validators")
        && parts
            .next()
            .and_then(|at| at.parse::<usize>().ok())
            .is_some_and(|at| number.parse() == Ok(at.saturating_sub(1)))
}

impl NewJob {
    fn gate(&self) -> Option<Gate> {
        let at = self
            .opened
            .unwrap_or(self.cursors[Step::Validators.at()].selected);
        gates(self.work.as_ref()?).get(at).copied()
    }

    fn kind(&self, kind: &str) -> Option<&KindRow> {
        self.kinds.value()?.iter().find(|row| row.kind == kind)
    }

    pub(super) fn validator_lines(&self, work: &Work) -> Vec<Line> {
        if let (Some(_), Some(Gate::On(at))) = (self.opened, self.gate()) {
            return self.setting_lines(work, at);
        }
        let line = |gate: &Gate| {
            let (mark, path, table) = match gate {
                Gate::On(at) => (
                    "●",
                    format!("@on.{at}"),
                    work.draft.get(&format!("validators.{at}")),
                ),
                Gate::Off(at) => {
                    let text = work.off.get(*at).map_or("", |(_, text)| text.as_str());
                    (
                        "○",
                        format!("@off.{at}"),
                        Draft::read(text).ok().and_then(|draft| draft.get("")),
                    )
                }
            };
            let table = table.unwrap_or_default();
            let kind = table["kind"].as_str().unwrap_or("?").to_owned();
            let settings = table.as_object().into_iter().flatten();
            let settings = settings
                .filter(|(key, _)| *key != "kind")
                .map(|(key, value)| format!("{key} = {}", written(value).lines().next().unwrap_or_default()));
            let settings = settings.collect::<Vec<_>>().join(", ");
            let label = format!("{mark} {kind}");
            let value = if matches!(gate, Gate::Off(_)) {
                format!("off · {settings}")
            } else {
                settings
            };
            Line::new(&label, &path, Kind::Link, value, "")
        };
        let mut lines: Vec<Line> = gates(work).iter().map(line).collect();
        if lines.is_empty() {
            lines.push(Line::heading(
                "No validators: everything is accepted (a adds one)",
            ));
        }
        lines
    }

    fn setting_lines(&self, work: &Work, at: usize) -> Vec<Line> {
        let base = format!("validators.{at}");
        let kind = work.draft.string(&format!("{base}.kind"));
        let mut lines = vec![Line::heading(&format!("{kind} (esc goes back)"))];
        let known = self.kind(&kind).map_or_else(Vec::new, |row| {
            Draft::read(&row.example).map_or_else(|_| Vec::new(), |draft| draft.keys(""))
        });
        let mut keys: Vec<String> = work.draft.keys(&base);
        keys.retain(|key| key != "kind");
        let missing: Vec<String> = known.into_iter().filter(|key| !keys.contains(key)).collect();
        keys.extend(missing);
        for key in keys {
            let path = format!("{base}.{key}");
            let long = key == "rubric" || work.draft.string(&path).contains('\n');
            let kind = if long { Kind::Long } else { Kind::Any };
            let mut line = Line::of(&work.draft, &key, &path, kind, "");
            if !work.draft.has(&path) {
                "not set".clone_into(&mut line.note);
            }
            lines.push(line);
        }
        lines.push(Line::new(
            "+",
            "@setting",
            Kind::Any,
            String::new(),
            "another setting: name = value",
        ));
        lines
    }

    pub(super) fn validators_act(&mut self, action: Action, cx: &mut Cx) {
        let at = self.cursors[Step::Validators.at()].selected;
        let gate = self.gate();
        if matches!(
            action,
            Action::Toggle | Action::Later | Action::Earlier | Action::Remove
        ) && let Some(work) = &mut self.work
        {
            work.remember();
        }
        match action {
            Action::Add => {
                self.opened = None;
                let kinds = self.kinds.value().into_iter().flatten();
                let items = kinds.map(|row| (row.kind.clone(), row.summary.clone())).collect();
                self.offer(For::Validator, "Add a validator", items);
            }
            Action::Try => {
                let text = self.sample.clone();
                self.open_text(Target::Sample, &text);
            }
            Action::Toggle => {
                if let (Some(gate), Some(work)) = (gate, &mut self.work) {
                    toggle(work, at, gate);
                    self.changed(cx);
                }
            }
            Action::Later | Action::Earlier => {
                let to = if action == Action::Later {
                    at + 1
                } else {
                    at.saturating_sub(1)
                };
                if let Some(work) = &mut self.work
                    && swap(work, at, to)
                {
                    self.cursors[Step::Validators.at()].selected = to;
                    self.changed(cx);
                }
            }
            Action::Remove if self.opened.is_some() => self.form_act(action, cx),
            Action::Remove => {
                let Some(work) = &mut self.work else { return };
                match gate {
                    Some(Gate::On(at)) => {
                        work.draft.take("validators", at);
                    }
                    Some(Gate::Off(at)) => {
                        work.off.remove(at);
                    }
                    None => return,
                }
                let all = gates(work);
                settle(work, &all);
                self.changed(cx);
            }
            other => self.form_act(other, cx),
        }
    }

    pub(super) fn open_validator(&mut self, path: &str, cx: &mut Cx) {
        let at = self.cursors[Step::Validators.at()].selected;
        if path.starts_with("@off.")
            && let (Some(gate), Some(work)) = (self.gate(), &mut self.work)
        {
            toggle(work, at, gate);
        }
        self.opened = Some(at);
        self.cursors[Step::Validators.at()] = Cursor::default();
        self.changed(cx);
    }

    pub(super) fn set_validator_word(&mut self, path: &str, typed: &str) {
        let Some(Gate::On(at)) = self.gate() else { return };
        let Some(work) = &mut self.work else { return };
        if path == "@setting"
            && let Some((key, value)) = typed.split_once('=')
        {
            let key: String = key
                .trim()
                .chars()
                .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                .collect();
            if !key.is_empty() {
                work.draft
                    .set(&format!("validators.{at}.{key}"), &value_of(value.trim()));
            }
        }
    }

    pub(super) fn add_validator(&mut self, kind: &str, cx: &mut Cx) {
        let example = self
            .kind(kind)
            .map_or_else(String::new, |row| row.example.clone());
        let Some(work) = &mut self.work else { return };
        work.remember();
        let at = work.draft.len("validators");
        let text = format!("kind = \"{kind}\"\n{example}\n");
        if work.draft.insert("validators", at, &text).is_ok() {
            // Examples name fields of some other job: the check says which are not there.
            let place = gates(work)
                .iter()
                .position(|gate| *gate == Gate::On(at))
                .unwrap_or(at);
            self.cursors[Step::Validators.at()].selected = place;
            self.opened = (!example.is_empty()).then_some(place);
            if self.opened.is_some() {
                self.cursors[Step::Validators.at()] = Cursor::default();
            }
        }
        self.changed(cx);
        self.save(cx);
    }

    /// Tries the validators on the pasted answer.
    pub(super) fn try_sample(&mut self, cx: &mut Cx) {
        let Some(work) = &self.work else { return };
        if self.sample.trim().is_empty() {
            return;
        }
        let command = Command::TrySample {
            source: work.source(),
            text: self.sample.clone(),
        };
        self.tried = dry_run::Tries::asking(cx.order(command, ""), cx.shared.now);
    }

    pub(super) fn draw_kind(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let kind = match self.gate() {
            Some(Gate::On(at)) => work.draft.string(&format!("validators.{at}.kind")),
            Some(Gate::Off(at)) => {
                let text = work.off.get(at).map_or("", |(_, text)| text.as_str());
                Draft::read(text).map_or_else(|_| String::new(), |draft| draft.string("kind"))
            }
            None => String::new(),
        };
        let inner = pane(
            buf,
            area,
            if kind.is_empty() { "Validators" } else { &kind },
            "T tries",
            self.preview,
            shared,
        );
        let width = usize::from(inner.width.saturating_sub(3));
        let mut row = 0;
        let mut say = |at: u16, text: &str, slot: Slot| {
            for line in wrap(text, width) {
                put(buf, inner, at, row, &line, shared.style(slot));
                row += 1;
            }
        };
        if let Some(known) = self.kind(&kind) {
            say(1, &known.summary, Slot::Fg);
            if !known.example.is_empty() {
                say(1, " ", Slot::Fg);
                say(1, "for example", Slot::Muted);
                known
                    .example
                    .lines()
                    .for_each(|line| say(2, line.trim(), Slot::Muted));
            }
        } else {
            say(1, "a adds a validator: cheap ones first, a judge last.", Slot::Fg);
        }
        say(1, " ", Slot::Fg);
        let tried = &self.tried;
        if tried.is_slow(shared.now) {
            say(1, "Trying …", Slot::Muted);
        }
        if let Some(sample) = tried.samples.first().and_then(|one| one.sample.as_ref()) {
            say(1, "the pasted answer", Slot::Muted);
            for (slot, line) in dry_run::verdicts(sample) {
                say(2, &line, slot);
            }
        }
        if let Some(error) = &tried.error {
            let below = Rect {
                y: inner.y + row,
                height: inner.height.saturating_sub(row),
                ..inner
            };
            failure(buf, below, error, shared);
        }
    }
}

/// Switches one on or off.
fn toggle(work: &mut Work, place: usize, gate: Gate) {
    match gate {
        Gate::On(at) => {
            if let Some(text) = work.draft.take("validators", at) {
                work.off.push((place, text));
            }
        }
        Gate::Off(at) => {
            let before = gates(work);
            let on = before[..place.min(before.len())]
                .iter()
                .filter(|gate| matches!(gate, Gate::On(_)))
                .count();
            let (_, text) = work.off.remove(at);
            if work.draft.insert("validators", on, &text).is_err() {
                work.off.insert(at, (place, text));
            }
        }
    }
}

/// Moves one past its neighbour. False if there is none.
fn swap(work: &mut Work, at: usize, to: usize) -> bool {
    let mut all = gates(work);
    if at == to || to >= all.len() || at >= all.len() {
        return false;
    }
    if let (Gate::On(one), Gate::On(other)) = (all[at], all[to]) {
        work.draft.shift("validators", one, other);
        return true;
    }
    all.swap(at, to);
    settle(work, &all);
    true
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::work::Origin;
    use super::*;

    fn work() -> Work {
        let text = "[[validators]]\nkind = \"a\"\n\n[[validators]]\nkind = \"b\"\nx = 1 # why\n\n[[validators]]\nkind = \"c\"\n";
        Work::new(
            "d".to_owned(),
            Draft::read(text).unwrap(),
            PathBuf::new(),
            Origin::Blank,
        )
    }

    fn kinds(work: &Work) -> String {
        let kind = |gate: &Gate| match gate {
            Gate::On(at) => work.draft.string(&format!("validators.{at}.kind")),
            Gate::Off(at) => format!("({})", Draft::read(&work.off[*at].1).unwrap().string("kind")),
        };
        gates(work).iter().map(kind).collect()
    }

    #[test]
    fn switching_off_and_on_keeps_place_and_comment() {
        let mut work = work();
        let before = work.draft.text();
        toggle(&mut work, 1, Gate::On(1));
        assert_eq!(kinds(&work), "a(b)c");
        assert!(swap(&mut work, 1, 2));
        assert_eq!(kinds(&work), "ac(b)");
        assert!(swap(&mut work, 2, 1));
        toggle(&mut work, 1, Gate::Off(0));
        assert_eq!(kinds(&work), "abc");
        assert_eq!(work.draft.text(), before);
        assert!(swap(&mut work, 0, 1));
        assert_eq!(kinds(&work), "bac");
        assert!(!swap(&mut work, 2, 3));
    }

    #[test]
    fn problems_find_their_line() {
        assert!(same("validators.2.field", "@on.1"));
        assert!(!same("validators.2.field", "@on.2"));
    }
}
