// The chart without a library: candles, ticks, averages, crosshair, zoom and scrolling on a canvas.
// The same interface as library-chart.js.

import { el } from './dom.js';
import { dayAndMinute, minute } from './format.js';

const axis = { right: 74, bottom: 24, top: 10 };

export class CanvasChart {
  constructor(host, colors, on) {
    Object.assign(this, { colors, on, items: [], averages: [null, null], decimals: 5, spacing: 8, right: 0, pointed: null });
    this.canvas = host.appendChild(el('canvas', {}));
    this.context = this.canvas.getContext('2d');
    new ResizeObserver(() => this.resize(host)).observe(host);
    this.resize(host);
    this.listen(this.canvas);
  }

  setColors(colors) {
    this.colors = colors;
    this.paintSoon();
  }

  draw(items, averages, decimals) {
    Object.assign(this, { items, averages, decimals });
    this.paintSoon();
  }

  drawLast(items, averages) { this.draw(items, averages, this.decimals); }

  point(index) {
    this.pointed = this.items[index] ? { index, y: null } : null;
    if (this.pointed) {
      const fromRight = this.items.length - 1 - index;
      if (fromRight < this.right) this.right = Math.max(-4, fromRight - 4);
      if (fromRight > this.right + this.columns) this.right = fromRight - this.columns + 4;
    }
    this.paintSoon();
  }

  zoom(factor) {
    this.spacing = Math.min(40, Math.max(1.5, this.spacing / factor));
    this.scroll(0);
  }

  showNewest() {
    this.right = -4;
    this.paintSoon();
  }

  drawn() {
    return this.items.filter((item) => item.values)
      .map(({ time, values: [open, high, low, close] }) => ({ time, open, high, low, close }));
  }

  // Shape

  get columns() { return (this.width - axis.right) / this.spacing; }

  /** The middle of an item. */
  x(index) { return this.width - axis.right - (this.items.length - 1 - index - this.right + 0.5) * this.spacing; }

  index(x) { return Math.round(this.items.length - 1 - this.right + 0.5 - (this.width - axis.right - x) / this.spacing); }

  resize(host) {
    const scale = devicePixelRatio || 1;
    [this.width, this.height] = [host.clientWidth, host.clientHeight];
    [this.canvas.width, this.canvas.height] = [this.width * scale, this.height * scale];
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.paintSoon();
  }

  scroll(items) {
    this.right = Math.max(-this.columns / 2, Math.min(this.items.length - 5, this.right + items));
    if (this.items.length && this.items.length - this.right - this.columns < 20) this.on.older();
    this.paintSoon();
  }

  // Hands

