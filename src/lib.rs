//! Destilation: turns large teacher models into training data for small students.
//!
//! The map: [`core`] is the domain, pure, with ports on both sides. Every other module is a wing that imports `core` and no sibling;
//! [`app`] is the only place that names concrete adapters and wires them. `fence`, what the operating system can do about a program of
//! the user's, is the ground of the two wings that start one. This library exists for the tests; it is no public API.

pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod dataset;
pub mod engine;
mod fence;
pub mod providers;
pub mod seeds;
pub mod store;
pub mod tui;
pub mod validators;
