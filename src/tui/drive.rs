//! The loop between the model, the terminal and the engine: it drains messages, carries effects out, and draws when something has
//! changed, for a hand at once and for data at most ten times a second. It decides nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::core::api::{Application, Event, Progress};

use super::input::{Facts, Input, Report};
use super::message::{Edit, Effect, Message, Opening, Ticket};
use super::model::{Model, update};
use super::outside::Signs;
use super::pace::{For, Pace, RARELY};
use super::terminal::Signal;
use super::trace::{Line, Trace, micros};
use super::{Exit, Options, view};

/// How long a terminal has to say what it can do.
const PROBE: Duration = Duration::from_millis(100);

/// What can be done to a terminal besides drawing on it.
pub(super) trait Host: Send {
    /// Stops the process until it is continued, with so many jobs at work, which stand still, too; says what size the terminal has
    /// then.
    fn suspend(&mut self, jobs: usize) -> Option<Size>;
    /// Lends the terminal to the editor; when the future is done, [`Host::back`] takes it back.
    fn edit(&mut self, edit: Edit) -> BoxFuture<'static, Result<String, String>>;
    /// Lends the terminal to a program that opens this file; the text it leads to is empty.
    fn open(&mut self, opening: Opening) -> BoxFuture<'static, Result<String, String>>;
    /// Takes the terminal back; says what size it has now.
    fn back(&mut self) -> Option<Size>;
    /// Puts a text where it can be pasted from; says which ways it went.
    fn copy(&mut self, text: &str) -> Result<String, String>;
    /// Keeps how the screens look for the next start.
    fn keep(&mut self, memory: &str);
    /// Sets title and progress.
    fn announce(&mut self, signs: &Signs);
    /// Calls someone who looks elsewhere.
    fn notify(&mut self, text: &str);
    /// Whether the mouse is to be heard.
    fn mouse(&mut self, on: bool);
    /// Asks the terminal what it can do. False if it is better not asked.
    fn probe(&mut self) -> bool;
    /// Uses what the terminal said.
    fn learned(&mut self, facts: Facts);
    /// Bytes written so far.
    fn bytes(&self) -> u64;
}

/// No terminal but what is drawn on: there is no shell, no editor and no clipboard.
struct Nowhere;

impl Host for Nowhere {
    fn suspend(&mut self, _: usize) -> Option<Size> {
        None
    }
    fn edit(&mut self, _: Edit) -> BoxFuture<'static, Result<String, String>> {
        async { Err("There is no editor here".to_owned()) }.boxed()
    }
    fn open(&mut self, _: Opening) -> BoxFuture<'static, Result<String, String>> {
        async { Err("There is no other program here".to_owned()) }.boxed()
    }
    fn back(&mut self) -> Option<Size> {
        None
    }
    fn copy(&mut self, _: &str) -> Result<String, String> {
        Err("there is nowhere to copy it to".to_owned())
    }
    fn keep(&mut self, _: &str) {}
    fn announce(&mut self, _: &Signs) {}
    fn notify(&mut self, _: &str) {}
    fn mouse(&mut self, _: bool) {}
    fn probe(&mut self) -> bool {
        false
    }
    fn learned(&mut self, _: Facts) {}
    fn bytes(&self) -> u64 {
        0
    }
}

/// Runs the application on any backend, with whatever stream of input, until it ends. A due frame comes first, so that no flood can
/// hide the screen; then input, answers, facts, the gauge. Without a change nothing is drawn and nothing is written.
pub async fn drive<B: Backend>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = Input>,
    app: Arc<dyn Application>,
    facts: mpsc::Receiver<Event>,
    progress: watch::Receiver<Progress>,
    options: Options,
) -> Result<Exit, B::Error> {
    turn(terminal, input, app, facts, progress, options, Nowhere, None).await
}

