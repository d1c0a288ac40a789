// The candles of one pair and timeframe, as far as they were read, with the one that forms.

import { get } from './api.js';

/** Candles of a request. */
const page = 500;

export class CandleSeries {
  constructor(pair, timeframe, minutes) {
    Object.assign(this, { pair, timeframe, seconds: minutes * 60, candles: [], isRead: false, isWhole: false, isBusy: false });
  }

  path() { return `/candles/${this.pair}/${this.timeframe}`; }

  /** Reads the newest candles again. What lies in their stretch and is not among them is gone. */
  async refresh() {
    const { candles } = await get(this.path(), { count: page, forming: true });
    this.isRead = true;
    if (!candles.length) return this.candles.splice(0);
    const older = this.candles.filter((candle) => candle.time < candles[0].time);
    // What was read before a hole longer than a page would leave a hole that is none.
    this.candles = older.length && candles.length === page && older.at(-1).time < candles[0].time - 400 * this.seconds
      ? candles : [...older, ...candles];
    if (candles.length < page && !older.length) this.isWhole = true;
  }

  /** Reads the candles before the oldest. Returns whether any came. */
  async readOlder() {
    if (this.isBusy || this.isWhole || !this.candles.length) return false;
    this.isBusy = true;
    try {
      const to = this.candles[0].time;
      const { candles } = await get(this.path(), { count: page, to });
      // Read anew meanwhile, with another beginning.
      if (this.candles[0]?.time !== to) return false;
      this.isWhole = candles.length === 0;
      this.candles = [...candles, ...this.candles];
      return candles.length > 0;
    } finally {
      this.isBusy = false;
    }
  }

  /** Takes a candle of an event. Returns 'last' if it is the last one now, 'inside' if not, null if it changes nothing. */
  take(candle) {
    if (!this.isRead) return null;
    if (this.candles.length && candle.time < this.candles[0].time) {
      // Bought meanwhile; read when one scrolls there.
      this.isWhole = false;
      return null;
    }
    const index = this.candles.findLastIndex((other) => other.time <= candle.time);
    const former = this.candles[index];
    if (former?.time !== candle.time) this.candles.splice(index + 1, 0, candle);
    else if (candle.forming && !former.forming) return null;
    else this.candles[index] = candle;
    return this.candles.at(-1) === candle ? 'last' : 'inside';
  }

  at(time) { return this.candles.find((candle) => candle.time === time); }
}

/**
 * What is drawn of candles: an item each, and places without a candle for holes of up to a day; longer stretches, such
 * as weekends, are drawn together.
 */
export function drawnItems(candles, side, seconds) {
  const items = [];
  for (const candle of candles) {
    const last = items.at(-1);
    if (last && candle.time - last.time <= 86_400) {
      for (let time = last.time + seconds; time < candle.time; time += seconds) items.push({ time, values: null, ticks: 0 });
    }
    items.push(drawnItem(candle, side));
  }
  return items;
}

export function drawnItem(candle, side) {
  return { time: candle.time, values: candle[side] ?? null, ticks: candle.ticks, kind: kind(candle), marks: marks(candle) };
}

/** How the body is drawn. */
export function kind(candle) {
  if (candle.forming) return 'forming';
  if (candle.source === 'bought' || candle.source === 'imported') return 'bought';
  return candle.source === 'derived' ? 'derived' : 'streamed';
}

export function marks(candle) {
  return [!candle.complete && !candle.forming ? 'partial' : null, candle.disputed ? 'disputed' : null].filter(Boolean);
}

/** Simple moving averages of the closes: an array as long as `items`, null where there are too few. */
export function movingAverage(items, period) {
  const closes = [];
  let sum = 0;
  return items.map((item) => {
    if (!item.values) return null;
    closes.push(item.values[3]);
    sum += item.values[3];
    if (closes.length > period) sum -= closes[closes.length - period - 1];
    return closes.length >= period ? sum / period : null;
  });
}
