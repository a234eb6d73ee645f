//! The stream of order events: one WebSocket, authenticated and listening before it is handed out.
//!
//! On paper accounts the JSON comes in binary frames, elsewhere in text; both are read.

use std::{fmt, sync::Arc, time::Duration};

use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use http::Uri;
use hyper::body::Bytes;
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};
use tracing::{debug, instrument::WithSubscriber, subscriber::NoSubscriber};

use super::{
    super::{StreamError, TradeEvent, TradeStream},
    wire,
};
use crate::external::{ExternalError, storable::storable, tls};

/// The longest that connecting, authenticating and asking for events may take together.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that sending a ping may take.
const SEND: Duration = Duration::from_secs(5);
/// The longest message, in bytes: an order with its legs takes a few thousand.
const LONGEST: usize = 1024 * 1024;

/// Any connection, with or without TLS.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Where the stream is, and how long it may be silent.
pub(super) struct StreamAddress {
    url: String,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    key: SecretString,
    secret: SecretString,
    silence: Duration,
}

impl fmt::Debug for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamAddress").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Envelope {
    stream: String,
    data: Value,
}

impl StreamAddress {
    /// `silence` is how long nothing may come, not even an answer to one of the pings that are
    /// sent three times as often.
    pub(super) fn new(
        url: &str,
        key: SecretString,
        secret: SecretString,
        silence: Duration,
    ) -> Result<Self, ExternalError> {
        let bad = |why: &str| ExternalError::Config(format!("{url:?} is no stream URL: {why}"));
        let uri: Uri = url.parse().map_err(|error| bad(&format!("{error}")))?;
        let host = uri.host().ok_or_else(|| bad("it names no host"))?.trim_matches(['[', ']']).to_owned();
        let (tls, port) = match uri.scheme_str() {
            Some("wss") => (Some(tls::client_config()?), 443),
            Some("ws") => (None, 80),
            _ => return Err(bad("the scheme is neither wss nor ws")),
        };
        let port = uri.port_u16().unwrap_or(port);
        Ok(Self { url: url.to_owned(), host, port, tls, key, secret, silence })
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn TradeStream>, StreamError> {
        let stream = timeout(CONNECT, self.listening()).await.unwrap_or_else(|_| {
            Err(StreamError::NotConnected { reason: format!("not listening within {CONNECT:?}") })
        })?;
        Ok(Box::new(stream))
    }

    async fn listening(&self) -> Result<Listening, StreamError> {
        let mut socket = self.open().await?;
        let (key, secret) = (self.key.expose_secret(), self.secret.expose_secret());
        let authenticate = json!({"action": "authenticate", "data": {"key_id": key, "secret_key": secret}});
        // The library logs every frame that it writes, at the finest level: not this one.
        say(&mut socket, &authenticate).with_subscriber(NoSubscriber::default()).await?;
        let answer = answer_to(&mut socket, "authorization").await?;
        if answer["status"] != "authorized" {
            return Err(StreamError::Unauthorized);
        }
        say(&mut socket, &json!({"action": "listen", "data": {"streams": ["trade_updates"]}})).await?;
        let answer = answer_to(&mut socket, "listening").await?;
        let streams = answer["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !streams.iter().any(|stream| stream == "trade_updates") {
            return Err(StreamError::Malformed {
                reason: format!("it does not send trade updates but {answer}"),
            });
        }
        let now = Instant::now();
        Ok(Listening { socket, heard: now, ping_at: now + self.silence / 3, silence: self.silence })
    }

    async fn open(&self) -> Result<WebSocketStream<Box<dyn Socket>>, StreamError> {
        let failed = |reason: String| StreamError::NotConnected { reason };
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await;
        let tcp = tcp.map_err(|error| failed(error.to_string()))?;
        let _ = tcp.set_nodelay(true);
        let socket: Box<dyn Socket> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from(self.host.clone());
                let name = name.map_err(|error| failed(error.to_string()))?;
                let secured = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
                Box::new(secured.map_err(|error| failed(error.to_string()))?)
            }
        };
        let limits = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        match client_async_with_config(self.url.as_str(), socket, Some(limits)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) if matches!(answer.status().as_u16(), 401 | 403) => {
                Err(StreamError::Unauthorized)
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

/// A connection that is authenticated and listens.
struct Listening {
    socket: WebSocketStream<Box<dyn Socket>>,
    heard: Instant,
    ping_at: Instant,
    silence: Duration,
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("silence", &self.silence).finish_non_exhaustive()
    }
}

impl TradeStream for Listening {
    fn next(&mut self) -> BoxFuture<'_, Result<TradeEvent, StreamError>> {
        self.event().boxed()
    }
}

impl Listening {
    async fn event(&mut self) -> Result<TradeEvent, StreamError> {
        loop {
            let Ok(message) = timeout_at(self.ping_at, self.socket.next()).await else {
                if self.heard.elapsed() >= self.silence {
                    return Err(StreamError::Silent { seconds: self.silence.as_secs() });
                }
                self.ping().await?;
                continue;
            };
            let envelope = envelope(message)?;
            self.heard = Instant::now();
            match envelope {
                Some(Envelope { stream, data }) if stream == "trade_updates" => {
                    return wire::trade_event(data)
                        .map_err(|error| StreamError::Malformed { reason: error.to_string() });
                }
                Some(Envelope { stream, data })
                    if stream == "authorization" && data["status"] != "authorized" =>
                {
                    return Err(StreamError::Unauthorized);
                }
                Some(Envelope { stream, .. }) => {
                    debug!(stream, "passing over a message of the stream {stream}");
                }
                None => {}
            }
        }
    }

    async fn ping(&mut self) -> Result<(), StreamError> {
        self.ping_at = Instant::now() + self.silence / 3;
        match timeout(SEND, self.socket.send(Message::Ping(Bytes::new()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(closed(&error)),
            Err(_) => Err(StreamError::Silent { seconds: SEND.as_secs() }),
        }
    }
}

async fn say(socket: &mut WebSocketStream<Box<dyn Socket>>, what: &Value) -> Result<(), StreamError> {
    socket.send(Message::text(what.to_string())).await.map_err(|error| closed(&error))
}

/// Returns what comes next on `stream`, passing over anything else.
async fn answer_to(
    socket: &mut WebSocketStream<Box<dyn Socket>>,
    stream: &str,
) -> Result<Value, StreamError> {
    loop {
        if let Some(envelope) = envelope(socket.next().await)?
            && envelope.stream == stream
        {
            return Ok(envelope.data);
        }
    }
}

/// Reads a message; `None` for one without content, such as a pong.
fn envelope(message: Option<Result<Message, tungstenite::Error>>) -> Result<Option<Envelope>, StreamError> {
    let message = match message {
        Some(Ok(message)) => message,
        Some(Err(error)) => return Err(closed(&error)),
        None => return Err(StreamError::Closed { reason: "end of connection".into() }),
    };
    let malformed = |reason: String| StreamError::Malformed { reason };
    let text = match &message {
        Message::Text(text) => text.as_str(),
        Message::Binary(bytes) => std::str::from_utf8(bytes).map_err(|error| malformed(error.to_string()))?,
        Message::Close(frame) => {
            let reason = frame.as_ref().map_or_else(|| "no reason given".to_owned(), ToString::to_string);
            return Err(StreamError::Closed { reason });
        }
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
    };
    serde_json::from_str(&storable(text)).map(Some).map_err(|error| malformed(error.to_string()))
}

fn closed(error: &tungstenite::Error) -> StreamError {
    StreamError::Closed { reason: error.to_string() }
}
