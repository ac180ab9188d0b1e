//! How it looks and which key does what: settings, palette, help, themes, keys of the user's own, banners.

use std::collections::BTreeSet;

use destilation::cli::{KeyRow, keys_page};
use destilation::core::api::{Cleaning, Command, Event, KeyChange};
use destilation::core::job::{JobState, PauseReason};
use destilation::core::settings::UiSettings;
use destilation::tui::keys::{Action, JOBS, Keymap, TABLES};
use destilation::tui::{Message, Options, theme};
use ratatui::style::{Color, Modifier};
use serde_json::json;

use super::canned::{KEYMAP, Says, progress};
use super::pictures;
use super::world::{self, Hand, key};

#[test]
fn settings() {
    pictures("settings_theme", Says::Everything, "7");
    pictures("settings_theme_choice", Says::Everything, "7<enter>jjjj");
    pictures("settings_keymap", Says::Everything, "7]<down>");
    pictures("settings_keymap_filter", Says::Everything, "7]/cancel<enter>");
    pictures("settings_new_key", Says::Everything, "7]/job.cancel<enter>ep");
    pictures("settings_engine", Says::Everything, "7]]");
    pictures("settings_engine_typing", Says::Everything, "7]]j<enter>");
    pictures("settings_notify", Says::Everything, "7]]]");
    pictures("settings_privacy", Says::Everything, "7]]]]");
    pictures("settings_about", Says::Everything, "7]]]]]");
    pictures("settings_paths", Says::Everything, "7[[");
    pictures("settings_database", Says::Everything, "7[G");
    pictures(
        "settings_cleaning",
        Says::Everything,
        "7[Gkkkkk<enter>GG<enter><wait>",
    );
    pictures("settings_error", Says::Failure, "7<wait>");
}

#[test]
fn overlays() {
    pictures("palette_empty", Says::Everything, "2:");
    pictures("palette_command", Says::Everything, "2:jobs pau");
    pictures("palette_row", Says::Everything, "2:7");
    pictures("messages", Says::Everything, "2p:messages<enter>");
    pictures("topic", Says::Everything, ":how tasks<enter>");
}

#[test]
fn a_banner_stands_below_the_tabs_and_nothing_is_hidden() {
    let options = Options {
        banners: vec!["the engine runs in destiler run qa-distill-v2, pid 4242 · view only".to_owned()],
        ..world::options()
    };
    for (columns, rows) in super::SIZES {
        let mut hand = Hand::with(columns, rows, Says::Everything, options.clone());
        hand.keys("2");
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("banner_{columns}"), hand.screen());
        });
    }
}

#[test]
fn a_full_disk_is_said_until_it_heals() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    let event = |state| Event::Job {
        job: "sql-explain".to_owned(),
        state,
    };
    let full = JobState::Paused(PauseReason::Disk("no space left".to_owned()));
    hand.send(Message::Event(event(full)));
    hand.keys("<wait><esc><esc>2");
    assert!(
        hand.screen().contains("no space left: sql-explain waits until"),
        "{}",
        hand.screen()
    );
    hand.send(Message::Event(event(JobState::Running)));
    assert!(!hand.screen().contains("sql-explain waits until"));
}

fn with_keys(keymap: &str, preset: &str) -> Hand {
    let options = Options {
        keymap: Some(keymap.to_owned()),
        ui: UiSettings {
            keys: preset.to_owned(),
            ..UiSettings::default()
        },
        ..world::options()
    };
    Hand::with(120, 36, Says::Everything, options)
}

#[test]
fn keys_of_the_users_own_work_everywhere_they_are_told() {
    let mut hand = with_keys("[jobs]\nx = \"job.cancel\"\nC = \"none\"\n", "default");
    hand.keys("2C<wait>");
    assert!(!hand.model.asks(), "C was freed");
    assert!(
        hand.screen().contains("x cancel"),
        "the footer knows the new key\n{}",
        hand.screen()
    );
    hand.keys("x<wait>");
    assert!(hand.model.asks(), "and it asks as before");
    hand.keys("<esc>?");
    assert!(hand.screen().contains("Stop it for good"), "{}", hand.screen());
    hand.keys("/stop it for<enter>");
    assert!(hand.model.asks(), "the help runs it");

    let mut hand = with_keys("", "emacs");
    hand.keys("2<ctrl-n>");
    assert!(hand.screen().contains("▌ sql-explain"), "{}", hand.screen());
    hand.keys("<alt-x>");
    assert!(hand.screen().contains("Commands"), "{}", hand.screen());
}

