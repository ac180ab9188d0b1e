//! What happens at the failpoints that `DESTILER_TEST` names, in builds for tests: `fail=NAME:HIT:ACTION`, several by commas.
//! `abort` dies there like a `kill -9`, `panic` panics, `error` fails once, `errors-N` so
//! often, `delay-MS` is slow from then on.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::config::Variables;
use crate::core::failpoint::{self, Failpoint, Struck};

/// What is to be done at one of them.
#[derive(Debug)]
struct Armed {
    point: Failpoint,
    hit: u64,
    action: Action,
    hits: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Abort,
    Panic,
    Errors(u64),
    Delay(Duration),
}

/// Arms what the variable names; other builds do not listen. What cannot be read is told, so that a test with a typing error does
/// not pass.
pub(super) fn arm(variables: &Variables) {
    if !cfg!(any(debug_assertions, feature = "test-hooks")) {
        return;
    }
    let words = variables
        .get("DESTILER_TEST")
        .map(String::as_str)
        .unwrap_or_default();
    let mut armed = Vec::new();
    for word in words.split(',').filter_map(|word| word.strip_prefix("fail=")) {
        match read(word) {
            Some(one) => armed.push(one),
            None => say(&format!("DESTILER_TEST: `fail={word}` is no failpoint")),
        }
    }
    if !armed.is_empty() {
        failpoint::on_reach(Box::new(move |point| {
            armed
                .iter()
                .filter(|one| one.point == point)
                .try_for_each(Armed::hit)
        }));
    }
}

fn read(word: &str) -> Option<Armed> {
    let mut parts = word.split(':');
    let (name, hit, action) = (parts.next()?, parts.next()?, parts.next()?);
    let action = match action {
        "abort" => Action::Abort,
        "panic" => Action::Panic,
        "error" => Action::Errors(1),
        _ => match action.split_once('-')? {
            ("errors", times) => Action::Errors(times.parse().ok()?),
            ("delay", ms) => Action::Delay(Duration::from_millis(ms.parse().ok()?)),
            _ => return None,
        },
    };
    Some(Armed {
        point: Failpoint::ALL
            .iter()
            .copied()
            .find(|point| point.word() == name)?,
        hit: hit.parse().ok()?,
        action,
        hits: AtomicU64::new(0),
    })
}

fn say(what: &str) {
    // Standard error may be closed: then nobody listens.
    let _ = writeln!(std::io::stderr(), "{what}");
}

impl Armed {
    fn hit(&self) -> Result<(), Struck> {
        let hits = self.hits.fetch_add(1, Ordering::Relaxed) + 1;
        match self.action {
            Action::Abort if hits == self.hit => die(),
            Action::Panic if hits == self.hit => panic!("failpoint {}", self.point.word()),
            Action::Errors(times) if (self.hit..self.hit.saturating_add(times)).contains(&hits) => {
                Err(Struck(self.point))
            }
            Action::Delay(long) if hits >= self.hit => {
                std::thread::sleep(long);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// As if somebody had sent `kill -9`: nothing is flushed, dropped or told.
fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_actions_and_nonsense_does_not() {
        let armed = read("group.ready:3:delay-20").unwrap();
        assert_eq!((armed.point, armed.hit), (Failpoint::GroupReady, 3));
        assert_eq!(armed.action, Action::Delay(Duration::from_millis(20)));
        for nonsense in [
            "group.ready:3",
            "group.ready:x:abort",
            "nowhere:1:abort",
            "group.ready:1:explode",
        ] {
            assert!(read(nonsense).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn an_error_strikes_once_and_errors_as_often_as_they_are_told() {
        let outcomes = |word: &str| {
            let armed = read(word).unwrap();
            [1, 2, 3, 4].map(|_| armed.hit().is_err())
        };
        assert_eq!(outcomes("log.tidied:2:error"), [false, true, false, false]);
        assert_eq!(outcomes("log.tidied:2:errors-2"), [false, true, true, false]);
    }
}
