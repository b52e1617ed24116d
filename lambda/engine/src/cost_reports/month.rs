use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use runawaytrain_core::measure::spend;
use runawaytrain_cur::Period;

use super::trouble::Trouble;
use crate::ports::ReportObject;
use crate::trigger::reports::MANIFEST;

/// A calendar month of UTC, which is AWS's billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month(Date);

impl Month {
    pub(super) fn of(now: Timestamp) -> Self {
        Self(spend::month(now))
    }

    /// The month before.
    pub(super) fn before(self) -> Self {
        Self(self.0.saturating_sub(Span::new().days(1)).first_of_month())
    }

    /// Its first moment.
    pub(super) fn start(self) -> Timestamp {
        moment(self.0)
    }

    /// The first moment after it.
    pub(super) fn end(self) -> Timestamp {
        moment(self.after())
    }

    fn after(self) -> Date {
        self.0.last_of_month().saturating_add(Span::new().days(1))
    }

    /// The folder of a legacy report: `20261101-20261201`.
    pub(super) fn folder(self) -> String {
        format!("{}-{}", self.0.strftime("%Y%m%d"), self.after().strftime("%Y%m%d"))
    }

    /// `November 2026`.
    pub(super) fn in_words(self) -> String {
        self.0.strftime("%B %Y").to_string()
    }

    /// Whether this is a manifest's billing period.
    pub(super) fn is(self, period: Period) -> bool {
        Some(period) == Period::new(self.start(), self.end())
    }

    /// The newest manifest of the month, and there must be manifests of one report only: two reports of the same
    /// accounts would count twice.
    pub(super) fn manifest(self, objects: &[ReportObject]) -> Result<Option<&ReportObject>, Trouble> {
        let mut reports: Vec<(Report, &ReportObject)> =
            objects.iter().filter_map(|object| Some((self.report(&object.key)?, object))).collect();
        reports.sort_by_key(|(_, object)| (object.modified, &object.key));
        let Some((report, newest)) = reports.last() else { return Ok(None) };
        match reports.iter().find(|(other, _)| other != report) {
            Some((_, other)) => Err(Trouble::SeveralReports { one: newest.key.clone(), other: other.key.clone() }),
            None => Ok(Some(newest)),
        }
    }

    /// The report that a key is the manifest of, in this month. Legacy reports have a copy of each manifest beside its
    /// edition's files, which lies one folder deeper and does not count: the one in the month's folder is replaced
    /// last.
    /// <https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html>,
    /// <https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html>
    fn report(self, key: &str) -> Option<Report> {
        let (folder, export) = (self.folder(), format!("BILLING_PERIOD={}", self.0.strftime("%Y-%m")));
        let parts: Vec<&str> = key.split('/').collect();
        let (kind, path, name, file) = match parts.as_slice() {
            [path @ .., name, month, file] if *month == folder => (Kind::Legacy, path, name, file),
            [path @ .., name, "metadata", month, file] | [path @ .., name, "metadata", month, _, file]
                if *month == export =>
            {
                (Kind::Export, path, name, file)
            }
            _ => return None,
        };
        (file.strip_suffix(MANIFEST)? == *name).then(|| Report { kind, path: [path, &[*name]].concat().join("/") })
    }
}

/// Which report.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    kind: Kind,
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Legacy,
    Export,
}

fn moment(date: Date) -> Timestamp {
    TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn november() -> Month {
        Month::of("2026-11-22T03:00:00Z".parse().unwrap())
    }

    fn object(key: &str, modified: &str) -> ReportObject {
        ReportObject { key: key.to_owned(), etag: "tag".to_owned(), size: 1, modified: modified.parse().unwrap() }
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        let january = Month::of("2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            (january.folder(), january.before().folder()),
            ("20270101-20270201".to_owned(), "20261201-20270101".to_owned())
        );
        assert_eq!(january.before().end(), january.start());
        assert_eq!(november().in_words(), "November 2026");
    }

    #[test]
    fn the_manifest_of_the_month_is_found_among_its_copies_and_the_files() {
        let objects = [
            "cur/hourly/20261101-20261201/aaaa/hourly-00001.csv.gz",
            "cur/hourly/20261101-20261201/aaaa/hourly-Manifest.json",
            "cur/hourly/20261101-20261201/hourly-Manifest.json",
            "cur/hourly/20261001-20261101/hourly-Manifest.json",
            "cur/hourly/20261101-20261201/other-Manifest.json",
        ]
        .map(|key| object(key, "2026-11-22T01:00:00Z"));
        assert_eq!(
            november().manifest(&objects).unwrap().unwrap().key,
            "cur/hourly/20261101-20261201/hourly-Manifest.json"
        );
        assert_eq!(
            november().before().manifest(&objects).unwrap().unwrap().key,
            "cur/hourly/20261001-20261101/hourly-Manifest.json"
        );
        assert!(november().before().before().manifest(&objects).unwrap().is_none());
    }

    #[test]
    fn of_an_export_that_keeps_its_editions_the_newest_manifest_counts() {
        let objects = [
            object("daily/metadata/BILLING_PERIOD=2026-11/2026-11-20-aaaa/daily-Manifest.json", "2026-11-20T01:00:00Z"),
            object("daily/metadata/BILLING_PERIOD=2026-11/2026-11-21-cccc/daily-Manifest.json", "2026-11-21T01:00:00Z"),
            object("daily/metadata/BILLING_PERIOD=2026-11/2026-11-19-bbbb/daily-Manifest.json", "2026-11-19T01:00:00Z"),
        ];
        assert!(november().manifest(&objects).unwrap().unwrap().key.contains("cccc"));
        let overwritten =
            [object("x/daily/metadata/BILLING_PERIOD=2026-11/daily-Manifest.json", "2026-11-21T01:00:00Z")];
        assert!(november().manifest(&overwritten).unwrap().is_some());
    }

    #[test]
    fn two_reports_are_not_added_up() {
        let objects = [
            object("cur/one/20261101-20261201/one-Manifest.json", "2026-11-21T01:00:00Z"),
            object("cur/two/20261101-20261201/two-Manifest.json", "2026-11-20T01:00:00Z"),
        ];
        let trouble = november().manifest(&objects).unwrap_err().to_string();
        assert!(
            trouble.contains("cur/one/") && trouble.contains("cur/two/") && trouble.contains("cur.prefix"),
            "{trouble}"
        );
    }
}
