//! The mails about accounts that cannot be seen, and about those that are frozen instead of halted.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::words::{full_name, line, notice, order, running, short_name, time};
use crate::contract;
use crate::decision::ShutOut;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, NotifyList};
use crate::record::{FreezeReason, State, Unseen};
use crate::vocabulary::ids::Region;

/// An account could not be seen whole for a while. Goes to the payer's list: the account's own people cannot mend it.
pub(super) fn not_seen(
    policy: &AccountPolicy,
    state: State,
    unseen: &Unseen,
    brief: &str,
    shut_out: ShutOut,
) -> Notice {
    let mut body = format!("Not all of account {} can be seen, so it is not fully protected.\n\n", full_name(policy));
    line(&mut body, "Since", &time(unseen.since));
    line(&mut body, "Sweeps", &unseen.sweeps.to_string());
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &format!("{state}, unchanged: being blind resets nothing"));
    let role = contract::RESPONDER_ROLE;
    let (cause, todo) = match shut_out {
        ShutOut::Ours { accounts } => (
            Some(format!(
                "{accounts} accounts refuse us since about the same time, so it is the guard's own fault, or AWS's, and none is frozen for it"
            )),
            format!(
                "- Look at the guard first: its last deployment, its role {}, the external id, policies on STS, the stack set that makes the role {role}.\n- It mends itself once the accounts let the guard in again.",
                contract::FUNCTION_ROLE
            ),
        ),
        ShutOut::Moved => (
            Some(format!("it was moved within the organization, which takes the role {role} out of it for a while")),
            format!(
                "- Wait until the stack set has made the role {role} anew where the account is now.\n- Is that unit not enrolled? Add it to the deployment, or deploy stacksets/member.yaml into the account."
            ),
        ),
        ShutOut::No | ShutOut::Recent | ShutOut::Believed => (
            None,
            format!(
                "- Not enrolled? Deploy stacksets/member.yaml into it: it makes the role {role}.\n- Enrolled before? Somebody may have deleted or changed that role. Treat it as an attack until you know better."
            ),
        ),
    };
    if let Some(cause) = &cause {
        line(&mut body, "Cause", cause);
    }
    let what = cause.map_or_else(|| brief.to_owned(), |cause| format!("{brief}; {cause}"));
    let _ = writeln!(body, "\nWhat to do\n{todo}");
    let subject = match shut_out {
        ShutOut::Ours { accounts } => {
            format!("Unseen {}: {accounts} accounts refuse the guard at once", short_name(policy))
        }
        _ => format!("Unseen {}: not all of it can be looked at", short_name(policy)),
    };
    to_the_payer(notice(policy, NoticeKind::Unseen, subject, body, &what))
}

/// The organization denies regions to its accounts. Told once, to the payer's list: the policy can say so.
pub(super) fn denied_regions(policy: &AccountPolicy, regions: &[Region]) -> Notice {
    let regions = regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut body = format!(
        "Most accounts of the organization answer, but refuse to be looked at in {regions}. This is taken for a policy of the organization that denies the region, such as Control Tower's region deny: to be refused there is no longer reported, and does not keep a halt from being proven.\n"
    );
    let _ = writeln!(
        body,
        "\nWhat to do\n- Is it so? Add to the policy, so that nobody asks there any more:\n    organization:\n      closedRegions: [{regions}]\n- Is it not? Something keeps the role {} from looking there in most accounts. Treat it as an attack until you know better.",
        contract::RESPONDER_ROLE
    );
    let subject = format!("Closed to most accounts, not watched: {regions}");
    to_the_payer(notice(policy, NoticeKind::DeniedRegions, subject, body, &regions))
}

