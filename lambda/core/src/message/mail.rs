//! The mails. Short, concrete, calm: they are read by somebody who was just woken up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::decision::News;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::plan::{self, Containment, Outcome};
use crate::policy::known_roles::{IDENTITY_CENTER, SERVICES_OWN};
use crate::policy::{AccountPolicy, NotifyList};
use crate::record::Halt;
use crate::resource::{Act, Action, Description, Kind, NOT_LOOKED_AT, SkipReason, Skipped, Undo};
use crate::verdict::{Grace, Judgement, Reading, Verdict};
use crate::vocabulary::mode::Mode;
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::{clean, count};

mod cost_reports;
mod denied;
mod digest;
mod exceptions;
mod freeze;
mod permissions;
mod unreadable;
mod unseen;
mod words;

pub use digest::digest;

use words::{full_name, line, notice, order, running, section, short_name, time, to_the_payer};

/// What a workload is when it was stopped and can be started again: the line that comes first.
const STOPPED: &str = "stopped";

/// Writes the mails of a piece of news, each to its list.
pub fn write(policy: &AccountPolicy, news: &News) -> Vec<Notice> {
    match news {
        News::Warning { mode, verdict, seen, at } => vec![warning(policy, *mode, verdict, seen, *at)],
        News::Halt { why, seen, erased, at } => vec![halt(policy, why, seen, erased, *at)],
        News::Outcome { halt, containment, at } => outcome(policy, halt, containment, *at),
        News::Unseen { state, unseen, brief, shut_out } => {
            vec![unseen::account(policy, *state, unseen, brief, *shut_out)]
        }
        News::Tamper { state, unseen, not_frozen } => vec![freeze::tamper(policy, *state, unseen, not_frozen)],
        News::DeniedRegions { regions } => vec![unseen::denied_regions(policy, regions)],
        News::Unreadable { state, why, seen, past, at } => {
            vec![unreadable::record(policy, *state, why, seen, past.as_ref(), *at)]
        }
        News::Purchases { state, why, not_frozen, at } => freeze::purchases(policy, *state, why, not_frozen, *at),
        News::UnreadReports { place, is_made, why, has_failed, until, at } => {
            let reports =
                cost_reports::Unread { place, is_made: *is_made, why, has_failed: *has_failed, until: *until };
            vec![cost_reports::unread(policy, &reports, *at)]
        }
        News::NotPermitted { denied, at } => vec![permissions::not_permitted(policy, denied, *at)],
        News::Permitted { at } => vec![permissions::permitted(policy, *at)],
        News::Freeze { reason, why, seen, holds, at } => freeze::frozen(policy, *reason, why, seen, holds, *at),
        News::Thawed { reason, at } => vec![freeze::thawed(policy, *reason, *at)],
        News::Exception { exception, replaced } => exceptions::made(policy, exception, replaced.as_ref()),
        News::ExceptionEnded { exception, end, at } => exceptions::ended(policy, exception, end, *at),
        News::Released { grace, outcomes, skipped, trusted, at } => {
            vec![released(policy, grace.as_ref(), outcomes, skipped, trusted, *at)]
        }
    }
}

