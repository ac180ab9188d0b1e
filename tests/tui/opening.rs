//! The database is opened after the first picture: the last session is seen until then, and what is wrong has a screen of its own.

use std::time::Duration;

use destilation::core::api::{Command, Failure, FailureKind, Opened, Preparing, Progress, Receipt};
use destilation::tui::{Effect, Exit, Message, Model, Options, Ticket, update, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::canned::Says;
use crate::world::{Hand, key, names, options, text};
use crate::{SIZES, picture};

/// The application before anybody answered it.
struct Start {
    model: Model,
    terminal: Terminal<TestBackend>,
    /// What opens the database.
    opening: Option<(Ticket, bool)>,
}

impl Start {
    fn new(columns: u16, rows: u16, options: Options) -> Self {
        let (model, effects) = Model::new(options, columns, rows);
        let mut start = Self {
            model,
            terminal: Terminal::new(TestBackend::new(columns, rows)).unwrap(),
            opening: None,
        };
        start.note(effects);
        start
    }

    fn note(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Order(ticket, Command::Open { read_only }) = effect {
                self.opening = Some((ticket, read_only));
            }
        }
    }

    fn send(&mut self, message: Message) {
        let effects = update(&mut self.model, message);
        self.note(effects);
    }

    fn keys(&mut self, script: &str) {
        for name in names(script) {
            self.send(Message::Key(key(&name)));
        }
    }

    fn opened(&mut self, opened: Opened) {
        let (ticket, _) = self.opening.take().unwrap();
        self.send(Message::Done(ticket, Ok(Box::new(Receipt::Opened(opened)))));
    }

    fn screen(&mut self) -> String {
        self.terminal.draw(|frame| view(&self.model, frame)).unwrap();
        text(self.terminal.backend().buffer())
    }
}

fn damaged(readable: bool) -> Opened {
    let failure = Failure::new(
        FailureKind::Unexpected,
        "/home/ada/.local/share/destiler/destiler.db cannot be written",
    );
    let failure = failure
        .because("the directory is read-only")
        .help("make room or the directory writable, or name another file with database_url");
    Opened {
        closed: Some(failure),
        readable,
        ..Opened::default()
    }
}

#[test]
fn what_is_wrong_has_a_screen_of_its_own() {
    for (columns, rows) in SIZES {
        let mut start = Start::new(columns, rows, options());
        start.opened(damaged(true));
        picture(&format!("closed_{columns}"), &start.screen());
    }
    let mut start = Start::new(80, 24, options());
    start.opened(damaged(false));
    assert!(!start.screen().contains("reading only"), "{}", start.screen());
    start.keys("o");
    assert!(start.opening.is_none(), "what cannot be read is not opened");
    start.keys("2");
    assert!(
        start.screen().contains("The database is not open"),
        "jobs need it"
    );
    start.keys("<esc><esc>");
    assert!(start.model.exit().is_none() && start.screen().contains("The database is not open"));
    start.keys("7");
    assert!(
        !start.screen().contains("The database is not open"),
        "settings do not"
    );
    start.keys("1n");
    assert!(start.screen().contains("The database is not open"));
    start.keys("q");
    assert_eq!(start.model.exit(), Some(Exit::Quit));
}

#[test]
fn a_copy_before_an_update_is_told_while_it_is_made() {
    let mut start = Start::new(80, 24, options());
    let preparing = |now| {
        Message::Progress(Box::new(Progress {
            preparing: Some(now),
            ..Progress::default()
        }))
    };
    let copying = |done| {
        preparing(Preparing::Copying {
            done,
            of: 1_000_000_000,
        })
    };
    start.send(copying(0));
    assert!(!start.screen().contains("copying"), "not before it takes long");
    start.send(Message::Tick(Duration::from_secs(12)));
    start.send(copying(310_000_000));
    let said = "copying the database before its update, 31 % of 1000.0 MB · 12 s";
    assert!(start.screen().contains(said), "{}", start.screen());
    // The copy may be larger than what was counted.
    start.send(copying(1_000_000_001));
    assert!(start.screen().contains("100 %"), "{}", start.screen());
    start.send(preparing(Preparing::Migrating));
    let said = "updating the database, a copy is kept · 12 s";
    assert!(start.screen().contains(said), "{}", start.screen());
    start.opened(Opened::default());
    let screen = start.screen();
    assert!(
        !screen.contains("updating") && !screen.contains("opening"),
        "{screen}"
    );
}

#[test]
fn it_is_tried_again_and_read_where_it_cannot_be_written() {
    let mut start = Start::new(80, 24, options());
    start.opened(damaged(true));
    start.keys("r");
    assert!(start.opening.is_some_and(|(_, read_only)| !read_only));
    start.send(Message::Tick(Duration::from_secs(3)));
    assert!(
        start.screen().contains("opening the database · 3 s"),
        "{}",
        start.screen()
    );
    start.opened(damaged(true));
    start.keys("o");
    assert!(start.opening.is_some_and(|(_, read_only)| read_only));
    start.opened(Opened {
        read_only: Some("opened for reading only".to_owned()),
        ..Opened::default()
    });
    let screen = start.screen();
    assert!(
        !screen.contains("not open") && screen.contains("view only: opened for reading only"),
        "{screen}"
    );
    start.keys("2");
    assert!(start.model.exit().is_none());
}

#[test]
fn the_last_session_is_seen_until_the_database_is_open() {
    let mut hand = Hand::new(120, 36, Says::Everything);
    hand.keys("j");
    hand.wait(Duration::from_secs(2));
    let kept = Options {
        remembered: Some(hand.kept.clone()),
        ..options()
    };
    for (columns, rows) in SIZES {
        let mut start = Start::new(columns, rows, kept.clone());
        let first = start.screen();
        assert!(first.contains("qa-distill"), "{first}");
        assert!(!first.contains("running"), "nothing runs yet:\n{first}");
        picture(&format!("first_{columns}"), &first);
    }
    let mut start = Start::new(120, 36, kept);
    start.opened(Opened::default());
    start.send(Message::Progress(Box::default()));
    assert!(!start.screen().contains("qa-distill-v2"), "{}", start.screen());
}
