//! One simulated run: the whole engine on a clock that stands still while anybody works, lives of a process one after the other over one
//! ledger, and a person who orders, and helps where only a person can.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use destilation::core::api::{Application, Command, JobSource, RunOptions};
use destilation::core::job::{Job, JobState, PauseReason};
use destilation::core::ports::{Store, StoreError};
use destilation::core::settings::{Durability, EngineSettings, ProviderSettings, Settings};
use destilation::core::task::{TaskCounts, Transition};
use destilation::engine::{Aside, Endpoint, Engine, Parts, start};
use destilation::store::memory::MemoryStore;
use destilation::store::{OpenMode, open_at};
use destilation::{dataset, validators};
use futures::FutureExt;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use crate::files::Files;
use crate::idle::Idle;
use crate::ledger::{Disk, Ledger};
use crate::teacher::{Behaviour, Teacher};
use crate::watch::{Caps, Watcher};
use crate::world::{Life, World};

/// What clocks on walls show when a run begins: 2026-11-22T00:00:00Z.
pub const DAWN_MS: i64 = 1_795_305_600_000;

/// Everything that decides how a run goes.
#[derive(Clone)]
pub struct Setup {
    /// Name and file of each job.
    pub jobs: Vec<(String, String)>,
    pub teachers: Vec<(ProviderSettings, Behaviour)>,
    pub disk: Disk,
    /// At which calls of the ledger the process dies.
    pub deaths: Vec<u64>,
    /// What a person orders, and when.
    pub orders: Vec<(Duration, Command)>,
    /// What a person orders in between, at a call of the ledger.
    pub turns: Vec<(u64, Command)>,
    /// Drives the disk and the person.
    pub seed: u64,
    /// A run that takes longer makes no progress.
    pub longest: Duration,
    pub caps: Caps,
    /// Micro-dollars a token.
    pub price: i64,
    /// What clocks on walls show in each life, in milliseconds after the beginning; the last one stays.
    pub walls: Vec<i64>,
    /// When the process stands still, everything else going on, and for how long.
    pub stops: Vec<(Duration, Duration)>,
}

impl Setup {
    /// Jobs and teachers, and nothing that goes wrong but what these do.
    pub fn calm(jobs: Vec<(String, String)>, teachers: Vec<(ProviderSettings, Behaviour)>) -> Self {
        Self {
            jobs,
            teachers,
            disk: Disk::default(),
            deaths: Vec::new(),
            orders: Vec::new(),
            turns: Vec::new(),
            seed: 0,
            longest: Duration::from_hours(2),
            caps: Caps::default(),
            price: 1,
            walls: Vec::new(),
            stops: Vec::new(),
        }
    }

    /// What clocks on walls show now, in that life.
    fn wall(&self, life: u64, world: &World) -> i64 {
        let wall = self.walls.get(life as usize).or(self.walls.last());
        DAWN_MS + wall.copied().unwrap_or(0) + world.now().as_millis() as i64
    }
}

/// Where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Books {
    Memory,
    Sqlite,
}

/// What a run left behind.
pub struct Played {
    pub world: Arc<World>,
    pub jobs: Vec<(Job, TaskCounts)>,
    pub lives: u64,
    pub took: Duration,
    /// Attempts after the first ones.
    pub retried: u64,
    /// How often a purse changed.
    pub purses: u64,
    /// What the auditor says.
    pub audited: Result<(), String>,
}

/// Plays it to its end, on this thread.
pub fn play(setup: &Setup, books: Books) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(
            setup.deaths.clone(),
            setup.turns.iter().map(|(at, _)| *at).collect(),
        );
        let changes = Arc::new(Mutex::new(0));
        let watcher = Watcher::new(Arc::clone(&world), Arc::clone(&setup.caps), Arc::clone(&changes));
        let _watching = tracing::subscriber::set_default(watcher);
        let folder = tempfile::tempdir().unwrap();
        let path = (books == Books::Sqlite).then(|| folder.path().join("d.db"));
        let mut stage = Stage::new(setup, Arc::clone(&world), path).await;
        stage.live().await;
        let took = world.now();
        let _still = stage.memory.is_none().then(Still::new);
        let (mut jobs, mut retried) = (Vec::new(), 0);
        for job in stage.store.jobs().await.unwrap() {
            let counts = stage.store.counts(job.id).await.unwrap();
            retried += stage.store.totals(job.id).await.unwrap().retried;
            jobs.push((job, counts));
        }
        let audited = crate::audit::audit(&*stage.store, &stage.files, &world, &jobs, &setup.caps).await;
        if stage.memory.is_none() {
            stage.store.close().await;
        }
        let purses = *changes.lock().unwrap();
        Played {
            world,
            jobs,
            lives: stage.life.number + 1,
            took,
            retried,
            purses,
            audited,
        }
    })
}

/// Holds the virtual clock while threads work.
struct Still {
    _end: std::sync::mpsc::Sender<()>,
}

impl Still {
    fn new() -> Self {
        let (end, ended) = std::sync::mpsc::channel();
        tokio::task::spawn_blocking(move || ended.recv());
        Self { _end: end }
    }
}

