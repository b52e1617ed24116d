//! The mails. Short, concrete, calm: they are read by somebody who was just woken up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::containment::{Containment, Outcome};
use crate::contract;
use crate::history::Summary;
use crate::ids::AccountId;
use crate::mode::Mode;
use crate::money::Usd;
use crate::plan::{Action, Left, LeftReason};
use crate::policy::{AccountPolicy, NotifyList, RoleResponse, UserResponse};
use crate::protected::SERVICES_OWN;
use crate::state::{AccountRecord, Halt, State, Unseen};
use crate::text::{clean, count};
use crate::verdict::{Judgement, Verdict};

/// SNS takes a subject of fewer than 100 characters, ASCII, without line breaks.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const LONGEST_SUBJECT: usize = 99;

/// So many lines of one kind are listed in a mail before the rest is counted.
const MOST_LINES: usize = 25;

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// Close to a limit, or past one where only drills are allowed.
    Warning,
    /// A halt has begun.
    Halt,
    /// What the halt came to.
    Outcome,
    /// An account cannot be seen.
    Unseen,
    /// A halt was ended by an operator.
    Released,
    /// Frozen instead of halted: the brake holds.
    Braked,
    /// Our role worked before and is refused now.
    Tamper,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Warning, Self::Halt, Self::Outcome, Self::Unseen, Self::Released, Self::Braked, Self::Tamper];

    /// Its name where it is stored and logged.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Halt => "halt",
            Self::Outcome => "outcome",
            Self::Unseen => "unseen",
            Self::Released => "released",
            Self::Braked => "braked",
            Self::Tamper => "tamper",
        }
    }
}

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The account it is about.
    pub account: AccountId,
    /// To whom.
    pub list: NotifyList,
    /// Fewer than 100 ASCII characters, one line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// A halt has begun.
