//! How an account is released: the exact commands, by what of its halts still stands.

use std::collections::BTreeSet;

use runawaytrain_core::plan::Changes;
use runawaytrain_core::record::State;
use runawaytrain_core::resource::{Act as _, Action, Asked, Undo};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, count};
use serde::Serialize;

/// Of many instances only so many are named in a command.
const NAMED: usize = 3;

/// One command, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Way {
    /// As it is typed.
    pub command: String,
    /// What comes of it.
    pub does: String,
}

/// What stands, by how a release names it.
#[derive(Debug, Default)]
struct Standing<'a> {
    users: BTreeSet<&'a str>,
    roles: BTreeSet<&'a str>,
    keys: BTreeSet<&'a str>,
    stopped: BTreeSet<&'a str>,
    launchers: BTreeSet<&'a str>,
}

impl<'a> Standing<'a> {
    fn is_empty(&self) -> bool {
        let names = [&self.users, &self.roles, &self.keys, &self.stopped, &self.launchers];
        names.iter().all(|names| names.is_empty())
    }

    fn of(changes: &'a Changes) -> Self {
        let mut standing = Self::default();
        for asked in changes.standing().filter_map(|(action, _)| action.given_back_by()) {
            match asked {
                Asked::Nothing => {}
                Asked::User(name) => _ = standing.users.insert(name),
                Asked::Role(name) => _ = standing.roles.insert(name),
                Asked::Key(id) => _ = standing.keys.insert(id),
                Asked::Start(instances) => standing.stopped.extend(instances),
                Asked::Launch(name) => _ = standing.launchers.insert(name),
            }
        }
        standing
    }
}

/// The commands that give back what stands, the plainest first.
pub fn ways(account: &AccountId, state: State, changes: &Changes) -> Vec<Way> {
    let standing = Standing::of(changes);
    let way = |options: &str, does: String| Way { command: format!("runawaytrain release {account}{options}"), does };
    let mut ways = Vec::new();
    if state.is_contained() {
        let what = if state == State::Frozen { "freeze" } else { "halt" };
        let but = if standing.is_empty() {
            ""
        } else {
            " Users, roles and keys stay locked, and what was stopped stays stopped, unless an option below names them."
        };
        let does = format!("Ends the {what} and lifts the quarantine.{but}");
        ways.push(way("", does));
    }
    for name in &standing.users {
        ways.extend(option("user", name).map(|said| way(&said, format!("Gives back the user {}.", clean(name)))));
    }
    for name in &standing.roles {
        ways.extend(option("role", name).map(|said| way(&said, format!("Gives back the role {}.", clean(name)))));
    }
    for id in &standing.keys {
        let does = format!("Switches the key {} on again. Better to make a new one: it may have leaked.", clean(id));
        ways.extend(option("key", id).map(|said| way(&said, does)));
    }
    ways.extend(starts(&standing).into_iter().map(|(options, does)| way(&options, does)));
    // What is cut when it is shown would be another command.
    ways.retain(|way| clean(&way.command) == way.command);
    ways
}

fn starts(standing: &Standing<'_>) -> Vec<(String, String)> {
    let instances = standing.stopped.len();
    let what = match (instances, standing.launchers.len()) {
        (0, 0) => return Vec::new(),
        (0, _) => "what launches by itself".to_owned(),
        (_, 0) => format!("{} that the halt stopped", count(instances as u64, "instance")),
        (_, _) => {
            format!("{} that the halt stopped, then what launches by itself", count(instances as u64, "instance"))
        }
    };
    let mut starts = vec![(" --start".to_owned(), format!("Starts {what}."))];
    let some: String = standing.stopped.iter().take(NAMED).filter_map(|id| option("start-only", id)).collect();
    if instances > 1 && !some.is_empty() {
        let does = if instances > NAMED {
            "Starts only these, or whichever others are named so."
        } else {
            "Starts only those that are named."
        };
        starts.push((some, does.to_owned()));
    }
    starts
}

/// An option with a name, as a shell reads it; nothing where the name cannot be shown as it is, and so not copied.
fn option(option: &str, name: &str) -> Option<String> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "+=,.@_/:-".contains(character);
    if name.is_empty() || clean(name) != name {
        return None;
    }
    let quoted =
        if name.chars().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) };
    // What begins like an option is one, unless it hangs on another.
    let between = if name.starts_with('-') { '=' } else { ' ' };
    Some(format!(" --{option}{between}{quoted}"))
}

