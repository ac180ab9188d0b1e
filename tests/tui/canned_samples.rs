//! The samples of the canned engine.

use super::*;

pub fn sample(
    index: u64,
    state: SampleState,
    reason: Option<Reason>,
    question: &str,
    answer: &str,
) -> (String, Sample) {
    let object = json!({ "question": question, "answer": answer });
    let verdicts = match (state, reason) {
        (SampleState::Rejected, Some(reason)) => {
            vec![Verdict::reject("semantic_dedup", reason, "0.94 of task 4,410").scored(0.94)]
        }
        (SampleState::NeedsReview, _) => {
            vec![Verdict::review("judge", "The answer leaves out the pigment.").scored(3.0)]
        }
        _ => vec![Verdict::accept("judge").scored(5.0)],
    };
    let sample = Sample {
        id: SampleId::of("qa-distill-v2", index, 0),
        task: TaskId { job: JobId(1), index },
        candidate: 0,
        state,
        reason,
        seq: None,
        seed: serde_json::Map::from_iter([(
            "document".to_owned(),
            json!("Die Photosynthese ist ein Prozess, bei dem …"),
        )]),
        vary: serde_json::Map::from_iter([("language".to_owned(), json!("German"))]),
        steps: vec![StepAnswer {
            step: "pair".to_owned(),
            teacher: "ollama-box/qwen3:32b".to_owned(),
            request: RequestId(7),
            text: object.to_string(),
            value: Some(object),
            reasoning: None,
            tool_calls: Vec::new(),
            logprobs: None,
            finish: FinishReason::Stop,
            usage: Usage::default(),
        }],
        verdicts,
        review: None,
        tags: Vec::new(),
    };
    ("qa-distill-v2".to_owned(), sample)
}

/// A sample that waits for a person.
pub fn sample_of(index: u64, question: &str, answer: &str) -> (String, Sample) {
    sample(index, SampleState::NeedsReview, None, question, answer)
}

/// Samples that match any filter.
pub const ROWS: u64 = 412_338;
/// Task of the first of them.
pub const FIRST: u64 = 8_109;

/// The sample of a row, counted from 0: five kinds, over and over.
pub fn row(row: u64) -> (String, Sample) {
    let near = Some(Reason::NearDuplicate);
    let (accepted, rejected, review) = (
        SampleState::Accepted,
        SampleState::Rejected,
        SampleState::NeedsReview,
    );
    let (state, reason, question, answer) = match row % 5 {
        0 => (
            accepted,
            None,
            "Was ist Photosynthese?",
            "Ein Prozess, der Licht in chemische Energie wandelt.",
        ),
        1 => (
            rejected,
            near,
            "Erkläre kurz, warum Blätter grün erscheinen.",
            "Blätter enthalten Chlorophyll, das rotes und blaues Licht absorbiert und grünes reflektiert.",
        ),
        2 => (
            review,
            None,
            "光合作用是什么？",
            "请用两句话回答：光合作用把光能转化为化学能。",
        ),
        3 => (
            accepted,
            None,
            "\u{1b}]0;owned\u{7}\u{202e}What is \u{9b}2Jit?",
            "a\u{300}\u{301}\tb\u{200b}c 👩‍🔬",
        ),
        _ => (rejected, Some(Reason::Schema), "كيف تعمل الصبغات؟", "تمتص الضوء."),
    };
    sample(FIRST + row, state, reason, question, answer)
}

pub fn window(at: WindowAt, limit: usize) -> SampleWindow {
    let limit = limit as u64;
    let row_of = |(task, _): (TaskId, u32)| task.index - FIRST;
    let (from, to, says) = match at {
        WindowAt::Place(Place::Row(from)) => (from, from + limit, true),
        WindowAt::Place(Place::Last) => (ROWS - limit, ROWS, true),
        WindowAt::Place(Place::After(at)) => (row_of(at) + 1, row_of(at) + 1 + limit, false),
        WindowAt::Place(Place::Before(at)) => (row_of(at).saturating_sub(limit), row_of(at), false),
        WindowAt::Around(at) => {
            let from = row_of(at).saturating_sub(limit / 2);
            (from, from + limit, true)
        }
    };
    SampleWindow {
        samples: (from..to.min(ROWS)).map(row).collect(),
        first: says.then_some(from),
    }
}

/// Whether the filter asks for what nobody has.
pub fn is_hopeless(filter: &SampleQuery) -> bool {
    filter.condition.to_string().contains("hopeless")
}

/// Tags where a filter asks for some, and notes where it asks for those.
pub fn as_asked(filter: &SampleQuery, mut window: SampleWindow) -> SampleWindow {
    let asked = filter.condition.to_string();
    for (at, (_, sample)) in window.samples.iter_mut().enumerate() {
        if asked.contains("tag:") {
            let words = ["good", "short"].iter().take(1 + at % 2);
            sample.tags = words.map(|word| (*word).to_owned()).collect();
        }
        if asked.contains("notes") {
            sample.steps[0].value = Some(json!({ "notes": NOTES }));
        }
    }
    window
}

