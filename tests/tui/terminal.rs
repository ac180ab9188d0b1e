//! What a terminal can do besides keys: the mouse, pastes, focus, copying, the person's own editor, and what is kept between starts.

use std::time::Duration;

use destilation::core::api::Event;
use destilation::core::job::{JobState, PauseReason};
use destilation::tui::{Facts, Message, Options, Pointer, Press};

use crate::canned::{Says, progress};
use crate::world::{self, Hand};

fn at(hand: &mut Hand, text: &str) -> (u16, u16) {
    let screen = hand.screen();
    let found = screen.lines().enumerate().find(|(_, line)| line.contains(text));
    let (row, line) = found.unwrap_or_else(|| panic!("{text} is not on the screen:\n{screen}"));
    let column = line[..line.find(text).unwrap()].chars().count();
    (column as u16, row as u16)
}

fn mouse(hand: &mut Hand, press: Press, place: (u16, u16)) {
    let (column, row) = place;
    hand.send(Message::Mouse(Pointer { press, column, row }));
}

fn click(hand: &mut Hand, text: &str) {
    let place = at(hand, text);
    mouse(hand, Press::Click, place);
}

#[test]
fn a_click_selects_and_two_open() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    click(&mut hand, "2 Jobs");
    assert!(hand.screen().contains("[2 Jobs]"));
    click(&mut hand, "medqa-probe");
    assert!(hand.screen().contains("▌ medqa-probe"), "{}", hand.screen());
    hand.wait(Duration::from_secs(1));
    click(&mut hand, "‖ paused");
    assert!(
        !hand.screen().contains("Jobs ▸ medqa-probe"),
        "two slow clicks are no double one"
    );
    click(&mut hand, "‖ paused");
    assert!(hand.screen().contains("Jobs ▸ medqa-probe"), "{}", hand.screen());
    hand.keys("<esc>");
    click(&mut hand, "5 Providers");
    click(&mut hand, "my-script");
    assert!(hand.screen().contains("▌ my-script"), "{}", hand.screen());
    click(&mut hand, "n New job");
    assert!(hand.screen().contains("START FROM"));
    assert!(hand.orders.is_empty());
}

#[test]
fn the_keys_at_the_bottom_can_be_clicked() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    click(&mut hand, "? help");
    assert!(hand.screen().contains("commands work here"));
    // Beside the help a click closes it.
    mouse(&mut hand, Press::Click, (0, 0));
    assert!(!hand.screen().contains("commands work here"));
    click(&mut hand, "p pause/resume");
    assert_eq!(hand.orders.len(), 1);
    hand.keys("P");
    hand.wait(Duration::from_secs(1));
    assert!(hand.model.asks() && hand.orders.len() == 1);
    click(&mut hand, "[ Let them run ]");
    assert!(!hand.model.asks() && hand.orders.len() == 1);
}

#[test]
fn a_click_confirms_only_what_is_not_locked() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjjD");
    click(&mut hand, "[ Delete ]");
    assert!(hand.model.asks(), "the first moments are deaf");
    hand.wait(Duration::from_secs(1));
    click(&mut hand, "[ Delete ]");
    assert!(hand.model.asks() && hand.orders.is_empty(), "it is locked");
    hand.keys("medqa-probe");
    click(&mut hand, "[ Delete ]");
    assert_eq!(hand.orders.len(), 1);
}

#[test]
fn the_wheel_turns_what_is_under_it() {
    let mut hand = Hand::new(80, 12, Says::Everything);
    hand.keys("2");
    let first = at(&mut hand, "qa-distill-v2");
    mouse(&mut hand, Press::WheelDown, first);
    assert!(!hand.screen().contains("qa-distill-v2"), "{}", hand.screen());
    mouse(&mut hand, Press::WheelUp, first);
    assert!(hand.screen().contains("qa-distill-v2"));
    let before = hand.screen();
    mouse(&mut hand, Press::WheelDown, (3, 0));
    assert_eq!(hand.screen(), before);
}

#[test]
fn clicks_anywhere_break_nothing() {
    for script in [
        "", "2", "3", "3<enter>", "5", "2<enter>", "n", "?", ":", "2C", "2e",
    ] {
        for (columns, rows) in [(40, 12), (80, 24), (120, 36), (20, 5)] {
            let mut hand = Hand::new(columns, rows, Says::Everything);
            for row in 0..rows + 2 {
                hand.keys(script);
                for press in [Press::Click, Press::WheelDown, Press::Click, Press::WheelUp] {
                    mouse(&mut hand, press, (row * 3, row));
                }
                hand.screen();
                hand.keys("<wait><esc><esc><esc>");
            }
        }
    }
}

