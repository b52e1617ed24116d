//! The command `runawaytrain`. Wiring only: arguments, signals and the exit code.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use runawaytrain_operator::arguments::{Arguments, Output};
use runawaytrain_operator::commands;
use runawaytrain_operator::progress::Progress;
use tokio::signal::unix::{Signal, SignalKind, signal};

const INTERRUPTED: i32 = 130;
const TERMINATED: i32 = 143;

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    if let Some(why) = arguments.contradiction() {
        Arguments::command().error(ErrorKind::ArgumentConflict, why).exit();
    }
    let progress = Progress::new(&arguments.common.begun);
    let is_document = arguments.common.output == Output::Json;
    let work = commands::run(arguments, &progress);
    tokio::pin!(work);
    let (mut interrupts, mut ends) = (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok());
    let mut interrupted = None;
    let code = loop {
        let told = tokio::select! {
            code = &mut work => break interrupted.unwrap_or(i32::from(code)),
            () = told(&mut interrupts) => INTERRUPTED,
            () = told(&mut ends) => TERMINATED,
        };
        if !progress.interrupt() {
            break said(&progress, is_document, told);
        }
        interrupted = Some(told);
    };
    // Not by returning: a question that nobody answered would be waited for.
    std::process::exit(code);
}

/// Standard output is for the document, where there is one.
fn said(progress: &Progress, is_document: bool, code: i32) -> i32 {
    let said = format!("interrupted; {}", progress.so_far());
    if is_document {
        eprintln!("\n{said}")
    } else {
        println!("\n{said}")
    }
    code
}

/// Ends when the signal comes; never, where it cannot be listened for.
async fn told(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}
