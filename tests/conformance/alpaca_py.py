"""The provider's own client library against the sandbox.

Usage: alpaca_py.py BASE_URL KEY SECRET

The sandbox's clock must be stepped, stand at or before an opening, and nothing else may use its
account. Whatever the library can't read, or reads otherwise than was meant, fails here.
"""

import sys

from checks import Checks
from market_data import market_data_parts
from reference import reference_parts
from streams import stream_parts
from trading import trading_parts
from world import World


def main():
    """Runs every part against the sandbox at the address given."""
    base, key, secret = sys.argv[1:4]
    checks = Checks()
    world = World(base, key, secret)
    for parts in (reference_parts, market_data_parts, trading_parts, stream_parts):
        for part in parts(checks, world):
            checks.part(part)
    sys.exit(checks.close())


if __name__ == "__main__":
    main()
