//! Reads daily bars from CSV text, and holds the files that ship with Capstan.
//!
//! The text is trusted with nothing: whatever the table or the engine would stumble over is
//! refused here, with the file and the line. Line 1 is the header.

use chrono::NaiveDate;
use domain::bars::{Provenance, Series};
use thiserror::Error;

/// The header of every file, and the names of its columns.
pub const HEADER: &str = "date,open,high,low,close,volume";

/// The smallest price the table's six decimals can hold.
const SMALLEST_PRICE: f64 = 0.000_001;
/// The largest price accepted; the table holds twelve whole digits.
const LARGEST_PRICE: f64 = 1e11;
/// The largest volume accepted; every whole number up to it is exact.
const LARGEST_VOLUME: f64 = 9e15;

const SHIPPED: [(&str, &str); 5] = [
    ("AAPL", include_str!("../../market_data/ohlcv/adjusted/AAPL.csv")),
    ("FB", include_str!("../../market_data/ohlcv/adjusted/FB.csv")),
    ("GOOG", include_str!("../../market_data/ohlcv/adjusted/GOOG.csv")),
    ("IBM", include_str!("../../market_data/ohlcv/adjusted/IBM.csv")),
    ("MSFT", include_str!("../../market_data/ohlcv/adjusted/MSFT.csv")),
];

/// Returns the shipped files, pairs of a symbol and its text, adjusted for splits and
/// dividends, in the order of their symbols.
pub fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.into_iter()
}

