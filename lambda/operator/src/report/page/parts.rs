//! The parts that a page is made of: tables, moments, bars. Each takes text and gives markup; what it is given as
//! markup already says so.

use jiff::Timestamp;

use crate::history::moment;
use crate::report::escape::escape;

/// A table. On a phone each row is a block, in which every cell says by itself what it is.
#[derive(Debug)]
pub struct Table<'a> {
    /// The id of the heading that names it.
    pub named_by: &'a str,
    /// How it is laid out.
    pub class: &'static str,
    /// The heads of its columns.
    pub columns: &'a [&'a str],
    /// Which column names the row.
    pub head: usize,
    /// Its cells, as markup.
    pub rows: Vec<Vec<String>>,
}

impl Table<'_> {
    /// As markup.
    pub fn markup(&self) -> String {
        let heads: String =
            self.columns.iter().map(|column| format!("<th scope=\"col\">{}</th>", escape(column))).collect();
        let rows: String = self.rows.iter().map(|row| self.row(row)).collect();
        format!(
            "<table class=\"{}\" aria-labelledby=\"{}\">\n<thead><tr>{heads}</tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table>\n",
            self.class, self.named_by
        )
    }

    fn row(&self, cells: &[String]) -> String {
        let cell = |(at, (cell, column)): (usize, (&String, &&str))| {
            if at == self.head {
                format!("<th scope=\"row\">{cell}</th>")
            } else if cell.is_empty() {
                "<td class=\"empty\"></td>".to_owned()
            } else {
                format!("<td data-label=\"{}\">{cell}</td>", escape(column))
            }
        };
        let cells: String = cells.iter().zip(self.columns).enumerate().map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    }
}

/// A foreign string that keeps its own reading direction to itself.
pub fn foreign(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// A foreign sentence in which ids and regions are not broken at their hyphens.
pub fn words(text: &str) -> String {
    /// The longest that a narrow screen has room for, with a comma behind it.
    const LONGEST: usize = 22;
    let escaped = escape(text);
    let word = |word: &str| {
        let is_id = word.contains('-') && word.len() <= LONGEST;
        if is_id { format!("<span class=\"whole\">{word}</span>") } else { word.to_owned() }
    };
    format!("<bdi>{}</bdi>", escaped.split(' ').map(word).collect::<Vec<_>>().join(" "))
}

/// A moment, to the second, in UTC.
pub fn time(at: Timestamp) -> String {
    let shown = moment(at);
    format!("<time datetime=\"{}Z\">{shown}</time>", shown.replace(' ', "T"))
}

/// Two bars, one above the other: what was and what is, each against the most that there is to show. The numbers stand
/// beside them: whoever cannot see the bars misses nothing.
pub fn bars(before: f64, now: f64, most: f64) -> String {
    let bar = |class: &str, y: u32, value: f64| {
        let width = if most > 0.0 { (value / most).clamp(0.0, 1.0) * 100.0 } else { 0.0 };
        format!("<rect class=\"{class}\" y=\"{y}\" width=\"{width:.1}%\" height=\"7\" rx=\"2\"/>")
    };
    format!(
        "<svg class=\"bars\" width=\"100%\" height=\"18\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"track\" y=\"1\" width=\"100%\" height=\"7\" rx=\"2\"/>\
         <rect class=\"track\" y=\"10\" width=\"100%\" height=\"7\" rx=\"2\"/>{}{}</svg>",
        bar("was", 1, before),
        bar("is", 10, now)
    )
}

/// What was and what is, in one line.
pub fn change(before: Option<&str>, now: Option<&str>) -> String {
    match (before, now) {
        (Some(before), Some(now)) => format!(
            "<span class=\"from\">{before}</span> <span class=\"arrow\" aria-hidden=\"true\">→</span>\
             <span class=\"unseen\">, then</span> {now}"
        ),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => "not known".to_owned(),
    }
}

/// A stretch of time as people say it.
pub fn stretch(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_a_table_says_what_it_is() {
        let table = Table {
            named_by: "h",
            class: "calls",
            columns: &["at", "call", "why"],
            head: 1,
            rows: vec![vec!["1".into(), "stop".into(), String::new()]],
        };
        let said = table.markup();
        assert!(
            said.contains("<th scope=\"col\">at</th><th scope=\"col\">call</th><th scope=\"col\">why</th>"),
            "{said}"
        );
        assert!(
            said.contains("<tr><td data-label=\"at\">1</td><th scope=\"row\">stop</th><td class=\"empty\"></td></tr>"),
            "{said}"
        );
    }

    #[test]
    fn an_id_stays_whole_and_a_name_stays_text() {
        assert_eq!(words("stop i-1, <b>"), "<bdi>stop <span class=\"whole\">i-1,</span> &lt;b&gt;</bdi>");
    }

    #[test]
    fn bars_are_within_their_track_whatever_the_numbers() {
        for (before, now, most) in [(0.0, 0.0, 0.0), (3.0, 9.0, 3.0), (f64::NAN, -1.0, 2.0)] {
            let said = bars(before, now, most);
            assert!(!said.contains("300") && !said.contains("-50"), "{said}");
        }
        assert!(bars(3.0, 0.0, 6.0).contains("width=\"50.0%\""));
    }

    #[test]
    fn time_is_told_as_people_tell_it() {
        assert_eq!([5, 75, 7_260, 180_000].map(stretch), ["5 s", "1 min 15 s", "2 h 1 min", "2 d 2 h"]);
        assert_eq!(time(Timestamp::UNIX_EPOCH), "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00:00</time>");
    }
}
