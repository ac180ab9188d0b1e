//! The model test: random orders go to the ledger in memory and to the one in SQLite, and both must answer and count alike.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use destilation::core::budget::Amount;
use destilation::core::job::JobId;
use destilation::core::ports::{Decided, SampleFilter, SampleOrder, Store, Stored};
use destilation::core::sample::{SampleId, SampleState};
use destilation::core::task::{Closed, Lease, RequestId, RequestState, Transition};
use destilation::store::memory::MemoryStore;
use proptest::prelude::*;

use super::support::*;

const NAME: &str = "model";
const TASKS: u64 = 8;

#[derive(Debug, Clone)]
enum Order {
    Claim(usize),
    Begin {
        lease: usize,
        attempt: u32,
        reuse: bool,
        close: Option<RequestState>,
    },
    Record(usize),
    Finish {
        lease: usize,
        samples: Vec<(SampleState, Option<u8>)>,
        close: bool,
    },
    Leave {
        lease: usize,
        how: usize,
        close: Option<RequestState>,
    },
    Decide {
        task: u64,
        candidate: u32,
        what: usize,
    },
    Rescue,
    CancelOpen,
    RetryFailed,
    ReopenCancelled,
}

fn any_state() -> impl Strategy<Value = SampleState> {
    prop_oneof![
        Just(SampleState::Accepted),
        Just(SampleState::Accepted),
        Just(SampleState::Rejected),
        Just(SampleState::NeedsReview)
    ]
}

fn any_close() -> impl Strategy<Value = Option<RequestState>> {
    prop_oneof![
        Just(None),
        Just(Some(RequestState::Settled)),
        Just(Some(RequestState::Failed)),
        Just(Some(RequestState::Refused))
    ]
}

fn any_order() -> impl Strategy<Value = Order> {
    let sample = (any_state(), proptest::option::of(0..4_u8));
    prop_oneof![
        3 => (1..4_usize).prop_map(Order::Claim),
        6 => (any::<usize>(), 1..4_u32, proptest::bool::weighted(0.2), any_close())
            .prop_map(|(lease, attempt, reuse, close)| Order::Begin { lease, attempt, reuse, close }),
        5 => any::<usize>().prop_map(Order::Record),
        4 => (any::<usize>(), proptest::collection::vec(sample, 1..4), any::<bool>())
            .prop_map(|(lease, samples, close)| Order::Finish { lease, samples, close }),
        3 => (any::<usize>(), 0..4_usize, any_close())
            .prop_map(|(lease, how, close)| Order::Leave { lease, how, close }),
        4 => (0..TASKS, 0..3_u32, 0..4_usize)
            .prop_map(|(task, candidate, what)| Order::Decide { task, candidate, what }),
        1 => Just(Order::Rescue),
        1 => Just(Order::CancelOpen),
        1 => Just(Order::RetryFailed),
        1 => Just(Order::ReopenCancelled),
    ]
}

/// Leases and attempts given out so far, good or not.
#[derive(Default)]
struct Known {
    leases: Vec<Lease>,
    attempts: Vec<(Lease, RequestId)>,
    recorded: HashSet<RequestId>,
}

impl Known {
    fn lease(&self, at: usize) -> Option<Lease> {
        // Recent ones are likelier to be good.
        let recent = self.leases.len().min(6);
        (recent > 0).then(|| self.leases[self.leases.len() - 1 - at % recent])
    }

    fn attempt(&self, at: usize) -> Option<(Lease, RequestId)> {
        let recent = self.attempts.len().min(6);
        (recent > 0).then(|| self.attempts[self.attempts.len() - 1 - at % recent])
    }

    /// An attempt is settled only after its answer was recorded.
    fn closed(&self, id: RequestId, state: RequestState) -> Closed {
        let settled = state == RequestState::Settled && !self.recorded.contains(&id);
        closed(id, if settled { RequestState::Failed } else { state })
    }

    fn attempts_of(&self, lease: Lease) -> impl Iterator<Item = RequestId> {
        let task = lease.task;
        self.attempts
            .iter()
            .filter(move |(of, _)| of.task == task)
            .map(|(_, id)| *id)
    }
}

