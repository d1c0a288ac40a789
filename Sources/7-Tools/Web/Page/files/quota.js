// Points of history left, from the last renewal to the next, of /quota.

import { byId, el, fillPanel, svg, table } from './dom.js';
import { counted, day, dayAndMinute, dayAndTime, pairName, whole } from './format.js';

const week = 7 * 86_400;
const [width, height] = [1000, 260];

export function showQuota({ collectors }, now) {
  fillPanel(byId('quota'), collectors.flatMap((one) => [
    el('p', {}, el('b', {}, one.collector), ` ${whole(one.remaining)} of ${whole(one.total)} left`,
      one.renewal ? `, renewed ${dayAndMinute(one.renewal)}` : '', one.isReported ? '' : ' (not yet reported by the broker)'),
    burnDown(one, now), recent(one.requests),
  ]));
}

/** The points left over time, backwards from those left now. */
export function steps(remaining, requests, from) {
  let left = remaining;
  const points = [];
  for (const request of requests.filter((one) => one.time >= from).toReversed()) {
    points.unshift({ time: request.time, before: left + request.points, after: left });
    left += request.points;
  }
  return { start: left, points };
}

function burnDown({ remaining, total, renewal, requests }, now) {
  const end = Math.max(renewal ?? 0, now + 3600);
  const from = end - week;
  const { start, points } = steps(remaining, requests, from);
  const top = Math.max(total, start, 1);
  const x = (time) => (Math.min(Math.max((time - from) / week, 0), 1) * width).toFixed(1);
  const y = (value) => (height - value / top * height).toFixed(1);
  let path = `M0,${y(start)}`;
  for (const point of points) path += `H${x(point.time)}V${y(point.after)}`;
  path += `H${x(now)}`;
  const text = `${whole(remaining)} of ${whole(total)} points left, ${counted(points.length, 'request')} since ${day(from)}`;
  const ticks = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => from + at * 86_400);
  return el('div', { class: 'burn' },
    el('div', { class: 'burn-scale', 'aria-hidden': 'true' }, el('span', {}, whole(top)), el('span', {}, whole(top / 2)), el('span', {}, '0')),
    svg('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': text },
      [0, 0.5, 1].map((share) => svg('line', { class: 'rule', x1: 0, x2: width, y1: share * height, y2: share * height })),
      svg('path', { class: 'even', d: `M0,${y(total)}L${width},${y(0)}` }),
      svg('path', { class: 'area', d: `${path}V${height}H0Z` }), svg('path', { class: 'left', d: path }),
      svg('line', { class: 'now', x1: x(now), x2: x(now), y1: 0, y2: height })),
    el('p', { class: 'scale' }, ticks.map((time) => el('span', {}, day(time).slice(5)))));
}

function recent(requests) {
  if (!requests.length) return el('p', { class: 'note' }, 'no requests in eight days');
  return table('Last history requests', ['sent (UTC)', 'pair', 'for', 'points', 'outcome'], requests.slice(-5).reverse().map((one) =>
    [dayAndTime(one.time).slice(5), `${pairName(one.pair)} ${one.timeframe}`, one.purpose, whole(one.points), one.outcome]));
}
