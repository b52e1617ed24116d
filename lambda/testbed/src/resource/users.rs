//! IAM users: their credentials, what hangs on them, and what still opens something.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::users::{
    AccessKey, Action, LOCKOUT_POLICY, Lockout, OtherCredential, User, UserAttachment, UserAttachments,
};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{KeyId, UserName};
use runawaytrain_engine::ports::Performed;
use tokio::time::Instant;

use crate::resource::answer::{Answer, done_if, refused};
use crate::resource::view::View;
use crate::time::{CONSISTENCY, Lagged, ago, session_limit};
use crate::tokens::Tokens;

/// Users a page.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
pub const USERS_A_PAGE: usize = 1000;

/// The users of an account.
pub type SimUsers = BTreeMap<UserName, SimUser>;

/// An IAM user.
#[derive(Debug, Clone)]
pub struct SimUser {
    /// Our deny on it, which bites some seconds after it was written.
    pub lockout: Lagged<Lockout>,
    /// Its keys, which die some seconds after they were switched off.
    pub keys: Vec<AccessKey>,
    /// Whether it has a console password.
    pub console: bool,
    /// Certificates, SSH keys, service-specific credentials.
    pub others: Vec<OtherCredential>,
    /// What else IAM wants removed before it goes, the lockout policy aside.
    pub attachments: BTreeSet<UserAttachment>,
    /// When it was made.
    pub created: Timestamp,
    /// When the session that somebody holds of it was issued (GetSessionToken), if one does: it outlives key and
    /// password, and only a deny on the user ends it.
    pub session: Option<Timestamp>,
    /// Until when a credential that was just switched off still opens things.
    pub fading: Option<Instant>,
}

impl SimUser {
    /// A user without anything.
    pub fn new(created: Timestamp) -> Self {
        Self {
            lockout: Lagged::new(Lockout::Absent),
            keys: Vec::new(),
            console: false,
            others: Vec::new(),
            attachments: BTreeSet::new(),
            created,
            session: None,
            fading: None,
        }
    }

    /// A user with so many active keys, `AKIA<NAME>0`, `AKIA<NAME>1`.
    pub(crate) fn with_keys(name: &str, keys: u32, keys_made: Option<Timestamp>, created: Timestamp) -> Self {
        let key = |number| AccessKey {
            id: KeyId::new(format!("AKIA{}{number}", name.to_uppercase())),
            active: true,
            created: keys_made,
        };
        Self { keys: (0..keys).map(key).collect(), ..Self::new(created) }
    }

    /// Whether any credential of it still opens anything at this moment.
    pub fn can_act(&self) -> bool {
        let session = match self.lockout.in_force() {
            Lockout::InForce => return false,
            Lockout::SessionsBefore(time) => self.session.is_some_and(|issued| issued >= *time),
            Lockout::Absent | Lockout::Altered => self.session.is_some(),
        };
        session || self.holds_credential() || self.fading.is_some_and(|until| Instant::now() < until)
    }

    /// Whether it has a long-lived credential that is switched on.
    pub fn holds_credential(&self) -> bool {
        self.console || self.keys.iter().any(|key| key.active) || self.others.iter().any(|other| other.active)
    }

    /// A credential was switched off or deleted: it fades.
    fn fade(&mut self) {
        self.fading = Some(Instant::now() + CONSISTENCY);
    }

    fn is_bare(&self) -> bool {
        *self.lockout.written() == Lockout::Absent
            && self.keys.is_empty()
            && !self.console
            && self.others.is_empty()
            && self.attachments.is_empty()
    }

    fn seen_attachments(&self) -> UserAttachments {
        let mut all = UserAttachments::default();
        if *self.lockout.written() != Lockout::Absent {
            all.inline_policies.push(LOCKOUT_POLICY.to_owned());
        }
        for attachment in &self.attachments {
            let list = match attachment {
                UserAttachment::MfaDevice(_) => &mut all.mfa_devices,
                UserAttachment::Group(_) => &mut all.groups,
                UserAttachment::AttachedPolicy(_) => &mut all.attached_policies,
                UserAttachment::InlinePolicy(_) => &mut all.inline_policies,
                // A deactivated virtual device belongs to nobody and hinders nothing.
                UserAttachment::VirtualMfaDevice(_) => continue,
            };
            list.push(attachment.id().to_owned());
        }
        all
    }
}

