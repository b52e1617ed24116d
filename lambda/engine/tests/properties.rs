//! Properties of whole halts, over random organizations, policies, faults and kills.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
mod university;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{Scene, id, instances_of, role_of, user_of};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runawaytrain_core::policy::{RoleResponse, UserResponse};
use runawaytrain_core::record::State;
use runawaytrain_core::resource::roles::RoleLock;
use runawaytrain_core::resource::users::Lockout;
use runawaytrain_core::resource::{Action, quarantine};
use runawaytrain_core::vocabulary::ids::InstanceId;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Journal, States};
use runawaytrain_testbed::{Fault, Lagged, Life, SimAccount, Testbed};
use serde_json::json;
use university::{
    LAB, Wrong, arbitrary_lab, arbitrary_permitted_lab, arbitrary_policy, arbitrary_refusals, arbitrary_wrong, build,
    denied_instances, exempt_instances, policy_of,
};

/// 1,000 cases in the suite; `PROPTEST_CASES=100000 cargo test -p runawaytrain-engine --test properties` for a longer
/// run.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

/// Runs a scenario in virtual time.
fn in_virtual_time<T>(scenario: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(scenario)
}

async fn state(scene: &Scene) -> State {
    scene.testbed.ledger.load(&id(LAB)).await.unwrap().unwrap().record.state
}

/// Sweeps until the account is halted, at most some ticks; what went wrong in the beginning is healed after the first
/// two.
async fn halt(scene: &Scene, wrong: &Wrong) {
    wrong.inflict(&scene.testbed);
    scene.send(json!({})).await;
    scene.tick().await;
    scene.testbed.world.heal();
    scene.testbed.ledger.break_with(None);
    for _ in 0..4 {
        scene.tick().await;
    }
}

/// Says now and then how much was tried: `-- --nocapture` shows it in a longer run.
fn tally(scene: &Scene) {
    static CASES: AtomicU64 = AtomicU64::new(0);
    static FAULTS: AtomicU64 = AtomicU64::new(0);
    let faults =
        FAULTS.fetch_add(scene.testbed.world.faults_met(), Ordering::Relaxed) + scene.testbed.world.faults_met();
    let cases = CASES.fetch_add(1, Ordering::Relaxed) + 1;
    if cases.is_multiple_of(10_000) {
        eprintln!("{cases} halts, {faults} calls met a fault, no violation");
    }
}

/// What remains of a deny once old sessions are left out of account: those stay dead for good.
fn gives(lockout: Lockout) -> Lockout {
    if matches!(lockout, Lockout::SessionsBefore(_)) { Lockout::Absent } else { lockout }
}

fn allows(lock: RoleLock) -> RoleLock {
    if matches!(lock, RoleLock::RevokedBefore(_)) { RoleLock::Absent } else { lock }
}

/// What a release can give back, of an account as it stands.
fn reversible(account: &SimAccount, known: &SimAccount) -> String {
    let regions: Vec<String> = account
        .regions
        .iter()
        .map(|(region, of)| {
            let groups: Vec<_> =
                of.groups.iter().map(|(name, group)| (name.clone(), group.suspended, group.desired)).collect();
            let fleets: Vec<_> = of.fleets.iter().map(|(id, fleet)| (id.clone(), fleet.target)).collect();
            // What a restored group or fleet makes of its members is its own business, and what is terminated has no
            // protection to lose.
            let was_there = |id: &InstanceId| known.regions[region].instances.iter().any(|instance| instance.id == *id);
            let protections: Vec<_> = of
                .instances
                .iter()
                .filter(|instance| {
                    instance.life != Life::Terminated && instance.owner.is_none() && was_there(&instance.id)
                })
                .map(|instance| (instance.id.clone(), instance.stop_protected, instance.termination_protected))
                .collect();
            format!("{region} {groups:?} {fleets:?} {protections:?}")
        })
        .collect();
    let users: Vec<_> = account
        .users
        .iter()
        .map(|(name, user)| {
            (
                name.clone(),
                gives(*user.lockout.written()),
                user.keys.clone(),
                user.others.clone(),
                user.attachments.clone(),
            )
        })
        .collect();
    let roles: Vec<_> = account.roles.iter().map(|(name, role)| (name.clone(), allows(*role.lock.written()))).collect();
    format!("{regions:#?} {users:#?} {roles:#?} {:?}", account.attached_policies())
}

