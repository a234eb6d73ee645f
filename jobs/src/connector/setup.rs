//! From settings to connectors: who is asked for what, and in which order.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use http::{HeaderName, header};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;

use super::{
    ALPACA, Connectors, FINNHUB, FINRA, FRED, Inner, POLYGON, SEC, YAHOO,
    alpaca::Alpaca,
    asking::Asking,
    finnhub::Finnhub,
    finra::Finra,
    fred::Fred,
    polygon::Polygon,
    provider::Provider,
    recorder::{Recorder, Writer},
    sec::Sec,
    switches::Switches,
    way::{Address, Way},
    yahoo::Yahoo,
};
use crate::{
    broker::alpaca as broker,
    config::{self, Config, DataProvider},
    external::{BreakerOptions, ExternalError, ExternalMetrics, Limit, secrets::Secrets},
};

/// The most requests at once, whatever the limit.
const BURST: u32 = 50;
/// What may be asked of EDGAR's list of tickers a minute; the rest of its limit is for figures.
const FILES_PER_MINUTE: u32 = 10;

/// What every way is built with.
struct Builder<'a> {
    settings: &'a config::Connectors,
    pool: &'a PgPool,
    metrics: &'a ExternalMetrics,
    recorder: &'a Recorder,
}

impl Connectors {
    /// Returns the connectors that the settings name: those with a key, and those without one that
    /// are enabled. Must be called inside a runtime.
    ///
    /// Fails when an address or a key can't be used.
    pub fn configured(
        config: &Config,
        pool: &PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Self, ExternalError> {
        let settings = &config.connectors;
        let recorder = Recorder::new(pool.clone());
        let build = Builder { settings, pool, metrics, recorder: &recorder };
        let alpaca = build.alpaca(&config.broker)?;
        let polygon = build.polygon()?;
        let yahoo = build.yahoo()?;
        let finnhub = build.finnhub()?;
        let (company, short_volume, economy) = (build.sec()?, build.finra()?, build.fred()?);

        let mut inner = Inner {
            asking: Asking { recorder: recorder.clone(), switches: Switches::new(pool.clone()) },
            quotes: Vec::new(),
            bars: Vec::new(),
            news: Vec::new(),
            company,
            short_volume,
            economy,
            all: Vec::new(),
            max_age: TimeDelta::seconds(settings.quote_max_age_s.into()),
            _writer: Writer::start(recorder.clone()),
            recorder,
        };
        if let Some(alpaca) = alpaca {
            inner.quotes.push(alpaca.clone());
            inner.bars.push(alpaca.clone());
            inner.news.push(alpaca.clone());
            inner.all.push(alpaca);
        }
        if let Some(polygon) = polygon {
            inner.quotes.push(polygon.clone());
            inner.bars.push(polygon.clone());
            inner.all.push(polygon);
        }
        if let Some(yahoo) = yahoo {
            inner.quotes.push(yahoo.clone());
            inner.bars.push(yahoo.clone());
            inner.all.push(yahoo);
        }
        if let Some(finnhub) = finnhub {
            inner.quotes.push(finnhub.clone());
            inner.news.push(finnhub.clone());
            inner.all.push(finnhub);
        }
        let single: [Option<Arc<dyn Provider>>; 3] = [
            inner.company.clone().map(|company| company as Arc<dyn Provider>),
            inner.short_volume.clone().map(|files| files as Arc<dyn Provider>),
            inner.economy.clone().map(|series| series as Arc<dyn Provider>),
        ];
        inner.all.extend(single.into_iter().flatten());
        if inner.all.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { inner: Some(Arc::new(inner)) })
    }
}

