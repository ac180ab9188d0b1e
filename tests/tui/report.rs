//! A job's report on the screen: how varied its dataset is, how its judges stand against persons, and the way there from reviewing.

use std::time::Duration;

use destilation::core::api::{
    Answer, Calibrated, Failure, FailureKind, JobReport, Query, ReportRequest, Unanimity,
};
use destilation::core::diversity::Diversity;
use destilation::core::review::calibration::{Labelled, calibrate};
use destilation::tui::{Effect, Message, Ticket, update};

use crate::canned::Says;
use crate::pictures;
use crate::world::{Hand, key};

/// How varied a dataset is, with a class whose value would drive the terminal.
pub fn report(_: &ReportRequest) -> JobReport {
    let value = |name: &str, count| (name.to_owned(), count);
    JobReport {
        variety: Diversity {
            samples: 12_396,
            looked_at: 4_134,
            distinct: [0.041_2, 0.318_9, 0.671],
            threshold: 0.8,
            near_duplicates: 87,
            words: [6, 84, 911],
            lengths: vec![
                (4, 12),
                (8, 301),
                (16, 1_544),
                (32, 3_020),
                (64, 4_911),
                (128, 2_302),
                (256, 300),
                (512, 12),
            ],
            classes: vec![
                (
                    "persona".to_owned(),
                    vec![
                        value("a patient teacher", 6_201),
                        value("an engineer \u{1b}]52;c;bad\u{7}", 4_100),
                        value("光合作用の専門家", 2_101),
                    ],
                ),
                (
                    "teacher".to_owned(),
                    vec![
                        value("openrouter/deepseek-v3.2", 11_000),
                        value("ollama-box/qwen3:32b", 1_402),
                    ],
                ),
            ],
            left_out: [("quota".to_owned(), 6)].into(),
        },
        judges: vec![Unanimity {
            judge: 1,
            both_orders: true,
            judged: 13_779,
            agreement: 0.714,
        }],
    }
}

/// A judge against 150 decisions by hand.
pub fn calibration(job: &str, judge: u32, precision: f64) -> Calibrated {
    let counts = [
        (1.0, 0, 20),
        (2.0, 2, 18),
        (3.0, 8, 12),
        (4.0, 30, 10),
        (5.0, 48, 2),
    ];
    let labels: Vec<Labelled> = counts
        .iter()
        .flat_map(|(score, good, bad)| {
            let of = |good, many| (0..many).map(move |_| Labelled { score: *score, good });
            of(true, *good).chain(of(false, *bad))
        })
        .collect();
    Calibrated {
        job: job.to_owned(),
        judge,
        edited: 7,
        unscored: 3,
        found: calibrate(&labels, Some(4.0), precision),
    }
}

#[test]
fn what_a_job_made_is_shown_in_bars() {
    pictures("report", Says::Everything, "2<enter>]]<wait>");
    pictures("report_scrolled", Says::Everything, "2<enter>]]<wait>G");
}

#[test]
fn judges_are_held_against_persons() {
    pictures("report_judges", Says::Everything, "2<enter>]]<wait><tab>");
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("2<enter>Q<wait>");
    assert!(hand.screen().contains("for 0.95"), "{}", hand.screen());
    hand.keys("--<wait>");
    let screen = hand.screen();
    assert!(
        screen.contains("for 0.85") && screen.contains("certain from 5 on"),
        "{screen}"
    );
    hand.keys("y");
    assert_eq!(
        hand.copied,
        "destiler jobs calibrate qa-distill-v2 --precision 0.85"
    );
    hand.keys("<tab>y");
    assert_eq!(hand.copied, "destiler jobs report qa-distill-v2");
    // Nothing a model wrote drives the terminal.
    assert!(!screen.contains('\u{1b}') && !screen.contains('\u{7}'));
}

/// Every question a key asks, unanswered.
fn asked(hand: &mut Hand, name: &str) -> Vec<(Ticket, Query)> {
    let effects = update(&mut hand.model, Message::Key(key(name)));
    let asks = effects.into_iter().filter_map(|effect| match effect {
        Effect::Ask(ticket, query) => Some((ticket, query)),
        _ => None,
    });
    asks.collect()
}

fn question(all: &[(Ticket, Query)], is: fn(&Query) -> bool) -> Ticket {
    let found = all.iter().find(|(_, query)| is(query));
    found.unwrap_or_else(|| panic!("{all:?}")).0
}

#[test]
fn nobody_waits_for_what_nobody_looks_at() {
    let is_report = |query: &Query| matches!(query, Query::Report(_));
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("2<enter>]");
    let all = asked(&mut hand, "]");
    let report = question(&all, is_report);
    hand.wait(Duration::from_secs(2));
    let screen = hand.screen();
    assert!(
        screen.contains("Reading the samples … 00:00:02") && screen.contains("esc stops it"),
        "{screen}"
    );
    // The keys go on working, and esc gives the question up.
    let effects = update(&mut hand.model, Message::Key(key("esc")));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Forget(ticket) if *ticket == report)),
        "{effects:?}"
    );
    assert!(hand.screen().contains("Stopped."), "{}", hand.screen());
    hand.wait(Duration::from_secs(5));
    assert!(hand.screen().contains("Stopped."), "only r asks again");
    let again = question(&asked(&mut hand, "r"), is_report);
    // Another tab, and back.
    let effects = update(&mut hand.model, Message::Key(key("]")));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Forget(ticket) if *ticket == again)),
        "{effects:?}"
    );
    let third = question(&asked(&mut hand, "["), is_report);
    let failure = Failure::new(FailureKind::Usage, "sample 3f has nothing at `x`").help("name another field");
    hand.send(Message::Reply(third, Err(Box::new(failure))));
    assert!(
        hand.screen().contains("→ name another field"),
        "{}",
        hand.screen()
    );
    // What came is kept, and asked for once.
    let fourth = question(&asked(&mut hand, "r"), is_report);
    let answer = Answer::Report(Box::new(report_of_now()));
    hand.send(Message::Reply(fourth, Ok(Box::new(answer))));
    hand.keys("][");
    assert!(hand.screen().contains("distinct"), "{}", hand.screen());
    assert!(asked(&mut hand, "]").iter().all(|(_, query)| !is_report(query)));
}

fn report_of_now() -> JobReport {
    report(&ReportRequest::default())
}

#[test]
fn what_is_missing_is_said_in_words() {
    let is_report = |query: &Query| matches!(query, Query::Report(_));
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("2<enter>]");
    let all = asked(&mut hand, "]");
    let empty = Answer::Report(Box::default());
    hand.send(Message::Reply(question(&all, is_report), Ok(Box::new(empty))));
    assert!(
        hand.screen().contains("No accepted sample yet."),
        "{}",
        hand.screen()
    );
    let mut none = calibration("qa-distill-v2", 1, 0.95);
    none.found = calibrate(&[], Some(4.0), 0.95);
    let judge = question(&all, |query| matches!(query, Query::Calibration { .. }));
    hand.send(Message::Reply(
        judge,
        Ok(Box::new(Answer::Calibration(Box::new(none)))),
    ));
    hand.keys("<tab>");
    assert!(
        hand.screen().contains("nothing with a score of this judge yet"),
        "{}",
        hand.screen()
    );
}

#[test]
fn reviewing_leads_to_what_it_is_good_for() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("4<wait>Q<wait>");
    let screen = hand.screen();
    assert!(
        screen.contains("Judges against persons") && screen.contains("[Report]"),
        "{screen}"
    );
    hand.keys("<esc><wait>");
    assert!(hand.screen().contains("Review"), "{}", hand.screen());
}
