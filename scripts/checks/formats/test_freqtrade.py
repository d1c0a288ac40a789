"""freqtrade's own loader over its folder of data."""

import known
from freqtrade.data.history import load_pair_history
from freqtrade.enums import CandleType


class FreqtradeTest(known.Case):
    def load(self, pair, timeframe, **options):
        return load_pair_history(
            pair.replace("_", "/"), known.NAMES[timeframe], known.ALL / "freqtrade", data_format="json",
            candle_type=CandleType.SPOT, **options,
        )  # fmt: skip

    @staticmethod
    def rows(frame):
        starts = [int(moment.timestamp()) for moment in frame["date"]]
        # Its reader of JSON is off by the last bit of a float now and then.
        prices = ([round(price, 9) for price in frame[name]] for name in ("open", "high", "low", "close"))
        return list(zip(starts, *prices, frame["volume"].tolist()))

    def test_every_candle_is_loaded_and_gaps_are_filled(self):
        filled = 0
        for (pair, timeframe), candles in known.candles().items():
            expected = [(c.start, *(price / 10**9 for price in c.mid), c.volume) for c in candles]
            self.assert_same(self.rows(self.load(pair, timeframe, fill_up_missing=False)), expected)
            # As freqtrade loads by default: what lacks is the close before, without volume.
            rows = self.rows(self.load(pair, timeframe))
            real = set(expected)
            self.assert_same([row for row in rows if row in real], expected)
            self.assertTrue(all(row[5] == 0 and len(set(row[1:5])) == 1 for row in rows if row not in real))
            filled += len(rows) - len(expected)
        self.assertGreater(filled, 0)
