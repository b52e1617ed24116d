//! A live drill: whether it may begin, what came of it and when, what it gives back, and what only AWS could tell.
//! Plain data; `commands/live.rs` asks AWS and the guard.

mod fitness;
mod given_back;
mod questions;
mod timeline;

pub use fitness::{canary, is_idle, may_begin, suits};
pub use given_back::GivenBack;
pub use questions::{Measured, Question, questions, until_proven};
pub use timeline::{Came, Sighting, Step, Timeline};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use runawaytrain_core::measure::limit::Limit;
    use runawaytrain_core::measure::summary::Summary;
    use runawaytrain_core::plan::ActionResult;
    use runawaytrain_core::policy::{CanarySettings, Policy};
    use runawaytrain_core::record::{AccountRecord, Halt, State};
    use runawaytrain_core::resource::users::Action as OfUser;
    use runawaytrain_core::resource::{Action, SkipReason, fleets, groups, quarantine, roles, spot_requests};
    use runawaytrain_core::vocabulary::ids::{
        AccountId, FleetId, GroupName, HaltId, KeyId, Region, RoleName, SpotRequestId, UserName,
    };
    use runawaytrain_engine::ports::{EntryId, JournalEntry};
    use serde_json::json;

    use super::given_back::FINAL;
    use super::*;
    use crate::answer::{Account, Gap, Instances, Skipped};
    use crate::cloud::instances::Stage;
    use crate::policy_file::PolicyFile;
    use crate::problem::Problem;

    const CANARY: &str = "222222222222";

    fn policy(top: &str, own: &str) -> Policy {
        let text = format!(
            "payer: '123456789012'\norganization: {{id: o-exampleorg, closedRegions: [eu-west-1]}}\n{top}\n\
             defaults: {{limits: {{instances: 20}}, notify: [a@example.edu]}}\naccounts: {{'{CANARY}': {{{own}}}}}\n"
        );
        PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap().policy
    }

    fn top(account: &str, region: &str, rest: &str) -> String {
        format!("mode: proceed\ncanary: {{account: '{account}', region: {region}}}\n{rest}")
    }

    const OWN: &str = "limits: {instances: 0}";

    fn suited(policy: &Policy) -> Result<CanarySettings, Problem> {
        let found = canary(policy)?;
        suits(&policy.for_account(&found.account, None))?;
        Ok(found)
    }

    #[test]
    fn a_canary_that_a_halt_would_not_contain_is_refused_in_one_sentence_with_the_cure() {
        let found = suited(&policy(&top(CANARY, "us-east-1", ""), OWN)).unwrap();
        assert_eq!((found.account.as_str(), found.region.as_str()), (CANARY, "us-east-1"));
        let at_home = || top(CANARY, "us-east-1", "");
        let cases = [
            (policy("mode: proceed", OWN), "names no canary", "canary: {account"),
            (policy(&top("123456789012", "us-east-1", ""), OWN), "is the payer", "canary.account"),
            (policy(&top(CANARY, "eu-west-1", ""), OWN), "closedRegions", "canary.region"),
            (policy(&at_home().replace("proceed", "drill"), OWN), "is in drill", "mode: proceed"),
            (policy(&at_home(), "limits: {instances: 0}, mode: pass"), "is in pass", "mode: proceed"),
            (policy(&at_home(), ""), "does not pass the limit", "accounts.\"222222222222\".limits.instances: 0"),
            (policy(&at_home(), "limits: {instances: 1}"), "does not pass the limit", "limits.instances: 0"),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {users: delete-credentials}"),
                "contain.users is delete-credentials",
                "contain.users: deactivate",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {users: delete-users}"),
                "contain.users is delete-users",
                "contain.users: deactivate",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {root: delete-credentials}"),
                "contain.root is delete-credentials",
                "contain.root: leave",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {instances: terminate}"),
                "contain.instances is terminate",
                "contain.instances: stop",
            ),
            (policy(&top(CANARY, "us-east-1", "brake: {haltsPerHour: 0}"), OWN), "only be frozen", "haltsPerHour"),
        ];
        for (policy, why, cure) in cases {
            let refused = suited(&policy).unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
            assert!(refused.to_string().ends_with("; nothing was launched"), "{refused}");
            assert!(refused.cure().unwrap().exact.contains(cure), "{:?}", refused.cure());
        }
    }

    fn time(second: u8) -> Timestamp {
        format!("2026-11-22T03:00:{second:02}Z").parse().unwrap()
    }

    fn record(state: State) -> AccountRecord {
        let account = AccountId::parse(CANARY).unwrap();
        AccountRecord { state, ..AccountRecord::new(account, time(0)) }
    }

    #[test]
    fn a_drill_begins_where_nothing_is_the_matter_and_nothing_runs() {
        for state in State::ALL {
            assert_eq!(may_begin(&record(state)).is_ok(), matches!(state, State::Ok | State::Released), "{state}");
        }
        let contained = may_begin(&record(State::Halted)).unwrap_err();
        assert!(contained.cure().unwrap().exact.contains("runawaytrain release"), "{contained}");
        let idle = Account { account: CANARY.into(), verdict: Some("Ok".into()), ..Account::default() };
        assert!(is_idle(&idle).is_ok());
        let busy = |counted, exempt| Account { instances: Instances { counted, exempt }, ..idle.clone() };
        assert!(is_idle(&busy(1, 0)).unwrap_err().to_string().starts_with("1 instance runs in the canary"));
        assert!(is_idle(&busy(0, 2)).unwrap_err().to_string().starts_with("2 instances run in the canary"));
        let half = Account { gaps: vec![Gap { at: "us-east-2".into(), reason: "denied".into() }], ..idle.clone() };
        assert!(is_idle(&half).unwrap_err().to_string().contains("whole (us-east-2: denied)"));
        assert!(is_idle(&Account { verdict: None, ..idle }).is_err());
    }

    fn halted(state: State, contained: Option<Timestamp>, outcome_told: bool) -> AccountRecord {
        let halt = Halt {
            id: HaltId::new("this"),
            tripped: time(10),
            before: Summary::default(),
            contained,
            outcome_told,
            denials_told: false,
            locked_out: None,
            tripped_limits: [(Limit::Instances, 1)].into(),
            freeze: None,
        };
        AccountRecord { halt: Some(halt), ..record(state) }
    }

    fn entry(number: u64, action: impl Into<Action>, concluded: Option<u8>) -> JournalEntry {
        JournalEntry {
            id: EntryId { fence: 1, number },
            halt: HaltId::new("this"),
            action: action.into(),
            intended: time(10),
            concluded: concluded.map(|second| (time(second), ActionResult::Done)),
            attempts: 1,
        }
    }

    fn ann() -> UserName {
        UserName::new("ann")
    }

    fn calls() -> Vec<JournalEntry> {
        vec![
            entry(1, quarantine::Action::Freeze, Some(11)),
            entry(2, OfUser::DenyUser { user: ann() }, Some(12)),
            entry(3, OfUser::DeactivateKey { user: ann(), key: KeyId::new("AKIA1") }, Some(13)),
            entry(4, OfUser::DeleteLogin { user: ann() }, Some(13)),
            entry(
                5,
                roles::Action::RevokeSessions { role: RoleName::new("lab"), ahead: SignedDuration::from_secs(30) },
                Some(14),
            ),
        ]
    }

    #[test]
    fn each_step_is_told_once_when_it_is_first_seen() {
        let before = HaltId::new("earlier");
        let mut earlier = halted(State::Released, Some(time(9)), true);
        earlier.halt.as_mut().unwrap().id = before.clone();
        let (found, all) = (halted(State::Halting, None, false), calls());
        let (proven, told) = (halted(State::Halted, Some(time(40)), true), halted(State::Halted, Some(time(40)), true));
        type Moment<'a> = (&'a AccountRecord, Stage, &'a [JournalEntry], Option<bool>, &'a [Step]);
        let moments: [Moment<'_>; 8] = [
            (&earlier, Stage::Pending, &[], None, &[Step::Launched]),
            (&earlier, Stage::Running, &[], None, &[Step::Running]),
            (&found, Stage::Stopping, &all[..1], None, &[Step::Found, Step::Quarantined]),
            (&found, Stage::Stopped, &all[..2], None, &[Step::Stopped]),
            // One more is locked out: it was not the last.
            (&found, Stage::Stopped, &all, None, &[]),
            (&found, Stage::Stopped, &all, None, &[Step::LockedOut]),
            (&proven, Stage::Stopped, &all, Some(true), &[Step::Proven]),
            (&told, Stage::Stopped, &all, Some(false), &[Step::Mailed]),
        ];
        let of_canary =
            policy(&top(CANARY, "us-east-1", ""), OWN).for_account(&AccountId::parse(CANARY).unwrap(), None);
        let mut timeline = Timeline::new(Step::expected(&of_canary));
        for (second, (record, stage, entries, mails_wait, expected)) in moments.into_iter().enumerate() {
            let sighting =
                Sighting { instance: Some(stage), before: Some(&before), record: Some(record), entries, mails_wait };
            let fresh = timeline.see(&sighting, Duration::from_secs(second as u64));
            assert_eq!(fresh.iter().map(|came| came.step).collect::<Vec<_>>(), expected, "at {second}");
        }
        assert_eq!(timeline.missing(), []);
        assert_eq!(timeline.seconds(Step::LockedOut), Some(4.0), "when the last was seen, not when that was sure");
        let order: Vec<f64> = timeline.came().iter().map(|came| came.seconds).collect();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(until_proven(proven.halt.as_ref().unwrap(), &all), Some(Duration::from_secs(26)));
    }

    #[test]
    fn where_nobody_is_to_be_locked_out_the_proof_is_enough_and_without_a_quarantine_none_is_expected() {
        let own = "limits: {instances: 0}, contain: {quarantine: false}";
        let of_canary =
            policy(&top(CANARY, "us-east-1", ""), own).for_account(&AccountId::parse(CANARY).unwrap(), None);
        let mut timeline = Timeline::new(Step::expected(&of_canary));
        let proven = halted(State::Halted, Some(time(40)), true);
        let sighting = Sighting {
            instance: Some(Stage::Terminated),
            before: None,
            record: Some(&proven),
            entries: &[],
            mails_wait: Some(false),
        };
        assert_eq!(timeline.see(&sighting, Duration::from_secs(9)).len(), 7);
        assert_eq!(timeline.missing(), []);
    }

    #[test]
    fn what_could_not_be_read_brings_no_step_and_a_freeze_is_no_halt() {
        let mut timeline = Timeline::new(vec![Step::Launched, Step::Found, Step::Mailed]);
        let nothing = Sighting { instance: None, before: None, record: None, entries: &[], mails_wait: None };
        timeline.see(&nothing, Duration::ZERO);
        assert_eq!(timeline.missing(), [Step::Found, Step::Mailed]);
        let mut frozen = halted(State::Frozen, None, false);
        frozen.halt.as_mut().unwrap().freeze = Some(runawaytrain_core::record::FreezeReason::Brake);
        let frozen = Sighting { record: Some(&frozen), ..nothing };
        assert!(frozen.halt().is_none() && frozen.obstacle().unwrap().contains("only froze"));
        let untold = halted(State::Halted, Some(time(40)), true);
        let untold = Sighting { record: Some(&untold), ..nothing };
        timeline.see(&untold, Duration::ZERO);
        assert_eq!(timeline.missing(), [Step::Mailed], "whether mails wait is not known");
    }

    #[test]
    fn all_that_the_halt_locked_is_named_and_what_is_lost_is_told() {
        let back = GivenBack::of(&calls());
        let command = "runawaytrain release 222222222222 --user 'ann' --role 'lab' --key 'AKIA1' --trust 'ann' --trust \
                       'lab' --trust 'AKIA1'";
        assert_eq!(back.command(CANARY), command);
        assert_eq!(back.lost.iter().collect::<Vec<_>>(), ["remove the console password of user ann"]);
    }

    #[test]
    fn what_launches_by_itself_comes_back_by_its_name_and_a_cancelled_request_does_not() {
        let region = || Region::new("us-east-1");
        let of_groups =
            groups::Action::SuspendGroup { region: region(), group: GroupName::new("web"), already: BTreeSet::new() };
        let of_fleets = fleets::Action::ZeroFleet {
            region: region(),
            fleet: FleetId::new("fleet-1"),
            kind: fleets::FleetKind::Ec2,
            target: 2,
            on_demand: 0,
        };
        let cancelled =
            spot_requests::Action::CancelSpotRequests { region: region(), requests: vec![SpotRequestId::new("sir-1")] };
        let mut back = GivenBack::of(&calls());
        assert_eq!(back.event(CANARY)["start"], json!(false));
        let more = [entry(6, of_groups, Some(15)), entry(7, of_fleets, Some(15)), entry(8, cancelled, Some(15))];
        assert!(back.take_in(GivenBack::of(&more)), "more is to be named");
        assert!(!back.take_in(GivenBack::of(&more)), "it is named already");
        let event = back.event(CANARY);
        assert_eq!(event["start"], json!(["fleet-1", "web"]));
        assert_eq!(event["trust"], json!(["ann", "lab", "AKIA1", "fleet-1", "web"]));
        assert!(back.command(CANARY).contains(" --start-only 'fleet-1' --start-only 'web' --trust"));
        assert!(back.lost.iter().any(|lost| lost.contains("sir-1")), "{:?}", back.lost);
    }

    #[test]
    fn what_a_release_leaves_alone_is_owed_unless_it_is_final_or_the_drills_own_instance_or_an_earlier_halts() {
        assert!(FINAL.iter().all(SkipReason::is_final));
        let skipped = |item: &str, reason: &str| Skipped { item: item.to_owned(), reason: reason.to_owned() };
        let left = [
            skipped("key AKIA1 of user ann", "it is not named"),
            skipped("user ann", &SkipReason::GivenBack.to_string()),
            skipped("role lab", &SkipReason::OldSessions.to_string()),
            skipped("1 stopped instance in us-east-1 (i-1)", "stay stopped"),
            skipped("user annabel", "an earlier halt holds it"),
        ];
        let owed = GivenBack::of(&calls()).owed(&left, Some("i-1"));
        assert_eq!(owed, [&left[0]]);
    }

    #[test]
    fn an_emulator_answers_no_question_about_aws() {
        let mut timeline = Timeline::new(vec![Step::Launched, Step::Found]);
        let found = halted(State::Halting, None, false);
        let sighting = Sighting { instance: None, before: None, record: Some(&found), entries: &[], mails_wait: None };
        timeline.see(&sighting, Duration::from_millis(1_234));
        let measured = Measured {
            launch_in_quarantine: Some((false, "UnauthorizedOperation".into())),
            until_denied: Some(Duration::from_secs(3)),
            charges: Some([["Currency".to_owned()].into()].into()),
            ..Measured::default()
        };
        let told = |measured: &Measured| json!(questions(&timeline, measured));
        let real = told(&measured).to_string();
        for answer in ["after 1.2 s", "yes (UnauthorizedOperation)", "after 3.0 s", "Currency"] {
            assert!(real.contains(answer), "{answer}: {real}");
        }
        let emulated = questions(&timeline, &Measured { is_emulated: true, ..measured });
        assert!(emulated.iter().all(|one| one.answer.is_none() && one.untold.is_some()), "{emulated:?}");
    }
}
