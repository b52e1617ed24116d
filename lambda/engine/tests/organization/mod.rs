//! A random organization, who is at large in it, and what goes wrong while it is watched.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};
use proptest::prelude::*;
use runawaytrain_core::measure::spend::Charge;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::ids::{GroupName, RoleName, UserName};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Clock;
use runawaytrain_testbed::{
    Cadence, Intent, Life, MOST_ATTACHED, Principal, ROLE_INLINE, SimAccount, SimGroup, Strategy as Ruse, Testbed,
    Thief, Trust, USER_INLINE,
};
use serde_json::json;

use crate::common::{PAYER, Scene, id, policy};

mod danger;

pub use danger::{Danger, REGIONS};
use danger::{danger, met};

/// Sweeps while things go wrong, the first of them in peace.
const TROUBLED: u32 = 10;
/// Sweeps after that, in peace: longer than the hour in which shut-outs are counted together.
const PEACE: u32 = 14;
const TICK: Duration = Duration::from_secs(300);

const MOST_INSTANCES: u32 = 4;
const MOST_VCPUS: u32 = 64;
const DAY_USD: u64 = 480;
const MONTH_USD: u64 = 20_000;

/// An account whose people stay within every limit.
#[derive(Debug, Clone)]
pub struct Innocent {
    machines: Vec<usize>,
    group: bool,
    /// Dollars in every hour: the day stays within its limit.
    hourly: u64,
    /// What the month stood at.
    month: u64,
    /// Bought at once, in which sweep: it fits into the day as well.
    purchase: Option<(u32, u64)>,
    /// What AWS takes back of the month in one sweep and charges again in the next.
    recalculation: Option<(u32, u64)>,
}

/// An account in which a thief is at large.
#[derive(Debug, Clone)]
pub struct Robbed {
    ruses: Vec<Ruse>,
    loot: Loot,
    begins: u32,
    every: u64,
    seed: u64,
    /// What of its users' and roles' policies its own people have filled up before.
    filled: Filled,
}

/// What of IAM's quotas of an account is used up, whoever did it.
#[derive(Debug, Clone, Copy)]
struct Filled {
    inline: bool,
    attached: bool,
}

/// What the thief is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loot {
    /// Many small instances.
    Instances(u32),
    /// A large one.
    Large,
    /// Something that nobody looks at: only what it costs is seen.
    Elsewhere,
}

/// An organization and what befalls it.
#[derive(Debug, Clone)]
pub struct Case {
    pub innocents: Vec<Innocent>,
    pub robbed: Vec<Robbed>,
    /// Each with its first sweep and how many it lasts.
    pub dangers: Vec<(Danger, u32, u32)>,
    users: &'static str,
    roles: &'static str,
    unstoppable: &'static str,
    lockdown: bool,
}

pub fn arbitrary_case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(innocent(), 5..9),
        prop::collection::vec(robbed(), 0..4),
        prop::collection::vec((danger(), 2..TROUBLED, 1u32..6), 0..4),
        prop::sample::select(vec!["deactivate", "delete-credentials"]),
        prop::sample::select(vec!["revoke-sessions", "deny"]),
        (prop::sample::select(vec!["terminate", "leave"]), prop::bool::weighted(0.1)),
    )
        .prop_map(|(innocents, robbed, dangers, users, roles, (unstoppable, lockdown))| Case {
            innocents,
            robbed,
            dangers,
            users,
            roles,
            unstoppable,
            lockdown,
        })
}

fn innocent() -> impl Strategy<Value = Innocent> {
    let purchase = prop::option::of((1..TROUBLED, 1..=DAY_USD / 2));
    let recalculation = prop::option::of((1..TROUBLED, 1..200u64));
    let machines = prop::collection::vec(0..REGIONS.len(), 0..=MOST_INSTANCES as usize);
    (machines, any::<bool>(), 0..=DAY_USD / 48, 500..MONTH_USD / 2, purchase, recalculation).prop_map(
        |(machines, group, hourly, month, purchase, recalculation)| Innocent {
            machines,
            group,
            hourly,
            month,
            purchase,
            recalculation,
        },
    )
}

