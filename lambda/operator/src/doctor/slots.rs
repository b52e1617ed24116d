//! Whether every account has room for what a halt attaches to it: the quarantine, what denies models, and the lockdown
//! where the policy wants it. An account without room could be halted, and would not be frozen.

use futures::{StreamExt as _, TryStreamExt as _};

use runawaytrain_core::contract::{LOCKDOWN_POLICY, MODELS_POLICY, QUARANTINE_POLICY};
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_core::vocabulary::text::{clean, count, some_of};

use super::ground::Ground;
use super::scps::SLOTS;
use crate::cloud::organization::{Member, Scp};
use crate::finding::{Cure, Finding};

/// Calls at once: Organizations throttles at some ten a second.
const AT_ONCE: usize = 4;
/// Of many only so many are named.
const NAMED: usize = 5;

/// An account, and how many policies more it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Which account.
    pub account: Member,
    /// How many more it takes.
    pub free: usize,
    /// How many a halt would attach.
    pub wanted: usize,
}

/// Asks what is attached to each account itself; what it inherits takes none of its slots.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    let members = ground.cloud.members().await?;
    let rooms: Vec<Room> = futures::stream::iter(members)
        .map(|account| async move {
            let attached = ground.cloud.scps_on(&account.id).await?;
            let policy = &ground.policy.policy;
            let units = match &account.path {
                _ if !policy.has_units() => Vec::new(),
                Some(path) => UnitId::along(path),
                None => ground.cloud.units_around(&account.id).await?,
            };
            Ok::<_, Failure>(room(account, &units, &attached, policy))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(vec![slots(&rooms)])
}

fn room(account: Member, units: &[UnitId], attached: &[Scp], policy: &Policy) -> Room {
    let wanted = AccountId::parse(&account.id).map_or(0, |id| {
        let contain = policy.for_account(&id, Some(units)).contain;
        let of_a_halt = [
            (QUARANTINE_POLICY, contain.quarantine),
            (MODELS_POLICY, contain.models),
            (LOCKDOWN_POLICY, contain.lockdown),
        ];
        let is_attached = |name: &str| attached.iter().any(|policy| policy.name == name);
        of_a_halt.iter().filter(|(name, is_wanted)| *is_wanted && !is_attached(name)).count()
    });
    Room { account, free: SLOTS.saturating_sub(attached.len()), wanted }
}

fn slots(rooms: &[Room]) -> Finding {
    let what = "SCP slots of accounts";
    let most = rooms.iter().map(|room| room.wanted).max().unwrap_or_default();
    let full: Vec<&Room> = rooms.iter().filter(|room| room.free < room.wanted).collect();
    if full.is_empty() {
        let accounts = count(rooms.len() as u64, "account");
        return Finding::ok(
            what,
            match most {
                0 => "there is no account yet that a halt attaches anything to".to_owned(),
                most => format!("each of {accounts} has room for the {most} that a halt attaches at the most"),
            },
        );
    }
    let named: Vec<String> = full
        .iter()
        .map(|room| {
            format!("{} {} ({} free, {} wanted)", room.account.id, clean(&room.account.name), room.free, room.wanted)
        })
        .collect();
    let said = format!(
        "{} of {} could not be frozen, for there is no room for what a halt attaches: {}",
        full.len(),
        count(rooms.len() as u64, "account"),
        some_of(&named, NAMED)
    );
    let first = full.first().map_or("", |room| room.account.id.as_str());
    let cure = Cure::new(format!("aws organizations detach-policy --target-id {first} --policy-id p-…"));
    Finding::missing(what, said, cure.remarked("merge policies, or attach them to the unit instead of the account"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_file::PolicyFile;

    fn rooms(lockdown: bool, taken: &[(&str, usize)]) -> Vec<Room> {
        let text = include_str!("../../../../runawaytrain.yaml")
            .replace("    quarantine: true\n", &format!("    quarantine: true\n    lockdown: {lockdown}\n"));
        let policy = PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap().policy;
        taken
            .iter()
            .map(|(id, count)| {
                let attached: Vec<Scp> =
                    (0..*count).map(|n| Scp { id: format!("p-{n}"), name: format!("n{n}") }).collect();
                room(Member { id: (*id).to_owned(), name: "lab".to_owned(), path: None }, &[], &attached, &policy)
            })
            .collect()
    }

    #[test]
    fn a_halt_takes_two_slots_and_a_third_where_it_locks_down() {
        let taken = [("111111111111", 8), ("222222222222", 1)];
        assert_eq!(slots(&rooms(false, &taken)).status, crate::finding::Status::Ok);
        let found = slots(&rooms(true, &taken));
        assert!(found.said.starts_with("1 of 2 accounts could not be frozen"), "{}", found.said);
        assert!(found.said.contains("111111111111 lab (2 free, 3 wanted)"), "{}", found.said);
    }

    #[test]
    fn what_is_attached_already_takes_no_other_slot_and_the_payer_none() {
        let policy = PolicyFile::parse("policy.yaml".as_ref(), include_str!("../../../../runawaytrain.yaml")).unwrap();
        let scp = |name: &str| Scp { id: "p-1".into(), name: name.into() };
        let mut attached: Vec<Scp> = (0..8).map(|n| scp(&format!("n{n}"))).collect();
        attached.extend([scp(QUARANTINE_POLICY), scp(MODELS_POLICY)]);
        let member = |id: &str| Member { id: id.into(), name: String::new(), path: None };
        let halted = room(member("111111111111"), &[], &attached, &policy.policy);
        assert_eq!((halted.free, halted.wanted), (0, 0));
        assert_eq!(room(member(policy.payer()), &[], &[], &policy.policy).wanted, 0);
    }
}
