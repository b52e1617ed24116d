//! A table of DynamoDB in memory, with one partition key and one sort key.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::expression::{Expression, Item, Malformed};

/// The most that a page of a query holds, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>
const PAGE: usize = 1024 * 1024;
/// The most that an item holds, its names included, and the items of a transaction together.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const ITEM: usize = 400 * 1024;
const TRANSACTION: usize = 4 * 1024 * 1024;
const PARTITION: &str = "pk";
const SORT: &str = "sk";

/// A write that was not done.
pub(crate) enum NotWritten {
    /// Its condition does not hold; what stands there instead.
    Condition(Item),
    /// It cannot be understood.
    Malformed(Malformed),
}

/// One table, whatever name it is asked by.
#[derive(Debug, Default)]
pub(crate) struct Table {
    partitions: BTreeMap<String, BTreeMap<String, Item>>,
    /// Transactions that were written.
    tokens: HashSet<String>,
}

/// How a write changes an item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Put,
    Update,
    Delete,
    /// Nothing is changed; only the condition must hold.
    Check,
}

impl Table {
    /// An item.
    pub fn get(&self, key: &Value) -> Option<&Item> {
        let (partition, sort) = place(key)?;
        self.partitions.get(partition)?.get(sort)
    }

    /// A page of a partition: its items, and where the next one begins.
    pub fn query(&self, request: &Value) -> Result<(Vec<&Item>, Option<Value>), Malformed> {
        let text = request.get("KeyConditionExpression").and_then(Value::as_str).unwrap_or_default();
        let partition = Expression::new(text, request).equal_to(PARTITION).and_then(|value| value.get("S")?.as_str());
        let after = request.get("ExclusiveStartKey").and_then(|key| key.get(SORT)?.get("S")?.as_str());
        let (mut found, mut size) = (Vec::new(), 0);
        let items = partition.and_then(|partition| self.partitions.get(partition)).into_iter().flatten();
        for (sort, item) in items.filter(|(sort, _)| after.is_none_or(|after| sort.as_str() > after)) {
            if !Expression::new(text, request).holds(item)? {
                continue;
            }
            // A page ends by what was read, whatever of it is wanted.
            size += size_of(item);
            let wanted = request.get("FilterExpression").and_then(Value::as_str);
            if wanted.map_or(Ok(true), |wanted| Expression::new(wanted, request).holds(item))? {
                found.push(item);
            }
            if size > PAGE {
                let last = json!({ PARTITION: { "S": partition }, SORT: { "S": sort } });
                return Ok((found, Some(last)));
            }
        }
        Ok((found, None))
    }

    /// One write; what stands there afterwards.
    pub fn write(&mut self, change: Change, request: &Value) -> Result<Item, NotWritten> {
        let after = self.checked(change, request)?;
        self.apply(change, request, after.clone());
        Ok(after)
    }

    /// All of these writes or none; of a refusal, what came of the condition of each.
    pub fn transact(&mut self, token: Option<&str>, writes: &[(Change, &Value)]) -> Result<(), Vec<NotWrittenOr>> {
        if token.is_some_and(|token| self.tokens.contains(token)) {
            return Ok(());
        }
        let checked: Vec<_> = writes.iter().map(|(change, request)| self.checked(*change, request)).collect();
        if checked.iter().any(Result::is_err) {
            return Err(checked.into_iter().map(Result::err).collect());
        }
        let size: usize = checked.iter().flatten().map(bytes_of).sum();
        if size > TRANSACTION {
            let why = "Collection size exceeded: the items of a transaction have 4 MB at most";
            return Err(writes.iter().map(|_| Some(NotWritten::Malformed(why.to_owned()))).collect());
        }
        for ((change, request), after) in writes.iter().zip(checked.into_iter().flatten()) {
            self.apply(*change, request, after);
        }
        self.tokens.extend(token.map(str::to_owned));
        Ok(())
    }

    /// What would stand there after a write, if its condition holds.
    fn checked(&self, change: Change, request: &Value) -> Result<Item, NotWritten> {
        let of = if change == Change::Put { "Item" } else { "Key" };
        let key = request.get(of).filter(|key| place(key).is_some());
        let key = key.ok_or_else(|| NotWritten::Malformed("it names no key".to_owned()))?;
        let before = self.get(key).cloned().unwrap_or_default();
        if let Some(condition) = request.get("ConditionExpression").and_then(Value::as_str) {
            let holds = Expression::new(condition, request).holds(&before).map_err(NotWritten::Malformed)?;
            if !holds {
                return Err(NotWritten::Condition(before));
            }
        }
        let after = match change {
            Change::Put => key.as_object().cloned().unwrap_or_default(),
            Change::Delete | Change::Check => before,
            Change::Update => {
                let mut after = before;
                after.extend(key.as_object().cloned().unwrap_or_default());
                let text = request.get("UpdateExpression").and_then(Value::as_str).unwrap_or_default();
                Expression::new(text, request).update(&mut after).map_err(NotWritten::Malformed)?;
                after
            }
        };
        if bytes_of(&after) > ITEM {
            return Err(NotWritten::Malformed("Item size has exceeded the maximum allowed size".to_owned()));
        }
        Ok(after)
    }

    fn apply(&mut self, change: Change, request: &Value, after: Item) {
        let Some((partition, sort)) = request.get("Key").or(request.get("Item")).and_then(place) else { return };
        let items = self.partitions.entry(partition.to_owned()).or_default();
        match change {
            Change::Put | Change::Update => drop(items.insert(sort.to_owned(), after)),
            Change::Delete => drop(items.remove(sort)),
            Change::Check => {}
        }
    }
}

