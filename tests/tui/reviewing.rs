//! Reviewing by key scripts against a ledger of one queue that remembers.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::review::agreement::tally;
use destilation::core::review::{Outcome, QueueId, QueueItem, QueueKind, Word, machine};
use destilation::tui::{Effect, Message, Model, update, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::canned::{START_MS, Says, answer, progress};
use crate::picture;
use crate::review::{figures, place};
use crate::world::{Hand, key, names, options};

/// A ledger of one queue that remembers, and a hand on the keyboard. Orders are carried out when the clock moves, so that several
/// can be on their way.
struct Desk {
    model: Model,
    terminal: Terminal<TestBackend>,
    now: Duration,
    words: Vec<Option<Word>>,
    waiting: Vec<Effect>,
    orders: Vec<Command>,
    says: Says,
    slow: bool,
    refuse: bool,
}

impl Desk {
    fn new(size: u32) -> Self {
        Self::with(vec![None; size as usize])
    }

    /// A program that is started on a database of before.
    fn with(words: Vec<Option<Word>>) -> Self {
        let (model, effects) = Model::new(options(), 120, 36);
        let mut desk = Self {
            model,
            terminal: Terminal::new(TestBackend::new(120, 36)).unwrap(),
            now: Duration::ZERO,
            words,
            waiting: effects,
            orders: Vec::new(),
            says: Says::Everything,
            slow: false,
            refuse: false,
        };
        desk.serve();
        desk.send(Message::Progress(Box::new(progress(0))));
        desk.pass(1_000);
        desk
    }

    fn items(&self) -> Vec<QueueItem> {
        let word = |at: usize| self.words[at].clone();
        (0..self.words.len())
            .map(|at| place(at as u32, false, word(at)).place)
            .collect()
    }

    fn report(&self) -> ReviewReport {
        let items = self.items();
        let mut report = figures(7, 0, 0, QueueKind::Decide);
        report.queue.size = self.words.len() as u32;
        report.queue.done = self.words.iter().flatten().count() as u32;
        let open = self.words.iter().position(Option::is_none);
        report.queue.next = open.unwrap_or(self.words.len()) as u32;
        report.tally = tally(&items);
        report.slices.clear();
        report.last = items
            .into_iter()
            .filter(|item| item.word.is_some())
            .rev()
            .take(10)
            .collect();
        report
    }

    fn answer(&self, query: &Query) -> Result<Answer, Failure> {
        match (self.says, query) {
            (Says::Everything, Query::Queues) => Ok(Answer::Queues(vec![self.report().queue])),
            (Says::Everything, Query::Review(_)) => Ok(Answer::Review(Box::new(self.report()))),
            (Says::Everything, Query::ReviewItems { from, limit, .. }) => {
                let places = (*from..self.words.len() as u32).take(*limit);
                let item = |at: u32| place(at, false, self.words[at as usize].clone());
                Ok(Answer::ReviewItems(places.map(item).collect()))
            }
            _ => answer(self.says, query),
        }
    }

    fn carry_out(&mut self, command: &Command) -> Result<Receipt, Failure> {
        if self.refuse {
            return Err(crate::canned::failure());
        }
        match command {
            Command::Say {
                place: at, saying, ..
            } => {
                if saying
                    .text
                    .as_deref()
                    .is_some_and(|text| !text.contains("answer"))
                {
                    let message = "the schema forbids it: \"answer\" is a required property";
                    return Err(Failure::new(FailureKind::Invalid, message));
                }
                let word = &mut self.words[*at as usize];
                assert!(word.is_none(), "place {at} has a word already");
                *word = Some(Word {
                    outcome: saying.outcome,
                    reason: saying.reason.clone(),
                    took_ms: saying.took_ms,
                    blind: saying.blind,
                    machine: machine(&[]),
                    at_ms: START_MS,
                });
            }
            Command::Because { place, reason, .. } => {
                let word = self.words[*place as usize].as_mut();
                word.expect("a reason of nothing").reason = Some(reason.clone());
            }
            Command::Unsay { place, .. } => self.words[*place as usize] = None,
            Command::OpenQueue(_) => return Ok(Receipt::Queue(Some(QueueId(7)))),
            _ => {}
        }
        Ok(Receipt::Done)
    }

    fn serve(&mut self) {
        while !self.waiting.is_empty() {
            for effect in std::mem::take(&mut self.waiting) {
                let message = match effect {
                    Effect::Ask(..) if self.says == Says::Silence => continue,
                    Effect::Ask(ticket, query) => {
                        Message::Reply(ticket, self.answer(&query).map(Box::new).map_err(Box::new))
                    }
                    Effect::Order(ticket, command) => {
                        let done = self.carry_out(&command);
                        self.orders.push(command);
                        Message::Done(ticket, done.map(Box::new).map_err(Box::new))
                    }
                    _ => continue,
                };
                let more = update(&mut self.model, message);
                self.waiting.extend(more);
            }
        }
    }

    fn send(&mut self, message: Message) {
        let effects = update(&mut self.model, message);
        self.waiting.extend(effects);
        if !self.slow {
            self.serve();
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        let effects = update(&mut self.model, Message::Tick(self.now));
        self.waiting.extend(effects);
        self.serve();
    }

    /// `<wait>` half a second, `<ms>` ten milliseconds.
    fn keys(&mut self, script: &str) -> &mut Self {
        for name in names(script) {
            match name.as_str() {
                "wait" => self.pass(500),
                "ms" => self.pass(10),
                name => self.send(Message::Key(key(name))),
            }
        }
        self
    }

    fn screen(&mut self) -> String {
        self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
        crate::world::text(self.terminal.backend().buffer())
    }

    fn outcomes(&self) -> Vec<Option<(Outcome, Option<&str>)>> {
        self.words
            .iter()
            .map(|word| word.as_ref().map(|word| (word.outcome, word.reason.as_deref())))
            .collect()
    }
}

#[test]
fn two_hundred_by_script_with_twenty_undone_and_a_restart() {
    let mut desk = Desk::new(200);
    desk.keys("4<enter><wait>");
    for at in 0..100 {
        desk.keys(
            [
                "a<wait>",
                "x<wait><wait><wait><wait>",
                "3x<wait>",
                "<space><wait>",
            ][at % 4],
        );
    }
    assert_eq!(desk.words.iter().flatten().count(), 100);
    for _ in 0..20 {
        desk.keys("u<wait>");
    }
    assert_eq!(desk.words.iter().flatten().count(), 80);
    // Of four, one is accepted, two are rejected, one is skipped.
    assert!(
        desk.screen().contains("80/200  40 % ✓20 ✗40 ·20"),
        "{}",
        desk.screen()
    );
    desk.keys(&"a<wait>".repeat(5));
    let before = desk.outcomes().iter().flatten().count();
    assert_eq!(before, 85);
    assert!(desk.screen().contains("85/200  42 % ✓25 ✗40 ·20"));

    let mut desk = Desk::with(std::mem::take(&mut desk.words));
    desk.keys("4jjjjjjj<enter><wait>");
    assert!(desk.screen().contains("85/200"), "{}", desk.screen());
    desk.keys("u<wait>u<wait>");
    assert_eq!(
        desk.words.iter().flatten().count(),
        83,
        "undo goes on where the last visit ended"
    );
    desk.keys(&"a<wait>".repeat(117));
    assert_eq!(desk.words.iter().flatten().count(), 200);
    let screen = desk.screen();
    assert!(screen.contains("200 done") && screen.contains("✓"), "{screen}");
    assert!(screen.contains("✓140 ✗40 ·20"), "{screen}");
    let rejected = (Outcome::Rejected, Some("style"));
    assert_eq!(desk.outcomes()[2], Some(rejected));
    assert_eq!(desk.outcomes()[1], Some((Outcome::Rejected, None)));
}

#[test]
fn a_held_key_decides_once() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>");
    desk.keys(&"a<ms>".repeat(90));
    assert_eq!(desk.words.iter().flatten().count(), 1);
    desk.keys("<wait>u<ms>u<ms>u<ms>");
    assert_eq!(desk.words.iter().flatten().count(), 0);
    desk.keys("<wait><enter><enter><wait>q");
    assert!(desk.words.iter().flatten().next().is_none(), "enter says nothing");
}

#[test]
fn a_key_held_over_the_end_leads_nowhere() {
    let mut desk = Desk::new(2);
    desk.keys("4<enter><wait>a<wait>x3").keys(&"3<ms>".repeat(3));
    assert!(desk.screen().contains("2 done"), "{}", desk.screen());
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("4jjjjjjjj<enter>").keys(&"<wait>1".repeat(38));
    hand.keys("111");
    assert!(hand.screen().contains("50 done"), "{}", hand.screen());
    hand.keys("<wait>1");
    assert!(hand.screen().contains("[1 Dashboard]"));
}

#[test]
fn a_digit_before_or_after_is_the_reason() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>3x<wait>x<ms>5<wait>x<wait><wait><wait><wait><wait>6x<wait>x<wait>a");
    let rejected = |reason| Some((Outcome::Rejected, reason));
    assert_eq!(
        desk.outcomes()[..5],
        [
            rejected(Some("style")),
            rejected(Some("near duplicate")),
            rejected(None),
            rejected(Some("unsafe")),
            rejected(None),
        ]
    );
    assert_eq!(desk.outcomes()[5], Some((Outcome::Accepted, None)));
}

