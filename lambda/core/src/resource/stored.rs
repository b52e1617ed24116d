//! Older forms in which actions stand in the journal. A halt that is stored in one of them is still released whole.

use serde_json::Value;

/// The same action in today's form.
///
/// Until 0.1.0 credentials and attachments of a user were removed by one action, `remove-belonging`. Times that older
/// actions carry (`before`) are passed over when an action is read: the journal says when each was intended.
pub(super) fn modernize(mut stored: Value) -> Value {
    const CREDENTIALS: [&str; 3] = ["certificate", "ssh-key", "service-credential"];
    let Some(fields) = stored.as_object_mut() else { return stored };
    if fields.get("do").and_then(Value::as_str) != Some("remove-belonging") {
        return stored;
    }
    let Some(belonging) = fields.remove("belonging") else { return stored };
    let kind = belonging.get("kind").and_then(Value::as_str).unwrap_or_default();
    let (action, field) = if CREDENTIALS.contains(&kind) {
        ("delete-credential", "credential")
    } else {
        ("remove-attachment", "attachment")
    };
    fields.insert("do".to_owned(), action.into());
    fields.insert(field.to_owned(), belonging);
    stored
}
