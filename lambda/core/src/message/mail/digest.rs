//! One mail about many accounts.

use std::collections::BTreeMap;

use super::words::{MOST_LINES, TODO, Text, fit_subject, places};
use crate::message::chat::Chat;
use crate::message::notice::Notice;
use crate::vocabulary::text::count;

/// The subject and the text of one mail that says what several of one kind say, and what a chat shows of it; `None`
/// where each is sent by itself.
pub fn digest(notices: &[&Notice]) -> Option<(String, String, Chat)> {
    let first = notices.first()?;
    let (label, words) = first.kind.of_many()?;
    let accounts = count(notices.len() as u64, "account");
    let names: Vec<&str> = notices.iter().map(|notice| notice.who.as_str()).collect();
    let mut by_todo: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for notice in notices {
        by_todo.entry(flat(todo(&notice.body))).or_default().push(&notice.who);
    }
    let is_shared = by_todo.len() == 1;
    let todo = if is_shared { todo(&first.body) } else { "It differs from account to account: see below." };
    let mut text = Text::new(&format!("{accounts} {words}."), &places(&names), todo);
    let mut by_what: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for notice in notices {
        by_what.entry(&notice.what).or_default().push(&notice.who);
    }
    let mut groups: Vec<_> = by_what.into_iter().collect();
    groups.sort_by_key(|(_, who)| std::cmp::Reverse(who.len()));
    let is_cut = groups.len() > MOST_LINES || groups.iter().any(|(_, who)| who.len() > MOST_LINES);
    let groups = groups.into_iter().map(|(what, who)| (format!("{}: {what}", accounts_of(&who)), who));
    sections(&mut text, groups, "of which each mail says something else");
    if is_cut {
        text.heading("To list them all");
        text.command("runawaytrain status");
    }
    if !is_shared {
        let groups = by_todo.into_iter().map(|(todo, who)| (format!("To do for {}: {todo}", accounts_of(&who)), who));
        sections(&mut text, groups, "with something else to do: see the runbook");
    }
    // What to do is the same for all of them: the first mail says it.
    let steps = first.body.split_once("\nWhat to do\n").filter(|_| is_shared);
    let (body, chat) = match steps {
        Some((_, steps)) => {
            text.heading(&format!("What to do, for {} as for the others", first.who));
            text.followed_by(steps)
        }
        None => text.end(first.kind),
    };
    Some((fit_subject(&format!("{label}: {accounts}")), body, chat))
}

/// Accounts under their titles, of many titles only the first.
fn sections<'a>(text: &mut Text, groups: impl Iterator<Item = (String, Vec<&'a str>)>, others: &str) {
    let (mut shown, mut left) = (0, 0);
    for (title, who) in groups {
        if shown < MOST_LINES && text.has_room() {
            text.section(&title, who.into_iter().map(str::to_owned));
            shown += 1;
        } else {
            left += who.len();
        }
    }
    if left > 0 {
        text.heading(&format!("And {} more, {others}", count(left as u64, "account")));
    }
}

fn accounts_of(who: &[&str]) -> String {
    count(who.len() as u64, "account")
}

/// Wherever its lines break.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The third of a mail's first lines.
fn todo(body: &str) -> &str {
    // At the beginning of a line: what a member chose to call its account begins none.
    let lines = body.split("\n\n").next().unwrap_or_default();
    lines.split_once(&format!("\n{TODO}")).map_or("", |(_, todo)| todo)
}
