//! New verdicts of a job and its dataset written anew: nothing changes before a person says so, and one may go elsewhere meanwhile.

use destilation::core::api::{Answer, Command, Failure, FailureKind, Query, Rejudged, StateChange};
use destilation::core::sample::{Reason, SampleId, SampleState};
use destilation::tui::{Effect, Message, Ticket, update};

use crate::canned::Says;
use crate::pictures;
use crate::world::{Hand, key};

/// What judging a job again would change.
pub fn rejudged(job: &str) -> Rejudged {
    let change = |from, from_reason, to, to_reason, count| StateChange {
        from,
        from_reason,
        to,
        to_reason,
        count,
        examples: vec![SampleId("3f9c1a7be2d04c55".to_owned())],
    };
    let (accepted, rejected) = (SampleState::Accepted, SampleState::Rejected);
    Rejudged {
        job: job.to_owned(),
        revision: 3,
        samples: 14_702,
        by_hand: 7,
        not_rejudged: 44,
        requests_needed: 44,
        reworded: 12,
        changes: vec![
            change(accepted, None, rejected, Some(Reason::Judge), 401),
            change(rejected, Some(Reason::NearDuplicate), accepted, None, 190),
            change(
                rejected,
                Some(Reason::Schema),
                rejected,
                Some(Reason::ExactDuplicate),
                13,
            ),
            change(accepted, None, SampleState::NeedsReview, None, 9),
        ],
        applied: false,
    }
}

#[test]
fn new_verdicts() {
    pictures("verdicts", Says::Everything, "2jjj<enter>V");
    pictures("verdicts_apply", Says::Everything, "2jjj<enter>VA<wait>");
    pictures("verdicts_applied", Says::Everything, "2jjj<enter>VA<wait>y<wait>");
}

#[test]
fn what_would_change_is_shown_before_a_person_puts_it_in_force() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjj<enter>V");
    assert!(hand.screen().contains("613 of 14,702 samples would change"));
    assert!(hand.orders.is_empty(), "looking changes nothing");
    hand.keys("A<wait>A<enter>");
    assert!(hand.orders.is_empty(), "neither the same key nor enter agrees");
    hand.keys("A<wait>y");
    assert_eq!(hand.orders, [Command::Rejudge("medqa-probe".to_owned())]);
    let screen = hand.screen();
    assert!(screen.contains("new verdicts in force, 613 changed"), "{screen}");
    hand.keys("A<wait>");
    assert!(!hand.model.asks() && hand.screen().contains("it is in force"));
}

#[test]
fn a_running_job_is_not_judged_again() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2V");
    assert!(hand.screen().contains("pause it first"), "{}", hand.screen());
    hand.keys("W<wait>");
    assert!(!hand.model.asks());
}

/// The question that a key asks, of this kind.
fn asked(hand: &mut Hand, name: &str, is: fn(&Query) -> bool) -> Ticket {
    let effects = update(&mut hand.model, Message::Key(key(name)));
    let found = effects.into_iter().find_map(|effect| match effect {
        Effect::Ask(ticket, query) if is(&query) => Some(ticket),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn one_may_go_elsewhere_while_it_is_judged() {
    let is = |query: &Query| matches!(query, Query::Rejudge(_));
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjj<enter>");
    let ticket = asked(&mut hand, "V", is);
    hand.keys("<wait><wait><wait>");
    assert!(
        hand.screen()
            .contains("judging again from stored answers, 0 requests · 00:00:01")
    );
    hand.keys("<esc><wait>");
    let screen = hand.screen();
    assert!(
        screen.contains("judging again from stored answers"),
        "the job says it, too:\n{screen}"
    );
    hand.keys("1");
    let answer = Answer::Rejudged(Box::new(rejudged("medqa-probe")));
    hand.send(Message::Reply(ticket, Ok(Box::new(answer))));
    assert!(hand.screen().contains("medqa-probe: 613 verdicts would change"));
    hand.keys("2<enter>");
    let effects = update(&mut hand.model, Message::Key(key("V")));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Ask(_, query) if is(query))),
        "what came meanwhile is shown"
    );
    assert!(hand.screen().contains("401"), "{}", hand.screen());

    let ticket = asked(&mut hand, "r", is);
    let failure = Failure::new(FailureKind::Usage, "job `medqa-probe` is running").help("pause it first");
    hand.send(Message::Reply(ticket, Err(Box::new(failure))));
    let screen = hand.screen();
    assert!(
        screen.contains("is running") && screen.contains("→ pause it first"),
        "{screen}"
    );
}

#[test]
fn the_dataset_is_written_anew_when_a_person_says_so() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2jjj<enter>W<wait>W<enter>");
    assert!(hand.orders.is_empty());
    hand.keys("W<wait>y");
    assert_eq!(hand.orders, [Command::WriteDataset("medqa-probe".to_owned())]);
    assert!(
        hand.screen().contains("Dataset of medqa-probe: 12,402 rows in"),
        "{}",
        hand.screen()
    );
}
