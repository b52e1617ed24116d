//! The pace of calls whose members share a quota. Calls go out whole until AWS throttles one; from then on they go out
//! in pieces, as fast as AWS's documented token bucket fills, and now and then faster, for AWS raises quotas. Whoever
//! asks for more than there is only wears out the quota of calls.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use runawaytrain_core::resource::{Act, Action, Quota};
use runawaytrain_core::vocabulary::ids::Region;

/// So many members in a call that has to wait for its tokens: a call every few seconds, and each is soon known.
const PIECE: usize = 100;
/// The same where members have refused, each of which takes the whole call's tokens in vain.
const SMALL_PIECE: usize = 10;
/// After so many calls that were taken, whether more are is tried; after one that was not, the double of that.
const CALLS_UNTIL_FASTER: u32 = 16;
/// By so much.
const FASTER: f64 = 2.0;

/// The buckets of one account, as far as this invocation drew on them.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<HashMap<(&'static str, Option<Region>), Pace>>);

/// What is to be done about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// To make it after so long. Its tokens are taken.
    After(Duration),
    /// To ask for so many of its members at once.
    InPieces(usize),
    /// To come again once a call under way has ended: it shows whether there is more than AWS documents.
    Later,
}

/// Whether more is asked for than is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    /// No.
    Rests,
    /// As soon as no call is under way.
    Due,
    /// By the call that is under way.
    Runs,
}

/// One bucket.
#[derive(Debug)]
struct Pace {
    quota: Quota,
    /// Whether a call was throttled.
    is_paced: bool,
    trial: Trial,
    /// Below nothing where calls took what the documented bucket does not hold, or will hold only later.
    tokens: f64,
    since: Instant,
    /// Tokens a second.
    rate: f64,
    under_way: u32,
    /// Calls that were taken at this rate.
    taken: u32,
    until_faster: u32,
}

impl Paces {
    /// Lets a call out, whole or not. What it lets out has to be [settled](Self::settle). Whoever has nothing else to
    /// wait for does not come again later.
    pub fn admit(&self, action: &Action, has_refused: bool, can_wait: bool) -> Admission {
        let members = action.items().len();
        let admitted = self.of(action, |pace| {
            let is_there = pace.tokens >= members as f64;
            let most = if has_refused { SMALL_PIECE } else { PIECE };
            if pace.is_paced && !is_there && members > most {
                return Admission::InPieces(most);
            }
            let is_trial = pace.trial != Trial::Rests || (!pace.is_paced && !is_there);
            if is_trial && pace.under_way > 0 && can_wait {
                return Admission::Later;
            }
            if pace.trial == Trial::Due {
                (pace.trial, pace.rate, pace.tokens) = (Trial::Runs, pace.rate * FASTER, pace.tokens.min(0.0));
            }
            pace.under_way += 1;
            pace.tokens -= members as f64;
            Admission::After(if pace.is_paced { pace.until_there() } else { Duration::ZERO })
        });
        admitted.unwrap_or(Admission::After(Duration::ZERO))
    }

    /// A call that was let out has ended; whether AWS took it.
    pub fn settle(&self, action: &Action, is_taken: bool) {
        self.of(action, |pace| {
            pace.under_way = pace.under_way.saturating_sub(1);
            if is_taken {
                pace.taken();
            }
        });
    }

    /// A call was throttled: how long it waits until it is made again. `None` where its members share no quota.
    pub fn throttled(&self, action: &Action) -> Option<Duration> {
        let members = action.items().len() as f64;
        self.of(action, |pace| {
            let is_news = !pace.is_paced || pace.rate > f64::from(pace.quota.a_second);
            pace.slow_down();
            // What it was promised was not there, and is promised anew: after what others were promised since.
            pace.tokens = if is_news { -members } else { pace.tokens.min(0.0) - members };
            pace.until_there()
        })
    }

    /// Whether a throttled action has more members than a call should wait for: it comes again in pieces.
    pub fn is_too_large(&self, action: &Action) -> bool {
        action.quota().is_some() && action.items().len() > PIECE
    }

    /// Takes the promise to a throttled call back: its pieces are promised their own.
    pub fn give_up(&self, action: &Action) {
        let members = action.items().len() as f64;
        self.of(action, |pace| pace.tokens = (pace.tokens + members).min(0.0));
    }

    fn of<T>(&self, action: &Action, then: impl FnOnce(&mut Pace) -> T) -> Option<T> {
        let quota = action.quota()?;
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces.entry((action.operation(), action.region().cloned())).or_insert_with(|| Pace::full(quota));
        pace.fill();
        Some(then(pace))
    }
}

impl Pace {
    fn full(quota: Quota) -> Self {
        Self {
            quota,
            is_paced: false,
            trial: Trial::Rests,
            tokens: f64::from(quota.at_once),
            since: Instant::now(),
            rate: f64::from(quota.a_second),
            under_way: 0,
            taken: 0,
            until_faster: CALLS_UNTIL_FASTER,
        }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let came = now.duration_since(self.since).as_secs_f64() * self.rate;
        (self.tokens, self.since) = ((self.tokens + came).min(f64::from(self.quota.at_once)), now);
    }

    fn until_there(&self) -> Duration {
        Duration::from_secs_f64((-self.tokens).max(0.0) / self.rate)
    }