/// Carries an order out and tells what can be compared.
async fn carry_out(
    store: &dyn Store,
    job: JobId,
    order: &Order,
    known: &Known,
) -> (String, Vec<Lease>, Option<RequestId>) {
    let told = |result: String| (result, Vec::new(), None);
    match order {
        Order::Claim(limit) => {
            let given = store.claim(job, *limit).await.unwrap();
            let leases = given.iter().map(|leased| leased.lease).collect();
            (format!("{given:?}"), leases, None)
        }
        Order::Begin {
            lease,
            attempt,
            reuse,
            close,
        } => {
            let Some(lease) = known.lease(*lease) else {
                return told(String::new());
            };
            let mut request = request(*attempt);
            if *reuse {
                request.estimate = Amount::default();
            }
            let last = known.attempts_of(lease).last();
            let closed = close.zip(last).map(|(state, id)| known.closed(id, state));
            let begun = store.begin(lease, request, closed.into_iter().collect()).await;
            (format!("{begun:?}"), Vec::new(), begun.ok())
        }
        Order::Record(at) => {
            let Some((lease, id)) = known.attempt(*at) else {
                return told(String::new());
            };
            told(format!("{:?}", store.record(lease, id, &response("body")).await))
        }
        Order::Finish {
            lease,
            samples,
            close,
        } => {
            let Some(lease) = known.lease(*lease) else {
                return told(String::new());
            };
            let made = (0..).zip(samples).map(|(candidate, (state, key))| {
                let mut made = sample(NAME, lease, candidate, *state);
                made.dedup_key = key.map(|key| [key; 16]);
                made
            });
            let transition = Transition::Finish {
                samples: made.collect(),
            };
            let done = known.attempts_of(lease).filter(|_| *close);
            let done = done.map(|id| known.closed(id, RequestState::Settled)).collect();
            told(format!("{:?}", store.settle(lease, transition, done).await))
        }
        Order::Leave { lease, how, close } => {
            let Some(lease) = known.lease(*lease) else {
                return told(String::new());
            };
            let hour = Duration::from_hours(1);
            let transition = match how {
                0 => Transition::Retry {
                    after: hour,
                    error: "again".to_owned(),
                },
                1 => Transition::Snooze {
                    after: hour,
                    cause: "later".to_owned(),
                },
                2 => Transition::Fail {
                    reason: "request: bad".to_owned(),
                },
                _ => Transition::Release,
            };
            let last = known.attempts_of(lease).last();
            let done = close.zip(last).map(|(state, id)| known.closed(id, state));
            told(format!(
                "{:?}",
                store.settle(lease, transition, done.into_iter().collect()).await
            ))
        }
        Order::Decide {
            task,
            candidate,
            what,
        } => {
            let decided = match what {
                0 => Decided::Accept,
                1 => Decided::Reject { note: None },
                2 => Decided::Edit {
                    steps: vec![answer("edited")],
                },
                _ => Decided::Undo,
            };
            let review = store
                .decide(&SampleId::of(NAME, *task, *candidate), decided)
                .await;
            let review = review.map(|review| review.map(|review| (review.action, review.before)));
            told(format!("{review:?}"))
        }
        Order::Rescue => told(format!("{:?}", store.rescue().await)),
        Order::CancelOpen => told(format!("{:?}", store.cancel_open(job).await)),
        Order::RetryFailed => told(format!("{:?}", store.retry_failed(job, None).await)),
        Order::ReopenCancelled => told(format!("{:?}", store.reopen_cancelled(job).await)),
    }
}

/// Everything a ledger says about a job, without instants.
async fn state(store: &dyn Store, job: JobId) -> Stored<String> {
    let filter = SampleFilter {
        job: Some(job),
        ..SampleFilter::default()
    };
    let mut plan = store
        .samples(&filter, SampleOrder::Plan { after: None }, 100)
        .await?;
    for sample in &mut plan {
        if let Some(review) = &mut sample.review {
            review.at_ms = 0;
        }
    }
    let accepted = store
        .samples(&filter, SampleOrder::Accepted { after: 0 }, 100)
        .await?;
    let order: Vec<&SampleId> = accepted.iter().map(|sample| &sample.id).collect();
    Ok(format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{plan:?}\n{order:?}",
        store.counts(job).await?,
        store.totals(job).await?,
        store.by_teacher(job).await?,
        store.spent_at("mock").await?,
    ))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ledgers_tell_the_same_story(orders in proptest::collection::vec(any_order(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
            let disk = OnDisk::new().await;
            let job_id = job(&*memory, NAME, TASKS).await;
            assert_eq!(job(&*disk.store, NAME, TASKS).await, job_id);
            let mut known = Known::default();
            for order in &orders {
                let expected = carry_out(&*memory, job_id, order, &known).await;
                let actual = carry_out(&*disk.store, job_id, order, &known).await;
                assert_eq!(expected, actual, "{order:?}");
                if let (Order::Record(at), "Ok(())") = (order, expected.0.as_str()) {
                    known.recorded.extend(known.attempt(*at).map(|(_, id)| id));
                }
                known.leases.extend(expected.1);
                if let (Some(id), Order::Begin { lease, .. }) = (expected.2, order) {
                    let lease = known.lease(*lease).unwrap();
                    known.attempts.push((lease, id));
                }
                let planned = disk.store.counts(job_id).await.unwrap().planned();
                assert_eq!(planned, TASKS, "every task is accounted for after {order:?}");
            }
            assert_eq!(state(&*memory, job_id).await, state(&*disk.store, job_id).await);
            disk.end().await;
        });
    }
}
