//! Where somebody who writes a job stumbled: a bound without a target, a question that hid under the system prompt, keys that should
//! reach the ends of a text, a price that nobody asks of one's own machine.

use std::collections::BTreeMap;

use destilation::core::api::Command;

use crate::SIZES;
use crate::canned::Says;
use crate::canned::drafts::DRAFTS;
use crate::picture;
use crate::world::Hand;

fn at_desk(columns: u16, rows: u16, script: &str) -> Hand {
    DRAFTS.with_borrow_mut(BTreeMap::clear);
    let mut hand = Hand::new(columns, rows, Says::Everything);
    hand.keys(script);
    hand
}

#[test]
fn a_bound_of_the_plan_without_a_target_says_what_is_missing_and_where() {
    for (columns, rows) in SIZES {
        let hand = &mut at_desk(columns, rows, "n<enter>]]]]]j<enter><ctrl-u>50<enter><wait>");
        picture(&format!("wizard_limits_no_target_{columns}"), &hand.screen());
    }
    let mut hand = at_desk(120, 36, "n<enter>]]]]]j<enter><ctrl-u>50<enter><wait>");
    let screen = hand.screen();
    assert!(screen.contains("✗ stop at"), "{screen}");
    assert!(screen.contains("how many accepted samples to"), "{screen}");
    assert!(screen.contains("seeds.limit is what plans"), "{screen}");
    // What was never set can be set after it was taken out.
    hand.keys("xx<wait><enter><ctrl-u>60<enter>");
    assert!(hand.screen().contains("plan at most  60"), "{}", hand.screen());
    hand.keys("k<enter>40<enter><wait>");
    let screen = hand.screen();
    assert!(screen.contains("nothing is wrong with this step"), "{screen}");
}

#[test]
fn the_preview_shows_the_question_at_every_size() {
    for (columns, rows) in [(80, 24), (120, 36)] {
        let preview = if columns == 80 { "<f3>" } else { "" };
        let mut hand = at_desk(columns, rows, &format!("n<enter>]{preview}<wait>"));
        let screen = hand.screen();
        assert!(screen.contains("Reader: a secondary school student"), "{screen}");
        assert!(screen.contains("Write one card as JSON"), "{screen}");
    }
}

#[test]
fn both_ends_of_a_prompt_are_a_key_away() {
    let mut hand = at_desk(120, 36, "n<enter>]<enter><ctrl-end>");
    hand.keys("Z<ctrl-home>A<esc><wait>");
    let screen = hand.screen();
    assert!(screen.contains("1 ASubject: "), "{screen}");
    DRAFTS.with_borrow(|drafts| {
        let text = drafts.values().next().unwrap();
        assert!(text.contains("\nZ") || text.contains("level.Z"), "{text}");
    });
}

#[test]
fn a_teacher_of_ones_own_needs_no_price_to_be_launched() {
    let mut hand = at_desk(120, 36, "n<enter>]]]]jjj<space><wait>]]]<wait>");
    let screen = hand.screen();
    assert!(screen.contains("ollama-box/qwen3:8b"), "{screen}");
    assert!(!screen.contains("price is"), "{screen}");
    hand.keys("l<wait>");
    let runs = |order: &Command| matches!(order, Command::Run { .. });
    assert!(hand.orders.iter().any(runs), "{}", hand.screen());
}