#[test]
fn a_sticky_reason_stays_until_it_is_let_go() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>2s<wait>x<wait>x<wait>1x<wait>sx<wait>");
    let reasons: Vec<Option<&str>> = desk.outcomes()[..4].iter().map(|word| word.unwrap().1).collect();
    assert_eq!(
        reasons,
        [Some("not cited"), Some("not cited"), Some("wrong"), None]
    );
}

#[test]
fn words_that_are_on_their_way_keep_their_order() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>");
    desk.slow = true;
    desk.keys("x5");
    assert!(desk.words[0].is_none());
    desk.pass(200);
    assert_eq!(
        desk.outcomes()[0],
        Some((Outcome::Rejected, Some("near duplicate")))
    );
    desk.slow = true;
    desk.keys("a");
    desk.now += Duration::from_millis(300);
    let _ = update(&mut desk.model, Message::Tick(desk.now));
    desk.keys("u");
    desk.serve();
    assert_eq!(desk.outcomes()[1], None);
}

#[test]
fn what_could_not_be_saved_is_shown_again() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>a<wait>");
    desk.refuse = true;
    desk.keys("x<wait>");
    desk.refuse = false;
    let screen = desk.screen();
    assert!(
        screen.contains("1/30") && screen.contains("cannot be read"),
        "{screen}"
    );
    desk.keys("<esc><wait>a<wait>");
    assert_eq!(
        desk.outcomes()[..3],
        [
            Some((Outcome::Accepted, None)),
            Some((Outcome::Accepted, None)),
            None
        ]
    );
}

