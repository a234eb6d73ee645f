"""Bars, latest prices, snapshots and news."""

from datetime import datetime, timezone

from alpaca.common.enums import Sort
from alpaca.data.requests import (
    NewsRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit


def at(*parts):
    """Returns an instant of UTC."""
    return datetime(*parts, tzinfo=timezone.utc)


def market_data_parts(checks, world):
    """Returns the parts."""
    data = world.data

    def bars(symbols, timeframe, start, end, **more):
        wanted = StockBarsRequest(symbol_or_symbols=symbols, timeframe=timeframe, start=start, end=end, **more)
        return data.get_stock_bars(wanted).data

    def daily_bars():
        found = bars(["AAPL", "MSFT"], TimeFrame.Day, at(2024, 1, 1), at(2024, 2, 1))
        checks.equal("January 2024 has 21 sessions", [len(found["AAPL"]), len(found["MSFT"])], [21, 21])
        first = found["AAPL"][0]
        checks.equal("a daily bar starts at midnight in New York", first.timestamp, at(2024, 1, 2, 5))
        checks.that("a bar is within its ends", first.low <= min(first.open, first.close) and first.high >= first.open)
        checks.that("it has volume, trades and an average", first.volume > 0 and first.trade_count > 0 and first.vwap > 0)
        summer = bars("IBM", TimeFrame.Day, at(2023, 7, 5), at(2023, 7, 6))["IBM"]
        checks.equal("in summer midnight is an hour earlier", summer[0].timestamp, at(2023, 7, 5, 4))

    def longer_and_shorter_bars():
        hours = bars("IBM", TimeFrame(1, TimeFrameUnit.Hour), at(2024, 3, 1), at(2024, 3, 2))["IBM"]
        checks.equal("a session touches seven hours", len(hours), 7)
        minutes = bars("IBM", TimeFrame.Minute, at(2024, 3, 1), at(2024, 3, 2))["IBM"]
        checks.equal("a session has 390 minutes", len(minutes), 390)
        checks.equal("minutes and hours trade the same", sum(b.volume for b in minutes), sum(b.volume for b in hours))
        weeks = bars("IBM", TimeFrame.Week, at(2024, 1, 1), at(2024, 1, 31))["IBM"]
        checks.that("weeks start on Monday", all(week.timestamp.weekday() == 0 for week in weeks), len(weeks))
        months = bars("IBM", TimeFrame.Month, at(2023, 1, 1), at(2024, 1, 1))["IBM"]
        checks.equal("a year has twelve months", len(months), 12)
        fives = bars("IBM", TimeFrame(5, TimeFrameUnit.Minute), at(2024, 3, 1), at(2024, 3, 2))["IBM"]
        checks.equal("five minutes are five minutes", (len(fives), fives[0].high), (78, max(b.high for b in minutes[:5])))

    def pages_and_order():
        found = bars(["AAPL", "MSFT"], TimeFrame.Minute, at(2024, 1, 2), at(2024, 2, 14))
        checks.equal("more than one page is joined", [len(found[s]) for s in ("AAPL", "MSFT")], [30 * 390, 30 * 390])
        stamps = [bar.timestamp for bar in found["MSFT"]]
        checks.that("no bar comes twice", len(set(stamps)) == len(stamps) and stamps == sorted(stamps))
        newest = bars("AAPL", TimeFrame.Day, at(2024, 1, 1), at(2024, 3, 1), limit=3, sort=Sort.DESC)["AAPL"]
        checks.equal("newest first, and no more than asked for", [bar.timestamp.day for bar in newest], [29, 28, 27])
        none = bars("ZZZZ", TimeFrame.Day, at(2024, 1, 1), at(2024, 3, 1))
        checks.equal("an unknown symbol has no bars", none.get("ZZZZ", []), [])
        later = bars("AAPL", TimeFrame.Day, at(2024, 3, 1), at(2024, 3, 20))["AAPL"]
        checks.that("no bar is of the future", all(bar.timestamp <= at(2024, 3, 4, 5) for bar in later), later[-1])

    def latest_prices():
        quote = world.quote("AAPL")
        trade = data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="AAPL"))["AAPL"]
        checks.that("the quote surrounds the trade", quote.bid_price <= trade.price <= quote.ask_price, (quote, trade))
        checks.that("the spread is a tick at least", quote.ask_price - quote.bid_price > 0.009, quote)
        bar = data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))["AAPL"]
        checks.equal("the latest bar is the last full minute", bar.timestamp, at(2024, 3, 4, 14, 59))
        found = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL", "IBM"]))
        checks.equal("a snapshot of each symbol", sorted(found), ["AAPL", "IBM"])
        snapshot = found["AAPL"]
        checks.equal("its quote is the latest", snapshot.latest_quote.ask_price, quote.ask_price)
        checks.equal("its day is today", snapshot.daily_bar.timestamp, at(2024, 3, 4, 5))
        checks.equal("its day before is Friday", snapshot.previous_daily_bar.timestamp, at(2024, 3, 1, 5))

    def trades_and_quotes():
        span = {"symbol_or_symbols": "AAPL", "start": at(2024, 3, 4, 14, 30), "end": at(2024, 3, 4, 14, 59, 59)}
        trades = data.get_stock_trades(StockTradesRequest(**span)).data["AAPL"]
        bars_of_span = bars("AAPL", TimeFrame.Minute, span["start"], span["end"])["AAPL"]
        checks.equal("the trades reach the bars' high", max(t.price for t in trades), max(b.high for b in bars_of_span))
        quotes = data.get_stock_quotes(StockQuotesRequest(limit=5, **span)).data["AAPL"]
        checks.equal("as many quotes as asked for", len(quotes), 5)

    def news():
        found = world.news.get_news(NewsRequest(symbols="AAPL", start=at(2024, 2, 1), end=at(2024, 3, 1), limit=15))
        items = found.data["news"]
        checks.equal("as much news as asked for", len(items), 15)
        checks.that("all of it is marked as simulated", all(item.source == "simulated" for item in items))

    def refusals():
        backwards = lambda: bars("AAPL", TimeFrame.Day, at(2024, 3, 1), at(2024, 2, 1))
        checks.refused("a range that ends before it starts is refused", backwards, 400)

    return [
        daily_bars, longer_and_shorter_bars, pages_and_order, latest_prices, trades_and_quotes, news, refusals,
    ]
