//! IAM users and their long-lived credentials: our deny, access keys and console passwords here.

mod attachments;
mod credentials;
mod known;

use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::StatusType;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde_json::Value;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::deny_all::DENY_ALL;
use runawaytrain_core::resource::roles::REVOKE_AHEAD;
use runawaytrain_core::resource::users::{Action, LOCKOUT_POLICY, Lockout, Settled, User};
use runawaytrain_core::resource::{Act, Depth};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{KeyId, UserName};
use runawaytrain_engine::patience::Round;
use runawaytrain_engine::ports::Performed;

use crate::deny;
use crate::failure;
use crate::resource::call::{AT_A_TIME, done, gone_is_fine};

use credentials::OfServices;
use known::Known;

/// How long a login profile that was just made is waited for. A thief makes one and races us, so giving up at once
/// would leave it.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html>
const LOGIN_WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Every user, all pages, told by name before what opens the account to them is read. A user that vanished between two
/// reads is left out.
///
/// Each is asked about by itself, `within` so long once they are listed; what was there to see of those who are
/// `settled` is taken over.
pub(super) async fn look(
    client: &Client,
    depth: Depth,
    settled: &[User],
    within: Duration,
    so_far: impl Fn(Vec<User>),
) -> Result<Vec<User>, Failure> {
    let (known, of_services) = tokio::join!(known::known(client, within, so_far), credentials::of_services(client));
    let (known, settled) = (known?, Settled::new(settled));
    let round = Round::of(within);
    let users = stream::iter(known)
        .map(|known| whole(client, round, known, depth, &settled, &of_services))
        .buffer_unordered(AT_A_TIME)
        .filter_map(std::future::ready);
    Ok(users.collect().await)
}

/// The user with all that is read of it alone.
async fn whole(
    client: &Client,
    round: Round,
    Known { user, hangs }: Known,
    depth: Depth,
    settled: &Settled<'_>,
    of_services: &Option<Seen<OfServices>>,
) -> Option<User> {
    if depth == Depth::Locks && user.is_denied() {
        return Some(user);
    }
    if depth == Depth::Usual
        && let Some(credentials) = settled.credentials(&user)
    {
        return Some(User { credentials: Some(credentials), ..user });
    }
    let name = user.name.as_str();
    let attachments = async {
        match depth {
            Depth::Locks | Depth::Usual => None,
            Depth::Whole => {
                Some(round.ask("iam:ListMFADevices", name, || attachments::of(client, name, hangs.clone())).await)
            }
        }
    };
    let boundary = async {
        // Where our deny stands, nothing has to take the place of the boundary.
        match depth {
            Depth::Whole if user.boundary.is_none() && user.lockout != Ok(Lockout::InForce) => {
                Some(round.ask("iam:GetUser", name, || boundary(client, name)).await)
            }
            Depth::Locks | Depth::Usual | Depth::Whole => user.boundary.clone(),
        }
    };
    let (credentials, attachments, boundary) =
        tokio::join!(credentials::of(client, round, name, of_services), attachments, boundary);
    // A missing password or policy is an answer; missing credentials would be an empty list, so this is the user
    // itself.
    let gone = |failure: &Failure| failure.kind == FailureKind::NotFound;
    if credentials.keys.as_ref().is_err_and(gone)
        || credentials.others.as_ref().is_err_and(gone)
        || attachments.as_ref().is_some_and(|seen| seen.as_ref().is_err_and(gone))
    {
        return None;
    }
    Some(User { credentials: Some(credentials), attachments, boundary, ..user })
}

async fn boundary(client: &Client, user: &str) -> Seen<Option<String>> {
    let answer = client.get_user().user_name(user).send().await.map_err(|error| failure::of("iam:GetUser", &error))?;
    Ok(answer.user.and_then(|user| user.permissions_boundary?.permissions_boundary_arn))
}

