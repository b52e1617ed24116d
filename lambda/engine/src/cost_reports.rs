//! Reads the Cost and Usage Reports into the table, where sweeps find what each account spent in each hour.
//!
//! It looks at no account and changes none: the mode has no say in it. Each billing period is read whole or not at all,
//! so that what is known of it is always one edition of AWS's, never half of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout_at;

use runawaytrain_core::decision::News;
use runawaytrain_core::measure::spend::{Charged, HOURS_BACK, Hours, STALE};
use runawaytrain_core::message::report::{
    Answer, CostReportsReport, NonMemberSpend, PeriodReport, PeriodResult, ReadPeriod,
};
use runawaytrain_core::policy::CostReports;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_cur::{AccountTotals, Amount, Hour, Manifest, Place, ReportFile, Totals};

use crate::deadline::{Deadline, has_come};
use crate::ports::{
    AccountHours, Clock, Directory, Freshness, Ports, ReadReport, ReportObject, ReportStore, SpendBook, SpentHours,
};

mod files;
mod month;
mod render;
mod trouble;

use month::Month;
use trouble::Trouble;

/// A report that cannot be read is worth a mail once what is known is older than this: AWS writes one several times a
/// day, so until then the next may be sound.
const OLD: SignedDuration = SignedDuration::from_hours(24);
/// Manifests name files and columns: some tens of KB.
const LARGEST_MANIFEST: u64 = 8 << 20;

/// Reads reports into the book of spent hours. It can look into no account.
pub(crate) struct ReportReader {
    store: Arc<dyn ReportStore>,
    book: Arc<dyn SpendBook>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
}

