//! The console password of a user that a release gave back.

use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use tokio::time::{Instant, sleep};

use super::site::{PAYERS_ROLE, Site};
use crate::accounts::Named;
use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::cloud::secrets::{Kept, Password};
use crate::console::{self, ConsoleAccess, Withheld};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::refusal;
use crate::terminal::Terminal;

/// A quarantine that was just detached denies credentials for some seconds more.
const SETTLES: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_secs(3);

/// Who gets a password, and how its account is entered.
pub struct Wanted<'a> {
    pub user: &'a str,
    pub role: Option<&'a str>,
    pub profile: Option<&'a str>,
}

/// Makes a password, keeps it in the payer, and gives it to the user: in this order, so that no user has one that
/// nobody knows. All by the operator's own credentials.
pub async fn give(
    site: &Site,
    account: &Named,
    wanted: &Wanted<'_>,
    answer: &Answer,
    progress: &Progress,
) -> Result<ConsoleAccess, Problem> {
    let user = wanted.user;
    console::given_back(answer, user).map_err(|withheld| none(user, withheld))?;
    let is_payer = account.id == *site.policy.policy.payer();
    let work = async {
        // Whoever cannot enter makes no secret.
        let member = match is_payer {
            true => site.cloud.clone(),
            false => site.cloud.enter(&account.id, wanted.role.unwrap_or(PAYERS_ROLE)).await?,
        };
        let password = site.cloud.random_password().await?;
        let place = console::place(&account.id, user, Timestamp::now());
        let kept = site.cloud.keep_password(&password, &place).await?;
        progress.has_begun(&format!(
            "the release is done, the secret {} stands, and user {user} may have its password",
            kept.name
        ));
        let patience = if is_payer { Duration::ZERO } else { SETTLES };
        let access = console::access(&account.id, user, &kept, wanted.profile);
        match set(&member, user, &password, patience).await {
            Ok(()) => Ok(access),
            Err(failure) if failure.kind.may_have_been_taken() => {
                Err(none(user, console::uncertain(&failure, &access)))
            }
            Err(failure) => Err(undone(&site.cloud, user, &failure, &kept).await),
        }
    };
    let made = site.terminal.step(&format!("make a console password for user {user}"), work).await;
    progress.has_begun("the release is done");
    made
}

async fn set(member: &Cloud, user: &str, password: &Password, patience: Duration) -> Result<(), Failure> {
    let end = Instant::now() + patience;
    loop {
        match member.set_console_password(user, password).await {
            Err(failure) if failure.kind == FailureKind::Denied && Instant::now() < end => sleep(POLL).await,
            answer => return answer,
        }
    }
}

/// A secret that opens nothing must not stay.
async fn undone(cloud: &Cloud, user: &str, failure: &Failure, kept: &Kept) -> Problem {
    let Withheld { why, todo } = console::refused(failure);
    let rest = match cloud.delete_secret(kept).await {
        Ok(()) => "its secret was deleted again".to_owned(),
        Err(refused) => format!("its secret {} stands and opens nothing: {}", kept.name, refusal::sentence(&refused)),
    };
    none(user, Withheld { why: format!("{why}; {rest}"), todo })
}

fn none(user: &str, withheld: Withheld) -> Problem {
    Problem::Stays { what: format!("user {user} got no console password: {}", withheld.why), todo: withheld.todo }
}

/// Says everything but the password.
pub fn tell(access: &ConsoleAccess, terminal: Terminal) {
    terminal
        .bold(&format!("\nUser {} has a console password, which has to be changed at the first sign-in.", access.user));
    terminal.say(&format!("  sign in at {}", access.sign_in));
    terminal.say(
        "  to change it the user needs the permission iam:ChangePassword, which the account's password policy may give \
         everybody: AllowUsersToChangePassword in `aws iam get-account-password-policy`",
    );
    terminal.say(&format!("  the secret {} of the payer holds it; this reads it:", access.secret));
    terminal.command(&access.read);
    terminal.say("  afterwards, delete the secret:");
    terminal.command(&access.delete);
}
