//! What is filed when, and the figures in it.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use domain::calendar;
use serde_json::{Value, json};

use crate::{hours, prices::Noise};

const FIRST_YEAR: i32 = 2009;

/// A report of a quarter, or of a year.
#[derive(Debug, Clone)]
pub(super) struct Filing {
    /// 1 to 4; the fourth is told by the year's report.
    quarter: u32,
    /// The fiscal year, which is the calendar's.
    year: i32,
    /// The last day of the period.
    pub(super) end: NaiveDate,
    /// The day of filing.
    pub(super) filed: NaiveDate,
    /// When EDGAR accepted it.
    pub(super) accepted: DateTime<Utc>,
    /// 10-Q or 10-K.
    pub(super) form: &'static str,
    /// Its number at EDGAR.
    pub(super) accession: String,
}

/// Returns what the company has filed at `now`, oldest first.
pub(super) fn filed(cik: u32, now: DateTime<Utc>) -> Vec<Filing> {
    let quarters = (FIRST_YEAR..=now.year()).flat_map(|year| (1..=4).map(move |quarter| (year, quarter)));
    let filings = quarters.map(|(year, quarter)| filing(cik, year, quarter));
    filings.take_while(|filing| filing.accepted <= now).collect()
}

fn filing(cik: u32, year: i32, quarter: u32) -> Filing {
    let end = begin(year, quarter) + Months::new(3) - Days::new(1);
    let is_year = quarter == 4;
    let due = end + Days::new(if is_year { 55 } else { 35 });
    let filed = calendar::session_on_or_before(due);
    Filing {
        quarter,
        year,
        end,
        filed,
        accepted: hours::midnight(filed) + TimeDelta::minutes(16 * 60 + 30),
        form: if is_year { "10-K" } else { "10-Q" },
        accession: format!("{cik:010}-{:02}-{:06}", filed.year() % 100, quarter),
    }
}

fn begin(year: i32, quarter: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, quarter * 3 - 2, 1).expect("a quarter begins in a month")
}

/// What a figure measures.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// What flows in a period, as a fraction of revenue.
    Flow(f64),
    /// What is there at a period's end, in quarters of revenue.
    Stock(f64),
    /// Shares at the date of the cover.
    Shares,
}

/// A figure of a report.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) taxonomy: &'static str,
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) unit: &'static str,
    measure: Measure,
}

macro_rules! figure {
    ($taxonomy:literal, $name:literal, $label:literal, $unit:literal, $measure:expr) => {
        Figure { taxonomy: $taxonomy, name: $name, label: $label, unit: $unit, measure: $measure }
    };
}

/// The figures that are told.
pub(super) const FIGURES: [Figure; 5] = [
    figure!("us-gaap", "Revenues", "Simulated: Revenues", "USD", Measure::Flow(1.0)),
    figure!(
        "us-gaap",
        "OperatingIncomeLoss",
        "Simulated: Operating Income (Loss)",
        "USD",
        Measure::Flow(0.27)
    ),
    figure!("us-gaap", "Liabilities", "Simulated: Liabilities", "USD", Measure::Stock(3.1)),
    figure!("us-gaap", "StockholdersEquity", "Simulated: Stockholders' Equity", "USD", Measure::Stock(2.4)),
    figure!(
        "dei",
        "EntityCommonStockSharesOutstanding",
        "Simulated: Entity Common Stock, Shares Outstanding",
        "shares",
        Measure::Shares
    ),
];

impl Figure {
    /// Returns what `filing` tells of the figure: first the year before, then its own period.
    pub(super) fn told_by(&self, filing: &Filing, seed: u64, symbol: &str) -> Vec<Value> {
        let is_year = filing.quarter == 4;
        let told = |end: NaiveDate, start: Option<NaiveDate>, value: i64| {
            let mut told = json!({
                "end": end,
                "val": value,
                "accn": filing.accession,
                "fy": filing.year,
                "fp": if is_year { "FY".to_owned() } else { format!("Q{}", filing.quarter) },
                "form": filing.form,
                "filed": filing.filed,
            });
            if let Some(start) = start {
                told["start"] = json!(start);
            }
            told
        };
        let years = [filing.year - 1, filing.year];
        match self.measure {
            Measure::Flow(_) => years
                .map(|year| {
                    let first = if is_year { 1 } else { filing.quarter };
                    let value =
                        (first..=filing.quarter).map(|quarter| self.value(seed, symbol, year, quarter)).sum();
                    let end = begin(year, filing.quarter) + Months::new(3) - Days::new(1);
                    told(end, Some(begin(year, first)), value)
                })
                .to_vec(),
            Measure::Stock(_) => years
                .map(|year| {
                    let end = begin(year, filing.quarter) + Months::new(3) - Days::new(1);
                    told(end, None, self.value(seed, symbol, year, filing.quarter))
                })
                .to_vec(),
            Measure::Shares => {
                let cover = filing.filed - Days::new(7);
                vec![told(cover, None, self.value(seed, symbol, filing.year, filing.quarter))]
            }
        }
    }

    /// Returns the figure of a quarter, in whole dollars or shares.
    fn value(&self, seed: u64, symbol: &str, year: i32, quarter: u32) -> i64 {
        let mut company = Noise::of(seed, &["sec", symbol]);
        let (size, growth) = (5.0 + 20.0 * company.unit(), 0.02 + 0.08 * company.unit());
        let shares = 1.0 + 8.0 * company.unit();
        let quarters = f64::from(year - FIRST_YEAR) * 4.0 + f64::from(quarter);
        let mut own = Noise::of(seed, &["sec", symbol, self.name, &year.to_string(), &quarter.to_string()]);
        let revenue = size * 1e9 * (1.0 + growth).powf(quarters / 4.0);
        let value = match self.measure {
            Measure::Flow(part) | Measure::Stock(part) => revenue * part * (1.0 + 0.03 * own.bell()),
            Measure::Shares => shares * 1e9 * 0.996_f64.powf(quarters),
        };
        #[expect(clippy::cast_possible_truncation, reason = "figures are far below 2^63")]
        let millions = (value / 1e6).round() as i64;
        millions * 1_000_000
    }
}
