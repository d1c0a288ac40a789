"""What the guide's recipe wrote into NautilusTrader's catalog, read by the catalog; and DBN files by its loader."""

from decimal import Decimal

import known
from nautilus_trader.adapters.databento.loaders import DatabentoDataLoader
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.persistence.catalog import ParquetDataCatalog


def units(values):
    return tuple(int(Decimal(str(value)) * 10**9) for value in values)


class NautilusTest(known.Case):
    def test_the_catalog_has_every_candle(self):
        catalog = ParquetDataCatalog(str(known.FOLDER / "catalog"))
        self.assertEqual([str(found.id) for found in catalog.instruments()], ["EUR/USD.IG"])
        candles = known.candles()["EUR_USD", 300]
        for side in ("bid", "ask"):
            bars = catalog.bars([f"EUR/USD.IG-5-MINUTE-{side.upper()}-EXTERNAL"])
            found = [
                (
                    bar.ts_event,
                    bar.ts_init,
                    units((bar.open, bar.high, bar.low, bar.close)),
                    int(bar.volume.as_double()),
                )
                for bar in bars
            ]
            closes = [(c.start + 300) * 10**9 for c in candles]
            self.assert_same(found, [(t, t, getattr(c, side), c.volume) for t, c in zip(closes, candles)])
            self.assertGreater(len(found), 100)

    def test_the_loader_of_databento_files_has_every_quote(self):
        loader = DatabentoDataLoader()
        name = InstrumentId.from_str("EUR/USD.IG")
        path = known.FOLDER / "EUR_USD.dbn.zst"
        quotes = loader.from_dbn_file(path, instrument_id=name, price_precision=6, as_legacy_cython=True)
        found = [(quote.ts_event, quote.ts_init, *units((quote.bid_price, quote.ask_price))) for quote in quotes]
        ticks = [tick for tick in known.ticks() if tick.pair == "EUR_USD"]
        self.assert_same(found, [(tick.receive_time, tick.receive_time, tick.bid, tick.ask) for tick in ticks])
