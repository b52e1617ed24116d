//! The mail about what a halt came to: proven, or not yet.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::denied;
use super::halt::{LAUNCHED, after_a_halt};
use super::words::{MOST_LINES, Text, in_thread, lasted, notice, place, short_name, time, to_both};
use crate::message::notice::{Notice, NoticeKind};
use crate::plan::{self, Containment};
use crate::policy::AccountPolicy;
use crate::policy::known_roles::{IDENTITY_CENTER, SERVICES_OWN};
use crate::record::Halt;
use crate::resource::{Act, Action, Description, Kind, NOT_LOOKED_AT, SkipReason, Skipped, Undo};
use crate::vocabulary::money::Usd;
use crate::vocabulary::text::{clean, count};

/// What a workload is when it was stopped and can be started again: the line that comes first.
const STOPPED: &str = "stopped";

/// Where calls are denied to us it goes to the payer's list as well: the account's own people cannot mend that.
pub(super) fn write(policy: &AccountPolicy, halt: &Halt, containment: &Containment, now: Timestamp) -> Vec<Notice> {
    let denials = containment.denials();
    let resisted = containment.resisted();
    let took = lasted(containment.verified.unwrap_or(now).duration_since(halt.tripped));
    let unexplained = halt.is_unexplained();
    let (verdict, todo) = match containment.verified {
        Some(_) if unexplained => (
            format!("Locked in {took}, but WHAT THE MONEY WENT TO WAS NOT FOUND."),
            "Find it in Cost Explorer, by service and hour: it may run on.",
        ),
        Some(_) if containment.remaining.is_empty() => (
            format!("Contained in {took}, after two clean passes."),
            "Find out who started this. Release the account once it is safe.",
        ),
        Some(_) => (
            format!("Contained in {took}, except for what resisted."),
            "Look at what resisted, below, and deal with it by hand.",
        ),
        None => (
            format!("NOT PROVEN to be contained after {took}."),
            "Look at the account yourself now. Every sweep tries again.",
        ),
    };
    let mut text = Text::new(&verdict, &place(policy), todo);
    text.fact("Tripped", &time(halt.tripped));
    text.fact(
        if containment.verified.is_some() { "Proven" } else { "Now" },
        &time(containment.verified.unwrap_or(now)),
    );
    text.fact("Reason", &reason(policy, halt));
    text.running("Before", &halt.before);
    text.fact("After", &left_running(containment));
    text.limits(&policy.limits);
    if unexplained {
        text.paragraph(
            "Spend tripped this halt, and what ran on EC2 does not account for it. Whatever costs the money may run \
             on, and bill.",
        );
    }

    text.heading("What was done");
    done(&mut text, containment);
    let erased = plan::erased(containment.succeeded(), &halt.before.local_disks);
    text.section("Whose local disks the stop erased; EBS volumes are kept", erased);
    denied::write(&mut text, policy, containment, &denials);
    // What is denied for all was said in a line.
    let is_said = |action: &Action| denials.iter().any(|denial| denial.is_for_all && denial.is_of(action));
    let named = resisted.iter().filter(|(action, failure)| !(failure.kind.is_refusal() && is_said(action)));
    text.section("What resisted", named.map(|(action, failure)| format!("{action}: {failure}")));
    text.section(
        "What could not be seen",
        containment.gaps.iter().map(|gap| format!("{}: {}", clean(&gap.at), gap.failure)),
    );
    text.section(
        "Look at each of these: made shortly before the halt or since, open to outsiders, or denied by AWSDenyAll",
        containment.suspects.iter().cloned(),
    );
    let alone = containment.skipped.iter().filter(|skipped| is_told(&skipped.reason));
    text.section("What was left alone", alone.map(left_alone));
    if !policy.contain.lockdown && containment.skipped.iter().any(|skipped| stays_in(&skipped.reason)) {
        text.paragraph(
            "Sessions of Identity Center go on. With contain.lockdown: true in the policy, a halt denies every call in \
             the account to everybody but the guard, which ends these sessions too. Whatever the account does for \
             people then stops as well.",
        );
    }
    bills_on(&mut text, &containment.skipped);
    if halt.is_of_spend() {
        text.heading("What was not looked at");
        text.item(&format!(
            "{}: so far only EC2 is looked at. Whatever of these runs, runs on and bills, though the quarantine keeps \
             it from growing. Look in Cost Explorer, by service and hour.",
            NOT_LOOKED_AT.join(", ")
        ));
    }
    let first = if unexplained {
        "Find out what costs the money, in Cost Explorer by service and hour, and who started it, in CloudTrail."
    } else {
        LAUNCHED
    };
    after_a_halt(&mut text, policy, first);
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
    let own = in_thread(notice(policy, NoticeKind::Outcome, &subject, text, &verdict), halt.tripped);
    if denials.is_empty() { vec![own] } else { to_both(own) }
}

