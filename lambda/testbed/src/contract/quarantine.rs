//! The service control policies of a halt, which the payer attaches and detaches.

use runawaytrain_core::resource::quarantine::{Action, Attachment, Attachments, Policy};
use runawaytrain_core::resource::{Kind, Sight};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Look, Performed};

use super::case::{Case, cases};
use super::stage::{Stage, attachments, now, perform};

pub(super) const CASES: &[Case] = cases![
    each_policy_is_attached_and_detached_and_seen_by_itself,
    a_quarantine_that_is_as_it_should_be_needs_nothing,
    an_account_that_is_not_there_cannot_be_frozen,
    what_is_not_deployed_is_not_attached,
];

async fn each_policy_is_attached_and_detached_and_seen_by_itself(stage: &dyn Stage) {
    let of_each = async || {
        Policy::ALL.map({
            let attached = attachments(stage).await;
            move |policy| attached.of(policy)
        })
    };
    for policy in Policy::ALL {
        assert_eq!(of_each().await, [Attachment::Detached; 3]);
        assert_eq!(perform(stage, policy.attach()).await, Ok(Performed::Done));
        let alone = |other| if other == policy { Attachment::Attached } else { Attachment::Detached };
        assert_eq!(of_each().await, Policy::ALL.map(alone));
        assert_eq!(perform(stage, policy.detach()).await, Ok(Performed::Done));
    }
    assert_eq!(of_each().await, [Attachment::Detached; 3]);
}

async fn a_quarantine_that_is_as_it_should_be_needs_nothing(stage: &dyn Stage) {
    assert_eq!(perform(stage, Action::Thaw).await, Ok(Performed::AlreadyDone));
    for performed in [Performed::Done, Performed::AlreadyDone] {
        assert_eq!(perform(stage, Action::Freeze).await, Ok(performed));
        assert_eq!(attachments(stage).await.quarantine, Attachment::Attached);
    }
}

async fn an_account_that_is_not_there_cannot_be_frozen(stage: &dyn Stage) {
    let nobody = AccountId::parse("999999999999").unwrap();
    let failure = stage.ports().actuator.perform(&nobody, &Action::Freeze.into(), now()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
}

async fn what_is_not_deployed_is_not_attached(stage: &dyn Stage) {
    let ports = stage.without_policies();
    let seen = ports.observer.look(stage.account(), &Look::at(Kind::Quarantine, None)).await;
    assert_eq!(seen, Ok(Sight::Quarantine(Attachments::all(Attachment::Undeployed))));
    for action in Policy::ALL.into_iter().flat_map(|policy| [policy.attach(), policy.detach()]) {
        assert_eq!(
            ports.actuator.perform(stage.account(), &action.into(), now()).await.unwrap_err().kind,
            FailureKind::Invalid,
            "{action}"
        );
    }
}
