//! Step 6, the teachers of one step: who can do it, who does, and with which weight.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use serde_json::{Value, json};

use crate::core::api::{Command, Health};
use crate::core::job::TeacherUse;
use crate::core::route::{Teacher, eligible_for};
use crate::tui::context::{Cx, Shared};
use crate::tui::keys::Action;
use crate::tui::layout::Width;
use crate::tui::text::{compact, put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::pane::{bar, empty, failure, pane};
use crate::tui::widgets::table::{Column, numbers, table, words};

use super::form::{Kind, Line};
use super::typing::Input;
use super::work::Work;
use super::{NewJob, Step};

/// A teacher as the step sees it.
pub(super) struct Row {
    name: String,
    teacher: Option<Teacher>,
    /// Its weight, if it is used.
    weight: Option<f64>,
    /// Why it cannot be used.
    reason: Option<String>,
}

const COLUMNS: [Column; 5] = [
    words("TEACHER", 20, 9),
    words("WEIGHT", 12, 8),
    numbers("SHARE", 5, 7),
    numbers("$/M IN", 7, 3),
    numbers("OUT", 7, 3),
];

impl NewJob {
    fn named(work: &Work) -> Vec<TeacherUse> {
        let value = work.draft.get(&work.path("teachers"));
        value
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default()
    }

    pub(super) fn teacher_rows(&self, work: &Work, shared: &Shared) -> Vec<Row> {
        let teachers = self.teachers.value().map_or(&[][..], Vec::as_slice);
        let named = Self::named(work);
        let capability = work.draft.string(&work.path("capability"));
        let capability = (!capability.is_empty()).then_some(capability);
        let mix = eligible_for(capability.as_deref(), &named, teachers);
        let health = shared.progress.iter().flat_map(|progress| &progress.providers);
        let off: Vec<(&str, &str)> = health
            .filter(|one| one.health == Health::Off)
            .map(|one| (one.name.as_str(), one.message.as_deref().unwrap_or("it is off")))
            .collect();
        let mut rows: Vec<Row> = teachers
            .iter()
            .enumerate()
            .map(|(at, teacher)| {
                let weight = mix
                    .iter()
                    .find(|share| share.teacher == at)
                    .map(|share| share.weight);
                let is_off = off.iter().find(|(name, _)| *name == teacher.provider);
                let lacks = capability.as_ref().filter(|wanted| {
                    named.is_empty() && weight.is_none() && !teacher.capabilities.contains(wanted)
                });
                let reason = match (is_off, lacks) {
                    (Some((_, why)), _) => Some((*why).to_owned()),
                    (None, Some(wanted)) => Some(format!("does not declare {wanted}")),
                    (None, None) => None,
                };
                Row {
                    name: teacher.name.clone(),
                    teacher: Some(teacher.clone()),
                    weight,
                    reason,
                }
            })
            .collect();
        for used in named {
            if !rows.iter().any(|row| row.name == used.name) {
                rows.push(Row {
                    name: used.name,
                    teacher: None,
                    weight: Some(used.weight),
                    reason: Some("not configured".to_owned()),
                });
            }
        }
        // Those that are used first, those that cannot be last.
        rows.sort_by_key(|row| (row.weight.is_none(), row.reason.is_some()));
        rows
    }

    pub(super) fn providers_act(&mut self, action: Action, cx: &mut Cx) {
        let at = self.cursors[Step::Providers.at()].selected;
        let Some(work) = &self.work else { return };
        if action == Action::Open {
            let path = work.path("capability");
            self.input = Input::Line {
                field: Field::holding(&work.draft.string(&path)),
                line: Line::new("capability", &path, Kind::Text, String::new(), ""),
            };
            return;
        }
        let rows = self.teacher_rows(work, cx.shared);
        let Some(row) = rows.get(at) else { return };
        if action == Action::Test {
            if let Some(teacher) = &row.teacher {
                let name = teacher.provider.clone();
                cx.order(Command::TestProvider(name.clone()), format!("Tested {name}"));
            }
            return;
        }
        let name = row.name.clone();
        let mut used: Vec<(String, f64)> = rows
            .iter()
            .filter_map(|row| Some((row.name.clone(), row.weight?)))
            .collect();
        let mine = used.iter().position(|(one, _)| *one == name);
        match (action, mine) {
            (Action::Toggle, Some(mine)) => {
                used.remove(mine);
            }
            (Action::Toggle | Action::More, None) => used.push((name.clone(), 1.0)),
            (Action::More, Some(mine)) => used[mine].1 += 1.0,
            (Action::Less, Some(mine)) => used[mine].1 = (used[mine].1 - 1.0).max(0.0),
            (Action::Even, _) => used.iter_mut().for_each(|(_, weight)| *weight = 1.0),
            _ => return,
        }
        let listed: Vec<Value> = used
            .iter()
            .map(|(name, weight)| {
                if (*weight - 1.0).abs() < 1e-9 {
                    json!({ "use": name })
                } else if weight.fract() == 0.0 {
                    json!({ "use": name, "weight": *weight as i64 })
                } else {
                    json!({ "use": name, "weight": weight })
                }
            })
            .collect();
        if let Some(work) = &mut self.work {
            work.remember();
            let path = work.path("teachers");
            if listed.is_empty() {
                work.draft.remove(&path);
            } else {
                work.draft.set(&path, &Value::Array(listed));
            }
        }
        self.changed(cx);
        // The cursor follows what was changed.
        if let Some(work) = &self.work {
            let rows = self.teacher_rows(work, cx.shared);
            if let Some(at) = rows.iter().position(|row| row.name == name) {
                let page = self.page(cx.shared);
                let cursor = &mut self.cursors[Step::Providers.at()];
                cursor.selected = at;
                cursor.clamp(rows.len(), page);
            }
        }
    }

    pub(super) fn draw_teachers(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let rows = self.teacher_rows(work, shared);
        let used = rows.iter().filter(|row| row.weight.is_some()).count();
        let fact = format!("{used} of {} used", rows.len());
        let title = if work.draft.len("steps") > 1 {
            format!("Teachers of {}", work.question_name())
        } else {
            "Teachers".to_owned()
        };
        let inner = pane(buf, area, &title, &fact, true, shared);
        if let Some(error) = self.teachers.error() {
            return failure(buf, inner, error, shared);
        }
        if self.teachers.value().is_none() {
            if self.teachers.is_slow(shared.now) {
                empty(buf, inner, &["Loading the teachers …"], shared);
            }
            return;
        }
        if rows.is_empty() {
            let lines = [
                "No teacher is configured.",
                "5 adds a provider; the draft is kept",
            ];
            return empty(buf, inner, &lines, shared);
        }
        let total: f64 = rows.iter().filter_map(|row| row.weight).sum();
        let cursor = self.cursors[Step::Providers.at()];
        let (fg, muted) = (shared.style(Slot::Fg), shared.style(Slot::Muted));
        let cells = rows.iter().skip(cursor.offset).map(|row| {
            let style = if row.reason.is_some() && row.weight.is_none() {
                muted
            } else {
                fg
            };
            let mark = match (row.weight, &row.reason) {
                (Some(_), Some(_)) => "▲",
                (Some(_), None) => "●",
                (None, Some(_)) => "–",
                (None, None) => "○",
            };
            let weight = row.weight.map_or_else(
                || row.reason.clone().unwrap_or_default(),
                |weight| {
                    let part = if total > 0.0 { weight / total } else { 0.0 };
                    format!("{weight:<4}{}", bar(part, 8))
                },
            );
            let share = row.weight.map_or_else(String::new, |weight| {
                if total > 0.0 {
                    format!("{:.0}%", weight * 100.0 / total)
                } else {
                    "-".to_owned()
                }
            });
            let price = row.teacher.as_ref().and_then(|teacher| teacher.price);
            let dollars =
                |price: Option<f64>| price.map_or_else(|| "–".to_owned(), |usd| format!("{usd:.2}"));
            vec![
                (format!("{mark} {}", row.name), style),
                (weight, style),
                (share, style),
                (dollars(price.map(|price| price.input)), muted),
                (dollars(price.map(|price| price.output)), muted),
            ]
        });
        table(
            buf,
            inner,
            &COLUMNS,
            cells,
            Some(cursor.selected - cursor.offset),
            shared,
        );
    }

    /// The capability while it is typed, in the last row of the list.
    pub(super) fn draw_field_below(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Option<Position> {
        let field = self.input.field()?;
        let inner = crate::tui::layout::inside(area, shared.size.width);
        let row = inner.height.saturating_sub(1);
        put(
            buf,
            inner,
            1,
            row,
            &" ".repeat(usize::from(inner.width.saturating_sub(2))),
            shared.style(Slot::Fg),
        );
        let at = 1 + put(buf, inner, 1, row, "capability: ", shared.style(Slot::Muted));
        Some(field.draw(buf, inner, at, row, shared.style(Slot::Accent)))
    }

    /// How the step is routed, and what is known of the selected teacher.
    pub(super) fn draw_routing(&self, work: &Work, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let rows = self.teacher_rows(work, shared);
        let selected = rows.get(self.cursors[Step::Providers.at()].selected);
        let name = selected.map_or("Routing", |row| row.name.as_str());
        let inner = pane(buf, area, name, "t tests", self.preview, shared);
        let width = usize::from(inner.width.saturating_sub(2));
        let mut lines: Vec<(Slot, String)> = Vec::new();
        if let Some(row) = selected {
            if let Some(teacher) = &row.teacher {
                let context = teacher
                    .context
                    .map_or_else(|| "unknown".to_owned(), |context| compact(context as f64));
                let price = teacher.price.map_or_else(
                    || "unknown: the cost cannot be told".to_owned(),
                    |price| format!("${} in, ${} out, a million tokens", price.input, price.output),
                );
                let can = if teacher.capabilities.is_empty() {
                    "none declared".to_owned()
                } else {
                    teacher.capabilities.join(", ")
                };
                lines.push((Slot::Fg, format!("can       {can}")));
                lines.push((Slot::Fg, format!("context   {context} tokens")));
                lines.push((Slot::Fg, format!("price     {price}")));
                let health = shared.progress.iter().flat_map(|progress| &progress.providers);
                if let Some(health) = health.into_iter().find(|one| one.name == teacher.provider) {
                    let message = health.message.clone().unwrap_or_default();
                    lines.push((
                        Slot::Fg,
                        format!("provider  {} {message}", health_word(health.health)),
                    ));
                }
            }
            if let Some(reason) = &row.reason {
                lines.push((Slot::Warn, format!("▲ {reason}")));
            }
            lines.push((Slot::Fg, " ".to_owned()));
        }
        let capability = work.draft.string(&work.path("capability"));
        let how = match (Self::named(work).is_empty(), capability.is_empty()) {
            (false, _) => "The step names its teachers. space takes one in or out; without any it is routed again.".to_owned(),
            (true, false) => format!("Every teacher that declares {capability} is asked, by its configured weight. space names them instead."),
            (true, true) => "Every configured teacher is asked, by its configured weight. c routes by a capability, space names teachers.".to_owned(),
        };
        lines.push((Slot::Muted, how));
        let rows = lines
            .into_iter()
            .flat_map(|(slot, line)| wrap(&line, width).into_iter().map(move |line| (slot, line)));
        for (row, (slot, line)) in rows.enumerate() {
            put(buf, inner, 1, row as u16, &line, shared.style(slot));
        }
        if Width::of(shared.size.width) == Width::Wide && rows_are_alone(work) {
            let last = inner.height.saturating_sub(1);
            put(
                buf,
                inner,
                1,
                last,
                "0 is a fallback only",
                shared.style(Slot::Muted),
            );
        }
    }
}

fn rows_are_alone(work: &Work) -> bool {
    !NewJob::named(work).is_empty()
}

fn health_word(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Slow => "slow",
        Health::Limited => "limited",
        Health::Down => "down",
        Health::Off => "off",
    }
}
