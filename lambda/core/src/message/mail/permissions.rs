//! The mails about what our role may not do in an account, which are sent before it matters.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::denied::cures;
use super::words::{full_name, line, notice, order, section, short_name, time, to_the_payer};
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
    let mut body = format!(
        "Account {} denies the guard calls that a halt of it or its release needs: what is named below could not be done. \
         Nothing has happened to it so far. AWS's policy simulator says so of the role {role}.\n\n",
        full_name(policy)
    );
    line(&mut body, "Time", &time(now));
    let by_whom = by_whom(denied);
    let all = |(by, calls): (&DeniedBy, &Vec<String>)| format!("{}: {}", whose(*by), calls.join(", "));
    section(&mut body, "What is denied, by whom", by_whom.iter().map(all));
    let (of_release, of_halt): (Vec<Loss>, Vec<Loss>) = losses(denied).into_iter().partition(Loss::is_of_a_release);
    section(&mut body, "What a halt of this account could not do", of_halt.iter().map(loss));
    section(&mut body, "What its release could not do", of_release.iter().map(loss));
    let todo = by_whom.keys().flat_map(|by| match by {
        // Its role comes with the guard's own stack, for stack sets do not reach the payer.
        DeniedBy::Role if policy.is_payer => {
            vec![format!("AWS says that the policies of the role {role} do not allow it: deploy the guard again.")]
        }
        by => cures(&[*by].into(), false),
    });
    section(&mut body, "What to do", todo);
    body.push_str(
        "- The simulator is told which role calls, in which account, organization and region. A policy whose conditions \
         ask for more than that may be another matter in a real call.\n\
         - Mended? The guard asks once a day, and writes once all are permitted. To have it ask now:\n",
    );
    order(&mut body, &format!("{{\"action\":\"drill\",\"accounts\":[\"{}\"]}}", policy.account));
    let briefly = by_whom.iter().map(|(by, calls)| {
        let more = match calls.len().saturating_sub(MOST_CALLS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let first: Vec<&str> = calls.iter().take(MOST_CALLS).map(String::as_str).collect();
        format!("{} by {}", first.join(", ") + &more, whose(*by))
    });
    let what = briefly.collect::<Vec<_>>().join("; ");
    let calls = count(denied.len() as u64, "call");
    let subject = format!("NOT PERMITTED in {}: {calls} that a halt or its release needs", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::NotPermitted, subject, body, &what))
}

/// Goes where the mail went that it ends.
pub(super) fn permitted(policy: &AccountPolicy, now: Timestamp) -> Notice {
    let mut body = format!(
        "Account {} lets the guard make every call again that a halt of it needs, by AWS's policy simulator.\n\n",
        full_name(policy)
    );
    line(&mut body, "Time", &time(now));
    let subject = format!("Permitted again in {}: all that a halt needs", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Permitted, subject, body, "all calls"))
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

fn loss(loss: &Loss) -> String {
    let list = |calls: &BTreeSet<&str>| calls.iter().copied().collect::<Vec<_>>().join(", ");
    let Loss { noun, denied, left, .. } = loss;
    // Some verbs go on to say why it was done.
    let verb = loss.verb.split(':').next().unwrap_or_default();
    if left.is_empty() {
        format!("no {noun} {verb} ({})", list(denied))
    } else {
        format!("{noun} {verb}: not by {}, but by {}", list(denied), list(left))
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
        Policy::from_json(&document.to_string()).unwrap().for_account(&AccountId::parse(account).unwrap())
    }

    fn told(account: &str, denied: &[(&str, DeniedBy)]) -> Notice {
        let denied = denied.iter().map(|(call, by)| ((*call).to_owned(), *by)).collect();
        let at = "2026-11-27T00:05:00Z".parse().unwrap();
        let mut mails = write(&policy(account), &News::NotPermitted { denied, at });
        assert_eq!(mails.len(), 1);
        mails.remove(0)
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
            "- a service control policy of the organization: ec2:StartInstances, ec2:StopInstances\n",
            "- a permissions boundary on the role RunawayTrainResponder: iam:PutUserPolicy\n",
            "- the policies of the role RunawayTrainResponder themselves: iam:UpdateAccessKey\n",
            "What a halt of this account could not do\n- no instance stopped (ec2:StopInstances)\n",
            "- user denied everything: not by iam:PutUserPolicy, but by iam:AttachUserPolicy, \
             iam:PutUserPermissionsBoundary\n",
            "- access key switched off or deleted: not by iam:UpdateAccessKey, but by iam:DeleteAccessKey\n",
            "What its release could not do\n",
            "- no instance started (ec2:StartInstances)\n",
            "condition ArnNotLike, aws:PrincipalArn, arn:aws:iam::*:role/RunawayTrainResponder.\n",
            "a permissions boundary on the role RunawayTrainResponder denies it: take it off.\n",
            "update the stack set runawaytrain-member",
            r#"{"action":"drill","accounts":["111111111111"]}"#,
        ] {
            assert!(mail.body.contains(says), "{says}\n{}", mail.body);
        }
    }

    #[test]
    fn what_befalls_many_accounts_is_one_mail_that_names_them_by_what_they_share() {
        let stop = [("ec2:StopInstances", DeniedBy::Organization)];
        let mails = [told("111111111111", &stop), told("222222222222", &stop), told("333333333333", &stop)];
        let (subject, body) = digest(&mails.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(subject, "[runawaytrain] NOT PERMITTED: 3 accounts");
        let shared = "3 accounts: ec2:StopInstances by a service control policy of the organization\n- 111111111111\n";
        assert!(body.contains(shared), "{body}");
        assert_eq!(body.matches("ArnNotLike").count(), 1, "{body}");
    }

    #[test]
    fn the_payers_own_role_is_mended_by_a_deployment() {
        let mail = told(PAYER, &[("ec2:StopInstances", DeniedBy::Role)]);
        assert!(mail.body.contains("deploy the guard again") && !mail.body.contains("stack set"), "{}", mail.body);
    }

    #[test]
    fn every_call_of_a_halt_has_words_for_what_it_does() {
        for call in crate::resource::Kind::contain() {
            let mail = told("111111111111", &[(call, DeniedBy::Organization)]);
            let says = mail.body.split("could not do\n").nth(1).unwrap_or_else(|| panic!("{call}: {}", mail.body));
            assert!(says.split("What to do").next().unwrap().contains(call), "{call}: {}", mail.body);
        }
    }
}
