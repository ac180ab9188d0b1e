//! A world for the terminal application to live in: the canned engine behind the driving port, and a hand on the keyboard.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use destilation::core::api::*;
use destilation::tui::{Effect, Message, Model, Opening, Options, update, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use crate::canned::{START_MS, Says, answer, failure, progress, receipt, refusal};

/// The look of every test.
pub fn options() -> Options {
    Options {
        started_ms: START_MS,
        ..Options::default()
    }
}

/// The canned engine behind the driving port.
pub struct Canned(pub Says);

#[async_trait]
impl Application for Canned {
    async fn ask(&self, query: Query) -> Result<Answer, Failure> {
        if self.0 == Says::Silence {
            std::future::pending::<()>().await;
        }
        answer(self.0, &query)
    }

    async fn order(&self, command: Command) -> Result<Receipt, Failure> {
        Ok(receipt(&command))
    }

    async fn stream(
        &self,
        _: StreamRequest,
        _: &mut (dyn io::Write + Send),
    ) -> Result<StreamReport, Failure> {
        Err(failure())
    }
}

/// The model with a hand on its keyboard: every question is answered at once, every order is noted and carried out.
pub struct Hand {
    pub model: Model,
    pub terminal: Terminal<TestBackend>,
    pub orders: Vec<Command>,
    pub now: Duration,
    /// What the person types in their own editor, or why that fails.
    pub editor: Result<String, String>,
    /// Files that were opened as they are.
    pub opened: Vec<Opening>,
    /// What was copied last.
    pub copied: String,
    /// How the screens looked when they were kept last.
    pub kept: String,
    /// Calls to someone who looks elsewhere.
    pub called: Vec<String>,
    /// Questions that wait for their answers, while answers are held back.
    held: Option<Vec<Effect>>,
    says: Says,
}

impl Hand {
    pub fn new(columns: u16, rows: u16, says: Says) -> Self {
        Self::with(columns, rows, says, options())
    }

    pub fn with(columns: u16, rows: u16, says: Says, options: Options) -> Self {
        let (model, effects) = Model::new(options, columns, rows);
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let mut hand = Self {
            model,
            terminal,
            orders: Vec::new(),
            now: Duration::ZERO,
            editor: Err("Unchanged: the editor saved nothing new".to_owned()),
            opened: Vec::new(),
            copied: String::new(),
            kept: String::new(),
            called: Vec::new(),
            held: None,
            says,
        };
        hand.serve(effects);
        if says == Says::Everything {
            for second in 0..60 {
                hand.wait(Duration::from_secs(1));
                hand.send(Message::Progress(Box::new(progress(second))));
            }
        } else if says == Says::Nothing {
            hand.send(Message::Progress(Box::default()));
        }
        hand.wait(Duration::from_secs(1));
        hand
    }

    pub fn wait(&mut self, time: Duration) {
        self.now += time;
        let effects = update(&mut self.model, Message::Tick(self.now));
        self.serve(effects);
    }

    pub fn send(&mut self, message: Message) {
        let effects = update(&mut self.model, message);
        self.serve(effects);
    }

    /// From now on nobody answers.
    pub fn hold_answers(&mut self) {
        self.held = Some(Vec::new());
    }

    /// Everything that was asked meanwhile is answered, in its order.
    pub fn give_answers(&mut self) {
        let held = self.held.take().unwrap_or_default();
        self.serve(held);
    }

    fn serve(&mut self, effects: Vec<Effect>) {
        let mut queue = VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            if let (Effect::Ask(..), Some(held)) = (&effect, &mut self.held) {
                held.push(effect);
                continue;
            }
            let message = match effect {
                Effect::Ask(..) if self.says == Says::Silence => continue,
                Effect::Ask(ticket, query) => {
                    Message::Reply(ticket, answer(self.says, &query).map(Box::new).map_err(Box::new))
                }
                Effect::Order(ticket, command) => {
                    let result = match refusal(&command) {
                        Some(failure) => Err(Box::new(failure)),
                        None => Ok(Box::new(receipt(&command))),
                    };
                    // Drafts are kept without anybody asking.
                    if !matches!(command, Command::SaveDraft { .. } | Command::Open { .. }) {
                        self.orders.push(command);
                    }
                    Message::Done(ticket, result)
                }
                Effect::Edit(ticket, edit) => {
                    let result = self.editor.clone().map(|typed| format!("{typed}{}", edit.text));
                    Message::Edited(ticket, result)
                }
                Effect::Open(ticket, opening) => {
                    let result = self.editor.clone().map(|_| String::new());
                    self.opened.push(opening);
                    Message::Edited(ticket, result)
                }
                Effect::Copy(text) => {
                    self.copied = text;
                    Message::Copied(Ok("by hand".to_owned()))
                }
                Effect::Keep(memory) => {
                    self.kept = memory;
                    continue;
                }
                Effect::Notify(text) => {
                    self.called.push(text);
                    continue;
                }
                Effect::Forget(_) | Effect::Mouse(_) | Effect::Redraw | Effect::Suspend => continue,
            };
            queue.extend(update(&mut self.model, message));
        }
    }

    /// Types a key script: letters, and names in angle brackets (`<enter>`, `<ctrl-s>`); `<wait>` lets half a second pass.
    pub fn keys(&mut self, script: &str) -> &mut Self {
        for name in names(script) {
            if name == "wait" {
                self.wait(Duration::from_millis(500));
            } else {
                self.send(Message::Key(key(&name)));
            }
        }
        self
    }

    /// The screen as text.
    pub fn screen(&mut self) -> String {
        self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
        let buffer = self.terminal.backend().buffer();
        text(buffer)
    }
}

/// A picture as text, with a mark at the end of every row.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut skip = 0;
        for column in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(column, row)].symbol();
            skip = symbol.width().saturating_sub(1);
            text.push_str(symbol);
        }
        text.push_str("│\n");
    }
    text
}

pub fn names(script: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = script;
    while let Some(first) = rest.chars().next() {
        let end = rest.find('>');
        if let (true, Some(end)) = (first == '<', end) {
            names.push(rest[1..end].to_owned());
            rest = &rest[end + 1..];
        } else {
            names.push(first.to_string());
            rest = &rest[first.len_utf8()..];
        }
    }
    names
}

/// The key press of a name of the key table.
pub fn key(name: &str) -> KeyEvent {
    let (modifiers, name) = match (name.strip_prefix("ctrl-"), name.strip_prefix("alt-")) {
        (Some(rest), _) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
        (_, Some(rest)) if !rest.is_empty() => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "space" => KeyCode::Char(' '),
        "f1" => KeyCode::F(1),
        "f2" => KeyCode::F(2),
        "f3" => KeyCode::F(3),
        "f5" => KeyCode::F(5),
        "f6" => KeyCode::F(6),
        letter => {
            let mut letters = letter.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => KeyCode::Char(letter),
                _ => panic!("no key is called {letter}"),
            }
        }
    };
    KeyEvent::new(code, modifiers)
}
