import candlewick

market = candlewick.connect()
candle = None
while True:
    candle = market.wait("EUR_USD", "5m", after=candle)
    closes = [each.close for each in market.candles("EUR_USD", "5m", last=20)]
    if len(closes) < 20:
        print(f"{candle.time:%H:%M} {candle.close:.5f}: {len(closes)} of 20 candles", flush=True)
        continue
    fast, slow = sum(closes[-5:]) / 5, sum(closes) / 20
    signal = "buy" if fast > slow else "sell"
    print(f"{candle.time:%H:%M} {candle.close:.5f}, averages {fast:.5f} and {slow:.5f}: {signal}", flush=True)
