//! The samples screen by behaviour: rows come and go under a cursor that stays, what is decided can be taken back, what is asked
//! is asked once.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::filter::{By, Sort};
use destilation::core::ports::{Decided, Place};
use destilation::tui::{Effect, Message, update};

use crate::canned::{Says, progress};
use crate::pictures;
use crate::world::{Hand, key};

#[test]
fn pictures_of_samples() {
    pictures("samples", Says::Everything, "3j");
    pictures("samples_reading", Says::Everything, "3j<enter>");
    pictures("samples_hostile", Says::Everything, "3jjj<enter>");
    pictures("samples_raw", Says::Everything, "3j<enter>]");
    pictures("samples_prompt", Says::Everything, "3j<enter>]]");
    pictures("samples_diff", Says::Everything, "3jd");
    pictures("samples_scores", Says::Everything, "3jE");
    pictures("samples_meta", Says::Everything, "3j<enter>[");
    pictures("samples_attempt", Says::Everything, "3j<enter>}");
    pictures("samples_marked", Says::Everything, "3<space>j<space>vjj");
    pictures(
        "samples_filter_wrong",
        Says::Everything,
        "3/judge:>3 status:maybe<enter>",
    );
    pictures("samples_filter_offers", Says::Everything, "3/status:rejected re");
    pictures(
        "samples_nothing_matches",
        Says::Everything,
        "3/status:rejected hopeless<enter>",
    );
    pictures("samples_facets", Says::Everything, "3fjj");
    pictures("samples_sort", Says::Everything, "3sjj");
    pictures("samples_sorted", Says::Everything, "3s3");
    pictures("samples_reject", Says::Everything, "3x");
    pictures("samples_bulk", Says::Everything, "3Ab");
    pictures("samples_bulk_asks", Says::Everything, "3Aa<wait>");
    pictures("samples_edit", Says::Everything, "3e");
    pictures("samples_history", Says::Everything, "3H");
    pictures("samples_export", Says::Everything, "3w");
    pictures("samples_empty", Says::Nothing, "3");
    pictures("samples_loading", Says::Silence, "3<wait>");
    pictures("samples_error", Says::Failure, "3<wait>");
}

fn status(hand: &mut Hand) -> String {
    let screen = hand.screen();
    let lines: Vec<&str> = screen.lines().collect();
    lines[lines.len() - 2].trim().to_owned()
}

#[test]
fn decisions_are_made_at_once_and_taken_back() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3a");
    assert!(hand.orders.is_empty(), "it is accepted already");
    hand.keys("x3");
    let [Command::Decide { samples, decided }] = &hand.orders[..] else {
        panic!("{:?}", hand.orders);
    };
    let note = Some("off topic".to_owned());
    assert_eq!((samples.len(), decided), (1, &Decided::Reject { note }));
    let first = samples[0].clone();
    hand.keys("a");
    let Command::Decide { samples, decided } = &hand.orders[1] else {
        panic!("{:?}", hand.orders);
    };
    assert_eq!(decided, &Decided::Accept);
    assert_ne!(first, samples[0], "after a decision the next one is selected");
    hand.keys("u");
    assert!(matches!(
        hand.orders[2],
        Command::Undo {
            job: None,
            entry: None
        }
    ));
    assert!(
        hand.screen().contains("Taken back: rejected 40,000 samples"),
        "{}",
        hand.screen()
    );
    assert!(hand.screen().contains("2 decided again since"));
    assert!(
        hand.screen().contains("qa.jsonl since"),
        "what was exported stays, and it says so"
    );
    hand.keys("<ctrl-r>");
    assert!(matches!(hand.orders[3], Command::Redo { job: None }));
}

