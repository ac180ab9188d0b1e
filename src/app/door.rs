//! The driving port before there is an engine behind it: it opens the database when it is told to, as often as it is told, and lets
//! questions wait meanwhile, so that the screen is there first. On a fresh machine the database is made by the first order, not before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use super::assemble::{Assembled, Site, assemble};
use super::{configured, go_on};
use crate::cli::{Database, Needs};
use crate::core::api::{
    Answer, Application, Command, Event, Failure, FailureKind, Opened, Preparing, Progress, Query, Receipt,
    StreamReport, StreamRequest,
};
use crate::engine::{Engine, Started};

/// Events that may wait for the screen.
const EVENTS: usize = 1024;

/// The application, open or not.
pub(super) struct Door {
    site: Site,
    needs: Needs,
    inside: watch::Sender<Option<Arc<Engine>>>,
    /// How it was opened last.
    last: std::sync::Mutex<Option<Opened>>,
    /// There is no database yet, and nothing to keep in one.
    unmade: AtomicBool,
    /// Held while it is opened.
    opening: tokio::sync::Mutex<()>,
    facts: mpsc::Sender<Event>,
    gauge: watch::Sender<Progress>,
    pumps: TaskTracker,
}

impl Door {
    /// A closed one, and what will be told through it.
    pub(super) fn new(
        site: Site,
        needs: Needs,
    ) -> (Arc<Self>, mpsc::Receiver<Event>, watch::Receiver<Progress>) {
        let (facts, told) = mpsc::channel(EVENTS);
        let (gauge, progress) = watch::channel(Progress::default());
        let door = Self {
            site,
            needs,
            inside: watch::Sender::new(None),
            last: std::sync::Mutex::default(),
            unmade: AtomicBool::new(false),
            opening: tokio::sync::Mutex::default(),
            facts,
            gauge,
            pumps: TaskTracker::new(),
        };
        (Arc::new(door), told, progress)
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.inside.borrow().clone()
    }

    /// The engine, as soon as there is one.
    async fn entered(&self) -> Result<Arc<Engine>, Failure> {
        let mut inside = self.inside.subscribe();
        let open = inside.wait_for(Option::is_some).await;
        open.ok()
            .and_then(|engine| engine.clone())
            .ok_or_else(|| Failure::new(FailureKind::Unexpected, "the application is being left"))
    }

    /// Opens the database, or says why it is not open; then an engine over nothing answers.
    async fn open(&self, read_only: bool) -> Result<Opened, Failure> {
        let _one_at_a_time = self.opening.lock().await;
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_ours = self.engine().is_none_or(|engine| engine.is_ours());
        if let Some(open) = last.filter(|last| last.closed.is_none() && last.read_only.is_none()) {
            if is_ours {
                return Ok(open);
            }
            // Another instance took it over while this one slept: what still runs here can store nothing.
            self.stop(Duration::ZERO).await;
        }
        let is_new = !read_only && self.site.has_no_database();
        self.opened(read_only, is_new).await
    }

    /// Makes the database, if that was put off until there is something to keep.
    async fn made(&self) -> Result<(), Failure> {
        if !self.unmade.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.opening.lock().await;
        if !self.unmade.load(Ordering::Acquire) {
            return Ok(());
        }
        let opened = self.opened(false, false).await?;
        if let Some(failure) = opened.closed {
            // It may succeed next time.
            self.unmade.store(true, Ordering::Release);
            return Err(failure);
        }
        Ok(())
    }

