"""Orders of every kind, positions, and what the account makes of them."""

import uuid

from alpaca.trading.enums import (
    OrderClass,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    QueryOrderStatus,
    TimeInForce,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetOrderByIdRequest,
    GetOrdersRequest,
    GetPortfolioHistoryRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC = TimeInForce.DAY, TimeInForce.GTC


def trading_parts(checks, world):
    """Returns the parts; each leaves no open order behind."""
    trading = world.trading

    def order(kind, symbol, side, qty, tif=DAY, **more):
        return trading.submit_order(kind(symbol=symbol, side=side, qty=qty, time_in_force=tif, **more))

    def now(placed):
        return trading.get_order_by_id(placed.id)

    def reaches(sentence, placed, status):
        """Lets time pass until the order has the status."""

        def there():
            found = now(placed)
            if found.status == status:
                return found
            world.turn(advance_ms=1000)
            return None

        return checks.within(sentence, there) or now(placed)

    def cents(price, factor=1.0):
        return round(price * factor, 2)

    def a_market_order():
        before = world.quote("AAPL")
        placed = order(MarketOrderRequest, "AAPL", BUY, 10, client_order_id="conformance-market")
        checks.equal("the answer has the client's id", placed.client_order_id, "conformance-market")
        checks.equal("and its terms", (placed.symbol, placed.side, placed.type), ("AAPL", BUY, OrderType.MARKET))
        checks.equal("and its size", (placed.qty, placed.filled_qty), ("10", "0"))
        filled = reaches("a market order fills", placed, OrderStatus.FILLED)
        checks.equal("wholly", filled.filled_qty, "10")
        near = abs(float(filled.filled_avg_price) / before.ask_price - 1) < 0.02
        checks.that("near the quote", near, filled.filled_avg_price)
        checks.that("and says when", filled.filled_at is not None and filled.filled_at >= filled.submitted_at)
        checks.equal("it is found by the client's id", trading.get_order_by_client_id("conformance-market").id, placed.id)
        again = lambda: order(MarketOrderRequest, "AAPL", BUY, 10, client_order_id="conformance-market")
        checks.refused("the client's id is used up", again, 422, 40010001, "client_order_id must be unique")

    def the_position():
        position = trading.get_open_position("AAPL")
        checks.equal("ten shares are held", (position.qty, position.side), ("10", PositionSide.LONG))
        fill = float(trading.get_order_by_client_id("conformance-market").filled_avg_price)
        checks.equal("at the price paid", float(position.avg_entry_price), fill)
        value = float(position.qty) * float(position.current_price)
        checks.that("worth what they trade at", abs(float(position.market_value) - value) < 0.01, position.market_value)
        checks.equal("all positions are one", [p.symbol for p in trading.get_all_positions()], ["AAPL"])
        account = trading.get_account()
        whole = float(account.cash) + float(account.long_market_value)
        checks.that("equity is cash and shares", abs(float(account.equity) - whole) < 0.02, account.equity)
        checks.refused("no other position exists", lambda: trading.get_open_position("IBM"), 404, 40410000)

    def limit_orders():
        quote = world.quote("MSFT")
        away = order(LimitOrderRequest, "MSFT", BUY, 5, limit_price=cents(quote.bid_price, 0.5))
        world.turn(advance_ms=3000)
        checks.equal("a limit far away rests", now(away).status, OrderStatus.NEW)
        replaced = trading.replace_order_by_id(
            away.id, ReplaceOrderRequest(qty=6, limit_price=cents(quote.bid_price, 0.6))
        )
        checks.that("a replacement is a new order", replaced.id != away.id and replaced.replaces == away.id)
        old = reaches("the old one is replaced", away, OrderStatus.REPLACED)
        checks.equal("by the new one", old.replaced_by, replaced.id)
        rests = reaches("the new one rests", replaced, OrderStatus.NEW)
        checks.equal("with its new terms", (rests.qty, float(rests.limit_price)), ("6", cents(quote.bid_price, 0.6)))
        trading.cancel_order_by_id(replaced.id)
        gone = reaches("it can be canceled", replaced, OrderStatus.CANCELED)
        checks.that("and says when it was", gone.canceled_at is not None)
        cancel = lambda: trading.cancel_order_by_id(replaced.id)
        checks.refused("but once", cancel, 422, 42210000, 'order is already in "canceled" state')
        near = order(LimitOrderRequest, "MSFT", BUY, 5, limit_price=cents(quote.ask_price, 1.05))
        filled = reaches("a marketable limit fills", near, OrderStatus.FILLED)
        checks.that("no worse than its limit", float(filled.filled_avg_price) <= float(near.limit_price))

    def immediate_orders():
        quote = world.quote("IBM")
        for tif in (TimeInForce.IOC, TimeInForce.FOK):
            missed = order(LimitOrderRequest, "IBM", BUY, 5, tif, limit_price=cents(quote.bid_price, 0.5))
            reaches(f"an {tif.value} order away from the market is canceled", missed, OrderStatus.CANCELED)

    def stop_orders():
        quote = world.quote("AAPL")
        stop = order(StopOrderRequest, "AAPL", SELL, 2, GTC, stop_price=cents(quote.bid_price, 0.5))
        both = order(
            StopLimitOrderRequest, "AAPL", SELL, 2, GTC,
            stop_price=cents(quote.bid_price, 0.5), limit_price=cents(quote.bid_price, 0.45),
        )
        trail = order(TrailingStopOrderRequest, "AAPL", SELL, 2, GTC, trail_percent=50)
        world.turn(advance_ms=2000)
        kinds = [now(placed).type for placed in (stop, both, trail)]
        checks.equal("stops are of three kinds", kinds, [OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP])
        followed = now(trail)
        checks.that("a trailing stop follows the price", followed.hwm is not None and followed.stop_price is not None)
        held = trading.get_open_position("AAPL")
        checks.equal("open sells hold shares back", held.qty_available, "4")
        too_many = lambda: order(LimitOrderRequest, "AAPL", SELL, 5, limit_price=cents(quote.ask_price, 2))
        checks.refused("which can't be sold twice", too_many, 403, 40310000, "insufficient qty available")
        answers = trading.cancel_orders()
        checks.equal("all are canceled at once", sorted(a.status for a in answers), [200, 200, 200])
        for placed in (stop, both, trail):
            reaches("and end so", placed, OrderStatus.CANCELED)

    def a_bracket():
        quote = world.quote("GOOG")
        placed = order(
            MarketOrderRequest, "GOOG", BUY, 3, GTC, order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=cents(quote.ask_price, 1.5)),
            stop_loss=StopLossRequest(stop_price=cents(quote.bid_price, 0.5)),
        )
        checks.equal("a bracket has two legs", (placed.order_class, len(placed.legs)), (OrderClass.BRACKET, 2))
        reaches("its entry fills", placed, OrderStatus.FILLED)
        world.turn(advance_ms=2000)
        nested = trading.get_order_by_id(placed.id, GetOrderByIdRequest(nested=True))
        kinds = {leg.type: leg.status for leg in nested.legs}
        checks.equal("then the take profit rests", kinds.get(OrderType.LIMIT), OrderStatus.NEW)
        checks.that("and the stop loss waits", kinds.get(OrderType.STOP) in (OrderStatus.HELD, OrderStatus.NEW), kinds)
        listed = trading.get_orders(GetOrdersRequest(nested=True, symbols=["GOOG"], status=QueryOrderStatus.ALL))
        checks.equal("nested, they are listed as one", [len(o.legs or []) for o in listed], [2])
        trading.cancel_order_by_id(nested.legs[0].id)
        for leg in nested.legs:
            reaches("canceling one leg cancels both", leg, OrderStatus.CANCELED)

    def exits():
        quote = world.quote("GOOG")
        terms = {
            "take_profit": TakeProfitRequest(limit_price=cents(quote.ask_price, 1.5)),
            "stop_loss": StopLossRequest(stop_price=cents(quote.bid_price, 0.5)),
        }
        oco = order(LimitOrderRequest, "GOOG", SELL, 3, GTC, order_class=OrderClass.OCO, **terms)
        checks.equal("one cancels the other", oco.order_class, OrderClass.OCO)
        trading.cancel_order_by_id(oco.id)
        reaches("both at once", oco, OrderStatus.CANCELED)
        oto = order(
            LimitOrderRequest, "IBM", BUY, 1, GTC, order_class=OrderClass.OTO,
            limit_price=cents(world.quote("IBM").bid_price, 0.5),
            stop_loss=StopLossRequest(stop_price=cents(world.quote("IBM").bid_price, 0.3)),
        )
        checks.equal("one triggers the other", (oto.order_class, len(oto.legs)), (OrderClass.OTO, 1))
        trading.cancel_order_by_id(oto.id)
        reaches("or never does", oto, OrderStatus.CANCELED)

    def lists_of_orders():
        placed = [
            order(LimitOrderRequest, symbol, BUY, 1, limit_price=1.5 + i, client_order_id=f"conformance-list-{i}")
            for i, symbol in enumerate(["AAPL", "IBM", "IBM"])
            if world.turn(advance_ms=1000)
        ]
        ids = [o.id for o in placed]
        listed = lambda **wanted: [o.id for o in trading.get_orders(GetOrdersRequest(**wanted))]
        checks.equal("open orders come newest first", listed(), ids[::-1])
        checks.equal("or oldest first", listed(direction="asc"), ids)
        checks.equal("no more than asked for", listed(limit=2), ids[:0:-1])
        checks.equal("of some symbols", listed(symbols=["AAPL"]), ids[:1])
        checks.equal("of one side", listed(side=SELL), [])
        checks.equal("after a time", listed(after=placed[1].submitted_at), ids[2:])
        checks.equal("until a time", listed(until=placed[1].submitted_at), ids[:1])
        closed = listed(status=QueryOrderStatus.CLOSED, limit=500)
        checks.that("closed ones apart", len(closed) > 5 and not set(closed) & set(ids), len(closed))
        everything = listed(status=QueryOrderStatus.ALL, limit=500)
        checks.that("or all of them", set(closed) | set(ids) <= set(everything))
        trading.cancel_orders()
        checks.within("and none is open in the end", lambda: world.turn(advance_ms=500) and listed() == [])

    def refusals():
        quote = world.quote("AAPL")
        limit = lambda **more: order(LimitOrderRequest, more.pop("symbol", "AAPL"), BUY, more.pop("qty", 1), **more)
        much = lambda: limit(qty=1_000_000, limit_price=cents(quote.ask_price))
        checks.refused("what can't be paid for is refused", much, 403, 40310000, "insufficient buying power")
        checks.refused("a price between ticks is refused", lambda: limit(limit_price=10.123), 422, 42210000, "sub-penny")
        unknown = lambda: limit(symbol="ZZZZ", limit_price=10)
        checks.refused("an unknown symbol is refused", unknown, 422, 42210000, 'asset "ZZZZ" not found')
        nobody = lambda: trading.get_order_by_id(str(uuid.uuid4()))
        checks.refused("an unknown order is refused", nobody, 404, 40410000, "order not found")
        stranger = lambda: trading.get_order_by_client_id("conformance-nobody")
        checks.refused("an unknown client id is refused", stranger, 404, 40410000)
        cancel = lambda: trading.cancel_order_by_id(str(uuid.uuid4()))
        checks.refused("canceling an unknown order is refused", cancel, 404, 40410000)
        flip = lambda: order(MarketOrderRequest, "AAPL", SELL, 11)
        checks.refused("a flip to short is refused", flip, 403, 40310000)
        filled = trading.get_order_by_client_id("conformance-market")
        late = lambda: trading.cancel_order_by_id(filled.id)
        checks.refused("a filled order can't be canceled", late, 422, 42210000, 'order is already in "filled" state')
        change = lambda: trading.replace_order_by_id(filled.id, ReplaceOrderRequest(qty=3))
        checks.refused("nor replaced", change, 422, 42210000)

    def fractions():
        placed = trading.submit_order(
            MarketOrderRequest(symbol="IBM", side=BUY, notional=250.0, time_in_force=DAY)
        )
        filled = reaches("an order of dollars fills", placed, OrderStatus.FILLED)
        spent = float(filled.filled_qty) * float(filled.filled_avg_price)
        checks.that("for those dollars", abs(spent - 250) < 0.5, spent)
        small = order(MarketOrderRequest, "IBM", BUY, 0.25)
        checks.equal("a fraction fills", float(reaches("a fraction of a share", small, OrderStatus.FILLED).filled_qty), 0.25)

    def a_short_sale():
        short = order(MarketOrderRequest, "FB", SELL, 4)
        reaches("a short sale fills", short, OrderStatus.FILLED)
        position = trading.get_open_position("FB")
        checks.equal("and is short", (position.qty, position.side), ("-4", PositionSide.SHORT))
        checks.that("its value is negative", float(position.market_value) < 0, position.market_value)

    def closing():
        half = trading.close_position("AAPL", ClosePositionRequest(percentage="50"))
        checks.equal("half a position is sold", (half.side, half.type), (SELL, OrderType.MARKET))
        reaches("and is gone", half, OrderStatus.FILLED)
        checks.equal("the other half stays", trading.get_open_position("AAPL").qty, "5")
        part = trading.close_position("AAPL", ClosePositionRequest(qty="2"))
        reaches("so many shares are sold", part, OrderStatus.FILLED)
        answers = trading.close_all_positions(cancel_orders=True)
        held = {"AAPL", "MSFT", "GOOG", "IBM", "FB"}
        checks.equal("all positions are closed at once", {a.symbol for a in answers}, held)
        checks.equal("each by an order", {a.status for a in answers}, {200})
        checks.within("and none is left", lambda: world.turn(advance_ms=1000) and trading.get_all_positions() == [])
        account = trading.get_account()
        checks.equal("all is cash again", (float(account.long_market_value), account.cash), (0.0, account.equity))
        checks.refused("nothing is left to close", lambda: trading.close_position("AAPL"), 404, 40410000)

    def the_end_of_a_day():
        day = order(LimitOrderRequest, "AAPL", BUY, 1, limit_price=1.5)
        kept = order(LimitOrderRequest, "AAPL", BUY, 1, GTC, limit_price=1.5)
        world.turn(to="2024-03-04T21:30:00Z")
        ended = reaches("an order of the day expires", day, OrderStatus.EXPIRED)
        checks.that("and says when", ended.expired_at is not None, ended.expired_at)
        checks.equal("one until canceled does not", now(kept).status, OrderStatus.NEW)
        night = order(MarketOrderRequest, "AAPL", BUY, 1)
        world.turn(advance_ms=60_000)
        checks.equal("an order of the night waits", now(night).status, OrderStatus.ACCEPTED)
        world.turn(to="2024-03-05T14:31:00Z")
        reaches("for the open", night, OrderStatus.FILLED)
        trading.cancel_orders()
        reaches("and all is tidy", kept, OrderStatus.CANCELED)
        history = trading.get_portfolio_history(GetPortfolioHistoryRequest(period="1W", timeframe="1D"))
        checks.that("the account has a history", len(history.equity) == len(history.timestamp) >= 1, history)

    return [
        a_market_order, the_position, limit_orders, immediate_orders, stop_orders, a_bracket, exits,
        lists_of_orders, refusals, fractions, a_short_sale, closing, the_end_of_a_day,
    ]
