//! The terminal application by behaviour: key scripts against a canned engine, and the pictures they lead to.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests touch files and may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use destilation::core::api::{Command, Event, Level};
use destilation::core::job::JobState;
use destilation::tui::keys::{self, Action, TABLES};
use destilation::tui::{Exit, Message, Options, theme};

use canned::{Says, progress};
use world::{Hand, key};

#[path = "tui/again.rs"]
mod again;
#[path = "tui/boards.rs"]
mod boards;
#[path = "tui/bulk.rs"]
mod bulk;
#[path = "tui/canned.rs"]
mod canned;

#[path = "tui/endpoints.rs"]
mod endpoints;
#[path = "tui/terminal.rs"]
mod terminal;

#[path = "tui/choosing.rs"]
mod choosing;
#[path = "tui/corner.rs"]
mod corner;

#[path = "tui/columns.rs"]
mod columns;
#[path = "tui/drafting.rs"]
mod drafting;
#[path = "tui/logs.rs"]
mod logs;

#[path = "tui/look.rs"]
mod look;
#[path = "tui/providers.rs"]
mod providers;
#[path = "tui/wide.rs"]
mod wide;
#[path = "tui/wizard.rs"]
mod wizard;

#[path = "tui/looping.rs"]
mod looping;
#[path = "tui/opening.rs"]
mod opening;
#[path = "tui/pictures.rs"]
mod pictures;
#[path = "tui/review.rs"]
mod review;
#[path = "tui/reviewing.rs"]
mod reviewing;
#[path = "tui/samples.rs"]
mod samples;

#[path = "tui/report.rs"]
mod report;
#[path = "tui/tags.rs"]
mod tags;
#[path = "tui/verdicts.rs"]
mod verdicts;

#[path = "tui/world.rs"]
mod world;

const SIZES: [(u16, u16); 3] = [(40, 12), (80, 24), (120, 36)];

/// The picture a key script leads to, at every size.
pub(crate) fn pictures(name: &str, says: Says, script: &str) {
    for (columns, rows) in SIZES {
        let mut hand = Hand::new(columns, rows, says);
        hand.keys(script);
        picture(&format!("{name}_{columns}"), &hand.screen());
    }
}

/// Compares a picture with the one that was approved.
fn picture(name: &str, screen: &str) {
    insta::with_settings!({ snapshot_path => "tui/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, screen);
    });
}

#[test]
fn dashboard() {
    pictures("dashboard", Says::Everything, "j");
    pictures("dashboard_empty", Says::Nothing, "");
    pictures("dashboard_loading", Says::Silence, "<wait>");
    pictures("dashboard_error", Says::Failure, "<wait>");
}

#[test]
fn jobs() {
    pictures("jobs", Says::Everything, "2jjj");
    pictures("jobs_filter", Says::Everything, "2/tool");
    pictures("jobs_empty", Says::Nothing, "2");
    pictures("jobs_loading", Says::Silence, "2<wait>");
    pictures("jobs_error", Says::Failure, "2<wait>");
}

#[test]
fn job() {
    pictures("job", Says::Everything, "<enter>");
    pictures("job_paused", Says::Everything, "2jjj<enter>");
    pictures("job_draft", Says::Everything, "2G<enter>");
}

#[test]
fn editor() {
    pictures("editor", Says::Everything, "2jjjE");
    pictures(
        "editor_problem",
        Says::Everything,
        "2jjjEpromt = 1<enter><ctrl-s>",
    );
    pictures("editor_save", Says::Everything, "2jjjE<ctrl-s><wait>");
    pictures("new_job", Says::Everything, "nj");
    pictures("new_job_launch", Says::Everything, "nj<enter><ctrl-s><wait><tab>");
}

#[test]
fn overlays() {
    pictures("help", Says::Everything, "2?");
    pictures("palette", Says::Everything, "2:pau");
    pictures("confirm_cancel", Says::Everything, "2C<wait>");
    pictures("confirm_delete", Says::Everything, "2jjj<wait>D<wait>medqa");
    pictures("quit", Says::Everything, "q<wait>");
}

