//! The market data that ships with Capstan: brought into the database, then continued.
//!
//! Loading is idempotent and safe to run from several processes at once: each symbol is
//! one transaction under an advisory lock. Unchanged data costs one query. Bars are never
//! fetched from anywhere at run time.

pub mod csv;

use chrono::NaiveDate;
use domain::{
    bars::{Provenance, Series},
    calendar,
    continuation::{self, ContinuationError},
};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tracing::info;

use crate::db::bars::{self, BarSet};
use csv::CsvError;

/// Where the shipped bars come from, as credited to the source.
pub const SOURCE: &str = "Quandl WIKI Prices, by way of Bokeh's bokeh_sampledata 2026.1";
/// The terms of the shipped bars.
pub const LICENCE: &str = "public domain";

/// The last day of 2024: bars reach at least this far, whatever the clock says.
const AT_LEAST_THROUGH: NaiveDate = NaiveDate::from_ymd_opt(2024, 12, 31).expect("december has 31 days");

/// What loading did, by symbol in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadSummary {
    /// One entry a symbol.
    pub symbols: Vec<(String, Outcome)>,
}

impl LoadSummary {
    /// Returns how many bars were written.
    pub fn written(&self) -> u64 {
        self.symbols.iter().map(|(_, outcome)| outcome.written()).sum()
    }
}

/// What happened to one symbol's bars; the numbers count bars written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There were none before.
    Loaded(u64),
    /// They were made of other data or by another method, and were replaced.
    Replaced(u64),
    /// The missing sessions were appended.
    Extended(u64),
    /// Nothing was missing.
    Unchanged,
}

impl Outcome {
    fn written(self) -> u64 {
        match self {
            Self::Loaded(bars) | Self::Replaced(bars) | Self::Extended(bars) => bars,
            Self::Unchanged => 0,
        }
    }
}

/// Why market data could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is corrupt; nothing was written.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A series is too short to be continued; nothing was written.
    #[error(transparent)]
    Continuation(#[from] ContinuationError),
    /// The database refused; earlier symbols may have been written, each of them wholly.
    #[error("bars of {symbol} not loaded: {source}")]
    Database {
        /// The symbol whose transaction failed.
        symbol: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The preparing thread was cancelled, because the runtime is stopping.
    #[error("market data not prepared: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Loads the shipped files, continued through `today` and at least through 2024.
pub async fn load_shipped(pool: &PgPool, today: NaiveDate) -> Result<LoadSummary, LoadError> {
    load(pool, csv::shipped(), today).await
}

/// Loads `files`, pairs of a symbol and its CSV text, as [`load_shipped`] does.
///
/// All files are read before the first bar is written, so a corrupt one changes nothing.
/// A symbol whose stored revision differs has its bars replaced.
pub async fn load(
    pool: &PgPool,
    files: impl IntoIterator<Item = (&'static str, &'static str)>,
    today: NaiveDate,
) -> Result<LoadSummary, LoadError> {
    let through = today.max(AT_LEAST_THROUGH);
    let files: Vec<_> = files.into_iter().collect();
    let prepared = tokio::task::spawn_blocking(move || {
        files.into_iter().map(|(symbol, text)| Prepared::new(symbol, text)).collect::<Result<Vec<_>, _>>()
    })
    .await??;
    let mut summary = LoadSummary::default();
    for prepared in prepared {
        let symbol = prepared.real.symbol.clone();
        let outcome = prepared.bring_in(pool, through).await?;
        if outcome != Outcome::Unchanged {
            info!(symbol = %symbol, bars = outcome.written(), "loaded bars of {symbol}");
        }
        summary.symbols.push((symbol, outcome));
    }
    Ok(summary)
}

/// A file that has been read and found sound.
struct Prepared {
    real: Series,
    revision: String,
}

impl Prepared {
    fn new(symbol: &str, text: &str) -> Result<Self, CsvError> {
        let mut hash = Sha256::new();
        hash.update(text);
        hash.update(continuation::REVISION);
        Ok(Self { real: csv::parse(symbol, text)?, revision: hex::encode(hash.finalize()) })
    }

    async fn bring_in(self, pool: &PgPool, through: NaiveDate) -> Result<Outcome, LoadError> {
        let symbol = self.real.symbol.clone();
        let wrap = |source| LoadError::Database { symbol: symbol.clone(), source };
        let wanted = calendar::session_on_or_before(through).max(self.last_real());
        let mut conn = pool.acquire().await.map_err(wrap)?;
        let stored = bars::set(&mut conn, &symbol).await.map_err(wrap)?;
        drop(conn);
        if stored.is_some_and(|set| self.covers(&set, wanted)) {
            return Ok(Outcome::Unchanged);
        }
        let (prepared, bars) = tokio::task::spawn_blocking(move || {
            let bars = joined(self.real.clone(), continuation::continuation(&self.real, through)?);
            Ok::<_, ContinuationError>((self, bars))
        })
        .await??;
        prepared.write(pool, bars, wanted).await.map_err(wrap)
    }

    async fn write(&self, pool: &PgPool, bars: Series, wanted: NaiveDate) -> sqlx::Result<Outcome> {
        let mut tx = pool.begin().await?;
        bars::lock(&mut tx, &bars.symbol).await?;
        // Another process may have loaded the symbol while this one was preparing.
        let stored = bars::set(&mut tx, &bars.symbol).await?;
        let outcome = match &stored {
            Some(set) if self.covers(set, wanted) => return Ok(Outcome::Unchanged),
            Some(set) if set.revision == self.revision => {
                let tail = bars.dates.partition_point(|date| *date <= set.last_date);
                Outcome::Extended(bars::insert(&mut tx, &bars, tail).await?)
            }
            Some(_) => {
                bars::delete(&mut tx, &bars.symbol).await?;
                Outcome::Replaced(bars::insert(&mut tx, &bars, 0).await?)
            }
            None => Outcome::Loaded(bars::insert(&mut tx, &bars, 0).await?),
        };
        let set = BarSet {
            revision: self.revision.clone(),
            source: SOURCE.to_owned(),
            licence: LICENCE.to_owned(),
            first_date: bars.dates[0],
            last_real_date: self.last_real(),
            last_date: bars.dates[bars.len() - 1],
            symbol: bars.symbol,
        };
        bars::record_set(&mut tx, &set).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    fn covers(&self, set: &BarSet, wanted: NaiveDate) -> bool {
        set.revision == self.revision && set.last_date >= wanted
    }

    fn last_real(&self) -> NaiveDate {
        *self.real.dates.last().expect("the parser refuses a file without bars")
    }
}

fn joined(mut real: Series, simulated: Series) -> Series {
    debug_assert!(simulated.provenance.iter().all(|p| *p == Provenance::Simulated));
    real.dates.extend(simulated.dates);
    real.open.extend(simulated.open);
    real.high.extend(simulated.high);
    real.low.extend(simulated.low);
    real.close.extend(simulated.close);
    real.volume.extend(simulated.volume);
    real.provenance.extend(simulated.provenance);
    real
}
