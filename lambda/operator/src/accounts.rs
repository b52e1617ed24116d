//! Which account is meant: by its id, or by the name that the policy or the organization has for it.

use std::collections::BTreeMap;

use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, some_of};

use crate::cloud::Cloud;
use crate::problem::Problem;

/// Of many names only so many are told.
const NAMED: usize = 8;

/// An account that a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: AccountId,
    /// What it is called; its id where it has no name.
    pub name: String,
}

impl Named {
    /// A member may choose its name: nothing of it reaches a terminal but what can be shown.
    fn of(id: AccountId, name: Option<&str>) -> Self {
        let name = name.map(clean).filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string());
        Self { id, name }
    }
}

/// What an account is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look at it.
    Look,
    /// To have the guard change it, or what holds for it.
    Order,
}

/// Finds an account. The organization is asked only where the policy does not know the name, and for the name of an id.
///
/// # Errors
/// Where none has that name, or more than one; and where an order names one by what it is called in the organization:
/// its own people may choose that, and call it like another.
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-update-acct-name.html>
pub async fn find(said: &str, policy: &Policy, cloud: &Cloud, purpose: Purpose) -> Result<Named, Problem> {
    let known = by_policy(policy);
    if let Ok(id) = AccountId::parse(said) {
        let name = match known.get(&id) {
            Some(name) => Some(name.clone()),
            // Its name is a courtesy: whoever may not list accounts can do without.
            None => members(cloud).await.ok().and_then(|members| members.get(&id).cloned()),
        };
        return Ok(Named::of(id, name.as_deref()));
    }
    let mut found = called(said, &known);
    let mut names: Vec<String> = known.into_values().collect();
    if found.is_empty() {
        let members = members(cloud).await?;
        found = called(said, &members);
        match purpose {
            Purpose::Look => names.extend(members.into_values()),
            Purpose::Order => not_of_its_own_choice(said, &found)?,
        }
    }
    one(said, found, names)
}

/// The same without asking anybody: of the policy alone. Any id is one, for the defaults hold for accounts that the
/// policy does not name.
pub fn in_policy(said: &str, policy: &Policy) -> Result<AccountId, Problem> {
    if let Ok(id) = AccountId::parse(said) {
        return Ok(id);
    }
    let known = by_policy(policy);
    let found = called(said, &known);
    one(said, found, known.into_values().collect()).map(|named| named.id)
}

/// Every account that the policy has a name for.
fn by_policy(policy: &Policy) -> BTreeMap<AccountId, String> {
    let settings = policy.document().accounts.iter();
    settings.filter_map(|(account, settings)| Some((account.clone(), settings.name.clone()?))).collect()
}

async fn members(cloud: &Cloud) -> Result<BTreeMap<AccountId, String>, Problem> {
    let members = cloud.members().await?.into_iter();
    Ok(members.filter_map(|member| Some((AccountId::parse(&member.id).ok()?, member.name))).collect())
}

fn called(said: &str, names: &BTreeMap<AccountId, String>) -> Vec<Named> {
    let of_that_name = names.iter().filter(|(_, name)| name.eq_ignore_ascii_case(said));
    of_that_name.map(|(id, name)| Named::of(id.clone(), Some(name))).collect()
}

fn one(said: &str, mut found: Vec<Named>, mut names: Vec<String>) -> Result<Named, Problem> {
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            let ids: Vec<String> = found.iter().chain([&last]).map(|one| one.id.to_string()).collect();
            let what = format!("more than one account is called “{}”: {}", clean(said), some_of(&ids, NAMED));
            Err(Problem::Stays { what, todo: "say which, by its 12 digits".to_owned() })
        }
        (None, _) => {
            not_digits(said)?;
            names.sort();
            names.dedup();
            let names: Vec<String> = names.iter().map(|name| clean(name)).collect();
            let what = format!("no account is called “{}”", clean(said));
            let todo = if names.is_empty() {
                "name the account by its 12 digits: the policy gives no names".to_owned()
            } else {
                format!("name it by its 12 digits, or by its name: {}", some_of(&names, NAMED))
            };
            Err(Problem::Stays { what, todo })
        }
    }
}

/// Refuses to give an order about whatever calls itself so.
fn not_of_its_own_choice(said: &str, found: &[Named]) -> Result<(), Problem> {
    // Of more than one, all are named anyway.
    let [only] = found else { return Ok(()) };
    Err(Problem::Stays {
        what: format!(
            "“{}” is the name that account {} has in the organization, which its own people may choose; nothing was done",
            clean(said),
            only.id
        ),
        todo: format!(
            "where that is the account you mean, name it by its 12 digits; accounts.\"{}\".name in the policy file gives \
             it a name that counts",
            only.id
        ),
    })
}

/// Refuses what was meant for an id and is none.
fn not_digits(said: &str) -> Result<(), Problem> {
    let digits = said.chars().filter(char::is_ascii_digit).count();
    if digits == 0 || !said.chars().all(|one| one.is_ascii_digit() || "- ".contains(one)) {
        return Ok(());
    }
    let why = match digits {
        12 => "something stands between its digits".to_owned(),
        _ => format!("it has {digits} digits and not 12"),
    };
    let what = format!("“{}” is not an account id: {why}", clean(said));
    Err(Problem::Stays { what, todo: "write all 12 digits, leading zeros too, and nothing else".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[(&str, &str)]) -> BTreeMap<AccountId, String> {
        of.iter().map(|(id, name)| (AccountId::parse(id).unwrap(), (*name).to_owned())).collect()
    }

    #[test]
    fn an_account_is_found_by_its_name_whatever_its_letters() {
        let known = names(&[("111111111111", "Physics"), ("222222222222", "biology")]);
        let found = one("physics", called("physics", &known), Vec::new()).unwrap();
        assert_eq!((found.id.as_str(), found.name.as_str()), ("111111111111", "Physics"));
    }

    #[test]
    fn a_name_that_nobody_has_or_two_have_is_a_sentence() {
        let known = names(&[("111111111111", "lab"), ("222222222222", "lab")]);
        let refused = one("lab", called("lab", &known), Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("111111111111"), "{refused}");
        let refused = one("phisics", called("phisics", &known), vec!["physics".into()]).unwrap_err();
        assert_eq!(refused.to_string(), "no account is called “phisics”");
        assert!(refused.cure().unwrap().exact.contains("physics"));
    }

    #[test]
    fn an_order_takes_no_name_that_an_account_may_have_chosen() {
        let members = names(&[("111111111111", "physics"), ("222222222222", "lab"), ("333333333333", "lab")]);
        let refused = not_of_its_own_choice("Physics", &called("Physics", &members)).unwrap_err();
        assert!(refused.to_string().contains("account 111111111111 has in the organization"), "{refused}");
        assert!(refused.cure().unwrap().exact.contains("accounts.\"111111111111\".name"), "{:?}", refused.cure());
        for nobodys_or_of_two in ["chemistry", "lab"] {
            let found = called(nobodys_or_of_two, &members);
            assert!(not_of_its_own_choice(nobodys_or_of_two, &found).is_ok());
            assert!(one(nobodys_or_of_two, found, Vec::new()).is_err());
        }
    }

    #[test]
    fn digits_that_are_no_id_are_told_why() {
        for (said, why) in [
            ("12345", "“12345” is not an account id: it has 5 digits and not 12"),
            ("1234-5678-9012", "“1234-5678-9012” is not an account id: something stands between its digits"),
            ("", "no account is called “”"),
        ] {
            assert_eq!(one(said, Vec::new(), Vec::new()).unwrap_err().to_string(), why);
        }
    }
}
