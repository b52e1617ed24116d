//! One mail about many accounts.

use std::collections::BTreeMap;

use super::words::{MOST_LINES, TODO, Text, fit_subject, places};
use crate::message::notice::Notice;
use crate::vocabulary::text::count;

/// The subject and the text of one mail that says what several of one kind say; `None` where each is sent by itself.
pub fn digest(notices: &[&Notice]) -> Option<(String, String)> {
    let first = notices.first()?;
    let (label, words) = first.kind.of_many()?;
    let accounts = count(notices.len() as u64, "account");
    let names: Vec<&str> = notices.iter().map(|notice| notice.who.as_str()).collect();
    let mut text = Text::new(&format!("{accounts} {words}."), &places(&names), todo(&first.body));
    let mut by_what: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for notice in notices {
        by_what.entry(&notice.what).or_default().push(&notice.who);
    }
    let mut groups: Vec<_> = by_what.into_iter().collect();
    groups.sort_by_key(|(_, who)| std::cmp::Reverse(who.len()));
    let is_cut = groups.iter().any(|(_, who)| who.len() > MOST_LINES);
    for (what, who) in groups {
        let title = format!("{}: {what}", count(who.len() as u64, "account"));
        text.section(&title, who.into_iter().map(str::to_owned));
    }
    if is_cut {
        text.heading("To list them all");
        text.command("runawaytrain status");
    }
    // What to do is the same for all of them: the first mail says it.
    let Some((_, steps)) = first.body.split_once("\nWhat to do\n") else {
        return Some((fit_subject(&format!("{label}: {accounts}")), text.end(first.kind)));
    };
    text.heading(&format!("What to do, for {} as for the others", first.who));
    Some((fit_subject(&format!("{label}: {accounts}")), text.followed_by(steps)))
}

/// The third of a mail's first lines.
fn todo(body: &str) -> &str {
    let lines = body.split("\n\n").next().unwrap_or_default();
    lines.split_once(TODO).map_or("", |(_, todo)| todo)
}