fn robbed() -> impl Strategy<Value = Robbed> {
    let ruse = prop::sample::select(vec![
        Ruse::Relaunch,
        Ruse::Protect,
        Ruse::Restart,
        Ruse::NewRegion,
        Ruse::Group,
        Ruse::EmptyGroups,
        Ruse::Fleet,
        Ruse::Spot,
        Ruse::SpotOnce,
        Ruse::NewUser,
        Ruse::NewKey,
        Ruse::NewRole,
        Ruse::BackDoor,
        Ruse::AlterTrust(Trust::Federated("saml-provider/rogue".to_owned())),
        Ruse::StackSetsRole,
        Ruse::CdkRole,
        Ruse::Assume,
        Ruse::DetachDeny,
        Ruse::AlterDeny,
        Ruse::FillInline,
        Ruse::FillAttached,
        Ruse::DeleteOurRole,
        Ruse::ThrottleLooks,
        Ruse::DisableRegion,
        Ruse::Purchase,
        Ruse::InvokeModels,
    ]);
    let loot = prop_oneof![
        4 => (MOST_INSTANCES + 1..40).prop_map(Loot::Instances),
        1 => Just(Loot::Large),
        1 => Just(Loot::Elsewhere),
    ];
    let full = prop::bool::weighted(0.15);
    let filled = (full, full).prop_map(|(inline, attached)| Filled { inline, attached });
    (prop::collection::vec(ruse, 0..4), loot, 1..TROUBLED, 20u64..300, any::<u64>(), filled)
        .prop_map(|(ruses, loot, begins, every, seed, filled)| Robbed { ruses, loot, begins, every, seed, filled })
}

pub fn innocent_id(number: usize) -> String {
    format!("4{number:011}")
}

pub fn robbed_id(number: usize) -> String {
    format!("6{number:011}")
}

impl Robbed {
    /// Whether the thief may keep what it has from being proven contained: our way in, our sight, or every way to deny.
    pub fn may_resist(&self) -> bool {
        let has = |ruse: &Ruse| self.ruses.contains(ruse);
        let fills =
            (self.filled.inline || has(&Ruse::FillInline)) && (self.filled.attached || has(&Ruse::FillAttached));
        fills
            || has(&Ruse::DeleteOurRole)
            || has(&Ruse::ThrottleLooks)
            || has(&Ruse::DisableRegion)
            || self.loot == Loot::Elsewhere
    }

    /// Whether the thief buys for years, which the reports show two sweeps later.
    pub fn buys(&self) -> bool {
        self.ruses.contains(&Ruse::Purchase)
    }

    pub fn deletes_our_role(&self) -> bool {
        self.ruses.contains(&Ruse::DeleteOurRole)
    }
}

impl Filled {
    fn fill(self, account: &mut SimAccount) {
        if self.inline {
            account.users.values_mut().for_each(|user| user.write_inline("own", USER_INLINE));
            account.roles.values_mut().for_each(|role| role.inline = ROLE_INLINE);
        }
        if self.attached {
            account.users.values_mut().for_each(|user| user.attach_others(MOST_ATTACHED));
            account.roles.values_mut().for_each(|role| role.attached = MOST_ATTACHED);
        }
        if self.inline || self.attached {
            met("policies are full");
        }
    }
}

impl Case {
    pub fn policy(&self) -> Policy {
        policy(json!({ "defaults": {
            "limits": { "instances": MOST_INSTANCES, "vcpus": MOST_VCPUS, "spend24h": DAY_USD, "spendMonth": MONTH_USD, "purchases": DAY_USD / 2 },
            "notify": ["cloud@example.edu"],
            "contain": {
                "users": self.users, "roles": self.roles, "unstoppable": self.unstoppable, "lockdown": self.lockdown,
            },
        } }))
    }