#[test]
fn the_last_reason_is_offered_again_and_own_words_are_taken() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3x<enter>jjx2jx<enter>");
    hand.keys("jjXtoo long<enter>");
    let notes: Vec<Option<String>> = hand
        .orders
        .iter()
        .map(|order| match order {
            Command::Decide {
                decided: Decided::Reject { note },
                ..
            } => note.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(notes[0], None);
    assert_eq!(notes[1], said("incomplete"));
    assert!(
        notes[1..notes.len() - 1]
            .iter()
            .all(|note| *note == said("incomplete"))
    );
    assert_eq!(notes.last(), Some(&said("too long")));
}

#[test]
fn a_few_marked_ones_are_decided_at_once_and_many_are_asked_about() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3<space><space>a");
    let [
        Command::Bulk {
            filter, after: None, ..
        },
    ] = &hand.orders[..]
    else {
        panic!("{:?}", hand.orders);
    };
    assert_eq!(filter.ids.len(), 2);
    assert!(!hand.model.asks());
    assert!(hand.screen().contains("Accepted 2"), "{}", hand.screen());

    hand.keys("Aa");
    assert!(hand.model.asks() && hand.orders.len() == 1);
    hand.keys("<wait><enter>");
    assert_eq!(hand.orders.len(), 1, "the harmless button has the focus");
    hand.keys("a<wait>y");
    let bulks: Vec<_> = hand.orders[1..]
        .iter()
        .map(|order| match order {
            Command::Bulk { after, more_of, .. } => (after.is_some(), more_of.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        bulks,
        [(false, false), (true, true)],
        "one transaction after the other, one entry"
    );
    assert!(hand.screen().contains("Accepted 10,000"), "{}", hand.screen());
}

#[test]
fn escape_stops_a_bulk_between_transactions() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3Ax1<wait>");
    let mut orders: Vec<Effect> = update(&mut hand.model, Message::Key(key("y")));
    let at = orders
        .iter()
        .position(|effect| matches!(effect, Effect::Order(..)))
        .unwrap();
    let Effect::Order(ticket, command) = orders.remove(at) else {
        panic!()
    };
    assert!(
        status(&mut hand).starts_with("Rejecting 0 of 412,338"),
        "{}",
        status(&mut hand)
    );
    hand.keys("<esc>");
    let receipt = crate::canned::receipt(&command);
    hand.send(Message::Done(ticket, Ok(Box::new(receipt))));
    assert!(
        hand.orders.is_empty(),
        "no further transaction: {:?}",
        hand.orders
    );
    assert!(
        hand.screen().contains("Rejected 5,000 · stopped"),
        "{}",
        hand.screen()
    );
}

#[test]
fn what_is_selected_stays_when_filter_and_order_change() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3jjj");
    assert!(status(&mut hand).contains("row 4"));
    hand.keys("/status:accepted<enter>");
    assert!(status(&mut hand).contains("row 4"), "{}", status(&mut hand));
    hand.keys("s4<esc>");
    assert!(status(&mut hand).contains("row 4"));
    assert!(hand.screen().contains("no filter"));
}

#[test]
fn any_row_is_reached_at_once_and_the_window_moves_along() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("3G");
    assert!(status(&mut hand).contains("row 412,338"), "{}", hand.screen());
    hand.keys("k<ctrl-u>g");
    assert!(status(&mut hand).contains("row 1 "));
    hand.keys(":200000<enter>");
    assert!(status(&mut hand).contains("row 200,000"), "{}", hand.screen());
    for step in 1..=40 {
        hand.keys("<ctrl-d>");
        let row = 200_000 + step * 8;
        let told = status(&mut hand);
        assert!(
            told.contains(&destilation::core::text::grouped(row)),
            "step {step}: {told}"
        );
    }
    for _ in 0..60 {
        hand.keys("<pgup>");
    }
    let screen = hand.screen();
    assert!(screen.contains("▌"), "{screen}");
}

#[test]
fn only_a_few_pages_are_ever_asked_for() {
    let mut hand = Hand::new(120, 36, Says::Silence);
    let effects = update(&mut hand.model, Message::Key(key("3")));
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Ask(_, Query::SampleWindow { limit, at, .. }) => Some((*limit, *at)),
        _ => None,
    });
    let (limit, at) = asked.unwrap();
    assert_eq!(at, WindowAt::Place(Place::Row(0)));
    assert!(limit <= 5 * 36, "{limit}");
}

#[test]
fn new_rows_do_not_move_the_view() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3jj");
    let before = hand.screen();
    hand.wait(Duration::from_secs(10));
    let effects = update(&mut hand.model, Message::Progress(Box::new(progress(61))));
    let [Effect::Ask(ticket, Query::CountSamples(_))] = &effects[..] else {
        panic!("{effects:?}");
    };
    hand.send(Message::Reply(*ticket, Ok(Box::new(Answer::Count(413_542)))));
    assert!(
        status(&mut hand).contains("▼ 1,204 new (r)"),
        "{}",
        status(&mut hand)
    );
    let rows = |screen: &str| {
        screen
            .lines()
            .skip(4)
            .take(20)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&hand.screen()), rows(&before));
}

