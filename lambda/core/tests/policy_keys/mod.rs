//! The keys of the policy as a table for people, made from its schema.

use runawaytrain_core::contract;
use runawaytrain_core::policy::{Contain, Policy, PolicyDocument};
use runawaytrain_core::vocabulary::ids::AccountId;
use serde_json::{Map, Value, json};

/// What stands before the table.
pub const BEGIN: &str = "<!-- keys: made from the Rust types by `UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test generated` -->\n";
/// What stands after it.
pub const END: &str = "<!-- /keys -->";

/// A key, as people read of it.
struct Row {
    key: String,
    what: String,
    unit: String,
    default: String,
}

/// Every key, those that hold for everybody before those that differ for some.
pub fn table() -> String {
    let schema = schemars::schema_for!(PolicyDocument).to_value();
    let mut walk = Walk { schema: &schema, seen: Vec::new(), rows: Vec::new() };
    walk.object(&schema, "", &defaults());
    let mut text = "\n| key | what | unit or values | default |\n|---|---|---|---|\n".to_owned();
    for Row { key, what, unit, default } in walk.rows {
        text.push_str(&format!("| `{key}` | {what} | {unit} | {default} |\n"));
    }
    text.push('\n');
    text
}

/// What holds where the policy says nothing and the schema does not say what.
fn defaults() -> Value {
    let account = AccountId::parse("111111111111").unwrap();
    let least = json!({
        "payer": "100000000000",
        "organization": { "id": "o-exampleorg" },
        "defaults": { "limits": { "instances": 0 }, "notify": ["a@example.edu"] },
    });
    let policy = Policy::from_json(&least.to_string()).unwrap().for_account(&account, None);
    // Written out, so that a new key is missed by the compiler.
    let Contain { instances, unstoppable, instance_store, users, roles, root, quarantine, models, lockdown } =
        policy.contain;
    json!({
        "organization": { "memberRegion": contract::HOME_REGION },
        "defaults": {
            "limits": { "warn": policy.limits.warn },
            "contain": {
                "instances": instances,
                "unstoppable": unstoppable,
                "instanceStore": instance_store,
                "users": users,
                "roles": roles,
                "root": root,
                "quarantine": quarantine,
                "models": models,
                "lockdown": lockdown,
            },
        },
    })
}

struct Walk<'a> {
    schema: &'a Value,
    /// Definitions of objects that were told of, with the key that they were told of under.
    seen: Vec<(String, String)>,
    rows: Vec<Row>,
}

impl<'a> Walk<'a> {
    fn object(&mut self, schema: &'a Value, at: &str, defaults: &Value) {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let Some(keys) = schema["properties"].as_object() else { return };
        // What holds for everybody comes before what differs for some.
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|(_, property)| self.resolve(property)["patternProperties"].is_object());
        for (key, property) in keys {
            let path = format!("{at}{key}");
            self.property(property, &path, required.contains(&json!(key)), &defaults[key]);
        }
    }

    fn property(&mut self, property: &'a Value, path: &str, is_required: bool, default: &Value) {
        let definition = self.resolve(property);
        let what = text(property).or_else(|| text(definition)).unwrap_or_default();
        if let Some(by_id) = definition["patternProperties"].as_object() {
            let of_one = by_id.values().next().unwrap();
            self.rows.push(Row { key: path.to_owned(), what, unit: "by id".to_owned(), default: none() });
            self.nested(of_one, &format!("{path}.\"ID\""), true, default);
        } else if definition["properties"].is_object() {
            self.nested(property, path, is_required, default);
        } else {
            let default = default_of(property, is_required, default);
            self.rows.push(Row { key: path.to_owned(), what, unit: self.unit(definition), default });
        }
    }

    /// The keys of an object; where they were told of before, that.
    fn nested(&mut self, property: &'a Value, path: &str, is_required: bool, default: &Value) {
        let definition = self.resolve(property);
        let name = property["$ref"].as_str().unwrap_or_default().to_owned();
        match self.seen.iter().find(|(seen, _)| *seen == name) {
            Some((_, first)) => {
                let what = text(property).or_else(|| text(definition)).unwrap_or_default();
                let row = Row { key: path.to_owned(), what, unit: format!("as `{first}`"), default: none() };
                self.rows.push(row);
            }
            None => {
                self.seen.push((name, path.to_owned()));
                // What may be left out whole is told of by itself.
                if !is_required && property["default"].is_null() {
                    let what = text(property).or_else(|| text(definition)).unwrap_or_default();
                    self.rows.push(Row { key: path.to_owned(), what, unit: "keys below".to_owned(), default: none() });
                }
                self.object(definition, &format!("{path}."), &merged(property, default));
            }
        }
    }

    fn resolve(&self, property: &'a Value) -> &'a Value {
        match property["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            Some(pointer) => self.schema.pointer(pointer).unwrap(),
            None => property,
        }
    }

    /// The unit of a number, the form of a text, or the values that are taken.
    fn unit(&self, definition: &'a Value) -> String {
        if let Some(values) = definition["oneOf"].as_array() {
            let value =
                |value: &Value| format!("`{}`: {}", value["const"].as_str().unwrap(), text(value).unwrap_or_default());
            return values.iter().map(value).collect::<Vec<_>>().join("<br>");
        }
        let name = self.schema["$defs"].as_object().and_then(|all| {
            all.iter().find(|(_, known)| std::ptr::eq(*known, definition)).map(|(name, _)| name.as_str())
        });
        match (definition["type"].as_str(), name) {
            (_, Some("Dollars")) => "US dollars".to_owned(),
            (_, Some("Count")) | (Some("integer"), _) => "whole number".to_owned(),
            (_, Some("Share")) => "share, above 0, at most 1".to_owned(),
            (Some("number"), _) => "number".to_owned(),
            (Some("boolean"), _) => "`true` or `false`".to_owned(),
            (Some("array"), _) => match definition["maxItems"].as_u64() {
                Some(most) => format!("list, at most {most}"),
                None => "list".to_owned(),
            },
            (_, Some(_)) => text(definition).unwrap_or_else(|| "text".to_owned()).trim_end_matches('.').to_owned(),
            _ => "text".to_owned(),
        }
    }
}

/// The defaults of what is in an object: those of the schema, and those that it does not say.
fn merged(property: &Value, default: &Value) -> Value {
    let mut all: Map<String, Value> = property["default"].as_object().cloned().unwrap_or_default();
    all.extend(default.as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

fn default_of(property: &Value, is_required: bool, default: &Value) -> String {
    let said = if default.is_null() { &property["default"] } else { default };
    match said {
        Value::Null if is_required => "required".to_owned(),
        Value::Null => none(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn none() -> String {
    "none".to_owned()
}

/// A description in one line, as a cell of a table takes it.
fn text(schema: &Value) -> Option<String> {
    let words = schema["description"].as_str()?.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(words.replace('|', "\\|"))
}
