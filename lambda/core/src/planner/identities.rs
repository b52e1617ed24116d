//! Users and roles: the deny first, for keys take seconds to die everywhere and sessions outlive them.

use crate::identity::{Lockout, Role, RoleLock, User};
use crate::plan::{Action, Belonging, Lane, LeftReason};
use crate::policy::{RoleResponse, UserResponse};
use crate::protected::{NeverTouched, never_touched};

use super::{Draft, LOCKOUT_POLICY};

/// What becomes of a credential.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Deactivated,
    Deleted,
}

impl Draft<'_> {
    pub(super) fn user(&mut self, user: &User) {
        let item = format!("user {}", user.name);
        if self.policy.exempts_user(&user.name) {
            return self.leave(&item, LeftReason::Exempt);
        }
        let mut actions = Vec::new();
        match self.policy.contain.users {
            UserResponse::Leave => return self.leave(&item, LeftReason::UsersLeft),
            UserResponse::Deactivate => self.credentials(user, Fate::Deactivated, &mut actions),
            UserResponse::DeleteCredentials => self.credentials(user, Fate::Deleted, &mut actions),
            UserResponse::DeleteUsers => {
                self.credentials(user, Fate::Deleted, &mut actions);
                self.belongings(user, &mut actions);
                actions.push(Action::DeleteUser { user: user.name.clone() });
            }
        }
        self.add(Lane::User(user.name.clone()), actions);
    }

    fn credentials(&mut self, user: &User, fate: Fate, actions: &mut Vec<Action>) {
        if user.lockout != Ok(Lockout::InForce) {
            actions.push(Action::DenyUser { user: user.name.clone() });
        }
        match &user.keys {
            Ok(keys) => actions.extend(keys.iter().filter_map(|key| {
                let (user, key_id) = (user.name.clone(), key.id.clone());
                match fate {
                    Fate::Deactivated => key.active.then_some(Action::DeactivateKey { user, key: key_id }),
                    Fate::Deleted => Some(Action::DeleteKey { user, key: key_id }),
                }
            })),
            Err(failure) => self.leave(&format!("access keys of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
        }
        // Where the password could not be looked at, deleting it is tried all the same: a missing one is no error.
        if user.console != Ok(false) {
            actions.push(Action::DeleteLogin { user: user.name.clone() });
        }
        match &user.others {
            Ok(others) => actions.extend(others.iter().filter_map(|other| {
                let (user, credential) = (user.name.clone(), other.credential.clone());
                match fate {
                    Fate::Deactivated => other.active.then_some(Action::DeactivateCredential { user, credential }),
                    Fate::Deleted => Some(Action::RemoveBelonging { user, belonging: credential }),
                }
            })),
            Err(failure) => self.leave(&format!("other credentials of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
        }
    }

    fn belongings(&mut self, user: &User, actions: &mut Vec<Action>) {
        let Some(seen) = &user.belongings else { return };
        let belongings = match seen {
            Ok(belongings) => belongings,
            Err(failure) => return self.leave(&format!("belongings of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
        };
        let mut remove = |belonging| actions.push(Action::RemoveBelonging { user: user.name.clone(), belonging });
        for serial in &belongings.mfa_devices {
            remove(Belonging::MfaDevice(serial.clone()));
            // Only a virtual device (arn:…:mfa/…) is the account's to delete; a security key or token belongs to a person.
            if serial.contains(":mfa/") {
                remove(Belonging::VirtualMfaDevice(serial.clone()));
            }
        }
        belongings.groups.iter().cloned().map(Belonging::Group).for_each(&mut remove);
        belongings.attached_policies.iter().cloned().map(Belonging::AttachedPolicy).for_each(&mut remove);
        // Our deny goes last, so that the user stays locked out until it is gone.
        let foreign = belongings.inline_policies.iter().filter(|name| *name != LOCKOUT_POLICY);
        foreign.cloned().map(Belonging::InlinePolicy).for_each(&mut remove);
        remove(Belonging::InlinePolicy(LOCKOUT_POLICY.to_owned()));
    }

    pub(super) fn role(&mut self, role: &Role) {
        let item = format!("role {}", role.name);
        if let Some(NeverTouched { whose, forgeable }) = never_touched(role) {
            return self.leave(&item, LeftReason::NeverTouched { whose: whose.to_owned(), forgeable });
        }
        if self.policy.exempts_role(&role.name) {
            return self.leave(&item, LeftReason::Exempt);
        }
        let action = match self.policy.contain.roles {
            RoleResponse::Leave => return self.leave(&item, LeftReason::RolesLeft),
            // A session issued after the halt began is the business of whoever may still assume the role, not of the thief's old one.
            RoleResponse::RevokeSessions => match role.lock {
                Ok(RoleLock::RevokedBefore(time)) if time >= self.circumstances.tripped => return,
                Ok(RoleLock::Denied) => return,
                _ => Action::RevokeSessions { role: role.name.clone(), before: self.circumstances.revoke_before() },
            },
            RoleResponse::Deny if role.lock == Ok(RoleLock::Denied) => return,
            RoleResponse::Deny => Action::DenyRole { role: role.name.clone() },
        };
        self.add(Lane::Role(role.name.clone()), vec![action]);
    }
}
