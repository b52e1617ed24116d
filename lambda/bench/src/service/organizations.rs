//! Organizations: the accounts, and which policies are attached to them.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::world::World;

/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
const PAGE: usize = 20;

pub(super) fn answer(world: &mut World, call: &Call) -> Option<Answer> {
    let target = call.text("TargetId").and_then(|target| world.accounts.get_mut(target));
    let policy = call.text("PolicyId");
    let refused = |code: &str| Some(Answer::refused("organizations", 400, code, "it is so already"));
    match (call.operation.as_str(), target, policy) {
        ("ListAccounts", ..) => Some(accounts(world, call)),
        ("ListPoliciesForTarget", Some(account), _) => {
            let policies: Vec<Value> = account.policies.iter().map(|id| json!({ "Id": id, "Name": id })).collect();
            Some(Answer::json("organizations", &json!({ "Policies": policies }), policies.len()))
        }
        ("AttachPolicy", Some(account), Some(policy)) => match account.policies.insert(policy.to_owned()) {
            true => Some(Answer::json("organizations", &json!({}), 1)),
            false => refused("DuplicatePolicyAttachmentException"),
        },
        ("DetachPolicy", Some(account), Some(policy)) => match account.policies.remove(policy) {
            true => Some(Answer::json("organizations", &json!({}), 1)),
            false => refused("PolicyNotAttachedException"),
        },
        _ => None,
    }
}

fn accounts(world: &World, call: &Call) -> Answer {
    let after = call.text("NextToken").unwrap_or_default();
    let mut left = world.accounts.keys().filter(|id| id.as_str() > after);
    let page: Vec<&String> = left.by_ref().take(PAGE).collect();
    let accounts: Vec<Value> = page.iter().map(|id| account(world, id)).collect();
    let mut body = json!({ "Accounts": accounts });
    if let (Some(last), Some(_), Some(body)) = (page.last(), left.next(), body.as_object_mut()) {
        body.insert("NextToken".to_owned(), json!(last));
    }
    Answer::json("organizations", &body, accounts.len())
}

fn account(world: &World, id: &str) -> Value {
    json!({
        "Id": id,
        "Arn": format!("arn:aws:organizations::{}:account/{}/{id}", world.payer, world.organization),
        "Name": format!("account {id}"),
        "Email": format!("{id}@example.edu"),
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": 1_700_000_000.0,
    })
}
