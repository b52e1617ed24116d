//! So many of a thing that it takes more than a page to list them.

use std::collections::BTreeSet;

use aws_sdk_iam::types::EntityType;
use futures::{StreamExt, stream};
use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_testbed::contract::Stage;
use runawaytrain_testbed::{ACCOUNTS_A_PAGE, DETAILS_A_PAGE, GROUPS_A_PAGE, INSTANCES_A_PAGE};

use super::{SdkStage, new_member, new_role, run};

const AT_A_TIME: usize = 8;

impl SdkStage {
    pub(super) async fn more_accounts(&self) -> BTreeSet<String> {
        let client = self.organizations();
        let page = client.list_accounts().max_results(1).send().await.unwrap();
        assert!(page.next_token().is_some(), "accounts are not paged here");
        stream::iter(0..=ACCOUNTS_A_PAGE)
            .then(|_| new_member(&client, "member"))
            .map(|account| account.to_string())
            .collect()
            .await
    }

    pub(super) async fn more_instances(&self) -> BTreeSet<String> {
        let client = self.ec2(&Region::new(HOME_REGION));
        // Each with a launch of its own: some emulators count reservations where EC2 counts instances.
        let launch = |number: usize| {
            stream::iter(0..number).map(|_| run(&client)).buffer_unordered(AT_A_TIME).map(|id| id.to_string())
        };
        let mut made: BTreeSet<String> = launch(6).collect().await;
        let page = client.describe_instances().max_results(5).send().await.unwrap();
        assert!(page.next_token().is_some(), "instances are not paged here");
        made.extend(launch(INSTANCES_A_PAGE).collect::<BTreeSet<_>>().await);
        made
    }

    pub(super) async fn more_groups(&self) -> BTreeSet<String> {
        let client = aws_sdk_autoscaling::Client::new(&self.config(HOME_REGION));
        for name in names(GROUPS_A_PAGE) {
            self.group(&Region::new(HOME_REGION), &name).await;
        }
        let page =
            client.describe_auto_scaling_groups().max_records(GROUPS_A_PAGE.try_into().unwrap()).send().await.unwrap();
        assert!(page.next_token().is_some(), "groups are not paged here");
        names(GROUPS_A_PAGE).collect()
    }

    pub(super) async fn more_users(&self) -> BTreeSet<String> {
        let client = self.iam();
        let make = async |name: String| drop(client.create_user().user_name(name).send().await.unwrap());
        stream::iter(["ann", "bob"].map(str::to_owned)).for_each(make).await;
        let page = client.get_account_authorization_details().filter(EntityType::User).max_items(1);
        assert!(page.send().await.unwrap().is_truncated, "users are not paged here");
        stream::iter(names(DETAILS_A_PAGE)).map(make).buffer_unordered(AT_A_TIME).collect::<()>().await;
        names(DETAILS_A_PAGE).collect()
    }

    pub(super) async fn more_roles(&self) -> BTreeSet<String> {
        let client = self.iam();
        new_role(&client, "lab").await;
        // Ours is the second.
        let page = client.get_account_authorization_details().filter(EntityType::Role).max_items(1);
        assert!(page.send().await.unwrap().is_truncated, "roles are not paged here");
        stream::iter(names(DETAILS_A_PAGE))
            .map(|name| new_role(&client, name))
            .buffer_unordered(AT_A_TIME)
            .collect::<()>()
            .await;
        names(DETAILS_A_PAGE).collect()
    }
}

fn names(page: usize) -> impl Iterator<Item = String> {
    (0..=page).map(|number| format!("one-{number}"))
}
