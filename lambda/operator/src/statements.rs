//! What of a policy document is read here: lists that may be one word, and patterns.

use serde_json::Value;

/// A value of a policy document that is a string or a list of them.
pub(crate) fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text fits a pattern in which `*` stands for anything and `?` for one character.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
pub(crate) fn likened(pattern: &str, text: &str) -> bool {
    let mut next = pattern.chars();
    match next.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = next.as_str();
            likened(rest, text) || text.chars().next().is_some_and(|first| likened(pattern, &text[first.len_utf8()..]))
        }
        Some(wanted) => {
            let mut found = text.chars();
            found.next().is_some_and(|first| wanted == '?' || wanted == first) && likened(next.as_str(), found.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("arn:aws:iam::*:role/Runaway*", "arn:aws:iam::111111111111:role/RunawayTrainResponder", true),
            ("arn:aws:iam::*:role/Other", "arn:aws:iam::111111111111:role/RunawayTrainResponder", false),
            ("us-????-1", "us-east-1", true),
            ("us-????-1", "us-west-2", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(likened(pattern, text), fits, "{pattern} {text}");
        }
    }
}
