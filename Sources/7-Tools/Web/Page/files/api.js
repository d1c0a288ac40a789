// Requests to /api/v1, and its events. Source: docs/http-api.md.

const root = '/api/v1';

/** The JSON of a path. Throws an Error whose message is the server's sentence. */
export async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined));
  const reply = await fetch(`${root}${path}${query.size ? `?${query}` : ''}`, { signal: AbortSignal.timeout(20_000) });
  if (reply.ok) return reply.json();
  const error = await reply.json().catch(() => null);
  throw new Error(error?.error?.message ?? `the server answered ${reply.status}`);
}

/**
 * Events that come for ever: opens again after a loss, and takes silence for one, since a dead connection may not say
 * that it is dead. `handlers` by event name; `opened` and `lost` for the connection.
 */
export class Feed {
  static silenceMilliseconds = 12_000;

  constructor(parameters, handlers) {
    this.url = `${root}/events?${new URLSearchParams(parameters)}`;
    this.handlers = handlers;
    this.open();
    this.watchdog = setInterval(() => this.watch(), 1_000);
  }

  open() {
    this.source?.close();
    this.heard = performance.now();
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => {
      this.heard = performance.now();
      this.handlers.opened?.();
    };
    source.onerror = () => this.handlers.lost?.();
    for (const [name, handler] of Object.entries(this.handlers)) {
      if (name === 'opened' || name === 'lost') continue;
      source.addEventListener(name, (event) => {
        this.heard = performance.now();
        handler(JSON.parse(event.data));
      });
    }
  }

  watch() {
    const isSilent = !this.isQuiet && performance.now() - this.heard > Feed.silenceMilliseconds;
    if (isSilent) this.handlers.lost?.();
    // A browser gives up for good if the answer is an error, such as a proxy's 502.
    if (isSilent || (this.source.readyState === EventSource.CLOSED && performance.now() - this.heard > 2_000)) this.open();
  }

  close() {
    clearInterval(this.watchdog);
    this.source.close();
  }
}
