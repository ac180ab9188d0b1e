//! Reviewing by behaviour: what a person sees at every size, and what key scripts do to a ledger that remembers.

use std::time::Duration;

use destilation::core::api::*;
use destilation::core::conversation::{Message as Turn, Role};
use destilation::core::review::agreement::{matched, tally};
use destilation::core::review::lot::PairBy;
use destilation::core::review::{
    NewItem, Outcome, Queue, QueueId, QueueItem, QueueKind, QueueSpec, Word, machine,
};
use destilation::tui::{Effect, Message, Model, update, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::canned::{START_MS, Says, answer, progress, sample_of};
use crate::world::{Hand, key, names, options};
use crate::{picture, pictures};

const ANSWERS: [(&str, &str); 3] = [
    (
        "Erkläre kurz, warum Blätter grün erscheinen.",
        "Blätter enthalten Chlorophyll, das rotes und blaues Licht absorbiert und grünes reflektiert.",
    ),
    ("光合作用是什么？", "请用两句话回答：光合作用把光能转化为化学能。"),
    (
        "\u{1b}]0;owned\u{7}\u{202e}What is \u{9b}2Jit?",
        "a\u{300}\u{301}\tb\u{200b}c 👩‍🔬",
    ),
];

fn spec(kind: QueueKind) -> QueueSpec {
    let compare = kind == QueueKind::Compare;
    QueueSpec {
        kind,
        job: "qa-distill-v2".to_owned(),
        title: if compare {
            "one task, two teachers, random".to_owned()
        } else {
            "near the pass mark, random".to_owned()
        },
        blind: true,
        guideline: "Accept only what the document says. A question must make sense without it.".to_owned(),
        sources: compare
            .then(|| ["ollama-box/qwen3:32b", "openrouter/deepseek/deepseek-v3.2"].map(str::to_owned)),
    }
}

fn place(at: u32, compare: bool, word: Option<Word>) -> ReviewItem {
    let (question, text) = ANSWERS[at as usize % 3];
    let (job, sample) = sample_of(u64::from(at) + 8_000, question, text);
    let other = compare.then(|| {
        let (question, text) = (
            "Welche Wellenlängen absorbiert Chlorophyll, und was folgt daraus?",
            "Rot und Blau; grünes Licht wird reflektiert, darum wirken Blätter grün.",
        );
        sample_of(u64::from(at) + 9_000, question, text).1
    });
    ReviewItem {
        place: QueueItem {
            place: at,
            item: NewItem {
                sample: sample.id.clone(),
                other: other.as_ref().map(|other| other.id.clone()),
                repeat: false,
                swapped: at % 2 == 1,
            },
            word,
        },
        job,
        prompt: vec![
            Turn::text(Role::System, "You write study questions."),
            Turn::text(
                Role::User,
                "Document:\nDie Photosynthese ist ein Prozess, bei dem Lichtenergie in chemische Energie umgewandelt wird. In Pflanzen findet sie in den Chloroplasten statt. Chlorophyll absorbiert vor allem rotes und blaues Licht.\n\nWrite 1 question with an answer and citations.",
            ),
        ],
        sample,
        other,
        flagged: at % 5 == 4,
    }
}

fn word(at: u32, compare: bool) -> Word {
    let outcome = match (compare, at % 4) {
        (false, 0 | 1) => Outcome::Accepted,
        (false, 2) => Outcome::Rejected,
        (false, _) if at.is_multiple_of(3) => Outcome::Skipped,
        (false, _) => Outcome::Edited,
        (true, 0) => Outcome::Second,
        (true, 3) if at.is_multiple_of(3) => Outcome::Tie,
        (true, _) => Outcome::First,
    };
    Word {
        outcome,
        reason: (outcome == Outcome::Rejected).then(|| "near duplicate".to_owned()),
        took_ms: 4_000 + u64::from(at % 7) * 1_300,
        blind: !at.is_multiple_of(11),
        machine: Some(at % 5 != 2),
        at_ms: START_MS,
    }
}

fn figures(id: i64, size: u32, done: u32, kind: QueueKind) -> ReviewReport {
    let compare = kind == QueueKind::Compare;
    let items: Vec<QueueItem> = (0..size)
        .map(|at| place(at, compare, (at < done).then(|| word(at, compare))).place)
        .collect();
    let mut last: Vec<QueueItem> = items.iter().filter(|item| item.word.is_some()).cloned().collect();
    last.reverse();
    last.truncate(10);
    ReviewReport {
        queue: Queue {
            id: QueueId(id),
            spec: spec(kind),
            size,
            done,
            next: done,
            created_ms: START_MS,
        },
        tally: tally(&items),
        matched: matched(&items),
        last,
        today: 112,
    }
}

const QUEUES: [(i64, u32, u32, QueueKind); 4] = [
    (7, 200, 37, QueueKind::Decide),
    (8, 50, 12, QueueKind::Compare),
    (9, 200, 200, QueueKind::Decide),
    (10, 50, 50, QueueKind::Compare),
];

/// What the canned engine says about queues.
pub fn canned(query: &Query) -> Option<Answer> {
    let of = |id: &QueueId| QUEUES.into_iter().find(|(known, ..)| *known == id.0);
    Some(match query {
        Query::Queues => Answer::Queues(
            QUEUES
                .into_iter()
                .map(|(id, size, done, kind)| figures(id, size, done, kind).queue)
                .collect(),
        ),
        Query::Review(id) => {
            let (id, size, done, kind) = of(id)?;
            Answer::Review(Box::new(figures(id, size, done, kind)))
        }
        Query::ReviewItems { queue, from, limit } => {
            let (_, size, done, kind) = of(queue)?;
            let compare = kind == QueueKind::Compare;
            let places = (*from.max(&done)..size).take(*limit);
            Answer::ReviewItems(places.map(|at| place(at, compare, None)).collect())
        }
        _ => return None,
    })
}

/// What the canned engine does about queues.
pub fn receipt(command: &Command) -> Option<Receipt> {
    match command {
        Command::OpenQueue(request) => Some(Receipt::Queue(match request.source {
            QueueSource::Flagged => None,
            QueueSource::Pairs(_) => Some(QueueId(8)),
            _ => Some(QueueId(7)),
        })),
        _ => None,
    }
}

#[test]
fn choosing() {
    pictures("review_start", Says::Everything, "4jj");
    pictures("review_start_compare", Says::Everything, "4cj<right><right>");
    pictures("review_start_queue", Says::Everything, "4jjjjjjj");
    pictures(
        "review_guideline",
        Says::Everything,
        "4hOnly what the document says",
    );
    pictures("review_nothing", Says::Everything, "4j<left><enter>");
    pictures("review_empty", Says::Nothing, "4");
    pictures("review_loading", Says::Silence, "4<wait>");
    pictures("review_error", Says::Failure, "4<wait>");
}

#[test]
fn deciding() {
    pictures("reviewing", Says::Everything, "4<enter><wait>");
    pictures(
        "reviewing_decided",
        Says::Everything,
        "4<enter><wait>a<wait>x5<wait>2s3x<wait><space><wait>i",
    );
    pictures("reviewing_guideline", Says::Everything, "4<enter><wait>h");
    pictures("reviewing_whole_prompt", Says::Everything, "4<enter><wait>pp");
    pictures(
        "reviewing_hostile",
        Says::Everything,
        "4<enter><wait>a<wait>p<tab>",
    );
    pictures("reviewing_edit", Says::Everything, "4<enter><wait>e");
    pictures("reviewed", Says::Everything, "4jjjjjjjjj<enter>");
    pictures("reviewed_export", Says::Everything, "4jjjjjjjjj<enter>w");
}

#[test]
fn comparing() {
    pictures("comparing", Says::Everything, "4jjjjjjjj<enter><wait>1");
    pictures("comparing_diff", Says::Everything, "4jjjjjjjj<enter><wait>d");
    pictures("comparing_zoom", Says::Everything, "4jjjjjjjj<enter><wait><tab>");
    pictures("comparing_prompt", Says::Everything, "4jjjjjjjj<enter><wait>i");
    pictures("compared", Says::Everything, "4G<enter>");
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
fn a_filter_from_the_samples_needs_nothing_more_than_enter() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("4<right><right>");
    let screen = hand.screen();
    assert!(screen.contains("Job"), "{screen}");
    hand.keys("<enter>");
    let Some(Command::OpenQueue(request)) = hand.orders.last() else {
        panic!("{:?}", hand.orders);
    };
    assert_eq!(
        (request.size, request.double_check, request.blind),
        (200, 5, true)
    );
}

#[test]
fn pairs_can_come_from_another_job() {
    let mut hand = Hand::new(80, 24, Says::Everything);
    hand.keys("4cj<left><enter>");
    let Some(Command::OpenQueue(request)) = hand.orders.last() else {
        panic!("{:?}", hand.orders);
    };
    assert!(
        matches!(&request.source, QueueSource::Pairs(PairBy::Job(other)) if Some(other) != request.job.as_ref())
    );
    assert_eq!(request.double_check, 0);
}

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
    assert!(desk.screen().contains("80/200"), "{}", desk.screen());
    desk.keys(&"a<wait>".repeat(5));
    let before = desk.outcomes().iter().flatten().count();
    assert_eq!(before, 85);

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
fn sides_mean_the_pair_that_was_drawn() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("4jjjjjjjj<enter><wait>1<wait>1<wait><right><wait>3<wait>4<wait><space>");
    let said: Vec<Outcome> = hand
        .orders
        .iter()
        .filter_map(|order| match order {
            Command::Say { saying, .. } => Some(saying.outcome),
            _ => None,
        })
        .collect();
    // Of places 12 and 14 the first stands on side A, of 13 the second.
    assert_eq!(
        said,
        [
            Outcome::First,
            Outcome::Second,
            Outcome::Second,
            Outcome::Tie,
            Outcome::BothBad,
            Outcome::Skipped
        ]
    );
    assert!(!hand.screen().contains("openrouter/deepseek"), "names are hidden");
}