#[test]
fn without_unicode_every_cell_is_ascii() {
    let options = Options {
        ascii: true,
        ..world::options()
    };
    let mut hand = Hand::with(120, 36, Says::Everything, options);
    for script in ["", "2", "<enter>", "3jj", "<enter>", "4", "?"] {
        let screen = hand.keys(script).screen().replace('│', "");
        assert!(screen.is_ascii(), "{script}\n{screen}");
    }
    insta::with_settings!({ snapshot_path => "tui/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("dashboard_ascii_120", hand.keys("<esc><esc>1").screen());
    });
}

#[test]
fn a_terminal_that_is_too_small_says_what_it_needs_and_keeps_everything() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    let before = hand.keys("2jj").screen();
    hand.terminal.backend_mut().resize(30, 8);
    hand.send(Message::Resize(30, 8));
    assert!(
        hand.screen().starts_with("terminal too small") && hand.screen().contains("40x12"),
        "{}",
        hand.screen()
    );
    hand.terminal.backend_mut().resize(80, 24);
    hand.send(Message::Resize(80, 24));
    assert_eq!(hand.screen(), before);
}

#[test]
fn every_size_is_drawn() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    for script in [
        "",
        "2",
        "<enter>",
        "<esc>3",
        "<enter>",
        "<esc>4",
        "?",
        "<esc>:",
        "<esc>q",
        "<wait><esc>2jjjE",
        "promt<ctrl-s>",
    ] {
        hand.keys(script);
        for (columns, rows) in (0..140)
            .step_by(7)
            .flat_map(|columns| [1, 8, 12, 15, 16, 23, 40].map(|rows| (columns, rows)))
        {
            hand.terminal.backend_mut().resize(columns, rows);
            hand.send(Message::Resize(columns, rows));
            hand.screen();
        }
    }
}

#[test]
fn no_key_is_bound_twice_where_it_could_be_meant_twice() {
    // `n` is what is new on a screen (tui.md 2.0): a screen of its own may say what.
    let given = ["n"];
    let typing = [
        &keys::EDITOR,
        &keys::FIELD,
        &keys::MODEL_FIELD,
        &keys::PROVIDER_FORM,
        &keys::NEW_TEXT,
        &keys::NEW_LINE,
        &keys::NEW_CHOICE,
        &keys::SETTINGS_VALUE,
        &keys::MENU,
        &keys::SAMPLE_FILTER,
        &keys::SAMPLE_EDIT,
        &keys::SAMPLE_TAGS,
        &keys::SAMPLE_COLUMNS,
        &keys::REVIEW_EDIT,
        &keys::REVIEW_FIELD,
    ];
    // While reviewing digits are reasons and sides, and at the end `n` is for a new queue: there they mean nothing else.
    let own = |context: &str, key: &str| match context {
        "Reviewing" | "Comparing" => key.bytes().all(|byte| byte.is_ascii_digit()),
        "Review, at the end" => key == "n",
        // There they mean the same, and stand at the bottom.
        "No database" => matches!(key, "r" | "q"),
        _ => false,
    };
    let alone = [
        &keys::DIALOG,
        &keys::PALETTE,
        &keys::HELP,
        &keys::SHEET,
        &keys::PAGE,
        &keys::CAPTURE,
    ];
    for table in TABLES {
        let around = match table.context {
            context if typing.iter().any(|one| one.context == context) => Some(&keys::TYPING),
            context if alone.iter().any(|one| one.context == context) => None,
            context if context == keys::GLOBAL.context || context == keys::TYPING.context => None,
            _ => Some(&keys::GLOBAL),
        };
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for binding in table
            .bindings
            .iter()
            .chain(around.into_iter().flat_map(|table| table.bindings))
        {
            for key in binding.keys {
                if own(table.context, key) && seen.contains_key(key) {
                    continue;
                }
                let before = seen.insert(key, binding.action.id());
                let before = before.filter(|_| !given.contains(key));
                assert_eq!(before, None, "{}: {key} is bound twice", table.context);
            }
        }
    }
}

#[test]
fn every_binding_is_explained_and_every_key_can_be_pressed() {
    let mut ids = BTreeMap::new();
    for binding in TABLES.iter().flat_map(|table| table.bindings) {
        assert!(binding.help.len() > 1, "{} has no help", binding.action.id());
        for name in binding.keys {
            assert_eq!(keys::chord(&key(name)).as_deref(), Some(*name));
        }
        let other = ids.insert(binding.action.id(), binding.action);
        assert!(
            other.is_none_or(|other| other == binding.action),
            "{} means two things",
            binding.action.id()
        );
    }
    assert_eq!(
        keys::Keymap::default().rows().len(),
        TABLES.iter().map(|table| table.bindings.len()).sum::<usize>()
    );
}

