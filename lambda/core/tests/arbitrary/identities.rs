//! Random users and roles.

use jiff::Timestamp;
use proptest::prelude::*;
use runawaytrain_core::observation::Seen;
use runawaytrain_core::policy::trust::Principal;
use runawaytrain_core::policy::{Trusted, TrustedSettings};
use runawaytrain_core::resource::roles::{Role, RoleLock};
use runawaytrain_core::resource::root::RootCredentials;
use runawaytrain_core::resource::users::{
    AccessKey, Credential, Credentials, Lockout, OtherCredential, User, UserAttachments,
};
use runawaytrain_core::vocabulary::ids::{AccountId, KeyId, RoleName, UserName};

use super::{account, boundary, deny_all, moment, seen};

/// Older than the suspicion, younger, or of an age that nobody says.
fn created() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((-1_000_000i64..100).prop_map(moment))
}

fn user(number: u32) -> impl Strategy<Value = User> {
    let lockout = prop_oneof![
        Just(Lockout::Absent),
        Just(Lockout::InForce),
        Just(Lockout::Altered),
        (-100i64..100).prop_map(|seconds| Lockout::SessionsBefore(moment(seconds)))
    ];
    let keys = prop::collection::vec((any::<bool>(), created()), 0..3).prop_map(move |keys| {
        let key =
            |(index, (active, created))| AccessKey { id: KeyId::new(format!("AKIA{number}{index}")), active, created };
        keys.into_iter().enumerate().map(key).collect::<Vec<_>>()
    });
    let others = prop::collection::vec((any::<bool>(), created()), 0..2).prop_map(move |others| {
        let other = |(index, (active, created))| OtherCredential {
            credential: Credential::SshKey(format!("APKA{number}{index}")),
            active,
            created,
        };
        others.into_iter().enumerate().map(other).collect::<Vec<_>>()
    });
    let attachments = prop::collection::vec("[a-z]{1,5}", 0..3).prop_map(|names| UserAttachments {
        groups: names.clone(),
        inline_policies: names,
        ..UserAttachments::default()
    });
    let made = created();
    let deny = (seen(lockout), seen(deny_all()), prop::option::of(seen(boundary())));
    let credentials = (seen(keys), seen(any::<bool>()), seen(others));
    let credentials = credentials.prop_map(|(keys, console, others)| Credentials { keys, console, others });
    (made, deny, prop::option::weighted(0.8, credentials), prop::option::of(seen(attachments))).prop_map(
        move |(created, (lockout, deny_all, boundary), credentials, attachments)| User {
            name: UserName::new(format!("user-{number}")),
            created,
            lockout,
            deny_all,
            boundary,
            credentials,
            attachments,
        },
    )
}

pub(super) fn users() -> impl Strategy<Value = Vec<User>> {
    prop::collection::btree_set(0u32..20, 0..6)
        .prop_flat_map(|numbers| numbers.into_iter().map(user).collect::<Vec<_>>())
}

/// The organization that the account belongs to.
pub const ORGANIZATION: &str = "o-exampleorg";

/// The provider that the policy trusts.
pub const TRUSTED_PROVIDER: &str = "saml-provider/university";

pub fn payer() -> AccountId {
    AccountId::parse("100000000000").unwrap()
}

/// Names of roles, known ones among them.
pub const ROLES: [(&str, &str); 9] = [
    ("lab", "/"),
    ("deploy", "/"),
    ("notebook", "/service/"),
    ("RunawayTrainResponder", "/"),
    ("stacksets-exec-0123", "/"),
    ("cdk-hnb659fds-deploy-role-111111111111-us-east-1", "/"),
    ("OrganizationAccountAccessRole", "/"),
    ("AWSServiceRoleForAutoScaling", "/aws-service-role/autoscaling.amazonaws.com/"),
    ("AWSReservedSSO_Admin_1", "/aws-reserved/sso.amazonaws.com/"),
];

pub(super) fn root() -> impl Strategy<Value = Seen<RootCredentials>> {
    let says = || any::<Option<bool>>();
    seen((says(), says(), says()).prop_map(|(keys, password, mfa)| RootCredentials { keys, password, mfa }))
}

pub(super) fn roles() -> impl Strategy<Value = Vec<Role>> {
    let lock = prop_oneof![
        Just(RoleLock::Absent),
        Just(RoleLock::Altered),
        Just(RoleLock::Denied),
        (-100i64..100).prop_map(|seconds| RoleLock::RevokedBefore(moment(seconds)))
    ];
    let principal = prop_oneof![
        Just(Principal::Anybody),
        Just(Principal::Organizations(vec![ORGANIZATION.to_owned()])),
        Just(Principal::Organizations(vec!["o-anotherorg1".to_owned()])),
        Just(Principal::Account(account())),
        Just(Principal::Account(payer())),
        Just(Principal::Account(AccountId::parse("666666666666").unwrap())),
        Just(Principal::Service("ec2.amazonaws.com".to_owned())),
        Just(Principal::Provider(TRUSTED_PROVIDER.to_owned())),
        Just(Principal::Provider("rolesanywhere.amazonaws.com".to_owned())),
    ];
    let admits = prop::collection::btree_set(principal, 0..3);
    let deny = (seen(lock), seen(deny_all()), prop::option::of(seen(boundary())));
    let role =
        (0..ROLES.len(), created(), deny, admits).prop_map(|(index, created, (lock, deny_all, boundary), admits)| {
            let (name, path) = ROLES[index];
            let admits = admits.into_iter().collect();
            Role { name: RoleName::new(name), path: path.to_owned(), created, admits, lock, deny_all, boundary }
        });
    prop::collection::vec(role, 0..6).prop_map(|mut list| {
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list.dedup_by(|one, other| one.name == other.name);
        list
    })
}

/// Whom the policy trusts: the payer, the organization and one provider.
pub(super) fn trusted() -> Trusted {
    // An account that is on its own list is no less its own.
    let said = serde_json::json!({ "accounts": [ORGANIZATION, account()], "providers": [TRUSTED_PROVIDER] });
    let settings: TrustedSettings = serde_json::from_value(said).unwrap();
    Trusted::of(&account(), &payer(), &[&settings, &TrustedSettings::default()])
}