/// Which limits it had passed, by what was counted.
fn reason(policy: &AccountPolicy, halt: &Halt) -> String {
    let past = halt.tripped_limits.iter().map(|(limit, counted)| {
        let threshold = policy.limits.thresholds.get(limit);
        let threshold = threshold.map(|number| format!(" (limit {})", limit.show(*number))).unwrap_or_default();
        format!("{}{threshold}", limit.amount(*counted))
    });
    let past: Vec<String> = past.collect();
    if past.is_empty() { "ordered by an operator".to_owned() } else { past.join(", ") }
}

fn left_running(containment: &Containment) -> String {
    let blind = if containment.gaps.is_empty() { "" } else { ", as far as could be seen" };
    let holds = containment.skipped.iter().any(|skipped| matches!(skipped.reason, SkipReason::BillsOn { .. }));
    let held = if holds { "; hosts or reservations bill on, see below" } else { "" };
    let burn = containment.after.as_ref().map(|after| after.burn).filter(|burn| burn.total() > Usd::ZERO);
    let burn = burn.map(|burn| format!(", {burn}")).unwrap_or_default();
    format!("{} left running{burn}{blind}{held}", count(containment.still_running(), "instance"))
}

/// What was done, by the calls of AWS that did it.
fn done(text: &mut Text, containment: &Containment) {
    #[derive(Default)]
    struct Sum<'a> {
        things: BTreeSet<String>,
        operations: BTreeSet<&'a str>,
        regions: BTreeMap<&'a str, BTreeSet<String>>,
    }
    // What runs and bills is always said, also where there was nothing of it to stop.
    let workloads = Kind::ALL.iter().filter_map(|kind| kind.workload());
    let mut sums: BTreeMap<(&str, &str), Sum<'_>> = workloads.map(|noun| ((noun, STOPPED), Sum::default())).collect();
    for action in containment.succeeded().filter(|action| action.undo() != Undo::IsUndo) {
        let Description { noun, verb, operation, .. } = action.describe();
        // Each thing once, however often it was stopped.
        let things = plan::things(action);
        let sum = sums.entry((noun, verb)).or_default();
        if let (Some(region), false) = (action.region(), action.items().is_empty()) {
            sum.regions.entry(region.as_str()).or_default().extend(things.iter().cloned());
        }
        sum.operations.insert(operation);
        sum.things.extend(things);
    }
    let (stopped, others): (Vec<_>, Vec<_>) = sums.into_iter().partition(|((_, verb), _)| *verb == STOPPED);
    for ((noun, verb), sum) in stopped.into_iter().chain(others) {
        let calls: Vec<&str> = sum.operations.into_iter().collect();
        let calls = if calls.is_empty() { String::new() } else { format!(" ({})", calls.join(", ")) };
        text.item(&format!("{} {verb}{calls}", count(sum.things.len() as u64, noun)));
        for (region, things) in &sum.regions {
            text.region(region, things.len() as u64);
        }
    }
    if containment.unanswered > 0 {
        let calls = count(containment.unanswered as u64, "call");
        text.item(&format!("{calls} cut off before an answer came, and may have been taken"));
    }
}

fn left_alone(skipped: &Skipped) -> String {
    format!("{}: {}", clean(&skipped.item), skipped.reason)
}

/// What bills on, each with the command that ends it, and what may: the same reason is said once, however many regions
/// it is about.
fn bills_on(text: &mut Text, skipped: &[Skipped]) {
    let (mut certain, mut unseen) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for Skipped { item, reason } in skipped {
        match reason {
            SkipReason::BillsOn { command } => certain.push((clean(item), reason.to_string(), clean(command))),
            SkipReason::MayBillOn { .. } => unseen.entry(reason.to_string()).or_default().push(clean(item)),
            _ => {}
        }
    }
    if certain.is_empty() && unseen.is_empty() {
        return;
    }
    text.heading("What bills on, whether anything runs or not");
    for (item, reason, command) in certain.iter().take(MOST_LINES) {
        text.item(&format!("{item}: {}", reason.strip_suffix(command.as_str()).unwrap_or(reason)));
        text.command(command);
    }
    if certain.len() > MOST_LINES {
        text.item(&format!("and {} more", certain.len() - MOST_LINES));
    }
    for (reason, items) in unseen {
        text.item(&format!("{}: {reason}", items.join(", ")));
    }
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
