//! Whoever was denied by AWS's own policy comes back whole, or stays denied.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use common::{PHYSICS, Scene, id, policy, seeded, user};
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::message::report::Report;
use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::vocabulary::ids::RoleName;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{Lagged, MOST_ATTACHED, ROLE_INLINE, SimRole, SimUser, USER_INLINE};
use serde_json::json;

const STUDENTS: &str = "arn:aws:iam::111111111111:policy/students";

fn app() -> RoleName {
    RoleName::new("app")
}

/// A halt of an account in which alice and the role `app` have no room for an inline policy, and no more for an
/// attached one where `is_bound`: then both have a boundary.
async fn halted(is_bound: bool) -> Scene {
    let testbed = seeded();
    let old = testbed.clock.now() - SignedDuration::from_hours(24 * 60);
    testbed.world.with(&id(PHYSICS), |known| {
        let mut role = SimRole { session: Some(old), inline: ROLE_INLINE, ..SimRole::new(Timestamp::UNIX_EPOCH) };
        let alice = known.users.get_mut(&user("alice")).unwrap();
        alice.session = Some(old);
        alice.write_inline("own", USER_INLINE);
        if is_bound {
            alice.attach_others(MOST_ATTACHED);
            alice.managed.boundary = Lagged::new(Some(STUDENTS.to_owned()));
            role.attached = MOST_ATTACHED;
            role.managed.boundary = Lagged::new(Some(STUDENTS.to_owned()));
        }
        known.roles.insert(app(), role);
    });
    let scene = Scene::new(testbed, policy(json!({})));
    scene.send(json!({})).await;
    tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
    assert_eq!(seen(&scene), [DenyAll { attached: !is_bound, is_boundary: is_bound }; 2]);
    scene
}

fn with<T>(scene: &Scene, read: impl FnOnce(&mut SimUser, &mut SimRole) -> T) -> T {
    scene.testbed.world.with(&id(PHYSICS), |known| {
        read(known.users.get_mut(&user("alice")).unwrap(), known.roles.get_mut(&app()).unwrap())
    })
}

/// AWS's deny on alice and on `app`.
fn seen(scene: &Scene) -> [DenyAll; 2] {
    with(scene, |alice, app| [alice.managed.seen(), app.managed.seen()])
}

fn make_room(scene: &Scene) {
    with(scene, |alice, app| {
        alice.write_inline("own", 10);
        app.inline = 10;
    });
}

/// Asks to have both back, and gives what became of each step.
async fn release(scene: &Scene) -> Vec<(String, String)> {
    let answer =
        scene.send(json!({ "action": "release", "account": PHYSICS, "users": ["alice"], "roles": ["app"] })).await;
    let Some(Report::Release(report)) = &answer.report else { panic!("{answer:?}") };
    let outcomes = report.accounts[0].outcomes.iter();
    outcomes.map(|outcome| (outcome.text.clone(), outcome.result.to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_boundary_that_was_there_before_is_put_back() {
    let scene = halted(true).await;
    make_room(&scene);
    let steps = release(&scene).await;
    assert!(steps.iter().all(|(_, result)| result == "done"), "{steps:?}");
    let boundaries =
        with(&scene, |alice, app| [alice.managed.boundary.written().clone(), app.managed.boundary.written().clone()]);
    assert_eq!(boundaries, [Some(STUDENTS.to_owned()), Some(STUDENTS.to_owned())]);
    with(&scene, |alice, app| {
        assert!(matches!(alice.lockout.written(), Lockout::SessionsBefore(_)), "her old session stays dead");
        assert!(matches!(app.lock.written(), RoleLock::RevokedBefore(_)), "its old session stays dead");
        assert!(!alice.can_act() && !app.can_act());
    });
}

#[tokio::test(start_paused = true)]
async fn awss_deny_stays_while_old_sessions_cannot_be_denied_otherwise() {
    let scene = halted(false).await;
    let steps = release(&scene).await;
    let detached = steps.iter().filter(|(text, _)| text.starts_with("detach AWSDenyAll")).collect::<Vec<_>>();
    assert_eq!(detached.iter().map(|(_, result)| result.as_str()).collect::<Vec<_>>(), ["failed", "failed"]);
    assert_eq!(seen(&scene), [DenyAll { attached: true, is_boundary: false }; 2]);
    // Once there is room it can be asked for again.
    make_room(&scene);
    let steps = release(&scene).await;
    assert!(steps.iter().any(|(text, result)| text == "detach AWSDenyAll from user alice" && result == "done"));
    assert_eq!(seen(&scene), [DenyAll::default(); 2]);
    with(&scene, |alice, app| assert!(!alice.can_act() && !app.can_act(), "old sessions stay dead"));
}

#[tokio::test(start_paused = true)]
async fn a_boundary_that_somebody_set_since_is_theirs() {
    let scene = halted(true).await;
    make_room(&scene);
    let theirs = "arn:aws:iam::111111111111:policy/staff";
    with(&scene, |alice, app| {
        assert_eq!(alice.managed.boundary.write(Some(theirs.to_owned())).as_deref(), Some(DENY_ALL));
        app.managed.boundary.write(None);
    });
    let steps = release(&scene).await;
    assert!(!steps.iter().any(|(text, _)| text.contains("boundary")), "{steps:?}");
    let boundary = with(&scene, |alice, _| alice.managed.boundary.written().clone());
    assert_eq!(boundary.as_deref(), Some(theirs));
}
