//! Secrets Manager: a password that is made there, kept there, and shown nowhere.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::Tag;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

use super::{Cloud, failure};

/// Longer than any password policy that people set; IAM takes 128.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>
pub const PASSWORD_LENGTH: i64 = 64;
/// A password policy that asks for a symbol does not count these as one, and a shell reads some of them.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html>
const NO_SYMBOLS: &str = "\"',./:;<>?\\`~";
const TAKEN: &str = "ResourceExistsException";
/// Among other things of a name whose secret is scheduled for deletion.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
const SCHEDULED: &str = "InvalidRequestException";

/// A password. Nothing formats it, and only what calls AWS can read it.
pub struct Password(pub(super) String);

/// Where a secret is to be kept.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The name where that one is taken, or its last holder is not deleted yet.
    pub otherwise: String,
    /// What it is, for whoever finds it.
    pub description: String,
    /// Its tags.
    pub tags: Vec<(&'static str, String)>,
}

/// A secret that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

impl Cloud {
    fn secrets(&self) -> Client {
        Client::new(&self.shared)
    }

    /// A password of letters of both sorts, digits and symbols.
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>
    pub async fn random_password(&self) -> Result<Password, Failure> {
        const OPERATION: &str = "secretsmanager:GetRandomPassword";
        let asked = self
            .secrets()
            .get_random_password()
            .password_length(PASSWORD_LENGTH)
            .require_each_included_type(true)
            .exclude_characters(NO_SYMBOLS);
        let mut made = asked.send().await.map_err(|error| failure(OPERATION, &error))?;
        let none = || Failure::own(OPERATION, FailureKind::Other, "the answer holds no password");
        made.random_password.take().filter(|password| !password.is_empty()).map(Password).ok_or_else(none)
    }

    /// Keeps a password. A call that is tried again makes no second secret: the SDK sends the same token.
    pub async fn keep_password(&self, password: &Password, place: &Place) -> Result<Kept, Failure> {
        match self.create_secret(password, &place.name, place).await {
            Err(refused) if matches!(refused.code.as_deref(), Some(TAKEN | SCHEDULED)) => {
                self.create_secret(password, &place.otherwise, place).await
            }
            answer => answer,
        }
    }

    async fn create_secret(&self, password: &Password, name: &str, place: &Place) -> Result<Kept, Failure> {
        let tag = |(key, value): &(&str, String)| Tag::builder().key(*key).value(value).build();
        let answer = self
            .secrets()
            .create_secret()
            .name(name)
            .description(&place.description)
            .secret_string(&password.0)
            .set_tags(Some(place.tags.iter().map(tag).collect()))
            .send()
            .await
            .map_err(|error| failure("secretsmanager:CreateSecret", &error))?;
        Ok(Kept { name: name.to_owned(), arn: answer.arn().unwrap_or_default().to_owned() })
    }

    /// Deletes a secret at once and for good.
    pub async fn delete_secret(&self, kept: &Kept) -> Result<(), Failure> {
        let answer = self.secrets().delete_secret().secret_id(&kept.name).force_delete_without_recovery(true).send();
        answer.await.map(drop).map_err(|error| failure("secretsmanager:DeleteSecret", &error))
    }
}
