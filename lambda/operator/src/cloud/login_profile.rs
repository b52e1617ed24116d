//! IAM: the console password of a user.

use aws_sdk_iam::Client;

use runawaytrain_core::vocabulary::failure::Failure;

use super::secrets::Password;
use super::{Cloud, failure};

const STANDS: &str = "EntityAlreadyExists";

impl Cloud {
    /// Gives a user of this account the password, to be changed at the first sign-in; in place of the one that it has,
    /// where it has one.
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html>
    pub async fn set_console_password(&self, user: &str, password: &Password) -> Result<(), Failure> {
        let client = Client::new(&self.shared);
        let asked = client.create_login_profile().user_name(user).password(&password.0).password_reset_required(true);
        let answer = asked.send().await.map_err(|error| failure("iam:CreateLoginProfile", &error));
        match answer {
            Err(refused) if refused.code.as_deref() == Some(STANDS) => {}
            answer => return answer.map(drop),
        }
        let asked = client.update_login_profile().user_name(user).password(&password.0).password_reset_required(true);
        asked.send().await.map(drop).map_err(|error| failure("iam:UpdateLoginProfile", &error))
    }
}
