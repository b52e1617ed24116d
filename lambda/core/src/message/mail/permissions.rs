//! The mails about what our role may not do in an account, which are sent before it matters.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::denied::cures;
use super::words::{Text, notice, place, short_name, time, to_the_payer};
use crate::contract;
use crate::message::notice::{Notice, NoticeKind};
use crate::plan::permissions::{Loss, losses};
use crate::policy::AccountPolicy;
use crate::record::Denied;
use crate::vocabulary::failure::DeniedBy;
use crate::vocabulary::text::{clean, count};

/// So many calls are named in a mail about many accounts.
const MOST_CALLS: usize = 4;

/// Goes to the payer's list: the account's own people cannot mend it.
pub(super) fn not_permitted(policy: &AccountPolicy, denied: &Denied, now: Timestamp) -> Notice {
    let role = contract::RESPONDER_ROLE;
    let by_whom = by_whom(denied);
    let calls = count(denied.len() as u64, "call");
    let clauses: Vec<String> = by_whom.keys().map(|by| cure(*by, policy)).collect();
    let mut text = Text::new(
        &format!("A halt or a release here would be denied {calls}. Nothing has happened."),
        &place(policy),
        &format!("{}.", clauses.join(". ")),
    );
    text.fact("Time", &time(now));
    text.fact("Source", &format!("AWS's policy simulator, asked about the role {role}"));
    let all = |(by, calls): (&DeniedBy, &Vec<String>)| format!("{}: {}", whose(*by), calls.join(", "));
    text.section("What is denied, and by whom", by_whom.iter().map(all));
    let (lost, detours): (Vec<Loss>, Vec<Loss>) = losses(denied).into_iter().partition(|loss| loss.left.is_empty());
    let (of_release, of_halt): (Vec<Loss>, Vec<Loss>) = lost.into_iter().partition(Loss::is_of_a_release);
    let without = |loss: &Loss| format!("{} ({})", deed(loss), list(&loss.denied));
    text.section("A halt of this account could not", of_halt.iter().map(without));
    text.section("A release could not", of_release.iter().map(without));
    let instead = |loss: &Loss| format!("{}, by {} instead of {}", deed(loss), list(&loss.left), list(&loss.denied));
    text.section("What would be done another way", detours.iter().map(instead));
    let todo = by_whom.keys().flat_map(|by| match by {
        // Its role comes with the guard's own stack, for stack sets do not reach the payer.
        DeniedBy::Role if policy.is_payer => {
            vec![format!("AWS says that the policies of the role {role} do not allow it: deploy the guard again.")]
        }
        by => cures(&[*by].into(), false),
    });
    text.section("What to do", todo);
    text.item(
        "The simulator is told which role calls, and in which account, organization and region. A policy with further \
         conditions may decide otherwise about a real call.",
    );
    text.item("Done? The guard asks once a day, and writes again once everything is permitted. To ask now:");
    text.command(&format!("runawaytrain drill {}", policy.account));
    let briefly = by_whom.iter().map(|(by, calls)| {
        let more = match calls.len().saturating_sub(MOST_CALLS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let first: Vec<&str> = calls.iter().take(MOST_CALLS).map(String::as_str).collect();
        format!("{} by {}", first.join(", ") + &more, whose(*by))
    });
    let what = briefly.collect::<Vec<_>>().join("; ");
    let subject = format!("NOT PERMITTED in {}: {calls} that a halt or its release needs", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::NotPermitted, &subject, text, &what))
}

/// Goes where the mail went that it ends.
pub(super) fn permitted(policy: &AccountPolicy, now: Timestamp) -> Notice {
    let mut text =
        Text::new("A halt or a release here may again make every call that it needs.", &place(policy), "Nothing.");
    text.fact("Time", &time(now));
    text.fact("Source", &format!("AWS's policy simulator, asked about the role {}", contract::RESPONDER_ROLE));
    text.heading("To see what a halt would do");
    text.command(&format!("runawaytrain drill {}", policy.account));
    let subject = format!("Permitted again in {}: all that a halt or its release needs", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Permitted, &subject, text, "all calls"))
}

