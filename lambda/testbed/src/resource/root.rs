//! The root user, and what opens the account to it.

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::root::RootCredentials;

use crate::resource::view::View;
use crate::tokens::Tokens;

pub(crate) async fn look(view: &impl View<RootCredentials>) -> Seen<RootCredentials> {
    const SUMMARY: &str = "iam:GetAccountSummary";
    view.ask(SUMMARY).await?;
    Ok(view.show(SUMMARY, |root| *root).unwrap_or_default())
}

/// `root [keys] [password] [mfa]`.
pub(crate) fn read(words: &mut Tokens<'_>) -> RootCredentials {
    let [keys, password, mfa] = ["keys", "password", "mfa"].map(|word| Some(words.after(word).is_some()));
    RootCredentials { keys, password, mfa }
}
