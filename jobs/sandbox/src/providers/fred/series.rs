//! Invented series: a level, a slow wave, and noise.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc, Weekday};

use crate::{hours, prices::Noise};

/// How often a series has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Monthly,
    Quarterly,
}

impl Frequency {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Daily => "Daily",
            Self::Monthly => "Monthly",
            Self::Quarterly => "Quarterly",
        }
    }

    pub(super) fn short(self) -> &'static str {
        &self.name()[..1]
    }

    /// Values a year, by weekdays when daily.
    fn a_year(self) -> usize {
        match self {
            Self::Daily => 261,
            Self::Monthly => 12,
            Self::Quarterly => 4,
        }
    }
}

/// A series.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) units: &'static str,
    pub(super) frequency: Frequency,
    /// Days from the end of a period to its publication.
    lag: u64,
    /// The level in the first year, its yearly growth, and the height of the wave.
    level: f64,
    growth: f64,
    wave: f64,
    noise: f64,
}

/// A value of a period, or none, and when it came out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    /// The first day of the period.
    pub(super) date: NaiveDate,
    pub(super) published: DateTime<Utc>,
    value: Option<f64>,
}

const FIRST_YEAR: i32 = 2000;
const SERIES: [Series; 5] = [
    Series {
        id: "UNRATE",
        title: "Simulated: Unemployment Rate",
        units: "Percent",
        frequency: Frequency::Monthly,
        lag: 5,
        level: 5.2,
        growth: 0.0,
        wave: 1.4,
        noise: 0.1,
    },
    Series {
        id: "CPIAUCSL",
        title: "Simulated: Consumer Price Index for All Urban Consumers: All Items",
        units: "Index 1982-1984=100",
        frequency: Frequency::Monthly,
        lag: 12,
        level: 169.3,
        growth: 0.025,
        wave: 1.0,
        noise: 0.2,
    },
    Series {
        id: "DGS10",
        title: "Simulated: Market Yield on U.S. Treasury Securities at 10-Year Constant Maturity",
        units: "Percent",
        frequency: Frequency::Daily,
        lag: 1,
        level: 3.6,
        growth: 0.0,
        wave: 1.2,
        noise: 0.04,
    },
    Series {
        id: "FEDFUNDS",
        title: "Simulated: Federal Funds Effective Rate",
        units: "Percent",
        frequency: Frequency::Monthly,
        lag: 1,
        level: 2.9,
        growth: 0.0,
        wave: 2.2,
        noise: 0.03,
    },
    Series {
        id: "GDP",
        title: "Simulated: Gross Domestic Product",
        units: "Billions of Dollars",
        frequency: Frequency::Quarterly,
        lag: 28,
        level: 10_002.0,
        growth: 0.044,
        wave: 90.0,
        noise: 25.0,
    },
];

/// Returns the series of an id, in any case.
pub(super) fn find(id: &str) -> Option<&'static Series> {
    SERIES.iter().find(|series| series.id.eq_ignore_ascii_case(id))
}

impl Series {
    /// Returns what was published at `known`, oldest first.
    pub(super) fn known(&self, seed: u64, known: DateTime<Utc>) -> Vec<Observation> {
        let last = hours::new_york(known).date_naive();
        let mut date = NaiveDate::from_ymd_opt(FIRST_YEAR, 1, 1).expect("a calendar date");
        let mut found = Vec::new();
        while date <= last {
            let next = self.next(date);
            if !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) || self.frequency != Frequency::Daily {
                let published = self.published(next);
                if published <= known {
                    found.push(Observation { date, published, value: self.value(seed, date) });
                }
            }
            date = next;
        }
        found
    }

    fn next(&self, date: NaiveDate) -> NaiveDate {
        match self.frequency {
            Frequency::Daily => date + Days::new(1),
            Frequency::Monthly => date + Months::new(1),
            Frequency::Quarterly => date + Months::new(3),
        }
    }

    /// At 8:30, of a daily value at 16:15 of its own day.
    fn published(&self, next: NaiveDate) -> DateTime<Utc> {
        if self.frequency == Frequency::Daily {
            return hours::midnight(next - Days::new(self.lag)) + TimeDelta::minutes(16 * 60 + 15);
        }
        hours::midnight(next + Days::new(self.lag)) + TimeDelta::minutes(8 * 60 + 30)
    }

    fn value(&self, seed: u64, date: NaiveDate) -> Option<f64> {
        let mut noise = Noise::of(seed, &["fred", self.id, &date.to_string()]);
        let of_no_session = self.frequency == Frequency::Daily && hours::session(date).is_none();
        if of_no_session || noise.below(120) == 0 {
            return None;
        }
        let years = f64::from(date.year() - FIRST_YEAR) + f64::from(date.ordinal0()) / 365.25;
        let phase = Noise::of(seed, &["fred", self.id]).unit();
        let wave = self.wave * (std::f64::consts::TAU * (years / 8.0 + phase)).sin();
        Some(self.level * (1.0 + self.growth).powf(years) + wave + self.noise * noise.bell())
    }
}

/// Returns the values in FRED's `units`, or `None` for an unknown one. Source: FRED's data value
/// transformation formulas.
pub(super) fn in_units(known: &[Observation], units: &str, frequency: Frequency) -> Option<Vec<Option<f64>>> {
    let year = frequency.a_year();
    let back = match units {
        "lin" | "log" => 0,
        "chg" | "pch" | "pca" => 1,
        "ch1" | "pc1" => year,
        _ => return None,
    };
    let of = |place: usize| {
        let now = known[place].value?;
        let then = known[place.checked_sub(back)?].value?;
        Some(match units {
            "log" => now.ln(),
            "chg" | "ch1" => now - then,
            "pch" | "pc1" => (now / then - 1.0) * 100.0,
            "pca" => ((now / then).powf(year as f64) - 1.0) * 100.0,
            _ => now,
        })
    };
    Some((0..known.len()).map(of).collect())
}

/// Writes a value as FRED does: a text.
pub(super) fn written(value: f64, units: &str) -> String {
    if units == "lin" { format!("{value:.2}") } else { format!("{value:.5}") }
}
