//! The mails about accounts that are frozen instead of halted, are to be, or are no more.

use jiff::Timestamp;

use super::words::{Text, full_name, notice, place, short_name, time, to_both, to_the_payer};
use crate::contract;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::record::{FreezeReason, State, Unseen};

/// Our role worked before and is refused now. Goes to the payer's list: the account's own people may be the ones who
/// lost it.
pub(super) fn tamper(policy: &AccountPolicy, state: State, unseen: &Unseen, not_frozen: &str) -> Notice {
    let refused = Words::of(FreezeReason::ShutOut, policy);
    let mut text = Text::new(refused.what, &place(policy), refused.todo);
    text.fact("Time", &time(unseen.since));
    text.fact("Why", &unseen.why);
    text.fact("State", &state.to_string());
    text.paragraph(&refused.explanation);
    text.paragraph(&format!("The account was not frozen: {not_frozen}."));
    (refused.steps)(&mut text, policy, state);
    let subject = format!("{} {}: {}", refused.label, short_name(policy), refused.short);
    to_the_payer(notice(policy, refused.kind, &subject, text, &format!("not frozen: {not_frozen}")))
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
    let Words { kind, label, short, what, todo, explanation, steps, .. } = Words::of(reason, policy);
    let mut text = Text::new(what, &place(policy), todo);
    text.fact("Time", &time(now));
    text.fact("Reason", why);
    if kind == NoticeKind::Braked {
        text.running("Running", seen);
        text.limits(&policy.limits);
    }
    text.paragraph(&explanation);
    text.paragraph(&match holds {
        Ok(()) => {
            "The account is frozen by a service control policy, which was seen to be attached: nothing in it can grow. \
             What runs, runs on and bills."
                .to_owned()
        }
        Err(_) if !policy.contain.quarantine => {
            "The policy does not quarantine this account, so nothing was done. What runs, runs on and bills, and more \
             can be started."
                .to_owned()
        }
        Err(why) => format!(
            "The account is NOT frozen: {why}. Every sweep tries again. What runs, runs on and bills, and more can be \
             started."
        ),
    });
    steps(&mut text, policy, State::Frozen);
    let what = holds.as_ref().map_or_else(|why| format!("not frozen: {why}"), |()| "frozen".to_owned());
    let word = if holds.is_ok() { "frozen" } else { "not frozen" };
    if kind == NoticeKind::Tamper {
        let subject = format!("{label} {}: {short}; {word}", short_name(policy));
        return vec![to_the_payer(notice(policy, kind, &subject, text, &what))];
    }
    let subject = format!("{}, {label} {}: {why}", word.to_uppercase(), short_name(policy));
    to_both(notice(policy, kind, &subject, text, &what))
}

/// A freeze ended by itself.
pub(super) fn thawed(policy: &AccountPolicy, reason: FreezeReason, now: Timestamp) -> Notice {
    let was = Words::of(reason, policy).over;
    let mut text =
        Text::new("No longer frozen.", &place(policy), "Nothing, if you know why it was frozen. Else find out.");
    text.fact("Time", &time(now));
    text.fact("Why", was);
    text.fact("State", "Ok: all of it was seen, and nothing in it is past a limit");
    text.history(&policy.account);
    let subject = format!("Thawed {}: no longer frozen", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Thawed, &subject, text, was))
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
    let mut text = Text::new(BOUGHT, &place(policy), OPEN_A_CASE);
    text.fact("Time", &time(now));
    text.fact("Reason", why);
    text.fact("State", &state.to_string());
    text.paragraph(&format!("{PURCHASES} The account was not frozen for this: {not_frozen}."));
    purchases_steps(&mut text, policy, state);
    let subject = format!("PURCHASES {}: {why}", short_name(policy));
    to_both(notice(policy, NoticeKind::Purchases, &subject, text, &format!("not frozen: {not_frozen}")))
}

const BOUGHT: &str = "More was bought here than the policy allows.";
const OPEN_A_CASE: &str = "Was it you? If not, open a case with AWS Support at once.";
const PURCHASES: &str = "These are upfront fees of Reserved Instances or Savings Plans, or subscriptions.";

/// How the freeze of an account that cannot be seen ends.
const ENDS: &str = "A freeze ends by itself once all of the account is seen and nothing in it is past a limit.";