const NOTES: &str = "# Photosynthesis\n\nPlants turn **light** into *chemical* energy in `chloroplasts`; \u{1b}[31mno colour\u{1b}[0m comes with it.\n\n- water\n- carbon dioxide, which is taken from the air around the plant\n  1. day\n  2. night\n\n> What a plant does not need it gives away.\n\n```rust\nfn leaf() -> Energy { *light }\n```\na_b_c stays, 2 * 3 * 4 too.";

/// A single accepted sample stays as it is; of many some change.
pub fn rejudged(filter: &SampleQuery) -> Rejudged {
    let mut report = Rejudged {
        job: "qa-distill-v2".to_owned(),
        revision: 3,
        samples: filter.ids.len() as u64,
        ..Rejudged::default()
    };
    if filter.ids.len() > 1 {
        let (accepted, rejected) = (SampleState::Accepted, SampleState::Rejected);
        let near = Some(Reason::NearDuplicate);
        report.by_hand = 1;
        report.not_rejudged = 1;
        for id in &filter.ids[1..] {
            report.add(id, (rejected, near), (accepted, None));
        }
        report.add(&filter.ids[0], (accepted, None), (rejected, Some(Reason::Length)));
    }
    report
}

/// What making them anew would take; four are of a job that runs.
pub fn making_again(filter: &SampleQuery) -> MakingAgain {
    let samples = if filter.ids.is_empty() {
        ROWS
    } else {
        filter.ids.len() as u64
    };
    let running = filter.ids.len() == 4;
    MakingAgain {
        samples,
        tasks: samples,
        by_hand: samples / 3,
        requests: samples * 2,
        usd: Money(samples.cast_signed() * 400),
        jobs: vec!["qa-distill-v2".to_owned()],
        running: running.then(|| "qa-distill-v2".to_owned()).into_iter().collect(),
    }
}

/// Tags in use.
pub fn tags() -> Vec<(String, u64)> {
    [("good", 340), ("checked", 12), ("too-long", 3)]
        .map(|(tag, many)| (tag.to_owned(), many))
        .to_vec()
}

pub fn facets() -> Facets {
    Facets {
        states: [309_112, 102_001, 1_225],
        reasons: vec![
            (Reason::NearDuplicate, 61_200),
            (Reason::Judge, 38_777),
            (Reason::Schema, 2_024),
        ],
        teachers: vec![
            ("openrouter/deepseek/deepseek-v3.2".to_owned(), 320_010),
            ("ollama-box/qwen3:32b".to_owned(), 92_328),
        ],
        judge: vec![(4, 12_003), (6, 40_110), (8, 150_225), (9, 210_000)],
        lengths: vec![(2, 112_009), (3, 260_320), (4, 40_009)],
    }
}

pub fn history() -> Vec<HistoryRow> {
    let entry = |id, minutes: i64, deed: Deed, rows, detail| JournalEntry {
        id: EntryId(id),
        at_ms: START_MS - minutes * 60_000,
        actor: "person".to_owned(),
        deed,
        job: Some(JobId(1)),
        label: deed.label(rows, detail),
        rows,
        undone: None,
    };
    let told = |entry, blocked: Option<&str>| HistoryRow {
        entry,
        job: Some("qa-distill-v2".to_owned()),
        blocked: blocked.map(str::to_owned),
    };
    vec![
        told(entry(4, 3, Deed::Reject, 40_000, Some("off topic")), None),
        told(
            entry(3, 12, Deed::Export, 12_402, Some("qa.jsonl")),
            Some("a file cannot be taken back"),
        ),
        told(
            entry(2, 40, Deed::Edit, 1, None),
            Some("1 decided about again since"),
        ),
        told(entry(1, 41, Deed::Accept, 3, None), None),
    ]
}

pub fn whole(id: &SampleId) -> SampleDetail {
    let (job, sample) = (0..200)
        .map(row)
        .find(|(_, sample)| sample.id == *id)
        .unwrap_or_else(|| row(4_410 - 3_000));
    let request = |n: i64, state, error: Option<&str>, body: &str| RequestRow {
        id: RequestId(n),
        question: Question {
            step: "pair".to_owned(),
            candidate: 0,
            ask: 0,
        },
        teacher: "ollama-box/qwen3:32b".to_owned(),
        fingerprint: Fingerprint([n as u8; 16]),
        state,
        response: Some(RawResponse {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            latency: Duration::from_millis(2_900),
        }),
        cost: Money(140),
        error: error.map(str::to_owned),
    };
    SampleDetail {
        job,
        sample,
        original: None,
        requests: vec![
            request(6, RequestState::Failed, Some("it is no JSON"), "Sure! Here is"),
            request(7, RequestState::Settled, None, r#"{"message":{"content":"{}"}}"#),
        ],
    }
}

pub fn prompts() -> Vec<StepPrompt> {
    vec![StepPrompt {
        step: "pair".to_owned(),
        system: Some("You write questions about documents.".to_owned()),
        prompt: Ok("Document: Die Photosynthese ist ein Prozess …\nWrite one pair as JSON.".to_owned()),
        variables: vec![(
            "document".to_owned(),
            "Die Photosynthese ist ein Prozess, bei dem …".to_owned(),
        )],
    }]
}
