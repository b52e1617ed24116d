//! Changing the organization.

use async_trait::async_trait;
use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::identity::{Lockout, RoleLock};
use runawaytrain_core::ids::{AccountId, InstanceId, Region};
use runawaytrain_core::plan::{Action, Belonging, Protection};
use runawaytrain_core::planner::LOCKOUT_POLICY;
use runawaytrain_engine::ports::{Actuator, Performed};

use super::{Call, Inner, World};
use crate::account::{SimAccount, SimRegion, SimUser};
use crate::faults::failure;
use crate::instance::{Life, SimInstance};

type Answer = Result<Performed, Failure>;

#[async_trait]
impl Actuator for World {
    async fn perform(&self, account: &AccountId, action: &Action) -> Answer {
        let (operation, region) = operation(action);
        // What needs no asking is refused without a call.
        if names_nothing(action) || (matches!(action, Action::Freeze | Action::Thaw) && self.lock().no_quarantine) {
            return Err(failure(operation, FailureKind::Invalid));
        }
        self.lock().calls.push(Call { account: account.clone(), action: action.clone(), after: self.clock.elapsed() });
        match action {
            // The payer's own calls: they need no role in the account.
            Action::Freeze | Action::Thaw => self.pass(operation, Some(account), None).await?,
            _ => self.enter(operation, account, region).await?,
        }
        let mut inner = self.lock();
        let Inner { accounts, quotas, .. } = &mut *inner;
        let known = accounts.get_mut(account).ok_or_else(|| failure(operation, FailureKind::NotFound))?;
        known.settle();
        // Whether a call that is refused for one of its instances takes tokens for all of them is not documented: here
        // it takes none.
        if let (Some(quotas), Some(region)) = (quotas, region)
            && offender(known, region, action).is_none()
            && !quotas.admit_instances(account, region, operation, action.instances().len())
        {
            return Err(failure(operation, FailureKind::Throttled));
        }
        change(known, action, operation)
    }
}

fn operation(action: &Action) -> (&'static str, Option<&Region>) {
    match action {
        Action::Freeze => ("organizations:AttachPolicy", None),
        Action::Thaw => ("organizations:DetachPolicy", None),
        Action::SuspendGroup { region, .. } => ("autoscaling:SuspendProcesses", Some(region)),
        Action::ResumeGroup { region, .. } => ("autoscaling:ResumeProcesses", Some(region)),
        Action::ZeroFleet { region, .. } | Action::RestoreFleet { region, .. } => ("ec2:ModifyFleet", Some(region)),
        Action::CancelSpotRequests { region, .. } => ("ec2:CancelSpotInstanceRequests", Some(region)),
        Action::Unprotect { region, .. } | Action::Protect { region, .. } => {
            ("ec2:ModifyInstanceAttribute", Some(region))
        }
        Action::StopInstances { region, .. } => ("ec2:StopInstances", Some(region)),
        Action::TerminateInstances { region, .. } => ("ec2:TerminateInstances", Some(region)),
        Action::StartInstances { region, .. } => ("ec2:StartInstances", Some(region)),
        Action::DenyUser { .. } => ("iam:PutUserPolicy", None),
        Action::LiftDeny { .. } => ("iam:PutUserPolicy", None),
        Action::DeactivateKey { .. } | Action::ActivateKey { .. } => ("iam:UpdateAccessKey", None),
        Action::DeactivateCredential { .. } | Action::ActivateCredential { .. } => {
            ("iam:UpdateServiceSpecificCredential", None)
        }
        Action::DeleteKey { .. } => ("iam:DeleteAccessKey", None),
        Action::DeleteLogin { .. } => ("iam:DeleteLoginProfile", None),
        Action::RemoveBelonging { .. } => ("iam:Remove", None),
        Action::DeleteUser { .. } => ("iam:DeleteUser", None),
        Action::RevokeSessions { .. } | Action::DenyRole { .. } => ("iam:PutRolePolicy", None),
        Action::LiftRole { .. } => ("iam:PutRolePolicy", None),
    }
}

/// To EC2 an empty list means everything.
fn names_nothing(action: &Action) -> bool {
    match action {
        Action::StopInstances { instances, .. }
        | Action::TerminateInstances { instances, .. }
        | Action::StartInstances { instances, .. } => instances.is_empty(),
        Action::CancelSpotRequests { requests, .. } => requests.is_empty(),
        _ => false,
    }
}

