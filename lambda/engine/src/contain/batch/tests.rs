use runawaytrain_core::resource::instances;
use runawaytrain_core::vocabulary::ids::{InstanceId, Region};

use super::*;

fn stop(ids: &[String]) -> Action {
    let instances = ids.iter().map(InstanceId::new).collect();
    instances::Action::StopInstances { region: Region::new("r"), instances, erases: Vec::new() }.into()
}

fn ids(number: usize) -> Vec<String> {
    (0..number).map(|number| format!("i-{number}")).collect()
}

/// Plays a batch against AWS; gives every call's members and the outcomes that stand.
fn played(all: &[String], aws: impl Fn(&Action) -> Result<(), Failure>) -> (Vec<Vec<String>>, Vec<Outcome>) {
    let mut batches = Batches::new(&[stop(all)], |_| true, |_| false);
    let (mut calls, mut outcomes) = (Vec::new(), Vec::new());
    while let Some(step) = batches.next() {
        let action = step.action().clone();
        calls.push(action.items().into_iter().map(str::to_owned).collect());
        let result = match aws(&action) {
            Ok(()) => ActionResult::Done,
            Err(failure) => ActionResult::Failed { failure },
        };
        outcomes.extend(batches.settle(step, Outcome { action, result }));
    }
    (calls, outcomes)
}

fn refusing(kind: FailureKind, bad: &[String], is_named: bool) -> impl Fn(&Action) -> Result<(), Failure> {
    move |action| match action.items().into_iter().find(|id| bad.iter().any(|bad| bad == id)) {
        Some(id) if is_named => Err(Failure { named: vec![id.to_owned()], ..Failure::own("", kind, "") }),
        Some(_) => Err(Failure::own("", kind, "")),
        None => Ok(()),
    }
}

fn done(outcomes: &[Outcome]) -> BTreeSet<String> {
    let done = outcomes.iter().filter(|outcome| outcome.result == ActionResult::Done);
    done.flat_map(|outcome| outcome.action.items().into_iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn spared(all: &[String], bad: &[String]) -> BTreeSet<String> {
    all.iter().filter(|id| !bad.contains(id)).cloned().collect()
}

#[test]
fn suspects_are_tried_alone_and_the_rest_together() {
    let (all, bad) = (ids(4), [ids(4)[1].clone()]);
    let (calls, outcomes) = played(&all, refusing(FailureKind::NotFound, &bad, true));
    assert_eq!(calls, [all.clone(), vec!["i-0".into(), "i-2".into(), "i-3".into()], vec!["i-1".into()]]);
    assert_eq!(done(&outcomes), spared(&all, &bad));
}

#[test]
fn without_a_useful_hint_the_batch_is_halved() {
    let (all, bad) = (ids(1000), [ids(1000)[700].clone()]);
    for kind in [FailureKind::NotFound, FailureKind::Denied] {
        let (calls, outcomes) = played(&all, refusing(kind, &bad, false));
        assert!(calls.len() <= 21, "{} calls", calls.len());
        assert_eq!(done(&outcomes), spared(&all, &bad));
    }
}

#[test]
fn whoever_refuses_and_however_many_the_others_are_done() {
    for number in [1, 2, 3, 17, 100, 1000] {
        for every in [1, 2, 3, 50] {
            for kind in [FailureKind::NotFound, FailureKind::Unsupported, FailureKind::WrongState] {
                for is_named in [true, false] {
                    let all = ids(number);
                    // All on their way to another state are left to the next pass: see below.
                    let every = if kind == FailureKind::WrongState { every + 1 } else { every };
                    let bad: Vec<String> = all.iter().skip(1).step_by(every).cloned().collect();
                    let (calls, outcomes) = played(&all, refusing(kind, &bad, is_named));
                    assert_eq!(done(&outcomes), spared(&all, &bad), "{number} {every} {kind:?} {is_named}");
                    assert!(calls.len() <= number * 2 + 1, "{} calls for {number} {every}", calls.len());
                }
            }
        }
    }
}

#[test]
fn each_that_is_protected_costs_one_refusal_and_is_unprotected_once() {
    let all = ids(1000);
    let protected = std::cell::RefCell::new(all.iter().cloned().collect::<BTreeSet<_>>());
    let (calls, outcomes) = played(&all, |action| {
        if let Action::Instances(instances::Action::Unprotect { instance, .. }) = action {
            assert!(protected.borrow_mut().remove(instance.as_str()), "{instance} is not protected");
            return Ok(());
        }
        let bad: Vec<String> = protected.borrow().iter().cloned().collect();
        refusing(FailureKind::Protected, &bad, true)(action)
    });
    let unprotects = calls.iter().filter(|call| call.is_empty()).count();
    assert_eq!((unprotects, done(&outcomes).len()), (1000, 1000));
    assert!(calls.len() <= 2050, "{} calls", calls.len());
}

#[test]
fn what_is_denied_to_us_altogether_is_soon_no_longer_taken_apart() {
    let all = ids(1000);
    let (calls, outcomes) = played(&all, refusing(FailureKind::Denied, &all, false));
    assert!(calls.len() <= 40, "{} calls", calls.len());
    let refused: usize = outcomes.iter().map(|outcome| outcome.action.items().len()).sum();
    assert_eq!((refused, done(&outcomes).len()), (1000, 0), "each is accounted for once");
}

#[test]
fn half_of_a_batch_that_is_denied_does_not_save_the_other() {
    let all = ids(1000);
    let bad: Vec<String> = all.iter().step_by(2).cloned().collect();
    let (_, outcomes) = played(&all, refusing(FailureKind::Denied, &bad, false));
    assert_eq!(done(&outcomes), spared(&all, &bad));
}

#[test]
fn what_does_not_run_yet_is_left_to_the_next_pass() {
    let all = ids(1000);
    let (calls, _) = played(&all, refusing(FailureKind::WrongState, &all, true));
    assert!(calls.len() <= 40, "{} calls", calls.len());
}

#[test]
fn a_single_one_cannot_be_split() {
    let (calls, outcomes) = played(&ids(1), refusing(FailureKind::NotFound, &ids(1), true));
    assert_eq!((calls.len(), outcomes.len()), (1, 1));
}