/// Our role worked before and is refused now. Goes to the payer's list: the account's own people may be the ones who
/// lost it.
pub(super) fn tamper(policy: &AccountPolicy, state: State, unseen: &Unseen, not_frozen: &str) -> Notice {
    let mut body = taken_away(policy);
    line(&mut body, "Time", &time(unseen.since));
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &state.to_string());
    let _ = write!(body, "\nThe account was not frozen: {not_frozen}.\n");
    body.push_str(&tampered_todo());
    let subject = format!("TAMPER {}: our role is refused", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Tamper, subject, body, &format!("not frozen: {not_frozen}")))
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
    let frozen = match holds {
        Ok(()) => "The account is frozen by a service control policy, which was seen to be attached: nothing in it can grow. What runs, runs on and bills.".to_owned(),
        Err(_) if !policy.contain.quarantine => "The policy does not quarantine it: nothing was done. What runs, runs on and bills, and more can be started.".to_owned(),
        Err(why) => format!("The account is NOT frozen: {why}. Every sweep tries again. What runs, runs on and bills, and more can be started."),
    };
    let (word, what) = match holds {
        Ok(()) => ("FROZEN", "frozen".to_owned()),
        Err(why) => ("NOT FROZEN", format!("not frozen: {why}")),
    };
    let (opening, todo, cause) = match reason {
        FreezeReason::ShutOut => (taken_away(policy), tampered_todo(), None),
        FreezeReason::Throttled => (used_up(policy), throttled_todo(), None),
        FreezeReason::Brake | FreezeReason::BrakeUnknown => {
            let (cause, label) = match reason {
                FreezeReason::BrakeUnknown => {
                    ("the brake could not be asked how many accounts were halted in the last hour", "brake unknown")
                }
                FreezeReason::Brake | FreezeReason::ShutOut | FreezeReason::Throttled => (
                    "the brake holds: many accounts were halted in the last hour, or some wait frozen for your decision",
                    "brake",
                ),
            };
            let opening = format!("Account {} is past its limit, but {cause}.\n\n", full_name(policy));
            (opening, braked_todo(policy), Some(label))
        }
    };
    let mut body = opening;
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    if cause.is_some() {
        running(&mut body, "Running", seen);
    }
    let _ = write!(body, "\n{frozen}\n{todo}");
    let Some(label) = cause else {
        let done = match reason {
            FreezeReason::Throttled => "our looks are throttled",
            FreezeReason::ShutOut | FreezeReason::Brake | FreezeReason::BrakeUnknown => "our role is refused",
        };
        let subject = format!("TAMPER {}: {done}; {}", short_name(policy), word.to_lowercase());
        return vec![to_the_payer(notice(policy, NoticeKind::Tamper, subject, body, &what))];
    };
    let own = notice(policy, NoticeKind::Braked, format!("{word}, {label} {}: {why}", short_name(policy)), body, &what);
    let mut lists = vec![own.clone()];
    if own.list != NotifyList::Default {
        lists.push(to_the_payer(own));
    }
    lists
}

/// A freeze ended by itself.
pub(super) fn thawed(policy: &AccountPolicy, reason: FreezeReason, now: Timestamp) -> Notice {
    let was = match reason {
        FreezeReason::ShutOut => "it refused the guard, and lets it in again",
        FreezeReason::Throttled => "its looks were throttled, and it is seen again",
        FreezeReason::Brake | FreezeReason::BrakeUnknown => "it was past a limit, and is no more",
    };
    let mut body = format!("Account {} is no longer frozen: {was}.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    body.push_str("State    Ok: it was seen whole, and nothing in it is past a limit\n");
    to_the_payer(notice(policy, NoticeKind::Thawed, format!("Thawed {}", short_name(policy)), body, was))
}

fn taken_away(policy: &AccountPolicy) -> String {
    format!(
        "Somebody took the guard's way into account {} away: its role worked before and is refused now.\n\n",
        full_name(policy)
    )
}

fn used_up(policy: &AccountPolicy) -> String {
    format!(
        "Somebody uses up the quota of calls by which account {} is watched: for two sweeps and more, looks into it were throttled for as long as they were tried, though the guard makes no more than a handful.\n\n",
        full_name(policy)
    )
}

fn throttled_todo() -> String {
    "\nWhat to do now\n- Treat it as an attack until you know better. CloudTrail shows who calls DescribeInstances or DescribeRegions over and over.\n- Is it a tool of yours? Make it call less often.\n- A freeze ends by itself once the account is seen whole and nothing in it is past a limit.\n".to_owned()
}

fn tampered_todo() -> String {
    format!(
        "\nWhat to do now\n- Treat it as an attack until you know better. CloudTrail shows who touched the role {}.\n- Deploy stacksets/member.yaml into the account again. A freeze ends by itself once the account is seen whole and nothing in it is past a limit.\n",
        contract::RESPONDER_ROLE
    )
}

fn braked_todo(policy: &AccountPolicy) -> String {
    let mut todo = "\nWhat to do now\n- Is a limit wrong? Correct the policy, deploy it, and release the account.\n- Is it an attack on many accounts? Halt this one by order; orders are not braked:\n".to_owned();
    order(&mut todo, &format!("{{\"action\":\"halt\",\"account\":\"{}\",\"reason\":\"...\"}}", policy.account));
    todo.push_str("- As long as an account waits so, others that pass a limit are frozen, too, and not halted.\n");
    todo
}

fn to_the_payer(notice: Notice) -> Notice {
    Notice { list: NotifyList::Default, ..notice }
}
