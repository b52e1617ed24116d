//! How the command talks. Colour and motion only where there is a terminal; anything else is a log, one line a step.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use runawaytrain_core::vocabulary::text::clean;
use serde_json::Value;

use crate::doctor::drill::Line;
use crate::finding::{Cure, Finding, Status};
use crate::rows::{Row, Tone};

/// A log is not 80 columns wide: tables should not be broken there.
const LOG_WIDTH: u16 = 120;
/// A step that takes less needs no line of its own while it lasts.
const QUICK: Duration = Duration::from_secs(2);
/// How often what is shown of a step is renewed, and how often it is a line of a log.
const GLANCE: Duration = Duration::from_millis(200);
const LOG_PAUSE: Duration = Duration::from_secs(10);

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// Where the words go.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    is_coloured: bool,
    is_moving: bool,
    is_quiet: bool,
}

impl Terminal {
    /// Standard output; `quiet` where it is to hold one JSON document and nothing else.
    pub fn new(is_quiet: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { is_coloured: is_terminal && wants_colour, is_moving: is_terminal, is_quiet }
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.is_coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A sentence.
    pub fn say(self, text: &str) {
        if !self.is_quiet {
            print(text);
        }
    }

    /// The one document that is for a program. What could forge a colour or a reading direction is escaped: names in it
    /// may be a thief's.
    pub fn document(self, document: &Value) {
        print(&escaped(&format!("{document:#}")));
    }

    /// A warning before a question: seen by the person also where standard output is for a program.
    pub fn caution(self, text: &str) {
        eprintln!("{}", self.styled(WARN, text));
    }

    /// One that is important.
    pub fn bold(self, text: &str) {
        self.say(&self.styled(BOLD, text));
    }

    /// A warning.
    pub fn warn(self, text: &str) {
        self.say(&self.styled(WARN, text));
    }

    /// A command to be copied: never broken into lines.
    pub fn command(self, text: &str) {
        self.say(&format!("    {}", self.styled(DIM, text)));
    }

    /// A thing that is done.
    pub fn done(self, what: &str) {
        self.say(&format!("  {what}"));
    }

    /// What went wrong, and what to do. To standard error where standard output holds a document.
    pub fn problem(self, what: &str, cure: Option<&Cure>) {
        let cross = self.styled(BAD, &format!("✗ {what}"));
        let todo = cure.map(|cure| {
            let remark = if cure.remark.is_empty() { String::new() } else { format!("   ({})", cure.remark) };
            format!("\n  What to do: {}{remark}", cure.exact)
        });
        let text = format!("{cross}{}", todo.unwrap_or_default());
        if self.is_quiet { eprintln!("{text}") } else { print(&text) }
    }

    /// Does something, and shows that it is being done; afterwards how long it took, if it worked.
    pub async fn step<T, E>(self, text: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.step_showing(text, work, String::new).await
    }

    /// The same, and shows how far it has come.
    pub async fn step_showing<T, E>(
        self,
        text: &str,
        work: impl Future<Output = Result<T, E>>,
        so_far: impl Fn() -> String,
    ) -> Result<T, E> {
        if self.is_quiet {
            return work.await;
        }
        let begun = Instant::now();
        let moving = self.is_moving.then(|| moving(text));
        tokio::pin!(work);
        let mut said = String::new();
        let mut pause = if self.is_moving { GLANCE } else { QUICK };
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                () = tokio::time::sleep(pause) => {}
            }
            let line = match so_far() {
                none if none.is_empty() => text.to_owned(),
                so_far => format!("{text}: {so_far}"),
            };
            match &moving {
                Some(bar) => bar.set_message(line.clone()),
                None if line != said => print(&format!("  … {line}")),
                None => {}
            }
            said = line;
            pause = if self.is_moving { GLANCE } else { LOG_PAUSE };
        };
        if let Some(bar) = moving {
            bar.finish_and_clear();
        }
        if result.is_ok() {
            let took = self.styled(DIM, &format!("({})", seconds(begun.elapsed())));
            print(&format!("{} {text} {took}", self.styled(GOOD, "✓")));
        }
        result
    }

    fn table(self, title: &str, columns: &[&str]) -> Table {
        if !title.is_empty() {
            self.say(&self.styled(BOLD, title));
        }
        let mut table = Table::new();
        table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // A terminal that does not know its width says 0.
        let width =
            if self.is_moving { table.width().filter(|width| *width > 0).unwrap_or(LOG_WIDTH) } else { LOG_WIDTH };
        table.set_width(width);
        if !self.is_coloured {
            table.force_no_tty();
        }
        table.set_header(columns.iter().map(|name| Cell::new(name).add_attribute(Attribute::Dim)));
        // A table begins at the margin.
        if let Some(first) = table.column_mut(0) {
            first.set_padding((0, 1));
        }
        table
    }

    fn print(self, table: &Table) {
        for line in table.lines() {
            self.say(line.trim_end());
        }
    }

    /// Findings as a table, and what mends them below it, to be copied. `spared` is said of what is not needed.
    pub fn findings(self, title: &str, findings: &[Finding], spared: &str) {
        let mut table = self.table(title, &["", "what", "finding"]);
        for one in findings {
            let colour = match (one.status, one.needed) {
                (Status::Ok, _) => Color::Green,
                (Status::Missing, true) => Color::Red,
                (Status::CannotTell, true) | (_, false) => Color::Yellow,
            };
            table.add_row([Cell::new(one.status.word()).fg(colour), Cell::new(&one.what), Cell::new(&one.said)]);
        }
        self.print(&table);
        let to_mend: Vec<&Finding> = findings.iter().filter(|one| !one.cures.is_empty()).collect();
        if !to_mend.is_empty() {
            self.say(&format!("\n{}", self.styled(BOLD, "To mend")));
        }
        for one in to_mend {
            let spared = if one.needed { "" } else { spared };
            self.say(&self.styled(DIM, &format!("  {}{spared}", one.what)));
            for cure in &one.cures {
                let remark = if cure.remark.is_empty() { String::new() } else { format!("   ({})", cure.remark) };
                self.say(&format!("    {}{}", cure.exact, self.styled(DIM, &remark)));
            }
        }
    }

    /// The last line of a look.
    pub fn conclusion(self, text: &str, is_good: bool) {
        self.say(&format!("\n{}", self.styled(if is_good { GOOD.bold() } else { BAD }, text)));
    }

    /// The accounts of a drill.
    pub fn drill(self, lines: &[Line]) {
        let columns = ["account", "name", "verdict", "running", "it would do"];
        let mut table = self.table("\nA drill: what it would do, and touched nothing", &columns);
        if let Some(column) = table.column_mut(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in lines {
            let colour = match line.verdict.as_str() {
                "Halt" => Color::Red,
                "Ok" => Color::Green,
                _ => Color::Yellow,
            };
            table.add_row([
                Cell::new(&line.account),
                Cell::new(&line.name),
                Cell::new(&line.verdict).fg(colour),
                Cell::new(line.running),
                Cell::new(&line.plan),
            ]);
        }
        self.print(&table);
    }

    /// Any rows, under columns of which some hold numbers.
    pub fn rows(self, title: &str, columns: &[(&str, bool)], rows: &[Row]) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let mut table = self.table(title, &names);
        for (at, _) in columns.iter().enumerate().filter(|(_, (_, is_number))| *is_number) {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in rows {
            table.add_row(row.cells().iter().enumerate().map(|(at, text)| {
                let colour = row.tone(at).map(|tone| match tone {
                    Tone::Good => Color::Green,
                    Tone::Warn => Color::Yellow,
                    Tone::Bad => Color::Red,
                });
                colour.map_or_else(|| Cell::new(text), |colour| Cell::new(text).fg(colour))
            }));
        }
        self.print(&table);
    }

    /// Pairs, such as what is removed and how.
    pub fn pairs(self, title: &str, rows: &[(String, &str)]) {
        let mut table = self.table(title, &["what", ""]);
        for (what, how) in rows {
            table.add_row([Cell::new(what), Cell::new(how)]);
        }
        self.print(&table);
    }

    /// Asks at the terminal. Nothing typed means no.
    pub async fn ask(self, question: &str) -> bool {
        let answer = self.answer(&format!("{question} [y/N]")).await;
        answer.is_some_and(|line| matches!(line.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a word that is not typed by accident.
    pub async fn typed(self, question: &str, word: &str) -> bool {
        self.answer(question).await.is_some_and(|line| line == word)
    }

    async fn answer(self, question: &str) -> Option<String> {
        eprint!("{} ", self.styled(BOLD, question));
        let _ = std::io::stderr().flush();
        // On a thread of its own, so that a signal is heard meanwhile.
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        answer.await.ok()?.ok().map(|line| line.trim().to_owned())
    }
}

/// Whoever reads only the beginning, such as `head`, is not told that there was more.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A JSON text in which nothing stands that a terminal obeys: only strings can hold it.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        let obeys = character.is_control() && character != '\n' || clean(&character.to_string()).is_empty();
        if obeys {
            let mut units = [0; 2];
            out.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(character);
        }
    }
    out
}

/// Whether a question can be asked. One in the background would only stop the process, without a word.
pub fn is_attended() -> bool {
    let stdin = std::io::stdin();
    stdin.is_terminal()
        && rustix::termios::tcgetpgrp(&stdin).map_or(true, |foreground| foreground == rustix::process::getpgrp())
}

fn moving(text: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A time as a person says it.
pub fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        whole @ 10..90 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_holds_nothing_that_a_terminal_obeys() {
        let document = serde_json::json!({ "name": "lab\u{202e}\u{9b}31m\u{1b}[0m\u{e0041}" });
        let said = escaped(&format!("{document:#}"));
        assert!(said.is_ascii() && said.lines().count() == 3, "{said}");
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), document);
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        for (millis, said) in [(340, "0.3 s"), (9_900, "9.9 s"), (61_000, "61 s"), (185_000, "3 min 5 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), said);
        }
    }
}
