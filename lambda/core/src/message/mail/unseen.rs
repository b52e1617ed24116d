//! The mails about accounts and regions that cannot be seen.

use std::fmt::Write as _;

use super::words::{full_name, line, notice, short_name, time, to_the_payer};
use crate::contract;
use crate::decision::ShutOut;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::record::{State, Unseen};
use crate::vocabulary::ids::Region;

/// An account could not be seen whole for a while. Goes to the payer's list: the account's own people cannot mend it.
pub(super) fn account(policy: &AccountPolicy, state: State, unseen: &Unseen, brief: &str, shut_out: ShutOut) -> Notice {
    let mut body = format!("Not all of account {} can be seen, so it is not fully protected.\n\n", full_name(policy));
    line(&mut body, "Since", &time(unseen.since));
    line(&mut body, "Sweeps", &unseen.sweeps.to_string());
    line(&mut body, "Why", &unseen.why);
    line(&mut body, "State", &format!("{state}, unchanged: being blind resets nothing"));
    let (function, role) = (contract::FUNCTION_ROLE, contract::RESPONDER_ROLE);
    let (cause, todo) = match shut_out {
        ShutOut::Ours { accounts } => (
            Some(format!(
                "{accounts} accounts refuse us since about the same time, so it is the guard's own fault, or AWS's, \
                 and none is frozen for it"
            )),
            format!(
                "- Look at the guard first: its last deployment, its role {function}, the external id, policies on \
                 STS, the stack set that makes the role {role}.\n\
                 - It mends itself once the accounts let the guard in again."
            ),
        ),
        ShutOut::Moved => (
            Some(format!("it was moved within the organization, which takes the role {role} out of it for a while")),
            format!(
                "- Wait until the stack set has made the role {role} anew where the account is now.\n\
                 - Is that unit not enrolled? Add it to the deployment, or deploy stacksets/member.yaml into the \
                 account."
            ),
        ),
        ShutOut::Unplaced => (
            Some(
                "Organizations has not said since where it is, so it may have been moved, or have left, and is not \
                 frozen"
                    .to_owned(),
            ),
            format!(
                "- Look at Organizations: it does not answer the guard's ListAccounts. The guard judges anew as soon \
                 as it does.\n\
                 - Was the account moved? The stack set takes the role {role} out of it and makes it anew where it \
                 arrives.\n\
                 - Was it not? Somebody may have deleted or changed that role. Treat it as an attack until you know \
                 better."
            ),
        ),
        ShutOut::No | ShutOut::Recent | ShutOut::Believed => (
            None,
            format!(
                "- Not enrolled? Deploy stacksets/member.yaml into it: it makes the role {role}.\n\
                 - Enrolled before? Somebody may have deleted or changed that role. Treat it as an attack until you \
                 know better."
            ),
        ),
    };
    if let Some(cause) = &cause {
        line(&mut body, "Cause", cause);
    }
    let _ = writeln!(body, "\nWhat to do\n{todo}");
    let what = cause.map_or_else(|| brief.to_owned(), |cause| format!("{brief}; {cause}"));
    let why = match shut_out {
        ShutOut::Ours { accounts } => format!("{accounts} accounts refuse the guard at once"),
        ShutOut::Moved | ShutOut::Unplaced | ShutOut::No | ShutOut::Recent | ShutOut::Believed => {
            "not all of it can be looked at".to_owned()
        }
    };
    to_the_payer(notice(policy, NoticeKind::Unseen, format!("Unseen {}: {why}", short_name(policy)), body, &what))
}

/// The organization denies regions to its accounts. Told once, to the payer's list: the policy can say so.
pub(super) fn denied_regions(policy: &AccountPolicy, regions: &[Region]) -> Notice {
    let regions = regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let role = contract::RESPONDER_ROLE;
    let body = format!(
        "Most accounts of the organization answer, but refuse to be looked at in {regions}. This is taken for a policy \
         of the organization that denies the region, such as Control Tower's region deny: to be refused there is no \
         longer reported, and does not keep a halt from being proven.\n\
         \n\
         What to do\n\
         - Is it so? Add to the policy, so that nobody asks there any more:\n    \
         organization:\n      closedRegions: [{regions}]\n\
         - Is it not? Something keeps the role {role} from looking there in most accounts. Treat it as an attack until \
         you know better.\n"
    );
    let subject = format!("Closed to most accounts, not watched: {regions}");
    to_the_payer(notice(policy, NoticeKind::DeniedRegions, subject, body, &regions))
}