#[test]
fn a_facet_narrows_the_filter() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3/tides<enter>fjjj<enter>");
    assert!(
        hand.screen().contains("/ tides reason:near_duplicate"),
        "{}",
        hand.screen()
    );
    hand.keys("fG<enter>");
    assert!(hand.screen().contains("len:>=500 len:<1000"), "{}", hand.screen());
}

#[test]
fn words_of_a_filter_are_completed() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3/sta<tab>rej<tab>job:sql<tab><enter>");
    assert!(
        hand.screen().contains("/ status:rejected job:sql-explain"),
        "{}",
        hand.screen()
    );
}

#[test]
fn an_edit_is_checked_before_it_is_kept() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3e<ctrl-s>");
    assert!(hand.orders.is_empty() && hand.screen().contains("Nothing is changed"));
    hand.keys("<ctrl-k><ctrl-s>");
    assert!(
        hand.orders.is_empty() && hand.screen().contains("This is no JSON"),
        "{}",
        hand.screen()
    );
    hand.keys("{\"unwanted\": 1,<ctrl-s>");
    assert!(hand.screen().contains("additional"), "{}", hand.screen());
    assert!(
        hand.screen().contains("Edit the answer"),
        "what was typed is still there"
    );
    hand.keys("<esc>");
    assert!(!hand.screen().contains("Edit the answer"));
    hand.keys("e");
    assert!(hand.screen().contains("unwanted"), "what was left is there again");
    hand.keys("<esc>je<end>\"more\": 2,");
    hand.editor = Ok("  ".to_owned());
    hand.keys("<ctrl-g><ctrl-s>");
    let Some(Command::Decide {
        decided: Decided::Edit { steps },
        ..
    }) = hand.orders.last()
    else {
        panic!("{:?}", hand.orders);
    };
    assert!(
        steps[0].text.starts_with("{\"more\":2,\"question\":"),
        "{}",
        steps[0].text
    );
    assert!(!hand.screen().contains("Edit the answer"));
}

#[test]
fn an_export_replaces_a_file_only_after_a_question() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3w<ctrl-u>out.jsonl<enter>");
    assert!(matches!(
        &hand.orders[..],
        [Command::ExportSamples { overwrite: false, .. }]
    ));
    hand.keys("w<ctrl-u>there.jsonl<enter>");
    assert!(hand.model.asks(), "{}", hand.screen());
    hand.keys("<wait>y");
    assert!(matches!(
        hand.orders.last(),
        Some(Command::ExportSamples { overwrite: true, .. })
    ));
    assert_eq!(hand.orders.len(), 3);
}

#[test]
fn any_entry_of_the_history_is_taken_back() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3Hj<enter>");
    assert!(hand.orders.is_empty(), "a file cannot be taken back");
    hand.keys("G<enter>");
    let [
        Command::Undo {
            entry: Some(entry), ..
        },
    ] = &hand.orders[..]
    else {
        panic!("{:?}", hand.orders);
    };
    assert_eq!(entry.0, 1);
}

#[test]
fn the_order_is_asked_of_the_engine_and_turned_the_second_time() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3s3");
    assert!(hand.screen().contains("by judge ▲"));
    hand.keys("s3");
    assert!(hand.screen().contains("by judge ▼"));
    let sort = Sort {
        by: By::Judge,
        down: true,
    };
    assert_eq!(sort.by.word(), "judge");
}

#[test]
fn copies_say_what_they_are() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3y3");
    assert_eq!(hand.copied.len(), 32);
    hand.keys("y4");
    assert!(hand.copied.starts_with("destiler samples show "));
}

#[test]
fn keys_typed_before_the_rows_of_a_jump_are_there_go_on_from_where_it_ends() {
    for script in ["Gkk", "Gg", "Ggjj", "Gk<ctrl-u>jj"] {
        let [mut fast, mut slow] = [(); 2].map(|()| Hand::new(120, 36, Says::Everything));
        fast.keys("3").keys(script);
        slow.keys("3").hold_answers();
        slow.keys(script).give_answers();
        assert_eq!(slow.screen(), fast.screen(), "{script}");
    }
}
