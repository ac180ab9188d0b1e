//! The frame every step has: form, problems and preview, cut as the terminal is wide, and what fills them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::core::api::Failure;
use crate::core::job::parse::{Problem, Severity};
use crate::tui::context::Shared;
use crate::tui::layout::{Width, inside, left, shell, top};
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::typing::Input;
use super::work::Work;
use super::{NewJob, Step, form, glyph, last_of, validators};

/// A failure with all that is wrong with the job, and what to do about it.
pub(super) fn told(error: &Failure, help: &str) -> Failure {
    let mut error = error.clone();
    let said = error.problems.iter().map(Problem::said);
    error.causes.extend(said.collect::<Vec<_>>());
    error.help = Some(help.to_owned());
    error
}

impl NewJob {
    /// Where form, problems and preview are.
    pub(super) fn panes(&self, shared: &Shared, area: Rect) -> (Rect, Rect, Rect) {
        let none = Rect { height: 0, ..area };
        if self.step.0 == Step::Template && Width::of(shared.size.width) != Width::Wide {
            let (list, about) = top(area, area.height - (area.height / 3).max(4).min(area.height));
            return (list, none, if area.height >= 16 { about } else { none });
        }
        match Width::of(shared.size.width) {
            Width::Wide => {
                let (form, preview) = left(area, area.width * 11 / 20);
                if area.height < 20 || self.step.0 == Step::Template {
                    return (form, none, preview);
                }
                let (form, strip) = top(form, form.height - 6);
                (form, strip, preview)
            }
            _ if self.preview => (none, none, area),
            Width::Narrow if self.work.is_some() && area.height > 6 => {
                let (form, strip) = top(area, area.height - 1);
                (form, strip, none)
            }
            _ => (area, none, none),
        }
    }

    /// Rows of the form that are seen.
    pub(super) fn page(&self, shared: &Shared) -> usize {
        let (form, ..) = self.panes(shared, shell(shared.size).body);
        let heading = usize::from(matches!(
            self.step.0,
            Step::Template | Step::Providers | Step::DryRun
        ));
        usize::from(inside(form, shared.size.width).height).saturating_sub(heading)
    }

    /// What the open step has to say first, for the line where there is no room for more.
    pub(super) fn word(&self) -> String {
        if let Some((_, why)) = self.work.as_ref().and_then(|work| work.broken.as_ref()) {
            return format!("the file is no TOML (ctrl-e): {why}");
        }
        let here = self.problems(Some(self.step.0));
        if let (true, Some(error), true) = (self.step.0 == Step::Seeds, self.seeds.error(), here.is_empty()) {
            return format!("✗ {}", error.message);
        }
        if let Some(first) = here.first() {
            let more = match here.len() {
                1 => String::new(),
                many => format!(" (1 of {many})"),
            };
            return format!("{}{}: {}{more}", glyph(first), last_of(&first.key), first.message);
        }
        match self.blocking() {
            Some(step) => format!("✗ {} has a problem", step.names().0),
            None => String::new(),
        }
    }

    /// The problems of this step, and the way on.
    pub(super) fn strip(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        if Width::of(shared.size.width) == Width::Narrow {
            let word = self.word();
            let slot = if word.starts_with('▲') {
                Slot::Warn
            } else {
                Slot::Error
            };
            put(buf, area, 0, 0, &word, shared.style(slot));
            return;
        }
        let errors = self.errors(self.step.0);
        let title = match errors {
            0 => "Step".to_owned(),
            1 => "1 problem blocks the next step".to_owned(),
            many => format!("{many} problems block the next step"),
        };
        let inner = pane(buf, area, &title, "", false, shared);
        let last = inner.height.saturating_sub(1);
        let mut row = 0;
        let broken = self.work.as_ref().and_then(|work| work.broken.as_ref());
        if let Some((_, why)) = broken {
            put(
                buf,
                inner,
                1,
                0,
                &format!("✗ the file is no TOML: {why}"),
                shared.style(Slot::Error),
            );
            put(buf, inner, 3, 1, "ctrl-e opens it", shared.style(Slot::Muted));
            row = last;
        }
        for problem in self.problems(Some(self.step.0)) {
            let slot = match problem.severity {
                Severity::Error => Slot::Error,
                Severity::Warning => Slot::Warn,
            };
            let lines = wrap(&problem.said(), usize::from(inner.width.saturating_sub(4)));
            for (at, line) in lines.iter().enumerate() {
                if row >= last {
                    break;
                }
                put(
                    buf,
                    inner,
                    1,
                    row,
                    if at == 0 { glyph(problem).trim() } else { "" },
                    shared.style(slot),
                );
                put(buf, inner, 3, row, line, shared.style(Slot::Fg));
                row += 1;
            }
        }
        if row == 0 {
            let (glyph, text, slot) = if self.check.is_pending() && self.check.value().is_none() {
                ("○", "checking …", Slot::Muted)
            } else {
                ("✓", "nothing is wrong with this step", Slot::Ok)
            };
            put(buf, inner, 1, 0, glyph, shared.style(slot));
            put(buf, inner, 3, 0, text, shared.style(Slot::Fg));
        }
        let at = self.step.0.at();
        let back = Step::of_place(at.saturating_sub(1)).names().0;
        let next = if self.step.0 == Step::Launch {
            "l launches".to_owned()
        } else {
            format!("] {}", Step::of_place(at + 1).names().0)
        };
        let text = format!("[ {back}   {next}   q leaves, the draft is kept");
        put(buf, inner, 1, last, &text, shared.style(Slot::Muted));
    }