/// The run while it goes on.
struct Stage<'a> {
    setup: &'a Setup,
    world: Arc<World>,
    store: Arc<dyn Store>,
    memory: Option<Arc<MemoryStore>>,
    path: Option<PathBuf>,
    files: Arc<Files>,
    life: Arc<Life>,
    engine: Option<Arc<Engine>>,
    rng: ChaCha8Rng,
    /// Orders that are being carried out.
    under_way: JoinSet<()>,
}

/// A job file's text as the source of a job.
pub fn text_of(text: &str) -> JobSource {
    JobSource::Text {
        source: text.to_owned(),
        base: PathBuf::from("."),
    }
}

/// Seeds are read before anything goes on.
fn at_once() -> Aside {
    Arc::new(|work| {
        std::thread::spawn(work).join().unwrap();
        std::future::ready(()).boxed()
    })
}

async fn opened(path: &std::path::Path, now_ms: i64) -> Arc<dyn Store> {
    let _still = Still::new();
    let what = "simulation".to_owned();
    open_at(path, Durability::Process, OpenMode::Write { what }, now_ms)
        .await
        .unwrap()
        .store
}

impl<'a> Stage<'a> {
    async fn new(setup: &'a Setup, world: Arc<World>, path: Option<PathBuf>) -> Self {
        let (store, memory) = if let Some(path) = &path {
            (opened(path, setup.wall(0, &world)).await, None)
        } else {
            let memory = Arc::new(MemoryStore::new());
            (Arc::clone(&memory) as Arc<dyn Store>, Some(memory))
        };
        Self {
            setup,
            world,
            store,
            memory,
            path,
            files: Arc::default(),
            life: Life::new(0),
            engine: None,
            rng: ChaCha8Rng::seed_from_u64(setup.seed ^ 0x5e_ed),
            under_way: JoinSet::new(),
        }
    }

    fn parts(&self) -> Parts {
        let endpoints = self.setup.teachers.iter().enumerate();
        let endpoints = endpoints.map(|(place, (settings, behaviour))| Endpoint {
            settings: settings.clone(),
            provider: Ok(Arc::new(Teacher {
                place,
                world: Arc::clone(&self.world),
                life: Arc::clone(&self.life),
                behaviour: Arc::clone(behaviour),
                price: self.setup.price,
            })),
        });
        let ledger = Ledger {
            inner: Arc::clone(&self.store),
            world: Arc::clone(&self.world),
            life: Arc::clone(&self.life),
            disk: self.setup.disk.clone(),
            rng: Mutex::new(ChaCha8Rng::seed_from_u64(self.setup.seed ^ self.life.number)),
            read: Mutex::default(),
            threads: self.memory.is_none(),
        };
        Parts {
            store: Arc::new(ledger),
            held_by: None,
            settings: Settings {
                engine: EngineSettings::default(),
                ..Settings::default()
            },
            configuration: Vec::new(),
            endpoints: endpoints.collect(),
            mock_by_default: false,
            directory: Arc::new(Idle),
            log: Arc::new(Idle),
            desk: Arc::new(Idle),
            customs: Arc::new(Idle),
            validators: validators::CATALOG,
            formats: dataset::CATALOG,
            trainers: dataset::TRAINERS,
            seed_kinds: Vec::new(),
            open_rows: Arc::new(|_, _, _| panic!("no seeds")),
            look_over: |_, _| panic!("no datasets"),
            read_text: Arc::new(|_| Err("no files".to_owned())),
            aside: at_once(),
            near_groups: validators::near_groups,
            compile_schema: validators::compile_schema,
            dataset: Arc::clone(&self.files) as _,
            recorder: None,
            bundled: &[],
            environment: Vec::new(),
            writes: true,
            runs: true,
        }
    }

    /// A process starts, perhaps to die of it.
    async fn begin(&mut self) {
        loop {
            if let Some(memory) = &self.memory {
                memory.reopen_at(self.setup.wall(self.life.number, &self.world));
            }
            let stale: Vec<_> = std::mem::take(&mut *self.world.leases.lock().unwrap())
                .into_values()
                .collect();
            let started = tokio::select! {
                biased;
                () = self.world.died.notified() => None,
                started = start(self.parts()) => Some(started),
            };
            match started {
                Some(Ok(started)) => {
                    self.engine = Some(started.engine);
                    for lease in stale {
                        // I6: who was alive before changes nothing now.
                        let _still = self.memory.is_none().then(Still::new);
                        let late = self.store.settle(lease, Transition::Release, Vec::new()).await;
                        if late != Err(StoreError::Fenced) {
                            self.world
                                .found(format!("I6: a stale lease did something: {late:?}"));
                        }
                    }
                    return;
                }
                // A disk that takes nothing: somebody starts it again.
                Some(Err(_)) => {
                    self.life.end();
                    sleep(Duration::from_secs(5)).await;
                }
                None => {}
            }
            self.next_life().await;
        }
    }

