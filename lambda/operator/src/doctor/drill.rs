//! What the deployed guard says of a drill: it looks at every account, and touches nothing.

use serde::Serialize;
use serde_json::{Value, json};

use runawaytrain_core::vocabulary::text::{clean, count, some_of};

use crate::finding::{Cure, Finding};

/// Of many accounts only so many are named.
const NAMED: usize = 5;

/// What is asked of it.
pub fn event() -> Value {
    json!({ "action": "drill" })
}

/// One account of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// 12 digits.
    pub account: String,
    /// What the policy calls it.
    pub name: String,
    /// `Halt`, `Warn`, `Ok` or `not seen`.
    pub verdict: String,
    /// Instances that count.
    pub running: u64,
    /// What the guard would do.
    pub plan: String,
}

/// The guard's sentence.
pub fn guard(answer: &Value) -> Finding {
    let status = answer.get("statusCode").and_then(Value::as_u64).unwrap_or_default();
    let body = clean(answer.get("body").and_then(Value::as_str).unwrap_or_default());
    let said = format!("the guard says: {status}, “{body}”");
    if status == 200 {
        return Finding::ok("guard", said);
    }
    let log = runawaytrain_core::contract::LOG_GROUP;
    let region = runawaytrain_core::contract::HOME_REGION;
    Finding::missing("guard", said, Cure::new(format!("aws logs tail {log} --region {region} --since 15m")))
}

/// What AWS's policy simulator says of a halt's calls, account by account; None of a guard that does not ask it.
pub fn permissions(answer: &Value) -> Option<Finding> {
    let what = "calls of a halt";
    let accounts = answer.get("report")?.get("accounts")?.as_array()?;
    let asked: Vec<(&Value, &Value)> =
        accounts.iter().filter_map(|entry| Some((entry, entry.get("permissions")?))).collect();
    if asked.is_empty() {
        return None;
    }
    let id = |entry: &Value| clean(entry.get("account").and_then(Value::as_str).unwrap_or_default());
    let of = |is_so: fn(&Value) -> bool| -> Vec<String> {
        asked.iter().filter(|(_, permissions)| is_so(permissions)).map(|(entry, _)| id(entry)).collect()
    };
    let denied = of(|permissions| permissions.get("denied").and_then(Value::as_array).is_some_and(|by| !by.is_empty()));
    let unknown = of(|permissions| permissions.get("unknown").is_some());
    let why = asked.iter().find_map(|(_, permissions)| permissions.get("unknown").and_then(Value::as_str));
    let why = clean(why.unwrap_or_default());
    let found = match (denied.is_empty(), unknown.is_empty()) {
        (true, true) => {
            let accounts = count(asked.len() as u64, "account");
            Finding::ok(what, format!("AWS's policy simulator denies the guard none of them in {accounts}"))
        }
        (true, false) => Finding::cannot_tell(what, format!("not known of {}: {why}", some_of(&unknown, NAMED)), None),
        (false, _) => {
            let said = format!("denied to the guard in {}: a halt there would be incomplete", some_of(&denied, NAMED));
            let one = denied.first().map_or("", String::as_str);
            let cure = format!("runawaytrain drill {one} says which, and by whose policy");
            Finding::missing(what, said, Cure::new(cure))
        }
    };
    Some(found.spared())
}

/// The accounts of a drill; those that would be touched first.
pub fn lines(answer: &Value) -> Vec<Line> {
    let accounts = answer.get("report").and_then(|report| report.get("accounts")).and_then(Value::as_array);
    let mut lines: Vec<Line> = accounts.into_iter().flatten().map(line).collect();
    lines.sort_by(|a, b| (rank(&a.verdict), b.running, &a.account).cmp(&(rank(&b.verdict), a.running, &b.account)));
    lines
}

fn rank(verdict: &str) -> u8 {
    match verdict {
        "Halt" => 0,
        "Warn" => 2,
        "Ok" => 3,
        _ => 1,
    }
}

