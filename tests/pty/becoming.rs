//! How a child gets a controlling terminal without unsafe code: this binary is started again, takes the terminal, and becomes
//! the program.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable that tells the second start what to become.
pub const VARIABLE: &str = "DESTILATION_PTY_CHILD";

/// What to become.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct Role {
    /// The terminal.
    pub tty: String,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
}

/// Becomes it, if this is such a second start.
pub fn take_over() {
    let Ok(role) = std::env::var(VARIABLE) else {
        return;
    };
    let role: Role = serde_json::from_str(&role).unwrap();
    rustix::process::setsid().unwrap();
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    let tty = rustix::fs::open(role.tty, flags, rustix::fs::Mode::empty()).unwrap();
    rustix::process::ioctl_tiocsctty(&tty).unwrap();
    rustix::stdio::dup2_stdin(&tty).unwrap();
    rustix::stdio::dup2_stdout(&tty).unwrap();
    rustix::stdio::dup2_stderr(&tty).unwrap();
    let error = Command::new(&role.words[0])
        .args(&role.words[1..])
        .env_clear()
        .envs(role.env)
        .exec();
    panic!("{}: {error}", role.words[0]);
}

#[test]
fn child() {
    take_over();
}