pub(super) async fn perform(client: &Client, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
    let (operation, user) = (action.operation(), action.user());
    match action {
        Action::DenyUser { .. } => put_policy(client, operation, user, &deny::everything(LOCKOUT_POLICY)).await,
        Action::LiftDeny { .. } => {
            let document = deny::sessions_so_far(LOCKOUT_POLICY, now, REVOKE_AHEAD);
            gone_is_fine(put_policy(client, operation, user, &document).await)
        }
        Action::AttachDenyToUser { .. } => {
            done!(operation, client.attach_user_policy().user_name(user.as_str()).policy_arn(DENY_ALL))
        }
        Action::DetachDenyFromUser { .. } => {
            let call = client.detach_user_policy().user_name(user.as_str()).policy_arn(DENY_ALL);
            gone_is_fine(done!(operation, call))
        }
        Action::BoundUser { .. } => put_boundary(client, operation, user, DENY_ALL).await,
        // A policy that was there before and is gone cannot be put back: that is a failure, and is said.
        Action::RestoreUserBoundary { boundary: Some(before), .. } => {
            put_boundary(client, operation, user, before).await
        }
        Action::RestoreUserBoundary { boundary: None, .. } => {
            let call = client.delete_user_permissions_boundary().user_name(user.as_str());
            gone_is_fine(done!(operation, call))
        }
        Action::DeactivateKey { key, .. } => {
            gone_is_fine(set_key(client, operation, user, key, StatusType::Inactive).await)
        }
        Action::ActivateKey { key, .. } => set_key(client, operation, user, key, StatusType::Active).await,
        Action::DeleteKey { key, .. } => {
            let call = client.delete_access_key().user_name(user.as_str()).access_key_id(key.as_str());
            gone_is_fine(done!(operation, call))
        }
        Action::DeactivateCredential { credential, .. } => {
            credentials::deactivate(client, operation, user, credential).await
        }
        Action::ActivateCredential { credential, .. } => {
            credentials::activate(client, operation, user, credential).await
        }
        Action::DeleteCredential { credential, .. } => credentials::delete(client, operation, user, credential).await,
        Action::DeleteLogin { .. } => delete_login(client, operation, user).await,
        Action::RemoveAttachment { attachment, .. } => attachments::remove(client, operation, user, attachment).await,
        Action::DeleteUser { .. } => gone_is_fine(done!(operation, client.delete_user().user_name(user.as_str()))),
    }
}

async fn put_policy(client: &Client, operation: &str, user: &UserName, document: &Value) -> Result<Performed, Failure> {
    let call = client
        .put_user_policy()
        .user_name(user.as_str())
        .policy_name(LOCKOUT_POLICY)
        .policy_document(document.to_string());
    done!(operation, call)
}

async fn put_boundary(client: &Client, operation: &str, user: &UserName, arn: &str) -> Result<Performed, Failure> {
    let call = client.put_user_permissions_boundary().user_name(user.as_str()).permissions_boundary(arn);
    done!(operation, call)
}

async fn set_key(
    client: &Client,
    operation: &str,
    user: &UserName,
    key: &KeyId,
    status: StatusType,
) -> Result<Performed, Failure> {
    let call = client.update_access_key().user_name(user.as_str()).access_key_id(key.as_str());
    done!(operation, call.status(status))
}

