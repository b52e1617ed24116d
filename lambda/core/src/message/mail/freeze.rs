//! The mails about accounts that are frozen instead of halted, are to be, or are no more.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::words::{full_name, line, notice, order, running, short_name, time, to_the_payer};
use crate::contract;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, NotifyList};
use crate::record::{FreezeReason, State, Unseen};

/// Our role worked before and is refused now. Goes to the payer's list: the account's own people may be the ones who
/// lost it.
pub(super) fn tamper(policy: &AccountPolicy, state: State, unseen: &Unseen, not_frozen: &str) -> Notice {
    let refused = Words::of(FreezeReason::ShutOut, policy);
    let mut body = refused.opening;
    line(&mut body, "Time", &time(unseen.since));
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &state.to_string());
    let _ = write!(body, "\nThe account was not frozen: {not_frozen}.\n{}", refused.todo);
    let subject = format!("{} {}: {}", refused.label, short_name(policy), refused.short);
    to_the_payer(notice(policy, refused.kind, subject, body, &format!("not frozen: {not_frozen}")))
}

/// Frozen instead of halted. Past the brake it goes to the account's list as well as to the payer's: somebody must
/// decide.
pub(super) fn frozen(
    policy: &AccountPolicy,
    reason: FreezeReason,
    why: &str,
    seen: &Summary,
    holds: &Result<(), String>,
    now: Timestamp,
) -> Vec<Notice> {
    let Words { kind, label, short, opening, todo, .. } = Words::of(reason, policy);
    let mut body = opening;
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    if kind == NoticeKind::Braked {
        running(&mut body, "Running", seen);
    }
    let is_frozen = match holds {
        Ok(()) => {
            "The account is frozen by a service control policy, which was seen to be attached: nothing in it can grow. \
             What runs, runs on and bills."
                .to_owned()
        }
        Err(_) if !policy.contain.quarantine => {
            "The policy does not quarantine it: nothing was done. What runs, runs on and bills, and more can be \
             started."
                .to_owned()
        }
        Err(why) => format!(
            "The account is NOT frozen: {why}. Every sweep tries again. What runs, runs on and bills, and more can be \
             started."
        ),
    };
    let _ = write!(body, "\n{is_frozen}\n{todo}");
    let what = holds.as_ref().map_or_else(|why| format!("not frozen: {why}"), |()| "frozen".to_owned());
    let word = if holds.is_ok() { "frozen" } else { "not frozen" };
    if kind == NoticeKind::Tamper {
        let subject = format!("{label} {}: {short}; {word}", short_name(policy));
        return vec![to_the_payer(notice(policy, kind, subject, body, &what))];
    }
    let subject = format!("{}, {label} {}: {why}", word.to_uppercase(), short_name(policy));
    to_both(notice(policy, kind, subject, body, &what))
}

/// The mail to the account's own list, and to the payer's.
fn to_both(own: Notice) -> Vec<Notice> {
    let mut lists = vec![own.clone()];
    if own.list != NotifyList::Default {
        lists.push(to_the_payer(own));
    }
    lists
}

