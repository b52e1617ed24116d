//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;
use runawaytrain_core::vocabulary::ids::UnitId;

mod raised_limits;

pub use raised_limits::RaisedLimits;

const ABOUT: &str = "Operates the guard of an AWS organization, from the payer account.";

const EXIT_CODES: &str = "\
Exit codes:
  0  all is well, or done
  1  something is missing, or was not done
  2  the command line is not understood
  3  doctor --before: nothing but the CDK's bootstrap is missing
  4  check, status: an account is past a limit, or contained
  5  check, drill, status: an account could not be seen whole; allow --list: a record could not be read
  6  check: an account is close to a limit
129, 130, 143  interrupted, by a hang-up, by Ctrl-C, or told to end";

/// `runawaytrain`.
#[derive(Debug, Parser)]
#[command(name = "runawaytrain", version, about = ABOUT, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Arguments {
    /// What all commands have in common.
    #[command(flatten)]
    pub common: Common,
    /// What is wanted.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Why the options cannot be followed together, where no rule of the parser's says it.
    pub fn contradiction(&self) -> Option<&'static str> {
        match &self.command {
            Command::Drill(drill) => drill.contradiction(),
            Command::Release(release) => release.contradiction(),
            _ => None,
        }
    }
}

/// What all commands have in common.
#[derive(Debug, Args)]
pub struct Common {
    /// The policy file
    #[arg(long, global = true, value_name = "FILE", default_value = "runawaytrain.yaml")]
    pub policy: PathBuf,
    /// The AWS profile whose credentials are used
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// For a person, or, of the commands that can, for a program
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// What an interruption has to say, before anything was begun here
    #[arg(long, global = true, hide = true, value_name = "SENTENCE", default_value = "nothing was changed")]
    pub begun: String,
}

/// How a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Words and tables.
    Text,
    /// One JSON document.
    Json,
}

/// What is wanted.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks at every account in every region, and changes nothing; also before anything is deployed
    Check(Check),
    /// Says what a halt of an account would do, and what it would leave alone; with --live, plays one
    Drill(Drill),
    /// Has the guard halt an account, whatever its limits
    Halt(Halt),
    /// Has the guard end the halt of an account and give back what it took
    Release(Release),
    /// Raises limits of an account for a time, for a peak that is expected
    Allow(Allow),
    /// Says where each account stands, as the guard remembers it
    Status(StatusArguments),
    /// Says what was done to an account in its last halt, and in those before that may still stand, call by call
    History(History),
    /// Writes a page about the last halt of an account, to be read in a browser, printed or sent on
    Report(Report),
    /// Advises on limits, from what ran in each hour, and counts the halts that today's would have caused
    Advise(Advise),
    /// Looks for everything that a deployment needs, and for what makes the guard blind or mute
    Doctor(Doctor),
    /// Removes everything that was deployed; state, journal and log are kept
    Destroy(Destroy),
    /// Removes the stacks of accounts and of a chat that the policy asks for no more
    Prune(Prune),
    /// Looks at the policy file
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Prints what makes a shell complete this command's words
    Completions(Completions),
    /// Prints the manual page of this command, or writes one for each
    Man(Man),
    /// Asks a person yes or no
    #[command(hide = true)]
    Confirm(Confirm),
    /// Prints the credentials as environment variables, so that another program is the same identity
    #[command(hide = true)]
    Credentials,
}

impl Command {
    /// Whether it can answer in one JSON document, for a program.
    pub fn answers_in_json(&self) -> bool {
        match self {
            Self::Check(_)
            | Self::Drill(_)
            | Self::Halt(_)
            | Self::Release(_)
            | Self::Allow(_)
            | Self::Status(_)
            | Self::History(_)
            | Self::Report(_)
            | Self::Advise(_)
            | Self::Doctor(_)
            | Self::Policy(PolicyCommand::Explain(_)) => true,
            Self::Destroy(_) | Self::Prune(_) | Self::Policy(PolicyCommand::Check(_)) => false,
            Self::Completions(_) | Self::Man(_) | Self::Confirm(_) | Self::Credentials => false,
        }
    }
}

/// Whose credentials a command looks with.
#[derive(Debug, Default, Args)]
pub struct Own {
    /// Look by your own credentials, though a guard is deployed: the limits are then those of the policy file
    #[arg(long)]
    pub own: bool,
    /// The role by which your own credentials enter other accounts [default: OrganizationAccountAccessRole]
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
}

/// `runawaytrain check`.
#[derive(Debug, Default, Args)]
pub struct Check {
    /// Only these, each by its 12 digits or its name
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Look again and again, with so many seconds between [default: 60]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60", require_equals = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub watch: Option<u64>,
    /// Whose credentials.
    #[command(flatten)]
    pub own: Own,
}

