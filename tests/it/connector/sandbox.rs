//! The adapters and the sandbox's providers understand each other, over a socket only.

use ::sandbox::Settings;
use chrono::TimeDelta;
use suites::TestDatabase;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

/// A sandbox in this process, whose clock stands still.
struct Sandbox {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sandbox {
    async fn start(at: DateTime<Utc>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let settings = Settings {
            clock: ::sandbox::replay::Pace::Stepped,
            start: Some(at),
            rate_limit: 0,
            ..Settings::new(KEY, KEY)
        };
        let task = tokio::spawn(async move {
            ::sandbox::serve(settings, listener, std::future::pending())
                .await
                .expect("it serves until the end");
        });
        Self { url, task }
    }

    fn settings(&self, providers: &[&str]) -> Config {
        let url = |provider: &str| match provider {
            "alpaca" => self.url.clone(),
            _ => format!("{}/{provider}", self.url),
        };
        let urls: Vec<_> = providers.iter().map(|provider| (*provider, url(provider))).collect();
        let urls: Vec<_> = urls.iter().map(|(provider, url)| (*provider, url.as_str())).collect();
        let mut config = settings(&urls);
        config.connectors.sec.www_url = Some(format!("{}/sec-www", self.url));
        config
    }
}

#[tokio::test]
async fn everybody_tells_the_same_prices() {
    let database = TestDatabase::create().await;
    let now: DateTime<Utc> = "2024-03-05T18:00:00Z".parse().expect("an instant");
    let sandbox = Sandbox::start(now).await;
    let mut prices = Vec::new();
    for provider in ["alpaca", "polygon", "yahoo", "finnhub"] {
        let asked = connectors(&sandbox.settings(&[provider]), &database.pool);
        let quotes = asked.quotes(&symbols(&["AAPL", "MSFT", "ZZZZ"]), now, LIMIT).await.expect(provider);
        assert_eq!(quotes.len(), 2, "{provider}: {quotes:?}");
        prices.push(quotes.iter().map(|quote| quote.value.price).collect::<Vec<_>>());
    }
    assert!(prices.windows(2).all(|pair| pair[0] == pair[1]), "{prices:?}");
    let mut closes = Vec::new();
    for provider in ["alpaca", "polygon", "yahoo"] {
        let asked = connectors(&sandbox.settings(&[provider]), &database.pool);
        let bars = asked.daily_bars("AAPL", 60, now).await.expect(provider);
        assert_eq!(bars.value.len(), 60, "{provider}");
        assert_eq!(bars.value.dates.last().map(ToString::to_string).as_deref(), Some("2024-03-04"));
        closes.push(bars.value.close);
    }
    assert!(closes.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn news_companies_short_volume_and_the_economy_read_and_every_probe_succeeds() {
    let database = TestDatabase::create().await;
    let now: DateTime<Utc> = "2024-03-05T18:00:00Z".parse().expect("an instant");
    let sandbox = Sandbox::start(now).await;
    for provider in ["alpaca", "finnhub"] {
        let asked = connectors(&sandbox.settings(&[provider]), &database.pool);
        let news = asked.news("AAPL", now - TimeDelta::days(5), now).await.expect(provider);
        assert!(!news.value.is_empty() && news.value.iter().all(|item| item.published_at <= now));
    }
    let everybody = ["alpaca", "polygon", "yahoo", "finnhub", "fred", "sec", "finra"];
    let asked = connectors(&sandbox.settings(&everybody), &database.pool);
    let company = asked.company("AAPL", now).await.expect("figures").value;
    assert!(company.revenue_growth.is_some() && company.dilution.is_some(), "{company:?}");
    assert!(company.operating_margin.is_some() && company.debt_to_equity.is_some(), "{company:?}");
    assert!(company.filed <= now.date_naive());
    let volumes = asked.short_volume("AAPL", now).await.expect("files").value;
    assert_eq!(volumes.len(), 5);
    assert_eq!(volumes[4].date.to_string(), "2024-03-04");
    let figure = asked.economy("UNRATE", now).await.expect("a series").value;
    assert!(figure.values.last().is_some_and(|(date, _)| *date <= now.date_naive()), "{figure:?}");
    for probed in asked.probe(now).await {
        assert!(matches!(probed.outcome, Some(Ok(_))), "{probed:?}");
    }
}