    /// In how many accounts a thief takes our role away.
    pub fn shut_us_out(&self) -> usize {
        self.robbed.iter().filter(|robbed| robbed.deletes_our_role()).count()
    }

    pub fn leaves_unstoppable(&self) -> bool {
        self.unstoppable == "leave"
    }

    fn build(&self) -> Testbed {
        let testbed = Testbed::new();
        testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
        let now = testbed.clock.now();
        for (number, innocent) in self.innocents.iter().enumerate() {
            let mut account = SimAccount::new(&format!("lab-{number}"), &REGIONS).user("ann", 1, true);
            account = account.role("app", "/", Some(Timestamp::UNIX_EPOCH));
            for region in &innocent.machines {
                account = account.running(REGIONS[*region], 1, "t3.micro");
            }
            if innocent.group {
                let group = SimGroup::new(0, "t3.micro", Timestamp::UNIX_EPOCH);
                account.region(REGIONS[0]).groups.insert(GroupName::new("web"), group);
            }
            let account_id = id(&innocent_id(number));
            testbed.world.add(&account_id, account);
            spend(&testbed, &innocent_id(number), now, innocent.hourly);
        }
        for (number, robbed) in self.robbed.iter().enumerate() {
            let mut account = SimAccount::new(&format!("robbed-{number}"), &REGIONS)
                .running(REGIONS[1], 1, "t3.micro")
                .user("alice", 2, true)
                .user("bob", 1, false)
                .role("lab", "/", Some(Timestamp::UNIX_EPOCH));
            robbed.filled.fill(&mut account);
            testbed.world.add(&id(&robbed_id(number)), account);
        }
        testbed.world.with_quotas();
        testbed
    }

    fn active(&self, tick: u32) -> impl Iterator<Item = &(Danger, u32, u32)> {
        self.dangers.iter().filter(move |(_, from, lasts)| (*from..from + lasts).contains(&tick))
    }

    /// Sweeps through all of it.
    pub async fn play(&self) -> Played {
        let scene = Scene::new(self.build(), self.policy());
        let mut thieves = Vec::new();
        for tick in 0..TROUBLED + PEACE {
            let is_troubled = tick < TROUBLED;
            self.charge(&scene, tick);
            self.book_purchases(&scene, tick);
            for (number, robbed) in self.robbed.iter().enumerate().filter(|(_, robbed)| robbed.begins == tick) {
                thieves.push(robbed.rob(&scene, number));
            }
            self.enroll(&scene, tick);
            scene.testbed.world.heal();
            scene.testbed.ledger.break_with(None);
            scene.testbed.ledger.break_slots(None);
            scene.testbed.ledger.takes(None);
            scene.testbed.mailbox.heal();
            scene.testbed.world.with_quotas();
            let mut killed = None;
            for (danger, ..) in self.active(tick).filter(|_| is_troubled) {
                met(danger.name());
                danger.inflict(&scene);
                if let Danger::Kill { millis } = danger {
                    killed = Some(Duration::from_millis(*millis));
                }
            }
            match killed {
                Some(after) => drop(tokio::time::timeout(after, scene.send(json!({}))).await),
                None => drop(scene.send(json!({})).await),
            }
            tokio::time::sleep(TICK).await;
        }
        Played { scene, thieves }
    }

    /// What AWS says that the innocent are charged.
    fn charge(&self, scene: &Scene, tick: u32) {
        let at = scene.testbed.clock.now();
        for (number, innocent) in self.innocents.iter().enumerate() {
            let hours = u64::from(tick) * TICK.as_secs() / 3600;
            let bought = innocent.purchase.filter(|(when, _)| *when <= tick).map_or(0, |(_, dollars)| dollars);
            let taken = innocent.recalculation.filter(|(when, _)| *when == tick).map_or(0, |(_, dollars)| dollars);
            let amount = innocent.month + innocent.hourly * hours + bought - taken;
            let charge = Charge { amount: Usd::micros(amount * 1_000_000), at };
            scene.testbed.world.with(&id(&innocent_id(number)), |account| account.charge = Some(charge));
        }
    }