fn change(known: &mut SimAccount, action: &Action, operation: &str) -> Answer {
    match action {
        Action::Freeze => Ok(was(!known.quarantine.write(true))),
        Action::Thaw => Ok(was(known.quarantine.write(false))),
        Action::RevokeSessions { role, .. } | Action::DenyRole { role } | Action::LiftRole { role, .. } => {
            let lock = match action {
                Action::RevokeSessions { before, .. } | Action::LiftRole { before, .. } => {
                    RoleLock::RevokedBefore(*before)
                }
                _ => RoleLock::Denied,
            };
            match known.roles.get_mut(role) {
                None if matches!(action, Action::LiftRole { .. }) => Ok(Performed::AlreadySo),
                None => Err(failure(operation, FailureKind::NotFound)),
                Some(role) if role.path.starts_with("/aws-") => Err(failure(operation, FailureKind::Unsupported)),
                Some(role) => {
                    role.lock.write(lock);
                    Ok(Performed::Done)
                }
            }
        }
        _ => match (action.user(), place(action)) {
            (Some(_), _) => change_user(known, action, operation),
            (None, Some(region)) => {
                let Some(of) = known.regions.get_mut(region) else {
                    return Err(failure(operation, FailureKind::NotFound));
                };
                change_region(of, action, operation)
            }
            (None, None) => panic!("{action} is about nothing"),
        },
    }
}

fn place(action: &Action) -> Option<&Region> {
    operation(action).1
}

fn was(news: bool) -> Performed {
    if news { Performed::Done } else { Performed::AlreadySo }
}

fn change_region(of: &mut SimRegion, action: &Action, operation: &str) -> Answer {
    let missing = || failure(operation, FailureKind::NotFound);
    // Auto Scaling has no code of its own for it but `ValidationError`.
    let no_group = || failure(operation, FailureKind::Invalid);
    match action {
        Action::SuspendGroup { group, .. } => of.groups.get_mut(group).ok_or_else(no_group)?.suspended = true,
        Action::ResumeGroup { group, .. } => of.groups.get_mut(group).ok_or_else(no_group)?.suspended = false,
        Action::ZeroFleet { fleet, .. } => match of.fleets.get_mut(fleet) {
            Some(fleet) => fleet.target = 0,
            None => return Ok(Performed::AlreadySo),
        },
        Action::RestoreFleet { fleet, target, .. } => of.fleets.get_mut(fleet).ok_or_else(missing)?.target = *target,
        Action::CancelSpotRequests { requests, .. } => of.spot_requests.retain(|id, _| !requests.contains(id)),
        Action::Unprotect { instance, against, .. } => protect(of, instance, *against, false).ok_or_else(missing)?,
        Action::Protect { instance, against, .. } => protect(of, instance, *against, true).ok_or_else(missing)?,
        Action::StopInstances { instances, .. } => batch(of, action, instances, operation, Life::Stopped)?,
        Action::StartInstances { instances, .. } => batch(of, action, instances, operation, Life::Running)?,
        Action::TerminateInstances { instances, .. } => {
            batch(of, action, instances, operation, Life::Terminated)?;
            // A persistent request asks again for what was terminated.
            let ended: Vec<_> = of
                .instances
                .iter()
                .filter(|instance| instances.contains(&instance.id))
                .filter_map(|instance| instance.spot_request.clone())
                .collect();
            of.spot_requests
                .iter_mut()
                .filter(|(id, request)| request.persistent && ended.contains(id))
                .for_each(|(_, request)| request.open = true);
        }
        other => panic!("{other} is not about a region"),
    }
    Ok(Performed::Done)
}

fn protect(of: &mut SimRegion, id: &InstanceId, against: Protection, on: bool) -> Option<()> {
    let instance = of.instances.iter_mut().find(|instance| instance.id == *id)?;
    match against {
        Protection::Stop => instance.stop_protected = on,
        Protection::Termination => instance.termination_protected = on,
    }
    Some(())
}

