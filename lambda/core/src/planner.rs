//! From an observation to a plan: everything that must be stopped or locked, and a reason for everything else.

use std::collections::BTreeMap;

use crate::identity::{Lockout, User, Users};
use crate::ids::Region;
use crate::observation::{Instance, Observation};
use crate::plan::{Action, Belonging, Lane, Left, LeftReason, MOST_INSTANCES_A_CALL, Plan};
use crate::policy::{AccountPolicy, InstanceResponse, UserResponse};

/// The name of the inline policy that locks a user out.
pub const LOCKOUT_POLICY: &str = "RunawayTrainLockout";

/// Plans the halt of what has been seen. Plans add up: the plan of two regions is the plans of each, so regions can be acted on as they come in.
/// After everything in it succeeded, the plan of the next observation is empty.
pub fn plan(policy: &AccountPolicy, observation: &Observation) -> Plan {
    let mut draft = Draft::default();
    for (region, seen) in &observation.regions {
        match seen {
            Ok(instances) => draft.region(policy, region, instances),
            Err(failure) => draft.leave(format!("region {region}"), LeftReason::Unseen { failure: failure.clone() }),
        }
    }
    match &observation.users {
        Users::NotLooked => {}
        Users::Looked(Ok(users)) => users.iter().for_each(|user| draft.user(policy, user)),
        Users::Looked(Err(failure)) => draft.leave("users".to_owned(), LeftReason::Unseen { failure: failure.clone() }),
    }
    Plan::new(draft.lanes, draft.left)
}

#[derive(Default)]
struct Draft {
    lanes: BTreeMap<Lane, Vec<Action>>,
    left: Vec<Left>,
}

impl Draft {
    fn leave(&mut self, item: String, reason: LeftReason) {
        self.left.push(Left { item, reason });
    }

    fn region(&mut self, policy: &AccountPolicy, region: &Region, instances: &[Instance]) {
        let mut ids = Vec::with_capacity(instances.len());
        for instance in instances {
            if policy.exempts_instance(&instance.id) {
                self.leave(format!("instance {} in {region}", instance.id), LeftReason::Exempt);
            } else if let Some(service) = &instance.managed_by {
                self.leave(format!("instance {} in {region}", instance.id), LeftReason::ManagedBy { service: service.clone() });
            } else {
                ids.push(instance.id.clone());
            }
        }
        // Sorted and without repeats: the same instances make the same plan, whatever order EC2 listed them in.
        ids.sort_unstable();
        ids.dedup();
        let actions = match policy.contain.instances {
            InstanceResponse::Stop => {
                ids.chunks(MOST_INSTANCES_A_CALL).map(|chunk| Action::StopInstances { region: region.clone(), instances: chunk.to_vec() }).collect()
            }
        };
        self.lanes.insert(Lane::Region(region.clone()), actions);
    }

    fn user(&mut self, policy: &AccountPolicy, user: &User) {
        if policy.exempts_user(&user.name) {
            return self.leave(format!("user {}", user.name), LeftReason::Exempt);
        }
        let mut actions = Vec::new();
        match policy.contain.users {
            UserResponse::Leave => return self.leave(format!("user {}", user.name), LeftReason::UsersLeft),
            UserResponse::Deactivate => {
                deny(user, &mut actions);
                self.keys(user, &mut actions, KeyFate::Deactivated);
                login(user, &mut actions);
            }
            UserResponse::DeleteCredentials => {
                deny(user, &mut actions);
                self.keys(user, &mut actions, KeyFate::Deleted);
                login(user, &mut actions);
            }
            UserResponse::DeleteUsers => {
                deny(user, &mut actions);
                self.keys(user, &mut actions, KeyFate::Deleted);
                login(user, &mut actions);
                self.belongings(user, &mut actions);
                actions.push(Action::DeleteUser { user: user.name.clone() });
            }
        }
        self.lanes.insert(Lane::User(user.name.clone()), actions);
    }

    fn keys(&mut self, user: &User, actions: &mut Vec<Action>, fate: KeyFate) {
        match &user.keys {
            Ok(keys) => actions.extend(keys.iter().filter_map(|key| {
                let (user, key_id) = (user.name.clone(), key.id.clone());
                match fate {
                    KeyFate::Deactivated => key.active.then_some(Action::DeactivateKey { user, key: key_id }),
                    KeyFate::Deleted => Some(Action::DeleteKey { user, key: key_id }),
                }
            })),
            Err(failure) => self.leave(format!("access keys of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
        }
    }

    fn belongings(&mut self, user: &User, actions: &mut Vec<Action>) {
        let Some(seen) = &user.belongings else { return };
        let belongings = match seen {
            Ok(belongings) => belongings,
            Err(failure) => return self.leave(format!("belongings of user {}", user.name), LeftReason::Unseen { failure: failure.clone() }),
        };
        let mut remove = |belonging| actions.push(Action::RemoveBelonging { user: user.name.clone(), belonging });
        belongings.certificates.iter().cloned().map(Belonging::Certificate).for_each(&mut remove);
        belongings.ssh_keys.iter().cloned().map(Belonging::SshKey).for_each(&mut remove);
        belongings.service_credentials.iter().cloned().map(Belonging::ServiceCredential).for_each(&mut remove);
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
}

#[derive(Clone, Copy)]
enum KeyFate {
    Deactivated,
    Deleted,
}

/// The deny comes first: keys take seconds to die everywhere, sessions outlive them, and the deny ends both.
fn deny(user: &User, actions: &mut Vec<Action>) {
    if user.lockout != Ok(Lockout::InForce) {
        actions.push(Action::DenyUser { user: user.name.clone() });
    }
}

/// Where the password could not be looked at, deleting it is tried all the same: a missing one is no error.
fn login(user: &User, actions: &mut Vec<Action>) {
    if user.console != Ok(false) {
        actions.push(Action::DeleteLogin { user: user.name.clone() });
    }
}