/// A halt has begun.
fn halt(policy: &AccountPolicy, why: &str, seen: &Summary, erased: &[String], now: Timestamp) -> Notice {
    let mut body = format!("runawaytrain is halting account {} now.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    running(&mut body, "Running", seen);
    body.push_str(
        "(Containment starts as soon as the limit is passed: regions that had not answered by then are not counted \
         above, but are halted too.)\n",
    );
    body.push_str("\nWhat is being done\n");
    for sentence in Kind::ALL.iter().filter_map(|kind| kind.announce(policy)) {
        let _ = writeln!(body, "- {sentence}");
    }
    body.push_str(
        "- What the policy exempts is left alone, but for keys and roles made lately, and roles that outsiders may \
         assume.\n",
    );
    section(&mut body, "Whose local disks are erased, as far as was seen", erased.iter().cloned());
    body.push_str("\nA second mail follows when two looks in a row found nothing left to do.\n");
    what_next(&mut body, policy);
    notice(policy, NoticeKind::Halt, format!("HALT {}: {why}", short_name(policy)), body, why)
}

/// What the halt came to: verified, or not proven yet. Where calls are denied to us it goes to the payer's list as
/// well: the account's own people cannot mend that.
fn outcome(policy: &AccountPolicy, halt: &Halt, containment: &Containment, now: Timestamp) -> Vec<Notice> {
    let denials = containment.denials();
    let resisted = containment.resisted();
    let seconds = containment.verified.unwrap_or(now).duration_since(halt.tripped).as_secs();
    let mut body = String::new();
    let unexplained = halt.is_unexplained();
    let verdict = match containment.verified {
        Some(_) if unexplained => format!(
            "locked in {seconds} s, but WHAT THE MONEY WENT TO WAS NOT FOUND: spend tripped it, and what ran on EC2 \
             does not account for it. It may run on, and bill"
        ),
        Some(_) if containment.remaining.is_empty() => format!("contained in {seconds} s, after two clean passes"),
        Some(_) => format!("contained in {seconds} s except for what resisted"),
        None => format!("NOT PROVEN to be contained after {seconds} s"),
    };
    let _ = writeln!(body, "Account {}: {verdict}.\n", full_name(policy));
    line(&mut body, "Tripped", &time(halt.tripped));
    line(&mut body, "Now", &time(now));
    running(&mut body, "Before", &halt.before);
    let blind = if containment.gaps.is_empty() { "" } else { ", as far as could be seen" };
    let holds = containment.skipped.iter().any(|skipped| matches!(skipped.reason, SkipReason::BillsOn { .. }));
    let held = if holds { "; hosts or reservations bill on, see below" } else { "" };
    let burn = containment.after.as_ref().map(|after| after.burn).filter(|burn| burn.total() > Usd::ZERO);
    let burn = burn.map(|burn| format!(", {burn}")).unwrap_or_default();
    line(
        &mut body,
        "After",
        &format!("{} left running{burn}{blind}{held}", count(containment.still_running(), "instance")),
    );

    body.push_str("\nWhat was done\n");
    done(&mut body, containment);
    let erased = plan::erased(containment.succeeded(), &halt.before.local_disks);
    section(&mut body, "Whose local disks the stop erased; EBS volumes are kept", erased.into_iter());
    denied::write(&mut body, policy, containment, &denials);
    // What is denied for all was said in a line.
    let is_said = |action: &Action| denials.iter().any(|denial| denial.is_for_all && denial.is_of(action));
    let named = resisted.iter().filter(|(action, failure)| !(failure.kind.is_refusal() && is_said(action)));
    section(&mut body, "What resisted", named.map(|(action, failure)| format!("{action}: {failure}")));
    section(
        &mut body,
        "What could not be seen",
        containment.gaps.iter().map(|gap| format!("{}: {}", clean(&gap.at), gap.failure)),
    );
    section(
        &mut body,
        "Look at each: made shortly before the halt or since, open to outsiders, or denied by AWSDenyAll",
        containment.suspects.iter().cloned(),
    );
    let alone = containment.skipped.iter().filter(|skipped| is_told(&skipped.reason));
    section(&mut body, "What was left alone", alone.map(left_alone));
    if !policy.contain.lockdown && containment.skipped.iter().any(|skipped| stays_in(&skipped.reason)) {
        body.push_str(
            "  Sessions of Identity Center go on. With contain.lockdown: true in the policy a halt denies everything to \
             everybody in the account but the guard, these sessions too; what the account does for people stops.\n",
        );
    }
    section(&mut body, "What bills on, whether anything runs or not", bills_on(&containment.skipped).into_iter());
    if halt.is_of_spend() {
        let _ = writeln!(
            body,
            "\nWhat was not looked at\n- {}: EC2 alone is looked at so far. Whatever of these runs goes on and bills, \
             though the quarantine keeps it from growing. Look in Cost Explorer, by service and hour.",
            NOT_LOOKED_AT.join(", ")
        );
    }
    if containment.verified.is_none() {
        body.push_str("\nEvery sweep goes on trying. Look at the account yourself now.\n");
    }
    what_next(&mut body, policy);
    let subject = if containment.verified.is_some() { "Halted" } else { "NOT PROVEN" };
    let source = if unexplained { "SOURCE OF THE SPEND NOT FOUND, " } else { "" };
    // Of what is denied for all, most was not even asked.
    let unasked: u64 = denials.iter().map(|denial| denial.left.saturating_sub(denial.asked)).sum();
    let resisting = match resisted.len() as u64 + unasked {
        0 => String::new(),
        number => format!(", {number} resisted"),
    };
    let stopped = count(containment.stopped() as u64, "instance");
    let subject = format!("{subject} {}: {source}{stopped} stopped{resisting}", short_name(policy));
    let own = notice(policy, NoticeKind::Outcome, subject, body, &verdict);
    if denials.is_empty() || own.list == NotifyList::Default {
        return vec![own];
    }
    vec![own.clone(), to_the_payer(own)]
}

/// Close to a limit; or past one in an account where the machine may only look.
fn warning(policy: &AccountPolicy, mode: Mode, verdict: &Verdict, seen: &Summary, now: Timestamp) -> Notice {
    let causes = verdict.why();
    let mut body = String::new();
    let (subject, what) = if verdict.judgement == Judgement::Halt {
        let _ =
            writeln!(body, "Account {} is past its limit. Nothing was done: its mode is {mode}.\n", full_name(policy));
        (format!("PAST ITS LIMIT, {mode} only: {}: {causes}", short_name(policy)), format!("past a limit, {mode} only"))
    } else if verdict.readings.iter().any(Reading::may_be_past) {
        let _ = writeln!(
            body,
            "Account {} may be past its limit: the price of a part of what runs is not known, and is estimated on the \
             high side. Nothing was done: it is halted when so much is certain.\n",
            full_name(policy)
        );
        (format!("MAY BE PAST ITS LIMIT {}: {causes}", short_name(policy)), "may be past a limit".to_owned())
    } else {
        let _ = writeln!(
            body,
            "Account {} is close to its limit. It is halted when it passes the limit.\n",
            full_name(policy)
        );
        (format!("Warning {}: {causes}", short_name(policy)), "close to a limit".to_owned())
    };
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", &causes);
    running(&mut body, "Running", seen);
    body.push_str(
        "\nWhat to do\n- If this is yours, ask the payer account's admin for a higher limit before you start more.\n- \
         If it is not, stop it, and change the keys of whoever started it.\n",
    );
    notice(policy, NoticeKind::Warning, subject, body, &what)
}

/// A halt was ended: what was undone, what stays locked.
fn released(
    policy: &AccountPolicy,
    grace: Option<&Grace>,
    outcomes: &[Outcome],
    skipped: &[Skipped],
    trusted: &[String],
    now: Timestamp,
) -> Notice {
    let mut body = format!("Account {} was released by an operator.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    if let Some(grace) = grace {
        line(
            &mut body,
            "Grace",
            &format!(
                "until {}: what ran and what came back does not halt it again, growth past its limit does",
                time(grace.until)
            ),
        );
    }
    if !trusted.is_empty() {
        let names: Vec<String> = trusted.iter().map(|name| clean(name)).collect();
        line(
            &mut body,
            "Trusted",
            &format!(
                "{}: given back whatever their age, for the release says that they are no thief's",
                names.join(", ")
            ),
        );
    }
    section(
        &mut body,
        "What was undone",
        outcomes.iter().map(|outcome| format!("{}: {}", outcome.action, outcome.result)),
    );
    section(
        &mut body,
        "What stays as it is",
        skipped.iter().map(|skipped| format!("{}: {}", clean(&skipped.item), skipped.reason)),
    );
    notice(policy, NoticeKind::Released, format!("Released {}", short_name(policy)), body, "released")
}

fn done(body: &mut String, containment: &Containment) {
    // What runs and bills is always said, also where there was nothing of it to stop.
    let workloads = Kind::ALL.iter().filter_map(|kind| kind.workload());
    let mut sums: BTreeMap<(&str, &str), BTreeSet<String>> =
        workloads.map(|noun| ((noun, STOPPED), BTreeSet::new())).collect();
    let mut regions: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    let halted = containment.succeeded().filter(|action| action.undo() != Undo::IsUndo);
    for action in halted {
        let Description { noun, verb, .. } = action.describe();
        // Each thing once, however often it was stopped.
        let things = plan::things(action);
        if let (Some(region), false) = (action.region(), action.items().is_empty()) {
            let of_region = regions.entry((noun, verb)).or_default().entry(region.as_str()).or_default();
            of_region.extend(things.iter().cloned());
        }
        sums.entry((noun, verb)).or_default().extend(things);
    }
    let (stopped, others): (Vec<_>, Vec<_>) = sums.into_iter().partition(|((_, verb), _)| *verb == STOPPED);
    for ((noun, verb), things) in stopped.into_iter().chain(others) {
        let _ = writeln!(body, "- {} {verb}", count(things.len() as u64, noun));
        for (region, things) in regions.get(&(noun, verb)).into_iter().flatten() {
            let _ = writeln!(body, "         {region:<16}{:>6}", things.len());
        }
    }
    if containment.unanswered > 0 {
        let calls = count(containment.unanswered as u64, "call");
        let _ = writeln!(body, "- {calls} cut off before an answer came: each may have been taken");
    }
}

fn left_alone(skipped: &Skipped) -> String {
    format!("{}: {}", clean(&skipped.item), skipped.reason)
}

/// What bills on, and what may: the same reason is said once, however many regions it is about.
fn bills_on(skipped: &[Skipped]) -> Vec<String> {
    let certain = skipped.iter().filter(|skipped| matches!(skipped.reason, SkipReason::BillsOn { .. })).map(left_alone);
    let mut unseen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Skipped { item, reason } in skipped {
        if matches!(reason, SkipReason::MayBillOn { .. }) {
            unseen.entry(reason.to_string()).or_default().push(clean(item));
        }
    }
    certain.chain(unseen.into_iter().map(|(reason, items)| format!("{}: {reason}", items.join(", ")))).collect()
}

/// Gaps and what bills on have sections of their own, and nobody wants to read of the dozens of roles that services
/// made.
fn is_told(reason: &SkipReason) -> bool {
    !matches!(reason, SkipReason::Unseen { .. } | SkipReason::BillsOn { .. } | SkipReason::MayBillOn { .. })
        && !matches!(reason, SkipReason::NeverTouched { whose, .. } if whose == SERVICES_OWN)
}

/// Whether people may be in the account by sessions that only the lockdown ends.
fn stays_in(reason: &SkipReason) -> bool {
    matches!(reason, SkipReason::NeverTouched { whose, .. } if whose == IDENTITY_CENTER)
}

fn what_next(body: &mut String, policy: &AccountPolicy) {
    body.push_str(
        "\nWhat to do now\n\
         1. Find out who started this: CloudTrail, event name RunInstances, in the regions above.\n\
         2. Make new keys for the people whose keys leaked. Do not switch the old ones on again.\n\
         3. While the account is halted, whatever starts again is stopped again at the next sweep.\n\
         \n\
         How to release it, from the payer account:\n",
    );
    order(body, &format!("{{\"action\":\"release\",\"account\":\"{}\"}}", policy.account));
    body.push_str(
        "Add \"users\":[\"NAME\"] or \"roles\":[\"NAME\"] to lift the lock on them, \"keys\":[\"AKIA...\"] to switch \
         single keys on, \"start\":true to start the instances and then groups and fleets, or \"start\":[\"i-...\"] \
         only these. What was made shortly before the halt or since comes back only where \"trust\":[\"NAME\"] names \
         it.\n",
    );
}