/// [`drive`], with what else can be done to the terminal, and a file to note every frame in.
#[expect(
    clippy::too_many_arguments,
    reason = "the loop is where everything comes together"
)]
pub(super) async fn turn<B: Backend, H: Host>(
    terminal: &mut Terminal<B>,
    input: impl Stream<Item = Input>,
    app: Arc<dyn Application>,
    mut facts: mpsc::Receiver<Event>,
    mut progress: watch::Receiver<Progress>,
    options: Options,
    host: H,
    trace: Option<Trace>,
) -> Result<Exit, B::Error> {
    let size = terminal.size()?;
    let panic_key = options.outside.panic_key;
    let (mut turn, mut effects) = Turn::new(terminal, host, app, options, size);
    turn.trace = trace;
    let mut input = std::pin::pin!(input);
    let (mut facts_open, mut gauge_open) = (true, true);
    let gauge = progress.borrow_and_update().clone();
    effects.extend(turn.update(Message::Progress(Box::new(gauge)))?);
    loop {
        turn.carry_out(effects)?;
        if let Some(exit) = turn.model.exit() {
            turn.leave();
            return Ok(exit);
        }
        let (due, announce, probing) = (turn.due, turn.announce_at, turn.probing);
        let wake = turn.model.wake().map(|at| turn.start + at);
        let gauge_at = turn.pace.data();
        let message = tokio::select! {
            biased;
            () = at(due), if due.is_some() && !turn.away => {
                let is_news = progress.has_changed().unwrap_or(false);
                turn.draw(is_news)?;
                effects = Vec::new();
                continue;
            }
            arrived = input.next() => match arrived {
                Some(Input::Signal(Signal::Interrupt)) if turn.away => { effects = Vec::new(); continue }
                Some(Input::Continued) => {
                    effects = turn.continued()?;
                    continue;
                }
                Some(Input::Report(report)) => {
                    let Some(message) = turn.heard(report) else { effects = Vec::new(); continue };
                    message
                }
                Some(Input::Key(key)) => {
                    assert!(!(panic_key && key.code == crossterm::event::KeyCode::F(12)), "f12 was pressed");
                    Message::Key(key)
                }
                Some(arrived) => arrived.into(),
                None => Message::Leave(Exit::Gone),
            },
            Some(finished) = turn.work.join_next() => {
                // A panic inside the engine: it was logged and told, and its ticket stays unanswered.
                let Ok(message) = finished else { effects = Vec::new(); continue };
                if let Message::Reply(ticket, _) = &message {
                    turn.asked.remove(ticket);
                }
                message
            }
            () = at(probing), if probing.is_some() => turn.told(),
            fact = facts.recv(), if facts_open => {
                let Some(fact) = fact else { facts_open = false; effects = Vec::new(); continue };
                Message::Event(fact)
            }
            changed = async { sleep_until(gauge_at).await; progress.changed().await }, if gauge_open => {
                if changed.is_err() { gauge_open = false; effects = Vec::new(); continue }
                Message::Progress(Box::new(progress.borrow_and_update().clone()))
            }
            () = at(announce), if announce.is_some() && !turn.away => {
                turn.announce();
                effects = Vec::new();
                continue;
            }
            () = at(wake), if wake.is_some() => Message::Tick(turn.start.elapsed()),
        };
        effects = turn.update(message)?;
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Everything the loop keeps between two messages.
struct Turn<'a, B: Backend, H> {
    terminal: &'a mut Terminal<B>,
    host: H,
    app: Arc<dyn Application>,
    model: Model,
    work: JoinSet<Message>,
    /// Questions on their way.
    asked: HashMap<Ticket, AbortHandle>,
    start: Instant,
    /// Every question waits so long first.
    slow: Duration,
    /// When the next frame is to be drawn, and why: what asked first, and when.
    due: Option<Instant>,
    causes: Vec<(&'static str, Instant)>,
    pace: Pace,
    /// When a person last did something.
    touched: Instant,
    frames: u64,
    trace: Option<Trace>,
    /// The terminal has been asked, and has time to answer until then.
    probing: Option<Instant>,
    probed: bool,
    facts: Facts,
    signs: Signs,
    announce_at: Option<Instant>,
    announced_at: Option<Instant>,
    /// Somebody else has the terminal.
    away: bool,
    /// When we last let go of it ourselves.
    resumed: Option<Instant>,
}

impl<'a, B: Backend, H: Host> Turn<'a, B, H> {
    fn new(
        terminal: &'a mut Terminal<B>,
        host: H,
        app: Arc<dyn Application>,
        options: Options,
        size: Size,
    ) -> (Self, Vec<Effect>) {
        let start = Instant::now();
        let slow = options.outside.slow;
        let (model, effects) = Model::new(options, size.width, size.height);
        let turn = Self {
            terminal,
            host,
            app,
            model,
            work: JoinSet::new(),
            asked: HashMap::new(),
            start,
            slow,
            due: Some(start),
            causes: vec![("start", start)],
            pace: Pace::new(start),
            touched: start,
            frames: 0,
            trace: None,
            probing: None,
            probed: false,
            facts: Facts::default(),
            signs: Signs::default(),
            announce_at: None,
            announced_at: None,
            away: false,
            resumed: None,
        };
        (turn, effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), B::Error> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Ask(ticket, query) => {
                    let (app, slow) = (Arc::clone(&self.app), self.slow);
                    let asked = self.work.spawn(async move {
                        if !slow.is_zero() {
                            tokio::time::sleep(slow).await;
                        }
                        Message::Reply(ticket, app.ask(query).await.map(Box::new).map_err(Box::new))
                    });
                    self.asked.insert(ticket, asked);
                }
                Effect::Forget(ticket) => {
                    if let Some(asked) = self.asked.remove(&ticket) {
                        asked.abort();
                    }
                }
                Effect::Order(ticket, command) => {
                    let app = Arc::clone(&self.app);
                    self.work.spawn(async move {
                        Message::Done(ticket, app.order(command).await.map(Box::new).map_err(Box::new))
                    });
                }
                Effect::Edit(ticket, edit) => {
                    let edited = self.host.edit(edit);
                    self.away = true;
                    self.work
                        .spawn(async move { Message::Edited(ticket, edited.await) });
                }
                Effect::Open(ticket, opening) => {
                    let left = self.host.open(opening);
                    self.away = true;
                    self.work
                        .spawn(async move { Message::Edited(ticket, left.await) });
                }
                Effect::Copy(text) => {
                    let copied = self.host.copy(&text);
                    self.work.spawn(async move { Message::Copied(copied) });
                }
                Effect::Keep(memory) => self.host.keep(&memory),
                Effect::Notify(text) => self.host.notify(&text),
                Effect::Mouse(on) => self.host.mouse(on),
                Effect::Redraw => self.afresh()?,
                Effect::Suspend => {
                    let size = self.host.suspend(self.model.jobs_at_work());
                    self.resumed = Some(Instant::now());
                    effects.extend(self.returned(size)?);
                }
            }
        }
        Ok(())
    }

    /// The next frame is drawn whole, and the title set again: nobody knows what the terminal shows.
    fn afresh(&mut self) -> Result<(), B::Error> {
        self.terminal.clear()?;
        self.announced_at = None;
        self.signs = Signs::default();
        self.due = Some(Instant::now());
        Ok(())
    }

    /// The terminal is ours again, perhaps of another size.
    fn returned(&mut self, size: Option<Size>) -> Result<Vec<Effect>, B::Error> {
        let resize = size.map(|size| Message::Resize(size.width, size.height));
        let effects = resize.map(|message| update(&mut self.model, message));
        self.afresh()?;
        Ok(effects.unwrap_or_default())
    }

    /// Stopped by somebody else, we may have lost the terminal's modes; of our own stops this is only the echo.
    fn continued(&mut self) -> Result<Vec<Effect>, B::Error> {
        let mut effects = update(&mut self.model, Message::Awake);
        let echo = self.resumed.take().is_some_and(|at| at.elapsed() < RARELY);
        if !self.away && !echo {
            let size = self.host.back();
            effects.extend(self.returned(size)?);
        }
        Ok(effects)
    }

    fn update(&mut self, message: Message) -> Result<Vec<Effect>, B::Error> {
        let now = Instant::now();
        let cause = message.name();
        let by_hand = message.is_by_hand();
        if by_hand {
            self.touched = now;
        }
        if matches!(message, Message::Focus(true)) {
            self.pace.hurry(now);
        }
        // An answer is what a person waits for, if they have just asked; else it is only news.
        let answers = matches!(message, Message::Reply(..)) && now < self.touched + RARELY;
        let whom = match &message {
            _ if by_hand || answers => For::Hand,
            Message::Progress(_) | Message::Event(_) | Message::Reply(..) => For::Data,
            _ => For::Change,
        };
        let mut effects = update(&mut self.model, Message::Tick(self.start.elapsed()));
        if matches!(message, Message::Edited(..)) && std::mem::take(&mut self.away) {
            let size = self.host.back();
            effects.extend(self.returned(size)?);
        }
        effects.extend(update(&mut self.model, message));
        if self.model.take_dirty() {
            let soonest = self.pace.soonest(whom);
            self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
            if self.causes.iter().all(|(known, _)| *known != cause) {
                self.causes.push((cause, now));
            }
        }
        Ok(effects)
    }

    fn draw(&mut self, is_news: bool) -> Result<(), B::Error> {
        let (began, before) = (Instant::now(), self.host.bytes());
        self.due = None;
        self.terminal.draw(|frame| view(&self.model, frame))?;
        let now = Instant::now();
        let took = now - began;
        self.frames += 1;
        self.pace.drawn(now, took, self.model.has_focus());
        let since = self.causes.first().map_or(began, |(_, since)| *since);
        let names: Vec<&str> = self.causes.drain(..).map(|(name, _)| name).collect();
        if let Some(trace) = &mut self.trace {
            trace.add(&Line {
                frame: self.frames,
                cause: names.join("+"),
                at_ms: micros(now - self.start) / 1000,
                latency_us: micros(now - since),
                render_us: micros(took),
                bytes: self.host.bytes() - before,
                idle: self.work.is_empty() && !is_news,
            });
        }
        if !std::mem::replace(&mut self.probed, true) && self.host.probe() {
            self.probing = Some(now + PROBE);
        }
        if self.model.signs() != self.signs {
            let soonest = self.announced_at.map_or(now, |at| at + RARELY);
            self.announce_at.get_or_insert(soonest);
        }
        Ok(())
    }

    fn announce(&mut self) {
        self.announce_at = None;
        self.announced_at = Some(Instant::now());
        self.signs = self.model.signs();
        self.host.announce(&self.signs);
    }

    /// The terminal said something about itself; what nobody waits for any more is dropped.
    fn heard(&mut self, report: Report) -> Option<Message> {
        if self.probing.is_some() {
            return self.facts.take(report).then(|| self.told());
        }
        let by_itself = matches!(report, Report::Scheme { .. }) && self.facts.tells_scheme;
        by_itself.then(|| {
            self.facts.take(report);
            Message::Terminal(self.facts)
        })
    }

    /// The terminal has said what it can do, or its time is over.
    fn told(&mut self) -> Message {
        self.probing = None;
        self.host.learned(self.facts);
        Message::Terminal(self.facts)
    }

    fn leave(&mut self) {
        // Orders that were given are carried out; only their receipts have no reader any more.
        self.work.detach_all();
        if let Some(memory) = self.model.unkept() {
            self.host.keep(&memory);
        }
    }
}
