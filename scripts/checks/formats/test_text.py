"""Text and zip files of candles: by backtrader and backtesting.py, and by small readers of their own."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import backtesting
import backtrader
import known
import pandas

EPOCH = datetime(1970, 1, 1)
CANDLES = known.candles()


def seconds(text, form):
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())


def units(texts):
    """Exact: a decimal that is no whole number of 1e-9 stays one."""
    return tuple(Decimal(text) * 10**9 for text in texts)


class Collector(backtrader.Strategy):
    """Keeps every candle that backtrader hands over."""

    def __init__(self):
        self.seen = []

    def next(self):
        data = self.data
        start = round((data.datetime.datetime(0) - EPOCH).total_seconds())
        self.seen.append((start, *(line[0] for line in (data.open, data.high, data.low, data.close, data.volume))))


class Crossing(backtesting.Strategy):
    """Trades, so that a whole run is made of the file."""

    def init(self):
        self.average = self.I(lambda values: pandas.Series(values).rolling(5).mean(), self.data.Close)

    def next(self):
        if self.data.Close[-1] > self.average[-1] and not self.position:
            self.buy(size=1)
        elif self.data.Close[-1] < self.average[-1] and self.position:
            self.position.close()


class TextTest(known.Case):
    def each(self, form, suffix):
        """Every series and its file; there must be no other file."""
        folder = known.ALL / form
        self.assertEqual(len(list(folder.iterdir())), len(CANDLES))
        self.assertGreater(len(CANDLES), 4)
        for (pair, timeframe), candles in CANDLES.items():
            yield folder / f"{pair}-{known.NAMES[timeframe]}.{suffix}", candles, timeframe

    def test_backtrader_reads_every_candle(self):
        for path, candles, timeframe in self.each("backtrader", "csv"):
            kind = {"timeframe": backtrader.TimeFrame.Minutes, "compression": timeframe // 60}
            # Of days, backtrader's default, it makes the time the day's end.
            is_day = timeframe == 86_400
            data = backtrader.feeds.GenericCSVData(dataname=str(path), **({} if is_day else kind))
            cerebro = backtrader.Cerebro(stdstats=False)
            cerebro.adddata(data)
            cerebro.addstrategy(Collector)
            seen = cerebro.run()[0].seen
            starts = [c.start + (86_400 if is_day else 0) for c in candles]
            expected = [(t, *(price / 10**9 for price in c.mid), float(c.volume)) for t, c in zip(starts, candles)]
            self.assert_same(seen, expected)

    def test_backtesting_runs_over_every_candle(self):
        for path, candles, _ in self.each("backtesting", "csv"):
            data = pandas.read_csv(path, index_col=0, parse_dates=True)
            starts = [int(moment.timestamp()) for moment in data.index]
            self.assert_same(starts, [c.start for c in candles])
            self.assertEqual(list(data.columns), ["Open", "High", "Low", "Close", "Volume"])
            rows = [tuple(row) for row in data.itertuples(index=False)]
            self.assert_same(rows, [(*(price / 10**9 for price in c.mid), c.volume) for c in candles])
            if len(candles) > 50:
                outcome = backtesting.Backtest(data, Crossing, cash=100_000, finalize_trades=True).run()
                self.assertEqual(len(outcome["_equity_curve"]), len(candles))
                self.assertGreater(outcome["# Trades"], 1)

    def test_the_lists_of_freqtrade_are_exact(self):
        for path, candles, _ in self.each("freqtrade", "json"):
            rows = json.loads(path.read_text(), parse_float=str, parse_int=str)
            found = [(int(row[0]), units(row[1:5]), int(row[5])) for row in rows]
            self.assert_same(found, [(c.start * 1_000, c.mid, c.volume) for c in candles])

    def test_the_bars_of_metatrader_are_exact(self):
        names = {60: "M1", 300: "M5", 3_600: "H1", 86_400: "D1"}
        self.assertEqual(len(list((known.ALL / "mt5").iterdir())), len(CANDLES))
        for (pair, timeframe), candles in CANDLES.items():
            point = 10**6 if pair.endswith("JPY") else 10**4
            path = known.ALL / "mt5" / f"{pair.replace('_', '')}_{names[timeframe]}.csv"
            head, *rows = csv.reader(path.open(newline=""), delimiter="\t")
            self.assertEqual(" ".join(head), "<DATE> <TIME> <OPEN> <HIGH> <LOW> <CLOSE> <TICKVOL> <VOL> <SPREAD>")
            found = [
                (seconds(" ".join(row[:2]), "%Y.%m.%d %H:%M:%S"), units(row[2:6]), *map(int, row[6:])) for row in rows
            ]
            spreads = [(2 * (c.ask[3] - c.bid[3]) + point) // (2 * point) for c in candles]
            self.assert_same(found, [(c.start, c.bid, c.volume, 0, s) for c, s in zip(candles, spreads)])
            self.assertTrue(any(spreads))

    def lean_bars(self, path, name, start):
        """The rows of a zip file: seconds, bid, ask."""
        with zipfile.ZipFile(path) as file:
            self.assertIsNone(file.testzip())
            self.assertEqual(file.namelist(), [name])
            text = file.read(name).decode("ascii")
        for row in csv.reader(io.StringIO(text)):
            self.assertEqual((len(row), row[5], row[10]), (11, "0", "0"))
            yield start(row[0]), units(row[1:5]), units(row[6:10])

    def test_the_quote_bars_of_lean_are_exact_and_in_their_places(self):
        places = set()
        for (pair, timeframe), candles in CANDLES.items():
            symbol = pair.replace("_", "").lower()
            found = []
            if timeframe == 60:
                for path in sorted((known.ALL / "lean/forex/oanda/minute" / symbol).iterdir()):
                    day = path.name.removesuffix("_quote.zip")
                    midnight = seconds(day, "%Y%m%d")
                    name = f"{day}_{symbol}_minute_quote.csv"
                    bars = list(self.lean_bars(path, name, lambda text, day=midnight: day + int(text) / 1_000))
                    self.assertTrue(all(midnight <= bar[0] < midnight + 86_400 for bar in bars))
                    found += bars
                    places.add(path)
            elif timeframe in (3_600, 86_400):
                path = known.ALL / "lean/forex/oanda" / {3_600: "hour", 86_400: "daily"}[timeframe] / f"{symbol}.zip"
                found = list(self.lean_bars(path, f"{symbol}.csv", lambda text: seconds(text, "%Y%m%d %H:%M")))
                places.add(path)
            else:
                continue
            self.assert_same(found, [(c.start, c.bid, c.ask) for c in candles])
        self.assertEqual({path for path in (known.ALL / "lean").rglob("*") if path.is_file()}, places)
        self.assertGreater(len(places), 4)
