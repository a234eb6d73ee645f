//! The `capstan` binary.

use std::{
    io::{Write, stderr},
    process::ExitCode,
};

use clap::Parser;
use worker::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(stderr(), "capstan: can't start its runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli.run());
    // A blocking thread that still computes must not hold the process back.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stderr(), "capstan: {error:#}");
            ExitCode::FAILURE
        }
    }
}
