//! DynamoDB's expressions, as far as a ledger uses them.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

/// An item, or a map of names or values: as DynamoDB's JSON has it.
pub(crate) type Item = Map<String, Value>;

/// What is wrong with an expression.
pub(crate) type Malformed = String;

/// An expression with what its placeholders stand for.
pub(crate) struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
    names: Option<&'a Item>,
    values: Option<&'a Item>,
}

impl<'a> Expression<'a> {
    /// An expression of a request, with the request's placeholders.
    pub fn new(text: &'a str, request: &'a Value) -> Self {
        Self {
            words: words(text),
            at: 0,
            names: request.get("ExpressionAttributeNames").and_then(Value::as_object),
            values: request.get("ExpressionAttributeValues").and_then(Value::as_object),
        }
    }

    /// Whether it holds of an item; of one that is not there, an empty one.
    pub fn holds(mut self, item: &Item) -> Result<bool, Malformed> {
        let holds = self.any(item)?;
        if self.at < self.words.len() { Err(self.unexpected()) } else { Ok(holds) }
    }

    /// Changes an item as an update expression says.
    pub fn update(mut self, item: &mut Item) -> Result<(), Malformed> {
        let before = item.clone();
        while let Some(clause) = self.word() {
            loop {
                let name = self.name()?;
                match clause.to_ascii_uppercase().as_str() {
                    "SET" => {
                        self.expect("=")?;
                        let value = self.sum(&before)?;
                        item.insert(name, value);
                    }
                    "REMOVE" => drop(item.remove(&name)),
                    "ADD" => {
                        let more = self.operand(&before)?.ok_or("ADD needs a value")?;
                        let value = match item.get(&name) {
                            Some(known) => json!({ "N": (number(known)? + number(&more)?).to_string() }),
                            None => more,
                        };
                        item.insert(name, value);
                    }
                    other => return Err(format!("{other} is no clause that is known here")),
                }
                if !self.skip(",") {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The value that a key attribute must be equal to.
    pub fn equal_to(&self, attribute: &str) -> Option<&'a Value> {
        let named = |word: &str| self.names.and_then(|names| names.get(word)?.as_str()).unwrap_or(word) == attribute;
        let place = self.words.windows(3).find_map(|words| match words {
            [name, "=", value] if named(name) => Some(*value),
            _ => None,
        })?;
        self.values?.get(place)
    }

    fn any(&mut self, item: &Item) -> Result<bool, Malformed> {
        let mut holds = self.all(item)?;
        while self.skip("OR") {
            holds |= self.all(item)?;
        }
        Ok(holds)
    }

    fn all(&mut self, item: &Item) -> Result<bool, Malformed> {
        let mut holds = self.one(item)?;
        while self.skip("AND") {
            holds &= self.one(item)?;
        }
        Ok(holds)
    }

    fn one(&mut self, item: &Item) -> Result<bool, Malformed> {
        if self.skip("NOT") {
            return Ok(!self.one(item)?);
        }
        if self.skip("(") {
            let holds = self.any(item)?;
            self.expect(")")?;
            return Ok(holds);
        }
        for (function, wanted) in [("attribute_exists", true), ("attribute_not_exists", false)] {
            if self.skip(function) {
                self.expect("(")?;
                let name = self.name()?;
                self.expect(")")?;
                return Ok(item.contains_key(&name) == wanted);
            }
        }
        let left = self.operand(item)?;
        if self.skip("IN") {
            self.expect("(")?;
            let mut is_in = false;
            loop {
                let one = self.operand(item)?;
                is_in |= compared(left.as_ref(), one.as_ref()) == Some(Ordering::Equal);
                if !self.skip(",") {
                    break;
                }
            }
            self.expect(")")?;
            return Ok(is_in);
        }
        let comparator = self.word().ok_or("it ends too early")?;
        let order = compared(left.as_ref(), self.operand(item)?.as_ref());
        match comparator {
            "=" => Ok(order == Some(Ordering::Equal)),
            "<>" => Ok(order != Some(Ordering::Equal)),
            "<" => Ok(order.is_some_and(Ordering::is_lt)),
            "<=" => Ok(order.is_some_and(Ordering::is_le)),
            ">" => Ok(order.is_some_and(Ordering::is_gt)),
            ">=" => Ok(order.is_some_and(Ordering::is_ge)),
            other => Err(format!("{other} compares nothing")),
        }
    }

    /// A value, or two that are added.
    fn sum(&mut self, item: &Item) -> Result<Value, Malformed> {
        let first = self.term(item)?;
        if !self.skip("+") {
            return Ok(first);
        }
        let second = self.term(item)?;
        Ok(json!({ "N": (number(&first)? + number(&second)?).to_string() }))
    }

    fn term(&mut self, item: &Item) -> Result<Value, Malformed> {
        if self.skip("if_not_exists") {
            self.expect("(")?;
            let known = self.operand(item)?;
            self.expect(",")?;
            let otherwise = self.operand(item)?;
            self.expect(")")?;
            return known.or(otherwise).ok_or_else(|| "if_not_exists has no value".to_owned());
        }
        self.operand(item)?.ok_or_else(|| "it has no value".to_owned())
    }

    /// What a placeholder of a value stands for, or what the item has of that name.
    fn operand(&mut self, item: &Item) -> Result<Option<Value>, Malformed> {
        if self.words.get(self.at).is_some_and(|word| word.starts_with(':')) {
            let word = self.word().unwrap_or_default();
            let value = self.values.and_then(|values| values.get(word));
            return value.cloned().map(Some).ok_or_else(|| format!("{word} stands for nothing"));
        }
        Ok(item.get(&self.name()?).cloned())
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let word = self.word().ok_or("it ends too early")?;
        if !word.starts_with('#') {
            return Ok(word.to_owned());
        }
        let name = self.names.and_then(|names| names.get(word)?.as_str());
        name.map(str::to_owned).ok_or_else(|| format!("{word} stands for nothing"))
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn skip(&mut self, word: &str) -> bool {
        let is_it = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, word: &str) -> Result<(), Malformed> {
        if self.skip(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Malformed {
        format!("{:?} is not understood here", self.words.get(self.at).unwrap_or(&"the end"))
    }
}

/// An expression word by word: names and placeholders, parentheses, commas and signs.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |one: char| one.is_ascii_alphanumeric() || matches!(one, '#' | ':' | '_' | '.' | '-');
        let is_comparator = |one: char| matches!(one, '<' | '>' | '=');
        let length = match first {
            _ if is_word(first) => rest.find(|one| !is_word(one)),
            _ if is_comparator(first) => rest.find(|one| !is_comparator(one)),
            _ => Some(first.len_utf8()),
        };
        let (word, after) = rest.split_at(length.unwrap_or(rest.len()));
        found.push(word);
        rest = after.trim_start();
    }
    found
}

/// The order of two attributes of one type; `None` where they have none.
fn compared(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    let (left, right) = (left?, right?);
    if let (Some(left), Some(right)) = (left.get("S").and_then(Value::as_str), right.get("S").and_then(Value::as_str)) {
        return Some(left.cmp(right));
    }
    match (number(left), number(right)) {
        (Ok(left), Ok(right)) => Some(left.cmp(&right)),
        _ => (left == right).then_some(Ordering::Equal),
    }
}

/// Whole numbers are all that is compared or added.
fn number(value: &Value) -> Result<i128, Malformed> {
    let text = value.get("N").and_then(Value::as_str).ok_or("it is no number")?;
    text.parse().map_err(|_| format!("{text} is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(value: &Value) -> Item {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn conditions_hold_as_dynamodb_says() {
        let request = json!({
            "ExpressionAttributeNames": { "#fence": "fence", "#holder": "holder", "#until": "until" },
            "ExpressionAttributeValues": { ":fence": { "N": "7" }, ":now": { "N": "1000" }, ":a": { "S": "a" } },
        });
        let stored = item(
            &json!({ "fence": { "N": "7" }, "until": { "N": "999" }, "holder": { "S": "a" }, "pk": { "S": "x" } }),
        );
        let holds = |text, item: &Item| Expression::new(text, &request).holds(item);
        for (text, stored_holds, nothing_holds) in [
            ("#fence = :fence AND attribute_exists(#holder)", true, false),
            ("attribute_not_exists(#fence)", false, true),
            ("#fence = :fence AND (attribute_not_exists(#until) OR #until <= :now)", true, false),
            ("attribute_not_exists(pk) OR #until > :now", false, true),
            ("#holder IN (:now, :a)", true, false),
            ("NOT #holder <> :a", true, false),
        ] {
            assert_eq!(holds(text, &stored), Ok(stored_holds), "{text}");
            assert_eq!(holds(text, &Item::new()), Ok(nothing_holds), "{text}");
        }
        assert!(holds("#fence = :fence )", &stored).is_err() && holds("#unknown = :fence", &stored).is_err());
    }

    #[test]
    fn updates_set_add_and_remove() {
        let request = json!({
            "ExpressionAttributeNames": { "#version": "version", "#holder": "holder", "#tries": "tries" },
            "ExpressionAttributeValues": { ":zero": { "N": "0" }, ":one": { "N": "1" }, ":me": { "S": "me" } },
        });
        let mut changed = item(&json!({ "holder": { "S": "you" } }));
        let acquire = "SET #version = if_not_exists(#version, :zero) + :one, #holder = :me";
        for _ in 0..2 {
            Expression::new(acquire, &request).update(&mut changed).unwrap();
        }
        assert_eq!(changed, item(&json!({ "version": { "N": "2" }, "holder": { "S": "me" } })));
        Expression::new("REMOVE #holder, #version ADD #tries :one", &request).update(&mut changed).unwrap();
        assert_eq!(changed, item(&json!({ "tries": { "N": "1" } })));
    }
}