#[test]
fn a_broken_keymap_is_said_with_its_line_and_the_rest_works() {
    let mut hand = with_keys("[jobs]\nx = \"job.cancle\"\nz = \"job.cancel\"\n", "default");
    let screen = hand.keys("2").screen();
    assert!(
        screen.contains("keymap.toml line 2: `job.cancle` is no action; did you mean `job.cancel`?"),
        "{screen}"
    );
    hand.keys("z<wait>");
    assert!(hand.model.asks());
}

#[test]
fn a_new_key_is_written_after_a_warning_and_taken_back() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2?/stop it for good");
    hand.keys("<esc>");
    // Back in the list of keys, the action is found again and gets another key.
    hand.keys("<esc>7]/job.cancel<enter>e");
    assert!(hand.screen().contains("New key for"), "{}", hand.screen());
    hand.keys("p");
    assert!(hand.screen().contains("p again"), "{}", hand.screen());
    hand.keys("<f5>");
    assert!(
        hand.orders.is_empty(),
        "f5 is taken, too: the user's own file binds it"
    );
    hand.keys("i");
    let change = |action: Option<&str>| KeyChange {
        context: "jobs".to_owned(),
        key: "i".to_owned(),
        action: action.map(str::to_owned),
    };
    assert_eq!(hand.orders, [Command::Bind(vec![change(Some("job.cancel"))])]);
    hand.keys("u");
    assert_eq!(hand.orders[1], Command::Bind(vec![change(None)]));
    hand.keys("u");
    assert_eq!(hand.orders.len(), 2, "taking back is no change of its own");
}

#[test]
fn keys_go_back_to_the_preset_one_or_all() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7]/job.cancel<enter><backspace>");
    let gone = |context: &str, key: &str| KeyChange {
        context: context.to_owned(),
        key: key.to_owned(),
        action: None,
    };
    assert_eq!(hand.orders, [Command::Bind(vec![gone("jobs", "x")])]);
    hand.keys("X<wait><enter>");
    assert_eq!(hand.orders.len(), 1, "all of them ask first");
    hand.keys("X<wait>y");
    assert_eq!(
        hand.orders[1],
        Command::Bind(vec![gone("jobs", "x"), gone("everywhere", "f5")])
    );
    assert_eq!(Keymap::read("default", Some(KEYMAP)).1, []);
}

#[test]
fn a_theme_is_tried_out_while_moving_and_kept_only_by_enter() {
    let options = Options {
        depth: theme::Depth::True,
        automatic: (theme::Depth::True, false),
        ..world::options()
    };
    let mut hand = Hand::with(120, 36, Says::Everything, options);
    let ground = |hand: &mut Hand| {
        hand.screen();
        hand.terminal.backend().buffer()[(0, 30)].bg
    };
    let before = ground(hand.keys("7"));
    hand.keys("<enter>jj");
    assert_ne!(ground(&mut hand), before, "it is tried out");
    assert!(hand.orders.is_empty());
    hand.keys("<esc>");
    assert_eq!(ground(&mut hand), before);
    hand.keys("<enter>jj<enter>");
    assert_eq!(
        hand.orders,
        [Command::SetConfig {
            key: "ui.theme".to_owned(),
            value: Some(json!("catppuccin-latte")),
        }]
    );
    hand.keys("u");
    let back = Command::SetConfig {
        key: "ui.theme".to_owned(),
        value: None,
    };
    assert_eq!(hand.orders[1], back);
    hand.keys("<enter>jj3");
    assert_eq!(ground(&mut hand), before, "leaving the screen leaves the trial");
}

#[test]
fn what_something_stronger_sets_is_locked() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7/ui.color<enter><enter>");
    assert!(
        hand.screen().contains("set by the variable DESTILER_UI__COLOR"),
        "{}",
        hand.screen()
    );
    hand.keys("<space><backspace><esc>[[j<enter>");
    assert!(hand.screen().contains("locked    set in"), "{}", hand.screen());
    assert!(hand.orders.is_empty());
}

