//! The columns of the seeds in the new job: which variable each is, and which are left out.

use std::collections::BTreeMap;

use destilation::core::job::JobSpec;

use crate::SIZES;
use crate::canned::Says;
use crate::canned::drafts::{DRAFTS, read};
use crate::world::Hand;

fn draft() -> (String, Option<JobSpec>) {
    let text = DRAFTS.with_borrow(|drafts| drafts.values().next().unwrap().clone());
    let text = text.split_once('\n').unwrap().1.to_owned();
    let spec = read(&text).spec;
    (text, spec)
}

/// A new job from the first template with the seed file of a test, its cursor on the first column.
fn on_columns(columns: u16, rows: u16) -> Hand {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(columns, rows, Says::Everything);
    hand.keys("n<enter>otopics<enter><wait>");
    hand.keys("jjjjjj<wait>");
    hand
}

fn shots(name: &str, script: &str) {
    for (columns, rows) in SIZES {
        let mut hand = on_columns(columns, rows);
        hand.keys(script);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}_{columns}"), hand.screen());
        });
    }
}

#[test]
fn columns_at_three_sizes() {
    shots("columns", "");
    shots("columns_excluded", "x<wait>");
    shots("columns_map", "jx<wait>jm");
    shots("columns_typed", "<enter>area<enter><wait>");
}

#[test]
fn a_column_becomes_the_variable_that_the_prompts_miss_and_everything_is_taken_back() {
    let mut hand = on_columns(120, 36);
    let (before, spec) = draft();
    assert!(spec.unwrap().seeds.columns.is_plain());
    // Without `topic` the prompt misses its variable; `question` is offered it.
    hand.keys("jx<wait>");
    let (text, spec) = draft();
    assert!(text.contains("exclude = [\"topic\"]"), "{text}");
    assert!(spec.is_none(), "the prompt has a variable nobody provides");
    hand.keys("jm<enter><wait>");
    let (text, spec) = draft();
    let columns = spec.unwrap().seeds.columns;
    assert_eq!(
        columns.rename,
        [("question".to_owned(), "topic".to_owned())],
        "{text}"
    );
    let screen = hand.screen();
    assert!(screen.contains("question       topic"), "{screen}");
    hand.keys("]<wait>");
    let screen = hand.screen();
    assert!(screen.contains("What is 2+3?"), "the preview uses it: {screen}");
    hand.keys("[uu<wait>");
    assert_eq!(draft().0, before);
    hand.keys("<ctrl-r><ctrl-r><wait>");
    assert_eq!(draft().0, text);
}

#[test]
fn excluding_twice_and_naming_a_column_take_it_in_again() {
    let mut hand = on_columns(80, 24);
    let (before, _) = draft();
    hand.keys("xx<wait>");
    assert_eq!(draft().0, before);
    hand.keys("x<enter><enter><wait>");
    assert!(
        draft().0.contains("exclude = [\"subject\"]"),
        "nothing typed leaves it out"
    );
    hand.keys("<enter>area<enter><wait>");
    let (text, _) = draft();
    assert!(
        text.contains("rename = { subject = \"area\" }") && !text.contains("exclude"),
        "{text}"
    );
    // From another line the column is chosen first.
    hand.keys("ggm");
    assert!(hand.screen().contains("is area now"), "{}", hand.screen());
    hand.keys("subj<enter><enter><wait>");
    let (text, _) = draft();
    assert_eq!(text, before);
}
