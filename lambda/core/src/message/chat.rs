//! What a chat shows of a mail: how it begins, and its commands. Amazon Q Developer in chat applications drops what is
//! plain text, and shows its own schema of a custom notification.
//! <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::vocabulary::text::visible;

/// Before every subject, for people's filters.
pub(super) const SUBJECT_MARK: &str = "[runawaytrain]";

/// Characters of one paragraph that are shown. AWS takes 8,000 in all, and Slack shows 3,000 at once.
const LONGEST: usize = 900;

/// Below the mail's first lines, which may speak of what is below them.
const REST: &str = "The rest is in the mail.";

/// So many commands are shown: the mail has the rest.
const MOST_COMMANDS: usize = 6;

/// Characters of one command. A command that is cut does something else: a longer one is left to the mail.
const LONGEST_COMMAND: usize = 250;

/// What a chat shows of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The mail's first lines, each with its label: what happened, where, and what to do.
    pub lead: Vec<String>,
    /// The mail's commands, in their order.
    pub commands: Vec<String>,
    /// What the messages of one thread have in common; `None` of one that stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// The schema of a custom notification, as far as it is used.
/// <https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html>
#[derive(Serialize)]
struct Notification<'a> {
    version: &'static str,
    source: &'static str,
    content: Content<'a>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    text_type: &'static str,
    title: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next_steps: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    summary: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<&'a str>,
}

impl Chat {
    /// The custom notification, as JSON, of the mail with this subject.
    ///
    /// What somebody else chose, such as an account's name, rings nobody, forges no link and no formatting: see
    /// [`plain`]. The only markup is ours, around the commands.
    pub fn notification(&self, subject: &str) -> String {
        let title = subject.strip_prefix(SUBJECT_MARK).unwrap_or(subject).trim();
        let title = plain(&format!("runawaytrain: {title}"));
        let lead = self.lead.iter().map(|words| cut(&plain(words)));
        let lead: Vec<String> = lead.chain([REST.to_owned()]).collect();
        let notification = Notification {
            version: "1.0",
            source: "custom",
            content: Content {
                text_type: "client-markdown",
                title: &title,
                // An empty line between them: Teams would join lines.
                description: lead.join("\n\n"),
                next_steps: self.shown(),
            },
            metadata: Metadata { summary: &title, thread_id: self.thread.as_deref() },
        };
        json!(notification).to_string()
    }

    /// Each command once, as code, so that it can be copied whole.
    fn shown(&self) -> Vec<String> {
        let mut shown: Vec<String> = Vec::new();
        for command in &self.commands {
            // One that is not plain would be changed, or would change what is around it.
            let code = format!("`{command}`");
            if command.chars().count() <= LONGEST_COMMAND && plain(command) == *command && !shown.contains(&code) {
                shown.push(code);
            }
        }
        shown.truncate(MOST_COMMANDS);
        shown
    }
}

fn cut(words: &str) -> String {
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

/// Text without what Slack, Teams or Amazon Q Developer take for markup: formatting, links, mentions of people and
/// channels, pictures, emoji, and entities that become one of these.
///
/// Each such character is replaced by its fullwidth form, which reads the same and means nothing to any of the three.
/// An escape would mean something to each, and not the same.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let is_markup = match character {
            '&' | '<' | '>' | '@' | '#' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '\\' => true,
            // As in https://example.edu and :tada:, and not as in "Where: physics" and 03:12:04.
            ':' => characters.peek().is_some_and(|next| !next.is_whitespace() && !next.is_ascii_digit()),
            _ => false,
        };
        out.push(if is_markup { fullwidth(character) } else { character });
    }
    out
}

/// The fullwidth form of a character of ASCII: U+FF01 is that of U+0021.
fn fullwidth(character: char) -> char {
    char::from_u32(u32::from(character) + 0xFEE0).unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn shown(chat: &Chat, subject: &str) -> Value {
        serde_json::from_str(&chat.notification(subject)).unwrap()
    }

    #[test]
    fn a_name_that_is_markup_rings_nobody_and_forges_no_link() {
        for (name, shows) in [
            ("<!channel>", "＜!channel＞"),
            ("<@U0123ABCD> @here @dora", "＜＠U0123ABCD＞ ＠here ＠dora"),
            ("<https://example.com|docs/runbook>", "＜https：//example.com｜docs/runbook＞"),
            ("[docs/runbook](https://example.com)", "［docs/runbook］(https：//example.com)"),
            ("![x](http://example.com/x.png)", "!［x］(http：//example.com/x.png)"),
            ("*safe* _safe_ ~safe~ `safe` ```", "＊safe＊ ＿safe＿ ～safe～ ｀safe｀ ｀｀｀"),
            ("&lt;!channel&gt;", "＆lt;!channel＆gt;"),
            (":white_check_mark: released", "：white＿check＿mark: released"),
            ("#general \\<!here\\>", "＃general ＼＜!here＼＞"),
            ("lab\n\n> released by AWS", "lab ＞ released by AWS"),
            ("lab\u{202E}x\u{200B}y", "labxy"),
            ("Physics & more (111111111111), 03:12:04 UTC", "Physics ＆ more (111111111111), 03:12:04 UTC"),
        ] {
            assert_eq!(plain(name), shows);
            let chat = Chat { lead: vec![format!("Where: {name}")], commands: vec![name.to_owned()], thread: None };
            let shown = shown(&chat, &format!("[runawaytrain] HALT {name}"));
            assert_eq!(shown["content"]["title"], format!("runawaytrain: HALT {shows}"));
            assert_eq!(shown["content"]["description"], format!("Where: {shows}\n\n{REST}"));
            assert_eq!(shown["content"]["nextSteps"], Value::Null, "no command is changed, nor shown as it is: {name}");
        }
    }

    #[test]
    fn a_command_is_shown_once_and_whole_or_not_at_all() {
        let release = "runawaytrain release 111111111111".to_owned();
        let long = format!("aws ec2 release-hosts --host-ids {}", "h-0123456789abcdef0 ".repeat(20));
        let chat = Chat { commands: vec![release.clone(), long, release], ..Chat::default() };
        assert_eq!(shown(&chat, "x")["content"]["nextSteps"], json!(["`runawaytrain release 111111111111`"]));
    }

    #[test]
    fn a_mail_that_was_written_before_chats_were_is_shown_by_its_subject() {
        let shown = shown(&Chat::default(), "[runawaytrain] HALT physics");
        assert_eq!(shown["content"]["title"], "runawaytrain: HALT physics");
        assert_eq!(shown["content"]["description"], REST);
    }

    #[test]
    fn whatever_is_written_a_notification_fits_into_a_chat() {
        let endless = "w".repeat(100_000);
        let chat = Chat { lead: vec![endless.clone(); 3], commands: vec![endless; 99], thread: None };
        let shown = shown(&chat, "x");
        let description = shown["content"]["description"].as_str().unwrap();
        assert!(description.chars().count() < 3_000, "{}", description.chars().count());
    }
}
