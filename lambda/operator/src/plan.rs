//! What a halt would do, in the order in which people want to know it.

use runawaytrain_core::resource::Part;
use runawaytrain_core::vocabulary::text::{clean, count};

use crate::answer::{Account, PlannedAction, Skipped};

/// The parts of a halt in their order, each with its heading.
const PARTS: [(Part, &str); 6] = [
    (Part::Freeze, "Keep the account from growing"),
    (Part::Disarm, "Switch off what would launch again"),
    (Part::Prepare, "Clear the way"),
    (Part::Stop, "Stop what runs"),
    (Part::Lock, "Deny users, roles and models"),
    (Part::Strip, "Take credentials away"),
];
const OTHER: &str = "And besides";

/// A group of actions under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they are for.
    pub heading: String,
    /// Each in words.
    pub actions: Vec<String>,
}

/// The actions of a plan by what they are for. What this command does not know comes last.
pub fn groups(account: &Account) -> Vec<Group> {
    let part_of = |action: &PlannedAction| {
        let part = action.part()?;
        PARTS.iter().position(|(known, _)| *known == part)
    };
    let headings = PARTS.iter().map(|(_, heading)| *heading).chain([OTHER]);
    let mut groups: Vec<Group> =
        headings.map(|heading| Group { heading: heading.to_owned(), actions: Vec::new() }).collect();
    for action in &account.plan.actions {
        let place = part_of(action).unwrap_or(PARTS.len());
        if let Some(group) = groups.get_mut(place) {
            group.actions.push(clean(&action.text));
        }
    }
    groups.retain(|group| !group.actions.is_empty());
    groups
}

/// What is left alone, by why.
pub fn left_alone(skipped: &[Skipped]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for one in skipped {
        let (item, reason) = (clean(&one.item), clean(&one.reason));
        match groups.iter_mut().find(|group| group.heading == reason) {
            Some(group) => group.actions.push(item),
            None => groups.push(Group { heading: reason, actions: vec![item] }),
        }
    }
    groups
}

/// What the numbers of an account come to, in a sentence.
pub fn standing(account: &Account) -> String {
    let Some(verdict) = &account.verdict else {
        let why = account.error.clone().or_else(|| account.gaps.first().map(|gap| gap.reason.clone()));
        return format!("not seen: {}", clean(&why.unwrap_or_else(|| "no reason was given".to_owned())));
    };
    let running = count(account.instances.counted, "instance");
    let state = account.state.as_ref().filter(|state| *state != verdict && *state != "Ok");
    let state = state.map_or_else(String::new, |state| format!(", {}", clean(state)));
    let exempt = match account.instances.exempt {
        0 => String::new(),
        exempt => format!(" and {exempt} exempt"),
    };
    let burn = account.burn.total();
    format!("{}{state}; {running}{exempt} running, {} vCPUs, {burn:.2} USD/h", clean(verdict), account.vcpus)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::Answer;

    fn account(of: serde_json::Value) -> Account {
        Answer::read(&json!({ "statusCode": 200, "body": "", "report": { "accounts": [of] } })).accounts[0].clone()
    }

    #[test]
    fn actions_are_grouped_by_what_they_are_for_whatever_their_order() {
        let found = groups(&account(json!({ "plan": { "actions": [
            { "text": "stop 2 instances in us-east-1: i-1, i-2", "do": "stop-instances", "region": "us-east-1",
              "instances": ["i-1", "i-2"] },
            { "text": "attach the quarantine", "do": "freeze" },
            { "text": "do what nobody here knows", "do": "tickle" },
        ] } })));
        let found: Vec<(&str, usize)> =
            found.iter().map(|group| (group.heading.as_str(), group.actions.len())).collect();
        assert_eq!(found, [("Keep the account from growing", 1), ("Stop what runs", 1), (OTHER, 1)]);
    }

    #[test]
    fn what_is_left_alone_is_told_once_a_reason() {
        let of = |item: &str, reason: &str| Skipped { item: item.into(), reason: reason.into() };
        let groups = left_alone(&[of("i-1", "exempt"), of("role x", "ours"), of("i-2", "exempt")]);
        assert_eq!(groups[0], Group { heading: "exempt".into(), actions: vec!["i-1".into(), "i-2".into()] });
        assert_eq!(groups.len(), 2);
    }

    #[test]
    fn an_account_that_was_not_seen_says_why() {
        assert_eq!(
            standing(&account(json!({ "error": "it is not in the organization" }))),
            "not seen: it is not in the organization"
        );
        let seen = json!({ "verdict": "Halt", "state": "Warned", "instances": { "counted": 1, "exempt": 2 },
            "vcpus": 4, "burn": { "listed": 1.5 } });
        assert_eq!(standing(&account(seen)), "Halt, Warned; 1 instance and 2 exempt running, 4 vCPUs, 1.50 USD/h");
    }
}
