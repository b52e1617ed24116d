//! The command `runawaytrain`. Wiring only: arguments, signals and the exit code.

use std::io::Write as _;
use std::process::{Command, Stdio};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use runawaytrain_operator::arguments::{Arguments, Output};
use runawaytrain_operator::commands;
use runawaytrain_operator::progress::Progress;
use tokio::signal::unix::{Signal, SignalKind, signal};

const HUNG_UP: i32 = 129;
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
    // Whoever said nohup wants this to outlive the terminal: to listen would undo that.
    let mut hang_ups = if ignores_hang_ups() { None } else { signal(SignalKind::hangup()).ok() };
    let mut interrupted = None;
    let code = loop {
        let told = tokio::select! {
            code = &mut work => break interrupted.unwrap_or(i32::from(code)),
            () = told(&mut interrupts) => INTERRUPTED,
            () = told(&mut ends) => TERMINATED,
            () = told(&mut hang_ups) => HUNG_UP,
        };
        if !progress.interrupt() {
            break said(&progress, is_document, told);
        }
        interrupted = Some(told);
    };
    // Not by returning: a question that nobody answered would be waited for.
    std::process::exit(code);
}

/// Standard output is for the document, where there is one. After a hang-up there may be nobody to read it.
fn said(progress: &Progress, is_document: bool, code: i32) -> i32 {
    let said = format!("interrupted; {}", progress.so_far());
    let _ = if is_document { writeln!(std::io::stderr(), "\n{said}") } else { writeln!(std::io::stdout(), "\n{said}") };
    code
}

/// Whether SIGHUP is ignored, as whoever began this process left it.
fn ignores_hang_ups() -> bool {
    match std::fs::read_to_string("/proc/self/status") {
        // A set of bits, the lowest for signal 1, which is SIGHUP.
        // <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
        Ok(status) => {
            let mut ignored = status.lines().filter_map(|line| line.strip_prefix("SigIgn:"));
            ignored.next().and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & 1 == 1)
        }
        // Elsewhere a child, which inherits it, tells by whether it survives.
        Err(_) => Command::new("sh")
            .args(["-c", "kill -HUP $$"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|ended| ended.success()),
    }
}

/// Ends when the signal comes; never, where it cannot be listened for.
async fn told(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}
