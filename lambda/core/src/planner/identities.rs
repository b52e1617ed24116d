//! Users and roles: the deny first, for keys take seconds to die everywhere and sessions outlive them.

use jiff::Timestamp;

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
            // First everything that hangs on it, under our deny; only once a look shows it bare, the deny and the user.
            // Were both done at once, a key made in between would keep the user, without the deny.
            UserResponse::DeleteUsers if is_bare(user) => {
                if user.lockout != Ok(Lockout::Absent) {
                    actions.push(Action::RemoveBelonging {
                        user: user.name.clone(),
                        belonging: Belonging::InlinePolicy(LOCKOUT_POLICY.to_owned()),
                    });
                }
                actions.push(Action::DeleteUser { user: user.name.clone() });
            }
            UserResponse::DeleteUsers => {
                self.credentials(user, Fate::Deleted, &mut actions);
                self.belongings(user, &mut actions);
                self.leave(&item, LeftReason::NotBareYet);
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
            Err(failure) => self
                .leave(&format!("access keys of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
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
            Err(failure) => self.leave(
                &format!("other credentials of user {}", user.name),
                LeftReason::Unseen { failure: failure.clone() },
            ),
        }
    }

    fn belongings(&mut self, user: &User, actions: &mut Vec<Action>) {
        let Some(seen) = &user.belongings else { return };
        let belongings = match seen {
            Ok(belongings) => belongings,
            Err(failure) => {
                return self.leave(
                    &format!("belongings of user {}", user.name),
                    LeftReason::Unseen { failure: failure.clone() },
                );
            }
        };
        let mut remove = |belonging| actions.push(Action::RemoveBelonging { user: user.name.clone(), belonging });
        for serial in &belongings.mfa_devices {
            remove(Belonging::MfaDevice(serial.clone()));
            // Only a virtual device (arn:…:mfa/…) is the account's to delete; a security key or token belongs to a
            // person.
            if serial.contains(":mfa/") {
                remove(Belonging::VirtualMfaDevice(serial.clone()));
            }
        }
        belongings.groups.iter().cloned().map(Belonging::Group).for_each(&mut remove);
        belongings.attached_policies.iter().cloned().map(Belonging::AttachedPolicy).for_each(&mut remove);
        let foreign = belongings.inline_policies.iter().filter(|name| *name != LOCKOUT_POLICY);
        foreign.cloned().map(Belonging::InlinePolicy).for_each(&mut remove);
    }

    pub(super) fn role(&mut self, role: &Role) {
        let item = format!("role {}", role.name);
        if let Some(NeverTouched { whose, forgeable }) = never_touched(role) {
            return self.leave(&item, LeftReason::NeverTouched { whose: whose.to_owned(), forgeable });
        }
        if self.policy.exempts_role(&role.name) {
            return self.leave(&item, LeftReason::Exempt);
        }
        // Whoever may take a session from outside takes a new one whenever the old one is revoked. Such a role is
        // denied whole, and so is one that was made shortly before the halt, or since: a release would leave it locked
        // anyway.
        let suspect_from = self.circumstances.tripped.checked_sub(self.policy.suspicion).unwrap_or(Timestamp::MIN);
        let young = role.created.is_some_and(|created| created > suspect_from);
        let outlives_revocation = young || self.policy.strangers(role).next().is_some();
        let action = match self.policy.contain.roles {
            RoleResponse::Leave => return self.leave(&item, LeftReason::RolesLeft),
            RoleResponse::Deny | RoleResponse::RevokeSessions if role.lock == Ok(RoleLock::Denied) => return,
            RoleResponse::RevokeSessions if !outlives_revocation => match role.lock {
                Ok(RoleLock::RevokedBefore(time)) if time >= self.circumstances.locked_out => return,
                _ => Action::RevokeSessions { role: role.name.clone(), before: self.circumstances.revoke_before() },
            },
            RoleResponse::Deny | RoleResponse::RevokeSessions => Action::DenyRole { role: role.name.clone() },
        };
        self.add(Lane::Role(role.name.clone()), vec![action]);
    }
}

/// Whether nothing but our deny hangs on a user, as far as was seen: what could not be seen may be there.
fn is_bare(user: &User) -> bool {
    let no_credentials = user.keys.as_ref().is_ok_and(Vec::is_empty)
        && user.console == Ok(false)
        && user.others.as_ref().is_ok_and(Vec::is_empty);
    let no_belongings = user.belongings.as_ref().is_some_and(|seen| {
        seen.as_ref().is_ok_and(|of| {
            let others = [&of.attached_policies, &of.groups, &of.mfa_devices];
            others.iter().all(|list| list.is_empty()) && of.inline_policies.iter().all(|name| name == LOCKOUT_POLICY)
        })
    });
    no_credentials && no_belongings
}
