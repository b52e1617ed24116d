//! The root user, and what opens the account to it.

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::root::{Action, RootCredentials};
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::Answer;
use crate::resource::view::View;
use crate::tokens::Tokens;

pub(crate) async fn look(view: &impl View<RootCredentials>) -> Seen<RootCredentials> {
    const SUMMARY: &str = "iam:GetAccountSummary";
    view.ask(SUMMARY).await?;
    Ok(view.show(SUMMARY, |root| *root).unwrap_or_default())
}

/// What is not there any more was deleted before.
pub(crate) fn perform(root: &mut RootCredentials, action: Action) -> Answer {
    let what = match action {
        Action::DeleteRootKeys => &mut root.keys,
        Action::DeleteRootPassword => &mut root.password,
    };
    Ok(if what.replace(false) == Some(true) { Performed::Done } else { Performed::AlreadyDone })
}

/// `root [keys] [password] [mfa]`.
pub(crate) fn read(words: &mut Tokens<'_>) -> RootCredentials {
    let [keys, password, mfa] = ["keys", "password", "mfa"].map(|word| Some(words.after(word).is_some()));
    RootCredentials { keys, password, mfa }
}