impl Builder<'_> {
    fn way(&self, address: Address) -> Result<Way, ExternalError> {
        Way::new(address, self.pool, self.metrics, self.recorder)
    }

    /// Returns the address of a provider that is enabled.
    fn address(&self, id: &'static str, of: &DataProvider) -> Address {
        let mut headers = Vec::new();
        if let Some(agent) = of.user_agent.as_deref().filter(|agent| !agent.is_empty()) {
            headers.push((header::USER_AGENT, SecretString::from(agent)));
        }
        Address {
            id,
            provider: id,
            base_url: of.base_url.clone(),
            headers,
            timeout: Duration::from_millis(of.timeout_ms),
            limit: self.limit(of.requests_per_minute),
            breaker: BreakerOptions::default(),
        }
    }

    fn limit(&self, per_minute: u32) -> Limit {
        let patience = Duration::from_millis(self.settings.patience_ms);
        Limit { per_minute, burst: (per_minute / 3).clamp(1, BURST), patience }
    }

    fn alpaca(&self, settings: &config::Broker) -> Result<Option<Arc<Alpaca>>, ExternalError> {
        let Some((key, secret)) = settings.keys() else { return Ok(None) };
        let address = Address {
            id: ALPACA,
            // The broker's own name: what is allowed is allowed to both together.
            provider: broker::DATA,
            base_url: settings.data_url.clone(),
            headers: vec![
                (HeaderName::from_static("apca-api-key-id"), key.clone()),
                (HeaderName::from_static("apca-api-secret-key"), secret.clone()),
            ],
            timeout: settings.timeout(),
            limit: Limit {
                per_minute: settings.requests_per_minute,
                burst: settings.burst,
                patience: Duration::from_millis(settings.patience_ms),
            },
            breaker: BreakerOptions::default(),
        };
        let way = self.way(address)?;
        let (feed, simulated) = (settings.data_feed.clone(), self.settings.simulated);
        Ok(Some(Arc::new(Alpaca { way, feed, simulated })))
    }

    fn polygon(&self) -> Result<Option<Arc<Polygon>>, ExternalError> {
        let settings = &self.settings.polygon;
        let Some(key) = settings.with_key() else { return Ok(None) };
        let mut address = self.address(POLYGON, settings);
        let bearer = format!("Bearer {}", key.expose_secret());
        address.headers.push((header::AUTHORIZATION, bearer.into()));
        Ok(Some(Arc::new(Polygon { way: self.way(address)?, simulated: self.settings.simulated })))
    }

    fn yahoo(&self) -> Result<Option<Arc<Yahoo>>, ExternalError> {
        let settings = &self.settings.yahoo;
        if !settings.enabled {
            return Ok(None);
        }
        let way = self.way(self.address(YAHOO, settings))?;
        Ok(Some(Arc::new(Yahoo { way, simulated: self.settings.simulated })))
    }

    fn finnhub(&self) -> Result<Option<Arc<Finnhub>>, ExternalError> {
        let settings = &self.settings.finnhub;
        let Some(key) = settings.with_key() else { return Ok(None) };
        let mut address = self.address(FINNHUB, settings);
        address.headers.push((HeaderName::from_static("x-finnhub-token"), key.clone()));
        Ok(Some(Arc::new(Finnhub { way: self.way(address)? })))
    }

    fn fred(&self) -> Result<Option<Arc<Fred>>, ExternalError> {
        let settings = &self.settings.fred;
        let Some(key) = settings.with_key() else { return Ok(None) };
        let mut secrets = Secrets::default();
        secrets.add_query(key);
        self.recorder.hide(FRED, &secrets);
        let way = self.way(self.address(FRED, settings))?;
        Ok(Some(Arc::new(Fred { way, key: key.clone() })))
    }

    fn sec(&self) -> Result<Option<Arc<Sec>>, ExternalError> {
        let settings = &self.settings.sec;
        if !settings.enabled {
            return Ok(None);
        }
        let figures = self.address(SEC, settings);
        let files = Address {
            provider: "sec-edgar-files",
            base_url: settings.www_url.clone().unwrap_or_default(),
            limit: self.limit(FILES_PER_MINUTE),
            ..figures.clone()
        };
        Ok(Some(Arc::new(Sec::new(self.way(figures)?, self.way(files)?))))
    }

    fn finra(&self) -> Result<Option<Arc<Finra>>, ExternalError> {
        let settings = &self.settings.finra;
        if !settings.enabled {
            return Ok(None);
        }
        Ok(Some(Arc::new(Finra::new(self.way(self.address(FINRA, settings))?))))
    }
}
