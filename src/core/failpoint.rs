//! Failpoints: named places at the steps of persistence and of the wire, where a build for tests can be made to fail. This only names
//! them and asks; what happens there is the root's business. In other builds nothing of it is left.

#[cfg(any(debug_assertions, feature = "test-hooks"))]
use std::sync::OnceLock;

use super::ports::{DatasetError, StoreError};

macro_rules! failpoints {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal,)*) => {
        /// A place where a test can end or hinder the process.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Failpoint { $($(#[doc = $doc])* $name,)* }

        impl Failpoint {
            /// All of them, so that tests can go through the list.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in `DESTILER_TEST`.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

failpoints! {
    /// The database file is made, and empty.
    FileMade = "open.made",
    /// The lock is ours, the file not yet looked at.
    Locked = "open.locked",
    /// Before each migration.
    Migrating = "open.migrating",
    /// After each statement of a migration, uncommitted.
    MigrationStatement = "open.statement",
    /// After each migration.
    Migrated = "open.migrated",
    /// Leases of the dead are back in the queue, uncommitted.
    Rescued = "open.rescued",
    /// A commit group has its transaction, and has done nothing.
    GroupBegun = "group.begun",
    /// Attempts are written, uncommitted.
    GroupAttempts = "group.attempts",
    /// Answers are written, uncommitted.
    GroupAnswers = "group.answers",
    /// Tasks and samples are written, uncommitted.
    GroupSettled = "group.settled",
    /// All of the group is written, uncommitted.
    GroupReady = "group.ready",
    /// The group is committed, nobody knows.
    GroupCommitted = "group.committed",
    /// The group's askers have their answers.
    GroupAnswered = "group.answered",
    /// The write-ahead log is about to be put back into the main file.
    LogTidying = "log.tidying",
    /// The write-ahead log is empty.
    LogTidied = "log.tidied",
    /// A job is stored without its tasks.
    JobCreated = "job.created",
    /// Before each batch of tasks of a plan.
    Planning = "job.planning",
    /// All tasks of the plan are stored, which the ledger does not know yet.
    Planned = "job.planned",
    /// A task is leased, nothing done about it.
    TaskLeased = "task.leased",
    /// Money is set aside, the attempt not committed.
    AttemptReserved = "attempt.reserved",
    /// The attempt is committed, nothing sent.
    AttemptBegun = "attempt.begun",
    /// The answer is in memory only.
    AnswerCame = "attempt.came",
    /// The answer is in the ledger, unread.
    AnswerRecorded = "attempt.recorded",
    /// Candidates are judged, nothing of it stored.
    TaskJudged = "task.judged",
    /// The task is settled in the ledger, the scheduler does not know.
    TaskSettled = "task.settled",
    /// The last task is done, the dataset not finished.
    JobEnding = "job.ending",
    /// The dataset is written, the job's state is not.
    JobWritten = "job.written",
    /// The job's state is stored.
    JobEnded = "job.ended",
    /// The dataset's directory is made, and nobody's.
    DirectoryMade = "dataset.made",
    /// The dataset's directory says whose it is, and holds no row.
    DirectoryClaimed = "dataset.claimed",
    /// Before rows are appended.
    AppendStarted = "append.started",
    /// Half of the bytes are in the file.
    AppendTorn = "append.torn",
    /// All bytes are in the file, unsynced.
    AppendWritten = "append.written",
    /// The file is longer than the ledger knows.
    AppendSynced = "append.synced",
    /// The ledger's marks are where the file is.
    AppendMarked = "append.marked",
    /// The file was cut back to its mark.
    FileCut = "append.cut",
    /// A new file grows beside the old one.
    RebuildGrowing = "rebuild.growing",
    /// The new files are whole and synced, their manifest is not there.
    RebuildSynced = "rebuild.synced",
    /// The new manifest lies beside the old one.
    ManifestPrepared = "rebuild.prepared",
    /// One of the files has taken its place.
    FileReplaced = "rebuild.replaced",
    /// The manifest has taken its place.
    ManifestReplaced = "rebuild.finished",
    /// The ledger's marks are still the old file's.
    RebuildUnmarked = "rebuild.unmarked",
    /// A person's decision is in the ledger, the dataset is as before.
    Decided = "decide.committed",
    /// An export is whole and does not bear its name yet.
    ExportSynced = "export.synced",
    /// Half of an exchange is in the cassette.
    CassetteTorn = "cassette.torn",
    /// An exchange is in the cassette.
    CassetteWritten = "cassette.written",
    /// A copy of the database is begun, and empty.
    CopyMade = "copy.made",
    /// The copy is whole, unsynced, and does not bear its name yet.
    CopyWritten = "copy.written",
    /// The copy bears its name.
    CopyPlaced = "copy.placed",
    /// A job has lost its name, and nothing else.
    DeleteMarked = "delete.marked",
    /// Some of the deleted job's tasks are gone, uncommitted.
    DeleteChunk = "delete.chunk",
    /// Some of the deleted job's tasks are gone.
    DeleteCommitted = "delete.committed",
}

/// What a failpoint answers when it is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("failpoint {}", .0.word())]
pub struct Struck(pub Failpoint);

impl From<Struck> for StoreError {
    fn from(struck: Struck) -> Self {
        Self::Disk(struck.to_string())
    }
}

impl From<Struck> for DatasetError {
    fn from(struck: Struck) -> Self {
        Self::Disk(struck.to_string())
    }
}

/// What is to happen at a failpoint.
pub type Hook = Box<dyn Fn(Failpoint) -> Result<(), Struck> + Send + Sync>;

#[cfg(any(debug_assertions, feature = "test-hooks"))]
static HOOK: OnceLock<Hook> = OnceLock::new();

/// Sets what happens at failpoints from now on. The first one set stays; builds that do not listen forget it.
pub fn on_reach(hook: Hook) {
    #[cfg(any(debug_assertions, feature = "test-hooks"))]
    drop(HOOK.set(hook));
    #[cfg(not(any(debug_assertions, feature = "test-hooks")))]
    drop(hook);
}

/// At this place a test may end the process, hold it up, or have it fail like a full disk.
#[cfg(any(debug_assertions, feature = "test-hooks"))]
pub fn reach(point: Failpoint) -> Result<(), Struck> {
    HOOK.get().map_or(Ok(()), |hook| hook(point))
}

/// Nothing.
#[cfg(not(any(debug_assertions, feature = "test-hooks")))]
#[inline(always)]
pub fn reach(_: Failpoint) -> Result<(), Struck> {
    Ok(())
}

/// The same where nothing can fail any more: what was to fail goes on.
#[inline]
pub fn pass(point: Failpoint) {
    let _ = reach(point);
}

/// Whether anything can happen at a failpoint: one write may then become two, with a failpoint between them.
#[inline]
pub fn is_armed() -> bool {
    #[cfg(any(debug_assertions, feature = "test-hooks"))]
    return HOOK.get().is_some();
    #[cfg(not(any(debug_assertions, feature = "test-hooks")))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_place_and_fits_the_variable() {
        let mut words: Vec<_> = Failpoint::ALL.iter().map(|point| point.word()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
        let fits = |c: char| c.is_ascii_lowercase() || c == '.';
        assert!(words.iter().all(|word| word.chars().all(fits)), "{words:?}");
    }
}