/// One that vanished since it was listed is left out.
pub(crate) async fn look(view: &impl View<SimUsers>, depth: Depth) -> Result<Vec<User>, Failure> {
    const KEYS: &str = "iam:ListAccessKeys";
    let names = |users: &SimUsers| users.keys().map(|name| (name.clone(), name.clone())).collect();
    let listed = view.list("iam:ListUsers", USERS_A_PAGE, names).await?;
    let keys = view.ask(KEYS).await;
    let seen = |users: &SimUsers| {
        let user = |name: UserName| {
            let user = users.get(&name)?;
            Some(User {
                name,
                created: Some(user.created),
                lockout: Ok(*user.lockout.written()),
                keys: keys.clone().map(|()| user.keys.clone()),
                console: Ok(user.console),
                others: Ok(user.others.clone()),
                attachments: match depth {
                    Depth::Usual => None,
                    Depth::Whole => Some(Ok(user.seen_attachments())),
                },
            })
        };
        listed.into_iter().filter_map(user).collect()
    };
    Ok(view.show(KEYS, seen).unwrap_or_default())
}

pub(crate) fn perform(users: &mut SimUsers, action: &Action, now: Timestamp) -> Answer {
    let not_found = || Err(refused(action, FailureKind::NotFound));
    let Some(user) = users.get_mut(action.user()) else {
        return match action {
            Action::DenyUser { .. } | Action::ActivateKey { .. } | Action::ActivateCredential { .. } => not_found(),
            Action::DeactivateKey { .. }
            | Action::DeactivateCredential { .. }
            | Action::DeleteKey { .. }
            | Action::DeleteLogin { .. }
            | Action::DeleteCredential { .. }
            | Action::RemoveAttachment { .. }
            | Action::DeleteUser { .. }
            | Action::LiftDeny { .. } => Ok(Performed::AlreadyDone),
        };
    };
    match action {
        Action::DenyUser { .. } => drop(user.lockout.write(Lockout::InForce)),
        Action::LiftDeny { .. } => drop(user.lockout.write(Lockout::SessionsBefore(session_limit(now)))),
        Action::DeactivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => {
                known.active = false;
                user.fade();
            }
            None => return Ok(Performed::AlreadyDone),
        },
        Action::ActivateKey { key, .. } => match user.keys.iter_mut().find(|known| known.id == *key) {
            Some(known) => known.active = true,
            None => return not_found(),
        },
        Action::DeactivateCredential { credential, .. } => {
            match user.others.iter_mut().find(|known| known.credential == *credential) {
                Some(known) => known.active = false,
                None => return Ok(Performed::AlreadyDone),
            }
        }
        Action::ActivateCredential { credential, .. } => {
            match user.others.iter_mut().find(|known| known.credential == *credential) {
                Some(known) => known.active = true,
                None => return not_found(),
            }
        }
        Action::DeleteKey { key, .. } => {
            user.fade();
            return done_if(remove(&mut user.keys, |known| known.id == *key));
        }
        Action::DeleteLogin { .. } => {
            user.fade();
            return done_if(std::mem::take(&mut user.console));
        }
        Action::DeleteCredential { credential, .. } => {
            return done_if(remove(&mut user.others, |known| known.credential == *credential));
        }
        Action::RemoveAttachment { attachment: UserAttachment::InlinePolicy(policy), .. }
            if policy == LOCKOUT_POLICY =>
        {
            return done_if(user.lockout.write(Lockout::Absent) != Lockout::Absent);
        }
        Action::RemoveAttachment { attachment, .. } => return done_if(user.attachments.remove(attachment)),
        Action::DeleteUser { user: name } => {
            if !user.is_bare() {
                return Err(refused(action, FailureKind::Contended));
            }
            users.remove(name);
        }
    }
    Ok(Performed::Done)
}

fn remove<T>(list: &mut Vec<T>, which: impl Fn(&T) -> bool) -> bool {
    let before = list.len();
    list.retain(|item| !which(item));
    list.len() < before
}

/// `user NAME [keys N] [console] [made D]`: the keys are `AKIA<NAME>0`, `AKIA<NAME>1`.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<impl FnOnce(&mut SimUsers, Timestamp) + Send + use<>, String> {
    let name = words.owned()?;
    let keys = words.after("keys").map_or(Ok(0), |_| words.number())?;
    let console = words.after("console").is_some();
    let age = words.age()?;
    Ok(move |users: &mut SimUsers, now| {
        let created = ago(now, age);
        let user = SimUser { console, ..SimUser::with_keys(&name, keys, Some(created), created) };
        users.insert(UserName::new(name), user);
    })
}
