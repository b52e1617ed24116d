//! One rule for retries on top of the SDK's own.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

/// A connection that was lost is tried again, whatever the HTTP client calls the loss.
///
/// When a server ends a connection with requests still on it, hyper reports a mistake of its user, and the SDK does not
/// retry those. A region would become a gap, and a halt unproven, for a connection that was merely old. Everything that
/// is called here may be called twice: it reads, it removes, or it writes the same thing again.
#[derive(Debug)]
pub(crate) struct ConnectionLost;

impl ClassifyRetry for ConnectionLost {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(error)) if error.is_connector_error() => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "a lost connection"
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use crate::wire::Script;

    #[derive(Debug, Clone, Default)]
    struct Dropping(Arc<AtomicUsize>);

    impl HttpConnector for Dropping {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.0.fetch_add(1, Ordering::Relaxed);
            HttpConnectorFuture::ready(Err(ConnectorError::user("runtime dropped the dispatch task".into())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_connection_is_tried_again() {
        let dropping = Dropping::default();
        let connector = SharedHttpConnector::new(dropping.clone());
        let shared = Script::new(|_| (200, String::new())).config();
        let shared = shared.into_builder().http_client(http_client_fn(move |_, _| connector.clone())).build();
        let config = aws_sdk_ec2::config::Builder::from(&shared).retry_classifier(super::ConnectionLost).build();
        aws_sdk_ec2::Client::from_conf(config).describe_regions().send().await.unwrap_err();
        assert!(dropping.0.load(Ordering::Relaxed) > 1, "it gave up at the first try");
    }
}
