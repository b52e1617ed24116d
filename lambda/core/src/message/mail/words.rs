//! The words and forms that all mails share.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::measure::summary::Summary;
use crate::message::chat::{Chat, SUBJECT_MARK};
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, Limits, NotifyList};
use crate::vocabulary::ids::AccountId;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::{clean, count};

/// SNS takes a subject of fewer than 100 characters, ASCII, without line breaks.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const LONGEST_SUBJECT: usize = 99;

/// The widest line, in characters. Commands are longer where they must be: a broken one cannot be copied.
const WIDTH: usize = 80;

/// How wide the labels of the first three lines are, and those of the facts.
const LEAD: usize = 8;
const FACT: usize = 10;

/// Before what to do, in the third line.
pub(super) const TODO: &str = "To do:";

/// So many lines of one kind are listed in a mail before the rest is counted.
pub(super) const MOST_LINES: usize = 25;

/// Bytes of a mail after which lists are only counted. SNS takes 256 KiB, and where a chat listens the mail goes out
/// twice in one message: what comes after the lists, which is how to release, must fit as well.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const ROOM: usize = 64 * 1024;

/// Where each kind of mail has its heading, in the repository.
const RUNBOOK: &str = "docs/runbook.md";

/// The text of a mail as it is written. Nothing is wider than a phone or a mail reader shows: long lines are wrapped
/// below where they began. What a chat shows is kept of it as it comes, before lines are broken.
pub(super) struct Text {
    mail: String,
    chat: Chat,
}

impl Text {
    /// Begins with the three lines that are read first: what happened, where, and what to do.
    pub fn new(what: &str, place: &str, todo: &str) -> Self {
        let mut text = Self { mail: String::new(), chat: Chat::default() };
        for (label, value) in [("What:", what), ("Where:", place), (TODO, todo)] {
            text.wrap(&format!("{label:<LEAD$}"), value);
            text.chat.lead.push(format!("{label} {value}"));
        }
        text.gap();
        text
    }

    /// A fact in the aligned list.
    pub fn fact(&mut self, label: &str, value: &str) {
        self.wrap(&format!("{label:<FACT$}"), value);
    }

    /// A paragraph of its own.
    pub fn paragraph(&mut self, words: &str) {
        self.gap();
        self.wrap("", words);
    }

    /// What stands above a list or a command.
    pub fn heading(&mut self, title: &str) {
        self.paragraph(title);
    }

    /// A line of a list.
    pub fn item(&mut self, words: &str) {
        self.wrap("- ", words);
    }

    /// A list under its heading; neither where there is nothing to list.
    pub fn section(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().collect();
        if lines.is_empty() {
            return;
        }
        self.heading(title);
        self.list(&lines);
    }

    /// The lines of a list, of many only the first.
    pub fn list(&mut self, lines: &[String]) {
        let mut left = lines;
        while let Some((line, others)) = left.split_first()
            && lines.len() - left.len() < MOST_LINES
            && self.has_room()
        {
            self.item(line);
            left = others;
        }
        match left.len() {
            0 => {}
            all if all == lines.len() => self.item(&format!("{all}, for which there is no room in this mail")),
            more => self.item(&format!("and {more} more")),
        }
    }

    /// Whether another list fits.
    pub fn has_room(&self) -> bool {
        self.mail.len() < ROOM
    }

    /// Steps in their order.
    pub fn steps(&mut self, steps: &[&str]) {
        for (number, step) in (1..).zip(steps) {
            self.wrap(&format!("{number}. "), step);
        }
    }

    /// A command on a line of its own, to be copied whole.
    pub fn command(&mut self, command: &str) {
        self.line(command);
        self.chat.commands.push(command.to_owned());
    }

    /// A line to be copied whole that is no command.
    pub fn line(&mut self, line: &str) {
        let _ = writeln!(self.mail, "{line}");
    }

    /// What an option of the command above it does.
    pub fn option(&mut self, option: &str, does: &str) {
        self.wrap(&format!("  {option:<18}"), does);
    }

