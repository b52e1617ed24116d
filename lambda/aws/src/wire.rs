//! For tests: a service that answers from a script, for what neither emulator does (empty pages, pages of users, lost answers).

use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

use crate::config;

type Answer = dyn Fn(&str) -> (u16, Vec<u8>) + Send + Sync;

/// A service whose answer to a request's body is what the script says; every request's body is kept.
#[derive(Clone)]
pub(crate) struct Script {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(crate) fn new(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::binary(move |asked| {
            let (status, body) = answer(asked);
            (status, body.into_bytes())
        })
    }

    /// One that does not answer in text, such as CloudWatch, which speaks CBOR.
    pub(crate) fn binary(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The configuration of the function, with this service at the other end.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"));
        config::shared(credentials, None).into_builder().http_client(http_client_fn(move |_, _| connector.clone())).build()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let (status, answer) = (self.answer)(&body);
        self.asked.lock().unwrap().push(body);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer))))
    }
}
