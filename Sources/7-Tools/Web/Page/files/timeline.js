// When the feed was seen and when not, of /connection.

import { byId, el, fillPanel, svg, table } from './dom.js';
import { dayAndMinute, dayAndTime, minute, pairName, span } from './format.js';

const window = 2 * 86_400;
const width = 1000;

/** `status`: says what is blind now, since events that began before the two days are not among them. */
export function showTimeline({ events }, status, now) {
  const end = Math.max(now, ...events.map((event) => event.time));
  const from = end - window;
  const collectors = [...new Set(events.map((event) => event.collector))];
  const bars = (collectors.length ? collectors : ['main']).map((collector) => {
    const own = status?.collectors?.[collector] ?? status;
    const parts = stretches(events.filter((event) => event.collector === collector), own?.continuity, from, end);
    return bar(collector, parts, own && !own.stages['ingest-stream'], from, end);
  });
  const latest = events.filter((event) => event.time >= from).slice(-8).reverse();
  fillPanel(byId('connection-panel'), bars, legend(),
    latest.length ? table('Last events of the feed', ['time (UTC)', 'pair', 'event', 'detail'], latest.map((event) =>
      [dayAndTime(event.time).slice(5), event.pair ? pairName(event.pair) : 'feed', event.event, detail(event)])) : el('p', { class: 'note' }, 'no events in two days'));
}

/** The server's words, but stretches of time in units that are easy to read. */
function detail({ event, detail, from, until }) {
  if (event === 'blind ended' && from !== null && until !== null) return `after ${span(until - from)}`;
  if (event === 'blind began' && from !== null) return `since ${dayAndTime(from).slice(5)}`;
  return detail;
}

/** Blind stretches of the whole feed and of pairs, and the time before the first session. */
export function stretches(events, continuity, from, end) {
  const found = [];
  const open = new Map();
  // Nothing is blind before the first start, which ends the blindness of ever; 0: it is still to come.
  let first = continuity?.blindSince === 0 ? end : -Infinity;
  for (const event of events) {
    const key = event.pair ?? '';
    if (event.event === 'blind began' && !open.has(key)) open.set(key, event.from ?? event.time);
    if (event.event === 'blind ended') {
      if (!key && event.detail === 'from the start') first = event.time;
      const began = event.from ?? open.get(key);
      if (began !== undefined) found.push({ kind: key ? 'pair' : 'blind', pair: event.pair, from: began, until: event.until ?? event.time });
      open.delete(key);
    }
  }
  if (continuity?.blindSince && !open.has('')) open.set('', continuity.blindSince / 1e9);
  for (const { pair, since } of continuity?.blindPairs ?? []) if (since && !open.has(pair)) open.set(pair, since / 1e9);
  for (const [key, began] of open) found.push({ kind: key ? 'pair' : 'blind', pair: key || null, from: began, until: end });
  const seen = found.filter((one) => one.until > first).map((one) => ({ ...one, from: Math.max(one.from, first) }));
  if (first > from) seen.push({ kind: 'before', from, until: first });
  return seen.filter((one) => one.until >= from).map((one) => ({ ...one, from: Math.max(one.from, from) }));
}

function bar(collector, parts, isDown, from, end) {
  const x = (time) => (time - from) / window * width;
  const rects = ['before', 'pair', 'blind'].flatMap((kind) => parts.filter((one) => one.kind === kind).map((one) =>
    svg('rect', { class: kind, x: x(one.from), y: kind === 'pair' ? 20 : 0, width: Math.max(2, x(one.until) - x(one.from)), height: kind === 'pair' ? 8 : 28 },
      svg('title', {}, `${one.pair ? pairName(one.pair) : 'feed'}: ${kind === 'before' ? 'before the first start' : 'blind'} ${dayAndMinute(one.from)} to ${dayAndMinute(one.until)}`))));
  const blind = parts.filter((one) => one.kind === 'blind');
  const total = blind.reduce((sum, one) => sum + one.until - one.from, 0);
  const text = isDown ? 'not seen now: ingest-stream is down' : blind.length ? `${blind.length}× blind, ${span(total)} in all` : 'never blind';
  const marks = [0, 0.25, 0.5, 0.75].map((share) => from + share * window);
  return el('div', { class: 'timeline' },
    el('p', {}, el('b', {}, collector), ` ${text}`),
    svg('svg', { viewBox: `0 0 ${width} 28`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${collector}: ${text}` },
      svg('rect', { class: 'seen', width, height: 28 }), rects),
    el('p', { class: 'scale' }, [...marks, end].map((time, at) => el('span', {}, at === 0 || at === 4 ? dayAndMinute(time).slice(5) : minute(time)))));
}

const legend = () => el('ul', { class: 'legend' }, [['seen', 'seen'], ['blind', 'feed blind'], ['pair', 'a pair blind'], ['before', 'before the first start']]
  .map(([kind, meaning]) => el('li', {}, el('i', { class: 'swatch', 'data-stretch': kind }), meaning)));