/// A freeze ended by itself.
pub(super) fn thawed(policy: &AccountPolicy, reason: FreezeReason, now: Timestamp) -> Notice {
    let was = Words::of(reason, policy).over;
    let mut body = format!("Account {} is no longer frozen: {was}.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    line(&mut body, "State", "Ok: it was seen whole, and nothing in it is past a limit");
    to_the_payer(notice(policy, NoticeKind::Thawed, format!("Thawed {}", short_name(policy)), body, was))
}

/// More was bought than the policy allows, and the account is not frozen for it: to its list and to the payer's, since
/// somebody must act while it can be reversed.
pub(super) fn purchases(
    policy: &AccountPolicy,
    state: State,
    why: &str,
    not_frozen: &str,
    now: Timestamp,
) -> Vec<Notice> {
    let mut body = format!("{}\n\n", bought(&full_name(policy)));
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    line(&mut body, "State", &state.to_string());
    let _ = write!(body, "\nIt was not frozen for this: {not_frozen}.\n{}", purchases_todo(policy, state));
    let subject = format!("PURCHASES {}: {why}", short_name(policy));
    to_both(notice(policy, NoticeKind::Purchases, subject, body, &format!("not frozen: {not_frozen}")))
}

/// The first sentence.
fn bought(name: &str) -> String {
    format!(
        "Account {name} bought more than the policy allows: upfront fees of Reserved Instances or Savings Plans, or \
         subscriptions."
    )
}

/// What to do about purchases: only AWS Support can reverse one. Whoever is halted needs no release for them, nor
/// another halt.
fn purchases_todo(policy: &AccountPolicy, state: State) -> String {
    let account = &policy.account;
    let mut todo = "\nWhat to do now\n".to_owned();
    if state == State::Frozen {
        todo.push_str(
            "- Was it you? Release the account: what the reports know by then is not held against it any more.\n",
        );
        order(&mut todo, &format!("{{\"action\":\"release\",\"account\":\"{account}\"}}"));
    } else if !state.is_halt() {
        todo.push_str("- Was it you? A higher limits.purchases, deployed, lets it pass.\n");
    }
    todo.push_str(
        "- Was it a thief? Open a case with AWS Support at once (account and billing): only they can reverse a \
         purchase.\n",
    );
    if !state.is_halt() {
        todo.push_str("  Then halt the account by order:\n");
        order(&mut todo, &format!("{{\"action\":\"halt\",\"account\":\"{account}\",\"reason\":\"...\"}}"));
    }
    todo
}

/// What is said of a freeze by its reason.
struct Words {
    kind: NoticeKind,
    /// What the subject begins with, after whether it is frozen where people must decide.
    label: &'static str,
    /// What happened, for the subject.
    short: &'static str,
    /// What happened, in the first paragraph.
    opening: String,
    /// What to do now.
    todo: String,
    /// How it ended.
    over: &'static str,
}

impl Words {
    fn of(reason: FreezeReason, policy: &AccountPolicy) -> Self {
        let (name, role) = (full_name(policy), contract::RESPONDER_ROLE);
        let ends = "A freeze ends by itself once the account is seen whole and nothing in it is past a limit.";
        match reason {
            FreezeReason::ShutOut => Self {
                kind: NoticeKind::Tamper,
                label: "TAMPER",
                short: "our role is refused",
                opening: format!(
                    "Somebody took the guard's way into account {name} away: its role worked before and is refused \
                     now.\n\n"
                ),
                todo: format!(
                    "\nWhat to do now\n\
                     - Treat it as an attack until you know better. CloudTrail shows who touched the role {role}.\n\
                     - Deploy stacksets/member.yaml into the account again. {ends}\n"
                ),
                over: "it refused the guard, and lets it in again",
            },
            FreezeReason::Throttled => Self {
                kind: NoticeKind::Tamper,
                label: "TAMPER",
                short: "our looks are throttled",
                opening: format!(
                    "Somebody uses up the quota of calls by which account {name} is watched: for two sweeps and more, \
                     looks into it were throttled for as long as they were tried, though the guard makes no more than \
                     a handful.\n\n"
                ),
                todo: format!(
                    "\nWhat to do now\n\
                     - Treat it as an attack until you know better. CloudTrail shows who calls DescribeInstances or \
                     DescribeRegions over and over.\n\
                     - Is it a tool of yours? Make it call less often.\n\
                     - {ends}\n"
                ),
                over: "its looks were throttled, and it is seen again",
            },
            FreezeReason::Purchases => Self {
                kind: NoticeKind::Purchases,
                label: "PURCHASES",
                short: "more was bought than the policy allows",
                opening: format!("{} Nothing in it is stopped, and nobody is locked out.\n\n", bought(&name)),
                todo: purchases_todo(policy, State::Frozen),
                over: "more was bought than the policy allows",
            },
            FreezeReason::Brake => Self::braked(
                policy,
                "brake",
                "the brake holds: many accounts were halted in the last hour, or some wait frozen for your decision",
            ),
            FreezeReason::BrakeUnknown => Self::braked(
                policy,
                "brake unknown",
                "the brake could not be asked how many accounts were halted in the last hour",
            ),
        }
    }

    fn braked(policy: &AccountPolicy, label: &'static str, why: &str) -> Self {
        let mut todo = "\nWhat to do now\n- Is a limit wrong? Correct the policy, deploy it, and release the \
                        account.\n- Is it an attack on many accounts? Halt this one by order; orders are not braked:\n"
            .to_owned();
        order(&mut todo, &format!("{{\"action\":\"halt\",\"account\":\"{}\",\"reason\":\"...\"}}", policy.account));
        todo.push_str("- As long as an account waits so, others that pass a limit are frozen, too, and not halted.\n");
        Self {
            kind: NoticeKind::Braked,
            label,
            short: label,
            opening: format!("Account {} is past its limit, but {why}.\n\n", full_name(policy)),
            todo,
            over: "it was past a limit, and is no more",
        }
    }
}
