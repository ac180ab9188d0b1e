//! The `destiler` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Rows, answers and requests are born in one thread and dropped in another, which the system's allocator pays for dearly.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> color_eyre::Result<ExitCode> {
    destilation::app::main()
}