    /// How many of something are in a region, below the fact that they are a part of.
    pub fn region(&mut self, region: &str, number: u64) {
        let _ = writeln!(self.mail, "{:FACT$}{region:<16}{number:>6}", "");
    }

    /// What runs: how much, where, and of which types.
    pub fn running(&mut self, label: &str, seen: &Summary) {
        self.fact(label, &totals(seen));
        for (region, number) in &seen.by_region {
            self.region(region.as_str(), *number);
        }
        let mut types: Vec<_> = seen.by_type.iter().collect();
        types.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let types: Vec<String> =
            types.into_iter().take(MOST_LINES).map(|(name, number)| format!("{number} x {}", clean(name))).collect();
        if !types.is_empty() {
            self.fact("Types", &types.join(", "));
        }
    }

    /// The limits that are in force.
    pub fn limits(&mut self, limits: &Limits) {
        let limits: Vec<String> = limits.thresholds.iter().map(|(limit, number)| limit.amount(*number)).collect();
        self.fact("Limits", &limits.join(", "));
    }

    /// How to give back what a halt or a freeze took, command and options.
    pub fn release(&mut self, account: &AccountId) {
        self.heading("How to release it, from the payer account");
        self.command(&format!("runawaytrain release {account}"));
        self.paragraph("Users, roles and keys stay locked, and what was stopped stays stopped, unless you add");
        self.option("--user NAME", "unlock this user");
        self.option("--role NAME", "unlock this role");
        self.option("--key ID", "switch this access key back on");
        self.option("--start", "start what was stopped, then groups and fleets");
        self.option("--start-only ID", "start only this instance, group or fleet");
        self.option("--trust NAME", "beside these: also if made shortly before the halt, or since");
    }

    /// How to see all of it.
    pub fn history(&mut self, account: &AccountId) {
        self.heading("To see every call that was made, and what came of it");
        self.command(&format!("runawaytrain history {account}"));
    }

    /// How to look at the account as it is now.
    pub fn check(&mut self, account: &AccountId) {
        self.heading("To look at the account now");
        self.command(&format!("runawaytrain check {account}"));
    }

    /// The whole text, which ends in where to read on, and what a chat shows of it.
    pub fn end(mut self, kind: NoticeKind) -> (String, Chat) {
        self.gap();
        let _ = writeln!(self.mail, "Runbook: {RUNBOOK}#mail-{}", kind.name());
        (self.mail, self.chat)
    }

    /// With the end of another mail, which says where to read on. A chat is not shown that other's commands.
    pub fn followed_by(self, end: &str) -> (String, Chat) {
        (self.mail + end, self.chat)
    }

    fn gap(&mut self) {
        if !self.mail.is_empty() && !self.mail.ends_with("\n\n") {
            self.mail.push('\n');
        }
    }

    /// Words after a beginning, in lines that all start below the first word.
    fn wrap(&mut self, beginning: &str, words: &str) {
        let indent = beginning.chars().count();
        let mut column = indent;
        self.mail.push_str(beginning);
        let mut words = words.split_whitespace().peekable();
        let mut is_first = true;
        while let Some(word) = words.next() {
            // An amount stays in one line.
            let word = match words.next_if(|_| word == "USD") {
                Some(amount) => format!("{word} {amount}"),
                None => word.to_owned(),
            };
            let width = word.chars().count();
            if !is_first && column + 1 + width > WIDTH {
                let _ = write!(self.mail, "\n{:indent$}", "");
                column = indent;
            } else if !is_first {
                self.mail.push(' ');
                column += 1;
            }
            self.mail.push_str(&word);
            column += width;
            is_first = false;
        }
        self.mail.push('\n');
    }
}

pub(super) fn notice(policy: &AccountPolicy, kind: NoticeKind, subject: &str, text: Text, what: &str) -> Notice {
    let (body, chat) = text.end(kind);
    Notice {
        kind,
        account: policy.account.clone(),
        list: policy.notify.clone(),
        subject: fit_subject(subject),
        body,
        chat,
        who: full_name(policy),
        what: clean(what),
    }
}

