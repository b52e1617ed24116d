//! What an actuator does to the credentials of a user.

use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::ids::{KeyId, UserName};
use runawaytrain_core::plan::{Action, Belonging};
use runawaytrain_engine::ports::Performed;

use super::stage::{perform, user};
use super::{Case, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    a_key_is_deactivated_and_activated,
    an_inactive_key_opens_nothing,
    a_key_is_deleted,
    a_key_that_is_not_there_needs_no_deactivating_and_cannot_be_activated,
    a_console_password_is_deleted,
    a_password_that_is_not_there_needs_no_deleting,
    an_ssh_key_is_deactivated_activated_and_removed,
    a_credential_that_is_not_there_needs_no_deactivating_and_cannot_be_activated,
];

fn ann() -> UserName {
    UserName::new("ann")
}

async fn keys(stage: &dyn Stage) -> Vec<(KeyId, bool)> {
    let mut keys: Vec<_> =
        user(stage, &ann()).await.keys.unwrap().into_iter().map(|key| (key.id, key.active)).collect();
    keys.sort();
    keys
}

async fn a_key_is_deactivated_and_activated(stage: &dyn Stage) {
    stage.user("ann", 2, false).await;
    let [(key, _), (other, _)] = keys(stage).await.try_into().unwrap();
    let (off, on) = (
        Action::DeactivateKey { user: ann(), key: key.clone() },
        Action::ActivateKey { user: ann(), key: key.clone() },
    );
    for (action, active) in [(&off, false), (&off, false), (&on, true), (&on, true)] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(keys(stage).await, [(key.clone(), active), (other.clone(), true)], "{action}");
    }
}

async fn an_inactive_key_opens_nothing(stage: &dyn Stage) {
    stage.user("ann", 1, false).await;
    let [(key, _)] = keys(stage).await.try_into().unwrap();
    assert!(stage.can_act(&ann()).await);
    for (action, can) in [
        (Action::DeactivateKey { user: ann(), key: key.clone() }, false),
        (Action::ActivateKey { user: ann(), key }, true),
    ] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(stage.can_act(&ann()).await, can, "{action}");
    }
}

async fn a_key_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 2, false).await;
    let [(key, _), other] = keys(stage).await.try_into().unwrap();
    for performed in [Performed::Done, Performed::AlreadySo] {
        assert_eq!(perform(stage, Action::DeleteKey { user: ann(), key: key.clone() }).await, Ok(performed));
        assert_eq!(keys(stage).await, std::slice::from_ref(&other));
    }
}

async fn a_key_that_is_not_there_needs_no_deactivating_and_cannot_be_activated(stage: &dyn Stage) {
    stage.user("bob", 1, false).await;
    let key = KeyId::new("AKIAIOSFODNN7EXAMPLE");
    // Of a user that is there, and of one that is not.
    for user in [UserName::new("bob"), ann()] {
        assert_eq!(
            perform(stage, Action::DeactivateKey { user: user.clone(), key: key.clone() }).await,
            Ok(Performed::AlreadySo),
            "{user}"
        );
        assert_eq!(
            perform(stage, Action::DeleteKey { user: user.clone(), key: key.clone() }).await,
            Ok(Performed::AlreadySo),
            "{user}"
        );
        assert_eq!(
            perform(stage, Action::ActivateKey { user: user.clone(), key: key.clone() }).await,
            Err(FailureKind::NotFound),
            "{user}"
        );
    }
}

async fn a_console_password_is_deleted(stage: &dyn Stage) {
    stage.user("ann", 0, true).await;
    for performed in [Performed::Done, Performed::AlreadySo] {
        assert_eq!(perform(stage, Action::DeleteLogin { user: ann() }).await, Ok(performed));
        assert_eq!(user(stage, &ann()).await.console, Ok(false));
    }
}

async fn a_password_that_is_not_there_needs_no_deleting(stage: &dyn Stage) {
    stage.user("bob", 0, false).await;
    for user in [UserName::new("bob"), ann()] {
        assert_eq!(
            perform(stage, Action::DeleteLogin { user: user.clone() }).await,
            Ok(Performed::AlreadySo),
            "{user}"
        );
    }
}

async fn an_ssh_key_is_deactivated_activated_and_removed(stage: &dyn Stage) {
    stage.user("ann", 0, false).await;
    let credential = stage.ssh_key(&ann()).await;
    let others = async || {
        user(stage, &ann())
            .await
            .others
            .unwrap()
            .into_iter()
            .map(|other| (other.credential, other.active))
            .collect::<Vec<_>>()
    };
    let off = Action::DeactivateCredential { user: ann(), credential: credential.clone() };
    let on = Action::ActivateCredential { user: ann(), credential: credential.clone() };
    for (action, active) in [(&off, false), (&off, false), (&on, true), (&on, true)] {
        assert_eq!(perform(stage, action.clone()).await, Ok(Performed::Done), "{action}");
        assert_eq!(others().await, [(credential.clone(), active)], "{action}");
    }
    for performed in [Performed::Done, Performed::AlreadySo] {
        assert_eq!(
            perform(stage, Action::RemoveBelonging { user: ann(), belonging: credential.clone() }).await,
            Ok(performed)
        );
        assert_eq!(others().await, []);
    }
}

async fn a_credential_that_is_not_there_needs_no_deactivating_and_cannot_be_activated(stage: &dyn Stage) {
    stage.user("bob", 0, false).await;
    let credential = Belonging::SshKey("APKAIOSFODNN7EXAMPLE".to_owned());
    for user in [UserName::new("bob"), ann()] {
        let (off, on) = (
            Action::DeactivateCredential { user: user.clone(), credential: credential.clone() },
            Action::ActivateCredential { user, credential: credential.clone() },
        );
        assert_eq!(perform(stage, off.clone()).await, Ok(Performed::AlreadySo), "{off}");
        assert_eq!(perform(stage, on.clone()).await, Err(FailureKind::NotFound), "{on}");
    }
}
