// Numbers and times as text. Times are Unix seconds and shown in UTC.

export const none = '–';

export function price(value, decimals) {
  return value === null || value === undefined ? none : value.toFixed(decimals);
}

/** A difference of prices in pips: units of the last digit but one. */
export function pips(difference, decimals) {
  return difference === null || difference === undefined ? none : (difference * 10 ** (decimals - 1)).toFixed(1);
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();
export const clockTime = (seconds) => iso(seconds).slice(11, 19);
export const minute = (seconds) => iso(seconds).slice(11, 16);
export const day = (seconds) => iso(seconds).slice(0, 10);
export const dayAndMinute = (seconds) => iso(seconds).slice(0, 16).replace('T', ' ');
export const dayAndTime = (seconds) => iso(seconds).slice(0, 19).replace('T', ' ');

/** A stretch of time in at most two units. */
export function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, '0')}` : `${Math.floor(hours / 24)} d`;
}

/** An age that counts up: whole seconds, so that it does not flicker. */
export const age = (seconds) => (seconds < 1 ? 'now' : seconds < 10 ? `${Math.floor(seconds)} s` : span(seconds));

export function bytes(count) {
  if (count === null || count === undefined) return none;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let index = 0;
  for (; count >= 1000 && index < units.length - 1; index += 1) count /= 1000;
  return `${index && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[index]}`;
}

export const whole = (count) => Math.round(count).toLocaleString('en').replaceAll(',', '\u202f');

export const counted = (count, noun) => `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;

export const pairName = (pair) => pair.replace('_', '/');

/** Minutes of a timeframe such as `5m`, `1h`, `1d` or `5`. */
export function timeframeMinutes(text) {
  const unit = { m: 1, h: 60, d: 1440, w: 10080 }[text.slice(-1)];
  return unit ? Number(text.slice(0, -1)) * unit : Number(text);
}

export function timeframeName(minutes) {
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}
