"""The stream of trade updates and the live data socket."""

import threading

from alpaca.data.live import StockDataStream
from alpaca.trading.enums import OrderSide, TimeInForce, TradeEvent
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream


def running(stream):
    """Runs a stream of the library in a thread that ends with the process."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    return thread


def stream_parts(checks, world):
    """Returns the parts."""

    def trade_updates():
        seen = []

        async def take(update):
            seen.append(update)

        stream = TradingStream(world.key, world.secret, url_override=world.socket + "/stream")
        stream.subscribe_trade_updates(take)
        running(stream)
        # The library does not say when it listens: an order tells.
        def heard():
            probe = world.trading.submit_order(
                LimitOrderRequest(symbol="AAPL", side=OrderSide.BUY, qty=1, time_in_force=TimeInForce.DAY, limit_price=1.5)
            )
            world.turn(advance_ms=1000)
            world.trading.cancel_order_by_id(probe.id)
            return len(seen) > 0

        checks.within("the stream is heard", heard, 20)
        placed = world.trading.submit_order(
            MarketOrderRequest(symbol="AAPL", side=OrderSide.BUY, qty=3, time_in_force=TimeInForce.DAY)
        )
        own = lambda: [update for update in seen if update.order.id == placed.id]
        done = lambda: world.turn(advance_ms=1000) and any(u.event == TradeEvent.FILL for u in own())
        checks.within("a fill arrives", done)
        fill = own()[-1]
        checks.equal("with its shares", (fill.qty, fill.order.filled_qty), (3.0, "3"))
        checks.equal("its price", fill.price, float(fill.order.filled_avg_price))
        held = float(world.trading.get_open_position("AAPL").qty)
        checks.equal("the position after it", fill.position_qty, held)
        checks.that("and a number of its own", fill.execution_id is not None)
        checks.equal("after the order was new", own()[0].event, TradeEvent.NEW)
        canceled = lambda: any(update.event == TradeEvent.CANCELED for update in seen)
        checks.within("a cancellation arrives", canceled)
        stream.stop()

    def live_data():
        bars, trades, quotes = [], [], []

        def taking(items):
            async def take(item):
                items.append(item)

            return take

        stream = StockDataStream(world.key, world.secret, url_override=world.socket + "/v2/iex")
        stream.subscribe_bars(taking(bars), "AAPL", "IBM")
        stream.subscribe_trades(taking(trades), "AAPL")
        stream.subscribe_quotes(taking(quotes), "AAPL")
        running(stream)
        passing = lambda items: lambda: world.turn(advance_ms=60_000) and len(items) > 1
        checks.within("bars arrive", passing(bars), 20)
        checks.within("trades arrive", passing(trades))
        checks.within("quotes arrive", passing(quotes))
        checks.that("of the symbols asked for", {bar.symbol for bar in bars} <= {"AAPL", "IBM"})
        checks.that("at times of the session", all(bar.timestamp.second == 0 for bar in bars), bars[-1])
        checks.that("with sound quotes", all(quote.bid_price < quote.ask_price for quote in quotes))
        stream.stop()

    return [trade_updates, live_data]
