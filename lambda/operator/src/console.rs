//! A console password for a user that a release gave back: whether it was, where the password is kept, and what is told
//! of it. The password itself is known to [`crate::cloud`] alone.

use jiff::Timestamp;
use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::resource::users::Action as OfUser;
use runawaytrain_core::resource::{Act as _, Action, Part, SkipReason};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::clean;
use serde::Serialize;

use crate::answer::{Account, Answer};
use crate::cloud::secrets::{Kept, PASSWORD_LENGTH, Place};
use crate::refusal;

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html>
const TOO_WEAK: &str = "PasswordPolicyViolation";

/// Why a user gets no password, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// Why.
    pub why: String,
    /// What to do.
    pub todo: String,
}

/// What is told of a password: everything but the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleAccess {
    /// Whose.
    pub user: String,
    /// The name of the secret that holds it, in the payer.
    pub secret: String,
    /// Its ARN.
    pub arn: String,
    /// Where the user signs in.
    pub sign_in: String,
    /// The command that reads the password.
    pub read: String,
    /// The command that deletes the secret afterwards.
    pub delete: String,
}

/// Whether a release gave a user back, by what the guard answered. What it does not say is not so.
pub fn given_back(answer: &Answer, user: &str) -> Result<(), Withheld> {
    let withheld = |why: String, todo: &str| Err(Withheld { why, todo: todo.to_owned() });
    let again = "give the same order again: what is given back already stays so";
    let Some(found) = answer.accounts.first().filter(|_| answer.is_done() && answer.is_release) else {
        return withheld("the guard's answer was lost, and with it whether the user was given back".to_owned(), again);
    };
    let item = clean(&format!("user {user}"));
    if let Some(skipped) = found.plan.skipped.iter().find(|skipped| clean(&skipped.item) == item) {
        return match skipped.reason == SkipReason::GivenBack.to_string() {
            true => Ok(()),
            false => withheld(
                format!("the guard did not give it back: {}", clean(&skipped.reason)),
                "see to that, then give the order again; --trust gives back what was made shortly before the halt",
            ),
        };
    }
    let calls = lifted(found, user);
    if let Some((call, why)) = calls.iter().find_map(|(call, result)| Some((call, result.as_ref().err()?))) {
        return withheld(format!("the guard did not give it back whole: {call}: {why}"), again);
    }
    // A release after all was given back tells of nobody.
    let has_nothing_left = found.plan.actions.is_empty() && found.plan.skipped.is_empty();
    if calls.is_empty() && !has_nothing_left {
        return withheld("the guard's answer does not say that it was given back".to_owned(), again);
    }
    Ok(())
}

/// The calls that lift what denies a user everything, and how each went.
fn lifted(found: &Account, user: &str) -> Vec<(String, Result<(), String>)> {
    let is_it = |action: &Action| match action {
        Action::Users(action) => {
            let is_lift = matches!(
                action,
                OfUser::LiftDeny { .. } | OfUser::DetachDenyFromUser { .. } | OfUser::RestoreUserBoundary { .. }
            );
            is_lift && action.part() == Part::GiveBack && action.user().as_str() == user
        }
        _ => false,
    };
    let planned = found.plan.actions.iter().filter(|planned| planned.known().as_ref().is_some_and(is_it));
    let went = |text: &str| match found.outcomes.iter().rfind(|outcome| outcome.text == text) {
        Some(outcome) if outcome.result != "failed" => Ok(()),
        Some(outcome) => Err(clean(outcome.reason.as_deref().unwrap_or(&outcome.result))),
        None => Err("it was not done".to_owned()),
    };
    planned.map(|planned| (clean(&planned.text), went(&planned.text))).collect()
}

/// Where the password of a user is kept. Names of secrets and values of tags take no comma, which names of users do.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
pub fn place(account: &AccountId, user: &str, now: Timestamp) -> Place {
    let written = user.replace(',', "_");
    let name = format!("runawaytrain/console/{account}/{written}");
    Place {
        otherwise: format!("{name}-{}", now.strftime("%Y%m%dT%H%M%SZ")),
        name,
        description: format!("One-time console password of user {user} in account {account}, made by a release"),
        tags: vec![("runawaytrain:account", account.to_string()), ("runawaytrain:user", written)],
    }
}

/// What is told of a password that is set.
pub fn access(account: &AccountId, user: &str, kept: &Kept, profile: Option<&str>) -> ConsoleAccess {
    let profile = profile.map(|name| format!(" --profile '{name}'")).unwrap_or_default();
    let command = |verb: &str| format!("aws secretsmanager {verb} --secret-id '{}' --region {HOME_REGION}", kept.name);
    ConsoleAccess {
        user: user.to_owned(),
        secret: kept.name.clone(),
        arn: kept.arn.clone(),
        sign_in: format!("https://{account}.signin.aws.amazon.com/console"),
        read: format!("{} --query SecretString --output text{profile}", command("get-secret-value")),
        delete: format!("{} --force-delete-without-recovery{profile}", command("delete-secret")),
    }
}

/// Why IAM did not take the password, and what to do.
pub fn refused(failure: &Failure) -> Withheld {
    let again = "give the same order again".to_owned();
    if failure.code.as_deref() == Some(TOO_WEAK) {
        return Withheld {
            why: format!(
                "the account's password policy refuses even {PASSWORD_LENGTH} characters of every sort: {}",
                clean(&failure.detail)
            ),
            todo:
                "`aws iam get-account-password-policy` in the account says what it asks for; loosen it, then give the \
                   same order again"
                    .to_owned(),
        };
    }
    match failure.kind {
        FailureKind::NotFound => {
            Withheld { why: "the account has no user of that name".to_owned(), todo: "make the user anew".to_owned() }
        }
        _ => Withheld {
            why: refusal::sentence(failure),
            todo: refusal::cure(failure).map_or(again, |cure| format!("{}, with the same order", cure.exact)),
        },
    }
}

