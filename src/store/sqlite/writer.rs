//! The one writer: a task that owns the write connection, takes commands from a bounded channel, commits whatever waits as soon
//! as the last commit has ended, and answers only after the commit. There is no timer but the one that tidies an idle database.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::{mpsc, oneshot};

use super::super::rules::Clock;
use super::claim::Pending;
use super::group::{Asked, BeginOrder, ClaimOrder, Claimed, Group, RecordOrder, SettleOrder, Standing};
use super::lock::{Claim, Lock};
use super::tally::Tally;
use super::teachers::Teachers;
use crate::core::failpoint::{self, Failpoint};
use crate::core::ports::{StoreError, Stored};
use crate::core::task::{Lease, RequestId, Settled, Transition};

/// Commands that may wait.
pub(super) const QUEUE: usize = 1024;
/// Commands of one commit group.
const GROUP: usize = 500;
/// So long without a command, and the write-ahead log is put back into the main file.
const IDLE: Duration = Duration::from_secs(2);
/// So long without a command after many groups, and the log is copied while nobody waits for it: the end of a run finds little
/// left to sync.
const PAUSE: Duration = Duration::from_millis(15);
/// Turns of the runtime that a group waits for more commands, at most.
const TURNS: usize = 2;
/// Commands of either kind that make two groups of one: what somebody waits for goes first, and while the wire works on that, the rest
/// is committed. A group has its price, so a few of them stay together.
const WORTH_A_GROUP: usize = 16;
/// Groups that make such a copy worth its syncs.
const MANY: u32 = 64;

/// What the writer is asked for.
pub(super) enum Command {
    /// Take leases.
    Claim(Asked<ClaimOrder, Vec<Claimed>>),
    /// Commit an attempt.
    Begin(Asked<BeginOrder, RequestId>),
    /// Store an answer.
    Record(Asked<RecordOrder, ()>),
    /// End a lease.
    Settle(Asked<SettleOrder, Settled>),
    /// Anything rarer, inside the group's transaction.
    Work(Box<dyn Work>),
    /// Anything that must stand outside a transaction.
    Alone(Box<dyn Work>),
}

impl Command {
    /// What can wait longer: a place on the wire is held until its attempt is committed, and an answer is read only after it; nobody
    /// waits for the end of a lease.
    fn patience(&self) -> u8 {
        match self {
            Self::Claim(_) | Self::Begin(_) | Self::Work(_) | Self::Alone(_) => 0,
            Self::Record(_) => 1,
            Self::Settle(_) => 2,
        }
    }
}

/// A rare command: runs in the group's transaction, then is told how the commit went.
pub(super) trait Work: Send {
    /// Does it. An error undoes this command only, unless the disk is at fault.
    fn run<'l>(&'l mut self, ledger: &'l mut Ledger) -> BoxFuture<'l, Stored<()>>;
    /// Replies: with its result, or with the error that undid it.
    fn answer(self: Box<Self>, committed: Stored<()>);
}

/// A [`Work`] made of a function.
pub(super) struct Rare<F, T> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Stored<T>>,
}

impl<F, T> Rare<F, T>
where
    T: Send + 'static,
    F: for<'l> FnOnce(&'l mut Ledger) -> BoxFuture<'l, Stored<T>> + Send + 'static,
{
    /// The command and where its answer arrives.
    pub(super) fn order(work: F) -> (Box<dyn Work>, oneshot::Receiver<Stored<T>>) {
        let (reply, answer) = oneshot::channel();
        let rare = Self {
            work: Some(work),
            result: None,
            reply,
        };
        (Box::new(rare), answer)
    }
}

