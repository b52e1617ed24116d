//! The reference in `docs/commands.md` is made from the command line itself: it has each command and option that may be
//! seen, and no other. `UPDATE_GENERATED=1` writes it anew.
#![cfg(test)]

use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use runawaytrain_operator::arguments::Arguments;

const BEGIN: &str = "<!-- reference: made from the command line by `UPDATE_GENERATED=1 cargo test -p runawaytrain-operator --test reference` -->\n";
const END: &str = "<!-- /reference -->";

#[test]
fn the_reference_of_the_commands_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(BEGIN).expect("where the reference begins");
    let (_, after) = rest.split_once(END).expect("where the reference ends");
    let made = format!("{before}{BEGIN}\n{}{END}{after}", reference());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    assert!(
        found == made,
        "docs/commands.md is not what the command line says. Run: \
         UPDATE_GENERATED=1 cargo test -p runawaytrain-operator --test reference"
    );
}

fn reference() -> String {
    let mut whole = Arguments::command().disable_help_subcommand(true);
    whole.build();
    let common: Vec<&Arg> = whole.get_arguments().filter(|argument| argument.is_global_set()).collect();
    let mut text = format!("### Every command\n\n{}", table(&common));
    let exit_codes = whole.get_after_help().expect("the exit codes").to_string();
    let commands: Vec<Command> = whole.get_subcommands().cloned().collect();
    commands.into_iter().for_each(|command| describe(command, &mut text));
    text.push_str(&format!("### Exit codes\n\n```\n{}\n```\n\n", exit_codes.trim()));
    text
}

/// One command and those below it.
fn describe(mut command: Command, text: &mut String) {
    if command.is_hide_set() {
        return;
    }
    if command.has_subcommands() {
        let below: Vec<Command> = command.get_subcommands().cloned().collect();
        return below.into_iter().for_each(|one| describe(one, text));
    }
    let name = command.get_bin_name().unwrap().to_owned();
    let usage = command.render_usage().to_string().replace("Usage: ", "");
    let usage = usage.split_whitespace().collect::<Vec<_>>().join(" ");
    text.push_str(&format!("### `{name}`\n\n{}.\n\n`{usage}`\n\n", line(command.get_about())));
    let own: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_global_set()).collect();
    text.push_str(&table(&own));
}

fn table(arguments: &[&Arg]) -> String {
    let seen = |argument: &&&Arg| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str());
    let rows: String = arguments.iter().filter(seen).map(|argument| row(argument)).collect();
    if rows.is_empty() { String::new() } else { format!("| argument | what | default |\n|---|---|---|\n{rows}\n") }
}

fn row(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let takes_one = argument.get_action().takes_values();
    let name = match (argument.get_long(), argument.get_short()) {
        (Some(long), short) => {
            let short = short.map(|short| format!("-{short}, ")).unwrap_or_default();
            let value = match takes_one {
                true if argument.is_require_equals_set() => format!("[={values}]"),
                true => format!(" {values}"),
                false => String::new(),
            };
            format!("{short}--{long}{value}")
        }
        (None, _) => values,
    };
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| takes_one)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let what = line(argument.get_help()).replace('|', "\\|");
    // Where the parser does not know the default, the sentence does.
    let (what, said) = match what.split_once(" [default: ") {
        Some((what, said)) => (what.to_owned(), Some(said.trim_end_matches(']').to_owned())),
        None => (what, None),
    };
    let what = if possible.is_empty() { what } else { format!("{what}: {}", possible.join(", ")) };
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let default = match (&defaults[..], said) {
        (_, Some(said)) => format!("`{said}`"),
        ([], None) if argument.is_required_set() => "required".to_owned(),
        ([], None) => String::new(),
        _ if !takes_one => String::new(),
        (defaults, None) => format!("`{}`", defaults.join(" ")),
    };
    format!("| `{}` | {what} | {default} |\n", name.replace('|', "\\|"))
}

fn line(words: Option<&clap::builder::StyledStr>) -> String {
    words.map(ToString::to_string).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
