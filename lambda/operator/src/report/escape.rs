//! What somebody else chose, made safe for a page: its characters are text there, and never markup.

use runawaytrain_core::vocabulary::text::clean;

/// A foreign string as the text of an element, or as the value of an attribute in double quotes.
///
/// Names of accounts, users and roles are chosen by whoever makes them, and error messages quote them: a thief would
/// have them run in the browser of whoever reads of the theft, or turn a line around.
pub fn escape(text: &str) -> String {
    let text = clean(text);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escape("<script>alert('1' && \"2\")</script>"),
            "&lt;script&gt;alert(&#39;1&#39; &amp;&amp; &quot;2&quot;)&lt;/script&gt;"
        );
        assert_eq!(escape("&lt;"), "&amp;lt;", "what was escaped by somebody else is text all the same");
    }

    #[test]
    fn no_attribute_is_left_by_a_quote() {
        for text in ["\" onload=\"x", "' onload='x", "x>", "`"] {
            let escaped = escape(text);
            assert!(!escaped.contains(['"', '\'', '<', '>']), "{escaped}");
        }
    }

    #[test]
    fn nothing_turns_a_line_around_or_breaks_it() {
        assert_eq!(escape("safe\u{202E}gnp.exe\u{2066}\u{200F}\u{0}\nend"), "safegnp.exe end");
    }
}
