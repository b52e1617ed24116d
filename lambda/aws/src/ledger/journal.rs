//! The journal of a halt: `HALT#<account>#<halt>` / fence and number. What is written here is checked against the
//! lease's fence.

use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use tokio::sync::oneshot;

use runawaytrain_core::contract::{PARTITION_KEY, SORT_KEY};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};
use runawaytrain_engine::ports::{Conclusion, EntryId, JournalEntry, Lease, StoreError};

use super::record::{FENCE, HOLDER, record_key};
use super::table::{Item, QUERY, Refused, TRANSACT, Table, as_number, as_text, incomplete, key, number, text};

const INTENT: &str = "intent";
const ACTION: &str = "action";
const INTENDED: &str = "intended";
const OUTCOME: &str = "outcome";
const RESULT: &str = "result";
const CONCLUDED: &str = "concluded";
const ATTEMPTS: &str = "attempts";

/// The most items of a transaction, less the one that checks the fence.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const MOST_AT_ONCE: usize = 99;

/// The journal writes of one account, one transaction after another.
///
/// Every one of them checks the same record, and two such transactions at a time cancel each other. So whoever's turn
/// it is writes for all who wait: the lanes of a halt go on side by side and meet in one call.
#[derive(Default)]
pub(super) struct Scribe {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever writes the account's record or checks it.
    pub(super) turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    fence: u64,
    item: TransactWriteItem,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Scribe {
    /// Writes one item if the lease's fence is still the highest.
    pub(super) async fn write(&self, table: &Table, lease: &Lease, item: TransactWriteItem) -> Result<(), StoreError> {
        let (done, mut answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Waiting { fence: lease.fence, item, done });
        let _turn = self.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Empty) => {}
                // Whoever wrote for us was cancelled: it may have been written or not.
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(Failure::own(TRANSACT, FailureKind::Unavailable, "the write was abandoned").into());
                }
            }
            let (fence, batch) = self.next();
            let items: Vec<TransactWriteItem> = batch.iter().map(|waiting| waiting.item.clone()).collect();
            let written = fenced(table, &lease.account, fence, items).await;
            let one_is_bad =
                batch.len() > 1 && matches!(&written, Err(StoreError::Failed(failure)) if blames_an_item(failure));
            for waiting in batch {
                // One bad item must not take the others with it.
                let answer = if one_is_bad {
                    fenced(table, &lease.account, fence, vec![waiting.item]).await
                } else {
                    written.clone()
                };
                // Whoever waited and was cancelled does not want to know any more.
                let _ = waiting.done.send(answer);
            }
        }
    }

    /// All that wait with the fence of the first, as many as fit.
    fn next(&self) -> (u64, Vec<Waiting>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let fence = waiting.first().map_or(0, |first| first.fence);
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for one in waiting.drain(..) {
            if one.fence == fence && taken.len() < MOST_AT_ONCE { taken.push(one) } else { left.push(one) }
        }
        *waiting = left;
        (fence, taken)
    }
}

/// Whether one item of a transaction may be to blame: it is malformed, or concludes what was never intended. A missing
/// table is nobody's fault.
fn blames_an_item(failure: &Failure) -> bool {
    failure.kind == FailureKind::Invalid || (failure.kind == FailureKind::NotFound && failure.code.is_none())
}

/// Writes items together with a check of the fence.
async fn fenced(
    table: &Table,
    account: &AccountId,
    fence: u64,
    items: Vec<TransactWriteItem>,
) -> Result<(), StoreError> {
    let check = ConditionCheck::builder()
        .table_name(&table.name)
        .set_key(Some(record_key(account)))
        .condition_expression("#fence = :fence AND attribute_exists(#holder)")
        .expression_attribute_names("#fence", FENCE)
        .expression_attribute_names("#holder", HOLDER)
        .expression_attribute_values(":fence", number(fence))
        .build()
        .map_err(incomplete)?;
    let mut all = Vec::with_capacity(items.len() + 1);
    all.push(TransactWriteItem::builder().condition_check(check).build());
    all.extend(items);
    let mut patience = table.patience();
    loop {
        match table.transact(all.clone()).await {
            Ok(()) => return Ok(()),
            Err(Refused::Condition(0)) => return Err(StoreError::LeaseLost),
            Err(Refused::Condition(_)) => {
                return Err(Failure::own(
                    TRANSACT,
                    FailureKind::NotFound,
                    "a journal entry to conclude was never intended",
                )
                .into());
            }
            Err(Refused::Failed(failure)) => table.pause(&mut patience, failure).await?,
        }
    }
}