fn line(entry: &Value) -> Line {
    let text = |key: &str| clean(entry.get(key).and_then(Value::as_str).unwrap_or_default());
    let is_unseen = entry.get("unseen").and_then(Value::as_bool).unwrap_or_default();
    let actions = entry.get("plan").and_then(|plan| plan.get("actions")).and_then(Value::as_array).map_or(0, Vec::len);
    let verdict = match entry.get("verdict").and_then(Value::as_str) {
        Some(verdict) => clean(verdict),
        None => "not seen".to_owned(),
    };
    let gap = entry.get("gaps").and_then(Value::as_array).and_then(|gaps| gaps.first());
    let mut plan = if entry.get("error").is_some_and(|error| !error.is_null()) {
        text("error")
    } else if verdict == "Halt" || actions > 0 {
        // One that bought past its limit is frozen and not halted.
        let unseen = if is_unseen { ", and part of it was not seen" } else { "" };
        format!("{}{unseen}", count(actions as u64, "action"))
    } else if is_unseen {
        let of = |key: &str| clean(gap.and_then(|gap| gap.get(key)).and_then(Value::as_str).unwrap_or_default());
        if gap.is_some() { format!("not seen whole: {}: {}", of("at"), of("reason")) } else { "not seen whole".into() }
    } else {
        "nothing".to_owned()
    };
    let denied = entry.get("permissions").and_then(|permissions| permissions.get("denied")).and_then(Value::as_array);
    let calls = |by: &Value| by.get("calls").and_then(Value::as_array).map_or(0, Vec::len);
    let denied: usize = denied.into_iter().flatten().map(calls).sum();
    if denied > 0 {
        plan = format!("{plan}; {} of a halt denied to the guard", count(denied as u64, "call"));
    }
    let running = entry.get("instances").and_then(|found| found.get("counted")).and_then(Value::as_u64);
    Line { account: text("account"), name: text("name"), verdict, running: running.unwrap_or_default(), plan }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    /// Entries as `lambda/core/src/message/report.rs` writes them.
    #[test]
    fn those_that_would_be_touched_come_first() {
        let actions = |count: usize| json!({ "actions": vec![json!({ "text": "stop" }); count] });
        let answer = json!({ "report": { "accounts": [
            { "account": "1", "verdict": "Ok", "unseen": false, "plan": actions(0), "gaps": [] },
            { "account": "2", "verdict": "Halt", "unseen": false, "plan": actions(2), "instances": { "counted": 9 } },
            { "account": "3", "unseen": true, "gaps": [{ "at": "account 3", "reason": "the role is missing" }] },
            { "account": "4", "error": "not reached before the deadline" },
            { "account": "5", "verdict": "Halt", "unseen": true, "plan": actions(1), "instances": { "counted": 20 } },
            { "account": "6", "verdict": "Warn", "unseen": false, "plan": actions(0) },
        ] } });
        let found: Vec<(String, String, String)> =
            lines(&answer).into_iter().map(|line| (line.account, line.verdict, line.plan)).collect();
        let wanted = [
            ("5", "Halt", "1 action, and part of it was not seen"),
            ("2", "Halt", "2 actions"),
            ("3", "not seen", "not seen whole: account 3: the role is missing"),
            ("4", "not seen", "not reached before the deadline"),
            ("6", "Warn", "nothing"),
            ("1", "Ok", "nothing"),
        ];
        assert_eq!(found, wanted.map(|(account, verdict, plan)| (account.into(), verdict.into(), plan.into())));
    }

    #[test]
    fn what_is_denied_to_the_guard_is_said_behind_what_it_would_do() {
        let by = json!([
            { "by": "organization", "calls": ["ec2:StopInstances", "ec2:TerminateInstances"] },
            { "by": "role", "calls": ["iam:DeleteUser"] },
        ]);
        for (denied, said) in
            [(by, "nothing; 3 calls of a halt denied to the guard"), (json!([]), "nothing"), (Value::Null, "nothing")]
        {
            let entry = json!({ "account": "1", "verdict": "Ok", "permissions": { "denied": denied } });
            assert_eq!(line(&entry).plan, said);
        }
    }

    #[test]
    fn what_is_not_known_of_a_halts_calls_is_not_taken_for_permitted() {
        let found = |permissions: Value| {
            let entry = json!({ "account": "111111111111", "permissions": permissions });
            permissions_of(json!([entry]))
        };
        fn permissions_of(accounts: Value) -> Option<Finding> {
            permissions(&json!({ "report": { "accounts": accounts } }))
        }
        assert_eq!(permissions_of(json!([{ "account": "1" }])), None);
        assert_eq!(found(json!({ "denied": [] })).unwrap().status, Status::Ok);
        let unknown = found(json!({ "denied": [], "unknown": "not asked yet" })).unwrap();
        assert_eq!(
            (unknown.status, unknown.said.as_str()),
            (Status::CannotTell, "not known of 111111111111: not asked yet")
        );
        let denied =
            found(json!({ "denied": [{ "by": "role", "calls": ["iam:DeleteUser"] }], "unknown": "busy" })).unwrap();
        assert_eq!((denied.status, denied.stops()), (Status::Missing, false));
    }

    #[test]
    fn an_answer_that_is_no_success_is_said() {
        assert_eq!(lines(&json!({ "statusCode": 400, "body": "no" })), []);
        assert_eq!(guard(&json!({ "statusCode": 400, "body": "no" })).status, Status::Missing);
        assert_eq!(guard(&json!({ "statusCode": 200, "body": "Swept." })).status, Status::Ok);
    }
}