/// All or nothing, as EC2 does it; it names no more than the first offender.
fn batch(of: &mut SimRegion, action: &Action, ids: &[InstanceId], operation: &str, life: Life) -> Result<(), Failure> {
    assert!(ids.len() <= 1000, "a batch of {} is throttled for ever", ids.len());
    if let Some((id, kind)) = first_offender(of, action) {
        return Err(Failure { named: vec![id], ..failure(operation, kind) });
    }
    of.instances.iter_mut().filter(|instance| ids.contains(&instance.id)).for_each(|instance| instance.life = life);
    Ok(())
}

fn offender(known: &SimAccount, region: &Region, action: &Action) -> Option<(InstanceId, FailureKind)> {
    first_offender(known.regions.get(region)?, action)
}

fn first_offender(of: &SimRegion, action: &Action) -> Option<(InstanceId, FailureKind)> {
    let refuses: fn(&SimInstance) -> Option<FailureKind> = match action {
        Action::StopInstances { .. } => SimInstance::refuses_stop,
        Action::TerminateInstances { .. } => SimInstance::refuses_termination,
        Action::StartInstances { .. } => {
            |instance| (instance.life == Life::Terminated).then_some(FailureKind::WrongState)
        }
        _ => return None,
    };
    action.instances().iter().find_map(|id| match of.instances.iter().find(|instance| instance.id == *id) {
        None => Some((id.clone(), FailureKind::NotFound)),
        Some(instance) => Some((id.clone(), refuses(instance)?)),
    })
}

fn change_user(known: &mut SimAccount, action: &Action, operation: &str) -> Answer {
    let name = action.user().expect("a user's action");
    let Some(user) = known.users.get_mut(name) else {
        let put =
            matches!(action, Action::DenyUser { .. } | Action::ActivateKey { .. } | Action::ActivateCredential { .. });
        return if put { Err(failure(operation, FailureKind::NotFound)) } else { Ok(Performed::AlreadySo) };
    };
    match action {
        Action::DenyUser { .. } => drop(user.lockout.write(Lockout::InForce)),
        Action::LiftDeny { before, .. } => drop(user.lockout.write(Lockout::SessionsBefore(*before))),
        Action::DeactivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => {
                known.active = false;
                user.fade();
            }
            None => return Ok(Performed::AlreadySo),
        },
        Action::ActivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => known.active = true,
            None => return Err(failure(operation, FailureKind::NotFound)),
        },
        Action::DeactivateCredential { credential, .. } | Action::ActivateCredential { credential, .. } => {
            let active = matches!(action, Action::ActivateCredential { .. });
            match user.others.iter_mut().find(|known| known.credential == *credential) {
                Some(known) => known.active = active,
                None if active => return Err(failure(operation, FailureKind::NotFound)),
                None => return Ok(Performed::AlreadySo),
            }
        }
        Action::DeleteKey { key, .. } => {
            user.fade();
            return Ok(was(remove(&mut user.keys, |known| known.id == *key)));
        }
        Action::DeleteLogin { .. } => {
            user.fade();
            return Ok(was(std::mem::take(&mut user.console)));
        }
        Action::RemoveBelonging { belonging, .. } => return Ok(was(remove_belonging(user, belonging))),
        Action::DeleteUser { .. } => {
            let hindered = *user.lockout.written() != Lockout::Absent
                || !user.keys.is_empty()
                || user.console
                || !user.others.is_empty()
                || !user.belongings.is_empty();
            if hindered {
                return Err(failure(operation, FailureKind::Conflict));
            }
            known.users.remove(name);
        }
        other => panic!("{other} is not about a user"),
    }
    Ok(Performed::Done)
}

fn remove_belonging(user: &mut SimUser, belonging: &Belonging) -> bool {
    match belonging {
        Belonging::InlinePolicy(policy) if policy == LOCKOUT_POLICY => {
            user.lockout.write(Lockout::Absent) != Lockout::Absent
        }
        Belonging::Certificate(_) | Belonging::SshKey(_) | Belonging::ServiceCredential(_) => {
            remove(&mut user.others, |known| known.credential == *belonging)
        }
        _ => user.belongings.remove(belonging),
    }
}

fn remove<T>(list: &mut Vec<T>, which: impl Fn(&T) -> bool) -> bool {
    let before = list.len();
    list.retain(|item| !which(item));
    list.len() < before
}
