//! One sample from six sides: as a tree, raw, what was asked for it, how it differs, what the validators said, where it came from.

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::api::{Answer, Query, SampleDetail, StepPrompt};
use crate::core::ports::RequestRow;
use crate::core::sample::{Sample, SampleId};
use crate::core::text::grouped;

use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::message::Message;
use crate::tui::remote::Remote;
use crate::tui::text::{put, time_of_day};
use crate::tui::theme::Slot;
use crate::tui::widgets::cursor::Cursor;

use super::diff::diff;
use super::rows::Row;
use super::sides::{attempt, double, raw, scores, standing, wrap_spans};
use super::tree::{Line, Look, paragraph, tree};

/// A side of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Pretty,
    Raw,
    Prompt,
    Diff,
    Scores,
    Meta,
}

impl Tab {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Pretty, "Pretty"),
        (Self::Raw, "Raw"),
        (Self::Prompt, "Prompt"),
        (Self::Diff, "Diff"),
        (Self::Scores, "Scores"),
        (Self::Meta, "Meta"),
    ];

    pub(super) fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(tab, _)| *tab == self);
        found.map_or("", |(_, word)| word)
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(tab, _)| *tab)
    }

    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|(tab, _)| *tab == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()].0
    }
}

/// What is shown of the selected sample.
#[derive(Default)]
pub(super) struct Detail {
    pub(super) tab: Tab,
    /// Texts are shown as Markdown.
    pub(super) markdown: bool,
    of: Option<SampleId>,
    cursor: Cursor,
    folded: BTreeSet<String>,
    whole: Remote<SampleDetail>,
    prompts: Remote<Vec<StepPrompt>>,
    /// The sample it is compared with.
    other: Option<SampleId>,
    compared: Remote<SampleDetail>,
    /// Which attempt is shown raw; none: the sample itself.
    attempt: Option<usize>,
}

impl Detail {
    /// Shows another sample; `marked` are those a person marked.
    pub(super) fn show(&mut self, row: Option<&Row>, marked: &[SampleId], cx: &mut Cx) {
        let id = row.map(|(_, sample)| sample.id.clone());
        if id != self.of {
            self.of = id;
            self.cursor = Cursor::default();
            self.attempt = None;
            (self.whole, self.prompts) = (Remote::default(), Remote::default());
            (self.other, self.compared) = (None, Remote::default());
        }
        let Some((job, sample)) = row else { return };
        if matches!(self.tab, Tab::Meta | Tab::Diff) || self.attempt.is_some() {
            self.ask_whole(&sample.id, cx);
        }
        if self.tab == Tab::Prompt && self.prompts.value().is_none() && !self.prompts.is_pending() {
            self.prompts.ask(Query::Prompts(sample.id.clone()), cx);
        }
        if self.tab == Tab::Diff {
            let partner = marked
                .iter()
                .find(|id| **id != sample.id)
                .filter(|_| marked.len() == 2);
            let other = partner.cloned().or_else(|| double(job, sample));
            if other != self.other {
                self.compared = Remote::default();
                if let Some(other) = &other {
                    self.compared.ask(Query::Sample(other.clone()), cx);
                }
                self.other = other;
            }
        }
    }

    /// What is known of it may have changed.
    pub(super) fn forget(&mut self) {
        self.whole = Remote::default();
    }

    fn ask_whole(&mut self, id: &SampleId, cx: &mut Cx) {
        if self.whole.value().is_none() && self.whole.error().is_none() && !self.whole.is_pending() {
            self.whole.ask(Query::Sample(id.clone()), cx);
        }
    }

    pub(super) fn take(&mut self, message: &Message, cx: &mut Cx) -> bool {
        let whole = |answer: &Answer| {
            if let Answer::Sample(detail) = answer {
                Some(SampleDetail::clone(detail))
            } else {
                None
            }
        };
        let prompts = |answer: &Answer| {
            if let Answer::Prompts(prompts) = answer {
                Some(prompts.clone())
            } else {
                None
            }
        };
        let ask = |id: &Option<SampleId>| Query::Sample(id.clone().unwrap_or(SampleId(String::new())));
        let (of, other) = (self.of.clone(), self.other.clone());
        self.whole.take(message, whole, || ask(&of), cx)
            || self.prompts.take(message, prompts, || ask(&of), cx)
            || self.compared.take(message, whole, || ask(&other), cx)
    }

