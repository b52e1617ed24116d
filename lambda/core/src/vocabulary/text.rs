//! Strings that somebody else chose, made safe to show.

/// The longest foreign string that is shown whole.
const LONGEST: usize = 300;

/// Strips what could forge a line, a colour or a reading direction in a terminal, a mail or a log, and bounds the
/// length.
///
/// A member account controls names, tags and parts of error messages; a thief would use them to write into our mail.
pub fn clean(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => visible(&text[..end]) + "…",
        None => visible(text),
    }
}

/// The same of text that is as long as it has to be.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            character if character.is_control() || is_invisible(character) => {}
            character => out.push(character),
        }
    }
    out
}

/// Formatting characters of Unicode that change how the text around them reads: direction marks, joiners, byte order
/// marks.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// `1 instance`, `3 instances`: a count with its noun.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// `a, b and 3 more`: of many only the first so many are named.
pub fn some_of<T: std::fmt::Display>(words: &[T], most: usize) -> String {
    let named: Vec<String> = words.iter().take(most).map(T::to_string).collect();
    match words.len().saturating_sub(most) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_lines_and_colours_are_stripped() {
        assert_eq!(clean("mallory\r\nBcc: all@example.edu"), "mallory  Bcc: all@example.edu");
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "[31mred[0m");
        assert_eq!(clean("safe\u{202E}exe.txt"), "safeexe.txt");
    }

    #[test]
    fn many_words_are_told_as_people_tell_them() {
        assert_eq!(
            [listed(&["a"; 0]), listed(&["a"]), listed(&["a", "b"]), listed(&["a", "b", "c"])],
            ["", "a", "a and b", "a, b and c"]
        );
        assert_eq!([some_of(&["a", "b"], 2), some_of(&["a", "b", "c"], 2)], ["a, b", "a, b and 1 more"]);
    }

    #[test]
    fn endless_names_are_cut() {
        let cut = clean(&"x".repeat(10_000));
        assert_eq!(cut.chars().count(), LONGEST + 1);
        assert!(cut.ends_with('…'));
    }
}
