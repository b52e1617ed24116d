//! What mails tell people to type, against the command line as it is.
#![cfg(test)]

use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;
use runawaytrain_operator::arguments::Arguments;

const COMMAND: &str = "runawaytrain ";

/// The words of a line as a shell reads them: mails quote nothing but a reason.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// Each mail as the core writes it, by its name.
fn mails() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/mails");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(file).unwrap()))
        .collect()
}

#[test]
fn each_command_in_a_mail_is_one_of_ours() {
    let (mails, mut commands) = (mails(), 0);
    assert!(!mails.is_empty());
    for (name, mail) in mails {
        for line in mail.lines().filter(|line| line.starts_with(COMMAND)) {
            let parsed = Arguments::try_parse_from(words(line));
            let is_help = parsed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DisplayHelp);
            assert!(parsed.is_ok() || is_help, "{name}: {line}: {}", parsed.unwrap_err());
            commands += 1;
        }
    }
    assert!(commands > 50, "{commands}");
}

/// The options stand below the command, each on a line of its own with what it does.
#[test]
fn each_option_that_a_mail_offers_is_one_of_the_command_above_it() {
    let mut options = 0;
    for (name, mail) in mails() {
        let mut above = Vec::new();
        for line in mail.lines() {
            if line.starts_with(COMMAND) {
                above = words(line);
            } else if let Some(option) = line.strip_prefix("  --") {
                let option = option.split("  ").next().unwrap();
                let line = above.iter().cloned().chain(words(&format!("--{option}")));
                let parsed = Arguments::try_parse_from(line);
                assert!(parsed.is_ok(), "{name}: --{option}: {}", parsed.unwrap_err());
                options += 1;
            }
        }
    }
    assert!(options > 50, "{options}");
}
