//! The end of a queue: what was said in all, how well it agrees, and who won a comparison, names and all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::core::review::QueueKind;
use crate::core::review::agreement::{Match, wilson};

use crate::tui::context::Shared;
use crate::tui::overlay::Page;
use crate::tui::text::{put, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::pane::pane;

use super::deciding::kappa;
use super::session::Session;

/// Draws it.
pub(super) fn view(session: &Session, shared: &Shared, area: Rect, buf: &mut Buffer) {
    let title = match session.kind {
        QueueKind::Decide => "Done",
        QueueKind::Compare => "Result",
    };
    let inner = pane(buf, area, title, "w exports · n new queue", true, shared);
    let told = told(session);
    let width = usize::from(inner.width.saturating_sub(4));
    let mut row = u16::from(inner.height > 10);
    for (text, slot) in told {
        if row + 2 > inner.height {
            let (line, style) = (inner.height.saturating_sub(1), shared.style(Slot::Muted));
            put(buf, inner, 0, line, &" ".repeat(usize::from(inner.width)), style);
            put(buf, inner, 2, line, "… o shows all of it", style);
            return;
        }
        if text.starts_with(' ') {
            // A line of a table is cut, not broken.
            put(buf, inner, 2, row, &text, shared.style(slot));
            row += 1;
            continue;
        }
        for line in wrap(&text, width)
            .iter()
            .map(String::as_str)
            .chain(text.is_empty().then_some(""))
        {
            put(buf, inner, 2, row, line, shared.style(slot));
            row += 1;
        }
    }
}

/// All of it on a page of its own, for where there is no room.
pub(super) fn page(session: &Session) -> Page {
    let lines = told(session).into_iter().map(|(text, slot)| (slot, text));
    Page::large("Result", lines.collect())
}

fn told(session: &Session) -> Vec<(String, Slot)> {
    match session.kind {
        QueueKind::Decide => decided(session),
        QueueKind::Compare => compared(session),
    }
}

fn minutes(took_ms: u64) -> String {
    match took_ms / 1000 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

fn decided(session: &Session) -> Vec<(String, Slot)> {
    let (tally, _) = session.figures();
    let yes = tally.accepted + tally.edited;
    let done = yes + tally.rejected + tally.skipped;
    let kappa = kappa(tally.kappa);
    let mut lines = vec![
        (
            format!(
                "{done} done · ✓{yes} ✗{} ·{} · {} · κ {kappa} vs validators",
                tally.rejected,
                tally.skipped,
                minutes(tally.took_ms)
            ),
            Slot::Title,
        ),
        (String::new(), Slot::Fg),
    ];
    if tally.edited > 0 {
        lines.push((format!("Accepted after an edit: {}", tally.edited), Slot::Fg));
    }
    let agreement = match tally.judged {
        0 => "The validators had left all of these to you: no agreement to measure.".to_owned(),
        judged => format!(
            "Agreement with the validators over {judged} samples: Cohen's κ {kappa} (1 always, 0 as by chance)."
        ),
    };
    lines.push((agreement, Slot::Fg));
    if !tally.reasons.is_empty() {
        let most = tally.reasons.iter().take(8);
        let told: Vec<String> = most.map(|(reason, count)| format!("{reason} {count}")).collect();
        lines.push((format!("Rejected for: {}.", told.join(" · ")), Slot::Fg));
    }
    if tally.same.1 > 0 {
        let (same, all) = tally.same;
        lines.push((
            format!("Second looks: you said the same {same} of {all} times."),
            Slot::Fg,
        ));
    }
    if tally.unblinded > 0 && session.spec().is_some_and(|spec| spec.blind) {
        lines.push((
            format!("{} decided after looking at teacher or scores.", tally.unblinded),
            Slot::Muted,
        ));
    }
    sliced(session, "accepted", &mut lines);
    lines.push((String::new(), Slot::Fg));
    lines.push((
        "w export decisions · n new queue · Q judges against them · u take back".to_owned(),
        Slot::Muted,
    ));
    lines
}

/// What samples with something in common got: how many of them were `what`.
fn sliced(session: &Session, what: &str, lines: &mut Vec<(String, Slot)>) {
    let slices = session.report.value().map_or(&[][..], |report| &report.slices);
    let mut by = "";
    for slice in slices {
        if slice.by != by {
            by = &slice.by;
            lines.push((String::new(), Slot::Fg));
            lines.push((format!("By {by}, {what}:"), Slot::Muted));
        }
        let all = slice.yes + slice.no;
        let (low, high) = wilson(slice.yes, all);
        let share = slice.yes as f64 * 100.0 / all.max(1) as f64;
        let (low, high) = (low * 100.0, high * 100.0);
        let text = format!(
            " {:>5} of {all:<5} {share:>3.0} % ({low:.0} to {high:.0})  {}",
            slice.yes, slice.value
        );
        lines.push((text, Slot::Fg));
    }
}

/// A share and its interval in per cent.
fn percent((share, (low, high)): (f64, (f64, f64))) -> String {
    format!(
        "{:.0} % (95 %: {:.0} to {:.0} %)",
        share * 100.0,
        low * 100.0,
        high * 100.0
    )
}

fn compared(session: &Session) -> Vec<(String, Slot)> {
    let (_, matched) = session.figures();
    let unnamed = ["the first".to_owned(), "the second".to_owned()];
    let sources = session.spec().and_then(|spec| spec.sources.clone());
    let [first, second] = sources.unwrap_or(unnamed);
    let Match {
        ties,
        both_bad,
        skipped,
        ..
    } = matched;
    let all = matched.decided() + ties + both_bad + skipped;
    let mut lines = vec![
        (
            format!(
                "{all} done · {} with a winner · {ties} ties · {both_bad} both bad · {skipped} skipped · {}",
                matched.decided(),
                minutes(matched.took_ms)
            ),
            Slot::Title,
        ),
        (String::new(), Slot::Fg),
        (format!("{:>5}  {first}", matched.first), Slot::Fg),
        (format!("{:>5}  {second}", matched.second), Slot::Fg),
        (String::new(), Slot::Fg),
    ];
    if matched.decided() == 0 {
        lines.push((
            "No pair has a winner: nothing can be said.".to_owned(),
            Slot::Muted,
        ));
    } else {
        let (share, (low, high)) = matched.first_share();
        let verdict = if low > 0.5 {
            format!("{first} is better.")
        } else if high < 0.5 {
            format!("{second} is better.")
        } else {
            "That may be chance: one half is within the interval.".to_owned()
        };
        let won = percent((share, (low, high)));
        lines.push((format!("{first} won {won}. {verdict}"), Slot::Fg));
        let (side, (low, high)) = matched.side_share();
        let bias = if low > 0.5 || high < 0.5 {
            "The side mattered: take the result with care."
        } else {
            "No sign that the side mattered."
        };
        let side = percent((side, (low, high)));
        lines.push((format!("Position: A won {side}. {bias}"), Slot::Fg));
        lines.push((
            "Wilson intervals of the pairs with a winner.".to_owned(),
            Slot::Muted,
        ));
    }
    if matched.unblinded > 0 {
        lines.push((
            format!("{} said after looking whose they are.", matched.unblinded),
            Slot::Muted,
        ));
    }
    sliced(session, &format!("won by {first}"), &mut lines);
    lines.push((String::new(), Slot::Fg));
    lines.push((
        "w export · n new queue · u take the last back".to_owned(),
        Slot::Muted,
    ));
    lines
}
