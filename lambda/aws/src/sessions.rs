//! One assumed session an account and purpose, kept until shortly before it expires.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::contract::{EXTERNAL_ID_PREFIX, RESPONDER_ROLE};
use runawaytrain_core::resource::Kind;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Clock;

use crate::failure;
use crate::member_clients::{Caller, MemberClients, Purpose};
use crate::retry::ConnectionLost;

const ASSUME_ROLE: &str = "sts:AssumeRole";
/// What CloudTrail in the member shows as the session's name.
const SESSION_NAME: &str = "runawaytrain";
/// The most that a role assumed by a role may ask for.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
const SESSION_SECONDS: i32 = 3600;
/// A session is not used in its last minutes: a call begun with it, its retries included, must end before it does.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// Some sessions are given up by so much earlier, each account's at a time of its own: those that one sweep took of
/// thousands of accounts would all be taken anew in one sweep an hour later, past what STS takes in a second.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-sts-requests>
const SPREAD_SECONDS: i64 = 30 * 60;
/// A session this young is kept though a call was denied: a new one would not differ, and an account whose SCP denies
/// ten regions would cost ten new sessions a sweep.
const TOO_YOUNG_TO_BLAME: SignedDuration = SignedDuration::from_mins(1);

/// An assumed role.
pub(crate) struct Session {
    caller: Caller,
    began: Timestamp,
    expires: Timestamp,
}

#[derive(Default)]
struct Slot {
    /// Grows with every AssumeRole that ended.
    rounds: AtomicU64,
    state: tokio::sync::Mutex<SlotState>,
}

#[derive(Default)]
struct SlotState {
    session: Option<Arc<Session>>,
    failed: Option<Failure>,
}

/// How accounts are entered.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The role that is assumed.
    pub(crate) role: String,
    /// What the role asks for besides.
    pub(crate) external_id: Option<String>,
    /// The account that is entered by the caller's own credentials.
    pub(crate) own: Option<AccountId>,
}

impl Entry {
    /// As the deployed function enters every account, the payer among them.
    pub(crate) fn responder(organization: &str) -> Self {
        Self {
            role: RESPONDER_ROLE.to_owned(),
            external_id: Some(format!("{EXTERNAL_ID_PREFIX}{organization}")),
            own: None,
        }
    }
}

/// Gives out sessions and remembers them.
pub(crate) struct Sessions {
    clients: MemberClients,
    /// The credentials by which roles are assumed, which are those of the account that is entered without a role.
    own: Option<SharedCredentialsProvider>,
    sts: aws_sdk_sts::Client,
    entry: Entry,
    look_policy: String,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<(AccountId, Purpose), Arc<Slot>>>,
}

impl Sessions {
    pub(crate) fn new(shared: &SdkConfig, entry: Entry, clock: Arc<dyn Clock>) -> Self {
        Self {
            clients: MemberClients::new(shared),
            own: shared.credentials_provider(),
            // The home region's own STS endpoint: tokens of the global one are refused by regions that were opted in
            // to.
            // <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html>
            sts: aws_sdk_sts::Client::from_conf(
                aws_sdk_sts::config::Builder::from(shared).retry_classifier(ConnectionLost).build(),
            ),
            entry,
            look_policy: look_policy(),
            clock,
            slots: Mutex::default(),
        }
    }

    /// Makes calls in an account. A session whose call was denied or whose credentials were refused is forgotten, so
    /// that a role that was made anew is assumed anew.
    pub(crate) async fn calls<'a, T, Calls>(
        &'a self,
        account: &AccountId,
        purpose: Purpose,
        calls: impl FnOnce(&'a MemberClients) -> Calls,
    ) -> Result<T, Failure>
    where
        Calls: Future<Output = Result<T, Failure>>,
    {
        let session = self.get(account, purpose).await?;
        match session.caller.calls(calls(&self.clients)).await {
            Ok(answer) => Ok(answer),
            Err(failure) => {
                self.blame(&session, &failure).await;
                Err(failure)
            }
        }
    }

    /// Takes a session ahead of the calls that need it. Where that fails, they say so.
    pub(crate) async fn open(&self, account: &AccountId, purpose: Purpose) {
        drop(self.get(account, purpose).await);
    }