fn touches_what_it_must_not(
    testbed: &Testbed,
    policy: &runawaytrain_core::policy::Policy,
) -> Result<(), TestCaseError> {
    let policy = policy.for_account(&id(LAB), None);
    for call in testbed.world.calls() {
        let action = &call.action;
        prop_assert_eq!(&call.account, &id(LAB), "only the runaway account is touched");
        prop_assert!(instances_of(action).iter().all(|id| !policy.exempts_instance(id)), "{action}");
        prop_assert!(user_of(action).is_none_or(|user| !policy.exempts_user(user)), "{action}");
        prop_assert!(role_of(action).is_none_or(|role| !policy.exempts_role(role)), "{action}");
        prop_assert!(role_of(action).is_none_or(|role| !university::never_touched(role.as_str())), "{action}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]


    #[test]
    fn a_halt_holds_touches_nothing_exempt_and_journals_every_call_once(
        lab in arbitrary_lab(),
        policy in arbitrary_policy(),
        wrong in arbitrary_wrong(),
    ) {
        in_virtual_time(async {
            let policy = policy_of(&policy, &lab);
            let scene = Scene::new(build(&lab), policy.clone());
            halt(&scene, &wrong).await;
            tally(&scene);
            touches_what_it_must_not(&scene.testbed, &policy)?;
            let denied = denied_instances(&scene.testbed, &policy);
            let expected = if denied.is_empty() { State::Halted } else { State::Halting };
            prop_assert_eq!(state(&scene).await, expected);

            let mut spared = exempt_instances(&scene.testbed, &policy);
            spared.extend(denied);
            let running: BTreeSet<_> = scene
                .testbed
                .world
                .with(&id(LAB), |account| account.billable().map(|(_, instance)| instance.id.clone()).collect());
            prop_assert!(running.is_subset(&spared), "{:?} still run", running.difference(&spared).collect::<Vec<_>>());
            tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
            let effective = policy.for_account(&id(LAB), None);
            let acting: Vec<_> = scene.testbed.world.with(&id(LAB), |account| {
                account
                    .users
                    .iter()
                    .filter(|(name, user)| !effective.exempts_user(name) && user.can_act())
                    .map(|(name, _)| name.clone())
                    .collect()
            });
            prop_assert!(
                acting.is_empty() || effective.contain.users == UserResponse::Leave,
                "{acting:?} can still act"
            );

            let halt = scene.testbed.ledger.load(&id(LAB)).await.unwrap().unwrap().record.halt.unwrap().id;
            let journal = scene.testbed.ledger.entries(&id(LAB), &halt).await.unwrap();
            let calls = scene.testbed.world.calls();
            // A call that was throttled is repeated under its one entry.
            let entries: BTreeSet<&Action> = journal.iter().map(|entry| &entry.action).collect();
            prop_assert!(calls.iter().all(|call| entries.contains(&call.action)), "a call without an entry");
            prop_assert!(journal.len() <= calls.len() + wrong.lost_intents(), "an entry without a call");
            let (proven, unproven) = (scene.mails("Halted"), scene.mails("NOT PROVEN"));
            let told = scene.subjects();
            prop_assert!(scene.mails("HALT") == 1 && proven <= 1 && unproven <= 1, "{told:?}");
            // Who can open a door that is shut to us is told at once, and what came of it later.
            prop_assert!(proven + unproven == 1 || (proven + unproven == 2 && wrong.denies()), "{told:?}");
            Ok(())
        })?;
    }

    #[test]
    fn nothing_that_could_not_be_locked_is_called_contained(
        lab in arbitrary_lab(),
        policy in arbitrary_policy(),
        refusals in arbitrary_refusals(),
    ) {
        in_virtual_time(async {
            let policy = policy_of(&policy, &lab);
            let scene = Scene::new(build(&lab), policy.clone());
            for (call, kind) in refusals {
                scene.testbed.world.fault(Fault::always(call, kind).in_account(&id(LAB)));
            }
            scene.send(json!({})).await;
            scene.tick().await;
            tokio::time::sleep(runawaytrain_testbed::CONSISTENCY).await;
            if state(&scene).await != State::Halted {
                return Ok(());
            }
            let effective = policy.for_account(&id(LAB), None);
            let (users, roles) = (effective.contain.users, effective.contain.roles);
            let open = scene.testbed.world.with(&id(LAB), |account| {
                let of_users = account.users.iter().filter(|(name, user)| {
                    users != UserResponse::Leave && !effective.exempts_user(name) && user.can_act()
                });
                let of_roles = account.roles.iter().filter(|(name, role)| {
                    let is_ours = effective.exempts_role(name) || university::never_touched(name.as_str());
                    // Machinery that may not be changed is named, and holds up no proof.
                    let is_machinery = name.as_str().starts_with("stacksets-exec-");
                    roles != RoleResponse::Leave && !is_ours && !is_machinery && role.can_act()
                });
                let of_users = of_users.map(|(name, _)| name.to_string());
                of_users.chain(of_roles.map(|(name, _)| name.to_string())).collect::<Vec<_>>()
            });
            prop_assert!(open.is_empty(), "{open:?} can still act");
            let attached = scene.testbed.world.with(&id(LAB), |account| account.attached_policies());
            let contain = &effective.contain;
            prop_assert_eq!(attached, [contain.lockdown, contain.quarantine, contain.models]);
            Ok(())
        })?;
    }

    #[test]
    fn a_halt_that_is_killed_anywhere_ends_like_one_that_is_not(
        lab in arbitrary_permitted_lab(),
        policy in arbitrary_policy(),
        killed_after in 0u64..14_000,
    ) {
        let end = |kill: Option<u64>| {
            in_virtual_time(async {
                let scene = Scene::new(build(&lab), policy_of(&policy, &lab));
                match kill {
                    Some(millis) => {
                        drop(tokio::time::timeout(Duration::from_millis(millis), scene.send(json!({}))).await)
                    }
                    None => drop(scene.send(json!({})).await),
                }
                for _ in 0..3 {
                    scene.tick().await;
                }
                let world = scene.testbed.world.with(&id(LAB), |account| {
                    let users: Vec<_> =
                        account.users.iter().map(|(name, user)| (name.clone(), user.can_act())).collect();
                    let roles: Vec<_> =
                        account.roles.iter().map(|(name, role)| (name.clone(), role.can_act())).collect();
                    let running: BTreeSet<_> = account.billable().map(|(_, instance)| instance.id.clone()).collect();
                    (users, roles, running, account.attached_policies())
                });
                (world, state(&scene).await, scene.mails("HALT"), scene.mails("Halted") + scene.mails("NOT PROVEN"))
            })
        };
        prop_assert_eq!(end(Some(killed_after)), end(None));
    }

    #[test]
    fn a_release_restores_what_the_halt_changed_and_nothing_else(
        lab in arbitrary_permitted_lab(), policy in arbitrary_policy()) {
        in_virtual_time(async {
            let testbed = build(&lab);
            let policy = policy_of(&policy, &lab);
            let before = testbed.world.with(&id(LAB), |account| account.clone());
            let scene = Scene::new(testbed, policy.clone());
            scene.send(json!({})).await;
            prop_assert_eq!(state(&scene).await, State::Halted);
            let halted = scene.testbed.world.with(&id(LAB), |account| account.clone());
            let names = |account: &SimAccount| -> (Vec<String>, Vec<String>, Vec<String>) {
                let keys = account.users.values().flat_map(|user| {
                    user.keys
                        .iter()
                        .map(|key| key.id.to_string())
                        .chain(user.others.iter().map(|other| other.credential.id().to_owned()))
                });
                (
                    account.users.keys().map(ToString::to_string).collect(),
                    account.roles.keys().map(ToString::to_string).collect(),
                    keys.collect(),
                )
            };
            let (users, roles, _) = names(&before);
            // Only those that were active before: what somebody had switched off is not ours to switch on.
            let keys: Vec<String> = names(&before).2;
            // Their instances were launched just now.
            let groups = before.regions.values().flat_map(|region| region.groups.keys()).collect::<Vec<_>>();
            let answer = scene
                .send(json!({ "action": "release", "account": LAB, "users": users, "roles": roles, "keys": keys,
                    "start": true, "trust": groups }))
                .await;
            prop_assert_eq!(answer.status, 200, "{}", answer.body);
            let after = scene.testbed.world.with(&id(LAB), |account| account.clone());

            // What cannot be undone is as the halt left it; all else is as it was.
            let mut expected = before.clone();
            for (name, user) in &mut expected.users {
                let Some(now) = halted.users.get(name) else { continue };
                user.console = now.console;
                user.keys.retain(|key| now.keys.iter().any(|kept| kept.id == key.id));
                user.others.retain(|other| now.others.iter().any(|kept| kept.credential == other.credential));
            }
            expected.users.retain(|name, _| halted.users.contains_key(name));
            for (region, of) in &mut expected.regions {
                of.instances.clone_from(&halted.regions[region].instances);
                for instance in &mut of.instances {
                    let original = before.regions[region].instances.iter().find(|known| known.id == instance.id);
                    (instance.stop_protected, instance.termination_protected) =
                        original.map_or((false, false), |known| (known.stop_protected, known.termination_protected));
                }
            }
            (expected.lockdown, expected.quarantine, expected.models) =
                (Lagged::new(false), Lagged::new(false), Lagged::new(false));
            for (name, user) in &after.users {
                let denied = *halted.users[name].lockout.written() == Lockout::InForce
                    && *before.users[name].lockout.written() != Lockout::InForce;
                let left = *user.lockout.written();
                prop_assert!(
                    !denied || matches!(left, Lockout::SessionsBefore(_) | Lockout::InForce),
                    "a session of {name} from before the halt is alive: {left:?}"
                );
            }
            // A user that somebody had locked out in our name before stays as it is found.
            prop_assert_eq!(reversible(&after, &before), reversible(&expected, &before));
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases().cases / 10, ..cases() })]

    #[test]
    fn the_brake_is_never_exceeded_whoever_sweeps(
        runaways in 1u64..12,
        slots in 0u32..6,
        rivals in 1usize..4,
        delays in prop::collection::vec(0u64..900, 4),
        ticks in 0u32..4,
    ) {
        in_virtual_time(async {
            let testbed = Testbed::new();
            testbed.world.add(&id(common::PAYER), SimAccount::new("payer", &common::REGIONS));
            let lab = |number: u64| format!("5{number:011}");
            for number in 0..runaways {
                let running = u32::try_from(number).unwrap() + 5;
                let account = SimAccount::new("lab", &common::REGIONS).running("us-east-1", running, "m5.large");
                testbed.world.add(&id(&lab(number)), account);
            }
            let policy = common::policy(json!({ "brake": { "haltsPerHour": slots } }));
            let scenes: Vec<Scene> = (0..rivals).map(|_| Scene::new(testbed.clone(), policy.clone())).collect();
            for _ in 0..=ticks {
                let sweeps = scenes.iter().zip(&delays).enumerate().map(|(index, (scene, delay))| async move {
                    tokio::time::sleep(Duration::from_millis(*delay)).await;
                    let invocation = Invocation { id: format!("rival-{index}"), deadline: Deadline::never() };
                    scene.guard.handle(&json!({}), &invocation).await
                });
                futures::future::join_all(sweeps).await;
                tokio::time::sleep(Duration::from_secs(300)).await;
            }
            // Whatever was stopped was halted; the ticks stay within the hour.
            let is_halted = |number: &u64| {
                testbed.world.with(&id(&lab(*number)), |account| account.billable().count() == 0)
            };
            let halted = (0..runaways).filter(is_halted).count();
            prop_assert_eq!(halted as u64, runaways.min(u64::from(slots)));
            let freeze = Action::Quarantine(quarantine::Action::Freeze);
            let others = testbed.world.calls().into_iter().filter(|call| call.action != freeze);
            let touched: BTreeSet<_> = others.map(|call| call.account).collect();
            prop_assert!(touched.len() <= slots as usize, "{touched:?}");
            Ok(())
        })?;
    }
}
