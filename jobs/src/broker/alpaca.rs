//! Alpaca, by its HTTP API and its stream of order events.
//!
//! What it says is read strictly: money only from decimal strings, never through a float, and an
//! answer with a wrong type is refused as a whole.

mod answers;
mod body;
mod orders;
mod stream;
mod wire;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderName, Method};
use secrecy::SecretString;
use serde_json::Value;
use sqlx::PgPool;

use self::{answers::json, stream::StreamAddress};
use super::{
    Account, Answered, Asset, Broker, BrokerError, BrokerOrder, CalendarDay, CancelOutcome, CancelledOrder,
    Clock, Fill, LatestPrice, LatestQuote, OrderQuery, PlaceError, PlaceOrder, Placed, Portion, Position,
    ReplaceOrder, StreamError, TradeStream,
};
use crate::{
    config,
    external::{
        self, BreakerOptions, BreakerState, External, ExternalError, ExternalMetrics, ExternalOptions, Limit,
        Request, segment,
    },
};

/// The trading API's name in metrics and tables.
pub const TRADING: &str = "alpaca_trading";
/// The market data API's name in metrics and tables.
pub const DATA: &str = "alpaca_data";

/// The longest answer: 500 orders with legs take about a megabyte.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Attempts after the first of what may be repeated.
const RETRIES: usize = 2;
/// Executions on one page, the most that Alpaca gives.
const FILLS_PAGE: usize = 100;
/// The most pages of executions that are read in one go.
const MOST_FILL_PAGES: usize = 1000;

/// How Alpaca is reached.
#[derive(Debug, Clone)]
pub struct AlpacaOptions {
    /// Such as `https://paper-api.alpaca.markets`; paths begin with `/v2`.
    pub trading_url: String,
    /// Such as `https://data.alpaca.markets`.
    pub data_url: String,
    /// Such as `wss://paper-api.alpaca.markets/stream`.
    pub stream_url: String,
    /// The key's id.
    pub key: SecretString,
    /// The key's secret.
    pub secret: SecretString,
    /// Where prices come from: `iex` for every account, `sip` for a paid one.
    pub data_feed: String,
    /// This process's name, as `host:pid`.
    pub process: String,
    /// The deadline of one attempt.
    pub timeout: Duration,
    /// What the fleet may ask of the trading API.
    pub trading_limit: Limit,
    /// What the fleet may ask of the data API.
    pub data_limit: Limit,
    /// When calls are stopped.
    pub breaker: BreakerOptions,
    /// How long the stream may be silent, answers to pings included.
    pub stream_silence: Duration,
}

/// The broker behind two HTTP services and a stream.
#[derive(Debug)]
pub struct Alpaca {
    trading: External,
    data: External,
    stream: StreamAddress,
    feed: String,
}