  listen(canvas) {
    const held = new Map();
    let moved = 0;
    canvas.addEventListener('pointerdown', (event) => {
      held.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId);
      moved = 0;
    });
    canvas.addEventListener('pointermove', (event) => {
      const former = held.get(event.pointerId);
      if (former) {
        if (held.size === 2) this.zoom(pinch(held, event));
        else this.scroll((event.clientX - former.clientX) / this.spacing);
        moved += Math.abs(event.clientX - former.clientX);
        held.set(event.pointerId, event);
      }
      this.pointAt(event);
    });
    const release = (event) => {
      const item = this.items[this.index(event.offsetX)];
      if (event.type === 'pointerup' && held.has(event.pointerId) && moved < 4 && item) this.on.select(item.time);
      held.delete(event.pointerId);
    };
    canvas.addEventListener('pointerup', release);
    canvas.addEventListener('pointercancel', release);
    canvas.addEventListener('pointerleave', () => {
      this.pointed = null;
      this.on.hover(null);
      this.paintSoon();
    });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.scroll(-event.deltaX / this.spacing);
      else this.zoom(event.deltaY > 0 ? 1.12 : 1 / 1.12);
    }, { passive: false });
  }

  pointAt(event) {
    const index = this.index(event.offsetX);
    this.pointed = this.items[index] ? { index, y: event.offsetY } : null;
    this.on.hover(this.items[index]?.time ?? null);
    this.paintSoon();
  }

  // Paint

  paintSoon() {
    if (this.awaited) return;
    this.awaited = requestAnimationFrame(() => {
      this.awaited = null;
      this.paint();
    });
  }

  paint() {
    const { context, colors, width, height } = this;
    context.fillStyle = colors.panel;
    context.fillRect(0, 0, width, height);
    context.font = `12px ${colors.font}`;
    const first = Math.max(0, this.index(0) - 1);
    const last = Math.min(this.items.length - 1, this.index(width - axis.right) + 1);
    const shown = this.items.slice(first, last + 1);
    const values = shown.filter((item) => item.values);
    if (!values.length) return;
    const low = Math.min(...values.map((item) => item.values[2]));
    const high = Math.max(...values.map((item) => item.values[1]));
    const space = Math.max((high - low) * 0.06, 10 ** -this.decimals);
    const floor = (height - axis.bottom) * 0.8;
    const [bottom, top] = [low - space, high + space];
    this.y = (price) => axis.top + (top - price) / (top - bottom) * (floor - axis.top);
    this.price = (y) => top - (y - axis.top) * (top - bottom) / (floor - axis.top);
    this.last = this.items.findLast((item) => item.values);
    this.grid(bottom, top, first, last);
    context.save();
    context.beginPath();
    context.rect(0, 0, width - axis.right, height - axis.bottom);
    context.clip();
    const most = Math.max(1, ...values.map((item) => item.ticks));
    for (let index = first; index <= last; index += 1) this.candle(this.items[index], this.x(index), most);
    this.averages.forEach((average, line) => average && this.line(average, first, last, colors.averages[line]));
    context.restore();
    this.lastPrice();
    this.crosshair();
  }

  grid(bottom, top, first, last) {
    const { context, colors, width, height } = this;
    const rough = (top - bottom) / Math.max(2, height / 70);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    context.lineWidth = 1;
    context.textBaseline = 'middle';
    const labelled = this.y(this.last.values[3]);
    for (let price = Math.ceil(bottom / step) * step; price < top; price += step) {
      const y = Math.round(this.y(price)) + 0.5;
      this.stroke(colors.grid, [[0, y], [width - axis.right, y]]);
      if (Math.abs(y - labelled) < 17) continue;
      context.fillStyle = colors.muted;
      context.textAlign = 'left';
      context.fillText(price.toFixed(this.decimals), width - axis.right + 8, y);
    }
    const every = Math.max(1, Math.ceil(110 / this.spacing));
    context.textAlign = 'center';
    for (let index = first + (every - first % every) % every; index <= last; index += every) {
      const x = Math.round(this.x(index)) + 0.5;
      if (x > width - axis.right || x < 30) continue;
      this.stroke(colors.grid, [[x, 0], [x, height - axis.bottom]]);
      const time = this.items[index].time;
      const former = this.items[index - every]?.time ?? 0;
      context.fillStyle = colors.muted;
      const isNewDay = Math.floor(time / 86_400) !== Math.floor(former / 86_400);
      context.fillText(isNewDay ? dayAndMinute(time).slice(5) : minute(time), x, height - axis.bottom / 2);
    }
    this.stroke(colors.line, [[0, height - axis.bottom + 0.5], [width, height - axis.bottom + 0.5]]);
    this.stroke(colors.line, [[width - axis.right + 0.5, 0], [width - axis.right + 0.5, height]]);
  }

  candle({ values, ticks, kind, marks }, x, most) {
    if (!values) return;
    const { context, colors } = this;
    const [open, high, low, close] = values.map(this.y);
    const color = close <= open ? colors.up : colors.down;
    const half = Math.max(0.5, Math.floor(this.spacing * 0.36));
    const middle = Math.round(x);
    const floor = this.height - axis.bottom;
    context.fillStyle = colors.volume;
    context.fillRect(middle - half, floor, half * 2, -ticks / most * floor * 0.15);
    this.stroke(color, [[middle + 0.5, high], [middle + 0.5, low]]);
    const [top, size] = [Math.min(open, close), Math.max(1, Math.abs(open - close))];
    context.fillStyle = colors.panel;
    context.fillRect(middle - half, top, half * 2 + 1, size);
    context.fillStyle = { streamed: color, bought: colors.panel }[kind] ?? `${color}66`;
    context.fillRect(middle - half, top, half * 2 + 1, size);
    if (half > 1) {
      context.strokeStyle = color;
      context.strokeRect(middle - half + 0.5, top + 0.5, half * 2, Math.max(0, size - 1));
    }
    for (const mark of marks) this.mark(mark, middle, high, low);
  }

  mark(name, x, high, low) {
    const { context, colors } = this;
    context.fillStyle = colors[name];
    context.beginPath();
    if (name === 'partial') context.arc(x + 0.5, low + 8, 3.5, 0, 2 * Math.PI);
    else context.rect(x - 3, high - 12, 7, 7);
    context.fill();
  }

  line(average, first, last, color) {
    const points = [];
    for (let index = first; index <= last; index += 1) {
      if (average[index] !== null) points.push([this.x(index), this.y(average[index])]);
    }
    this.context.lineWidth = 2;
    this.stroke(color, points);
    this.context.lineWidth = 1;
  }

  lastPrice() {
    const { last } = this;
    const color = last.values[3] >= last.values[0] ? this.colors.up : this.colors.down;
    const y = this.y(last.values[3]);
    if (y < 0 || y > this.height - axis.bottom) return;
    this.dashed(color, [[0, y], [this.width - axis.right, y]]);
    this.label(last.values[3].toFixed(this.decimals), y, color);
  }

  crosshair() {
    const item = this.items[this.pointed?.index];
    if (!item) return;
    const y = this.pointed.y ?? (item.values ? this.y(item.values[3]) : null);
    const x = Math.round(this.x(this.pointed.index)) + 0.5;
    this.dashed(this.colors.muted, [[x, 0], [x, this.height - axis.bottom]]);
    const { context } = this;
    const left = Math.min(Math.max(62, x), this.width - axis.right - 62);
    context.fillStyle = this.colors.label;
    context.fillRect(left - 62, this.height - axis.bottom + 2, 124, axis.bottom - 3);
    context.fillStyle = '#fff';
    context.textAlign = 'center';
    context.fillText(dayAndMinute(item.time), left, this.height - axis.bottom / 2 + 1);
    if (y === null || y > this.height - axis.bottom) return;
    this.dashed(this.colors.muted, [[0, y], [this.width - axis.right, y]]);
    this.label(this.price(y).toFixed(this.decimals), y, this.colors.label);
  }

  label(text, y, color) {
    const { context, width } = this;
    context.fillStyle = color;
    context.fillRect(width - axis.right + 1, y - 10, axis.right - 1, 20);
    context.fillStyle = this.colors.onLabel && color !== this.colors.label ? this.colors.onLabel : '#fff';
    context.textAlign = 'left';
    context.fillText(text, width - axis.right + 8, y + 0.5);
  }

  dashed(color, points) {
    this.context.setLineDash([4, 3]);
    this.stroke(color, points);
    this.context.setLineDash([]);
  }

  stroke(color, points) {
    this.context.strokeStyle = color;
    this.context.beginPath();
    points.forEach(([x, y], index) => (index ? this.context.lineTo(x, y) : this.context.moveTo(x, y)));
    this.context.stroke();
  }
}

/** How much closer two fingers came. */
function pinch(held, event) {
  const other = [...held.values()].find((one) => one.pointerId !== event.pointerId);
  const former = held.get(event.pointerId);
  const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
  return distance(former) / distance(event);
}
