//! The `destiler` binary.

use std::process::ExitCode;

fn main() -> color_eyre::Result<ExitCode> {
    destilation::app::main()
}