impl ReportReader {
    /// A reader over the ports of a deployment.
    pub fn new(ports: &Ports) -> Self {
        Self {
            store: Arc::clone(&ports.report_store),
            book: Arc::clone(&ports.spend_book),
            directory: Arc::clone(&ports.directory),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Reads what is new of the billing periods that matter: the present one and, for some days, the one before. With
    /// it comes what people must be told, where nothing new becomes known.
    pub async fn read_all(&self, place: &CostReports, deadline: Deadline) -> (Answer, Option<News>) {
        read_all(self, place, deadline).await
    }

    /// What is known of each account's hours; nothing where the table cannot be read.
    async fn known(&self, now: Timestamp) -> Option<SpentHours> {
        match self.book.hours(now.checked_sub(HOURS_BACK).unwrap_or(Timestamp::MIN)).await {
            Ok(hours) => Some(hours),
            Err(failure) => {
                tracing::warn!(error = %failure, "what the cost reports come to could not be read from the table");
                None
            }
        }
    }
}

async fn read_all(reader: &ReportReader, place: &CostReports, deadline: Deadline) -> (Answer, Option<News>) {
    let now = reader.clock.now();
    let (objects, editions) = tokio::join!(reader.store.list(&place.bucket, &place.prefix), reader.book.editions());
    let objects = match objects {
        Ok(objects) => objects,
        Err(failure) => {
            tracing::error!(bucket = place.bucket, prefix = place.prefix, error = %failure, "the cost reports could not be listed; what was known stays");
            let address = render::address(place);
            // A bucket that the deployment makes may be made a little later.
            let is_early = place.is_made && failure.kind == FailureKind::NotFound;
            let tried = Tried::Nothing(format!("the bucket could not be listed: {failure}"));
            let known = reader.known(now).await.filter(|known| known.until.is_some() || !is_early);
            let news = known.and_then(|known| unread(place, tried, known.until, now));
            let body = format!("The cost reports in {address} could not be listed, so what was known stays: {failure}");
            return (Answer::failed(body), news);
        }
    };
    let editions = match editions {
        Ok(editions) => editions,
        Err(failure) => {
            tracing::error!(error = %failure, "the known editions of the cost reports could not be read from the table; nothing was read");
            let body =
                format!("Which cost reports are known could not be read from the table, so none was read: {failure}");
            return (Answer::failed(body), None);
        }
    };
    let shelf = Shelf {
        reader,
        place,
        objects,
        editions,
        since: Hour::containing(now.checked_sub(HOURS_BACK).unwrap_or(Timestamp::MIN)),
        deadline,
    };
    let present = Month::of(now);
    let (mut periods, mut sentences) = (Vec::new(), Vec::new());
    for month in [present, present.before()] {
        let period = shelf.period(month).await;
        let sentence = render::of(&month.in_words(), &period);
        render::log(&period, &sentence);
        sentences.push((period.result, sentence));
        periods.push(period);
    }
    let known = reader.known(now).await;
    let news = known.as_ref().and_then(|known| unread(place, Tried::Periods(sentences), known.until, now));
    let report = summed_up(reader, place, periods, known.unwrap_or_default(), now).await;
    (Answer::cost_reports(render::sentences(&report), report), news)
}

/// What came of reading.
enum Tried {
    /// None could be looked for, and why.
    Nothing(String),
    /// What became of each billing period, in a sentence.
    Periods(Vec<(PeriodResult, String)>),
}

/// What people must be told where the reports are not read, or none is there to be read.
fn unread(place: &CostReports, tried: Tried, until: Option<Timestamp>, now: Timestamp) -> Option<News> {
    let (failed, others): (Vec<_>, Vec<_>) = match tried {
        Tried::Nothing(why) => (vec![why], Vec::new()),
        Tried::Periods(periods) => {
            let (failed, others): (Vec<_>, Vec<_>) =
                periods.into_iter().partition(|(result, _)| *result == PeriodResult::Failed);
            let sentences = |periods: Vec<(PeriodResult, String)>| periods.into_iter().map(|(_, why)| why).collect();
            (sentences(failed), sentences(others))
        }
    };
    let is_news = match until.map(|until| now.duration_since(until)) {
        Some(age) => age > if failed.is_empty() { STALE } else { OLD },
        // The first report of ours takes AWS up to a day; an adopted one was there before.
        None => !failed.is_empty() || !place.is_made,
    };
    let (place, is_made, has_failed) = (render::address(place), place.is_made, !failed.is_empty());
    let why = if has_failed { failed } else { others };
    is_news.then_some(News::UnreadReports { place, is_made, why, has_failed, until, at: now })
}

/// The bucket at one moment, and what is known of it.
struct Shelf<'a> {
    reader: &'a ReportReader,
    place: &'a CostReports,
    objects: Vec<ReportObject>,
    editions: BTreeMap<String, String>,
    since: Hour,
    deadline: Deadline,
}

impl Shelf<'_> {
    async fn period(&self, month: Month) -> PeriodReport {
        let without = |result, error: Option<String>| PeriodReport {
            period: month.folder(),
            result,
            edition: None,
            version: None,
            read: None,
            error,
        };
        if month.end() <= self.since.beginning() {
            return without(
                PeriodResult::Absent,
                Some(format!("none of its hours is less than {} days old", HOURS_BACK.as_hours() / 24)),
            );
        }
        let manifest = match month.manifest(&self.objects) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => {
                return without(
                    PeriodResult::Absent,
                    Some(format!("there is no report of it in {}", render::address(self.place))),
                );
            }
            Err(trouble) => return without(PeriodResult::Failed, Some(trouble.to_string())),
        };
        // A manifest that is written again with the same words may name files that are not the same.
        let edition = format!("{} {}", clean(&manifest.etag), manifest.modified);
        if self.editions.get(&month.folder()) == Some(&edition) {
            return PeriodReport { edition: Some(edition), ..without(PeriodResult::Unchanged, None) };
        }
        let read = self.read(month, manifest, &edition);
        let read = match self.deadline.cut_off() {
            Some(end) => timeout_at(end, read).await.unwrap_or(Err(Trouble::OutOfTime)),
            None => read.await,
        };
        let (result, version, read, error) = match read {
            Ok((version, read)) => (PeriodResult::Read, version, Some(read), None),
            Err(Trouble::OutOfTime) => (PeriodResult::NotReached, None, None, Some(Trouble::OutOfTime.to_string())),
            Err(trouble) => (PeriodResult::Failed, None, None, Some(trouble.to_string())),
        };
        PeriodReport { period: month.folder(), result, edition: Some(edition), version, read, error }
    }

    /// Reads an edition and puts it in the place of what was known of its period.
    async fn read(
        &self,
        month: Month,
        object: &ReportObject,
        edition: &str,
    ) -> Result<(Option<String>, ReadPeriod), Trouble> {
        if has_come(self.deadline.stop_work()) {
            return Err(Trouble::OutOfTime);
        }
        let CostReports { bucket, prefix, .. } = self.place;
        let bytes = self
            .reader
            .store
            .get(bucket, &object.key, LARGEST_MANIFEST)
            .await
            .map_err(|failure| Trouble::of_file(&object.key, failure))?;
        let manifest = Manifest::parse(&bytes, Place { bucket, prefix })
            .map_err(|error| Trouble::Manifest { key: object.key.clone(), error })?;
        if !month.is(manifest.period) {
            return Err(Trouble::OtherPeriod { key: object.key.clone(), period: manifest.period });
        }
        let listed = |file: ReportFile| match self.objects.iter().find(|listed| listed.key == file.key) {
            Some(listed) => Ok((file, listed)),
            None => Err(Trouble::Missing { file: file.key, manifest: object.key.clone() }),
        };
        let files = manifest.files().map(listed).collect::<Result<Vec<_>, _>>()?;
        let number = files.len();
        let totals = files::read_all(&*self.reader.store, bucket, files, self.since, self.deadline).await?;
        trouble::credible(&totals)?;
        let report = self.hourly(month, edition, &totals, object.modified);
        if has_come(self.deadline.stop_work()) {
            return Err(Trouble::OutOfTime);
        }
        self.reader.book.store(&report).await.map_err(|failure| Trouble::NotStored(Box::new(failure)))?;
        let reaches = self.reach(&totals).is_some();
        let read = ReadPeriod {
            files: number,
            rows: totals.rows,
            accounts: report.accounts.len(),
            hours: report
                .accounts
                .values()
                .flat_map(|hours| hours.usage.keys())
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            until: reaches.then_some(report.until),
            gaps: render::gaps(&totals.gaps),
            left_out: render::left_out(&totals.gaps),
        };
        Ok((manifest.version.as_deref().map(clean), read))
    }

    /// The last hour of a report, where it is one that matters.
    fn reach(&self, totals: &Totals) -> Option<Hour> {
        totals.reach.last().filter(|last| *last >= self.since)
    }

    /// What each account used in each hour that matters, to the millionth of a dollar.
    fn hourly(&self, month: Month, edition: &str, totals: &Totals, written: Timestamp) -> ReadReport {
        // No hour of usage costs less than nothing; what takes costs back is summed apart.
        let usd = |amount: Amount| Usd::micros(u64::try_from(amount.millionths().max(0)).unwrap_or(u64::MAX));
        let spent = |account: &AccountTotals| AccountHours {
            usage: account.usage.iter().map(|(hour, amount)| (hour.beginning(), usd(amount))).collect(),
            purchases: account.purchases.iter().map(|(hour, amount)| (hour.beginning(), usd(*amount))).collect(),
        };
        let accounts: BTreeMap<AccountId, _> = totals
            .accounts
            .iter()
            .map(|(id, account)| (id.clone(), spent(account)))
            .filter(|(_, hours)| *hours != AccountHours::default())
            .collect();
        // A line of a whole day ends at midnight, but the report knows nothing of the time after it was written. Where
        // there is no usage at all, the report says nothing of the hours that are kept.
        let until = self.reach(totals).map_or(self.since, |last| last.plus(1).min(Hour::containing(written).plus(1)));
        ReadReport { period: month.folder(), edition: edition.to_owned(), accounts, until: until.beginning() }
    }
}