fn by_whom(denied: &Denied) -> BTreeMap<DeniedBy, Vec<String>> {
    let mut found: BTreeMap<DeniedBy, Vec<String>> = BTreeMap::new();
    for (call, by) in denied {
        found.entry(*by).or_default().push(clean(call));
    }
    found
}

fn whose(by: DeniedBy) -> String {
    match by {
        DeniedBy::Organization => "a service control policy of the organization".to_owned(),
        DeniedBy::Boundary => format!("a permissions boundary on the role {}", contract::RESPONDER_ROLE),
        DeniedBy::Role => format!("the policies of the role {} themselves", contract::RESPONDER_ROLE),
    }
}

/// What is to be done about it, in a clause; the whole of it stands at the end of the mail.
fn cure(by: DeniedBy, policy: &AccountPolicy) -> String {
    match by {
        DeniedBy::Organization => "Exempt the guard's role from the organization's policy".to_owned(),
        DeniedBy::Boundary => "Remove the permissions boundary from the guard's role".to_owned(),
        DeniedBy::Role if policy.is_payer => "Deploy the guard again".to_owned(),
        DeniedBy::Role => format!("Update the stack set {}", contract::MEMBER_STACK_SET),
    }
}

fn list(calls: &BTreeSet<&str>) -> String {
    calls.iter().copied().collect::<Vec<_>>().join(", ")
}

/// What would be done. The actions say what became of a thing; here it is an order.
fn deed(loss: &Loss) -> String {
    // Some verbs go on to say why it was done.
    let verb = loss.verb.split(':').next().unwrap_or_default();
    let (before, after) = match verb {
        "cancelled" => ("cancel", ""),
        "cut off from sessions so far" => ("cut", " off from sessions so far"),
        "deleted" => ("delete", ""),
        "denied everything" => ("deny", " everything"),
        "detached" => ("detach", ""),
        "given back" => ("give", " back"),
        "put back" => ("put", " back"),
        "removed" => ("remove", ""),
        "restored" => ("restore", ""),
        "resumed" => ("resume", ""),
        "set back" => ("set", " back"),
        "set to zero" => ("set", " to zero"),
        "started" => ("start", ""),
        "stopped" => ("stop", ""),
        "suspended" => ("suspend", ""),
        "switched off" => ("switch", " off"),
        "switched off or deleted" => ("switch off or delete", ""),
        "switched on" => ("switch", " on"),
        "taken off an instance that refused" => ("take", " off an instance that refused"),
        "terminated" => ("terminate", ""),
        // A test holds that there is none; it would be understood all the same.
        other => return format!("have {} {other}", with_article(loss.noun)),
    };
    format!("{before} {}{after}", with_article(loss.noun))
}