    /// A session that holds for some minutes more. Callers that ask at the same time share one AssumeRole and its
    /// failure; a failure is not remembered beyond them.
    async fn get(&self, account: &AccountId, purpose: Purpose) -> Result<Arc<Session>, Failure> {
        let slot = self.slot(account, purpose);
        let before = slot.rounds.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        let now = self.clock.now();
        let left = |session: &&Arc<Session>| now.duration_until(session.expires) > margin(account);
        if let Some(session) = state.session.as_ref().filter(left) {
            return Ok(Arc::clone(session));
        }
        if slot.rounds.load(Ordering::Acquire) != before
            && let Some(failure) = &state.failed
        {
            return Err(failure.clone());
        }
        let answer = self.assume(account, purpose, now).await;
        slot.rounds.fetch_add(1, Ordering::AcqRel);
        state.session = answer.as_ref().ok().cloned();
        state.failed = answer.as_ref().err().cloned();
        answer
    }

    /// Forgets a session for a failure that may be its own fault.
    async fn blame(&self, session: &Arc<Session>, failure: &Failure) {
        let is_suspect = match failure.kind {
            FailureKind::Denied | FailureKind::Credentials => true,
            FailureKind::Throttled
            | FailureKind::Contended
            | FailureKind::QuotaFull
            | FailureKind::NotFound
            | FailureKind::WrongState
            | FailureKind::Unsupported
            | FailureKind::Protected
            | FailureKind::Invalid
            | FailureKind::Unavailable
            | FailureKind::NotBegun
            | FailureKind::Other => false,
        };
        let has_expired =
            matches!(failure.code.as_deref(), Some("ExpiredToken" | "ExpiredTokenException" | "RequestExpired"));
        let is_young = self.clock.now().duration_since(session.began) <= TOO_YOUNG_TO_BLAME;
        if is_suspect && (has_expired || !is_young) {
            let slot = self.slot(&session.caller.account, session.caller.purpose);
            let mut state = slot.state.lock().await;
            if state.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
                state.session = None;
            }
        }
    }

    fn slot(&self, account: &AccountId, purpose: Purpose) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((account.clone(), purpose)).or_default())
    }

    async fn assume(&self, account: &AccountId, purpose: Purpose, now: Timestamp) -> Result<Arc<Session>, Failure> {
        let Entry { role, external_id, own } = &self.entry;
        if own.as_ref() == Some(account)
            && let Some(credentials) = &self.own
        {
            // They expire when they do: nobody can renew them here.
            return Ok(session(account, purpose, credentials.clone(), now, Timestamp::MAX));
        }
        let answer = self
            .sts
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/{role}"))
            .role_session_name(SESSION_NAME)
            .set_external_id(external_id.clone())
            .duration_seconds(SESSION_SECONDS)
            .set_policy((purpose == Purpose::Look).then(|| self.look_policy.clone()))
            .send()
            .await
            .map_err(|error| failure::of(ASSUME_ROLE, &error))?;
        let given = answer
            .credentials()
            .ok_or_else(|| Failure::own(ASSUME_ROLE, FailureKind::Other, "the answer holds no credentials"))?;
        let credentials = Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            None,
            RESPONDER_ROLE,
        );
        let expires = Timestamp::from_second(given.expiration().secs()).unwrap_or(now);
        Ok(session(account, purpose, SharedCredentialsProvider::new(credentials), now, expires))
    }
}

/// How long before its end an account's session is given up. AWS gives account ids out at random, so their last digits
/// spread evenly.
fn margin(account: &AccountId) -> SignedDuration {
    let number: i64 = account.as_str().parse().unwrap_or_default();
    MARGIN + SignedDuration::from_secs(number % SPREAD_SECONDS)
}

fn session(
    account: &AccountId,
    purpose: Purpose,
    credentials: SharedCredentialsProvider,
    began: Timestamp,
    expires: Timestamp,
) -> Arc<Session> {
    Arc::new(Session { caller: Caller { account: account.clone(), purpose, credentials }, began, expires })
}

