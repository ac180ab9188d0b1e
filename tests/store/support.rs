//! Shapes the tests are made of: a small job, its tasks, attempts and samples, with everything beside the point left plain.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use destilation::core::budget::{Amount, Money};
use destilation::core::job::{DatasetSpec, JobId, JobSpec, JobState, Limits, RouteBy, SeedSource, Seeds};
use destilation::core::ports::{SampleFilter, SampleOrder, Store};
use destilation::core::request::{Fingerprint, FinishReason, Params, RawResponse, Usage};
use destilation::core::sample::{NewSample, Reason, Sample, SampleId, SampleState, StepAnswer, Verdict};
use destilation::core::settings::Durability;
use destilation::core::task::{
    Closed, Lease, Leased, NewRequest, NewTask, Question, RequestId, RequestState, Settled, Transition,
};
use destilation::store::{OpenMode, Opened, open};
use serde_json::json;

/// Runs each test on a ledger in memory and on one on disk, which is audited at the end.
macro_rules! on_every_ledger {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&destilation::store::memory::MemoryStore::new()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let disk = super::OnDisk::new().await;
                super::$name(&*disk.store).await;
                disk.end().await;
            })*
        }
    };
}
pub(crate) use on_every_ledger;

pub const TEACHER: &str = "mock/small";
pub const ESTIMATE: Amount = Amount {
    usd: Money(100),
    tokens: 50,
    requests: 1,
};
pub const USAGE: Usage = Usage {
    input: Some(10),
    output: Some(20),
    usd: None,
};

pub async fn open_at(path: &Path) -> Opened {
    let what = "run test".to_owned();
    open(path, Durability::Process, OpenMode::Write { what })
        .await
        .unwrap()
}

pub fn spec(name: &str) -> JobSpec {
    JobSpec {
        name: name.to_owned(),
        description: String::new(),
        tags: Vec::new(),
        priority: 0,
        random_seed: 0,
        route: RouteBy::Weights,
        seeds: Seeds {
            source: SeedSource::Count(1),
            limit: None,
            shuffle: false,
            repeat: 1,
            chunk: None,
            columns: destilation::core::job::Columns::default(),
            taken: None,
        },
        vary: Vec::new(),
        rounds: None,
        defaults: Params::default(),
        steps: Vec::new(),
        validators: Vec::new(),
        target: None,
        quota: None,
        limits: Limits::default(),
        dataset: DatasetSpec::default(),
    }
}

/// A job with so many planned tasks.
pub async fn job(store: &dyn Store, name: &str, tasks: u64) -> JobId {
    let job = store
        .create(&spec(name), "source", "/base", &JobState::Running)
        .await
        .unwrap();
    store.plan(job, (0..tasks).map(task).collect()).await.unwrap();
    job
}

pub fn task(index: u64) -> NewTask {
    let seed = json!({ "question": format!("Question {index}") });
    let vary = json!({ "persona": "teacher" });
    NewTask {
        index,
        seed: seed.as_object().unwrap().clone(),
        vary: vary.as_object().unwrap().clone(),
    }
}

pub fn request(attempt: u32) -> NewRequest {
    NewRequest {
        question: Question {
            step: "answer".to_owned(),
            candidate: 0,
            ask: 0,
        },
        teacher: TEACHER.to_owned(),
        fingerprint: Fingerprint([7; 16]),
        attempt,
        estimate: ESTIMATE,
    }
}

pub fn response(body: &str) -> RawResponse {
    RawResponse {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_owned(),
        latency: Duration::from_millis(5),
    }
}

pub fn closed(request: RequestId, state: RequestState) -> Closed {
    let done = state == RequestState::Settled;
    Closed {
        request,
        state,
        usage: if done { USAGE } else { Usage::default() },
        cost: Money(if done { 60 } else { 0 }),
        estimated: false,
        maybe_billed: false,
        error: (!done).then(|| "it broke".to_owned()),
    }
}

/// A sample of that job and task; rejected ones for their length.
pub fn sample(job: &str, lease: Lease, candidate: u32, state: SampleState) -> NewSample {
    NewSample {
        id: SampleId::of(job, lease.task.index, candidate),
        candidate,
        state,
        reason: (state == SampleState::Rejected).then_some(Reason::Length),
        steps: vec![answer(&format!("Answer {} of {candidate}", lease.task.index))],
        verdicts: vec![Verdict::accept("structural")],
        dedup_key: None,
    }
}

pub fn answer(text: &str) -> StepAnswer {
    StepAnswer {
        step: "answer".to_owned(),
        teacher: TEACHER.to_owned(),
        request: RequestId(1),
        text: text.to_owned(),
        value: None,
        reasoning: None,
        tool_calls: Vec::new(),
        logprobs: None,
        finish: FinishReason::Stop,
        usage: USAGE,
    }
}

/// Begins, records and settles one attempt with one sample of that state and key.
pub async fn finish(
    store: &dyn Store,
    name: &str,
    leased: &Leased,
    state: SampleState,
    key: Option<[u8; 16]>,
) -> Settled {
    let lease = leased.lease;
    let id = store.begin(lease, request(1), Vec::new()).await.unwrap();
    store.record(lease, id, &response("yes")).await.unwrap();
    let mut made = sample(name, lease, 0, state);
    made.dedup_key = key;
    let transition = Transition::Finish { samples: vec![made] };
    let done = vec![closed(id, RequestState::Settled)];
    store.settle(lease, transition, done).await.unwrap()
}

pub async fn all_samples(store: &dyn Store, job: JobId) -> Vec<Sample> {
    let filter = SampleFilter {
        job: Some(job),
        ..SampleFilter::default()
    };
    let order = SampleOrder::Plan { after: None };
    store.samples(&filter, order, 1000).await.unwrap()
}

/// A SQLite ledger in a directory of its own, audited when it is closed.
pub struct OnDisk {
    pub store: Arc<dyn Store>,
    pub directory: tempfile::TempDir,
}

impl OnDisk {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open_at(&directory.path().join("ledger.db")).await.store;
        Self { store, directory }
    }

    pub async fn end(self) {
        assert_eq!(self.store.check(true).await.unwrap(), Vec::<String>::new());
        self.store.close().await;
    }
}
