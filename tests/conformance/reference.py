"""Account, clock, calendar, assets, and who is let in."""

from datetime import date

from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AccountStatus, AssetClass, AssetExchange, AssetStatus
from alpaca.trading.requests import GetAssetsRequest, GetCalendarRequest


def reference_parts(checks, world):
    """Returns the parts."""
    trading = world.trading

    def the_account():
        account = trading.get_account()
        checks.equal("the account is active", account.status, AccountStatus.ACTIVE)
        checks.equal("it starts with 100,000 dollars", float(account.cash), 100_000.0)
        checks.equal("its equity is its cash", float(account.equity), 100_000.0)
        checks.equal("it is on margin", account.multiplier, "2")
        checks.equal("its buying power is twice its equity", float(account.buying_power), 200_000.0)
        checks.equal("nothing blocks it", (account.account_blocked, account.trading_blocked), (False, False))
        checks.that("its number is a paper account's", account.account_number.startswith("PA"), account.account_number)

    def the_clock():
        world.turn(to="2024-03-04T13:00:00Z")
        clock = trading.get_clock()
        checks.equal("before the open the market is closed", clock.is_open, False)
        checks.equal("it opens at half past nine", clock.next_open.isoformat(), "2024-03-04T09:30:00-05:00")
        checks.equal("it closes at four", clock.next_close.isoformat(), "2024-03-04T16:00:00-05:00")
        world.turn(to="2024-03-04T15:00:00Z")
        clock = trading.get_clock()
        checks.equal("in the session it is open", clock.is_open, True)
        checks.that("when open, the close comes first", clock.next_close < clock.next_open)
        checks.equal("the clock tells New York time", clock.timestamp.isoformat(), "2024-03-04T10:00:00-05:00")

    def the_calendar():
        days = trading.get_calendar(GetCalendarRequest(start=date(2024, 11, 25), end=date(2024, 12, 2)))
        checks.equal("Thanksgiving is no session", [day.date.day for day in days], [25, 26, 27, 29, 2])
        checks.equal("the day after closes early", days[3].close.hour, 13)
        checks.equal("sessions open at half past nine", (days[0].open.hour, days[0].open.minute), (9, 30))

    def the_assets():
        assets = trading.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_EQUITY, status=AssetStatus.ACTIVE))
        checks.that("several stocks are listed", len(assets) >= 5, len(assets))
        apple = trading.get_asset("AAPL")
        checks.equal("Apple is on NASDAQ", apple.exchange, AssetExchange.NASDAQ)
        checks.that("it trades in fractions and on margin", apple.tradable and apple.fractionable and apple.marginable)
        checks.equal("an id finds the same asset", trading.get_asset(str(apple.id)).symbol, "AAPL")
        checks.refused("an unknown asset is refused", lambda: trading.get_asset("ZZZZ"), 404, 40410000)
        nyse = trading.get_all_assets(GetAssetsRequest(exchange=AssetExchange.NYSE))
        checks.equal("the exchange is a filter", {asset.symbol for asset in nyse}, {"IBM"})

    def the_gate():
        stranger = TradingClient(world.key, "wrong", url_override=world.base)
        checks.refused("a wrong secret is refused", stranger.get_account, 401, 40110000)

    return [the_account, the_clock, the_calendar, the_assets, the_gate]
