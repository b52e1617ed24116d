//! The mails about accounts and regions that cannot be seen.

use super::words::{Text, notice, organization, place, short_name, time, to_the_payer};
use crate::contract;
use crate::decision::ShutOut;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::record::{State, Unseen};
use crate::vocabulary::ids::Region;

/// What is said by what keeps the guard out.
struct Words {
    todo: String,
    cause: Option<String>,
    steps: Vec<String>,
}

/// An account could not be seen whole for a while. Goes to the payer's list: the account's own people cannot mend it.
pub(super) fn account(policy: &AccountPolicy, state: State, unseen: &Unseen, brief: &str, shut_out: ShutOut) -> Notice {
    let Words { todo, cause, steps } = Words::of(shut_out);
    let mut text = Text::new("Part of this account cannot be seen: it is not fully protected.", &place(policy), &todo);
    text.fact("Since", &time(unseen.since));
    text.fact("Sweeps", &unseen.sweeps.to_string());
    text.fact("Why", &unseen.why);
    text.fact("State", &format!("{state}, unchanged"));
    if let Some(cause) = &cause {
        text.fact("Cause", cause);
    }
    text.heading("What to do");
    text.list(&steps);
    text.check(&policy.account);
    let what = cause.map_or_else(|| brief.to_owned(), |cause| format!("{brief}; {cause}"));
    let why = match shut_out {
        ShutOut::Ours { accounts } => format!("{accounts} accounts refuse the guard at once"),
        ShutOut::Moved | ShutOut::Unplaced | ShutOut::No | ShutOut::Recent | ShutOut::Believed => {
            "not all of it can be looked at".to_owned()
        }
    };
    let subject = format!("Unseen {}: {why}", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Unseen, &subject, text, &what))
}

impl Words {
    fn of(shut_out: ShutOut) -> Self {
        let (function, role) = (contract::FUNCTION_ROLE, contract::RESPONDER_ROLE);
        let attack = format!(
            "Was it enrolled before? Somebody may have deleted or changed the role {role}. Treat it as an attack until \
             you know better."
        );
        match shut_out {
            ShutOut::Ours { accounts } => Self {
                todo: format!("Look at the guard itself first: {accounts} accounts refuse it at once."),
                cause: Some(format!(
                    "{accounts} accounts refuse us since about the same time, so it is the guard's own fault, or \
                     AWS's, and none of them is frozen for it"
                )),
                steps: vec![
                    format!(
                        "Look at the guard first: its last deployment, its role {function}, the external id, policies \
                         on STS, and the stack set that makes the role {role}."
                    ),
                    "This ends by itself once the accounts let the guard in again.".to_owned(),
                ],
            },
            ShutOut::Moved => Self {
                todo: "Wait for the stack set, or enroll the unit that it was moved to.".to_owned(),
                cause: Some(format!(
                    "it was moved within the organization, which removes the role {role} from it for a while"
                )),
                steps: vec![
                    format!("Wait until the stack set has made the role {role} again where the account is now."),
                    "Is that unit not enrolled? Add it to the deployment, or deploy stacksets/member.yaml into the \
                     account."
                        .to_owned(),
                ],
            },
            ShutOut::Unplaced => Self {
                todo: "Look at Organizations: it does not say where the account is.".to_owned(),
                cause: Some(
                    "Organizations has not said since then where the account is. It may have been moved, or have left, \
                     so it is not frozen"
                        .to_owned(),
                ),
                steps: vec![
                    "Look at Organizations: it does not answer the guard's ListAccounts. The guard judges the account \
                     again as soon as it does."
                        .to_owned(),
                    format!(
                        "Was the account moved? Then the stack set removes the role {role} and makes it again where \
                         the account arrives."
                    ),
                    "Was it not moved? Somebody may have deleted or changed that role. Treat it as an attack until you \
                     know better."
                        .to_owned(),
                ],
            },
            ShutOut::No | ShutOut::Recent | ShutOut::Believed => Self {
                todo: "Enroll it, or find out who changed the guard's role in it.".to_owned(),
                cause: None,
                steps: vec![
                    format!("Is it not enrolled? Deploy stacksets/member.yaml into it: that makes the role {role}."),
                    attack,
                ],
            },
        }
    }
}

/// The organization denies regions to its accounts. Told once, to the payer's list: the policy can say so.
pub(super) fn denied_regions(policy: &AccountPolicy, regions: &[Region]) -> Notice {
    let regions = regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let role = contract::RESPONDER_ROLE;
    let mut text = Text::new(
        "The organization seems to deny some regions. They are not watched.",
        &organization(policy),
        "Add them to closedRegions in the policy, if that is so.",
    );
    text.fact("Regions", &regions);
    text.paragraph(
        "Most accounts answer, but refuse to be looked at there. The guard takes this for a policy of the organization \
         that denies the region, such as Control Tower's region deny. It no longer reports these refusals, and they do \
         not keep a halt from being proven.",
    );
    text.heading("What to do");
    text.item("Is it so? Add this to the policy, so that nobody asks there any more:");
    text.line("    organization:");
    text.line(&format!("      closedRegions: [{regions}]"));
    text.item(&format!(
        "Is it not? Something keeps the role {role} from looking there in most accounts. Treat it as an attack until \
         you know better."
    ));
    let subject = format!("Closed to most accounts of {}, not watched: {regions}", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::DeniedRegions, &subject, text, &regions))
}