/// What all reports together say now, as the next sweep will find it.
async fn summed_up(
    reader: &ReportReader,
    place: &CostReports,
    periods: Vec<PeriodReport>,
    hours: SpentHours,
    now: Timestamp,
) -> CostReportsReport {
    let mut report = CostReportsReport {
        bucket: place.bucket.clone(),
        prefix: place.prefix.clone(),
        periods,
        ..CostReportsReport::default()
    };
    let Some(until) = hours.until else { return report };
    let members = match reader.directory.accounts(Freshness::Cached).await {
        Ok(members) => Some(members),
        Err(failure) => {
            report.unlisted = Some(format!("who of them is not in the organization could not be told: {failure}"));
            None
        }
    };
    let is_member = |account: &AccountId| {
        members.as_ref().is_none_or(|members| members.accounts.iter().any(|member| member.account == *account))
    };
    let mut all = Usd::ZERO;
    let mut window = None;
    for (account, AccountHours { usage, purchases }) in hours.accounts {
        // Seen from the end of the data: how old that is is said beside it.
        let Some(day) = (Hours { by_hour: usage, purchases, until }).newest_day() else { continue };
        window = Some(day);
        if is_member(&account) {
            all += day.amount;
        } else if day.amount > Usd::ZERO {
            report.non_members.push(NonMemberSpend { account, day: day.amount });
        }
    }
    report.day =
        window.or_else(|| Hours { until, ..Hours::default() }.newest_day()).map(|day| Charged { amount: all, ..day });
    report.age = Some(now.duration_since(until).as_secs());
    report
}
