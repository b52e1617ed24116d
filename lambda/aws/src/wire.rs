//! For tests: a service that answers from a script, for what neither emulator does (empty pages, pages of users, lost
//! answers).
//!
//! Its requests are those of the real clients, so they count as evidence of what is called: where `RUNAWAYTRAIN_WIRE`
//! names a folder, they are recorded there as the recorder between the adapters and an emulator records them
//! (`scripts/privileges_lib/recorder.py`).

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use runawaytrain_bench::LocalTable;
use serde_json::{Map, Value, json};

use crate::config;

/// The folder that requests are recorded in, if any.
const RECORD: &str = "RUNAWAYTRAIN_WIRE";
/// Headers that tell who asks for what.
const TELLING: [&str; 3] = ["authorization", "user-agent", "x-amz-target"];

/// By the header that names the operation, where there is one, and the body.
type Answer = dyn Fn(&str, &str) -> (u16, Vec<u8>) + Send + Sync;

/// A service whose answer to a request's body is what the script says; every request's body is kept.
#[derive(Clone)]
pub(crate) struct Script {
    answer: Arc<Answer>,
    asked: Arc<Mutex<Vec<String>>>,
    agents: Arc<Mutex<Vec<String>>>,
    signers: Arc<Mutex<Vec<String>>>,
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
        Self::of(move |_, asked| answer(asked))
    }

    /// A table of DynamoDB, which is empty to begin with.
    pub(crate) fn table() -> Self {
        let table = LocalTable::new();
        Self::of(move |target, asked| table.answer(target, asked))
    }

    fn of(answer: impl Fn(&str, &str) -> (u16, Vec<u8>) + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default(), agents: Arc::default(), signers: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How the askers called themselves.
    pub(crate) fn agents(&self) -> Vec<String> {
        self.agents.lock().unwrap().clone()
    }

    /// The access keys that the requests were signed with.
    pub(crate) fn signers(&self) -> Vec<String> {
        self.signers.lock().unwrap().clone()
    }

    /// The configuration of the function, with this service at the other end.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"));
        config::shared(credentials, None)
            .into_builder()
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (status, answer) = (self.answer)(target, &body);
        if let Some(folder) = std::env::var_os(RECORD) {
            record(folder.as_ref(), &request, &body);
        }
        self.agents.lock().unwrap().push(request.headers().get("user-agent").unwrap_or_default().to_owned());
        // `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
        let signed = request.headers().get("authorization").unwrap_or_default();
        let key = signed.split(['=', '/']).nth(1).unwrap_or_default();
        self.signers.lock().unwrap().push(key.to_owned());
        self.asked.lock().unwrap().push(body);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer))))
    }
}

/// Appends one line, whole, for tests that run side by side, each in a process of its own: a write may take only a part
/// of what it is given, so others wait until all of it is there. The lock goes with the file.
fn record(folder: &Path, request: &HttpRequest, body: &str) {
    let headers: Map<String, Value> =
        TELLING.into_iter().filter_map(|name| Some((name.to_owned(), json!(request.headers().get(name)?)))).collect();
    let line = json!({ "method": request.method(), "uri": request.uri(), "headers": headers, "body": body });
    std::fs::create_dir_all(folder).unwrap();
    let mut file = std::fs::File::options().create(true).append(true).open(folder.join("double.jsonl")).unwrap();
    file.lock().unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What STS answers to AssumeRole.
pub(crate) fn assumed(expiration: &str) -> (u16, String) {
    let keys = "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>";
    let session = format!("<SessionToken>token</SessionToken><Expiration>{expiration}</Expiration>");
    let credentials = format!("<Credentials>{keys}{session}</Credentials>");
    let result = format!("<AssumeRoleResult>{credentials}</AssumeRoleResult>");
    (200, format!("<AssumeRoleResponse>{result}</AssumeRoleResponse>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each opens the file for itself, as each process does.
    #[test]
    fn requests_recorded_side_by_side_are_each_a_whole_line() {
        let folder = std::env::temp_dir().join(format!("runawaytrain-wire-{}", std::process::id()));
        let long = "x".repeat(100_000);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..20).for_each(|_| record(&folder, &HttpRequest::empty(), &long)));
            }
        });
        let text = std::fs::read_to_string(folder.join("double.jsonl")).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().filter(|line| line["body"] == long.as_str()).count(), 160);
    }
}
