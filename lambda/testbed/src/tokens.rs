//! A line of a scenario, word by word.

use std::str::FromStr;
use std::time::Duration;

/// How old something is when a scenario begins, unless it says otherwise: above every suspicion.
const OLD: Duration = Duration::from_secs(400 * 86_400);

/// A line, word by word.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    left: Vec<&'a str>,
}

impl<'a> Tokens<'a> {
    /// A line's words.
    pub fn new(line: &'a str) -> Self {
        Self { left: line.split_whitespace().rev().collect() }
    }

    /// The next word; a line that ends too early is an error.
    #[expect(clippy::should_implement_trait, reason = "it fails where an iterator would end")]
    pub fn next(&mut self) -> Result<&'a str, String> {
        self.left.pop().ok_or_else(|| "the line ends too early".to_owned())
    }

    /// The next word, kept.
    pub fn owned(&mut self) -> Result<String, String> {
        self.next().map(str::to_owned)
    }

    /// The next word as a number.
    pub fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.next()?;
        word.parse().map_err(|_| format!("{word:?} is not a number"))
    }

    /// The next word as a time.
    pub fn duration(&mut self) -> Result<Duration, String> {
        duration(self.next()?)
    }

    /// `[made D]`: how old something is.
    pub(crate) fn age(&mut self) -> Result<Duration, String> {
        self.after("made").map_or(Ok(OLD), |()| self.duration())
    }

    /// Takes the next word if it is this one.
    pub fn after(&mut self, word: &str) -> Option<()> {
        let _ = self.left.pop_if(|next| *next == word)?;
        Some(())
    }

    /// Everything that is left, as one text.
    pub fn rest(&mut self) -> String {
        let mut left = std::mem::take(&mut self.left);
        left.reverse();
        left.join(" ")
    }

    /// Nothing may be left.
    pub fn end(&mut self) -> Result<(), String> {
        let left = self.rest();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} is not understood here")) }
    }
}

/// A time such as `1.5s`, `5m`, `2h` or `30d`.
pub fn duration(word: &str) -> Result<Duration, String> {
    let unclear = || format!("{word:?} is not a time such as 30s, 5m, 2h or 7d");
    let (number, unit) = word.split_at_checked(word.len().saturating_sub(1)).ok_or_else(unclear)?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(unclear()),
    };
    let number: f64 = number.parse().map_err(|_| unclear())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| unclear())
}