fn with_article(noun: &str) -> String {
    match noun {
        "protection" => noun.to_owned(),
        "other credential" => "another credential".to_owned(),
        noun if noun.to_ascii_lowercase().starts_with(['a', 'e', 'i', 'o']) => format!("an {noun}"),
        noun => format!("a {noun}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decision::News;
    use crate::message::mail::{digest, write};
    use crate::policy::{NotifyList, Policy};
    use crate::vocabulary::ids::AccountId;

    const PAYER: &str = "100000000000";

    fn policy(account: &str) -> AccountPolicy {
        let document = json!({
            "payer": PAYER,
            "organization": { "id": "o-exampleorg1" },
            "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
            "accounts": { "111111111111": { "notify": ["physics@example.edu"] } },
        });
        Policy::from_json(&document.to_string()).unwrap().for_account(&AccountId::parse(account).unwrap(), None)
    }

    fn told(account: &str, denied: &[(&str, DeniedBy)]) -> Notice {
        let denied = denied.iter().map(|(call, by)| ((*call).to_owned(), *by)).collect();
        let at = "2026-11-27T00:05:00Z".parse().unwrap();
        let mut mails = write(&policy(account), &News::NotPermitted { denied, at });
        assert_eq!(mails.len(), 1);
        mails.remove(0)
    }

    /// Wherever its lines break.
    fn flat(body: &str) -> String {
        body.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_mail_says_what_is_denied_by_whom_what_that_means_and_what_to_do() {
        let denied = [
            ("ec2:StopInstances", DeniedBy::Organization),
            ("ec2:StartInstances", DeniedBy::Organization),
            ("iam:PutUserPolicy", DeniedBy::Boundary),
            ("iam:UpdateAccessKey", DeniedBy::Role),
        ];
        let mail = told("111111111111", &denied);
        assert_eq!(mail.list, NotifyList::Default, "its own people cannot mend it");
        assert_eq!(
            mail.subject,
            "[runawaytrain] NOT PERMITTED in 111111111111: 4 calls that a halt or its release needs"
        );
        for says in [
            "- a service control policy of the organization: ec2:StartInstances, ec2:StopInstances ",
            "- a permissions boundary on the role RunawayTrainResponder: iam:PutUserPolicy ",
            "- the policies of the role RunawayTrainResponder themselves: iam:UpdateAccessKey ",
            "What: A halt or a release here would be denied 4 calls. Nothing has happened. Where: 111111111111 To do: \
             Exempt the guard's role from the organization's policy. Remove the permissions boundary from the guard's \
             role. Update the stack set runawaytrain-member. ",
            "A halt of this account could not - stop an instance (ec2:StopInstances) ",
            "A release could not ",
            "- start an instance (ec2:StartInstances) ",
            "What would be done another way ",
            "- deny a user everything, by iam:AttachUserPolicy, iam:PutUserPermissionsBoundary instead of \
             iam:PutUserPolicy ",
            "- switch off or delete an access key, by iam:DeleteAccessKey instead of iam:UpdateAccessKey ",
            "condition ArnNotLike, aws:PrincipalArn, arn:aws:iam::*:role/RunawayTrainResponder. ",
            "a permissions boundary on the role RunawayTrainResponder denies it. Remove the boundary. ",
            "update the stack set runawaytrain-member",
            "runawaytrain drill 111111111111 ",
        ] {
            assert!(flat(&mail.body).contains(says), "{says}\n{}", mail.body);
        }
    }

    #[test]
    fn what_befalls_many_accounts_is_one_mail_that_names_them_by_what_they_share() {
        let stop = [("ec2:StopInstances", DeniedBy::Organization)];
        let mails = [told("111111111111", &stop), told("222222222222", &stop), told("333333333333", &stop)];
        let (subject, body, _) = digest(&mails.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(subject, "[runawaytrain] NOT PERMITTED: 3 accounts");
        let shared = "3 accounts: ec2:StopInstances by a service control policy of the organization - 111111111111 ";
        assert!(flat(&body).contains(shared), "{body}");
        assert_eq!(body.matches("ArnNotLike").count(), 1, "{body}");
    }

    #[test]
    fn the_payers_own_role_is_mended_by_a_deployment() {
        let mail = told(PAYER, &[("ec2:StopInstances", DeniedBy::Role)]);
        assert!(mail.body.contains("Deploy the guard again") && !mail.body.contains("stack set"), "{}", mail.body);
    }

    #[test]
    fn every_call_of_a_halt_has_words_for_what_it_does() {
        for call in crate::resource::Kind::contain() {
            let mail = told("111111111111", &[(call, DeniedBy::Organization)]);
            let says =
                mail.body.split("What is denied, and by whom").nth(1).unwrap().split("What to do").next().unwrap();
            // Once by whom it is denied, and at least once what it does.
            assert!(says.matches(call).count() > 1 && !says.contains("- have "), "{call}: {}", mail.body);
        }
    }

    #[test]
    fn what_is_permitted_again_is_said_by_whom_and_of_what() {
        let at = "2026-11-27T00:05:00Z".parse().unwrap();
        let mail = write(&policy("111111111111"), &News::Permitted { at }).remove(0);
        let says = "What:   A halt or a release here may again make every call that it needs.\nWhere:  111111111111\n";
        assert!(mail.body.starts_with(says), "{}", mail.body);
        assert_eq!(
            mail.subject,
            "[runawaytrain] Permitted again in 111111111111: all that a halt or its release needs"
        );
    }
}
