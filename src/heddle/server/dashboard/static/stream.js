// The line to the daemon: the state once, the events that were, then both as they come.
// It begins again by itself until the page is closed. EventSource cannot send a token, so
// server-sent events are read from a fetch.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 5000;
/** The daemon says something at least every 5 s; after this silence the line is dead. */
const SILENCE_MS = 15_000;
const BACKLOG = 300;
const PAGE = 1000;

export class TokenError extends Error {}

export class Stream {
  /** `listener` has status(STATUS), event(EVENT), forget(), live(), lost(reason), token(isWrong). */
  constructor(listener, secret) {
    this.listener = listener;
    this.secret = secret;
    this.last = null;
    this.delay_ms = FIRST_DELAY_MS;
  }

  /** Follow the daemon for ever. */
  async run() {
    for (;;) {
      try {
        await this.#once();
      } catch (error) {
        if (error instanceof TokenError) {
          await this.listener.token(this.secret.isSet());
          continue;
        }
        this.listener.lost(error.message);
      }
      await pause(this.delay_ms);
      this.delay_ms = Math.min(2 * this.delay_ms, LONGEST_DELAY_MS);
    }
  }

  /** GET a path and return its JSON; throws with a sentence. */
  async get(path) {
    const answer = await this.#fetch(path, {}, AbortSignal.timeout(SILENCE_MS));
    return answer.json();
  }

  async #once() {
    // 1. The state.
    const status = await this.get("/v1/status");
    this.listener.status(status);
    // 2. What happened before; all of it anew when this is another history.
    if (this.last !== null && status.last_event < this.last) {
      this.last = null;
      this.listener.forget();
    }
    if (this.last === null) await this.#backlog(status.last_event);
    // 3. Everything from here on.
    await this.#follow();
  }

  /** Numbers have gaps, so look back further until there is enough. */
  async #backlog(last) {
    for (let reach = PAGE; ; reach *= 16) {
      const after = Math.max(0, last - reach);
      const found = await this.#allAfter(after);
      if (found.length < BACKLOG && after > 0) continue;
      for (const event of found.slice(-BACKLOG)) this.listener.event(event, false);
      this.last = found.length > 0 ? found.at(-1).number : last;
      return;
    }
  }

  async #allAfter(after) {
    let found = [];
    for (;;) {
      const page = (await this.get(`/v1/events?after=${after}&limit=${PAGE}`)).events;
      found = found.concat(page).slice(-BACKLOG);
      if (page.length < PAGE) return found;
      after = page.at(-1).number;
    }
  }

  async #follow() {
    const end = new AbortController();
    let watch = setTimeout(() => end.abort(), SILENCE_MS);
    const awake = () => {
      clearTimeout(watch);
      watch = setTimeout(() => end.abort(), SILENCE_MS);
    };
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(this.last) };
      const answer = await this.#fetch("/v1/stream", headers, end.signal);
      this.delay_ms = FIRST_DELAY_MS;
      this.listener.live();
      for await (const message of messages(answer.body, awake)) this.#take(message);
      throw new Error("the daemon ended the stream");
    } catch (error) {
      throw end.signal.aborted ? new Error("the daemon is silent") : error;
    } finally {
      clearTimeout(watch);
      end.abort();
    }
  }

  #take({ name, text }) {
    if (name === "status") this.listener.status(JSON.parse(text));
    if (name !== "event") return;
    const event = JSON.parse(text);
    if (event.number <= this.last) return;
    this.last = event.number;
    this.listener.event(event, true);
  }

  async #fetch(path, headers, signal) {
    const sent = { ...headers, ...this.secret.headers() };
    let answer;
    try {
      answer = await fetch(path, { headers: sent, signal, cache: "no-store" });
    } catch {
      throw new Error("the daemon does not answer");
    }
    if (answer.status === 401) throw new TokenError("a token is needed");
    if (!answer.ok) throw new Error(await refusal(answer));
    return answer;
  }
}

async function refusal(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `the daemon answered ${answer.status}`;
  }
}

/** Yield the messages of a body of server-sent events: {name, text}. */
export async function* messages(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) yield message(block);
  }
}

function message(block) {
  let name = "message";
  const lines = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) lines.push(line.slice(5).replace(/^ /, ""));
  }
  return { name, text: lines.join("\n") };
}

/** Wait; not longer than until the machine is online or the page is looked at again. */
function pause(delay_ms) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      window.removeEventListener("online", go);
      document.removeEventListener("visibilitychange", go);
      resolve();
    };
    const timer = setTimeout(go, delay_ms);
    window.addEventListener("online", go);
    document.addEventListener("visibilitychange", go);
  });
}