    pub(super) fn form(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let Some(work) = &self.work else {
            self.draw_gallery(shared, area, buf);
            return None;
        };
        if let Some((target, text)) = self.input.text() {
            let inner = pane(
                buf,
                area,
                target.title(),
                "esc stops, the text stays",
                true,
                shared,
            );
            return text.draw(None, shared, inner, buf);
        }
        match self.step.0 {
            Step::Template => {
                self.draw_gallery(shared, area, buf);
                return None;
            }
            Step::Prompts => return self.draw_prompts(work, shared, area, buf),
            Step::Providers => {
                self.draw_teachers(work, shared, area, buf);
                return self.draw_field_below(shared, area, buf);
            }
            Step::DryRun => {
                self.draw_dry(shared, area, buf);
                return None;
            }
            _ => {}
        }
        let (title, fact) = self.form_title(work);
        let inner = pane(buf, area, &title, &fact, !self.preview, shared);
        let mut lines = self.lines(shared);
        let mut cursor = self.cursor();
        // A value that is being added has no line yet.
        if let Input::Line { line, .. } = &self.input
            && !lines.iter().any(|one| one.path == line.path)
        {
            lines.push(line.clone());
            cursor.selected = lines.len() - 1;
            cursor.clamp(lines.len(), usize::from(inner.height));
        }
        if self.step.0 == Step::Launch {
            let (_, below) = top(inner, lines.len() as u16);
            self.draw_summary(work, shared, below, buf);
        }
        let wrong: Vec<String> = self
            .problems(Some(self.step.0))
            .into_iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.key.clone())
            .collect();
        let question = work.question_name();
        let is_wrong = |path: &str| {
            let named = path.replacen(
                &format!("steps.{}.", work.question),
                &format!("steps.{question}."),
                1,
            );
            let named = validators::counted(&named);
            !path.is_empty()
                && wrong.iter().any(|key| {
                    *key == named || key.starts_with(&format!("{named}.")) || validators::same(key, path)
                })
        };
        form::draw(&lines, cursor, self.input.field(), &is_wrong, shared, inner, buf)
    }

    pub(super) fn form_title(&self, work: &Work) -> (String, String) {
        let question = || {
            let all = work.draft.len("steps");
            let name = work.question_name();
            if all > 1 {
                format!("{name} · {} of {all}, s next", work.question + 1)
            } else {
                name
            }
        };
        match self.step.0 {
            Step::Seeds => ("Seeds".to_owned(), self.seeds_fact(work)),
            Step::Schema => ("Answer and dataset".to_owned(), question()),
            Step::Validators => (
                "Validators".to_owned(),
                "in order; the first rejection ends it".to_owned(),
            ),
            Step::Limits => ("Limits".to_owned(), String::new()),
            _ => ("Job".to_owned(), String::new()),
        }
    }

    pub(super) fn beside(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let Some(work) = &self.work else {
            return self.draw_choice(shared, area, buf);
        };
        match self.step.0 {
            Step::Template => self.draw_choice(shared, area, buf),
            Step::Seeds => self.draw_rows(shared, area, buf),
            Step::Prompts => self.draw_preview(work, shared, area, buf),
            Step::Schema => self.draw_example(work, shared, area, buf),
            Step::Validators => self.draw_kind(work, shared, area, buf),
            Step::Providers => self.draw_routing(work, shared, area, buf),
            Step::Limits => self.draw_cost(shared, area, buf),
            Step::DryRun => self.draw_dry_sample(shared, area, buf),
            Step::Launch => self.draw_file(work, shared, area, buf),
        }
    }
}
