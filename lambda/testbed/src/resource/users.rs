//! IAM users: their credentials, what hangs on them, and what still opens something.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::Depth;
use runawaytrain_core::resource::deny_all::DENY_ALL;
use runawaytrain_core::resource::roles::REVOKE_AHEAD;
use runawaytrain_core::resource::users::{
    AccessKey, Action, Credentials, LOCKOUT_POLICY, Lockout, OtherCredential, Settled, User, UserAttachment,
    UserAttachments,
};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{KeyId, UserName};
use runawaytrain_engine::patience::Round;
use runawaytrain_engine::ports::Performed;
use tokio::time::Instant;

use crate::resource::answer::{Answer, done_if, refused};
use crate::resource::deny_all::{A_BOUNDARY, DATED_DENY, Managed, WHOLE_DENY};
use crate::resource::details::{AT_A_TIME, DENIED, DETAILS, DETAILS_A_PAGE, PAGE_WAITS};
use crate::resource::view::View;
use crate::time::{CONSISTENCY, Lagged, ago, session_limit};
use crate::tokens::Tokens;

/// Users a page.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
pub const USERS_A_PAGE: usize = 1000;

/// Characters that all inline policies of a user may have.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const USER_INLINE: usize = 2_048;

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
    /// AWS's deny on it, and its boundary.
    pub managed: Managed,
    /// What else IAM wants removed before it goes, our denies aside.
    pub attachments: BTreeSet<UserAttachment>,
    /// How long its other inline policies are, by name; each that is not here has a hundred characters.
    pub lengths: BTreeMap<String, usize>,
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
            managed: Managed::default(),
            attachments: BTreeSet::new(),
            lengths: BTreeMap::new(),
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
        if self.managed.denies() {
            return false;
        }
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

    /// Characters of its inline policies, ours aside.
    pub(crate) fn inline_length(&self) -> usize {
        const USUAL: usize = 100;
        let length = |attachment: &UserAttachment| match attachment {
            UserAttachment::InlinePolicy(name) => self.lengths.get(name).copied().unwrap_or(USUAL),
            UserAttachment::MfaDevice(_)
            | UserAttachment::VirtualMfaDevice(_)
            | UserAttachment::Group(_)
            | UserAttachment::AttachedPolicy(_) => 0,
        };
        self.attachments.iter().map(length).sum()
    }

    /// How many managed policies are attached to it, AWS's deny aside.
    pub(crate) fn attached(&self) -> usize {
        self.attachments.iter().filter(|attachment| matches!(attachment, UserAttachment::AttachedPolicy(_))).count()
    }

    /// Writes another inline policy of so many characters into it.
    pub fn write_inline(&mut self, name: &str, length: usize) {
        self.attachments.insert(UserAttachment::InlinePolicy(name.to_owned()));
        self.lengths.insert(name.to_owned(), length);
    }

    /// Attaches so many more managed policies to it.
    pub fn attach_others(&mut self, number: usize) {
        let first = self.attached();
        let policy = |number| UserAttachment::AttachedPolicy(format!("arn:aws:iam::aws:policy/Other{number}"));
        self.attachments.extend((first..first + number).map(policy));
    }

    /// Writes our inline policy, if its others leave room for it.
    fn write_ours(&mut self, action: &Action, lockout: Lockout, length: usize) -> Answer {
        if self.inline_length() + length > USER_INLINE {
            return Err(refused(action, FailureKind::QuotaFull));
        }
        self.lockout.write(lockout);
        Ok(Performed::Done)
    }

    /// As a list of users with their policies shows it. IAM has left boundaries out of it.
    fn seen(&self, name: &UserName, denied: &Seen<()>) -> User {
        User {
            name: name.clone(),
            created: Some(self.created),
            lockout: Ok(*self.lockout.written()),
            deny_all: denied.clone().map(|()| self.managed.seen()),
            boundary: None,
            credentials: None,
            attachments: None,
        }
    }

    fn is_bare(&self) -> bool {
        *self.lockout.written() == Lockout::Absent
            && !*self.managed.deny_all.written()
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
        if *self.managed.deny_all.written() {
            all.attached_policies.push(DENY_ALL.to_owned());
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

/// What a look at one user calls for its credentials; service-specific ones are listed for all users at once.
const CREDENTIALS: [&str; 4] =
    ["iam:ListAccessKeys", "iam:GetLoginProfile", "iam:ListSigningCertificates", "iam:ListSSHPublicKeys"];
const OF_SERVICES: &str = "iam:ListServiceSpecificCredentials";

/// One that vanished since it was listed is left out.
pub(crate) async fn look(
    view: &impl View<SimUsers>,
    depth: Depth,
    settled: &[User],
    within: Duration,
    so_far: &(dyn Fn(Vec<User>) + Send + Sync),
) -> Result<Vec<User>, Failure> {
    let listed = async {
        // Whose boundary is AWS's deny.
        let bound = view.ask(DENIED).await;
        let seen = |users: &SimUsers| {
            let seen = |(name, user): (&UserName, &SimUser)| (name.clone(), user.seen(name, &bound));
            users.iter().map(seen).collect()
        };
        match view.pages(DETAILS, DETAILS_A_PAGE, seen, &PAGE_WAITS, |some: &[User]| so_far(some.to_vec())).await {
            Err(failure) if failure.kind == FailureKind::Denied => one_by_one(view, within).await,
            answer => answer,
        }
    };
    let (users, of_services) = futures::join!(listed, view.ask(OF_SERVICES));
    let (users, settled, round) = (users?, Settled::new(settled), Round::of(within));
    let whole = |user| whole(view, round, user, depth, &settled, &of_services);
    let users = stream::iter(users).map(whole).buffer_unordered(AT_A_TIME);
    Ok(users.filter_map(std::future::ready).collect().await)
}

/// A call a user: for whom the stack of the account is older than the list of all.
async fn one_by_one(view: &impl View<SimUsers>, within: Duration) -> Result<Vec<User>, Failure> {
    const LOCK: &str = "iam:GetUserPolicy";
    let denied = futures::join!(view.ask(DENIED), view.ask(DENIED));
    let denied = denied.0.and(denied.1);
    let names = |users: &SimUsers| users.keys().map(|name| (name.clone(), name.clone())).collect();
    let listed = view.list("iam:ListUsers", USERS_A_PAGE, names).await?;
    let round = Round::of(within);
    let one = async |name: UserName| {
        let lock = round.ask(LOCK, name.as_str(), || view.ask(LOCK)).await;
        let user = view.show(LOCK, |users| users.get(&name).map(|user| user.seen(&name, &denied))).flatten()?;
        Some(User { lockout: lock.and(user.lockout), ..user })
    };
    let users = stream::iter(listed).map(one).buffer_unordered(AT_A_TIME).filter_map(std::future::ready);
    Ok(users.collect().await)
}

/// The user with all that is read of it alone.
async fn whole(
    view: &impl View<SimUsers>,
    round: Round,
    user: User,
    depth: Depth,
    settled: &Settled<'_>,
    of_services: &Seen<()>,
) -> Option<User> {
    if depth == Depth::Locks && user.is_denied() {
        return Some(user);
    }
    if depth == Depth::Usual
        && let Some(credentials) = settled.credentials(&user)
    {
        return Some(User { credentials: Some(credentials), ..user });
    }
    let ask = |call| round.ask(call, user.name.as_str(), move || view.ask(call));
    let [keys, console, certificates, ssh_keys] = join_all(CREDENTIALS.map(ask)).await.try_into().ok()?;
    let is_open = user.lockout != Ok(Lockout::InForce);
    let (devices, boundary) = match depth {
        Depth::Locks | Depth::Usual => (None, None),
        Depth::Whole if is_open => (Some(ask("iam:ListMFADevices").await), Some(ask("iam:GetUser").await)),
        Depth::Whole => (Some(ask("iam:ListMFADevices").await), None),
    };
    let read = |users: &SimUsers| {
        let known = users.get(&user.name)?;
        let others = certificates.and(ssh_keys).and(of_services.clone());
        let credentials = Credentials {
            keys: keys.map(|()| known.keys.clone()),
            console: console.map(|()| known.console),
            others: others.map(|()| known.others.clone()),
        };
        Some(User {
            boundary: boundary.map(|asked| asked.map(|()| known.managed.boundary.written().clone())),
            credentials: Some(credentials),
            attachments: devices.map(|asked| asked.map(|()| known.seen_attachments())),
            ..user
        })
    };
    view.show(CREDENTIALS[0], read).flatten()
}

pub(crate) fn perform(users: &mut SimUsers, action: &Action, now: Timestamp) -> Answer {
    let not_found = || Err(refused(action, FailureKind::NotFound));
    let Some(user) = users.get_mut(action.user()) else {
        return match action {
            Action::DenyUser { .. }
            | Action::AttachDenyToUser { .. }
            | Action::BoundUser { .. }
            | Action::RestoreUserBoundary { boundary: Some(_), .. }
            | Action::ActivateKey { .. }
            | Action::ActivateCredential { .. } => not_found(),
            Action::DetachDenyFromUser { .. }
            | Action::RestoreUserBoundary { boundary: None, .. }
            | Action::DeactivateKey { .. }
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
        Action::DenyUser { .. } => return user.write_ours(action, Lockout::InForce, WHOLE_DENY),
        Action::LiftDeny { .. } => {
            return user.write_ours(action, Lockout::SessionsBefore(session_limit(now, REVOKE_AHEAD)), DATED_DENY);
        }
        Action::AttachDenyToUser { .. } => {
            let others = user.attached();
            return user.managed.attach(action, others);
        }
        Action::DetachDenyFromUser { .. } => return user.managed.detach(),
        Action::BoundUser { .. } => return user.managed.bound(Some(DENY_ALL)),
        Action::RestoreUserBoundary { boundary, .. } => return user.managed.bound(boundary.as_deref()),
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
        Action::RemoveAttachment { attachment: UserAttachment::AttachedPolicy(policy), .. } if policy == DENY_ALL => {
            return user.managed.detach();
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

/// `users N [made D]`: so many, `user-0001` and so on, each with a key.
pub(crate) fn read_many(
    words: &mut Tokens<'_>,
) -> Result<impl FnOnce(&mut SimUsers, Timestamp) + Send + use<>, String> {
    let (number, age) = (words.number()?, words.age()?);
    Ok(move |users: &mut SimUsers, now| {
        let created = ago(now, age);
        users.extend((0..number).map(|number: u32| {
            let name = format!("user-{number:04}");
            let user = SimUser::with_keys(&name, 1, Some(created), created);
            (UserName::new(name), user)
        }));
    })
}

/// `user NAME [keys N] [console] [inline N] [attached N] [bounded] [made D]`: the keys are `AKIA<NAME>0`,
/// `AKIA<NAME>1`; `inline` are characters of an inline policy, `attached` managed policies, `bounded` says that it has
/// a boundary.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<impl FnOnce(&mut SimUsers, Timestamp) + Send + use<>, String> {
    let name = words.owned()?;
    let keys = words.after("keys").map_or(Ok(0), |_| words.number())?;
    let console = words.after("console").is_some();
    let inline = words.after("inline").map(|()| words.number()).transpose()?;
    let attached = words.after("attached").map_or(Ok(0), |()| words.number())?;
    let bounded = words.after("bounded").is_some();
    let age = words.age()?;
    Ok(move |users: &mut SimUsers, now| {
        let created = ago(now, age);
        let mut user = SimUser { console, ..SimUser::with_keys(&name, keys, Some(created), created) };
        if let Some(length) = inline {
            user.write_inline("own", length);
        }
        user.attach_others(attached);
        user.managed.boundary = Lagged::new(bounded.then(|| A_BOUNDARY.to_owned()));
        users.insert(UserName::new(name), user);
    })
}