/// `runawaytrain drill`.
#[derive(Debug, Default, Args)]
pub struct Drill {
    /// The account, by its 12 digits or its name
    #[arg(required_unless_present = "live")]
    pub account: Option<String>,
    /// Launch one small instance in the policy's canary account, see it found, stopped and mailed about, give the
    /// account back, and say how long each took
    #[arg(long, conflicts_with_all = ["account", "own"])]
    pub live: bool,
    /// Live: give up on what has not come so long after what came last, and terminate the instance all the same
    /// [default: 900]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(10..=7_200))]
    pub patience: Option<u64>,
    /// Live: do not ask
    #[arg(long)]
    pub yes: bool,
    /// Whose credentials.
    #[command(flatten)]
    pub own: Own,
}

impl Drill {
    /// Why the options cannot be followed together, where they cannot. The parser lets a requirement go that conflicts
    /// with what is given, as --live does with an account.
    pub fn contradiction(&self) -> Option<&'static str> {
        (!self.live && (self.yes || self.patience.is_some())).then_some("--yes and --patience are for drill --live")
    }
}

/// `runawaytrain halt`.
#[derive(Debug, Default, Args)]
pub struct Halt {
    /// The account, by its 12 digits or the name that the policy gives it
    pub account: String,
    /// Why: it stands in the mail and in the journal
    #[arg(long, value_name = "WORDS", default_value = "ordered by hand")]
    pub reason: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `runawaytrain release`.
#[derive(Debug, Default, Args)]
pub struct Release {
    /// The account, by its 12 digits or the name that the policy gives it
    pub account: String,
    /// Lift this user's lockout; may be repeated
    #[arg(long, value_name = "NAME")]
    pub user: Vec<String>,
    /// Lift this role's lockout; may be repeated
    #[arg(long, value_name = "NAME")]
    pub role: Vec<String>,
    /// Switch this access key on again; may be repeated
    #[arg(long, value_name = "ID")]
    pub key: Vec<String>,
    /// Give this back though it was made shortly before the halt, or since; beside --user, --role or --key
    #[arg(long, value_name = "NAME|ID")]
    pub trust: Vec<String>,
    /// Start what the halt stopped, but for what was launched shortly before it, or since
    #[arg(long)]
    pub start: bool,
    /// Start only this instance, Auto Scaling group or fleet; may be repeated
    #[arg(long, value_name = "ID|NAME", conflicts_with = "start")]
    pub start_only: Vec<String>,
    /// Make the one user that --user names a console password, to be changed at the first sign-in; it is kept in AWS
    /// Secrets Manager in the payer, and never shown
    #[arg(long)]
    pub console: bool,
    /// The role by which your own credentials enter the account for that [default: OrganizationAccountAccessRole]
    #[arg(long, value_name = "NAME", requires = "console")]
    pub console_role: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl Release {
    /// Why the options cannot be followed together, where they cannot.
    pub fn contradiction(&self) -> Option<&'static str> {
        (self.console && self.user.len() != 1).then_some("--console is for exactly one user: name it with --user")
    }
}

/// `runawaytrain allow`.
#[derive(Debug, Default, Args)]
pub struct Allow {
    /// The account, by its 12 digits or the name that the policy gives it
    #[arg(required_unless_present = "list")]
    pub account: Option<String>,
    /// What the limits are raised to.
    #[command(flatten)]
    pub limits: RaisedLimits,
    /// A day, which counts to its end by UTC, or a moment; 31 days from now at the latest
    #[arg(long, value_name = "DAY|MOMENT", value_parser = raised_limits::until, required_unless_present_any = ["list", "revoke"], conflicts_with_all = ["list", "revoke"])]
    pub until: Option<Timestamp>,
    /// Why: it stands in the mails
    #[arg(long, value_name = "WORDS", required_unless_present_any = ["list", "revoke"], conflicts_with_all = ["list", "revoke"])]
    pub reason: Option<String>,
    /// List the exceptions that hold
    #[arg(long)]
    pub list: bool,
    /// Take the account's exception back before its end
    #[arg(long, conflicts_with = "list")]
    pub revoke: bool,
}

/// `runawaytrain status`.
#[derive(Debug, Default, Args)]
pub struct StatusArguments {
    /// Only these, each by its 12 digits or its name
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
}

/// `runawaytrain history`.
#[derive(Debug, Default, Args)]
pub struct History {
    /// The account, by its 12 digits or its name
    pub account: String,
}

/// `runawaytrain report`.
#[derive(Debug, Default, Args)]
pub struct Report {
    /// The account, by its 12 digits or its name
    pub account: String,
    /// Where the page is written; - for standard output [default: runawaytrain-report-ACCOUNT-DATE.html]
    #[arg(short = 'o', long = "file", value_name = "FILE", conflicts_with = "output")]
    pub file: Option<PathBuf>,
}

/// `runawaytrain advise`.
#[derive(Debug, Default, Args)]
pub struct Advise {
    /// Only these, each by its 12 digits or its name
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// How far back
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub days: u16,
}

/// `runawaytrain policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Says whether a file is a policy, and if not, on which line it is wrong
    Check(PolicyCheck),
    /// Shows everything that holds for one account, and where each value comes from
    Explain(PolicyExplain),
}

/// `runawaytrain policy check`.
#[derive(Debug, Args)]
pub struct PolicyCheck {
    /// The file; without it that of --policy
    pub file: Option<PathBuf>,
}

