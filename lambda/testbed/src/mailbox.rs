//! SNS.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use runawaytrain_core::message::Chat;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_engine::ports::Notifier;
use tokio::time::sleep;

/// A mail that SNS took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub list: NotifyList,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
}

impl Mail {
    /// Whether its subject or its text says this, wherever lines break.
    pub fn says(&self, words: &str) -> bool {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        [&self.subject, &self.body].iter().any(|text| flat(text).contains(&flat(words)))
    }
}

/// SNS: takes mails, or refuses the next ones when told so.
#[derive(Debug, Default)]
pub struct Mailbox {
    mails: Mutex<Vec<Mail>>,
    refusals: Mutex<VecDeque<Failure>>,
    missing: Mutex<Option<NotifyList>>,
    takes: Mutex<Duration>,
}

impl Mailbox {
    /// Everything that was taken so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().expect("not poisoned").clone()
    }

    /// Refuses one more publish.
    pub fn refuse_next(&self, failure: Failure) {
        self.refusals.lock().expect("not poisoned").push_back(failure);
    }

    /// Refuses nothing any more.
    pub fn heal(&self) {
        self.refusals.lock().expect("not poisoned").clear();
    }

    /// From now on each publish takes so long.
    pub fn takes(&self, time: Duration) {
        *self.takes.lock().expect("not poisoned") = time;
    }

    /// From now on there is no topic of this list.
    pub fn without_topic(&self, list: NotifyList) {
        *self.missing.lock().expect("not poisoned") = Some(list);
    }
}

#[async_trait]
impl Notifier for Mailbox {
    async fn send(&self, list: &NotifyList, subject: &str, body: &str, _: &Chat) -> Result<(), Failure> {
        // SNS's own rule. <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
        assert!(
            subject.len() < 100
                && subject.chars().all(|character| character.is_ascii() && !character.is_ascii_control()),
            "SNS refuses the subject {subject:?}"
        );
        assert!(body.len() <= 262_144 && !body.is_empty(), "SNS refuses a body of {} bytes", body.len());
        let takes = *self.takes.lock().expect("not poisoned");
        sleep(takes).await;
        if self.missing.lock().expect("not poisoned").as_ref() == Some(list) {
            return Err(Failure::own("sns:Publish", FailureKind::NotFound, "there is no such topic"));
        }
        if let Some(failure) = self.refusals.lock().expect("not poisoned").pop_front() {
            return Err(failure);
        }
        self.mails.lock().expect("not poisoned").push(Mail {
            list: list.clone(),
            subject: subject.to_owned(),
            body: body.to_owned(),
        });
        Ok(())
    }
}