    async fn next_life(&mut self) {
        self.engine = None;
        self.under_way.abort_all();
        self.under_way = JoinSet::new();
        self.life = Life::new(self.life.number + 1);
        if let Some(path) = &self.path {
            let still = Still::new();
            self.store.close().await;
            drop(still);
            self.store = opened(path, self.setup.wall(self.life.number, &self.world)).await;
        }
    }

    /// Orders something; it may take its time.
    fn order(&mut self, command: Command) {
        let Some(engine) = self.engine.clone() else {
            return;
        };
        self.under_way.spawn(async move {
            // What cannot be done now is refused; a person tries again.
            drop(engine.order(command).await);
        });
    }

    fn run_all(&mut self) {
        for (name, text) in &self.setup.jobs.clone() {
            let source = if self.life.number == 0 {
                text_of(text)
            } else {
                JobSource::Name(name.clone())
            };
            self.order(Command::Run {
                source,
                options: RunOptions::default(),
            });
        }
    }

    async fn jobs(&self) -> Vec<Job> {
        let _still = self.memory.is_none().then(Still::new);
        self.store.jobs().await.unwrap()
    }

    /// From the first start to the last stop.
    async fn live(&mut self) {
        let mut orders: VecDeque<_> = self.setup.orders.clone().into();
        let mut turns = self.setup.turns.clone().into_iter();
        let mut stops: VecDeque<_> = self.setup.stops.clone().into();
        self.begin().await;
        self.run_all();
        loop {
            let next = orders.front().map_or(Duration::MAX, |(at, _)| *at);
            let next = stops.front().map_or(next, |(at, _)| next.min(*at));
            let wait = next.saturating_sub(self.world.now()).min(Duration::from_secs(1));
            tokio::select! {
                biased;
                () = self.world.died.notified() => {
                    self.next_life().await;
                    sleep(Duration::from_millis(self.rng.random_range(0..3000))).await;
                    self.begin().await;
                    // Jobs that are over stay it, unless somebody starts them again.
                    let open: Vec<String> = self.unfinished().await;
                    self.start_again(&open);
                }
                () = self.world.turn.notified() => {
                    let (at, command) = turns.next().unwrap();
                    self.world.note("turn", at, 0);
                    self.order(command);
                }
                () = sleep(wait) => {}
            }
            while orders.front().is_some_and(|(at, _)| *at <= self.world.now()) {
                let (_, command) = orders.pop_front().unwrap();
                self.world.note("order", orders.len() as u64, 0);
                self.order(command);
            }
            while let Some((_, long)) = stops.pop_front_if(|(at, _)| *at <= self.world.now()) {
                self.world.note("stopped", long.as_secs(), 0);
                advance(long).await;
            }
            while self.under_way.try_join_next().is_some() {}
            if self.world.finding.lock().unwrap().is_some() {
                return;
            }
            if orders.is_empty() && self.help().await && self.under_way.is_empty() && self.leave().await {
                return;
            }
            if self.world.now() > self.setup.longest {
                let states: Vec<_> = self.jobs().await.into_iter().map(|job| job.state).collect();
                self.world
                    .found(format!("L2: no end after {:?}: {states:?}", self.world.now()));
                return;
            }
        }
    }

    async fn unfinished(&self) -> Vec<String> {
        let stored = self.jobs().await;
        let over = |name: &String| {
            let known = stored.iter().find(|job| job.spec.name == *name);
            known.is_some_and(|job| job.state.is_final())
        };
        let names = self.setup.jobs.iter().map(|(name, _)| name);
        names.filter(|name| !over(name)).cloned().collect()
    }

    fn start_again(&mut self, names: &[String]) {
        for (name, text) in self.setup.jobs.clone() {
            if names.contains(&name) {
                self.order(Command::Resume(name.clone()));
                // It may not have come into the ledger before.
                self.order(Command::Run {
                    source: text_of(&text),
                    options: RunOptions::default(),
                });
            }
        }
    }

    /// A person looks, and helps where only a person can. Whether everything is over.
    async fn help(&mut self) -> bool {
        let stored = self.jobs().await;
        let mut over = stored.len() >= self.setup.jobs.len();
        for job in &stored {
            let done = job.state.is_final() || matches!(job.state, JobState::Paused(PauseReason::Limit(_)));
            over &= done;
            // Where nothing seems to happen, trying again is what persons do.
            let patience = if matches!(job.state, JobState::Paused(_)) {
                3
            } else {
                60
            };
            if !done && self.rng.random_ratio(1, patience) {
                self.world.note("helped", job.id.0.cast_unsigned(), 0);
                self.order(Command::Resume(job.spec.name.clone()));
            }
        }
        if stored.len() < self.setup.jobs.len() && self.rng.random_ratio(1, 3) {
            let open = self.unfinished().await;
            self.start_again(&open);
        }
        over
    }

    /// Leaves as a person does; whether that was survived.
    async fn leave(&mut self) -> bool {
        let Some(engine) = self.engine.clone() else {
            return false;
        };
        let grace = Duration::from_secs(1);
        tokio::select! {
            biased;
            () = self.world.died.notified() => {
                self.next_life().await;
                self.begin().await;
                false
            }
            _ = engine.order(Command::Stop { grace }) => true,
        }
    }
}