/// Why one write of a transaction was not done, if it was its fault.
pub(crate) type NotWrittenOr = Option<NotWritten>;

/// The two keys of an item or of a key.
fn place(item: &Value) -> Option<(&str, &str)> {
    let text = |name: &str| item.get(name)?.get("S")?.as_str();
    Some((text(PARTITION)?, text(SORT)?))
}

/// The partition that a write is in.
pub(crate) fn partition(request: &Value) -> Option<&str> {
    request.get("Key").or(request.get("Item")).and_then(place).map(|(partition, _)| partition)
}

/// How large an item is, near enough: DynamoDB counts neither the marks of its types nor JSON's own.
fn size_of(item: &Item) -> usize {
    item.values().map(|value| value.to_string().len()).sum()
}

/// How large an item is to DynamoDB, which counts names and values.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
fn bytes_of(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + bytes_of_value(value)).sum()
}

fn bytes_of_value(value: &Value) -> usize {
    let Some((mark, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 1 };
    let text = value.as_str().map_or(1, str::len);
    match (mark.as_str(), value) {
        ("N", _) => text / 2 + 1,
        ("M", Value::Object(fields)) => 3 + fields.len() + bytes_of(fields),
        ("L", Value::Array(values)) => 3 + values.iter().map(|value| 1 + bytes_of_value(value)).sum::<usize>(),
        _ => text,
    }
}

/// What a write costs: a unit a kilobyte that was begun.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
pub(crate) fn units(item: &Item) -> f64 {
    size_of(item).div_ceil(1024).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sort: &str, condition: Option<&str>) -> Value {
        json!({ "Item": { "pk": { "S": "A" }, "sk": { "S": sort } }, "ConditionExpression": condition })
    }

    #[test]
    fn a_transaction_is_written_whole_or_not_at_all_and_once() {
        let mut table = Table::default();
        let (new, taken) = (put("1", Some("attribute_not_exists(pk)")), put("2", Some("attribute_exists(pk)")));
        let refused = table.transact(None, &[(Change::Put, &new), (Change::Put, &taken)]).err().unwrap();
        assert!(matches!(refused.as_slice(), [None, Some(NotWritten::Condition(_))]));
        assert!(table.get(new.get("Item").unwrap()).is_none());
        assert!(table.transact(Some("token"), &[(Change::Put, &new)]).is_ok());
        assert!(table.transact(Some("token"), &[(Change::Put, &new)]).is_ok(), "it is a repetition");
        assert!(table.transact(Some("other"), &[(Change::Put, &new)]).is_err());
    }

    #[test]
    fn an_item_has_400_kb_at_most_and_a_transaction_4_mb() {
        let mut table = Table::default();
        let large = |sort: &str, size: usize| {
            let mut item = put(sort, None);
            item["Item"]["text"] = json!({ "S": "x".repeat(size) });
            item
        };
        let keys = "pkAsk1text".len();
        assert!(table.write(Change::Put, &large("1", ITEM - keys)).is_ok());
        assert!(matches!(table.write(Change::Put, &large("1", ITEM - keys + 1)), Err(NotWritten::Malformed(_))));
        let many: Vec<Value> = (0..11).map(|number| large(&number.to_string(), ITEM - 20)).collect();
        let writes = |number| many.iter().take(number).map(|item| (Change::Put, item)).collect::<Vec<_>>();
        assert!(table.transact(None, &writes(10)).is_ok());
        assert!(table.transact(None, &writes(11)).is_err());
    }

    #[test]
    fn a_query_returns_what_its_filter_lets_through_and_pages_by_what_it_read() {
        let mut table = Table::default();
        for sort in ["1", "2", "3"] {
            let mut item = put(sort, None);
            item["Item"]["text"] = json!({ "S": "x".repeat(PAGE / 4) });
            item["Item"]["state"] = json!({ "S": if sort == "3" { "Frozen" } else { "Ok" } });
            assert!(table.write(Change::Put, &item).is_ok());
        }
        let request = json!({
            "KeyConditionExpression": "#pk = :pk",
            "FilterExpression": "#state = :is",
            "ExpressionAttributeNames": { "#pk": "pk", "#state": "state" },
            "ExpressionAttributeValues": { ":pk": { "S": "A" }, ":is": { "S": "Frozen" } },
        });
        assert_eq!(table.query(&request).unwrap().0.len(), 1);
    }

    #[test]
    fn a_query_is_paged_and_begins_where_it_is_told() {
        let mut table = Table::default();
        for sort in ["1", "2", "3", "4"] {
            let mut item = put(sort, None);
            item["Item"]["text"] = json!({ "S": "x".repeat(PAGE / 3 + 1) });
            assert!(table.write(Change::Put, &item).is_ok());
        }
        let mut request = json!({
            "KeyConditionExpression": "#pk = :pk AND #sk >= :sk",
            "ExpressionAttributeNames": { "#pk": "pk", "#sk": "sk" },
            "ExpressionAttributeValues": { ":pk": { "S": "A" }, ":sk": { "S": "1" } },
        });
        let (first, last) = table.query(&request).unwrap();
        assert_eq!((first.len(), last.as_ref().is_some()), (3, true));
        request["ExclusiveStartKey"] = last.unwrap();
        let (second, last) = table.query(&request).unwrap();
        assert_eq!((second.len(), last), (1, None));
    }
}
