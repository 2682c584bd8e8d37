// The daemon's state as it changes: server-sent events over fetch, which can carry a token.
// A connection that breaks is opened again, sooner at first, and goes on after the last event.

const TOKEN = "heddle-token";
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5000;

export function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

export async function fetchJson(path) {
  const answer = await fetch(path, { headers: headers(), cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

export class Stream {
  constructor({ onStatus, onEvent, onState }) {
    this.onStatus = onStatus;
    this.onEvent = onEvent;
    this.onState = onState;
    this.last = 0;
    this.waitMs = FIRST_WAIT_MS;
    this.wake = null;
  }

  async run() {
    for (;;) {
      try {
        await this.#follow();
      } catch (error) {
        if (error.isDenied) {
          this.onState("denied");
          await new Promise((resolve) => { this.wake = resolve; });
          continue;
        }
      }
      this.onState("lost");
      await new Promise((resolve) => setTimeout(resolve, this.waitMs));
      this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 1.7);
    }
  }

  again() {
    this.wake?.();
  }

  async #follow() {
    const more = { ...headers(), "Last-Event-ID": String(this.last) };
    const answer = await fetch("/v1/stream", { headers: more, cache: "no-store" });
    if (answer.status === 401) throw Object.assign(new Error("denied"), { isDenied: true });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.waitMs = FIRST_WAIT_MS;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) this.#take(part);
    }
  }

  #take(part) {
    let kind = "message";
    let data = "";
    for (const line of part.split("\n")) {
      if (line.startsWith("event: ")) kind = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (!data) return;
    const members = JSON.parse(data);
    if (kind === "event") {
      this.last = Math.max(this.last, members.number);
      this.onEvent(members);
    } else if (kind === "status") {
      this.onState("live");
      this.onStatus(members);
    }
  }
}
