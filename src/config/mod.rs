//! Configuration: where it comes from, what is wrong with it, and how it is changed without losing a comment. The shapes themselves
//! are `core::settings`; which provider kinds exist is an argument here.

mod check;
mod dirs;
mod edit;
mod keys;
mod load;
mod problem;
mod read;
mod redact;
mod secrets;

pub use check::check_settings;
pub use dirs::Dirs;
pub use edit::{EditError, bind, put_provider, remove_provider, set, unset, write_new};
pub use load::{Flags, Loaded, Variables, load};
pub use problem::{ConfigError, Origin, Place, Problem, help};
pub use redact::{Redacting, Redactor};
pub use secrets::{SecretError, resolve};

/// What `destiler init` writes: every key, commented out, with its default or an example.
pub const EXAMPLE: &str = include_str!("../../config.example.toml");
