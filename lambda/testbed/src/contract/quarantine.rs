//! The quarantine, which the payer attaches and detaches.

use runawaytrain_core::resource::quarantine::{Action, Attachment};
use runawaytrain_core::resource::{Kind, Sight};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Look, Performed};

use super::case::{Case, cases};
use super::stage::{Stage, attachment, now, perform};

pub(super) const CASES: &[Case] = cases![
    the_quarantine_is_attached_and_detached_and_seen,
    a_quarantine_that_is_as_it_should_be_needs_nothing,
    an_account_that_is_not_there_cannot_be_frozen,
    without_a_quarantine_policy_nothing_is_frozen,
];

async fn the_quarantine_is_attached_and_detached_and_seen(stage: &dyn Stage) {
    assert_eq!(attachment(stage).await, Attachment::Detached);
    assert_eq!(perform(stage, Action::Freeze).await, Ok(Performed::Done));
    assert_eq!(attachment(stage).await, Attachment::Attached);
    assert_eq!(perform(stage, Action::Thaw).await, Ok(Performed::Done));
    assert_eq!(attachment(stage).await, Attachment::Detached);
}

async fn a_quarantine_that_is_as_it_should_be_needs_nothing(stage: &dyn Stage) {
    assert_eq!(perform(stage, Action::Thaw).await, Ok(Performed::AlreadyDone));
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(perform(stage, Action::Freeze).await, Ok(performed));
        assert_eq!(attachment(stage).await, Attachment::Attached);
    }
}

async fn an_account_that_is_not_there_cannot_be_frozen(stage: &dyn Stage) {
    let nobody = AccountId::parse("999999999999").unwrap();
    let failure = stage.ports().actuator.perform(&nobody, &Action::Freeze.into(), now()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
}

async fn without_a_quarantine_policy_nothing_is_frozen(stage: &dyn Stage) {
    let ports = stage.without_quarantine();
    let seen = ports.observer.look(stage.account(), &Look::at(Kind::Quarantine, None)).await;
    assert_eq!(seen, Ok(Sight::Quarantine(Attachment::Undeployed)));
    for action in [Action::Freeze, Action::Thaw] {
        assert_eq!(
            ports.actuator.perform(stage.account(), &action.into(), now()).await.unwrap_err().kind,
            FailureKind::Invalid,
            "{action}"
        );
    }
}
