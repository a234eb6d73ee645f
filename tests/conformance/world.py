"""The sandbox under test: the library's clients, and the clock that the checks turn."""

import json
import urllib.request

from alpaca.data.historical import NewsClient, StockHistoricalDataClient
from alpaca.trading.client import TradingClient


class World:
    """One sandbox, reached by the library; only its clock is reached beside it."""

    def __init__(self, base, key, secret):
        self.base, self.key, self.secret = base, key, secret
        self.socket = base.replace("http://", "ws://")
        self.trading = TradingClient(key, secret, url_override=base)
        self.data = StockHistoricalDataClient(key, secret, url_override=base)
        self.news = NewsClient(key, secret, url_override=base)

    def turn(self, **step):
        """Turns the clock: `advance_ms=` or `to=`."""
        return self.admin("POST", "/sandbox/clock", step)

    def admin(self, method, path, body=None):
        """Asks the sandbox itself, which needs no key."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=sent, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def quote(self, symbol):
        """Returns the latest quote of a symbol, through the library."""
        from alpaca.data.requests import StockLatestQuoteRequest

        return self.data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))[symbol]
