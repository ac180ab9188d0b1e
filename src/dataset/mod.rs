//! The dataset: accepted samples projected into the files a trainer reads. The ledger is the truth; everything here can be written
//! again from it.

use crate::core::ports::{FormatCatalog, TrainerCatalog};

mod audit;
mod companions;
mod containers;
mod files;
mod formats;
mod lint;
mod manifest;
mod pending;
mod projection;
mod rebuild;
mod taking;
mod verify;
mod writer;

pub use taking::{apart, look_over};
pub use writer::FilesystemDatasetWriter;

/// The formats, by the word in `[dataset] format`.
pub static CATALOG: FormatCatalog = formats::CATALOG;

/// The trainers rows can be checked for, by the word after `--for`.
pub static TRAINERS: TrainerCatalog = lint::CATALOG;