#[test]
fn an_edit_is_checked_before_it_is_accepted() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>e<ctrl-k>nothing<down>");
    for _ in 0..6 {
        desk.keys("<ctrl-k><delete>");
    }
    desk.keys("<wait><ctrl-s>");
    assert!(desk.words[0].is_none());
    assert!(
        desk.screen().contains("the schema forbids it"),
        "{}",
        desk.screen()
    );
    desk.keys("\"answer\"<ctrl-s><wait>");
    assert_eq!(desk.outcomes()[0], Some((Outcome::Edited, None)));
    assert!(desk.screen().contains("1/30"));
}

#[test]
fn looking_at_the_scores_is_recorded() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>");
    assert!(!desk.screen().contains("qwen3"), "blind");
    desk.keys("i");
    assert!(desk.screen().contains("qwen3"));
    desk.keys("a<wait>a<wait>");
    let blind: Vec<bool> = desk.words.iter().flatten().map(|word| word.blind).collect();
    assert_eq!(blind, [false, true]);
}

#[test]
fn pasting_and_leaving_decide_nothing() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>");
    desk.send(Message::Paste("axdD1\n".to_owned()));
    desk.keys("<esc><esc><esc>4<enter>");
    let said = |order: &&Command| matches!(order, Command::Say { .. });
    assert_eq!(desk.orders.iter().filter(said).count(), 0);
}

#[test]
fn loading_and_errors_of_a_queue() {
    for (says, name) in [
        (Says::Silence, "reviewing_loading"),
        (Says::Failure, "reviewing_error"),
    ] {
        let mut desk = Desk::new(4);
        desk.keys("4<enter>");
        desk.says = says;
        desk.keys("<esc>");
        desk.says = Says::Everything;
        desk.keys("r");
        desk.says = says;
        desk.keys("jjjjjjj<enter><wait>");
        picture(name, &desk.screen());
    }
}

#[test]
fn what_was_taken_back_elsewhere_is_asked_again() {
    let mut desk = Desk::new(30);
    desk.keys("4<enter><wait>a<wait>a<wait>x<wait>");
    assert!(desk.screen().contains("3/30"), "{}", desk.screen());
    desk.keys(":go dashboard<enter><wait>");
    assert!(desk.screen().contains("[1 Dashboard]"), "{}", desk.screen());
    // The newest decision is taken back by another way, with its word.
    desk.words[2] = None;
    desk.keys("4<wait>");
    let screen = desk.screen();
    assert!(screen.contains("2/30") && screen.contains("✓2 ✗0"), "{screen}");
    desk.keys("a<wait>u<wait>u<wait>");
    let said: Vec<bool> = desk.words.iter().take(3).map(Option::is_some).collect();
    assert_eq!(said, [true, false, false], "and undo goes on from there");
}
