//! What documents tell people to type.
#![cfg(test)]

use std::path::{Path, PathBuf};

const COMMAND: &str = "aws lambda invoke";

/// Every text under a place that people read commands in.
fn texts(place: &Path, found: &mut Vec<(PathBuf, String)>) {
    if place.is_file() {
        let is_text = place.extension().is_some_and(|end| ["md", "py", "yml", "sh"].iter().any(|known| end == *known));
        if is_text {
            found.push((place.to_owned(), std::fs::read_to_string(place).unwrap()));
        }
        return;
    }
    for entry in std::fs::read_dir(place).unwrap() {
        texts(&entry.unwrap().path(), found);
    }
}

/// Without it the CLI gives up after a minute and sends the event again: a second halt or release beside the first.
#[test]
fn commands_that_call_the_function_wait_for_its_answer() {
    let mut all = Vec::new();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for place in ["README.md", "docs", "scripts", ".github", "lambda/README.md"] {
        texts(&checkout.join(place), &mut all);
    }
    let mut commands = 0;
    for (whose, text) in all {
        for (_, command) in text.match_indices(COMMAND).map(|(at, _)| text.split_at(at)) {
            let command: String = command.lines().take(3).collect();
            assert!(command.contains("--cli-read-timeout"), "{}: {command}", whose.display());
            commands += 1;
        }
    }
    assert!(commands > 0, "no document says how to call the function");
}