    /// Changes the side or moves in it; false if the action means nothing here.
    pub(super) fn act(&mut self, action: Action, row: Option<&Row>, area: Rect, shared: &Shared) -> bool {
        match action {
            Action::Next => self.turn(1),
            Action::Previous => self.turn(5),
            Action::NextAttempt | Action::PreviousAttempt => {
                let many = self.requests().len();
                if many == 0 {
                    // They are being asked for; the first one is shown when they come.
                    self.attempt = Some(0);
                    self.cursor = Cursor::default();
                    return true;
                }
                let at = self.attempt.map_or(0, |at| at + 1);
                let at = if action == Action::NextAttempt {
                    at + 1
                } else {
                    at + many
                } % (many + 1);
                self.attempt = at.checked_sub(1);
                self.cursor = Cursor::default();
            }
            Action::Fold | Action::Unfold => {
                let lines = row
                    .map(|row| self.lines(row, area.width, shared))
                    .unwrap_or_default();
                let branch = lines
                    .into_iter()
                    .nth(self.cursor.selected)
                    .and_then(|line| line.branch);
                if let Some(branch) = branch {
                    if action == Action::Fold {
                        self.folded.insert(branch);
                    } else {
                        self.folded.remove(&branch);
                    }
                }
            }
            movement => {
                let lines = row.map_or(0, |row| self.lines(row, area.width, shared).len());
                let page = usize::from(area.height.saturating_sub(1));
                return self.cursor.act(movement, lines, page);
            }
        }
        true
    }

    fn turn(&mut self, by: usize) {
        self.tab = self.tab.step(by);
        self.cursor = Cursor::default();
        self.attempt = None;
    }

    pub(super) fn open(&mut self, tab: Tab) {
        self.tab = tab;
        self.cursor = Cursor::default();
    }

    pub(super) fn wants_attempts(&mut self, row: Option<&Row>, cx: &mut Cx) {
        if let Some((_, sample)) = row {
            let id = sample.id.clone();
            self.ask_whole(&id, cx);
        }
    }

    fn requests(&self) -> &[RequestRow] {
        self.whole.value().map_or(&[], |whole| &whole.requests)
    }

    /// The heading's right side.
    pub(super) fn fact(&self) -> String {
        match self.attempt.filter(|at| *at < self.requests().len()) {
            Some(at) => format!("attempt {}/{}", at + 1, self.requests().len()),
            None => String::new(),
        }
    }

    pub(super) fn lines(&self, row: &Row, width: u16, shared: &Shared) -> Vec<Line> {
        let width = usize::from(width.saturating_sub(3));
        if let Some(request) = self.attempt.and_then(|at| self.requests().get(at)) {
            return attempt(request, width);
        }
        let (job, sample) = row;
        match self.tab {
            Tab::Pretty => self.pretty(sample, width),
            Tab::Raw => raw(sample, width),
            Tab::Prompt => self.prompt(width),
            Tab::Diff => self.compare(sample, width),
            Tab::Scores => scores(sample, width),
            Tab::Meta => self.meta(job, sample, shared),
        }
    }

    fn pretty(&self, sample: &Sample, width: usize) -> Vec<Line> {
        let look = Look {
            folded: &self.folded,
            width,
            markdown: self.markdown,
        };
        let mut lines = vec![standing(sample)];
        if !sample.tags.is_empty() {
            paragraph(
                &format!("# {}", sample.tags.join("  ")),
                0,
                Slot::Accent,
                width,
                &mut lines,
            );
        }
        lines.push(Line::of("", Slot::Fg));
        for step in &sample.steps {
            let finish = step.finish.as_str();
            let head = format!("{} by {} ({finish})", step.step, step.teacher);
            lines.push(Line::of(head, Slot::Title));
            if let Some(reasoning) = &step.reasoning {
                paragraph(reasoning, 2, Slot::Muted, width, &mut lines);
            }
            match &step.value {
                Some(value) => tree(&step.step, value, "steps", 0, &look, &mut lines),
                None => look.text(&step.text, 2, &mut lines),
            }
            for call in &step.tool_calls {
                let text = format!("calls {}({})", call.name, call.arguments);
                paragraph(&text, 2, Slot::JsonStr, width, &mut lines);
            }
            lines.push(Line::of("", Slot::Fg));
        }
        for (name, fields) in [("seed", &sample.seed), ("vary", &sample.vary)] {
            if !fields.is_empty() {
                let value = serde_json::Value::Object(fields.clone());
                tree(name, &value, "", 0, &look, &mut lines);
            }
        }
        lines
    }

    fn prompt(&self, width: usize) -> Vec<Line> {
        if let Some(error) = self.prompts.error() {
            return vec![Line::of(format!("✗ {error}"), Slot::Error)];
        }
        let Some(prompts) = self.prompts.value() else {
            return vec![Line::of("Rendering …", Slot::Muted)];
        };
        let mut lines = vec![
            Line::of("As the job stands now, from the sample's own seed", Slot::Muted),
            Line::of("and answers.", Slot::Muted),
        ];
        for prompt in prompts {
            lines.push(Line::of("", Slot::Fg));
            lines.push(Line::of(prompt.step.clone(), Slot::Title));
            if let Some(system) = &prompt.system {
                lines.push(Line::of("system", Slot::JsonKey));
                paragraph(system, 2, Slot::Fg, width, &mut lines);
                lines.push(Line::of("prompt", Slot::JsonKey));
            }
            match &prompt.prompt {
                Ok(text) => paragraph(text, 2, Slot::Fg, width, &mut lines),
                Err(why) => paragraph(&format!("✗ {why}"), 2, Slot::Error, width, &mut lines),
            }
            for (name, value) in &prompt.variables {
                lines.push(Line::of(format!("{{{{ {name} }}}}"), Slot::Var));
                paragraph(value, 4, Slot::Muted, width, &mut lines);
            }
        }
        lines
    }