/// How many users, roles and keys have names that cannot be shown as they are, and so no command.
pub fn nameless(changes: &Changes) -> u64 {
    let standing = Standing::of(changes);
    let names = standing.users.iter().chain(&standing.roles).chain(&standing.keys);
    names.filter(|name| option("user", name).is_none()).count() as u64
}

/// What no release gives back: it must be made anew.
pub fn gone(changes: &Changes) -> Vec<String> {
    let is_gone = |action: &&Action| action.undo() == Undo::Never;
    changes.standing().map(|(action, _)| action).filter(is_gone).map(|action| clean(&action.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use jiff::Timestamp;
    use runawaytrain_core::plan::{ActionResult, HaltJournal};
    use serde_json::{Value, json};

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn changes(calls: &[Value]) -> Changes {
        let call = |action: &Value| (serde_json::from_value(action.clone()).unwrap(), Some(ActionResult::Done));
        Changes::of([&HaltJournal { tripped: Timestamp::UNIX_EPOCH, calls: calls.iter().map(call).collect() }])
    }

    fn commands(state: State, calls: &[Value]) -> Vec<String> {
        let account = AccountId::parse("111111111111").unwrap();
        let ways = ways(&account, state, &changes(calls)).into_iter().map(|way| way.command);
        ways.map(|command| command.replace("runawaytrain release 111111111111", "…")).collect()
    }

    #[test]
    fn each_thing_that_stands_has_its_command() {
        let calls = [
            json!({ "do": "freeze" }),
            json!({ "do": "deny-user", "user": "ann" }),
            json!({ "do": "deactivate-key", "user": "ann", "key": "AKIAANN" }),
            json!({ "do": "deny-role", "role": "lab" }),
            json!({ "do": "stop-instances", "region": "us-east-1", "instances": ["i-1", "i-2"] }),
        ];
        let expected = [
            "…",
            "… --user ann",
            "… --role lab",
            "… --key AKIAANN",
            "… --start",
            "… --start-only i-1 --start-only i-2",
        ];
        assert_eq!(commands(State::Halted, &calls), expected);
        let later = [&calls[..], &[json!({ "do": "thaw" }), json!({ "do": "lift-deny", "user": "ann" })]].concat();
        assert_eq!(commands(State::Released, &later), expected[2..]);
    }

    /// Whoever copies a command from the page must not be told that it is none.
    #[test]
    fn each_command_is_one_of_ours() {
        let calls = [
            json!({ "do": "deny-user", "user": "-rf" }),
            json!({ "do": "deactivate-key", "user": "ann", "key": "AKIAANN" }),
            json!({ "do": "deny-role", "role": "lab" }),
            json!({ "do": "stop-instances", "region": "us-east-1", "instances": ["i-1", "i-2"] }),
        ];
        let account = AccountId::parse("111111111111").unwrap();
        let ways = ways(&account, State::Halted, &changes(&calls));
        assert_eq!(ways.len(), 6);
        for way in ways {
            let parsed = Arguments::try_parse_from(way.command.split(' '));
            assert!(parsed.is_ok_and(|parsed| matches!(parsed.command, Command::Release(_))), "{}", way.command);
        }
    }

    #[test]
    fn no_name_is_more_than_a_name_to_a_shell() {
        let user = |name: &str| json!({ "do": "deny-user", "user": name });
        let calls = [user("a b"), user("$(reboot)"), user("it's"), user("-rf"), user("turned\u{202E}around")];
        let expected = ["… --user '$(reboot)'", "… --user=-rf", "… --user 'a b'", r"… --user 'it'\''s'"];
        assert_eq!(nameless(&changes(&calls)), 1);
        assert_eq!(commands(State::Released, &calls), expected, "and one that cannot be shown cannot be copied");
    }

    #[test]
    fn what_was_deleted_is_told_and_has_no_command() {
        let calls = [json!({ "do": "delete-login", "user": "ann" })];
        assert_eq!(commands(State::Released, &calls), Vec::<String>::new());
        assert_eq!(gone(&changes(&calls)).len(), 1);
    }
}
