//! Tags, columns, Markdown and judging again on the samples screen.

use destilation::core::api::Command;
use destilation::core::ports::Decided;

use crate::canned::Says;
use crate::pictures;
use crate::world::Hand;

#[test]
fn pictures_of_tags_columns_and_markdown() {
    pictures("samples_tags", Says::Everything, "3t");
    pictures("samples_tags_offered", Says::Everything, "3/tag:g<enter>tche");
    pictures("samples_tags_wrong", Says::Everything, "3ta:b<enter>");
    pictures("samples_tagged", Says::Everything, "3/tag:good<enter>");
    pictures(
        "samples_tagged_reading",
        Says::Everything,
        "3/tag:good<enter><enter>",
    );
    pictures("samples_columns", Says::Everything, "3cjjj<space>");
    pictures(
        "samples_columns_changed",
        Says::Everything,
        "3cjj<space>jj>>>KKGkkkkk<space><esc>",
    );
    pictures("samples_markdown", Says::Everything, "3/notes<enter><enter>m");
}

#[test]
fn tags_come_and_go_on_one_sample_and_on_all_that_are_marked() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3/tag:good<enter>tche<tab>-good<enter>");
    let Some(Command::Decide {
        samples,
        decided: Decided::Tag(change),
    }) = hand.orders.last()
    else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!((samples.len(), change.words().as_str()), (1, "checked -good"));
    assert!(hand.screen().contains("u takes it back"), "{}", hand.screen());
    hand.keys("<space><space>tlong<enter>");
    let Some(Command::Bulk {
        filter,
        decided: Decided::Tag(change),
        ..
    }) = hand.orders.last()
    else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!((filter.ids.len(), change.words().as_str()), (2, "long"));
    assert!(hand.screen().contains("Tagged 2"), "{}", hand.screen());
}

#[test]
fn nothing_typed_tags_nothing_and_escape_leaves_all_as_it_was() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("3t<enter>tgood<esc>t-<enter><esc>");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
}

#[test]
fn columns_and_markdown_are_remembered() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3cjj<space>jhh<esc>m<wait><wait><wait>");
    let kept: serde_json::Value = serde_json::from_str(&hand.kept).unwrap();
    let memory = &kept["screens"]["samples"];
    assert_eq!(memory["markdown"], true);
    assert_eq!(memory["columns"][2], serde_json::json!(["JUDGE", 5, false]));
    assert_eq!(memory["columns"][3], serde_json::json!(["REASON", 10, true]));
    let screen = hand.screen();
    assert!(!screen.contains("JUDGE") && screen.contains("REASON"), "{screen}");
    hand.keys("c0<esc><wait><wait><wait>");
    assert!(hand.screen().contains("JUDGE"));
}

#[test]
fn a_filter_knows_the_tags() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("3/tag:ch<tab>");
    assert!(hand.screen().contains("tag:checked"), "{}", hand.screen());
}

#[test]
fn pictures_of_judging_again() {
    pictures("samples_judged_same", Says::Everything, "3V");
    pictures(
        "samples_judged",
        Says::Everything,
        "3<space><space><space>V<wait>",
    );
}

#[test]
fn what_judging_again_changes_is_told_before_it_is_so() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3V");
    assert!(hand.screen().contains("nothing changes"), "{}", hand.screen());
    assert!(hand.orders.is_empty());
    hand.keys("<space><space><space>V<wait>");
    let screen = hand.screen();
    assert!(
        screen.contains("2 rejected (near_duplicate) → accepted"),
        "{screen}"
    );
    hand.keys("n<wait>V<wait>");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
    hand.keys("y");
    let [Command::RejudgeSome(query)] = &hand.orders[..] else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!(query.ids.len(), 3);
}

#[test]
fn a_yes_means_the_question_that_was_asked_last() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3Aa<wait>n<wait>A<space>j<space>V<wait>y");
    let [Command::RejudgeSome(_)] = &hand.orders[..] else {
        panic!("{:?}", hand.orders)
    };
}