    fn compare(&self, sample: &Sample, width: usize) -> Vec<Line> {
        let text = |steps: &[crate::core::sample::StepAnswer]| {
            let step = steps.last();
            let pretty = step.and_then(|step| step.value.as_ref());
            let pretty = pretty.and_then(|value| serde_json::to_string_pretty(value).ok());
            pretty
                .or_else(|| step.map(|step| step.text.clone()))
                .unwrap_or_default()
        };
        let original = self.whole.value().and_then(|whole| whole.original.as_ref());
        let (title, before) = match (self.compared.value(), original) {
            (Some(other), _) => {
                let index = grouped(other.sample.task.index);
                (
                    format!("from task {index} to this one"),
                    text(&other.sample.steps),
                )
            }
            (None, Some(original)) => (
                "from the teacher's answer to the edited one".to_owned(),
                text(original),
            ),
            (None, None) if self.whole.is_pending() || self.compared.is_pending() => {
                return vec![Line::of("Comparing …", Slot::Muted)];
            }
            (None, None) => {
                return vec![
                    Line::of("Nothing to compare it with.", Slot::Fg),
                    Line::of("It was not edited and is no duplicate;", Slot::Muted),
                    Line::of("space marks two samples to compare.", Slot::Muted),
                ];
            }
        };
        let mut lines = vec![Line::of(title, Slot::Muted), Line::of("", Slot::Fg)];
        for spans in diff(&before, &text(&sample.steps)) {
            wrap_spans(spans, width, &mut lines);
        }
        lines
    }

    fn meta(&self, job: &str, sample: &Sample, shared: &Shared) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut say = |name: &str, value: String| {
            lines.push(Line::plain(vec![
                (format!("{name:<10}"), Slot::JsonKey),
                (value, Slot::Fg),
            ]));
        };
        say("id", sample.id.0.clone());
        say("job", job.to_owned());
        say("task", grouped(sample.task.index));
        say("candidate", sample.candidate.to_string());
        if !sample.tags.is_empty() {
            say("tags", sample.tags.join(", "));
        }
        say(
            "place",
            sample.seq.map_or("–".to_owned(), |seq| {
                format!("{} in the dataset", grouped(seq.unsigned_abs()))
            }),
        );
        let tokens = |count: Option<u64>| count.map_or("–".to_owned(), grouped);
        for step in &sample.steps {
            let usage = &step.usage;
            let used = format!("{} tokens in, {} out", tokens(usage.input), tokens(usage.output));
            say("step", format!("{} · {} · {used}", step.step, step.teacher));
        }
        if let Some(review) = &sample.review {
            let at = time_of_day(review.at_ms, shared.options.offset_seconds);
            let note = review.note.as_deref().unwrap_or("no reason");
            say("by hand", format!("{} at {at} ({note})", review.action));
        }
        match self.whole.value() {
            None => say("attempts", "…".to_owned()),
            Some(whole) => {
                for (at, request) in whole.requests.iter().enumerate() {
                    let took = request.response.as_ref().map_or(String::new(), |response| {
                        format!(" · {:.1} s", response.latency.as_secs_f64())
                    });
                    let error = request
                        .error
                        .as_ref()
                        .map_or(String::new(), |error| format!(" · {error}"));
                    let state = request.state.word();
                    let text = format!(
                        "{} · {state}{took} · {}{error}",
                        request.question.step, request.cost
                    );
                    say(&format!("attempt {}", at + 1), text);
                    say("", format!("{} · {}", request.teacher, request.fingerprint.hex()));
                }
            }
        }
        lines
    }

    pub(super) fn view(&self, row: &Row, focused: bool, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let muted = shared.style(Slot::Muted);
        let mut at = 1;
        for (tab, name) in Tab::ALL {
            let (text, style) = if tab == self.tab {
                (format!("[{name}]"), shared.style(Slot::Title))
            } else {
                (format!(" {name} "), muted)
            };
            at += put(buf, area, at, 0, &text, style);
        }
        let below = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        let lines = self.lines(row, area.width, shared);
        let offset = self.cursor.offset.min(lines.len().saturating_sub(1));
        for (row, line) in lines
            .iter()
            .skip(offset)
            .take(usize::from(below.height))
            .enumerate()
        {
            let mut x = 2;
            for (at, (text, slot)) in line.spans.iter().enumerate() {
                let look = line.looks.get(at).copied().unwrap_or_default();
                let style = shared.style(*slot).add_modifier(look);
                x += put(buf, below, x, row as u16, text, style);
            }
            if focused && offset + row == self.cursor.selected {
                put(buf, below, 0, row as u16, "▌", shared.style(Slot::Accent));
            }
        }
    }
}
