#!/usr/bin/env python3
"""Our engine beside vectorbt and backtesting.py: same work, same answers, times in one run.

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -r requirements.txt
    /tmp/peers/bin/python compare.py --capstan PATH/TO/capstan

One series (AAPL, adjusted, 3,270 daily bars), commission 0.1 % a side, everything invested,
decisions on the close, fills at the next open. Sweep: 400 crossovers (fast 5..24, slow
30..220 step 10). Single: fast 10, slow 50. Every time is the median of repeats after a warm
run (numba compiled). The answers of all engines are compared before any ratio is printed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[3]
CSV = ROOT / "market_data" / "ohlcv" / "adjusted" / "AAPL.csv"
CASH, FEE = 100_000.0, 0.001
FAST, SLOW = range(5, 25), range(30, 221, 10)
SINGLE = (10, 50)
TOLERANCE = 1e-6


def same(a, b):
    if a is None or b is None:
        return a is None and b is None
    return abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b))


def median_time(compute, times):
    compute()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def capstan(binary, *arguments):
    done = subprocess.run([binary, "backtest", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"capstan backtest {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def bars():
    frame = pd.read_csv(CSV, parse_dates=["date"], index_col="date", float_precision="round_trip")
    frame.columns = [name.capitalize() for name in frame.columns]
    return frame.astype(float)


def crossings(fast, slow):
    """Entries and exits of two aligned arrays of means, one column a pair."""
    up, down = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    up[1:] = (fast[:-1] < slow[:-1]) & (fast[1:] > slow[1:])
    down[1:] = (fast[:-1] > slow[:-1]) & (fast[1:] < slow[1:])
    return up, down


def vectorbt_portfolio(frame, pairs):
    """Means, crossings and simulation of all pairs in one call, as its users write it."""
    import vectorbt as vbt

    windows = sorted({window for pair in pairs for window in pair})
    means = vbt.MA.run(frame["Close"], windows).ma.to_numpy().reshape(len(frame), -1)
    column = {window: i for i, window in enumerate(windows)}
    fast = means[:, [column[f] for f, _ in pairs]]
    slow = means[:, [column[s] for _, s in pairs]]
    up, down = crossings(fast, slow)
    shift = lambda mask: np.vstack([np.zeros((1, mask.shape[1]), bool), mask[:-1]])
    return vbt.Portfolio.from_signals(
        frame["Close"],
        pd.DataFrame(shift(up), index=frame.index),
        pd.DataFrame(shift(down), index=frame.index),
        price=frame["Open"],
        fees=FEE,
        init_cash=CASH,
        freq="1D",
        direction="longonly",
    )


def vectorbt_figures(portfolio):
    return (
        np.atleast_1d(portfolio.final_value()),
        np.atleast_1d(portfolio.total_return()),
        np.atleast_1d(portfolio.max_drawdown()),
        np.atleast_1d(portfolio.sharpe_ratio()),
        np.atleast_1d(portfolio.trades.closed.count()),
    )


def backtesting_run(frame, fast, slow):
    from backtesting import Backtest, Strategy

    mean = lambda values, window: pd.Series(values).rolling(window).mean().to_numpy()

    class Crossover(Strategy):
        def init(self):
            self.fast = self.I(mean, self.data.Close, fast)
            self.slow = self.I(mean, self.data.Close, slow)

        def next(self):
            if not self.position and not self.orders:
                if self.fast[-2] < self.slow[-2] and self.fast[-1] > self.slow[-1]:
                    self.buy()
            elif self.position and self.fast[-2] > self.slow[-2] and self.fast[-1] < self.slow[-1]:
                self.position.close()

    return Backtest(frame, Crossover, cash=CASH, commission=FEE, finalize_trades=True)


def check_sweep(cells, portfolio):
    values, returns, drawdowns, _, counts = vectorbt_figures(portfolio)
    wrong = 0
    for i, cell in enumerate(cells):
        agree = (
            same(cell["final_equity"], float(values[i]))
            and same(cell["total_return"], float(returns[i]))
            and same(cell["max_drawdown"], float(drawdowns[i]))
            and cell["trades"] == int(counts[i])
        )
        wrong += not agree
    return wrong


def check_single(report, portfolio):
    records = portfolio.trades.records
    ours = report["trades"] + report["open_positions"]
    equity = portfolio.value().to_numpy().ravel()
    agree = len(ours) == len(records) and all(same(a, b) for a, b in zip(report["equity"], equity))
    for mine, theirs in zip(ours, records.itertuples()):
        agree &= mine["entry_bar"] == theirs.entry_idx and mine["exit_bar"] == theirs.exit_idx
        agree &= same(mine["quantity"], theirs.size) and same(mine["pnl"], theirs.pnl)
        agree &= same(mine["entry_price"], theirs.entry_price) and same(mine["exit_price"], theirs.exit_price)
    return agree


def check_backtesting(binary, stats):
    """backtesting.py sizes and closes in its own way; `replay` follows it."""
    execution = {"cash": CASH, "commission_pct": FEE, "sizing": {"kind": "all_in"}, "finalize": True}
    case = {
        "id": "single",
        "data": f"adjusted/{CSV.name}",
        "strategy": "sma_cross",
        "params": {"fast": SINGLE[0], "slow": SINGLE[1]},
        "execution": execution,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "cases.json")
        path.write_text(json.dumps({"engine": "backtesting", "cases": [case]}))
        line = json.loads(capstan(binary, "replay", "--cases", str(path), "--data", str(CSV.parents[1])))
    trades = stats["_trades"]
    agree = same(line["final_equity"], stats["Equity Final [$]"]) and line["n_trades"] == len(trades)
    for mine, theirs in zip(line["trades"], trades.itertuples()):
        agree &= mine["entry_date"] == f"{theirs.EntryTime:%Y-%m-%d}" and mine["exit_date"] == f"{theirs.ExitTime:%Y-%m-%d}"
        agree &= same(mine["size"], theirs.Size) and same(mine["pnl"], theirs.PnL)
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capstan", required=True, help="the release binary")
    parser.add_argument("--times", type=int, default=15, help="repeats of the peers")
    options = parser.parse_args()

    frame = bars()
    pairs = [(fast, slow) for fast in FAST for slow in SLOW]
    grid = len(frame) * len(pairs)

    costs = ["--csv", str(CSV), "--cash", str(CASH), "--fee-fraction", str(FEE), "--json", "--bench", "200"]
    ranges = ["--fast", f"{FAST[0]}..{FAST[-1]}", "--slow", f"{SLOW[0]}..{SLOW[-1]}:{SLOW.step}"]
    one = json.loads(capstan(options.capstan, "sweep", *costs, *ranges, "--threads", "1"))
    all_cores = json.loads(capstan(options.capstan, "sweep", *costs, *ranges))
    rule = ["--set", f"fast={SINGLE[0]}", "--set", f"slow={SINGLE[1]}"]
    single = json.loads(capstan(options.capstan, "run", *costs, *rule))

    import vectorbt as vbt

    vbt.settings.returns["year_freq"] = "252 days"
    portfolio = vectorbt_portfolio(frame, pairs)
    wrong = check_sweep(one["cells"], portfolio)
    single_portfolio = vectorbt_portfolio(frame, [SINGLE])
    single_same = check_single(single["report"], single_portfolio)
    stats = backtesting_run(frame, *SINGLE).run()
    backtesting_same = check_backtesting(options.capstan, stats)

    simulate = median_time(lambda: vectorbt_portfolio(frame, pairs), options.times)
    figures = median_time(lambda: vectorbt_figures(vectorbt_portfolio(frame, pairs)), options.times)
    vectorbt_single = median_time(lambda: vectorbt_figures(vectorbt_portfolio(frame, [SINGLE])), options.times)
    peer = backtesting_run(frame, *SINGLE)
    backtesting_single = median_time(peer.run, max(3, options.times // 3))

    sweep_time = one["timing"]["median_seconds"]
    single_time = single["timing"]["median_seconds"]
    rows = [
        ("sweep, ours, 1 thread, with figures", sweep_time, grid, sweep_time),
        (f"sweep, ours, {all_cores['threads']} threads, with figures", all_cores["timing"]["median_seconds"], grid, sweep_time),
        ("sweep, vectorbt, simulation only", simulate, grid, sweep_time),
        ("sweep, vectorbt, with figures", figures, grid, sweep_time),
        ("sweep, backtesting.py, 400 x single", backtesting_single * len(pairs), grid, sweep_time),
        ("single, ours, trades and all figures", single_time, len(frame), single_time),
        ("single, vectorbt, five figures", vectorbt_single, len(frame), single_time),
        ("single, backtesting.py", backtesting_single, len(frame), single_time),
    ]
    print(f"{'':<42}{'ms':>12}{'M bars/s':>12}{'x our 1 thread':>18}")
    for name, seconds, bars_done, ours in rows:
        print(f"{name:<42}{seconds * 1e3:>12.3f}{bars_done / seconds / 1e6:>12.3f}{seconds / ours:>18.1f}")
    print(f"vectorbt sweep: {len(pairs) - wrong} of {len(pairs)} cells the same (equity, return, drawdown, trades)")
    print(f"vectorbt single: trades and equity {'the same' if single_same else 'DIFFER'}")
    print(f"backtesting.py single: trades and equity {'the same' if backtesting_same else 'DIFFER'}")
    if wrong or not single_same or not backtesting_same:
        sys.exit("the engines do not agree")


if __name__ == "__main__":
    main()