pub fn halt(policy: &AccountPolicy, why: &str, seen: &Summary, now: Timestamp) -> Notice {
    let mut body = format!("runawaytrain is halting account {} now.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    running(&mut body, "Running", seen);
    body.push_str("(Containment starts as soon as the limit is passed: regions that had not answered by then are not counted above, but are halted too.)\n");
    body.push_str("\nWhat is being done\n");
    if policy.contain.quarantine {
        body.push_str("- The account is frozen: a service control policy denies whatever makes it grow.\n");
    }
    body.push_str("- Auto Scaling groups and fleets are switched off, then every pending or running instance in every region is stopped. Disks are kept.\n");
    let _ = writeln!(body, "- {}", users_fate(policy.contain.users));
    match policy.contain.roles {
        RoleResponse::RevokeSessions => {
            body.push_str("- Sessions of IAM roles that were issued before this are denied everything; services get new ones by themselves.\n")
        }
        RoleResponse::Deny => body.push_str("- IAM roles are denied everything.\n"),
        RoleResponse::Leave => {}
    }
    body.push_str("- What the policy exempts is left alone.\n");
    body.push_str("\nA second mail follows when two looks in a row found nothing left to do.\n");
    what_next(&mut body, policy);
    notice(policy, NoticeKind::Halt, format!("HALT {}: {why}", short_name(policy)), body)
}

/// What the halt came to: verified, or not proven yet.
pub fn outcome(policy: &AccountPolicy, halt: &Halt, containment: &Containment, now: Timestamp) -> Notice {
    let resisted = containment.resisted();
    let seconds = containment.verified.unwrap_or(now).duration_since(halt.tripped).as_secs();
    let mut body = String::new();
    let verdict = match containment.verified {
        Some(_) if containment.remaining.is_empty() => format!("contained in {seconds} s, after two clean passes"),
        Some(_) => format!("contained in {seconds} s except for what resisted"),
        None => format!("NOT PROVEN to be contained after {seconds} s"),
    };
    let _ = writeln!(body, "Account {}: {verdict}.\n", full_name(policy));
    line(&mut body, "Tripped", &time(halt.tripped));
    line(&mut body, "Now", &time(now));
    running(&mut body, "Before", &halt.before);
    let still = containment
        .remaining
        .iter()
        .map(|action| {
            if matches!(action, Action::StopInstances { .. } | Action::TerminateInstances { .. }) {
                action.instances().len()
            } else {
                0
            }
        })
        .sum::<usize>();
    let blind = if containment.gaps.is_empty() { "" } else { ", as far as could be seen" };
    line(&mut body, "After", &format!("{} left running{blind}", count(still as u64, "instance")));

    body.push_str("\nWhat was done\n");
    done(&mut body, containment);
    section(&mut body, "What resisted", resisted.iter().map(|(action, failure)| format!("{action}: {failure}")));
    section(
        &mut body,
        "What could not be seen",
        containment.gaps.iter().map(|gap| format!("{}: {}", clean(&gap.at), gap.failure)),
    );
    section(
        &mut body,
        "Look at each: made shortly before the halt or since, or open to outsiders",
        containment.suspects.iter().cloned(),
    );
    let left = containment
        .left
        .iter()
        .filter(|left| !matches!(left.reason, LeftReason::Unseen { .. }) && !is_a_services_own(&left.reason));
    section(&mut body, "What was left alone", left.map(|left| format!("{}: {}", clean(&left.item), left.reason)));
    if containment.verified.is_none() {
        body.push_str("\nEvery sweep goes on trying. Look at the account yourself now.\n");
    }
    what_next(&mut body, policy);
    let subject = if containment.verified.is_some() { "Halted" } else { "NOT PROVEN" };
    let resisting = if resisted.is_empty() { String::new() } else { format!(", {} resisted", resisted.len()) };
    notice(
        policy,
        NoticeKind::Outcome,
        format!(
            "{subject} {}: {} stopped{resisting}",
            short_name(policy),
            count(containment.instances_stopped() as u64, "instance")
        ),
        body,
    )
}

/// Close to a limit; or past one in an account where the machine may only look.
pub fn warning(policy: &AccountPolicy, mode: Mode, verdict: &Verdict, seen: &Summary, now: Timestamp) -> Notice {
    let causes = causes(verdict);
    let mut body = String::new();
    let subject = if verdict.judgement == Judgement::Halt {
        let _ =
            writeln!(body, "Account {} is past its limit. Nothing was done: its mode is {mode}.\n", full_name(policy));
        format!("PAST ITS LIMIT, {mode} only: {}: {causes}", short_name(policy))
    } else {
        let _ = writeln!(
            body,
            "Account {} is close to its limit. It is halted when it passes the limit.\n",
            full_name(policy)
        );
        format!("Warning {}: {causes}", short_name(policy))
    };
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", &causes);
    running(&mut body, "Running", seen);
    body.push_str("\nWhat to do\n- If this is yours, ask the payer account's admin for a higher limit before you start more.\n- If it is not, stop it, and change the keys of whoever started it.\n");
    notice(policy, NoticeKind::Warning, subject, body)
}

/// An account could not be seen whole for two sweeps. Goes to the payer's list: the account's own people cannot mend
/// it.
pub fn unseen(policy: &AccountPolicy, state: State, unseen: &Unseen) -> Notice {
    let mut body = format!("Not all of account {} can be seen, so it is not fully protected.\n\n", full_name(policy));
    line(&mut body, "Since", &time(unseen.since));
    line(&mut body, "Sweeps", &unseen.sweeps.to_string());
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &format!("{state}, unchanged: being blind resets nothing"));
    let _ = writeln!(
        body,
        "\nWhat to do\n- Not enrolled? Deploy stacksets/member.yaml into it: it makes the role {}.\n- Enrolled before? Somebody may have deleted or changed that role. Treat it as an attack until you know better.",
        contract::RESPONDER_ROLE
    );
    let mut notice = notice(
        policy,
        NoticeKind::Unseen,
        format!("Unseen {}: not all of it can be looked at", short_name(policy)),
        body,
    );
    notice.list = NotifyList::Default;
    notice
}

