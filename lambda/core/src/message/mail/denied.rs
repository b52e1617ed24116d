//! What a mail says of calls that AWS denies to us: which, whom it leaves as they are, what holds them all the same,
//! and what would open the door.

use std::collections::BTreeSet;

use super::words::Text;
use crate::contract;
use crate::plan::Containment;
use crate::plan::denials::Denial;
use crate::policy::AccountPolicy;
use crate::resource::{Part, SkipReason, quarantine};
use crate::vocabulary::failure::DeniedBy;
use crate::vocabulary::text::{clean, count};

/// So many names of users and roles are listed in a line.
const MOST_NAMES: usize = 15;

/// Writes of it, where there is any.
pub(super) fn write(text: &mut Text, policy: &AccountPolicy, containment: &Containment, denials: &[Denial]) {
    if denials.is_empty() {
        return;
    }
    text.section("What AWS denies us in this account", denials.iter().map(line));
    if denials.iter().any(|denial| matches!(denial.part, Part::Lock | Part::Strip)) {
        text.paragraph("Whoever holds a key, a password or a session of theirs can go on using it.");
    }
    text.paragraph(quarantine(policy, containment));
    let denied_by: BTreeSet<DeniedBy> = denials.iter().flat_map(|denial| denial.denied_by.iter().copied()).collect();
    let is_unknown = denials.iter().any(|denial| denial.denied_by.is_empty());
    text.section("What would open it", cures(&denied_by, is_unknown));
    text.paragraph(
        "The next sweep tries again, with a few of them first, and does the rest once those are let through.",
    );
}

fn line(denial: &Denial) -> String {
    let operations: Vec<&str> = denial.operations.iter().copied().collect();
    let names: Vec<String> = denial.whose.iter().take(MOST_NAMES).map(|name| clean(name)).collect();
    let more = match denial.whose.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of = match denial.part {
        Part::Lock => ":",
        Part::Strip => " of",
        Part::Freeze | Part::Disarm | Part::Prepare | Part::Stop | Part::GiveBack | Part::Restart => " in",
    };
    let reach = if denial.is_for_all {
        format!("denied for each of the {} that were asked", denial.asked)
    } else {
        "denied for these".to_owned()
    };
    let left = count(denial.left, denial.noun);
    format!("{}: {left} not {}{of} {}{more} ({reach})", operations.join(", "), denial.verb, names.join(", "))
}

/// What holds the account meanwhile: the payer's own lever.
fn quarantine(policy: &AccountPolicy, containment: &Containment) -> &'static str {
    let is_missing = containment.skipped.iter().any(|skipped| skipped.reason == SkipReason::NoQuarantine);
    if !policy.contain.quarantine {
        "The policy says quarantine: false for this account, and that is kept to: nothing keeps them from starting \
         more than is stopped at each sweep. With contain.quarantine: true, deployed, the next sweep freezes the \
         account from the payer, which needs no permission in it."
    } else if is_missing || containment.remaining.contains(&quarantine::Action::Freeze.into()) {
        "The quarantine is NOT attached: nothing keeps them from starting more than is stopped at each sweep."
    } else {
        "The quarantine is attached, from the payer, and it binds them too, the root user included: they cannot \
         launch, start or scale up anything, or make new users, roles and keys. It ends no session: they can still \
         reach what is stored and what runs."
    }
}

/// What would open the doors that these policies shut.
pub(super) fn cures(denied_by: &BTreeSet<DeniedBy>, is_unknown: bool) -> Vec<String> {
    let role = contract::RESPONDER_ROLE;
    let exempt =
        format!("exempt the role from that policy: condition ArnNotLike, aws:PrincipalArn, arn:aws:iam::*:role/{role}");
    let update =
        format!("update the stack set {}, which gives the role {role} what it needs", contract::MEMBER_STACK_SET);
    let mut cures = Vec::new();
    for denied_by in denied_by {
        cures.push(match denied_by {
            DeniedBy::Organization => {
                format!("AWS says that a policy of the organization denies it. In Organizations, {exempt}.")
            }
            DeniedBy::Boundary => {
                format!("AWS says that a permissions boundary on the role {role} denies it. Remove the boundary.")
            }
            DeniedBy::Role => format!("AWS says that the policies of the role {role} do not allow it: {update}."),
        });
    }
    if is_unknown {
        cures.push(format!("Is it a service control policy of the organization? Then {exempt}."));
        cures.push(format!("Is the account's stack older than the guard? Then {update}."));
    }
    cures
}