/// The item that says what is about to be done.
pub(super) fn intent(table: &Table, account: &AccountId, entry: &JournalEntry) -> Result<TransactWriteItem, Failure> {
    let mut item = entry_key(account, &entry.halt, &entry.id);
    item.extend([
        (INTENT.to_owned(), text(entry.action.to_string())),
        (ACTION.to_owned(), serde_dynamo::to_attribute_value(&entry.action).map_err(unwritable)?),
        (INTENDED.to_owned(), text(entry.intended.to_string())),
    ]);
    if let Some((at, result)) = &entry.concluded {
        let conclusion = Conclusion { at: *at, result: result.clone(), attempts: entry.attempts };
        item.extend(attributes(&conclusion)?.map(|(_, attribute, value)| (attribute.to_owned(), value)));
    }
    let put = Put::builder().table_name(&table.name).set_item(Some(item)).build().map_err(incomplete)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The update that says what came of it.
pub(super) fn outcome(
    table: &Table,
    account: &AccountId,
    halt: &HaltId,
    id: &EntryId,
    conclusion: &Conclusion,
) -> Result<TransactWriteItem, Failure> {
    let mut update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(entry_key(account, halt, id)))
        .update_expression("SET #outcome = :outcome, #result = :result, #concluded = :concluded, #attempts = :attempts")
        .condition_expression("attribute_exists(#pk)")
        .expression_attribute_names("#pk", PARTITION_KEY);
    for (placeholder, attribute, value) in attributes(conclusion)? {
        update = update
            .expression_attribute_names(format!("#{placeholder}"), attribute)
            .expression_attribute_values(format!(":{placeholder}"), value);
    }
    Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
}

fn attributes(conclusion: &Conclusion) -> Result<[(&'static str, &'static str, AttributeValue); 4], Failure> {
    let Conclusion { at, result, attempts } = conclusion;
    Ok([
        ("outcome", OUTCOME, text(result.to_string())),
        ("result", RESULT, serde_dynamo::to_attribute_value(result).map_err(unwritable)?),
        ("concluded", CONCLUDED, text(at.to_string())),
        ("attempts", ATTEMPTS, number(attempts)),
    ])
}

/// The journal of a halt, in order. An entry that cannot be read fails the whole: a release must not undo half of a
/// halt and call it done.
pub(super) async fn read(table: &Table, account: &AccountId, halt: &HaltId) -> Result<Vec<JournalEntry>, Failure> {
    table.query(&partition(account, halt)).await?.iter().map(|item| entry(halt, item)).collect()
}

fn entry(halt: &HaltId, item: &Item) -> Result<JournalEntry, Failure> {
    let broken = || {
        let detail = format!("entry {} of halt {halt} cannot be read", as_text(item, SORT_KEY).unwrap_or("?"));
        Failure::own(QUERY, FailureKind::Other, detail)
    };
    let (fence, number) = as_text(item, SORT_KEY).and_then(|sort| sort.split_once('#')).ok_or_else(broken)?;
    let concluded = match (item.get(RESULT), as_text(item, CONCLUDED)) {
        (Some(result), Some(at)) => Some((
            at.parse().map_err(|_| broken())?,
            serde_dynamo::from_attribute_value(result.clone()).map_err(|_| broken())?,
        )),
        _ => None,
    };
    Ok(JournalEntry {
        id: EntryId { fence: fence.parse().map_err(|_| broken())?, number: number.parse().map_err(|_| broken())? },
        halt: halt.clone(),
        action: serde_dynamo::from_attribute_value(item.get(ACTION).cloned().ok_or_else(broken)?)
            .map_err(|_| broken())?,
        intended: as_text(item, INTENDED).and_then(|at| at.parse().ok()).ok_or_else(broken)?,
        concluded,
        // Before attempts were counted, each was an entry of its own.
        attempts: as_number(item, ATTEMPTS).unwrap_or(u32::from(item.contains_key(RESULT))),
    })
}