/// Frozen instead of halted, to the account's list and to the payer's: somebody must decide.
pub fn braked(policy: &AccountPolicy, why: &str, seen: &Summary, now: Timestamp) -> Vec<Notice> {
    let mut body = format!(
        "Account {} is past its limit, but so many accounts were halted in the last hour that the brake holds.\n\n",
        full_name(policy)
    );
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reason", why);
    running(&mut body, "Running", seen);
    let frozen = if policy.contain.quarantine {
        "It is being frozen, so that nothing in it can grow. What runs, runs on and bills."
    } else {
        "The policy does not quarantine it: nothing was done."
    };
    let _ = writeln!(
        body,
        "\n{frozen}\n\nWhat to do now\n- Is a limit wrong? Correct the policy, deploy it, and release the account.\n- Is it an attack on many accounts? Halt this one by order; orders are not braked:"
    );
    order(&mut body, &format!("{{\"action\":\"halt\",\"account\":\"{}\",\"reason\":\"...\"}}", policy.account));
    let own = notice(policy, NoticeKind::Braked, format!("FROZEN, brake {}: {why}", short_name(policy)), body);
    let mut lists = vec![own.clone()];
    if own.list != NotifyList::Default {
        lists.push(Notice { list: NotifyList::Default, ..own });
    }
    lists
}

/// Our role worked before and is refused now. Goes to the payer's list: the account's own people may be the ones who
/// lost it.
pub fn tamper(policy: &AccountPolicy, state: State, unseen: &Unseen) -> Notice {
    let mut body = format!(
        "Somebody took the guard's way into account {} away: its role worked before and is refused now.\n\n",
        full_name(policy)
    );
    line(&mut body, "Time", &time(unseen.since));
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &state.to_string());
    let frozen = if policy.contain.quarantine {
        "The account is frozen by a service control policy, which needs no role in it: nothing in it can grow."
    } else {
        "The policy does not quarantine it: nothing was done."
    };
    let _ = writeln!(
        body,
        "\n{frozen}\n\nWhat to do now\n- Treat it as an attack until you know better. CloudTrail shows who touched the role {}.\n- Deploy stacksets/member.yaml into the account again, then release it.",
        contract::RESPONDER_ROLE
    );
    let mut notice =
        notice(policy, NoticeKind::Tamper, format!("TAMPER {}: our role is refused", short_name(policy)), body);
    notice.list = NotifyList::Default;
    notice
}

