//! Large answers are taken in a few at a time.
//!
//! How large an answer is, is up to whoever owns the account that is looked at: fifty tags on an instance are 80 KB of
//! it. All regions of all accounts are looked at at once, so without a bound a few accounts could fill the function's
//! memory, end its process at every sweep, and so blind it to all others. Small answers, which most are, wait for
//! nothing.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Past so many bytes an answer waits for one of so many slots. What holds the slot of a lower row may wait for that of
/// a higher one and never the other way round, so that nobody waits for ever.
///
/// 256 answers at once (the collector's bound) of 256 KB each are 64 MB; eight of the largest usual ones, a page of 100
/// instances with all the tags that EC2 takes, are 64 MB, and as much again once they are read.
const ROWS: [(usize, usize); 2] = [(256 * 1024, 8), (16 * 1024 * 1024, 1)];

/// What bounds the answers to all of a function's clients that share it.
#[derive(Debug, Clone)]
pub(crate) struct LargeAnswers(Arc<[(usize, Arc<Semaphore>)]>);

impl LargeAnswers {
    pub(crate) fn new() -> Self {
        Self(ROWS.iter().map(|(bytes, slots)| (*bytes, Arc::new(Semaphore::new(*slots)))).collect())
    }

    /// The client, with its answers bounded.
    pub(crate) fn bound(&self, client: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Bounded { inner: client, bound: self.clone() })
    }

    /// Reads an answer to its end. The slots are held for as long as what is returned.
    async fn take_in(&self, body: SdkBody) -> Result<(Vec<u8>, Vec<OwnedSemaphorePermit>), ConnectorError> {
        let (mut stream, mut bytes, mut held) = (ByteStream::new(body), Vec::new(), Vec::new());
        let mut rows = self.0.iter().peekable();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| ConnectorError::io(Box::new(error)))?;
            while let Some((_, slots)) = rows.next_if(|(row, _)| bytes.len() + chunk.len() > *row) {
                let slot = Arc::clone(slots).acquire_owned().await;
                held.push(slot.map_err(|closed| ConnectorError::other(Box::new(closed), None))?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes, held))
    }
}

/// A client, or one of its connectors, with its answers bounded.
#[derive(Debug, Clone)]
struct Bounded<T> {
    inner: T,
    bound: LargeAnswers,
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Bounded { inner, bound: self.bound.clone() })
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, bound) = (self.inner.call(request), self.bound.clone());
        HttpConnectorFuture::new(async move {
            let mut answer: HttpResponse = answer.await?;
            let (bytes, held) = bound.take_in(std::mem::replace(answer.body_mut(), SdkBody::taken())).await?;
            *answer.body_mut() = SdkBody::from(bytes);
            // They go with the answer, which is dropped once it has been read into what we keep of it.
            answer.add_extension(Arc::new(held));
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::wire::Script;

    fn free(bound: &LargeAnswers) -> Vec<usize> {
        bound.0.iter().map(|(_, slots)| slots.available_permits()).collect()
    }

    #[tokio::test]
    async fn large_answers_are_taken_in_a_few_at_a_time_and_small_ones_wait_for_nothing() {
        let bound = LargeAnswers::new();
        let take_in = |kilobytes: usize| bound.take_in(SdkBody::from(vec![b' '; kilobytes * 1024]));
        let mut held = vec![take_in(17 * 1024).await.unwrap()];
        for _ in 1..8 {
            held.push(take_in(257).await.unwrap());
        }
        assert_eq!(free(&bound), [0, 0]);
        assert!(take_in(257).now_or_never().is_none(), "a ninth large one waits");
        let (bytes, slots) = take_in(256).now_or_never().unwrap().unwrap();
        assert_eq!((bytes.len(), slots.len()), (256 * 1024, 0), "a small one does not");
        held.truncate(7);
        assert!(take_in(257).now_or_never().unwrap().is_ok());
        assert!(take_in(17 * 1024).now_or_never().is_none(), "the largest come one by one");
        drop(held);
        assert!(take_in(17 * 1024).now_or_never().unwrap().is_ok());
        assert_eq!(free(&bound), [8, 1]);
    }

    #[tokio::test]
    async fn an_answer_is_read_as_it_was_sent_and_gives_its_slot_back() {
        let bound = LargeAnswers::new();
        let name = "x".repeat(300 * 1024);
        let answer = format!(
            "<DescribeRegionsResponse><regionInfo><item><regionName>{name}</regionName></item></regionInfo></DescribeRegionsResponse>"
        );
        let shared = Script::new(move |_| (200, answer.clone())).config();
        let http = bound.bound(shared.http_client().unwrap());
        let client = aws_sdk_ec2::Client::new(&shared.into_builder().http_client(http).build());
        let regions = client.describe_regions().send().await.unwrap();
        assert_eq!(regions.regions()[0].region_name(), Some(name.as_str()));
        assert_eq!(free(&bound), [8, 1]);
    }
}