#[test]
fn every_action_without_a_key_is_in_the_palette() {
    let global: BTreeSet<&str> = keys::GLOBAL
        .bindings
        .iter()
        .map(|binding| binding.action.id())
        .collect();
    for binding in TABLES
        .iter()
        .flat_map(|table| table.bindings)
        .filter(|binding| binding.keys.is_empty())
    {
        assert!(
            global.contains(binding.action.id()),
            "{} can be reached nowhere",
            binding.action.id()
        );
    }
}

#[test]
fn lower_case_keys_never_lose_anything() {
    let dangerous = [Action::Cancel, Action::Delete, Action::Retry, Action::PauseAll];
    for binding in TABLES
        .iter()
        .flat_map(|table| table.bindings)
        .filter(|binding| dangerous.contains(&binding.action))
    {
        let upper = |key: &&str| key.len() == 1 && key.chars().all(|letter| letter.is_ascii_uppercase());
        assert!(binding.keys.iter().all(upper), "{}", binding.action.id());
    }
}

#[test]
fn pausing_is_done_at_once_and_cancelling_asks() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2p");
    assert_eq!(hand.orders, [Command::Pause("qa-distill-v2".to_owned())]);
    hand.keys("C<wait><enter>C<wait>n");
    assert_eq!(hand.orders.len(), 1, "the focus is on the harmless button");
    hand.keys("Cy");
    assert_eq!(hand.orders.len(), 1, "the first moments of a question are deaf");
    hand.keys("<wait>y");
    assert_eq!(hand.orders[1], Command::Cancel("qa-distill-v2".to_owned()));
}

#[test]
fn deleting_wants_the_name() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjj<wait>D<wait>Ddy<enter>");
    assert!(hand.orders.is_empty() && !hand.model.asks());
    hand.keys("D<wait>medqa-prob<tab><enter>");
    assert!(hand.orders.is_empty(), "locked until the name is whole");
    hand.keys("D<wait>medqa-probe<enter>");
    assert_eq!(hand.orders, [Command::Delete("medqa-probe".to_owned())]);
    hand.keys("1<wait>2kkk<wait>D<wait>");
    assert!(!hand.model.asks(), "a running job cannot be deleted");
}

#[test]
fn a_job_file_is_checked_before_it_is_saved() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjjEpromt = 1<enter><ctrl-s><wait>y");
    assert!(hand.orders.is_empty(), "what is wrong is not saved");
    assert!(hand.screen().contains("unknown key `promt`"));
    hand.keys("<end><ctrl-u><ctrl-s><wait>y");
    assert!(
        matches!(&hand.orders[..], [Command::Edit { job, .. }] if job == "medqa-probe"),
        "{:?}",
        hand.orders
    );
}

#[test]
fn a_draft_outlives_the_editor() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjjE# half a thought<enter><esc>13");
    hand.keys("2E");
    assert!(hand.screen().contains("# half a thought"), "{}", hand.screen());
    hand.keys("<ctrl-s><wait>y");
    assert_eq!(hand.orders.len(), 1, "{}", hand.screen());
    hand.keys("E");
    assert!(
        !hand.screen().contains("# half a thought"),
        "what was saved is no draft any more"
    );
}

#[test]
fn escape_ten_times_leads_to_the_root_and_quits_nothing() {
    for script in [
        "",
        "2<enter>",
        "2/tool",
        "2jjjEfoo",
        "3<enter>",
        "nj<enter>",
        "?",
        ":x",
        "2C",
        "q",
    ] {
        let mut hand = Hand::new(80, 24, Says::Everything);
        hand.keys(script)
            .keys("<wait><esc><esc><esc><esc><esc><esc><esc><esc><esc><esc>");
        assert_eq!(hand.model.exit(), None, "{script}");
        assert!(hand.orders.is_empty(), "{script}");
        assert!(
            hand.screen()
                .lines()
                .last()
                .is_some_and(|footer| footer.contains(": commands")),
            "{script}\n{}",
            hand.screen()
        );
    }
}