async fn delete_login(client: &Client, operation: &str, user: &UserName) -> Result<Performed, Failure> {
    let mut waits = LOGIN_WAITS.into_iter();
    loop {
        let answer = done!(operation, client.delete_login_profile().user_name(user.as_str()));
        match (answer, waits.next()) {
            // EntityTemporarilyUnmodifiable: it was made seconds ago.
            (Err(failure), Some(wait)) if failure.kind == FailureKind::WrongState => {
                let wait_milliseconds = wait.as_millis();
                tracing::debug!(%failure, wait_milliseconds, "a console password cannot be deleted yet");
                tokio::time::sleep(wait).await;
            }
            (answer, _) => return gone_is_fine(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::deny_all::DenyAll;

    use super::*;
    use crate::deny::Found;
    use crate::wire::Script;

    const MINUTE: Duration = Duration::from_secs(60);

    const NO_SUCH_ENTITY: &str =
        "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>";

    fn user(name: &str) -> String {
        let ids = "<UserId>AIDA</UserId><Arn>arn</Arn><CreateDate>2026-11-22T03:00:00Z</CreateDate>";
        format!("<member><Path>/</Path><UserName>{name}</UserName>{ids}</member>")
    }

    /// An account whose stack is older than the list of all users.
    fn answer(asked: &str) -> (u16, String) {
        if asked.contains("Action=GetAccountAuthorizationDetails") {
            return (403, NO_SUCH_ENTITY.replace("NoSuchEntity", "AccessDenied"));
        }
        if asked.contains("Action=ListUsers") {
            let (users, more) = if asked.contains("Marker=next") {
                (user("ghost") + &user("zoe"), "<IsTruncated>false</IsTruncated>")
            } else {
                (user("ann") + &user("blind"), "<IsTruncated>true</IsTruncated><Marker>next</Marker>")
            };
            let result = format!("<ListUsersResult><Users>{users}</Users>{more}</ListUsersResult>");
            return (200, format!("<ListUsersResponse>{result}</ListUsersResponse>"));
        }
        if asked.contains("Action=ListEntitiesForPolicy") {
            // zoe by both, on two pages.
            let zoe = "<PolicyUsers><member><UserName>zoe</UserName></member></PolicyUsers>";
            let (users, more) = match asked.contains("Marker=next") {
                true => (zoe, "<IsTruncated>false</IsTruncated>"),
                false => ("", "<IsTruncated>true</IsTruncated><Marker>next</Marker>"),
            };
            let result = format!("<ListEntitiesForPolicyResult>{users}{more}</ListEntitiesForPolicyResult>");
            return (200, format!("<ListEntitiesForPolicyResponse>{result}</ListEntitiesForPolicyResponse>"));
        }
        if asked.contains("UserName=blind") {
            return (403, NO_SUCH_ENTITY.replace("NoSuchEntity", "AccessDenied"));
        }
        if asked.contains("Action=ListAccessKeys") && !asked.contains("UserName=ghost") {
            let key = |id, status| format!("<member><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status></member>");
            let keys = key("AKIA1", "Inactive") + &key("AKIA2", "Active");
            let result = format!("<AccessKeyMetadata>{keys}</AccessKeyMetadata><IsTruncated>false</IsTruncated>");
            let result = format!("<ListAccessKeysResult>{result}</ListAccessKeysResult>");
            return (200, format!("<ListAccessKeysResponse>{result}</ListAccessKeysResponse>"));
        }
        let other = ["ListSigningCertificates", "ListSSHPublicKeys", "ListServiceSpecificCredentials"]
            .into_iter()
            .find(|list| asked.contains(list));
        if let Some(list) = other.filter(|_| !asked.contains("UserName=ghost")) {
            return (200, format!("<{list}Response><{list}Result/></{list}Response>"));
        }
        (404, NO_SUCH_ENTITY.to_owned())
    }

    #[tokio::test]
    async fn every_page_is_read_and_a_user_that_vanished_is_left_out() {
        let script = Script::new(answer);
        let mut users = look(&Client::new(&script.config()), Depth::Usual, &[], MINUTE, |_| {}).await.unwrap();
        users.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["ann", "blind", "zoe"]);
        let zoe = users.pop().unwrap();
        assert_eq!(zoe.deny_all, Ok(DenyAll { attached: true, is_boundary: true }));
        assert_eq!(users[0].deny_all, Ok(DenyAll::default()));
        let of_zoe = zoe.credentials.unwrap();
        assert_eq!((of_zoe.console, zoe.lockout, of_zoe.others), (Ok(false), Ok(Lockout::Absent), Ok(Vec::new())));
        assert_eq!(
            of_zoe.keys.unwrap().iter().map(|key| (key.id.as_str().to_owned(), key.active)).collect::<Vec<_>>(),
            [("AKIA1".to_owned(), false), ("AKIA2".to_owned(), true)]
        );
        assert!(script.asked().iter().all(|asked| !asked.contains("ListUsers") || asked.contains("MaxItems=1000")));
    }

    #[tokio::test]
    async fn what_cannot_be_seen_of_a_user_is_not_taken_for_absent() {
        let users = look(&Client::new(&Script::new(answer).config()), Depth::Usual, &[], MINUTE, |_| {}).await.unwrap();
        let blind = users.iter().find(|user| user.name.as_str() == "blind").unwrap();
        let denied = |failure: &Failure| failure.kind == FailureKind::Denied;
        let credentials = blind.credentials.as_ref().unwrap();
        assert!(credentials.keys.as_ref().is_err_and(denied) && credentials.console.as_ref().is_err_and(denied));
        assert!(blind.lockout.as_ref().is_err_and(denied) && credentials.others.as_ref().is_err_and(denied));
    }

    #[tokio::test]
    async fn a_deny_is_of_everything_and_what_is_left_of_it_is_dated_when_it_is_written() {
        let script = Script::new(|_| (200, "<PutUserPolicyResponse/>".to_owned()));
        let client = Client::new(&script.config());
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let user = || UserName::new("mallory");
        for action in [Action::DenyUser { user: user() }, Action::LiftDeny { user: user() }] {
            assert_eq!(perform(&client, &action, now).await, Ok(Performed::Done), "{action}");
        }
        let written = |asked: &String| {
            assert!(asked.contains("UserName=mallory&PolicyName=RunawayTrainLockout"), "{asked}");
            let document = asked.split('&').find_map(|word| word.strip_prefix("PolicyDocument=")).unwrap();
            deny::judge(LOCKOUT_POLICY, document)
        };
        let before = Found::SessionsBefore("2026-11-22T12:00:30Z".parse().unwrap());
        assert_eq!(script.asked().iter().map(written).collect::<Vec<_>>(), [Found::Everything, before]);
    }

    #[tokio::test]
    async fn awss_deny_is_attached_or_made_the_boundary_and_what_was_there_is_put_back() {
        let script = Script::new(|_| (200, "<Response/>".to_owned()));
        let client = Client::new(&script.config());
        let (user, before) = (|| UserName::new("mallory"), "arn:aws:iam::111111111111:policy/students");
        let actions = [
            (Action::AttachDenyToUser { user: user() }, "AttachUserPolicy", "PolicyArn", DENY_ALL),
            (Action::DetachDenyFromUser { user: user() }, "DetachUserPolicy", "PolicyArn", DENY_ALL),
            (
                Action::BoundUser { user: user(), before: None },
                "PutUserPermissionsBoundary",
                "PermissionsBoundary",
                DENY_ALL,
            ),
            (
                Action::RestoreUserBoundary { user: user(), boundary: Some(before.to_owned()) },
                "PutUserPermissionsBoundary",
                "PermissionsBoundary",
                before,
            ),
            (
                Action::RestoreUserBoundary { user: user(), boundary: None },
                "DeleteUserPermissionsBoundary",
                "UserName",
                "mallory",
            ),
        ];
        for (action, call, key, value) in actions {
            assert_eq!(perform(&client, &action, Timestamp::UNIX_EPOCH).await, Ok(Performed::Done), "{action}");
            let asked =
                percent_encoding::percent_decode_str(&script.asked().pop().unwrap()).decode_utf8_lossy().into_owned();
            assert!(asked.contains(&format!("Action={call}&")) && asked.contains("UserName=mallory"), "{asked}");
            assert!(asked.contains(&format!("{key}={value}")), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_boundary_is_read_only_where_it_may_have_to_be_replaced() {
        let script = Script::new(|asked| {
            let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap();
            match action {
                "GetUser" => {
                    let arn = "<PermissionsBoundaryArn>arn:students</PermissionsBoundaryArn>";
                    let boundary = format!("<PermissionsBoundary>{arn}</PermissionsBoundary>");
                    let user = user("ann").replace("<member>", "").replace("</member>", &boundary);
                    let result = format!("<GetUserResult><User>{user}</User></GetUserResult>");
                    (200, format!("<GetUserResponse>{result}</GetUserResponse>"))
                }
                "ListUserPolicies" | "ListAttachedUserPolicies" | "ListGroupsForUser" | "ListMFADevices" => {
                    (200, format!("<{action}Response><{action}Result/></{action}Response>"))
                }
                _ => answer(asked),
            }
        });
        let client = Client::new(&script.config());
        let boundary = async |depth| {
            let users = look(&client, depth, &[], MINUTE, |_| {}).await.unwrap();
            users.into_iter().find(|user| user.name.as_str() == "zoe").and_then(|user| user.boundary)
        };
        assert_eq!(boundary(Depth::Usual).await, None);
        assert!(!script.asked().iter().any(|asked| asked.contains("Action=GetUser&")));
        assert_eq!(boundary(Depth::Whole).await, Some(Ok(Some("arn:students".to_owned()))));
    }

    #[tokio::test]
    async fn what_is_gone_needs_no_removing_and_cannot_be_given_back() {
        let script = Script::new(|_| (404, NO_SUCH_ENTITY.to_owned()));
        let client = Client::new(&script.config());
        let (user, key) = (|| UserName::new("mallory"), || KeyId::new("AKIA1"));
        let fine = [
            Action::DeactivateKey { user: user(), key: key() },
            Action::DeleteKey { user: user(), key: key() },
            Action::DeleteLogin { user: user() },
            Action::DeleteUser { user: user() },
            Action::LiftDeny { user: user() },
        ];
        for action in fine {
            let answer = perform(&client, &action, Timestamp::UNIX_EPOCH).await;
            assert_eq!(answer, Ok(Performed::AlreadyDone), "{action}");
        }
        for action in [Action::ActivateKey { user: user(), key: key() }, Action::DenyUser { user: user() }] {
            let failure = perform(&client, &action, Timestamp::UNIX_EPOCH).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotFound, "{action}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_console_password_that_was_just_made_is_waited_for() {
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let script = Script::new(move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 | 1 => (409, NO_SUCH_ENTITY.replace("NoSuchEntity", "EntityTemporarilyUnmodifiable")),
            _ => (200, "<DeleteLoginProfileResponse/>".to_owned()),
        });
        let delete = Action::DeleteLogin { user: UserName::new("mallory") };
        let answer = perform(&Client::new(&script.config()), &delete, Timestamp::UNIX_EPOCH).await;
        assert_eq!((answer, script.asked().len()), (Ok(Performed::Done), 3));
    }
}
