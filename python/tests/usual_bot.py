"""A typical bot against the usual class, with pandas. It does not know Candlewick.

usage: usual_bot.py DATABASE
"""

import sys

from database import ForexDatabase

PAIRS = ["EUR_USD", "GBP_USD", "NZD_CHF"]
TIMEFRAMES = ["5", "15"]


class Fetcher:
    def __init__(self):
        self.db = ForexDatabase(sys.argv[1])

    def get_candles(self, pair, timeframe, count=100):
        try:
            return self.db.get_candles(pair, timeframe, count)
        except ValueError as error:
            print(f"{pair} {timeframe}: {error}")
            return None


def analyse(df):
    df["ma"] = df["close"].rolling(window=20).mean()
    df["range"] = (df["high"] - df["low"]) / df["open"]
    df["change"] = df["close"].diff()
    gain = df["change"].clip(lower=0).rolling(14).mean()
    loss = -df["change"].clip(upper=0).rolling(14).mean()
    df["rsi"] = 100 - 100 / (1 + gain / loss)
    df["hour"] = df["time"].dt.hour
    busiest = df.groupby("hour")["volume"].sum().idxmax()
    last = df.iloc[-1]
    trend = "up" if last["close"] > last["ma"] else "down"
    return f"{last['time'].strftime('%Y-%m-%d %H:%M')} {last['close']:.5f} {trend} rsi {last['rsi']:.0f} hour {busiest}"


def main():
    fetcher = Fetcher()
    stats = fetcher.db.get_statistics()
    print(f"{stats['total_candles']:,} candles of {stats['unique_pairs']} pairs in {', '.join(stats['timeframes'])} minutes")
    print(f"{stats['oldest_candle']} to {stats['newest_candle']}, sources {stats['sources']}")
    for pair in PAIRS:
        for timeframe in TIMEFRAMES:
            df = fetcher.get_candles(pair, timeframe, count=100)
            if df is None or df.empty:
                continue
            assert list(df.columns) == ["time", "open", "high", "low", "close", "volume", "source"]
            assert df["time"].is_monotonic_increasing and len(df) == 100
            assert (df["time"].astype("datetime64[s]").astype("int64") % (int(timeframe) * 60) == 0).all()
            count = fetcher.db.get_candle_count(pair, timeframe)
            latest = fetcher.db.get_latest_timestamp(pair, timeframe)
            assert count >= 100 and latest >= df["time"].iloc[-1].timestamp()
            print(f"{pair} {timeframe}: {analyse(df)}")


if __name__ == "__main__":
    main()
