//! One mail about many accounts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::words::{MOST_LINES, fit_subject};
use crate::message::notice::Notice;
use crate::vocabulary::text::count;

/// The subject and the text of one mail that says what several of one kind say; `None` where each is sent by itself.
pub fn digest(notices: &[&Notice]) -> Option<(String, String)> {
    let first = notices.first()?;
    let (label, sentence) = first.kind.of_many()?;
    let accounts = count(notices.len() as u64, "account");
    let mut body = format!("{accounts} {sentence}.\n");
    let mut by_what: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for notice in notices {
        by_what.entry(&notice.what).or_default().push(&notice.who);
    }
    let mut groups: Vec<_> = by_what.into_iter().collect();
    groups.sort_by_key(|(_, who)| std::cmp::Reverse(who.len()));
    for (what, who) in &groups {
        let _ = writeln!(body, "\n{}: {what}", count(who.len() as u64, "account"));
        for name in who.iter().take(MOST_LINES) {
            let _ = writeln!(body, "- {name}");
        }
        if who.len() > MOST_LINES {
            let _ = writeln!(body, "- and {} more; {{\"action\":\"status\"}} lists them all", who.len() - MOST_LINES);
        }
    }
    // What to do is the same for all of them: the first mail says it.
    if let Some((_, todo)) = first.body.split_once("\nWhat to do") {
        let _ = write!(body, "\nFor the first of them:\n\nWhat to do{todo}");
    }
    Some((fit_subject(&format!("{label}: {accounts}")), body))
}
