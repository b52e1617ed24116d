//! Lists as AWS gives them: page by page, each page a call of its own, while the account goes on living between two of
//! them. The sizes are those that the adapters ask for.

/// Goes through a sorted list. It remembers the last item that it gave: what is made behind that one is missed, what is
/// made after it is seen, as long as there is another page.
pub(crate) struct Pages<K> {
    size: usize,
    after: Option<K>,
}

impl<K: Ord> Pages<K> {
    pub fn new(size: usize) -> Self {
        Self { size, after: None }
    }

    /// The next page, and whether another one follows.
    pub fn next<T>(&mut self, mut all: Vec<(K, T)>) -> (Vec<T>, bool) {
        all.sort_by(|one, other| one.0.cmp(&other.0));
        let ahead = all.into_iter().filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after));
        let (mut keys, mut page): (Vec<K>, Vec<T>) = ahead.take(self.size + 1).unzip();
        let more = keys.len() > self.size;
        keys.truncate(self.size);
        page.truncate(self.size);
        if let Some(last) = keys.pop() {
            self.after = Some(last);
        }
        (page, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Vec<(char, char)> {
        text.chars().map(|letter| (letter, letter)).collect()
    }

    #[test]
    fn what_is_made_behind_the_cursor_is_missed_and_what_is_made_after_it_is_seen() {
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("fbdh")), (vec!['b', 'd'], true));
        assert_eq!(pages.next(letters("abcdefh")), (vec!['e', 'f'], true));
        assert_eq!(pages.next(letters("h")), (vec!['h'], false));
    }

    #[test]
    fn the_last_page_may_be_full_and_the_next_one_gone_when_it_is_asked_for() {
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("ab")), (vec!['a', 'b'], false));
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("abc")), (vec!['a', 'b'], true));
        assert_eq!(pages.next(letters("ab")), (vec![], false));
    }
}