#[test]
fn quitting_asks_while_jobs_run() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("q<wait><enter>");
    assert_eq!(hand.model.exit(), None);
    hand.keys("q<wait>y");
    assert!(matches!(hand.orders[..], [Command::Stop { .. }]));
    assert_eq!(hand.model.exit(), Some(Exit::Quit));

    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("<ctrl-c>");
    assert_eq!(hand.model.exit(), None);
    hand.keys("<ctrl-c><wait><ctrl-c>");
    assert_eq!(hand.model.exit(), Some(Exit::Now));

    let mut hand = Hand::new(80, 24, Says::Nothing);
    hand.keys("q");
    assert_eq!(hand.model.exit(), Some(Exit::Quit));
}

#[test]
fn pasted_commands_do_nothing() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    for screen in ["1", "2", "3", "4"] {
        hand.keys(screen).send(Message::Paste("dDxXaAq\n".to_owned()));
    }
    assert!(hand.orders.is_empty() && hand.model.exit().is_none());
    assert!(hand.screen().contains("Paste ignored"));
}

#[test]
fn a_late_answer_is_dropped() {
    let mut hand = Hand::new(120, 36, Says::Silence);
    let effects = destilation::tui::update(&mut hand.model, Message::Key(key("2")));
    let [destilation::tui::Effect::Ask(ticket, query), ..] = &effects[..] else {
        panic!("{effects:?}")
    };
    hand.keys("1").keys("2");
    let reply = canned::answer(Says::Everything, query)
        .map(Box::new)
        .map_err(Box::new);
    hand.send(Message::Reply(*ticket, reply));
    assert!(
        !hand.screen().contains("medqa-probe"),
        "the answer belongs to a visit that is over"
    );
}

#[test]
fn events_and_errors_are_shown_safely() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    let text = "\u{1b}[2J\u{202e}429 from \u{9b}openrouter".to_owned();
    hand.send(Message::Event(Event::Note {
        level: Level::Error,
        job: None,
        text,
    }));
    hand.send(Message::Event(Event::Job {
        job: "sql-explain".to_owned(),
        state: JobState::Completed,
    }));
    let screen = hand.screen();
    assert!(screen.contains("␛[2J⟨U+202E⟩429 from"), "{screen}");
    assert!(
        !screen
            .chars()
            .any(|c| (c.is_control() && c != '\n') || destilation::core::text::is_format(c))
    );
}

#[test]
fn themes_are_named_and_can_be_changed() {
    let first = theme::bundled().next().unwrap();
    assert_eq!(
        (first.name(), first.about()),
        ("terminal", "the terminal's own 16 colours")
    );
    assert_eq!(theme::bundled().count(), 16);
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys(":next theme<enter>");
    assert!(hand.screen().contains("Theme terminal-mono"));
}

#[test]
fn twenty_thousand_random_keys_break_nothing_and_confirm_what_they_destroy() {
    let mut names: Vec<&str> = TABLES
        .iter()
        .flat_map(|table| table.bindings)
        .flat_map(|binding| binding.keys)
        .copied()
        .collect();
    names.extend([
        "a", "b", "z", "0", "left", "right", "space", "delete", "ctrl-w", "ctrl-k", "\u{301}", "👩",
    ]);
    names.retain(|name| !matches!(*name, "ctrl-z"));
    let mut hand = Hand::new(80, 24, Says::Everything);
    let mut state = 17u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for step in 0..20_000 {
        let (asked, before) = (hand.model.asks(), hand.orders.len());
        let name = names[random(names.len())];
        hand.wait(Duration::from_millis(random(400) as u64));
        hand.send(Message::Key(key(name)));
        for order in &hand.orders[before..] {
            let destroys = matches!(
                order,
                Command::Cancel(_) | Command::Retry(_) | Command::Delete(_) | Command::Stop { .. }
            );
            assert!(
                !destroys || asked,
                "step {step}, {name}: {order:?} without a question"
            );
            assert!(
                !matches!(order, Command::Delete(_)),
                "step {step}: nobody types a name by chance"
            );
        }
        if step % 97 == 0 {
            let (columns, rows) = [(40, 12), (80, 24), (120, 36), (20, 5)][random(4)];
            hand.terminal.backend_mut().resize(columns, rows);
            hand.send(Message::Resize(columns, rows));
            hand.send(Message::Progress(Box::new(progress(step))));
        }
        if step % 29 == 0 {
            hand.screen();
        }
        if hand.model.exit().is_some() {
            hand = Hand::new(80, 24, Says::Everything);
        }
    }
}
