//! HTTP/1.1 as far as the clients of AWS need it: a request at a time on each connection, bodies of a stated length.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whoever sends more headers is no client of AWS.
const MOST_HEADERS: usize = 64;

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Request {
    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A connection with what was read of it and is not used yet.
pub(crate) struct Connection {
    stream: TcpStream,
    read: BytesMut,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, read: BytesMut::new() }
    }

    /// The next request; `None` once the client has closed the connection.
    pub async fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((mut request, head)) = head(&self.read)? {
                self.read.advance(head);
                let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                while self.read.len() < length {
                    self.fill().await?;
                }
                request.body = self.read.split_to(length).freeze();
                return Ok(Some(request));
            }
            match self.fill().await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.read.is_empty() => return Ok(None),
                filled => filled?,
            }
        }
    }

    /// Answers the request that was read.
    pub async fn answer(&mut self, status: u16, content_type: &str, body: &[u8]) -> io::Result<()> {
        // Only CloudWatch's clients look at the protocol.
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: {content_type}\r\nsmithy-protocol: rpc-v2-cbor\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let mut whole = Vec::with_capacity(head.len() + body.len());
        whole.extend_from_slice(head.as_bytes());
        whole.extend_from_slice(body);
        self.stream.write_all(&whole).await
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The head of a request and its length; `None` where it is not whole yet.
fn head(read: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(read).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let header = |header: &httparse::Header<'_>| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    };
    let (method, path) = (text(parsed.method), text(parsed.path));
    let headers = parsed.headers.iter().map(header).collect();
    Ok(Some((Request { method, path, headers, body: Bytes::new() }, length)))
}
