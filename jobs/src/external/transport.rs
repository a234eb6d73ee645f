//! HTTP/1.1 as such: a pool of connections, and what was sent when something fails.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use http::{
    HeaderName, HeaderValue, Request as HttpRequest, Uri,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::RootCertStore;
use secrecy::{ExposeSecret, SecretString};
use tokio::{net::TcpStream, time::timeout};
use tower::{BoxError, Service};

use super::{ExternalError, ExternalOptions, Request, answer::Raw, secrets::Secrets, tls};

/// Longer than the pauses of a busy worker, shorter than the silence that load balancers allow.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 16;

/// What came of sending.
pub(super) enum Sent {
    /// An answer came, perhaps cut at the limit.
    Answered(Raw),
    /// No connection came about: nothing was sent.
    Never(String),
    /// It may have been sent, and no whole answer came.
    Perhaps(String),
}

/// Connections to one provider.
pub(super) struct Transport {
    client: Client<Connector, Full<Bytes>>,
    base: String,
    secrets: Vec<(HeaderName, SecretString)>,
    body_limit: usize,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(options: &ExternalOptions) -> Result<Self, ExternalError> {
        let bad = |why: &str| ExternalError::Config(format!("{:?} is no base URL: {why}", options.base_url));
        let base: Uri = options.base_url.parse().map_err(|error| bad(&format!("{error}")))?;
        let host = base.host().ok_or_else(|| bad("it names no host"))?.to_owned();
        if base.query().is_some() || base.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(bad("it has a query or a user"));
        }
        let tls = match base.scheme_str() {
            Some("https") => tls::client_config()?,
            Some("http") => Arc::new(tls::trusting(RootCertStore::empty()).map_err(ExternalError::Config)?),
            _ => return Err(bad("the scheme is neither https nor http")),
        };
        for (name, value) in &options.secret_headers {
            header_value(value)
                .ok_or_else(|| ExternalError::Config(format!("the value of {name} fits in no header")))?;
        }
        let name = host.trim_matches(['[', ']']).to_owned().try_into();
        let name = name.map_err(|_| bad("its host can't be checked against a certificate"))?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = HttpsConnector::new(http, tls, false, Arc::new(FixedServerNameResolver::new(name)));
        // Part of the deadline, so that a silent host counts as "not sent" and not as "unknown".
        let connector = Connector { https, patience: options.timeout.mul_f64(0.6) };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .build(connector);
        Ok(Self {
            client,
            base: options.base_url.trim_end_matches('/').to_owned(),
            secrets: options.secret_headers.clone(),
            body_limit: options.body_limit,
        })
    }

    /// Sends `request` and reads the answer up to the limit. Has no deadline of its own.
    pub(super) async fn send(&self, request: &Request) -> Sent {
        let http = match self.http(request) {
            Ok(http) => http,
            Err(error) => return Sent::Never(format!("{} is no request: {error}", request.target())),
        };
        let response = match self.client.request(http).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Sent::Never(chain(&error)),
            Err(error) => return Sent::Perhaps(chain(&error)),
        };
        let (head, body) = response.into_parts();
        match Limited::new(body, self.body_limit).collect().await {
            Ok(body) => Sent::Answered(Raw { head, body: Ok(body.to_bytes()) }),
            Err(error) if error.is::<LengthLimitError>() => {
                Sent::Answered(Raw { head, body: Err(self.body_limit) })
            }
            Err(error) => Sent::Perhaps(format!("{} and half an answer: {error}", head.status.as_u16())),
        }
    }

    /// Returns what goes out with `request` and must not be shown when it comes back.
    pub(super) fn secrets(&self, request: &Request) -> Secrets {
        let mut secrets = Secrets::default();
        self.secrets.iter().for_each(|(_, value)| secrets.add_header(value));
        if let Some(value) = request.secret() {
            secrets.add_query(value);
        }
        secrets
    }

    fn http(&self, request: &Request) -> http::Result<HttpRequest<Full<Bytes>>> {
        let mut http = HttpRequest::builder()
            .method(request.method())
            .uri(format!("{}{}", self.base, request.sent_target()))
            .header(ACCEPT, "application/json");
        // Some providers want to be told whom they may write to: then that is among the headers.
        if !self.secrets.iter().any(|(name, _)| name == USER_AGENT) {
            http = http.header(USER_AGENT, concat!("capstan/", env!("CARGO_PKG_VERSION")));
        }
        for (name, value) in &self.secrets {
            if let Some(value) = header_value(value) {
                http = http.header(name, value);
            }
        }
        match request.body() {
            Some(body) => http.header(CONTENT_TYPE, "application/json").body(Full::from(body.to_string())),
            None => http.body(Full::default()),
        }
    }
}

/// Returns the value of a header that is never shown.
fn header_value(secret: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(secret.expose_secret()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns an error with its causes, which libraries tell only when asked.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// Connects within a time of its own.
#[derive(Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector>,
    patience: Duration,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, patience) = (self.https.call(uri), self.patience);
        async move {
            match timeout(patience, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {patience:?}").into()),
            }
        }
        .boxed()
    }
}
