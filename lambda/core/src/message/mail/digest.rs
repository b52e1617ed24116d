//! One mail about many accounts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::words::{MOST_LINES, fit_subject};
use crate::message::notice::{Notice, NoticeKind};
use crate::vocabulary::text::count;

/// The subject and the text of one mail that says what several say. They are of one kind, and at least one.
pub fn digest(kind: NoticeKind, notices: &[&Notice]) -> (String, String) {
    let accounts = count(notices.len() as u64, "account");
    let (label, sentence) = match kind {
        NoticeKind::Warning => ("Warning", "are close to a limit, or past one where only drills are allowed"),
        NoticeKind::Halt => ("HALT", "are being halted"),
        NoticeKind::Outcome => ("Halted", "were halted"),
        NoticeKind::Unseen => ("Unseen", "cannot be seen whole, so they are not fully protected"),
        NoticeKind::DeniedRegions => ("Closed regions", "tell of regions that are closed to most of them"),
        NoticeKind::Released => ("Released", "were released by an operator"),
        NoticeKind::Braked => ("BRAKE", "are past a limit, and the brake holds"),
        NoticeKind::Tamper => ("TAMPER", "keep the guard from looking, which saw them before"),
        NoticeKind::Thawed => ("Thawed", "are no longer frozen"),
    };
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
    if let Some((_, todo)) = notices.first().and_then(|notice| notice.body.split_once("\nWhat to do")) {
        let _ = write!(body, "\nFor the first of them:\n\nWhat to do{todo}");
    }
    (fit_subject(&format!("{label}: {accounts}")), body)
}
