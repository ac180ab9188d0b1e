//! Watches the purses: after every change, what is settled and set aside is within the cap. It reads what the engine traces.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use destilation::core::budget::CapMode;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::world::World;

/// The cap of a job or a provider, in micro-dollars.
#[derive(Debug, Clone, Copy)]
pub struct Cap {
    pub micro: i64,
    pub mode: CapMode,
    /// The most one request takes.
    pub request: i64,
    /// The most requests at once.
    pub at_once: i64,
}

/// The caps in force, by the names of jobs and providers.
pub type Caps = Arc<Mutex<BTreeMap<String, Cap>>>;

/// The watcher: a subscriber of traces.
pub struct Watcher {
    pub world: Arc<World>,
    pub caps: Caps,
    last: Mutex<BTreeMap<String, (i64, i64)>>,
    pub changes: Arc<Mutex<u64>>,
}

impl Watcher {
    pub fn new(world: Arc<World>, caps: Caps, changes: Arc<Mutex<u64>>) -> Self {
        Self {
            world,
            caps,
            last: Mutex::default(),
            changes,
        }
    }

    fn look(&self, name: &str, settled: i64, reserved: i64) {
        *self.changes.lock().unwrap() += 1;
        let mut last = self.last.lock().unwrap();
        let before = last.insert(name.to_owned(), (settled, reserved));
        let (settled_before, reserved_before) = before.unwrap_or((settled, 0));
        let Some(cap) = self.caps.lock().unwrap().get(name).copied() else {
            return;
        };
        let sum = settled + reserved;
        let more = sum > settled_before + reserved_before;
        let wrong = match cap.mode {
            CapMode::Hard => more && sum > cap.micro,
            // One at a time above nine tenths.
            CapMode::Cautious => {
                let set_aside = settled == settled_before && reserved > reserved_before;
                (more && sum > cap.micro) || (set_aside && sum * 10 > cap.micro * 9 && reserved_before > 0)
            }
            CapMode::Soft => settled > cap.micro + cap.at_once * cap.request,
        };
        if wrong {
            self.world.found(format!(
                "I8: {name} has {settled} settled and {reserved} set aside (before: {settled_before} and \
                 {reserved_before}), its {cap:?}"
            ));
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, i64>, BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.1.insert(field.name(), value.to_owned());
    }
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Subscriber for Watcher {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::TRACE && metadata.target().ends_with("engine::purse")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(numbers, names) = fields;
        let number = |name| numbers.get(name).copied().unwrap_or_default();
        let (job, provider) = match (names.get("job"), names.get("provider")) {
            (Some(job), Some(provider)) => (job, provider),
            (Some(job), None) => {
                // Filled from the ledger, perhaps past the cap by what is uncertain: what is set aside from here on is looked at.
                let filled = (number("settled"), number("reserved"));
                self.last.lock().unwrap().insert(job.clone(), filled);
                return;
            }
            _ => return,
        };
        self.look(job, number("settled"), number("reserved"));
        self.look(provider, number("settled_there"), number("reserved_there"));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
