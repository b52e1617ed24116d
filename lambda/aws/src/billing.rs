//! What AWS estimates that each account is charged, over CloudWatch.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::measure::spend::{Charge, STALE};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::Billing;

use crate::failure;
use crate::retry::ConnectionLost;
use crate::time::timestamp;

const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";
/// The most metrics of one call; each gives 49 numbers at most, and a page holds 100,800.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const MOST_AT_ONCE: usize = 500;
/// Some hours lie between two estimates: an hour tells them apart, and is the grain of the times asked for.
const PERIOD: SignedDuration = SignedDuration::from_hours(1);

/// `EstimatedCharges` as the payer sees them: of each linked account, itself among them, in us-east-1 and nowhere else.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html>
pub(crate) struct CloudWatchBilling {
    client: aws_sdk_cloudwatch::Client,
}

impl CloudWatchBilling {
    pub(crate) fn new(shared: &SdkConfig) -> Self {
        let settings = aws_sdk_cloudwatch::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self { client: aws_sdk_cloudwatch::Client::from_conf(settings) }
    }

    /// Adds the newest estimates of some accounts, all pages; one metric's numbers may be spread over several.
    async fn read(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
        newest: &mut BTreeMap<AccountId, Charge>,
    ) -> Result<(), Failure> {
        let (start, end) = window(now);
        let call = self
            .client
            .get_metric_data()
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end))
            .scan_by(ScanBy::TimestampDescending)
            .set_metric_data_queries(Some(accounts.iter().map(query).collect()));
        let mut pages = call.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(GET_METRIC_DATA, &error))?;
            for message in page.messages() {
                tracing::warn!(
                    code = message.code(),
                    message = message.value(),
                    "CloudWatch has something to say about the estimated charges"
                );
            }
            for result in page.metric_data_results() {
                let Some(account) = account_of(result) else { continue };
                complain(&account, result);
                for charge in charges(result) {
                    let known = newest.entry(account.clone()).or_insert(charge);
                    if charge.at > known.at {
                        *known = charge;
                    }
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Billing for CloudWatchBilling {
    async fn charges(&self, accounts: &[AccountId], now: Timestamp) -> Result<BTreeMap<AccountId, Charge>, Failure> {
        let mut newest = BTreeMap::new();
        // One after the other: an organization of a thousand accounts takes two calls an hour.
        for some in accounts.chunks(MOST_AT_ONCE) {
            self.read(some, now, &mut newest).await?;
        }
        Ok(newest)
    }
}

/// From when until when, in seconds since 1970: as far back as a reading is not stale, and the hour that has begun.
/// Whole hours, as CloudWatch likes them.
fn window(now: Timestamp) -> (i64, i64) {
    let period = PERIOD.as_secs();
    let this_hour = now.as_second().div_euclid(period) * period;
    (this_hour - STALE.as_secs(), this_hour + period)
}

/// What asks for one account's metric. Its id is the account's, after a letter: an id may not begin with a digit.
fn query(account: &AccountId) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace("AWS/Billing")
        .metric_name("EstimatedCharges")
        .dimensions(dimension("Currency", "USD"))
        .dimensions(dimension("LinkedAccount", account.as_str()))
        .build();
    let period = i32::try_from(PERIOD.as_secs()).unwrap_or(i32::MAX);
    let stat = MetricStat::builder().metric(metric).period(period).stat("Maximum").build();
    MetricDataQuery::builder().id(format!("a{account}")).metric_stat(stat).build()
}

fn account_of(result: &MetricDataResult) -> Option<AccountId> {
    AccountId::parse(result.id()?.strip_prefix('a')?).ok()
}

/// What went wrong with one metric only. It is then unknown, or as known as the pages before made it.
fn complain(account: &AccountId, result: &MetricDataResult) {
    if let Some(status @ (StatusCode::Forbidden | StatusCode::InternalError)) = result.status_code() {
        tracing::warn!(%account, status = status.as_str(), "the estimated charges of an account could not be read");
    }
    for message in result.messages() {
        let (code, message) = (message.code(), message.value());
        tracing::warn!(%account, code, message, "CloudWatch has something to say about an account's charges");
    }
}

/// The numbers of a metric with their times. One that is no amount is none.
fn charges(result: &MetricDataResult) -> impl Iterator<Item = Charge> {
    let readings = result.timestamps().iter().zip(result.values());
    readings
        .filter(|(_, dollars)| dollars.is_finite())
        .filter_map(|(at, dollars)| Some(Charge { amount: Usd::from_dollars(*dollars), at: timestamp(at)? }))
}

#[cfg(test)]
mod tests {
    use aws_smithy_cbor::Encoder;
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
    use crate::wire::Script;

    const NOW: &str = "2026-11-22T03:20:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn account(number: usize) -> AccountId {
        AccountId::parse(&format!("{number:012}")).unwrap()
    }

    /// One metric of an answer: its id, how it went, and its numbers.
    struct Told<'a> {
        id: &'a str,
        status: &'a str,
        readings: &'a [(&'a str, f64)],
    }

    fn told<'a>(id: &'a str, readings: &'a [(&'a str, f64)]) -> Told<'a> {
        Told { id, status: "Complete", readings }
    }

    /// A page as CloudWatch writes it: CBOR, by the members' names.
    /// <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>
    fn page(results: &[Told], messages: &[(&str, &str)], next: Option<&str>) -> (u16, Vec<u8>) {
        let mut page = Encoder::new(Vec::new());
        page.begin_map().str("MetricDataResults").array(results.len());
        for Told { id, status, readings } in results {
            page.begin_map().str("Id").str(id).str("Label").str("EstimatedCharges").str("StatusCode").str(status);
            page.str("Timestamps").array(readings.len());
            for (when, _) in *readings {
                page.timestamp(&DateTime::from_secs(at(when).as_second()));
            }
            page.str("Values").array(readings.len());
            for (_, dollars) in *readings {
                page.double(*dollars);
            }
            page.end();
        }
        page.str("Messages").array(messages.len());
        for (code, value) in messages {
            page.begin_map().str("Code").str(code).str("Value").str(value).end();
        }
        if let Some(next) = next {
            page.str("NextToken").str(next);
        }
        page.end();
        (200, page.into_writer())
    }

    async fn charged(script: &Script, accounts: &[AccountId]) -> Result<BTreeMap<AccountId, Charge>, Failure> {
        CloudWatchBilling::new(&script.config()).charges(accounts, at(NOW)).await
    }

    fn charge(dollars: f64, when: &str) -> Charge {
        Charge { amount: Usd::from_dollars(dollars), at: at(when) }
    }

    #[tokio::test]
    async fn the_newest_estimate_counts_and_a_missing_metric_is_left_out() {
        let script = Script::binary(|_| {
            let some = told("a000000000001", &[("2026-11-22T01:00:00Z", 812.34), ("2026-11-21T19:00:00Z", 700.0)]);
            page(
                &[some, told("a000000000002", &[]), told("a000000000003", &[("2026-11-22T00:00:00Z", 0.0)])],
                &[],
                None,
            )
        });
        let charges = charged(&script, &[account(1), account(2), account(3)]).await.unwrap();
        let expected =
            [(account(1), charge(812.34, "2026-11-22T01:00:00Z")), (account(3), charge(0.0, "2026-11-22T00:00:00Z"))];
        assert_eq!(charges, expected.into(), "what is charged nothing is not what is not known");
        let asked = script.asked();
        let sent = asked.first().unwrap();
        for words in [
            "AWS/Billing",
            "EstimatedCharges",
            "Currency",
            "USD",
            "LinkedAccount",
            "000000000001",
            "Maximum",
            "TimestampDescending",
        ] {
            assert!(sent.contains(words), "{words} in {sent}");
        }
    }

    #[tokio::test]
    async fn a_metric_may_be_spread_over_pages_in_any_order() {
        let script = Script::binary(|asked| match asked {
            asked if asked.contains("page-three") => {
                page(&[told("a000000000001", &[("2026-11-22T01:00:00Z", 30.0)])], &[], None)
            }
            asked if asked.contains("page-two") => page(&[], &[], Some("page-three")),
            _ => {
                let partial = Told {
                    status: "PartialData",
                    ..told("a000000000001", &[("2026-11-21T19:00:00Z", 10.0), ("2026-11-21T20:00:00Z", 20.0)])
                };
                page(&[partial], &[], Some("page-two"))
            }
        });
        let charges = charged(&script, &[account(1)]).await.unwrap();
        assert_eq!(charges, [(account(1), charge(30.0, "2026-11-22T01:00:00Z"))].into());
        assert_eq!(script.asked().len(), 3);
    }

    #[tokio::test]
    async fn one_metric_that_fails_takes_no_other_with_it() {
        let script = Script::binary(|_| {
            let broken = |id, status| Told { id, status, readings: &[] };
            let results = [
                broken("a000000000001", "InternalError"),
                broken("a000000000002", "Forbidden"),
                told("a000000000003", &[("2026-11-22T00:00:00Z", 5.0)]),
            ];
            page(&results, &[("MaxMetricsExceeded", "The maximum number of metrics was exceeded.")], None)
        });
        let charges = charged(&script, &[account(1), account(2), account(3)]).await.unwrap();
        assert_eq!(charges, [(account(3), charge(5.0, "2026-11-22T00:00:00Z"))].into());
    }

    #[tokio::test]
    async fn what_was_not_asked_for_and_what_is_no_number_is_passed_over() {
        let script = Script::binary(|_| {
            let odd = told("a000000000001", &[("2026-11-22T01:00:00Z", f64::NAN), ("2026-11-22T00:00:00Z", 5.0)]);
            page(&[odd, told("total", &[("2026-11-22T01:00:00Z", 9e9)])], &[], None)
        });
        let charges = charged(&script, &[account(1)]).await.unwrap();
        assert_eq!(charges, [(account(1), charge(5.0, "2026-11-22T00:00:00Z"))].into());
    }

    #[tokio::test]
    async fn no_call_asks_for_more_than_500_and_every_account_is_asked_for_once() {
        let script = Script::binary(|_| page(&[], &[], None));
        let accounts: Vec<AccountId> = (0..1001).map(account).collect();
        assert_eq!(charged(&script, &accounts).await, Ok(BTreeMap::new()));
        let asked = script.asked();
        let queries: Vec<usize> = asked.iter().map(|body| body.matches("EstimatedCharges").count()).collect();
        assert_eq!(queries, [500, 500, 1]);
        for account in &accounts {
            let id = format!("a{account}");
            assert_eq!(asked.iter().map(|body| body.matches(&id).count()).sum::<usize>(), 1, "{id}");
        }
        assert_eq!(charged(&script, &[]).await, Ok(BTreeMap::new()));
        assert_eq!(script.asked().len(), 3, "nothing to ask for is no call");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_by_its_code() {
        for (code, kind) in [
            ("AccessDenied", FailureKind::Denied),
            ("ThrottlingException", FailureKind::Throttled),
            ("InternalServiceError", FailureKind::Unavailable),
        ] {
            let script = Script::binary(move |_| {
                let mut error = Encoder::new(Vec::new());
                error
                    .begin_map()
                    .str("__type")
                    .str(&format!("com.amazonaws.cloudwatch#{code}"))
                    .str("message")
                    .str("no")
                    .end();
                (400, error.into_writer())
            });
            let failure = charged(&script, &[account(1)]).await.unwrap_err();
            assert_eq!(
                (failure.operation.as_str(), failure.kind, failure.code.as_deref()),
                (GET_METRIC_DATA, kind, Some(code)),
                "{failure}"
            );
        }
    }

    #[test]
    fn the_window_is_of_whole_hours_and_reaches_back_until_readings_are_stale() {
        let seconds = |text| at(text).as_second();
        assert_eq!(window(at(NOW)), (seconds("2026-11-20T03:00:00Z"), seconds("2026-11-22T04:00:00Z")));
        assert_eq!(
            window(at("2026-11-22T04:00:00Z")),
            (seconds("2026-11-20T04:00:00Z"), seconds("2026-11-22T05:00:00Z"))
        );
    }
}