/// A line that can't be a bar.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{file} line {line}: {problem}")]
pub struct CsvError {
    /// The file's name, the symbol with `.csv`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Error)]
#[allow(missing_docs)]
pub enum Problem {
    /// The first line is not [`HEADER`].
    #[error("header is {found:?}, must be {HEADER:?}")]
    Header { found: String },
    /// The file ends after its header.
    #[error("no bar follows the header")]
    NoBars,
    /// The line has another number of columns than the header.
    #[error("has {found} columns, must have 6 ({HEADER})")]
    Columns { found: usize },
    /// The first column is not a date such as 2013-03-01.
    #[error("date {value:?} is not of the form 2013-03-01")]
    Date { value: String },
    /// A column is not a finite number.
    #[error("{column} {value:?} is not a number")]
    NotANumber { column: &'static str, value: String },
    /// A price is not above zero, or larger than any price.
    #[error("{column} {value} is not a price, must be above 0 and at most {LARGEST_PRICE}")]
    Price { column: &'static str, value: f64 },
    /// A volume is negative, fractional or too large.
    #[error("volume {value} is not a whole number from 0 to {LARGEST_VOLUME}")]
    Volume { value: f64 },
    /// The high is below the low.
    #[error("high {high} is below low {low}")]
    HighBelowLow { high: f64, low: f64 },
    /// The open or the close is not between low and high.
    #[error("{column} {value} is not between low {low} and high {high}")]
    Outside { column: &'static str, value: f64, low: f64, high: f64 },
    /// The date was on the line before.
    #[error("date {date} is a duplicate")]
    Duplicate { date: NaiveDate },
    /// The date is earlier than the one before.
    #[error("date {date} comes after {before}, must be later than it")]
    NotAscending { date: NaiveDate, before: NaiveDate },
}

/// Reads `text` as the bars of `symbol`, all of them [`Provenance::Real`].
///
/// Either line ending is accepted, and one empty line at the end.
pub fn parse(symbol: &str, text: &str) -> Result<Series, CsvError> {
    let fail = |line, problem| CsvError { file: format!("{symbol}.csv"), line, problem };
    let mut lines = text.lines().zip(1..);
    let (header, _) = lines.next().unwrap_or(("", 1));
    if header != HEADER {
        return Err(fail(1, Problem::Header { found: header.chars().take(80).collect() }));
    }
    let mut series = Series { symbol: symbol.to_owned(), ..Series::default() };
    for (line, number) in lines {
        append(&mut series, line).map_err(|problem| fail(number, problem))?;
    }
    if series.is_empty() {
        return Err(fail(1, Problem::NoBars));
    }
    Ok(series)
}

fn append(series: &mut Series, line: &str) -> Result<(), Problem> {
    let mut fields = [""; 6];
    let mut found = 0;
    for field in line.split(',') {
        if let Some(slot) = fields.get_mut(found) {
            *slot = field;
        }
        found += 1;
    }
    if found != fields.len() {
        return Err(Problem::Columns { found });
    }
    let [date, open, high, low, close, volume] = fields;
    let date = session(date)?;
    match series.dates.last() {
        Some(before) if *before == date => return Err(Problem::Duplicate { date }),
        Some(before) if *before > date => return Err(Problem::NotAscending { date, before: *before }),
        _ => {}
    }
    let (open, high) = (price("open", open)?, price("high", high)?);
    let (low, close) = (price("low", low)?, price("close", close)?);
    if high < low {
        return Err(Problem::HighBelowLow { high, low });
    }
    for (column, value) in [("open", open), ("close", close)] {
        if !(low..=high).contains(&value) {
            return Err(Problem::Outside { column, value, low, high });
        }
    }
    let volume = number("volume", volume)?;
    if volume.fract() != 0.0 || !(0.0..=LARGEST_VOLUME).contains(&volume) {
        return Err(Problem::Volume { value: volume });
    }
    series.dates.push(date);
    series.open.push(open);
    series.high.push(high);
    series.low.push(low);
    series.close.push(close);
    series.volume.push(volume);
    series.provenance.push(Provenance::Real);
    Ok(())
}

fn session(text: &str) -> Result<NaiveDate, Problem> {
    let refuse = || Problem::Date { value: text.to_owned() };
    if text.len() != 10 {
        return Err(refuse());
    }
    text.parse().map_err(|_| refuse())
}

fn price(column: &'static str, text: &str) -> Result<f64, Problem> {
    let value = number(column, text)?;
    if (SMALLEST_PRICE..=LARGEST_PRICE).contains(&value) {
        Ok(value)
    } else {
        Err(Problem::Price { column, value })
    }
}

fn number(column: &'static str, text: &str) -> Result<f64, Problem> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(Problem::NotANumber { column, value: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_files_are_sound() {
        let lengths: Vec<_> = shipped()
            .map(|(symbol, text)| (symbol, parse(symbol, text).expect("a shipped file is sound").len()))
            .collect();
        assert_eq!(lengths, [("AAPL", 3270), ("FB", 196), ("GOOG", 2148), ("IBM", 3270), ("MSFT", 3270)]);
    }

    #[test]
    fn columns_keep_their_order_and_either_line_ending_will_do() {
        let text = format!("{HEADER}\r\n2013-02-28,10,12.5,9,11,300\r\n2013-03-01,11,11,11,11,0\r\n");
        let series = parse("ACME", &text).expect("the text is sound");
        assert_eq!(series.dates, ["2013-02-28", "2013-03-01"].map(|d| d.parse().expect("a date")));
        let columns = [&series.open, &series.high, &series.low, &series.close, &series.volume];
        assert_eq!(columns.map(|column| column[0].to_string()), ["10", "12.5", "9", "11", "300"]);
        assert_eq!(series.provenance, [Provenance::Real; 2]);
    }

    #[test]
    fn every_fault_is_reported_with_its_file_and_line() {
        let good = "2013-02-28,10,12,9,11,300";
        let cases = [
            ("2013-03-01,3,3,4,3,1", "high 3 is below low 4"),
            ("2013-03-01,10,12,9,11", "has 5 columns, must have 6 (date,open,high,low,close,volume)"),
            ("2013-03-01,10,12,9,11,1,2", "has 7 columns, must have 6 (date,open,high,low,close,volume)"),
            ("", "has 1 columns, must have 6 (date,open,high,low,close,volume)"),
            ("2013-03-01,ten,12,9,11,1", "open \"ten\" is not a number"),
            ("2013-03-01,10,12,9,,1", "close \"\" is not a number"),
            ("2013-03-01,10,NaN,9,11,1", "high \"NaN\" is not a number"),
            ("2013-03-01,10,inf,9,11,1", "high \"inf\" is not a number"),
            ("2013-03-01,10,12,0,11,1", "low 0 is not a price, must be above 0 and at most 100000000000"),
            ("2013-03-01,10,12,-9,11,1", "low -9 is not a price, must be above 0 and at most 100000000000"),
            ("2013-03-01,8,12,9,11,1", "open 8 is not between low 9 and high 12"),
            ("2013-03-01,10,12,9,13,1", "close 13 is not between low 9 and high 12"),
            ("2013-03-01,10,12,9,11,-1", "volume -1 is not a whole number from 0 to 9000000000000000"),
            ("2013-03-01,10,12,9,11,1.5", "volume 1.5 is not a whole number from 0 to 9000000000000000"),
            ("2013-02-28,10,12,9,11,1", "date 2013-02-28 is a duplicate"),
            ("2013-02-27,10,12,9,11,1", "date 2013-02-27 comes after 2013-02-28, must be later than it"),
            ("2013-2-30,10,12,9,11,1", "date \"2013-2-30\" is not of the form 2013-03-01"),
            ("2013-02-30,10,12,9,11,1", "date \"2013-02-30\" is not of the form 2013-03-01"),
        ];
        for (line, problem) in cases {
            let error = parse("AAPL", &format!("{HEADER}\n{good}\n{line}\n")).expect_err(line);
            assert_eq!(error.to_string(), format!("AAPL.csv line 3: {problem}"));
        }
    }

    #[test]
    fn a_file_without_header_or_bars_is_refused() {
        let cases = [
            ("", "header is \"\", must be \"date,open,high,low,close,volume\""),
            ("date,open\n", "header is \"date,open\", must be \"date,open,high,low,close,volume\""),
            ("date,open,high,low,close,volume\n", "no bar follows the header"),
        ];
        for (text, problem) in cases {
            let error = parse("AAPL", text).expect_err(text);
            assert_eq!(error.to_string(), format!("AAPL.csv line 1: {problem}"));
        }
    }
}