/// What a sweep's session may do, whatever the role may: a bug in an observer cannot stop a machine.
fn look_policy() -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": Kind::observe(), "Resource": "*" }],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::wire::{Script, assumed};

    #[test]
    fn a_look_allows_exactly_what_a_sweep_calls_and_fits_the_limit() {
        let policy: serde_json::Value = serde_json::from_str(&look_policy()).unwrap();
        assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
        assert_eq!(policy["Statement"][0]["Action"], serde_json::json!(Kind::observe()));
        assert!(Kind::contain().is_disjoint(&Kind::observe()), "what acts is no part of it");
        // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        assert!(look_policy().len() <= 2048);
    }

    /// Whether a session is given up for a failure when it is this old.
    async fn gives_up(kind: FailureKind, code: Option<&str>, now: &str) -> bool {
        let (script, clock) =
            (Script::new(|_| assumed("2026-11-22T04:00:00Z")), ManualClock::at("2026-11-22T03:00:00Z"));
        let sessions =
            Sessions::new(&script.config(), Entry::responder("o-exampleorg"), Arc::clone(&clock) as Arc<dyn Clock>);
        let account = AccountId::parse("111111111111").unwrap();
        let session = sessions.get(&account, Purpose::Act).await.unwrap();
        clock.set(now);
        let failure = Failure { code: code.map(str::to_owned), ..Failure::own("iam:ListUsers", kind, "") };
        sessions.blame(&session, &failure).await;
        !Arc::ptr_eq(&session, &sessions.get(&account, Purpose::Act).await.unwrap())
    }

    #[tokio::test]
    async fn the_sessions_that_one_sweep_took_are_not_all_taken_anew_by_one_sweep() {
        let clock = ManualClock::at("2026-11-22T03:00:00Z");
        let watch = Arc::clone(&clock);
        let script = Script::new(move |_| assumed(&(watch.now() + SignedDuration::from_hours(1)).to_string()));
        let sessions =
            Sessions::new(&script.config(), Entry::responder("o-exampleorg"), Arc::clone(&clock) as Arc<dyn Clock>);
        // As far apart as ids that are drawn at random.
        let ids = (1..=600_u64).map(|number| format!("{:012}", number * 7_919_333_977 % 999_999_999_989));
        let accounts: Vec<AccountId> = ids.map(|id| AccountId::parse(&id).unwrap()).collect();
        let mut taken = Vec::new();
        for minute in (0..60).step_by(5) {
            clock.set(&format!("2026-11-22T03:{minute:02}:00Z"));
            let before = script.asked().len();
            for account in &accounts {
                let session = sessions.get(account, Purpose::Look).await.unwrap();
                assert!(clock.now().duration_until(session.expires) > MARGIN);
            }
            taken.push(script.asked().len() - before);
        }
        let (first, later) = taken.split_first().unwrap();
        assert_eq!(*first, accounts.len());
        assert!(later.iter().all(|anew| *anew <= accounts.len() / 4), "{taken:?}");
        assert!(later.iter().sum::<usize>() >= accounts.len(), "each was taken anew within the hour: {taken:?}");
    }

    #[tokio::test]
    async fn an_operator_enters_the_own_account_without_a_role_and_the_others_by_theirs() {
        let (script, clock) =
            (Script::new(|_| assumed("2026-11-22T04:00:00Z")), ManualClock::at("2026-11-22T03:00:00Z"));
        let own = AccountId::parse("999999999999").unwrap();
        let entry = Entry { role: "Visitor".to_owned(), external_id: None, own: Some(own.clone()) };
        let sessions = Sessions::new(&script.config(), entry, Arc::clone(&clock) as Arc<dyn Clock>);
        sessions.get(&own, Purpose::Look).await.unwrap();
        assert_eq!(script.asked().len(), 0);
        sessions.get(&AccountId::parse("111111111111").unwrap(), Purpose::Look).await.unwrap();
        let asked = script.asked().join("");
        assert!(asked.contains("role%2FVisitor") && !asked.contains("ExternalId"), "{asked}");
    }

    #[tokio::test]
    async fn a_session_is_given_up_for_what_may_be_its_own_fault_and_nothing_else() {
        for kind in [FailureKind::Denied, FailureKind::Credentials] {
            assert!(gives_up(kind, None, "2026-11-22T03:02:00Z").await, "{kind:?}");
            assert!(!gives_up(kind, None, "2026-11-22T03:00:30Z").await, "{kind:?}: it is too young");
        }
        assert!(gives_up(FailureKind::Credentials, Some("ExpiredToken"), "2026-11-22T03:00:30Z").await);
        let others = [
            FailureKind::Throttled,
            FailureKind::Contended,
            FailureKind::QuotaFull,
            FailureKind::NotFound,
            FailureKind::WrongState,
            FailureKind::Unsupported,
            FailureKind::Protected,
            FailureKind::Invalid,
            FailureKind::Unavailable,
            FailureKind::NotBegun,
            FailureKind::Other,
        ];
        for kind in others {
            assert!(!gives_up(kind, None, "2026-11-22T03:02:00Z").await, "{kind:?}");
        }
    }
}
