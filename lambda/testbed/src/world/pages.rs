//! Lists as AWS gives them: page by page, each page a call of its own, while the account goes on living between two of
//! them. The sizes are the most that AWS gives at a time, which is what the adapters ask for.

use runawaytrain_core::failure::Failure;
use runawaytrain_core::ids::{AccountId, InstanceId, Region};

use super::World;
use crate::account::SimAccount;

/// Accounts.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
pub const ACCOUNTS_A_PAGE: usize = 20;
/// Instances.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
pub const INSTANCES_A_PAGE: usize = 1000;
/// Fleets and Spot requests.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
pub const LAUNCHERS_A_PAGE: usize = 1000;
/// Auto Scaling groups.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
pub const GROUPS_A_PAGE: usize = 100;
/// Users and roles.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html>
pub const IDENTITIES_A_PAGE: usize = 1000;

/// A list: the call, where it is made, and how much a page holds.
pub(super) struct Listing<'a> {
    pub operation: &'a str,
    pub account: &'a AccountId,
    pub region: Option<&'a Region>,
    pub size: usize,
}

/// Goes through a sorted list. It remembers the last item that it gave: what is made behind that one is missed, what is
/// made after it is seen, as long as there is another page.
pub(super) struct Pages<K> {
    size: usize,
    after: Option<K>,
}

impl<K: Ord> Pages<K> {
    pub fn new(size: usize) -> Self {
        Self { size, after: None }
    }

    /// The next page, and whether another one follows.
    pub fn next<T>(&mut self, mut all: Vec<(K, T)>) -> (Vec<T>, bool) {
        all.sort_by(|one, other| one.0.cmp(&other.0));
        let ahead = all.into_iter().filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after));
        let (mut keys, mut page): (Vec<K>, Vec<T>) = ahead.take(self.size + 1).unzip();
        let more = keys.len() > self.size;
        keys.truncate(self.size);
        page.truncate(self.size);
        if let Some(last) = keys.pop() {
            self.after = Some(last);
        }
        (page, more)
    }
}

impl World {
    /// Every page of a list in an account, or why one of them could not be read. Between two pages whoever reacts to
    /// our looks may act.
    pub(super) async fn list<K: Ord, T>(
        &self,
        listing: Listing<'_>,
        all: impl Fn(&SimAccount) -> Vec<(K, T)>,
    ) -> Result<Vec<T>, Failure> {
        let Listing { operation, account, region, size } = listing;
        let (mut found, mut pages) = (Vec::new(), Pages::new(size));
        loop {
            self.enter(operation, account, region).await?;
            let (page, more) = self.look(operation, account, |known| pages.next(all(known))).unwrap_or_default();
            found.extend(page);
            if !more {
                return Ok(found);
            }
        }
    }
}

/// Where an instance stands in the list. EC2's ids are random, so a new instance may come to stand anywhere; ours count
/// upwards, and are as good as shuffled when they are read backwards.
pub(super) fn place(id: &InstanceId) -> String {
    id.as_str().chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Vec<(char, char)> {
        text.chars().map(|letter| (letter, letter)).collect()
    }

    #[test]
    fn what_is_made_behind_the_cursor_is_missed_and_what_is_made_after_it_is_seen() {
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("fbdh")), (vec!['b', 'd'], true));
        assert_eq!(pages.next(letters("abcdefh")), (vec!['e', 'f'], true));
        assert_eq!(pages.next(letters("h")), (vec!['h'], false));
    }

    #[test]
    fn the_last_page_may_be_full_and_the_next_one_gone_when_it_is_asked_for() {
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("ab")), (vec!['a', 'b'], false));
        let mut pages = Pages::new(2);
        assert_eq!(pages.next(letters("abc")), (vec!['a', 'b'], true));
        assert_eq!(pages.next(letters("ab")), (vec![], false));
    }
}
