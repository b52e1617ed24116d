//! DynamoDB: the one table.

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::table::{Change, NotWritten, partition, units};
use crate::world::World;

const CONDITION: &str = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
const CANCELLED: &str = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
const INVALID: &str = "com.amazon.coral.validate#ValidationException";
const THROTTLED: &str = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";

pub(super) fn answer(world: &mut World, call: &Call) -> Option<Answer> {
    let body = &call.body;
    Some(match call.operation.as_str() {
        "GetItem" => {
            let item = body.get("Key").and_then(|key| world.table.get(key));
            let answer = item.map_or_else(|| json!({}), |item| json!({ "Item": item }));
            Answer::json("dynamodb", &answer, usize::from(item.is_some()))
        }
        "Query" => match world.table.query(body) {
            Ok((items, last)) => {
                let mut answer = json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() });
                if let (Some(last), Some(answer)) = (last, answer.as_object_mut()) {
                    answer.insert("LastEvaluatedKey".to_owned(), last);
                }
                Answer::json("dynamodb", &answer, items.len())
            }
            Err(why) => refused(INVALID, &why),
        },
        "PutItem" => write(world, Change::Put, body),
        "UpdateItem" => write(world, Change::Update, body),
        "DeleteItem" => write(world, Change::Delete, body),
        "TransactWriteItems" => transact(world, body),
        _ => return None,
    })
}

fn refused(code: &str, message: &str) -> Answer {
    Answer::refused("dynamodb", 400, code, message)
}

fn write(world: &mut World, change: Change, request: &Value) -> Answer {
    if !admit(world, &[(change, request)], 1.0) {
        return refused(THROTTLED, "The partition key takes no more.");
    }
    match world.table.write(change, request) {
        Ok(after) => {
            let is_wanted = request.get("ReturnValues").and_then(Value::as_str) == Some("ALL_NEW");
            let answer = if is_wanted { json!({ "Attributes": after }) } else { json!({}) };
            Answer::json("dynamodb", &answer, 1)
        }
        Err(NotWritten::Malformed(why)) => refused(INVALID, &why),
        Err(NotWritten::Condition(before)) => {
            let mut answer = refused(CONDITION, "The conditional request failed");
            answer.body = json!({ "__type": CONDITION, "Message": "The conditional request failed", "Item": before })
                .to_string()
                .into();
            answer
        }
    }
}

fn transact(world: &mut World, request: &Value) -> Answer {
    let items = request.get("TransactItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let writes: Vec<(Change, &Value)> = items.iter().filter_map(one).collect();
    if !admit(world, &writes, 2.0) {
        return refused(THROTTLED, "The partition key takes no more.");
    }
    let token = request.get("ClientRequestToken").and_then(Value::as_str);
    let Err(refusals) = world.table.transact(token, &writes) else {
        return Answer::json("dynamodb", &json!({}), writes.len());
    };
    let reasons: Vec<Value> = refusals.iter().map(reason).collect();
    let mut answer = refused(CANCELLED, "");
    let message = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    let body = json!({ "__type": CANCELLED, "Message": message, "CancellationReasons": reasons });
    answer.body = body.to_string().into();
    answer
}

fn one(item: &Value) -> Option<(Change, &Value)> {
    let kinds = [
        ("Put", Change::Put),
        ("Update", Change::Update),
        ("Delete", Change::Delete),
        ("ConditionCheck", Change::Check),
    ];
    kinds.into_iter().find_map(|(name, change)| Some((change, item.get(name)?)))
}

fn reason(refusal: &Option<NotWritten>) -> Value {
    match refusal {
        None => json!({ "Code": "None" }),
        Some(NotWritten::Condition(_)) => {
            json!({ "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" })
        }
        Some(NotWritten::Malformed(why)) => json!({ "Code": "ValidationError", "Message": why }),
    }
}

/// Takes the units of writes. A transaction costs twice what they cost alone. The size of an item is that before the
/// write, or that of the request.
fn admit(world: &mut World, writes: &[(Change, &Value)], times: f64) -> bool {
    let table = &world.table;
    let Some(buckets) = &mut world.quotas else { return true };
    writes.iter().all(|(_, request)| {
        let item = request.get("Item").and_then(Value::as_object);
        let item = item.or_else(|| table.get(request.get("Key")?));
        let units = item.map_or(1.0, units) * times;
        partition(request).is_none_or(|partition| buckets.admit_write(partition, units))
    })
}
