//! What the review shows at every size, by the words of a canned engine.

use destilation::core::api::*;
use destilation::core::conversation::{Message as Turn, Role};
use destilation::core::review::agreement::{matched, tally};
use destilation::core::review::lot::PairBy;
use destilation::core::review::slices::Slice;
use destilation::core::review::{NewItem, Outcome, Queue, QueueId, QueueItem, QueueKind, QueueSpec, Word};

use crate::canned::{START_MS, Says, sample_of};
use crate::pictures;
use crate::world::Hand;

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

pub fn place(at: u32, compare: bool, word: Option<Word>) -> ReviewItem {
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

/// What a finished queue tells apart.
fn slices(kind: QueueKind) -> Vec<Slice> {
    let (by, values) = match kind {
        QueueKind::Decide => ("teacher", ["ollama-box/qwen3:32b", "my-script/default"]),
        QueueKind::Compare => ("level", ["easy", "hard"]),
    };
    let slice = |(at, value): (usize, &str)| Slice {
        by: by.to_owned(),
        value: value.to_owned(),
        yes: 20 - 9 * at as u64,
        no: 5 + at as u64,
    };
    values.into_iter().enumerate().map(slice).collect()
}

pub fn figures(id: i64, size: u32, done: u32, kind: QueueKind) -> ReviewReport {
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
        slices: if done == size { slices(kind) } else { Vec::new() },
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
    pictures("reviewing_page", Says::Everything, "4<enter><wait>io");
    pictures("reviewed", Says::Everything, "4jjjjjjjjj<enter>");
    pictures("reviewed_export", Says::Everything, "4jjjjjjjjj<enter>w");
}

#[test]
fn comparing() {
    pictures("comparing", Says::Everything, "4jjjjjjjj<enter><wait>1");
    pictures("comparing_diff", Says::Everything, "4jjjjjjjj<enter><wait>d");
    pictures("comparing_zoom", Says::Everything, "4jjjjjjjj<enter><wait><tab>");
    pictures("comparing_prompt", Says::Everything, "4jjjjjjjj<enter><wait>i");
    pictures("comparing_revealed", Says::Everything, "4jjjjjjjj<enter><wait>R");
    pictures("comparing_page", Says::Everything, "4jjjjjjjj<enter><wait>o");
    pictures("compared", Says::Everything, "4G<enter>");
    pictures("compared_page", Says::Everything, "4G<enter>o");
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

#[test]
fn a_pair_that_was_looked_behind_counts_as_not_blind() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("4jjjjjjjj<enter><wait>o");
    assert!(
        !hand.screen().contains("openrouter/deepseek"),
        "{}",
        hand.screen()
    );
    hand.keys("<esc>R");
    let screen = hand.screen();
    assert!(
        screen.contains("A · ollama-box") && screen.contains("B · openrouter"),
        "{screen}"
    );
    hand.keys("1<wait>1");
    let blind: Vec<bool> = hand
        .orders
        .iter()
        .filter_map(|order| match order {
            Command::Say { saying, .. } => Some(saying.blind),
            _ => None,
        })
        .collect();
    assert_eq!(blind, [false, true], "only the pair that was asked about");
    assert!(!hand.screen().contains("openrouter/deepseek"));
}