/// The mail as one of those about one halt, which a chat keeps together. Each halt has a thread of its own: one that an
/// account kept for ever would hide the next.
pub(super) fn in_thread(mut notice: Notice, tripped: Timestamp) -> Notice {
    notice.chat.thread = Some(format!("{}-{}", notice.account, tripped.strftime("%Y%m%dT%H%M%SZ")));
    notice
}

/// The same mail to the payer's list.
pub(super) fn to_the_payer(notice: Notice) -> Notice {
    Notice { list: NotifyList::Default, ..notice }
}

/// The mail to the account's own list, and to the payer's.
pub(super) fn to_both(own: Notice) -> Vec<Notice> {
    let mut lists = vec![own.clone()];
    if own.list != NotifyList::Default {
        lists.push(to_the_payer(own));
    }
    lists
}

/// Makes any text a subject that SNS takes.
pub(super) fn fit_subject(text: &str) -> String {
    let whole = format!("{SUBJECT_MARK} {}", clean(text));
    let mut ascii: String = whole
        .chars()
        .map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' })
        .collect();
    if ascii.len() > LONGEST_SUBJECT {
        ascii.truncate(LONGEST_SUBJECT - 3);
        ascii.push_str("...");
    }
    ascii
}

pub(super) fn full_name(policy: &AccountPolicy) -> String {
    named(policy.name.as_deref(), &policy.account)
}

/// A name with the id that tells it from others.
pub(super) fn named(name: Option<&str>, account: &AccountId) -> String {
    name.map_or_else(|| account.to_string(), |name| format!("{} ({account})", clean(name)))
}

/// Where: the account, and whether it is the payer.
pub(super) fn place(policy: &AccountPolicy) -> String {
    let payer = if policy.is_payer { ", the payer account" } else { "" };
    format!("{}{payer}", full_name(policy))
}

/// Where, of what befalls the whole organization.
pub(super) fn organization(payer: &AccountPolicy) -> String {
    format!("the organization of {}", full_name(payer))
}

/// Where, of several accounts: as many names as one line takes.
pub(super) fn places(names: &[&str]) -> String {
    const LONGEST: usize = WIDTH - LEAD - " and 1000000 more".len();
    let mut line = String::new();
    for (index, name) in names.iter().enumerate() {
        let between = if index > 0 { ", " } else { "" };
        if index > 0 && line.chars().count() + between.len() + name.chars().count() > LONGEST {
            let _ = write!(line, " and {} more", names.len() - index);
            break;
        }
        let _ = write!(line, "{between}{name}");
    }
    line
}

pub(super) fn short_name(policy: &AccountPolicy) -> String {
    match &policy.name {
        Some(name) => format!("{} {}", clean(name), policy.account),
        None => policy.account.to_string(),
    }
}

pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long something took or has lasted, as people say it.
pub(super) fn lasted(time: SignedDuration) -> String {
    match (time.as_secs(), time.as_mins(), time.as_hours()) {
        (seconds, ..=2, _) => format!("{seconds} s"),
        (_, minutes, ..=2) => format!("{minutes} min"),
        (.., hours) if hours < 48 => format!("{hours} hours"),
        (.., hours) => format!("{} days", hours / 24),
    }
}

/// How much runs. Where not all of it could be seen, or priced, it is the least that it is.
pub(super) fn totals(seen: &Summary) -> String {
    let at_least = if seen.lower_bound { "at least " } else { "" };
    let burn = match seen.unpriced {
        0 if seen.burn.total() == Usd::ZERO => String::new(),
        0 => format!(", {}", seen.burn),
        unpriced if seen.burn.total() == Usd::ZERO => format!(", {} not priced yet", count(unpriced, "instance")),
        unpriced => {
            let at_least = if seen.lower_bound { "" } else { "at least " };
            format!(", {at_least}{}, {} not priced yet", seen.burn, count(unpriced, "instance"))
        }
    };
    let exempt = if seen.exempt > 0 { format!(", and {} exempt", seen.exempt) } else { String::new() };
    format!("{at_least}{}, {}{burn}{exempt}", count(seen.instances, "instance"), count(seen.vcpus, "vCPU"))
}
