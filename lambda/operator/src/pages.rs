//! What shells and manuals know of the command line. Hidden commands and options are ours among ourselves: they are in
//! neither.

use std::io::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::{Arguments, Completions, Man};
use crate::exit::DONE;
use crate::problem::Problem;
use crate::terminal::Terminal;

/// Prints a shell's script. The exit code.
pub fn completions(options: &Completions) -> Result<u8, Problem> {
    print(&script(options.shell));
    Ok(DONE)
}

/// Prints the page of the command, or writes one for each command into a folder. The exit code; fails where the folder
/// cannot be written.
pub fn manual(options: &Man, terminal: Terminal) -> Result<u8, Problem> {
    let Some(folder) = &options.dir else {
        print(&page(&whole()).map_err(|error| unwritable("the manual page", &error))?);
        return Ok(DONE);
    };
    let written = write_pages(folder).map_err(|error| unwritable(&folder.display().to_string(), &error))?;
    terminal.say(&format!("{written} manual pages are in {}.", folder.display()));
    Ok(DONE)
}

fn unwritable(what: &str, error: &std::io::Error) -> Problem {
    let todo = "name a folder that you may write to.".to_owned();
    Problem::Stays { what: format!("{what} cannot be written: {error}."), todo }
}

/// Whoever reads only the beginning, such as `head`, is not told that there was more.
fn print(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = visible(&Arguments::command());
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// The command with its commands' names in full, as their pages are called.
fn whole() -> Command {
    let mut command = visible(&Arguments::command()).disable_help_subcommand(true);
    command.build();
    command
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}

fn write_pages(folder: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(folder)?;
    let mut rest = vec![whole()];
    let mut written = 0;
    while let Some(command) = rest.pop() {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        std::fs::write(folder.join(format!("{name}.1")), page(&command)?)?;
        rest.extend(command.get_subcommands().cloned());
        written += 1;
    }
    Ok(written)
}

/// The command without what is hidden. The generators of scripts do not ask what is hidden, and nothing can be taken
/// off a command: another is made of what may be seen.
fn visible(command: &Command) -> Command {
    let mut seen = Command::new(command.get_name().to_owned())
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()))
        .subcommands(command.get_subcommands().filter(|one| !one.is_hide_set()).map(visible))
        .subcommand_required(command.is_subcommand_required_set());
    if let Some(version) = command.get_version() {
        seen = seen.version(version.to_owned());
    }
    if let Some(about) = command.get_about() {
        seen = seen.about(about.clone());
    }
    if let Some(after) = command.get_after_help() {
        seen = seen.after_help(after.clone());
    }
    seen
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// What the hidden commands and options say of themselves.
    const HIDDEN: [&str; 3] = [
        "Asks a person yes or no",
        "Prints the credentials as environment variables",
        "What an interruption has to say",
    ];

    #[test]
    fn every_shell_completes_what_may_be_seen_and_nothing_else() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for word in ["doctor", "explain", "completions", "accept-unknown"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            for word in HIDDEN {
                assert!(!script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn each_command_has_its_page() {
        let folder = std::env::temp_dir().join(format!("runawaytrain-man-{}", std::process::id()));
        let written = write_pages(&folder).unwrap();
        let mut names: Vec<String> =
            std::fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names.len(), written);
        for name in ["runawaytrain.1", "runawaytrain-doctor.1", "runawaytrain-policy-explain.1"] {
            assert!(names.iter().any(|found| found == name), "{names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("confirm") || name.contains("credentials")), "{names:?}");
        let page = std::fs::read_to_string(folder.join("runawaytrain-policy-explain.1")).unwrap();
        assert!(page.contains("12 digits"), "{page}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