/// What to do about purchases: only AWS Support can reverse one. Whoever is halted needs no release for them, nor
/// another halt.
fn purchases_steps(text: &mut Text, policy: &AccountPolicy, state: State) {
    let account = &policy.account;
    text.heading("What to do");
    if state == State::Frozen {
        text.item("Was it you? Release the account: what the reports know by then is no longer held against it.");
        text.command(&format!("runawaytrain release {account}"));
    } else if !state.is_halt() {
        text.item("Was it you? Raise limits.purchases in the policy and deploy it.");
    }
    text.item(
        "Was it a thief? Open a case with AWS Support at once, under account and billing: only they can reverse a \
         purchase.",
    );
    if !state.is_halt() {
        text.item("Then halt the account by order:");
        text.command(&format!("runawaytrain halt {account} --reason \"purchases that nobody here made\""));
    }
}

/// What is said of a freeze by its reason.
struct Words {
    kind: NoticeKind,
    /// What the subject begins with, after whether it is frozen where people must decide.
    label: &'static str,
    /// What happened, for the subject.
    short: &'static str,
    /// What happened, in the first line.
    what: &'static str,
    /// What to do, in the third.
    todo: &'static str,
    /// The same at length.
    explanation: String,
    steps: fn(&mut Text, &AccountPolicy, State),
    /// How it ended.
    over: &'static str,
}

impl Words {
    fn of(reason: FreezeReason, policy: &AccountPolicy) -> Self {
        let role = contract::RESPONDER_ROLE;
        match reason {
            FreezeReason::ShutOut => Self {
                kind: NoticeKind::Tamper,
                label: "TAMPER",
                short: "our role is refused",
                what: "Somebody shut the guard out of this account.",
                todo: "Treat it as an attack. Find out in CloudTrail who did it.",
                explanation: format!("The role {role} worked here before, and is refused now."),
                steps: |text, policy, _| {
                    text.heading("What to do");
                    let role = contract::RESPONDER_ROLE;
                    text.item(&format!(
                        "Treat it as an attack until you know better. CloudTrail shows who touched the role {role}."
                    ));
                    text.item("Deploy stacksets/member.yaml into the account again.");
                    text.item(ENDS);
                    text.check(&policy.account);
                },
                over: "it refused the guard, and lets it in again",
            },
            FreezeReason::Throttled => Self {
                kind: NoticeKind::Tamper,
                label: "TAMPER",
                short: "our looks are throttled",
                what: "Somebody uses up the quota of calls by which this account is watched.",
                todo: "Treat it as an attack. Find out in CloudTrail who makes the calls.",
                explanation: format!(
                    "For two sweeps and more, looks into {} were throttled for as long as they were tried, though the \
                     guard makes no more than a handful.",
                    full_name(policy)
                ),
                steps: |text, policy, _| {
                    text.heading("What to do");
                    text.item(
                        "Treat it as an attack until you know better. CloudTrail shows who calls DescribeInstances or \
                         DescribeRegions over and over.",
                    );
                    text.item("Is it a tool of yours? Make it call less often.");
                    text.item(ENDS);
                    text.check(&policy.account);
                },
                over: "its looks were throttled, and it is seen again",
            },
            FreezeReason::Purchases => Self {
                kind: NoticeKind::Purchases,
                label: "PURCHASES",
                short: "more was bought than the policy allows",
                what: BOUGHT,
                todo: OPEN_A_CASE,
                explanation: format!("{PURCHASES} Nothing in the account is stopped, and nobody is locked out."),
                steps: purchases_steps,
                over: "more was bought than the policy allows",
            },
            FreezeReason::Brake => Self::braked(
                "brake",
                "Past its limit, but not halted: the brake holds.",
                "The brake holds because many accounts were halted in the last hour, or because some are frozen and \
                 wait for your decision.",
            ),
            FreezeReason::BrakeUnknown => Self::braked(
                "brake unknown",
                "Past its limit, but not halted: the brake could not be asked.",
                "The brake counts the halts of the last hour, and could not be asked how many there were.",
            ),
        }
    }

    fn braked(label: &'static str, what: &'static str, why: &str) -> Self {
        Self {
            kind: NoticeKind::Braked,
            label,
            short: label,
            what,
            todo: "Decide: halt this account, or correct the limit and release it.",
            explanation: why.to_owned(),
            steps: |text, policy, _| {
                let account = &policy.account;
                text.heading("What to do");
                text.item("Is a limit wrong? Correct it in the policy, deploy it, and release the account:");
                text.command(&format!("runawaytrain release {account}"));
                text.item("Is it an attack on many accounts? Halt this one by order. The brake does not hold orders:");
                text.command(&format!("runawaytrain halt {account} --reason \"many accounts run away\""));
                text.item(
                    "As long as an account waits like this, others that pass a limit are frozen too, and not halted. \
                     To see which:",
                );
                text.command("runawaytrain status");
            },
            over: "it was past a limit, and is no more",
        }
    }
}