impl Alpaca {
    /// Returns the broker that the settings name; `None` without keys. Must be called inside a
    /// runtime.
    pub fn configured(
        settings: &config::Broker,
        pool: &PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Option<Self>, ExternalError> {
        let Some((key, secret)) = settings.keys() else { return Ok(None) };
        let limit = Limit {
            per_minute: settings.requests_per_minute,
            burst: settings.burst,
            patience: Duration::from_millis(settings.patience_ms),
        };
        let options = AlpacaOptions {
            trading_url: settings.trading_url.clone(),
            data_url: settings.data_url.clone(),
            stream_url: settings.stream_url.clone(),
            key: key.clone(),
            secret: secret.clone(),
            data_feed: settings.data_feed.clone(),
            process: external::process_name(),
            timeout: settings.timeout(),
            trading_limit: limit,
            data_limit: limit,
            breaker: BreakerOptions::default(),
            stream_silence: Duration::from_millis(settings.stream_silence_ms),
        };
        Self::new(options, pool, metrics).map(Some)
    }

    /// Returns the broker; connects to nothing yet. Must be called inside a runtime.
    pub fn new(
        options: AlpacaOptions,
        pool: &PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Self, ExternalError> {
        let AlpacaOptions { key, secret, process, timeout, breaker, .. } = options;
        let secret_headers = vec![
            (HeaderName::from_static("apca-api-key-id"), key.clone()),
            (HeaderName::from_static("apca-api-secret-key"), secret.clone()),
        ];
        let external = |provider, base_url, limit| {
            let options = ExternalOptions {
                provider,
                process: process.clone(),
                base_url,
                secret_headers: secret_headers.clone(),
                timeout,
                retries: RETRIES,
                body_limit: BODY_LIMIT,
                limit,
                breaker,
            };
            External::new(options, pool.clone(), metrics)
        };
        Ok(Self {
            trading: external(TRADING, options.trading_url, options.trading_limit)?,
            data: external(DATA, options.data_url, options.data_limit)?,
            stream: StreamAddress::new(&options.stream_url, key, secret, options.stream_silence)?,
            feed: options.data_feed,
        })
    }

    /// Returns the answer to a question, `None` for 404.
    async fn find<T>(
        &self,
        request: Request,
        read: impl FnOnce(Value) -> Result<T, BrokerError>,
    ) -> Result<Option<T>, BrokerError> {
        match self.trading.call(&request).await {
            Ok(answer) => read(json(&answer)?).map(Some),
            Err(error) => match BrokerError::from(error) {
                BrokerError::Refused(refusal) if answers::is_absence(&refusal) => Ok(None),
                BrokerError::Refused(refusal) if refusal.status == 404 => Err(answers::no_absence(&refusal)),
                error => Err(error),
            },
        }
    }

    async fn ask<T>(
        &self,
        request: Request,
        read: impl FnOnce(Value) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        read(json(&self.trading.call(&request).await?)?)
    }

    async fn list<T>(
        &self,
        request: Request,
        read: impl Fn(Value) -> Result<T, BrokerError>,
    ) -> Result<Vec<T>, BrokerError> {
        let values: Vec<Value> = json(&self.trading.call(&request).await?)?;
        values.into_iter().map(read).collect()
    }

    async fn send(&self, request: Request) -> Result<BrokerOrder, PlaceError> {
        let sent = self.trading.call(&request).await.map_err(orders::place_error)?;
        json(&sent).and_then(wire::order).map_err(PlaceError::from)
    }

    async fn fills_since(&self, since: DateTime<Utc>) -> Result<Vec<Fill>, BrokerError> {
        let mut found: Vec<Fill> = Vec::new();
        for _ in 0..MOST_FILL_PAGES {
            let mut request = Request::get("fills", "/v2/account/activities/FILL")
                .query("after", &orders::time(since))
                .query("direction", "asc")
                .query("page_size", &FILLS_PAGE.to_string());
            if let Some(last) = found.last() {
                request = request.query("page_token", &last.id);
            }
            let page = self.list(request, wire::fill).await?;
            let full = page.len() >= FILLS_PAGE;
            let before = found.len();
            found.extend(page);
            // A provider that ignores the token would show the first page for ever.
            let repeated = before > 0 && found.get(before).is_some_and(|fill| fill.id == found[0].id);
            if repeated {
                return Err(BrokerError::Malformed { reason: "pages of fills repeat themselves".into() });
            }
            if !full {
                return Ok(found);
            }
        }
        Err(BrokerError::Malformed { reason: format!("more than {MOST_FILL_PAGES} pages of fills") })
    }

    async fn latest<T>(
        &self,
        operation: &'static str,
        symbol: &str,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let path = format!("/v2/stocks/{}/{what}/latest", segment(symbol));
        let request = Request::get(operation, path).query("feed", &self.feed);
        read(self.data.call(&request).await?.text()?)
    }
}

impl Broker for Alpaca {
    fn account(&self) -> Answered<'_, Account> {
        self.ask(Request::get("account", "/v2/account"), wire::account).boxed()
    }

    fn clock(&self) -> Answered<'_, Clock> {
        self.ask(Request::get("clock", "/v2/clock"), wire::clock).boxed()
    }

