//! Which account is meant: by its id, or by the name that the policy gives it.

use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{listed, some_of};

use crate::problem::Problem;

/// So many names are listed where the one that was asked for is unknown.
const MOST_NAMES: usize = 10;

/// The account that somebody means. Any id is one, for the defaults hold for accounts that the policy does not name.
/// Fails for a name that the policy does not give, or gives twice, and for digits that are no id.
pub fn account(said: &str, policy: &Policy) -> Result<AccountId, Problem> {
    if let Ok(id) = AccountId::parse(said) {
        return Ok(id);
    }
    let named = policy.document().accounts.iter();
    let found: Vec<&AccountId> = named.filter(|(_, own)| own.name.as_deref() == Some(said)).map(|(id, _)| id).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(nobody(said, policy)),
        several => {
            let ids: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
            let what = format!("The policy calls several accounts {said:?}: {}.", listed(&ids));
            Err(Problem::Stays { what, todo: "name one of them by its id.".to_owned() })
        }
    }
}

fn nobody(said: &str, policy: &Policy) -> Problem {
    if said.chars().any(|one| one.is_ascii_digit())
        && said.chars().all(|one| one.is_ascii_digit() || "- ".contains(one))
    {
        let digits = said.chars().filter(char::is_ascii_digit).count();
        let why = match digits {
            12 => "something stands between its digits".to_owned(),
            _ => format!("it has {digits} digits and not 12"),
        };
        let what = format!("{said:?} is not an account id: {why}.");
        return Problem::Stays { what, todo: "write all 12 digits, leading zeros too, and nothing else.".to_owned() };
    }
    let accounts = &policy.document().accounts;
    let names: Vec<&str> = accounts.values().filter_map(|own| own.name.as_deref()).collect();
    let todo = if names.is_empty() {
        "name the account by its id: the policy gives no names.".to_owned()
    } else {
        format!("name it by its 12-digit id, or by a name of the policy: {}.", some_of(&names, MOST_NAMES))
    };
    Problem::Stays { what: format!("The policy calls no account {said:?}."), todo }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy_file::PolicyFile;

    const NAMED: &str = "payer: \"123456789012\"\norganization: {id: o-exampleorg}\n\
        defaults: {limits: {instances: 2}, notify: [a@example.edu]}\n\
        accounts:\n  \"000000000001\": {name: lab}\n  \"000000000002\": {name: lab}\n  \"000000000003\": {name: dish}\n";

    fn meant(said: &str) -> Result<String, String> {
        let policy = PolicyFile::parse(Path::new("policy.yaml"), NAMED).unwrap().policy;
        account(said, &policy).map(String::from).map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_account_is_meant_by_its_id_or_its_name() {
        assert_eq!(meant("dish"), Ok("000000000003".to_owned()));
        assert_eq!(meant("999999999999"), Ok("999999999999".to_owned()), "the defaults hold for it");
        for (said, sentence) in [
            ("lab", "several accounts \"lab\": 000000000001 and 000000000002."),
            ("dihs", "calls no account \"dihs\""),
            ("12345", "\"12345\" is not an account id: it has 5 digits"),
            ("1234-5678-9012", "something stands between its digits"),
            ("", "calls no account \"\""),
        ] {
            let refused = meant(said).unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
    }
}
