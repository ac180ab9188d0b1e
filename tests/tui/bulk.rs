//! Decisions in a row and large ones: what they say, and what is said while one of them is taken back.

use std::time::Duration;

use destilation::core::api::{Command, Turning};
use destilation::core::ports::Decided;
use destilation::tui::Message;

use crate::canned::{Says, progress};
use crate::picture;
use crate::world::Hand;

#[test]
fn rejections_in_a_row_are_said_once_with_how_many() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3x1x1x1");
    assert_eq!(hand.orders.len(), 3);
    let screen = hand.screen();
    assert_eq!(screen.matches("Rejected 3").count(), 1, "{screen}");
    assert!(
        screen.contains("Rejected 3 samples · u takes the last back"),
        "{screen}"
    );
    hand.wait(Duration::from_secs(5));
    assert!(!hand.screen().contains("Rejected 3"), "it goes away as one");
    hand.keys("x1");
    assert!(
        hand.screen().contains("Rejected 1 sample · u takes it back"),
        "what is gone is not counted"
    );
}

#[test]
fn what_stands_there_already_is_counted() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3aa");
    let screen = hand.screen();
    assert_eq!(screen.matches("it is accepted already").count(), 1, "{screen}");
    assert!(screen.contains("it is accepted already ×2"), "{screen}");
}

#[test]
fn the_reason_of_a_rejected_sample_can_be_changed() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3jx");
    assert!(
        hand.screen().contains("Rejected already: change why"),
        "{}",
        hand.screen()
    );
    hand.keys("2");
    let Some(Command::Decide {
        decided: Decided::Reject { note },
        ..
    }) = hand.orders.last()
    else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!(note.as_deref(), Some("incomplete"));
    assert!(
        hand.screen().contains("Samples"),
        "a digit chose a reason and no other screen"
    );
}

#[test]
fn a_large_undo_says_how_far_it_is() {
    for (columns, rows) in [(40, 12), (80, 24), (120, 36)] {
        let mut hand = Hand::new(columns, rows, Says::Everything);
        hand.keys("3");
        let mut now = progress(59);
        now.turning = Some(Turning {
            again: false,
            done: 25_000,
            all: 100_000,
        });
        hand.send(Message::Progress(Box::new(now)));
        picture(&format!("bulk_undo_{columns}"), &hand.screen());
        // The narrowest screens have no line for it.
        let says = hand.screen().contains("Taking back 25,000 of 100,000");
        assert_eq!(says, columns > 40, "{}", hand.screen());
    }
}