/// A halt was ended: what was undone, what stays locked.
pub fn released(
    policy: &AccountPolicy,
    record: &AccountRecord,
    outcomes: &[Outcome],
    left: &[Left],
    now: Timestamp,
) -> Notice {
    let mut body = format!("Account {} was released by an operator.\n\n", full_name(policy));
    line(&mut body, "Time", &time(now));
    if let Some(grace) = &record.grace {
        line(
            &mut body,
            "Grace",
            &format!("until {}: what runs now does not halt it again, growth past its limit does", time(grace.until)),
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
        left.iter().map(|left| format!("{}: {}", clean(&left.item), left.reason)),
    );
    notice(policy, NoticeKind::Released, format!("Released {}", short_name(policy)), body)
}

fn notice(policy: &AccountPolicy, kind: NoticeKind, subject: String, body: String) -> Notice {
    Notice { kind, account: policy.account.clone(), list: policy.notify.clone(), subject: fit_subject(&subject), body }
}

/// Makes any text a subject that SNS takes.
fn fit_subject(text: &str) -> String {
    let whole = format!("[runawaytrain] {}", clean(text));
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

fn full_name(policy: &AccountPolicy) -> String {
    match &policy.name {
        Some(name) => format!("{} ({})", clean(name), policy.account),
        None => policy.account.to_string(),
    }
}

fn short_name(policy: &AccountPolicy) -> String {
    match &policy.name {
        Some(name) => format!("{} {}", clean(name), policy.account),
        None => policy.account.to_string(),
    }
}

fn causes(verdict: &Verdict) -> String {
    verdict.causes().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn line(body: &mut String, label: &str, value: &str) {
    let _ = writeln!(body, "{label:<9}{value}");
}

fn running(body: &mut String, label: &str, seen: &Summary) {
    let at_least = if seen.lower_bound { "at least " } else { "" };
    let exempt = if seen.exempt > 0 { format!(", and {} exempt", seen.exempt) } else { String::new() };
    let burn = if seen.burn.total() > Usd::ZERO { format!(", {}", seen.burn) } else { String::new() };
    line(
        body,
        label,
        &format!("{at_least}{}, {}{burn}{exempt}", count(seen.instances, "instance"), count(seen.vcpus, "vCPU")),
    );
    for (region, number) in &seen.by_region {
        let _ = writeln!(body, "         {region:<16}{number:>6}");
    }
    let mut types: Vec<_> = seen.by_type.iter().collect();
    types.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let types: Vec<String> =
        types.into_iter().take(MOST_LINES).map(|(name, number)| format!("{number} x {}", clean(name))).collect();
    if !types.is_empty() {
        line(body, "Types", &types.join(", "));
    }
}

fn users_fate(response: UserResponse) -> &'static str {
    match response {
        UserResponse::Deactivate => {
            "IAM users are locked out: everything denied, access keys inactive, console passwords removed."
        }
        UserResponse::DeleteCredentials => {
            "IAM users are locked out: everything denied, access keys and console passwords deleted."
        }
        UserResponse::DeleteUsers => "IAM users are deleted, with their keys and passwords.",
        UserResponse::Leave => "IAM users are left as they are: the policy says so.",
    }
}

fn done(body: &mut String, containment: &Containment) {
    let mut stopped = BTreeMap::<&str, usize>::new();
    let mut counts = BTreeMap::<(&str, &str), u64>::new();
    let mut add = |noun, verb| *counts.entry((noun, verb)).or_default() += 1;
    let mut terminated = 0;
    for action in containment.succeeded() {
        match action {
            Action::StopInstances { region, instances } => {
                *stopped.entry(region.as_str()).or_default() += instances.len()
            }
            Action::TerminateInstances { instances, .. } => terminated += instances.len() as u64,
            Action::Freeze => add("quarantine policy", "attached: nothing can grow"),
            Action::SuspendGroup { .. } => add("Auto Scaling group", "suspended"),
            Action::ZeroFleet { .. } => add("fleet", "set to zero"),
            Action::CancelSpotRequests { .. } => add("Spot request batch", "cancelled"),
            Action::Unprotect { .. } => add("protection", "taken off an instance that refused"),
            Action::DenyUser { .. } => add("user", "denied everything"),
            Action::DeactivateKey { .. } | Action::DeleteKey { .. } => add("access key", "switched off or deleted"),
            Action::DeactivateCredential { .. } => add("other credential", "switched off"),
            Action::DeleteLogin { .. } => add("console password", "removed"),
            Action::RemoveBelonging { .. } => add("other belonging", "removed"),
            Action::DeleteUser { .. } => add("user", "deleted"),
            Action::RevokeSessions { .. } => add("role", "cut off from its sessions"),
            Action::DenyRole { .. } => add("role", "denied everything"),
            // A halt does none of these: they undo one.
            Action::Thaw
            | Action::ResumeGroup { .. }
            | Action::RestoreFleet { .. }
            | Action::Protect { .. }
            | Action::StartInstances { .. }
            | Action::LiftDeny { .. }
            | Action::ActivateKey { .. }
            | Action::ActivateCredential { .. }
            | Action::LiftRole { .. } => {}
        }
    }
    let _ = writeln!(body, "- {} stopped", count(stopped.values().sum::<usize>() as u64, "instance"));
    for (region, number) in &stopped {
        let _ = writeln!(body, "         {region:<16}{number:>6}");
    }
    if terminated > 0 {
        let _ = writeln!(body, "- {} terminated: it could not be stopped", count(terminated, "instance"));
    }
    for ((noun, verb), number) in counts {
        let _ = writeln!(body, "- {} {verb}", count(number, noun));
    }
}

fn is_a_services_own(reason: &LeftReason) -> bool {
    matches!(reason, LeftReason::NeverTouched { whose, .. } if whose == SERVICES_OWN)
}

fn section(body: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(body, "\n{title}");
    for text in lines.iter().take(MOST_LINES) {
        let _ = writeln!(body, "- {text}");
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(body, "- and {} more; the journal has them all", lines.len() - MOST_LINES);
    }
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
        "Add \"users\":[\"NAME\"] or \"roles\":[\"NAME\"] to lift the lock on them, \"keys\":[\"AKIA...\"] to switch single keys on, \"start\":true to start the instances.\n",
    );
}

/// The command that hands the function an event.
fn order(body: &mut String, event: &str) {
    let _ = writeln!(
        body,
        "aws lambda invoke --region {} --function-name {} --cli-binary-format raw-in-base64-out \\\n  --payload '{event}' /dev/stdout",
        contract::HOME_REGION,
        contract::FUNCTION
    );
}
