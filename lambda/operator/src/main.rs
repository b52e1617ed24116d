//! The command `runawaytrain`. Wiring only: arguments, signals and the exit code.

use clap::Parser as _;
use runawaytrain_operator::arguments::Arguments;
use runawaytrain_operator::commands;
use runawaytrain_operator::progress::Progress;
use tokio::signal::unix::{SignalKind, signal};

const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let progress = Progress::new(&arguments.common.begun);
    let code = tokio::select! {
        code = commands::run(arguments, &progress) => i32::from(code),
        () = told(SignalKind::interrupt()) => said(&progress, INTERRUPTED),
        () = told(SignalKind::terminate()) => said(&progress, TERMINATED),
    };
    // Not by returning: a question that nobody answered would be waited for.
    std::process::exit(code);
}

fn said(progress: &Progress, code: i32) -> i32 {
    println!("\ninterrupted; {}", progress.so_far());
    code
}

/// Ends when the signal comes; never, where it cannot be listened for.
async fn told(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
