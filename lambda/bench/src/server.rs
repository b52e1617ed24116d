//! The double's own side: connections in, answers out, each after its time.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::call::{Answer, Call};
use crate::connections::{Line, Pools};
use crate::http::{Connection, Request};
use crate::log::{self, Entry};
use crate::network;
use crate::service;
use crate::settings::{Network, Settings};
use crate::world::World;

/// Requests that are the bench's own begin so.
const OWN: &str = "/_double/";

/// A double that answers until it is dropped.
#[derive(Debug)]
pub struct Double {
    endpoint: String,
    accepting: JoinHandle<()>,
}

struct Shared {
    network: Network,
    world: Mutex<World>,
    pools: Pools,
    log: Mutex<Vec<Entry>>,
}

impl Double {
    /// Begins to answer, at a free port of this machine.
    pub async fn start(settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let world = Mutex::new(World::new(&settings));
        let (pools, log) = (Pools::default(), Mutex::default());
        let shared = Arc::new(Shared { network: settings.network, world, pools, log });
        let accepting = tokio::spawn(async move {
            // A connection that could not be taken is the client's to open again.
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(Arc::clone(&shared), stream));
                }
            }
        });
        Ok(Self { endpoint, accepting })
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    // Answers are written whole: to wait for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let (mut connection, line) = (Connection::new(stream), Line::default());
    // A client that goes away in the middle, or sends what is no HTTP, is its own matter.
    while let Ok(Some(request)) = connection.request().await {
        let arrived = log::now();
        let answer = match request.path.strip_prefix(OWN) {
            Some(own) => Answer::plain(200, shared.own(&request.method, own)),
            None => shared.respond(&line, &request, arrived).await,
        };
        if connection.answer(answer.status, answer.content_type, &answer.body).await.is_err() {
            return;
        }
    }
}

impl Shared {
    async fn respond(&self, line: &Line, request: &Request, arrived: u64) -> Answer {
        match Call::read(request) {
            Some(call) => self.answer(line, call, arrived).await,
            None => Answer::plain(400, Bytes::from_static(b"this is no request to AWS")),
        }
    }

    async fn answer(&self, line: &Line, call: Call, arrived: u64) -> Answer {
        let network = &self.network;
        let (host, setup) = ((call.service.clone(), call.region.clone()), network::setup(network, &call.region));
        let taken = self.pools.take(network.connections, line, host, setup).await;
        let half_way = network::round_trip(network, &call.region) / 2;
        wait(half_way).await;
        let answer = service::answer(&mut lock(&self.world), &call);
        wait(network::service_time(network, &call, &answer) + half_way).await;
        let entry = Entry::new(call, arrived, taken.opened, &answer);
        lock(&self.log).push(entry);
        answer
    }

    /// What the bench asks for: the model, the state, the log; or that the log be cleared.
    fn own(&self, method: &str, path: &str) -> Bytes {
        match (method, path) {
            ("GET", "model") => network::model(&self.network).to_string().into(),
            ("GET", "state") => lock(&self.world).state().to_string().into(),
            ("GET", "log") => serde_json::to_vec(&*lock(&self.log)).unwrap_or_default().into(),
            ("DELETE", "log") => {
                lock(&self.log).clear();
                Bytes::from_static(b"null")
            }
            _ => Bytes::from_static(b"null"),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn wait(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}
