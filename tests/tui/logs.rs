//! The log screen by behaviour: pictures, following and standing still, finding, narrowing.

use destilation::core::api::{Command, LogFilter, LogLevel};

use crate::canned::Says;
use crate::pictures;
use crate::world::Hand;

#[test]
fn the_screen() {
    pictures("logs", Says::Everything, "6");
    pictures("logs_paused", Says::Everything, "6kkkkk");
    pictures("logs_entry", Says::Everything, "6k<enter>");
    pictures("logs_wrap", Says::Everything, "6W");
    pictures("logs_facets", Says::Everything, "6fj<right>");
    pictures("logs_find", Says::Everything, "6/exit<enter>");
    pictures("logs_empty", Says::Nothing, "6");
    pictures("logs_loading", Says::Silence, "6<wait>");
    pictures("logs_error", Says::Failure, "6<wait>");
}

#[test]
fn it_follows_until_one_looks_up_and_again_at_its_end() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    assert!(hand.keys("6").screen().contains("FOLLOW"));
    assert!(hand.keys("k").screen().contains("PAUSED +"));
    assert!(hand.keys("F").screen().contains("FOLLOW"));
    assert!(hand.keys("FG").screen().contains("FOLLOW"), "the end follows");
}

#[test]
fn older_entries_come_as_one_goes_up() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("6");
    for _ in 0..4 {
        hand.keys("g");
    }
    assert!(hand.screen().contains("14:30:00"), "{}", hand.screen());
    assert!(hand.keys("GG").screen().contains("FOLLOW"), "{}", hand.screen());
}

#[test]
fn facets_marks_and_hidden_parts_narrow_what_is_shown_and_saved() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("6fj<right>f");
    assert!(hand.screen().contains("job: qa-distill-v2"), "{}", hand.screen());
    hand.keys("w");
    let filter = LogFilter {
        job: Some("qa-distill-v2".to_owned()),
        ..LogFilter::default()
    };
    assert_eq!(hand.orders, [Command::SaveLog(filter)]);
    hand.keys("x");
    assert!(hand.screen().contains("1 hidden"), "{}", hand.screen());
    hand.keys("<esc>");
    assert!(!hand.screen().contains("hidden"), "{}", hand.screen());
}

#[test]
fn everything_is_logged_for_a_while() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("6d");
    assert_eq!(hand.orders, [Command::SetLogLevel(Some(LogLevel::Debug))]);
    assert!(
        hand.screen().contains("answered  status 200"),
        "{}",
        hand.screen()
    );
    hand.keys("d");
    assert_eq!(hand.orders[1], Command::SetLogLevel(None));
}

#[test]
fn what_was_searched_is_found_upwards_and_downwards() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("6/traceback<enter>");
    let once = hand.screen();
    assert!(once.contains("PAUSED"), "{once}");
    hand.keys("nN");
    assert_eq!(hand.screen(), once);
    assert!(!hand.screen().contains('\u{1b}'));
}

#[test]
fn an_entry_is_copied_and_the_file_opened() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("6y");
    assert!(!hand.copied.is_empty() && hand.screen().contains("Copied log entry"));
    hand.keys("o");
    let [opening] = &hand.opened[..] else {
        panic!("{:?}", hand.opened)
    };
    assert!(
        opening.to_read && opening.path.to_string_lossy().ends_with(".log"),
        "{opening:?}"
    );
}
