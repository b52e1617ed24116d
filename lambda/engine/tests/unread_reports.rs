//! Cost and Usage Reports that nobody can read, or that no longer come: who is told, when and how often.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod bucket;
#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;

use std::time::Duration;

use bucket::{BUCKET, FILE, NOVEMBER, deliver, gzip, spending};
use common::{PAYER, QUIET, REGIONS, Scene, id, policy};
use runawaytrain_core::contract;
use runawaytrain_core::policy::{NotifyList, Policy};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_testbed::{Fault, Mail, SimAccount, Testbed};
use serde_json::json;

const HOUR: Duration = Duration::from_secs(3600);

/// At 2026-11-22T03:00:00Z.
fn scene(policy: Policy) -> Scene {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS));
    testbed.world.add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 1, "t2.micro"));
    Scene::new(testbed, policy)
}

/// Reads every hour, so often.
async fn read_hourly(scene: &Scene, hours: usize) {
    for _ in 0..hours {
        scene.send(json!({ "action": "reports" })).await;
        tokio::time::sleep(HOUR).await;
    }
}

fn mails(scene: &Scene) -> Vec<Mail> {
    let about = |mail: &Mail| mail.subject.starts_with("[runawaytrain] Cost reports");
    scene.testbed.mailbox.mails().into_iter().filter(about).collect()
}

/// The only mail there is, which says all of these words.
fn one(scene: &Scene, words: &[&str]) {
    let mails = mails(scene);
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].list, NotifyList::Default);
    assert!(words.iter().all(|words| mails[0].says(words)), "{words:?} in: {}", mails[0].body);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_could_never_be_read_is_one_mail_a_day_with_its_cure() {
    let scene = scene(spending());
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[]]);
    scene.testbed.reports.put(BUCKET, FILE, gzip(b"account,cost\n1,2\n"));
    read_hourly(&scene, 20).await;
    one(
        &scene,
        &[
            "s3://payer-reports/cur/",
            "Known nothing",
            "November 2026: not read",
            "lineItem/UsageAccountId",
            "cur: {}",
            "The guard tries again every hour.",
        ],
    );
    read_hourly(&scene, 30).await;
    assert_eq!(mails(&scene).len(), 3, "the second and the third day");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_refuses_us_is_one_mail() {
    let scene = scene(spending());
    scene.testbed.reports.fault(Fault::always("s3:ListBucket", FailureKind::Denied));
    read_hourly(&scene, 20).await;
    one(&scene, &["the bucket could not be listed", "s3:ListBucket was denied"]);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_report_that_is_not_there_is_one_mail_and_one_that_we_just_made_is_none() {
    let adopted = scene(spending());
    adopted.testbed.reports.put(BUCKET, "elsewhere/readme", Vec::new());
    read_hourly(&adopted, 20).await;
    one(&adopted, &["there is no report of it in s3://payer-reports/cur/"]);

    let made = scene(policy(json!({
        "cur": {},
        "defaults": { "limits": { "instances": 4, "spend24h": 100 }, "notify": ["cloud@example.edu"] },
    })));
    made.testbed.reports.put(
        &format!("{}{PAYER}", contract::REPORT_BUCKET_PREFIX),
        "aws-programmatic-access-test-object",
        Vec::new(),
    );
    read_hourly(&made, 20).await;
    assert_eq!(mails(&made), []);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_fails_once_after_a_sound_one_is_mailed_only_when_what_is_known_is_a_day_old() {
    let scene = scene(spending());
    deliver(&scene.testbed, NOVEMBER, "good", &[&[(QUIET, "2026-11-22T01", "7")]]);
    read_hourly(&scene, 1).await;
    deliver(&scene.testbed, NOVEMBER, "aaaa", &[&[]]);
    scene.testbed.reports.put(BUCKET, FILE, b"not gzip".to_vec());
    // Known until 02:00 of the 22nd; it is 04:00.
    read_hourly(&scene, 22).await;
    assert_eq!(mails(&scene), [], "the next edition may be sound");
    read_hourly(&scene, 3).await;
    one(&scene, &["Known until 2026-11-22 02:00:00 UTC", "not read"]);
    assert!(mails(&scene)[0].subject.ends_with("nothing new since 2026-11-22 02:00:00 UTC"));
}

#[tokio::test(start_paused = true)]
async fn reports_that_no_longer_come_are_one_mail_once_they_are_too_old_to_judge_by() {
    let scene = scene(spending());
    deliver(&scene.testbed, NOVEMBER, "last", &[&[(QUIET, "2026-11-22T01", "7")]]);
    read_hourly(&scene, 47).await;
    assert_eq!(mails(&scene), []);
    read_hourly(&scene, 6).await;
    one(&scene, &["November 2026: unchanged", "Known until 2026-11-22 02:00:00 UTC"]);
}
