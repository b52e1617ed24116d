//! `double SETTINGS.json`: answers as AWS until its input ends. The first line of its output is its address.

use std::io::Read as _;
use std::process::ExitCode;

use runawaytrain_bench::{Double, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("double: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("say which file has the settings: double SETTINGS.json")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let settings: Settings = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let double = Double::start(settings).await?;
    println!("{}", double.endpoint());
    // Whoever started it holds its input open: it ends with them, however they end.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    Ok(())
}