    /// What the reports say was bought: by the innocent as much as they may, by thieves for years.
    fn book_purchases(&self, scene: &Scene, tick: u32) {
        let hour = scene.testbed.clock.now().round(Unit::Hour).unwrap() - SignedDuration::from_hours(2);
        let innocent = self.innocents.iter().enumerate().filter_map(|(number, innocent)| {
            let (when, dollars) = innocent.purchase?;
            Some((innocent_id(number), when, dollars))
        });
        let robbed = self.robbed.iter().enumerate().filter(|(_, robbed)| robbed.buys());
        let robbed = robbed.map(|(number, robbed)| (robbed_id(number), robbed.begins + 2, 100 * DAY_USD));
        for (account, _, dollars) in innocent.chain(robbed).filter(|(_, when, _)| *when == tick) {
            scene.testbed.ledger.purchases(&id(&account), hour, Usd::micros(dollars * 1_000_000));
        }
    }

    /// Who lets us in. Moved accounts do where they are by now, after a while.
    fn enroll(&self, scene: &Scene, tick: u32) {
        let active: Vec<_> = if tick < TROUBLED { self.active(tick).collect() } else { Vec::new() };
        let all_refuse = active.iter().any(|(danger, ..)| matches!(danger, Danger::Grant));
        // Each move is to a unit of its own, by its first sweep.
        let moved = |number: usize| {
            let moves = |danger: &Danger| matches!(danger, Danger::Move { innocent } if innocent.index(self.innocents.len()) == number);
            active.iter().filter(|(danger, ..)| moves(danger)).map(|(_, from, _)| *from).max()
        };
        for number in 0..self.innocents.len() {
            scene.testbed.world.with(&id(&innocent_id(number)), |account| {
                if let Some(from) = moved(number) {
                    account.unit = format!("ou-{from}");
                }
                account.enrolled = !all_refuse && moved(number).is_none();
            });
        }
        for (number, _) in self.robbed.iter().enumerate().filter(|(_, robbed)| !robbed.deletes_our_role()) {
            scene.testbed.world.with(&id(&robbed_id(number)), |account| account.enrolled = !all_refuse);
        }
    }
}

/// What a play came to.
pub struct Played {
    pub scene: Scene,
    pub thieves: Vec<Thief>,
}

impl Robbed {
    fn rob(&self, scene: &Scene, number: usize) -> Thief {
        let account = id(&robbed_id(number));
        let now = scene.testbed.clock.now();
        scene.testbed.world.with(&account, |known| match self.loot {
            Loot::Instances(number) => {
                (0..number).for_each(|number| {
                    let region = REGIONS[number as usize % REGIONS.len()];
                    drop(known.launch(region, "t3.micro", Life::Running));
                });
            }
            Loot::Large => drop(known.launch(REGIONS[2], "p5.48xlarge", Life::Running)),
            Loot::Elsewhere => {}
        });
        if self.loot == Loot::Elsewhere {
            spend(&scene.testbed, account.as_str(), now, DAY_USD);
        }
        let stolen = vec![Principal::User(UserName::new("alice")), Principal::Role(RoleName::new("lab"))];
        let intent = Intent {
            strategies: self.ruses.clone(),
            stolen,
            cadence: Cadence::Every(Duration::from_secs(self.every)),
            patience: Duration::ZERO,
            seed: self.seed,
        };
        Thief::loose(&scene.testbed.world, &account, intent)
    }
}

/// Books so much for each of the last 30 hours but the newest.
fn spend(testbed: &Testbed, account: &str, now: Timestamp, dollars: u64) {
    for ago in 1..30 {
        let hour = now - SignedDuration::from_hours(ago);
        testbed.ledger.spent(&id(account), hour, Usd::micros(dollars * 1_000_000));
    }
}