    fn calendar(&self, start: NaiveDate, end: NaiveDate) -> Answered<'_, Vec<CalendarDay>> {
        let request = Request::get("calendar", "/v2/calendar")
            .query("start", &start.to_string())
            .query("end", &end.to_string());
        self.list(request, wire::calendar_day).boxed()
    }

    fn asset(&self, symbol: &str) -> Answered<'_, Option<Asset>> {
        let path = format!("/v2/assets/{}", segment(symbol));
        self.find(Request::get("asset", path), wire::asset).boxed()
    }

    fn place(&self, order: &PlaceOrder) -> Placed<'_> {
        let request = Request::new("place", Method::POST, "/v2/orders").json(body::place(order));
        let ours = order.client_order_id.clone();
        let placed = async move {
            let taken = self.send(request).await?;
            // Somebody else's order, be it ever so alike, says nothing about ours.
            if taken.client_order_id == ours {
                return Ok(taken);
            }
            let reason = format!("the answer is about {:?}, not {ours:?}", taken.client_order_id);
            Err(PlaceError::Unknown { reason })
        };
        placed.boxed()
    }

    fn order_by_client_id(&self, client_order_id: &str) -> Answered<'_, Option<BrokerOrder>> {
        let request = Request::get("order_by_client_id", "/v2/orders:by_client_order_id")
            .query("client_order_id", client_order_id);
        self.find(request, wire::order).boxed()
    }

    fn order(&self, broker_order_id: &str) -> Answered<'_, Option<BrokerOrder>> {
        let path = format!("/v2/orders/{}", segment(broker_order_id));
        self.find(Request::get("order", path).query("nested", "true"), wire::order).boxed()
    }

    fn orders(&self, query: &OrderQuery) -> Answered<'_, Vec<BrokerOrder>> {
        self.list(orders::list(query), wire::order).boxed()
    }

    fn cancel(&self, broker_order_id: &str) -> Answered<'_, CancelOutcome> {
        let path = format!("/v2/orders/{}", segment(broker_order_id));
        // Asking twice cancels no more than asking once.
        let request = Request::new("cancel", Method::DELETE, path).urgent().repeatable();
        async move { orders::cancel_outcome(self.trading.call(&request).await) }.boxed()
    }

    fn cancel_all(&self) -> Answered<'_, Vec<CancelledOrder>> {
        let request = Request::new("cancel_all", Method::DELETE, "/v2/orders").urgent().repeatable();
        self.list(request, |raw| wire::cancelled_order(&raw)).boxed()
    }

    fn replace(&self, broker_order_id: &str, change: &ReplaceOrder) -> Placed<'_> {
        let path = format!("/v2/orders/{}", segment(broker_order_id));
        self.send(Request::new("replace", Method::PATCH, path).json(body::replace(change))).boxed()
    }

    fn positions(&self) -> Answered<'_, Vec<Position>> {
        self.list(Request::get("positions", "/v2/positions"), wire::position).boxed()
    }

    fn position(&self, symbol: &str) -> Answered<'_, Option<Position>> {
        let path = format!("/v2/positions/{}", segment(symbol));
        self.find(Request::get("position", path), wire::position).boxed()
    }

    fn close_position(&self, symbol: &str, portion: Portion) -> Placed<'_> {
        let path = format!("/v2/positions/{}", segment(symbol));
        let request = Request::new("close_position", Method::DELETE, path).urgent();
        let request = match portion {
            Portion::All => request,
            Portion::Units(units) => request.query("qty", &units.normalize().to_string()),
            Portion::Percent(percent) => request.query("percentage", &percent.normalize().to_string()),
        };
        self.send(request).boxed()
    }

    fn latest_price(&self, symbol: &str) -> Answered<'_, LatestPrice> {
        let symbol = symbol.to_owned();
        async move { self.latest("latest_price", &symbol, "trades", wire::latest_price).await }.boxed()
    }

    fn latest_quote(&self, symbol: &str) -> Answered<'_, LatestQuote> {
        let symbol = symbol.to_owned();
        async move { self.latest("latest_quote", &symbol, "quotes", wire::latest_quote).await }.boxed()
    }

    fn fills(&self, since: DateTime<Utc>) -> Answered<'_, Vec<Fill>> {
        self.fills_since(since).boxed()
    }

    fn trade_updates(&self) -> BoxFuture<'_, Result<Box<dyn TradeStream>, StreamError>> {
        self.stream.connect().boxed()
    }

    fn health(&self) -> Vec<(&'static str, BreakerState)> {
        [&self.trading, &self.data].map(|external| (external.provider(), external.state())).to_vec()
    }
}