    fn taken(&mut self) {
        if !self.is_paced {
            if self.tokens < 0.0 {
                // There was more than AWS documents, and may be again.
                self.tokens = f64::from(self.quota.at_once);
            }
            return;
        }
        self.taken += 1;
        if self.trial == Trial::Runs {
            (self.trial, self.taken) = (Trial::Rests, 0);
        }
        // Where there is plenty, it is not the pace that holds anybody up.
        if self.taken >= self.until_faster && self.tokens < PIECE as f64 {
            self.trial = Trial::Due;
        }
    }

    fn slow_down(&mut self) {
        let documented = f64::from(self.quota.a_second);
        if self.rate > documented {
            self.until_faster = self.until_faster.saturating_mul(2);
        }
        (self.is_paced, self.trial, self.rate, self.taken) = (true, Trial::Rests, documented, 0);
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::{instances, quarantine};
    use runawaytrain_core::vocabulary::ids::InstanceId;
    use tokio::time::sleep;

    use super::*;

    fn stop(members: usize) -> Action {
        let instances = (0..members).map(|number| InstanceId::new(format!("i-{number}"))).collect();
        instances::Action::StopInstances { region: Region::new("us-east-1"), instances, erases: Vec::new() }.into()
    }

    /// A bucket as AWS has it.
    struct Bucket {
        tokens: f64,
        most: f64,
        a_second: f64,
        since: Instant,
        calls: u32,
        throttled: u32,
    }

    impl Bucket {
        fn takes(&mut self, members: usize) -> bool {
            self.calls += 1;
            self.tokens = f64::min(self.most, self.tokens + self.since.elapsed().as_secs_f64() * self.a_second);
            self.since = Instant::now();
            let takes = self.tokens >= members as f64;
            if takes {
                self.tokens -= members as f64;
            } else {
                self.throttled += 1;
            }
            takes
        }
    }

    /// Stops so many, one call after the other, under a bucket of so many that gains so much a second.
    async fn stopped(number: usize, (most, a_second): (f64, f64)) -> (Duration, Bucket) {
        let (paces, began) = (Paces::default(), Instant::now());
        let mut aws = Bucket { tokens: most, most, a_second, since: began, calls: 0, throttled: 0 };
        let mut waiting: Vec<usize> = (0..number).step_by(1000).map(|begun| (number - begun).min(1000)).collect();
        while let Some(members) = waiting.pop() {
            let action = stop(members);
            let wait = match paces.admit(&action, false, true) {
                Admission::After(wait) => wait,
                Admission::InPieces(most) => {
                    waiting.extend((0..members).step_by(most).map(|begun| (members - begun).min(most)));
                    continue;
                }
                Admission::Later => unreachable!("nothing is under way"),
            };
            sleep(wait).await;
            loop {
                if aws.takes(members) {
                    paces.settle(&action, true);
                    break;
                }
                let wait = paces.throttled(&action).unwrap();
                if paces.is_too_large(&action) {
                    paces.give_up(&action);
                    paces.settle(&action, false);
                    waiting.push(members);
                    break;
                }
                sleep(wait).await;
            }
        }
        (began.elapsed(), aws)
    }

    #[tokio::test(start_paused = true)]
    async fn five_thousand_stop_as_fast_as_the_quota_fills_and_few_calls_are_throttled() {
        let (took, aws) = stopped(5000, (1000.0, 20.0)).await;
        assert!(took <= Duration::from_secs(200).mul_f64(1.1), "{took:?}");
        assert!(f64::from(aws.throttled) < 0.05 * f64::from(aws.calls), "{} of {}", aws.throttled, aws.calls);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_that_aws_has_raised_is_found() {
        let (took, aws) = stopped(20_000, (100_000.0, 2000.0)).await;
        assert_eq!((took, aws.calls), (Duration::ZERO, 20), "one that holds them all");
        let (took, _) = stopped(20_000, (1000.0, 200.0)).await;
        let (as_documented, _) = stopped(20_000, (1000.0, 20.0)).await;
        assert!(took < as_documented.mul_f64(0.7), "{took:?} where the documented quota takes {as_documented:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_that_is_smaller_than_documented_only_takes_longer() {
        let (took, aws) = stopped(3000, (1000.0, 5.0)).await;
        assert!(took <= Duration::from_secs(400).mul_f64(1.6), "{took:?}");
        assert!(aws.throttled < aws.calls);
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_alone_asks_for_more_than_is_documented() {
        let paces = Paces::default();
        let whole = Admission::After(Duration::ZERO);
        assert_eq!((paces.admit(&stop(600), false, true), paces.admit(&stop(400), false, true)), (whole, whole));
        assert_eq!(paces.admit(&stop(1000), false, true), Admission::Later);
        paces.settle(&stop(600), true);
        paces.settle(&stop(400), true);
        assert_eq!(paces.admit(&stop(1000), false, true), whole);
        paces.throttled(&stop(1000)).unwrap();
        assert_eq!(paces.admit(&stop(1000), false, true), Admission::InPieces(100));
        assert_eq!(paces.admit(&stop(1000), true, true), Admission::InPieces(10));
        let freeze = Action::from(quarantine::Action::Freeze);
        assert_eq!((paces.admit(&freeze, false, true), paces.throttled(&freeze)), (whole, None));
    }
}
