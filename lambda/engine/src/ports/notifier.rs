use async_trait::async_trait;

use runawaytrain_core::message::Chat;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::Failure;

/// Sends mail.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Publishes one mail to a notify list's topic; `chat` is what a chat shows of it, if one listens there. `Ok` means
    /// that SNS took it.
    async fn send(&self, list: &NotifyList, subject: &str, body: &str, chat: &Chat) -> Result<(), Failure>;
}
