//! What the query protocols answer.

use std::fmt::Write as _;

/// Text as it may stand in an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Elements of a list, each written by a function.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>, element: &str, write: impl Fn(T) -> String) -> String {
    items.into_iter().fold(String::new(), |mut text, item| {
        // Writing to a string cannot fail.
        let _ = write!(text, "<{element}>{}</{element}>", write(item));
        text
    })
}

/// An element, or nothing where there is no content.
pub(crate) fn optional(element: &str, content: Option<&str>) -> String {
    content.map(|content| format!("<{element}>{}</{element}>", escaped(content))).unwrap_or_default()
}