fn entry_key(account: &AccountId, halt: &HaltId, id: &EntryId) -> Item {
    key(partition(account, halt), id.to_string())
}

fn partition(account: &AccountId, halt: &HaltId) -> String {
    format!("HALT#{account}#{halt}")
}

fn unwritable(error: serde_dynamo::Error) -> Failure {
    Failure::own(TRANSACT, FailureKind::Invalid, error.to_string())
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::Action;
    use runawaytrain_core::resource::users::{Credential, UserAttachment};
    use runawaytrain_core::resource::{fleets, instances, quarantine, roles, users};
    use runawaytrain_core::vocabulary::ids::{FleetId, InstanceId, Region, RoleName, UserName};
    use serde_json::{Value, json};

    use runawaytrain_core::plan::ActionResult;

    use super::*;
    use crate::wire::Script;

    /// A value as DynamoDB writes it.
    fn attribute(value: &Value) -> Value {
        match value {
            Value::String(text) => json!({ "S": text }),
            Value::Number(number) => json!({ "N": number.to_string() }),
            Value::Array(list) => json!({ "L": list.iter().map(attribute).collect::<Vec<_>>() }),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
                json!({ "M": fields.collect::<serde_json::Map<_, _>>() })
            }
            other => panic!("{other} does not stand in a journal"),
        }
    }

    /// A journal in which these actions stand, each with this result.
    fn standing(actions: &[Value], result: &Value) -> Script {
        let item = |(number, action): (usize, &Value)| {
            json!({
                "pk": { "S": "HALT#111111111111#20261122T030000Z" },
                "sk": { "S": format!("00000001#{number:08}") },
                "intent": { "S": "whatever people read" },
                "action": attribute(action),
                "intended": { "S": "2026-11-22T03:00:00Z" },
                "outcome": { "S": "whatever people read" },
                "result": attribute(result),
                "concluded": { "S": "2026-11-22T03:00:01Z" },
            })
        };
        let items: Vec<Value> = actions.iter().enumerate().map(item).collect();
        let answer = json!({ "Items": items }).to_string();
        Script::new(move |_| (200, answer.clone()))
    }

    async fn entries(script: &Script) -> Result<Vec<JournalEntry>, Failure> {
        let account = AccountId::parse("111111111111").unwrap();
        read(&Table::new(&script.config(), "runawaytrain"), &account, &HaltId::new("20261122T030000Z")).await
    }

    #[tokio::test]
    async fn a_journal_of_an_older_form_is_read_whole() {
        let (ann, ci) = (|| UserName::new("ann"), || RoleName::new("ci"));
        let before = "2026-11-22T03:00:00Z";
        let belonging = |kind: &str, id: &str| {
            let of = json!({ "kind": kind, "id": id });
            json!({ "do": "remove-belonging", "user": "ann", "belonging": of })
        };
        let credential = |credential| Action::Users(users::Action::DeleteCredential { user: ann(), credential });
        let attachment = |attachment| Action::Users(users::Action::RemoveAttachment { user: ann(), attachment });
        let stored: Vec<(Value, Action)> = vec![
            (
                json!({ "do": "revoke-sessions", "role": "ci", "before": before }),
                roles::Action::RevokeSessions { role: ci(), ahead: roles::REVOKE_AHEAD }.into(),
            ),
            (
                json!({ "do": "lift-role", "role": "ci", "before": before }),
                roles::Action::LiftRole { role: ci() }.into(),
            ),
            (
                json!({ "do": "lift-deny", "user": "ann", "before": before }),
                users::Action::LiftDeny { user: ann() }.into(),
            ),
            (belonging("certificate", "CERT"), credential(Credential::Certificate("CERT".to_owned()))),
            (belonging("ssh-key", "APKA"), credential(Credential::SshKey("APKA".to_owned()))),
            (belonging("service-credential", "ACCA"), credential(Credential::ServiceCredential("ACCA".to_owned()))),
            (belonging("group", "students"), attachment(UserAttachment::Group("students".to_owned()))),
            (belonging("mfa-device", "phone"), attachment(UserAttachment::MfaDevice("phone".to_owned()))),
            (
                belonging("virtual-mfa-device", "phone"),
                attachment(UserAttachment::VirtualMfaDevice("phone".to_owned())),
            ),
            (belonging("attached-policy", "arn"), attachment(UserAttachment::AttachedPolicy("arn".to_owned()))),
            (belonging("inline-policy", "own"), attachment(UserAttachment::InlinePolicy("own".to_owned()))),
        ];
        let (stored, expected): (Vec<Value>, Vec<Action>) = stored.into_iter().unzip();
        let entries = entries(&standing(&stored, &json!({ "result": "already-so" }))).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.action.clone()).collect::<Vec<_>>(), expected);
        let concluded = Some(("2026-11-22T03:00:01Z".parse().unwrap(), ActionResult::AlreadyDone));
        assert!(entries.iter().all(|entry| entry.concluded == concluded), "{entries:?}");
    }

    #[tokio::test]
    async fn a_failure_of_an_older_form_is_read() {
        let failure = json!({
            "operation": "iam:DeleteUser", "kind": "conflict", "code": "DeleteConflict", "detail": "no",
            "named": ["i-1"],
        });
        let result = json!({ "result": "failed", "failure": failure });
        let entries = entries(&standing(&[json!({ "do": "delete-user", "user": "ann" })], &result)).await.unwrap();
        let [JournalEntry { concluded: Some((_, ActionResult::Failed { failure })), .. }] = entries.as_slice() else {
            panic!("{entries:?}");
        };
        assert_eq!((failure.kind, failure.named.as_slice()), (FailureKind::Contended, ["i-1".to_owned()].as_slice()));
    }

    #[tokio::test]
    async fn what_is_written_is_what_is_read() {
        let region = || Region::new("us-east-1");
        let (instances, fleet) = (vec![InstanceId::new("i-1"), InstanceId::new("i-2")], FleetId::new("fleet-1"));
        let actions: Vec<Action> = vec![
            quarantine::Action::Freeze.into(),
            instances::Action::StopInstances { region: region(), instances, erases: Vec::new() }.into(),
            // A number is the one thing that JSON and DynamoDB do not write alike.
            fleets::Action::ZeroFleet {
                region: region(),
                fleet,
                kind: fleets::FleetKind::Spot,
                target: 7,
                on_demand: 2,
            }
            .into(),
        ];
        let stored: Vec<Value> = actions.iter().map(|action| serde_json::to_value(action).unwrap()).collect();
        let entries = entries(&standing(&stored, &json!({ "result": "done" }))).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.action.clone()).collect::<Vec<_>>(), actions);
        for entry in &entries {
            let written: AttributeValue = serde_dynamo::to_attribute_value(&entry.action).unwrap();
            assert_eq!(serde_dynamo::from_attribute_value::<_, Action>(written).unwrap(), entry.action);
        }
    }

    #[tokio::test]
    async fn an_action_that_nobody_knows_fails_the_whole() {
        let actions = [json!({ "do": "freeze" }), json!({ "do": "explode" })];
        let failure = entries(&standing(&actions, &json!({ "result": "done" }))).await.unwrap_err();
        assert!(failure.detail.contains("entry 00000001#00000001"), "{failure}");
    }
}