#[test]
fn numbers_are_typed_and_checked_and_empty_is_the_default() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7]]<enter><ctrl-u>four<enter>");
    assert!(
        hand.orders.is_empty() && hand.screen().contains("`four` is no number"),
        "{}",
        hand.screen()
    );
    hand.keys("<ctrl-u>4<enter>");
    let set = |value| Command::SetConfig {
        key: "engine.jobs_at_once".to_owned(),
        value,
    };
    assert_eq!(hand.orders, [set(Some(json!(4)))]);
    hand.keys("u<enter><ctrl-u><enter>");
    assert_eq!(hand.orders[1..], [set(Some(json!(3))), set(None)]);
}

#[test]
fn cleaning_wants_the_number_of_rows() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7[G<enter><wait>");
    assert!(!hand.model.asks(), "nothing is chosen");
    hand.keys("kkkkk<enter>G<enter><wait>719<enter>");
    assert!(hand.orders.is_empty(), "locked until the number is whole");
    hand.keys("<esc><wait>");
    hand.keys("<enter><wait>7190<enter>");
    let [Command::CleanUp { rules, backup: true }] = &hand.orders[..] else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!((rules.rejected_days, rules.responses_days), (Some(90), None));
    assert!(!rules.cancelled_jobs);
}

#[test]
fn the_palette_speaks_as_the_command_line() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys(":jobs pause sql<enter>");
    assert_eq!(hand.orders, [Command::Pause("sql-explain".to_owned())]);
    hand.keys(":jobs resume medqa<enter>");
    assert_eq!(hand.orders[1], Command::Resume("medqa-probe".to_owned()));
    hand.keys(":jobs delete medqa<enter><wait>");
    assert!(hand.model.asks(), "what its key asks, the palette asks");
    hand.keys("<esc>:<up>");
    assert!(hand.screen().contains("> jobs delete medqa"), "{}", hand.screen());
    hand.keys("<up>");
    assert!(hand.screen().contains("> jobs resume medqa"), "{}", hand.screen());
    hand.keys("<esc>:jobs sho<tab>");
    assert!(hand.screen().contains("> jobs show "), "{}", hand.screen());
    hand.keys("<esc>:providers test my-s<enter>");
    assert_eq!(hand.orders[2], Command::TestProvider("my-script".to_owned()));
}

#[test]
fn the_palette_goes_to_rows_jobs_and_sections() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2:5<enter>");
    assert!(hand.screen().contains("▌ tool-calls-v1"), "{}", hand.screen());
    hand.keys(":5000<enter>");
    assert!(
        hand.screen().contains("there are 8"),
        "a row that is not there says so\n{}",
        hand.screen()
    );
    hand.keys("<esc><esc>:router<enter>");
    assert!(
        hand.screen().contains("router-intents"),
        "jobs that rest are found, too"
    );
    hand.keys("<esc>:settings database<enter>");
    assert!(hand.screen().contains("Settings ▸ Database"), "{}", hand.screen());
    hand.keys("7:reasons of<enter>");
    assert!(hand.screen().contains("exact_duplicate"), "{}", hand.screen());
}

#[test]
fn the_background_chooses_the_theme() {
    let options = Options {
        depth: theme::Depth::True,
        ui: UiSettings {
            theme_dark: Some("nord".to_owned()),
            theme_light: Some("solarized-light".to_owned()),
            ..UiSettings::default()
        },
        ..world::options()
    };
    let mut hand = Hand::with(80, 24, Says::Everything, options);
    let ground_is = |light| {
        Message::Terminal(destilation::tui::Facts {
            light: Some(light),
            ..destilation::tui::Facts::default()
        })
    };
    let ground = |hand: &mut Hand| {
        hand.screen();
        hand.terminal.backend().buffer()[(0, 20)].bg
    };
    assert_eq!(ground(&mut hand), Color::Reset);
    hand.send(ground_is(false));
    assert_eq!(ground(&mut hand), Color::Rgb(0x2e, 0x34, 0x40));
    hand.send(ground_is(true));
    assert_eq!(ground(&mut hand), Color::Rgb(0xfd, 0xf6, 0xe3));
}

