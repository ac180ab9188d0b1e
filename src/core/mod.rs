//! The domain, pure: what a job, a task, a request and a sample are, how they change, and the ports on both sides.
//! No runtime, SQL, HTTP, terminal, file, clock or environment in here: those are the wings' business.

pub mod api;
pub mod arrange;
pub mod budget;
pub mod catalog;
mod chance;
pub mod conversation;
pub mod directory;
pub mod diversity;
pub mod document;
pub mod estimate;
pub mod extract;
pub mod failpoint;
pub mod feed;
pub mod filter;
pub mod forecast;
pub mod imported;
pub mod job;
pub mod journal;
pub mod judgement;
pub mod plan;
pub mod plugin;
pub mod ports;
pub mod request;
pub mod review;
pub mod route;
pub mod sample;
pub mod secret;
pub mod selection;
pub mod settings;
pub mod tags;
pub mod task;
pub mod template;
pub mod text;
pub mod unfinished;

/// One row of seeds or of varied fields: field name → value, in the order they were written.
pub type Row = serde_json::Map<String, serde_json::Value>;
