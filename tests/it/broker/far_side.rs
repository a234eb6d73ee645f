//! The far side of the wire: a server that answers, or doesn't, as a test tells it.
//!
//! It is written on bare sockets, so that it can break HTTP as well as speak it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the far side does about a request.
pub(crate) enum Reply {
    /// Answers in JSON.
    Json(u16, Value),
    /// Answers with headers and a body.
    Text(u16, Vec<(&'static str, String)>, String),
    /// Writes bytes and hangs up.
    Raw(Vec<u8>),
    /// Hangs up without a word.
    HangUp,
    /// Never answers.
    Silence,
    /// Answers in JSON once told to.
    Later(Arc<Notify>, Value),
}

type Script = Arc<Mutex<dyn FnMut(&Seen) -> Reply + Send>>;

/// A running far side; it is gone with this value.
pub(crate) struct FarSide {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl FarSide {
    pub(crate) async fn start(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Script = Arc::new(Mutex::new(script));
        let task = tokio::spawn(accept(listener, script, Arc::clone(&seen)));
        Self { url, seen, task }
    }

    /// Returns the requests so far, oldest first.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

impl Drop for FarSide {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, script: Script, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, Arc::clone(&script), Arc::clone(&seen)));
    }
}

async fn serve(mut socket: TcpStream, script: Script, seen: Arc<Mutex<Vec<Seen>>>) -> io::Result<()> {
    while let Some(request) = read(&mut socket).await? {
        lock(&seen).push(request.clone());
        let reply = (script.lock().unwrap_or_else(PoisonError::into_inner))(&request);
        let json = |status, body: &Value| {
            text(status, &[("content-type", "application/json".to_owned())], &body.to_string())
        };
        match reply {
            Reply::Json(status, body) => socket.write_all(&json(status, &body)).await?,
            Reply::Text(status, headers, body) => socket.write_all(&text(status, &headers, &body)).await?,
            Reply::Raw(bytes) => {
                socket.write_all(&bytes).await?;
                return socket.shutdown().await;
            }
            Reply::HangUp => return Ok(()),
            Reply::Silence => std::future::pending().await,
            Reply::Later(told, body) => {
                told.notified().await;
                socket.write_all(&json(200, &body)).await?;
            }
        }
    }
    Ok(())
}

/// Reads one request; `None` when the peer is done.
async fn read(socket: &mut TcpStream) -> io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut seen = Seen { method, target, headers, body: String::new() };
    let length: usize = seen.header("content-length").and_then(|n| n.parse().ok()).unwrap_or_default();
    while bytes.len() < end + 4 + length {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    seen.body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
    Ok(Some(seen))
}

/// Returns an answer as bytes.
pub(crate) fn text(status: u16, headers: &[(&'static str, String)], body: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\n");
    if status != 204 {
        head += "content-length: ";
        head += &body.len().to_string();
        head += "\r\n";
    }
    for (name, value) in headers {
        head.extend([name, ": ", value.as_str(), "\r\n"]);
    }
    format!("{head}\r\n{body}").into_bytes()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