/// `runawaytrain policy explain`.
#[derive(Debug, Args)]
pub struct PolicyExplain {
    /// Its 12 digits, or the name that the policy gives it
    pub account: String,
    /// A unit that the account is in, from the outermost to the innermost; without it AWS is asked
    #[arg(long = "unit", value_name = "OU", value_parser = UnitId::parse)]
    pub units: Vec<UnitId>,
    /// The account is in no unit, but right under the root
    #[arg(long, conflicts_with = "units")]
    pub no_unit: bool,
    /// Ask AWS nothing: an exception is not looked for
    #[arg(long)]
    pub offline: bool,
}

/// `runawaytrain completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `runawaytrain man`.
#[derive(Debug, Args)]
pub struct Man {
    /// A folder, made where it does not exist: one page a command is written into it
    #[arg(long, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
}

/// `runawaytrain confirm`.
#[derive(Debug, Args)]
pub struct Confirm {
    /// What is asked; without it, whether to deploy, after what the guard may do then
    pub question: Option<String>,
    /// The option that answers where nobody can be asked
    #[arg(long, value_name = "OPTION", default_value = "--yes", allow_hyphen_values = true)]
    pub answered_by: String,
    /// Answered already: only say what there is to say
    #[arg(long)]
    pub yes: bool,
}

/// `runawaytrain doctor`.
#[derive(Debug, Default, Args)]
pub struct Doctor {
    /// Before a deployment: what it needs (without --before and --after: both)
    #[arg(long)]
    pub before: bool,
    /// After a deployment: who gets no mail, how far enrollment is, and what the guard says of a drill
    #[arg(long)]
    pub after: bool,
    /// Ask at the terminal about each thing that can be switched on from here
    #[arg(long, conflicts_with = "output")]
    pub mend: bool,
    /// Treat it as ready even if something could not be checked
    #[arg(long)]
    pub accept_unknown: bool,
    /// Which switches are asked for.
    #[command(flatten)]
    pub switches: Switches,
}

/// What is switched on without a question.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Switches")]
pub struct Switches {
    /// Replace the sample's ids in the policy file with those of your organization
    #[arg(long)]
    pub fill_policy: bool,
    /// Let CloudFormation StackSets work in the organization
    #[arg(long)]
    pub activate_trusted_access: bool,
    /// Enable service control policies on the organization's root
    #[arg(long)]
    pub enable_scps: bool,
    /// Deploy once more the stacks of accounts that failed
    #[arg(long)]
    pub retry: bool,
}

/// `runawaytrain destroy`.
#[derive(Debug, Default, Args)]
pub struct Destroy {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Go on though accounts are contained: they lose their quarantine
    #[arg(long)]
    pub force: bool,
    /// Where a stack cannot be removed from an account, leave it there and forget it
    #[arg(long)]
    pub retain_stacks: bool,
}

/// `runawaytrain prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// The folder that `cdk synth` wrote
    #[arg(long, value_name = "FOLDER")]
    pub assembly: PathBuf,
    /// Only name them
    #[arg(long)]
    pub list: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_whole() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_console_password_is_for_one_user() {
        let contradiction = |words: &[&str]| {
            let line = ["runawaytrain", "release", "physics"].iter().chain(words);
            Arguments::try_parse_from(line).unwrap().contradiction()
        };
        assert_eq!(contradiction(&["--console", "--user", "ann"]), None);
        assert_eq!(contradiction(&[]), None);
        for words in [&["--console"][..], &["--console", "--user", "ann", "--user", "bob"]] {
            assert!(contradiction(words).unwrap().contains("exactly one user"), "{words:?}");
        }
    }

    #[test]
    fn what_is_for_a_live_drill_is_refused_to_another() {
        let contradiction = |words: &[&str]| {
            let line = ["runawaytrain", "drill"].iter().chain(words);
            Arguments::try_parse_from(line).unwrap().contradiction()
        };
        assert_eq!(contradiction(&["physics"]), None);
        assert_eq!(contradiction(&["--live", "--yes", "--patience", "60"]), None);
        for words in [&["physics", "--yes"][..], &["physics", "--patience", "60"]] {
            assert!(contradiction(words).unwrap().contains("for drill --live"), "{words:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            &["runawaytrain", "doctor", "--mend", "--output", "json"][..],
            &["runawaytrain", "report", "physics", "-o", "page.html", "--output", "json"],
            &["runawaytrain", "release", "physics", "--user", "ann", "--console-role", "Admin"],
            &["runawaytrain", "drill"],
            &["runawaytrain", "drill", "physics", "--live"],
            &["runawaytrain", "drill", "--live", "--own"],
            &["runawaytrain", "prune"],
            &["runawaytrain", "allow"],
            &["runawaytrain", "allow", "physics", "--instances", "200"],
            &["runawaytrain", "allow", "physics", "--instances", "200", "--until", "soon", "--reason", "a run"],
            &["runawaytrain", "allow", "physics", "--revoke", "--instances", "200"],
            &["runawaytrain", "allow", "--list", "--revoke"],
            &["runawaytrain", "destory"],
        ] {
            assert!(Arguments::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