/// Where IAM may have taken the password though nobody heard of it: the secret is then the only one that knows it.
pub fn uncertain(failure: &Failure, access: &ConsoleAccess) -> Withheld {
    Withheld {
        why: format!(
            "{}; it may have it all the same, so the secret {}, which holds it, is kept",
            refusal::sentence(failure),
            access.secret
        ),
        todo: format!(
            "try to sign in at {} with what `{}` reads; then, or where it opens nothing, `{}`, and if so give the same \
             order again",
            access.sign_in, access.read, access.delete
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(plan: &Value, outcomes: &Value) -> Answer {
        Answer::read(&json!({ "statusCode": 200, "body": "released", "report": { "undone": 0, "accounts": [
            { "account": "111111111111", "name": "physics", "state": "Released", "plan": plan, "outcomes": outcomes },
        ] } }))
    }

    fn lift(user: &str) -> Value {
        let action = Action::from(OfUser::LiftDeny { user: runawaytrain_core::vocabulary::ids::UserName::new(user) });
        let mut entry = serde_json::to_value(&action).unwrap();
        entry["text"] = json!(action.to_string());
        entry
    }

    fn outcome(of: &Value, result: &str) -> Value {
        json!({ "text": of["text"], "result": result, "reason": "it was denied" })
    }

    #[test]
    fn a_user_is_given_back_whose_deny_the_guard_says_it_lifted() {
        let plan = json!({ "actions": [lift("ann")], "skipped": [] });
        for result in ["done", "already-so"] {
            assert_eq!(given_back(&answer(&plan, &json!([outcome(&lift("ann"), result)])), "ann"), Ok(()), "{result}");
        }
        let earlier = json!({ "skipped": [{ "item": "user ann", "reason": SkipReason::GivenBack.to_string() }] });
        assert_eq!(given_back(&answer(&earlier, &json!([])), "ann"), Ok(()));
        assert_eq!(given_back(&answer(&json!({}), &json!([])), "ann"), Ok(()), "all was given back already");
    }

    #[test]
    fn whoever_is_not_told_of_gets_no_password() {
        let lifted = json!({ "actions": [lift("ann")] });
        let young = json!({ "skipped": [{ "item": "user ann", "reason": "made close to the halt" }] });
        let (of_bob, failed) = (json!([outcome(&lift("bob"), "done")]), json!([outcome(&lift("ann"), "failed")]));
        let cases = [
            (answer(&lifted, &json!([])), "it was not done"),
            (answer(&lifted, &failed), "it was denied"),
            (answer(&young, &json!([])), "made close to the halt"),
            (answer(&json!({ "actions": [lift("bob")] }), &of_bob), "does not say"),
            (Answer::read(&json!({ "statusCode": 400, "body": "no", "report": { "undone": 0 } })), "was lost"),
            // What this command makes of an answer that was lost.
            (
                Answer::read(&json!({ "statusCode": 200, "report": { "accounts": [{ "state": "Released" }] } })),
                "was lost",
            ),
        ];
        for (answer, why) in cases {
            let withheld = given_back(&answer, "ann").unwrap_err();
            assert!(withheld.why.contains(why), "{withheld:?}");
        }
    }

    #[test]
    fn a_secret_has_a_name_that_secrets_manager_takes() {
        let account = AccountId::parse("111111111111").unwrap();
        let place = place(&account, "ann,lab", "2026-11-22T03:00:00Z".parse().unwrap());
        assert_eq!(place.name, "runawaytrain/console/111111111111/ann_lab");
        assert_eq!(place.otherwise, "runawaytrain/console/111111111111/ann_lab-20261122T030000Z");
        assert!(place.tags.iter().all(|(_, value)| !value.contains(',')));
    }

    #[test]
    fn a_secret_whose_password_iam_may_have_taken_is_kept_and_named() {
        let failure = Failure::own("iam:CreateLoginProfile", FailureKind::Unavailable, "timed out");
        assert!(failure.kind.may_have_been_taken());
        let kept = Kept { name: "runawaytrain/console/111111111111/ann".into(), arn: String::new() };
        let access = access(&AccountId::parse("111111111111").unwrap(), "ann", &kept, Some("payer"));
        let said = uncertain(&failure, &access);
        assert!(said.why.contains(&format!("the secret {}, which holds it, is kept", kept.name)), "{said:?}");
        assert!(said.todo.contains(&access.read) && said.todo.contains(&access.delete), "{said:?}");
    }

    #[test]
    fn a_password_policy_that_refuses_is_named() {
        let failure = |code: &str, kind| Failure {
            code: Some(code.to_owned()),
            ..Failure::own("iam:CreateLoginProfile", kind, "Password should have a minimum length of 100")
        };
        let said = refused(&failure(TOO_WEAK, FailureKind::Other));
        assert!(said.why.contains("password policy") && said.why.contains("minimum length of 100"), "{said:?}");
        assert!(refused(&failure("NoSuchEntity", FailureKind::NotFound)).why.contains("no user of that name"));
        assert!(refused(&failure("AccessDenied", FailureKind::Denied)).todo.contains("allow iam:CreateLoginProfile"));
    }
}