    async fn opened(&self, read_only: bool, is_new: bool) -> Result<Opened, Failure> {
        let mut opened = self.open_now(read_only || is_new).await?;
        if is_new && opened.closed.is_none() {
            opened.read_only = None;
        }
        self.unmade
            .store(is_new && opened.closed.is_none(), Ordering::Release);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened.clone());
        Ok(opened)
    }

    async fn open_now(&self, read_only: bool) -> Result<Opened, Failure> {
        if let Some(before) = self.inside.send_replace(None) {
            // What is asked meanwhile waits for the next one.
            before.close().await;
        }
        let (loaded, wrong) = configured(&self.site);
        let needs = Needs {
            database: if read_only {
                Database::Read
            } else {
                self.needs.database
            },
            runs: self.needs.runs && wrong.is_none() && !read_only,
            ..self.needs.clone()
        };
        let assembled = match assemble(&self.site, loaded, &needs, &|now| self.tell(now)).await {
            Ok(assembled) => assembled,
            Err(failure) => {
                let readable = !read_only && self.could_be_read().await;
                let opened = Opened {
                    closed: Some(failure),
                    readable,
                    ..Opened::default()
                };
                self.enter(self.over_nothing().await?);
                return Ok(opened);
            }
        };
        let opened = Opened {
            read_only: assembled
                .read_only
                .clone()
                .filter(|_| assembled.held_by.is_none()),
            held_by: assembled.held_by.clone(),
            ..Opened::default()
        };
        let engine = self.enter(assembled);
        if needs.runs && opened.held_by.is_none() {
            go_on(&(engine as Arc<dyn Application>)).await;
        }
        Ok(opened)
    }

    /// Says what is done to the database before it is open.
    fn tell(&self, now: Preparing) {
        self.gauge.send_replace(Progress {
            preparing: Some(now),
            ..Progress::default()
        });
    }

    async fn could_be_read(&self) -> bool {
        let needs = Needs {
            database: Database::Read,
            providers: false,
            runs: false,
            ..self.needs.clone()
        };
        match assemble(&self.site, configured(&self.site).0, &needs, &|_| ()).await {
            Ok(assembled) => {
                let empty = matches!(
                    assembled.started.engine.ask(Query::Jobs).await,
                    Ok(Answer::Jobs(jobs)) if jobs.is_empty()
                );
                assembled.started.engine.close().await;
                !empty
            }
            Err(_) => false,
        }
    }

    /// Settings, log and providers can be looked at all the same.
    async fn over_nothing(&self) -> Result<Assembled, Failure> {
        let needs = Needs {
            database: Database::Closed,
            runs: false,
            ..self.needs.clone()
        };
        assemble(&self.site, configured(&self.site).0, &needs, &|_| ()).await
    }

    fn enter(&self, assembled: Assembled) -> Arc<Engine> {
        let Started {
            engine,
            mut events,
            mut progress,
        } = assembled.started;
        let (facts, gauge) = (self.facts.clone(), self.gauge.clone());
        self.pumps.spawn(async move {
            while let Some(event) = events.recv().await {
                if facts.send(event).await.is_err() {
                    break;
                }
            }
        });
        self.pumps.spawn(async move {
            loop {
                let now = progress.borrow_and_update().clone();
                gauge.send_replace(now);
                if progress.changed().await.is_err() {
                    break;
                }
            }
        });
        self.inside.send_replace(Some(Arc::clone(&engine)));
        engine
    }

    /// Stops what runs. Where nothing was opened, there is nothing to stop.
    pub(super) async fn stop(&self, grace: Duration) {
        if let Some(engine) = self.engine() {
            // What fails here was said by the engine, and what is open goes on at the next start.
            let _ = engine.order(Command::Stop { grace }).await;
        }
    }

    /// Lets go of the database.
    pub(super) async fn close(&self) {
        if let Some(engine) = self.engine() {
            engine.close().await;
        }
    }

    /// Whether anything can be asked.
    pub(super) fn is_open(&self) -> bool {
        self.inside.borrow().is_some()
    }
}

#[async_trait]
impl Application for Door {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        self.entered().await?.ask(query).await
    }

    async fn order(&self, command: Command) -> Result<Receipt, Failure> {
        match command {
            Command::Open { read_only } => self.open(read_only).await.map(Receipt::Opened),
            Command::Stop { .. } if !self.is_open() => Ok(Receipt::Done),
            command => {
                self.made().await?;
                self.entered().await?.order(command).await
            }
        }
    }

    async fn stream(
        &self,
        request: StreamRequest,
        out: &mut (dyn std::io::Write + Send),
    ) -> Result<StreamReport, Failure> {
        self.entered().await?.stream(request, out).await
    }
}