#[test]
fn without_colour_there_is_none_and_the_selected_row_is_reversed() {
    for source in theme::bundled() {
        let options = Options {
            depth: theme::Depth::None,
            ui: UiSettings {
                theme: source.name().to_owned(),
                ..UiSettings::default()
            },
            ..world::options()
        };
        let mut hand = Hand::with(80, 24, Says::Everything, options);
        hand.keys("2").screen();
        let buffer = hand.terminal.backend().buffer();
        let plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(buffer.content.iter().all(plain), "{}", source.name());
        let marked = buffer.content.iter().filter(|cell| cell.symbol() == "▌");
        assert!(
            marked.clone().count() > 0
                && marked
                    .clone()
                    .all(|cell| cell.modifier.contains(Modifier::REVERSED)),
            "{}",
            source.name()
        );
    }
}

#[test]
fn every_action_stands_in_a_table_and_every_preset_keeps_them_all() {
    let source = include_str!("../../src/tui/keys.rs");
    let named = source.lines().filter_map(|line| {
        let (left, right) = line.split_once("=> \"")?;
        let id = right.strip_suffix("\",")?;
        (left.trim().starts_with("Self::") && id.contains('.')).then(|| id.to_owned())
    });
    let named: BTreeSet<String> = named.collect();
    let bindings = TABLES.iter().flat_map(|table| table.bindings);
    let bound: BTreeSet<String> = bindings.map(|binding| binding.action.id().to_owned()).collect();
    // Keys that count have an id for each digit; what an agreed question leads to has no key.
    let counted = |id: &String| id.starts_with("menu.pick_") || id.starts_with("review.because_");
    let bound: BTreeSet<String> = bound.into_iter().filter(|id| !counted(id)).collect();
    let named: BTreeSet<String> = named.into_iter().filter(|id| id != "dialog.agreed").collect();
    assert!(named.len() > 50, "{named:?}");
    assert_eq!(named, bound);
    for (preset, _) in destilation::tui::keys::presets() {
        let (keymap, troubles) = Keymap::read(preset, None);
        assert_eq!(troubles, [], "{preset}");
        for (table, keys, _) in keymap.rows() {
            for key_name in keys.split(' ').filter(|key| !key.is_empty()) {
                let found: Vec<Action> = keymap
                    .bindings(table)
                    .filter(|(keys, _)| keys.iter().any(|one| one == key_name))
                    .map(|(_, binding)| binding.action)
                    .collect();
                assert_eq!(found.len(), 1, "{preset}: {key_name} in {}", table.context);
            }
        }
    }
    assert_eq!(Keymap::default().find(&JOBS, "D"), Some(Action::Delete));
    assert_eq!(
        destilation::tui::keys::chord(&key("alt-x")).as_deref(),
        Some("alt-x")
    );
}

#[test]
fn the_page_of_keys_is_that_of_the_table() {
    let rows = Keymap::default().rows();
    let rows: Vec<KeyRow> = rows
        .into_iter()
        .map(|(table, keys, binding)| KeyRow {
            context: table.context.to_owned(),
            id: table.id(),
            keys,
            action: binding.action.id().to_owned(),
            help: binding.help.to_owned(),
        })
        .collect();
    super::pictures::written("docs/keys.md", &keys_page(&rows));
}

#[test]
fn the_config_file_is_opened_and_read_again() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7o");
    let path = hand.opened[0].path.display().to_string();
    assert_eq!(path, "/home/user/.config/destiler/config.toml");
    assert!(
        !hand.opened[0].to_read && hand.orders.is_empty(),
        "an editor that fails changes nothing"
    );
    hand.editor = Ok(String::new());
    hand.keys("o");
    assert_eq!(hand.orders, [Command::ReadConfig]);
    assert!(
        hand.screen().contains("config.toml is read again"),
        "{}",
        hand.screen()
    );
}

#[test]
fn a_cleaning_says_how_far_it_is_and_can_be_stopped() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("7[");
    let mut now = progress(59);
    now.cleaning = Some(Cleaning {
        doing: "cleaning",
        gone: 4_000,
    });
    hand.send(Message::Progress(Box::new(now)));
    super::picture("settings_at_work_120", &hand.screen());
    hand.keys("G<enter><wait>");
    assert!(!hand.model.asks(), "one at a time");
    hand.keys("<esc>");
    assert_eq!(hand.orders, [Command::StopCleaning]);
}