#[test]
fn the_mouse_can_be_switched_off() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys(":toggle mouse<enter>");
    assert!(hand.screen().contains("Mouse off"), "{}", hand.screen());
    hand.keys(":toggle mouse<enter>");
    assert!(hand.screen().contains("Mouse on"));
}

#[test]
fn a_burst_of_keys_is_a_paste() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    for screen in ["1", "2", "3", "4", "5", "2<enter>"] {
        hand.keys(screen).send(Message::Burst("dDxXaAq\n".to_owned()));
        assert!(hand.screen().contains("Paste ignored"), "{screen}");
    }
    assert!(hand.orders.is_empty() && hand.model.exit().is_none());
    // Into a field it is text, and the line's end after it the key it looks like.
    hand.keys("2/").send(Message::Burst("tool-calls\n".to_owned()));
    let screen = hand.screen();
    assert!(
        screen.contains("/ tool-calls") && !screen.contains("INSERT"),
        "{screen}"
    );
    hand.send(Message::TooLong(3_000_000));
    assert!(hand.screen().contains("3.0 MB is too long"));
}

#[test]
fn what_is_copied_is_what_is_selected() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jy");
    assert_eq!(hand.copied, "sql-explain");
    assert!(
        hand.screen().contains("Copied job name: by hand"),
        "{}",
        hand.screen()
    );
    hand.keys("<enter>y");
    assert_eq!(hand.copied, "destiler run sql-explain");
    hand.keys("<esc>3y1");
    let sample: serde_json::Value = serde_json::from_str(&hand.copied).unwrap();
    assert!(sample["question"].is_string(), "{sample}");
}

#[test]
fn the_text_of_the_editor_comes_back_from_another_one() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.editor = Ok("# by hand\n".to_owned());
    hand.keys("n<enter><ctrl-e><ctrl-g>");
    assert!(hand.screen().contains("# by hand"), "{}", hand.screen());
    hand.keys("<ctrl-7>");
    assert!(
        !hand.screen().contains("# by hand"),
        "it is not one step to take back"
    );
    hand.editor = Err("The editor ended with an error: nothing is changed".to_owned());
    hand.keys("<ctrl-g>");
    assert!(hand.screen().contains("nothing is changed"));
}

fn ended(state: JobState) -> Message {
    Message::Event(Event::Job {
        job: "sql-explain".to_owned(),
        state,
    })
}

#[test]
fn someone_who_looks_elsewhere_is_called_and_not_too_often() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.send(Message::Focus(true));
    hand.send(ended(JobState::Completed));
    assert!(hand.called.is_empty(), "they are looking");
    hand.send(Message::Focus(false));
    hand.send(ended(JobState::Completed));
    hand.send(ended(JobState::Failed("x".to_owned())));
    assert_eq!(hand.called, ["sql-explain is completed"]);
    hand.wait(Duration::from_secs(6));
    hand.send(ended(JobState::Running));
    hand.send(ended(JobState::Paused(PauseReason::Limit("usd".to_owned()))));
    assert_eq!(hand.called.len(), 2, "{:?}", hand.called);
    hand.wait(Duration::from_secs(6));
    hand.keys("4");
    hand.send(ended(JobState::Completed));
    assert_eq!(hand.called.len(), 2, "nobody is called away from a review");
}

#[test]
fn how_the_screens_looked_is_kept_and_found_again() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2/tool<enter>j3/state:rejected<enter>");
    assert_eq!(hand.kept, "");
    hand.wait(Duration::from_secs(2));
    let kept = hand.kept.clone();
    assert!(kept.contains("state:rejected"), "{kept}");
    hand.kept.clear();
    hand.keys("jk").wait(Duration::from_secs(2));
    assert_eq!(hand.kept, "", "nothing changed");

    let options = Options {
        remembered: Some(kept),
        ..world::options()
    };
    let mut hand = Hand::with(120, 36, Says::Everything, options);
    let screen = hand.screen();
    assert!(
        screen.contains("[3 Samples]") && screen.contains("/ state:rejected"),
        "{screen}"
    );
    hand.keys("2");
    let screen = hand.screen();
    assert!(
        screen.contains("/ tool") && screen.contains("▌ tool-calls-v0"),
        "{screen}"
    );
}

#[test]
fn what_the_terminal_says_and_what_breaks_behind_changes_no_key() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    let before = hand.screen();
    hand.send(Message::Terminal(Facts {
        light: Some(false),
        answered: true,
        ..Facts::default()
    }));
    hand.send(Message::Focus(true));
    assert_eq!(hand.screen(), before);
    hand.send(Message::Broken("index out of bounds".to_owned()));
    assert!(
        hand.screen().contains("Something broke inside: index"),
        "{}",
        hand.screen()
    );
    hand.send(Message::Progress(Box::default()));
    hand.send(Message::Progress(Box::new(progress(3))));
    assert!(hand.model.exit().is_none());
}
