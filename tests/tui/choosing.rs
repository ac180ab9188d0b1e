//! The new job's fields for what comes into a dataset and how far a job goes before somebody says yes: classes, canary, selection.

use std::collections::BTreeMap;

use destilation::core::api::EstimateReport;
use destilation::core::budget::Money;
use destilation::core::forecast::Forecast;
use destilation::core::job::JobSpec;
use destilation::core::job::parse::{Known, parse};
use destilation::core::selection::Classes;
use destilation::tui::Message;

use crate::SIZES;
use crate::canned::Says;
use crate::canned::drafts::DRAFTS;
use crate::picture;
use crate::world::Hand;

/// What a stored job would take that stands at the end of its canary.
pub fn estimate() -> EstimateReport {
    EstimateReport {
        tasks: 500,
        requests: (500, 1_500),
        input_tokens: (1, 2),
        output_tokens: (1, 2),
        usd: None,
        seconds: (1.0, 2.0),
        notes: Vec::new(),
        forecast: Some(Forecast {
            rows: 20,
            of: 500,
            spent: Money::from_usd(0.04),
            usd: (Money::from_usd(0.9), Money::from_usd(1.4)),
            seconds: (600.0, 900.0),
            accepted: (430, 480),
            shuffled: true,
        }),
    }
}

fn draft() -> String {
    DRAFTS.with_borrow(|drafts| drafts.values().next().unwrap().clone())
}

fn spec() -> JobSpec {
    let parsed = parse(&draft(), &|_| Err(String::new()), &Known::default());
    parsed.spec.unwrap_or_else(|| panic!("{:?}", parsed.problems))
}

/// A new job from the first template, on its step of limits.
fn at_limits(columns: u16, rows: u16) -> Hand {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(columns, rows, Says::Everything);
    hand.keys("n<enter>]]]]]<wait>");
    hand
}

fn types(hand: &mut Hand, keys: &str, text: &str) {
    hand.keys(keys);
    hand.send(Message::Paste(text.to_owned()));
    hand.keys("<enter><wait>");
}

#[test]
fn classes_and_a_canary_are_fields() {
    for (columns, rows) in SIZES {
        let mut hand = at_limits(columns, rows);
        types(&mut hand, "jj<enter>", "20");
        types(&mut hand, "j<enter>", "card.level");
        types(&mut hand, "j<enter>", "easy = 60, hard = 40");
        picture(&format!("wizard_limits_classes_{columns}"), &hand.screen());
    }
    let spec = spec();
    assert_eq!(spec.limits.canary, Some(20));
    let quota = spec.quota.unwrap();
    assert_eq!(quota.field, "card.level");
    let Classes::Named(classes) = quota.of else {
        panic!("{:?}", quota.of)
    };
    assert_eq!(classes, [("easy".to_owned(), 60), ("hard".to_owned(), 40)].into());
    assert_eq!(spec.target.unwrap().accepted, 100);
}

#[test]
fn what_is_wrong_with_them_is_said_where_they_are() {
    let mut hand = at_limits(120, 36);
    types(&mut hand, "jj<enter>", "2");
    let screen = hand.screen();
    assert!(screen.contains("limits.canary: 2 is out of range"), "{screen}");
    types(&mut hand, "<enter><ctrl-u>", "");
    types(&mut hand, "j<enter>", "card.level");
    let screen = hand.screen();
    assert!(screen.contains("exactly one of each and classes"), "{screen}");
    // Taken out again, nothing of it is left in the file.
    types(&mut hand, "<enter><ctrl-u>", "");
    let screen = hand.screen();
    assert!(screen.contains("nothing is wrong with this step"), "{screen}");
    assert!(
        !draft().contains("quota") && !draft().contains("canary"),
        "{}",
        draft()
    );
    types(&mut hand, "j<enter>", "easy, hard");
    assert!(
        hand.screen().contains("target.quota.classes"),
        "{}",
        hand.screen()
    );
    assert!(
        draft().contains("\"easy, hard\""),
        "what was typed is kept: {}",
        draft()
    );
}

#[test]
fn what_comes_into_the_dataset_is_chosen_in_the_form() {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("n<enter>]]<wait>G");
    types(&mut hand, "kkk<enter>", "12");
    let screen = hand.screen();
    assert!(screen.contains("best of all"), "{screen}");
    types(&mut hand, "j<enter>", "length");
    types(&mut hand, "kkk<enter>", "card.question");
    picture("wizard_schema_selection_120", &hand.screen());
    let select = spec().dataset.select.unwrap();
    assert_eq!((select.top, select.score.as_deref()), (Some(12), Some("length")));
    let near = select.near.unwrap();
    assert_eq!(near.field, "card.question");
    assert!((near.threshold - 0.8).abs() < 1e-9);
}

#[test]
fn the_canary_of_the_job_it_is_made_from_says_what_that_one_takes() {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjjc<wait>]]]]]<wait>");
    let screen = hand.screen();
    assert!(
        screen.contains("canary of medqa-probe: 20 of 500 rows") && screen.contains("$0.90 to $1.40"),
        "{screen}"
    );
}
