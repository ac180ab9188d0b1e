//! Making samples anew from the samples screen: the cost first, then a yes, and the job waits for its start.

use destilation::core::api::Command;

use crate::canned::Says;
use crate::pictures;
use crate::world::Hand;

#[test]
fn pictures_of_making_again() {
    pictures("samples_again", Says::Everything, "3R<wait>");
    pictures(
        "samples_again_many",
        Says::Everything,
        "3<space><space><space>R<wait>",
    );
    pictures("samples_again_bulk", Says::Everything, "3<space><space>b");
    pictures("samples_again_made", Says::Everything, "3R<wait>y");
}

#[test]
fn the_cost_is_told_before_anything_is_asked_anew() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3<space><space>R<wait>");
    let screen = hand.screen();
    assert!(screen.contains("2 tasks of qa-distill-v2"), "{screen}");
    assert!(screen.contains("about 4 requests,"), "{screen}");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
    // Neither the start key nor enter on the focused Cancel agrees.
    hand.keys("R<wait><enter><wait>");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
    hand.keys("R<wait>y");
    let [Command::MakeAgain(query)] = &hand.orders[..] else {
        panic!("{:?}", hand.orders)
    };
    assert_eq!(query.ids.len(), 2);
    let screen = hand.screen();
    assert!(screen.contains("2 tasks in the queue again"), "{screen}");
}

#[test]
fn a_running_job_is_left_alone() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3<space>j<space>j<space>j<space>R<wait>");
    let screen = hand.screen();
    assert!(screen.contains("is running: pause it first"), "{screen}");
    hand.keys("y");
    assert!(hand.orders.is_empty(), "{:?}", hand.orders);
}

#[test]
fn a_yes_to_something_else_makes_nothing_anew() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("3R<wait>n<wait>Aa<wait>y");
    let [Command::Bulk { .. }, ..] = &hand.orders[..] else {
        panic!("{:?}", hand.orders)
    };
    let anew = |order: &Command| matches!(order, Command::MakeAgain(_));
    assert!(!hand.orders.iter().any(anew), "{:?}", hand.orders);
}