impl<F, T> Work for Rare<F, T>
where
    T: Send + 'static,
    F: for<'l> FnOnce(&'l mut Ledger) -> BoxFuture<'l, Stored<T>> + Send + 'static,
{
    fn run<'l>(&'l mut self, ledger: &'l mut Ledger) -> BoxFuture<'l, Stored<()>> {
        Box::pin(async move {
            if let Some(work) = self.work.take() {
                self.result = Some(work(ledger).await?);
            }
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Stored<()>) {
        let result = committed.and(self.result.ok_or_else(unanswered));
        // Nobody listens: the caller was cancelled, and what was done is in the ledger all the same.
        let _ = self.reply.send(result);
    }
}

/// The answer where none was made: it cannot happen, and must not panic.
pub(super) fn unanswered() -> StoreError {
    StoreError::Broken("the ledger gave no answer".to_owned())
}

/// The last number given out of each kind; gaps are fine, going back is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Leases.
    pub(super) token: i64,
    /// Attempts.
    pub(super) request: i64,
    /// Places in the order of acceptance.
    pub(super) seq: i64,
    /// Texts of samples.
    pub(super) answer: i64,
}

impl Numbers {
    /// With the names under which the ledger keeps them.
    pub(super) fn named(&mut self) -> [(&'static str, &mut i64); 4] {
        [
            ("token", &mut self.token),
            ("request", &mut self.request),
            ("seq", &mut self.seq),
            ("answer", &mut self.answer),
        ]
    }
}

/// The write connection and everything that goes with it.
pub(super) struct Ledger {
    pub(super) connection: SqliteConnection,
    pub(super) options: SqliteConnectOptions,
    pub(super) tally: Tally,
    pub(super) numbers: Numbers,
    pub(super) saved: Numbers,
    pub(super) teachers: Teachers,
    /// Leased tasks as the last commit left them, as far as they are known; `data_version` tells whether anybody else has written since.
    pub(super) standings: HashMap<i64, Standing>,
    pub(super) data_version: i64,
    /// Our lock, looked at whenever somebody else has written.
    pub(super) claim: Claim,
    pub(super) pending: Pending,
    pub(super) clock: Clock,
    /// Whether there may be suspects of crashes, as far as that is known.
    pub(super) suspects: Option<bool>,
    /// A job that waits to run a task alone, and until when others wait for it.
    pub(super) quiet: Option<(i64, i64)>,
}

impl Ledger {
    /// Over a connection that is open and migrated.
    pub(super) async fn new(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        clock: Clock,
        claim: Claim,
    ) -> Stored<Self> {
        let mut ledger = Self {
            connection,
            options,
            tally: Tally::default(),
            numbers: Numbers::default(),
            saved: Numbers::default(),
            teachers: Teachers::default(),
            standings: HashMap::new(),
            data_version: 0,
            claim,
            pending: Pending::default(),
            clock,
            suspects: None,
            quiet: None,
        };
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, value FROM counters WHERE job = 0 AND kind = 'next'")
                .fetch_all(&mut ledger.connection)
                .await?;
        for (name, number) in ledger.numbers.named() {
            *number = rows
                .iter()
                .find(|(known, _)| known == name)
                .map_or(0, |(_, value)| *value);
        }
        ledger.saved = ledger.numbers;
        Ok(ledger)
    }

    /// Writes the sums and ends the transaction.
    pub(super) async fn commit(&mut self) -> Stored<()> {
        let mut saved = self.saved;
        for ((name, now), (_, before)) in self.numbers.named().into_iter().zip(saved.named()) {
            self.tally
                .add(super::tally::DATABASE, "next", name, *now - *before);
        }
        sqlx::query(
            "INSERT INTO counters (job, kind, name, value)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
             ON CONFLICT (job, kind, name) DO UPDATE SET value = value + excluded.value;
             COMMIT",
        )
        .bind(self.tally.take())
        .execute(&mut self.connection)
        .await?;
        self.saved = self.numbers;
        Ok(())
    }

    /// Undoes the transaction; where that fails, a new connection takes over.
    pub(super) async fn undo(&mut self) {
        self.tally = Tally::default();
        self.teachers = Teachers::default();
        self.standings.clear();
        self.pending.forget();
        self.suspects = None;
        // SQLite may have rolled back by itself (a full disk): then there is nothing left to undo, and the next BEGIN tells.
        let _ = self.connection.execute("ROLLBACK").await;
        if self.connection.ping().await.is_err()
            && let Ok(connection) = self.options.connect().await
        {
            self.connection = connection;
        }
    }

    /// Runs a rare command so that its failure undoes only itself.
    pub(super) async fn work(&mut self, work: &mut dyn Work) -> Stored<Stored<()>> {
        let outer = std::mem::take(&mut self.tally);
        self.connection.execute("SAVEPOINT rare").await?;
        let outcome = work.run(self).await;
        let inner = std::mem::replace(&mut self.tally, outer);
        match &outcome {
            Ok(()) => {
                self.connection.execute("RELEASE rare").await?;
                self.tally.absorb(inner);
            }
            Err(error @ (StoreError::Disk(_) | StoreError::Unusable(_))) => {
                return Err(error.clone());
            }
            Err(_) => {
                self.teachers = Teachers::default();
                self.suspects = None;
                self.connection.execute("ROLLBACK TO rare; RELEASE rare").await?;
                self.teachers.load(&mut self.connection).await?;
            }
        }
        Ok(outcome)
    }

    /// Copies what the write-ahead log holds into the main file, as far as readers allow; the log goes on.
    async fn copy_log(&mut self) {
        let _ = self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").await;
    }

    /// Puts the write-ahead log back into the main file.
    async fn tidy(&mut self) {
        // A reader in the way only delays it to the next idle moment.
        failpoint::pass(Failpoint::LogTidying);
        let _ = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        failpoint::pass(Failpoint::LogTidied);
    }
}

/// Serves commands until nobody can send any, then tidies and lets go of the lock.
pub(super) async fn serve(mut ledger: Ledger, mut commands: mpsc::Receiver<Command>, lock: Lock) {
    let mut waiting = Vec::with_capacity(QUEUE);
    // Groups since the log was last copied; `None`: it is empty.
    let mut groups: Option<u32> = None;
    loop {
        if waiting.is_empty() {
            gather(&commands).await;
            let arriving = commands.recv_many(&mut waiting, QUEUE);
            let arrived = match groups {
                None => arriving.await,
                Some(many) => {
                    let patience = if many < MANY { IDLE } else { PAUSE };
                    if let Ok(arrived) = tokio::time::timeout(patience, arriving).await {
                        arrived
                    } else {
                        if many < MANY {
                            ledger.tidy().await;
                            groups = None;
                        } else {
                            ledger.copy_log().await;
                            groups = Some(0);
                        }
                        continue;
                    }
                }
            };
            if arrived == 0 {
                break;
            }
        }
        groups = Some(groups.map_or(1, |many| many.saturating_add(1)));
        let now = next_group(&mut waiting);
        let abandoned = turn(&mut ledger, waiting.drain(..now)).await;
        waiting.extend(abandoned.into_iter().map(release));
    }
    ledger.tidy().await;
    let _ = ledger.connection.close().await;
    drop(lock);
}

/// Brings the commands of the next group to the front, and says how many there are.
fn next_group(waiting: &mut [Command]) -> usize {
    waiting.sort_by_key(Command::patience);
    let urgent = waiting.partition_point(|command| command.patience() == 0);
    let apart = urgent >= WORTH_A_GROUP && waiting.len() - urgent >= WORTH_A_GROUP;
    let now = if apart { urgent } else { waiting.len() };
    now.min(GROUP)
}

/// Whoever was just answered may ask again at once: as long as the runtime's turns bring more commands, one group takes what would be
/// several.
async fn gather(commands: &mpsc::Receiver<Command>) {
    for _ in 0..TURNS {
        let before = commands.len();
        tokio::task::yield_now().await;
        if commands.len() == before {
            return;
        }
    }
}

/// One commit group, and after it what must stand alone. Returns the leases nobody was there to take.
async fn turn(ledger: &mut Ledger, commands: impl Iterator<Item = Command>) -> Vec<Lease> {
    let mut group = Group::default();
    let mut alone = Vec::new();
    for command in commands {
        match command {
            Command::Claim(asked) => group.claims.push(asked),
            Command::Begin(asked) => group.begins.push(asked),
            Command::Record(asked) => group.records.push(asked),
            Command::Settle(asked) => group.settles.push(asked),
            Command::Work(work) => group.works.push((work, Ok(()))),
            Command::Alone(work) => alone.push(work),
        }
    }
    let abandoned = if group.is_empty() {
        Vec::new()
    } else {
        match group.run(ledger).await {
            Ok(()) => {
                failpoint::pass(Failpoint::GroupCommitted);
                let abandoned = group.answer();
                failpoint::pass(Failpoint::GroupAnswered);
                abandoned
            }
            Err(error) => {
                ledger.undo().await;
                group.refuse(&error);
                Vec::new()
            }
        }
    };
    for mut work in alone {
        let outcome = work.run(ledger).await;
        ledger.standings.clear();
        work.answer(outcome);
    }
    abandoned
}

/// A lease whose taker was gone when it was given goes back.
fn release(lease: Lease) -> Command {
    let order = SettleOrder::new(lease, Transition::Release, Vec::new());
    let (asked, _) = Asked::new(order);
    Command::Settle(asked)
}
