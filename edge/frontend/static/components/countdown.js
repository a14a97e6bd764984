// How long the customer has left before the screen ends by itself.

import { h } from "../dom.js";

const TICK_MS = 250;
const WORDS = { idle: "This order ends in", left: "This order ends in", finished: "This screen closes in" };

export class Countdown {
  #ends = 0; // by performance.now()
  #timer = null;
  #onTick;

  constructor(onTick) {
    this.#onTick = onTick;
  }

  // Follow the countdown of a screen that was published at `timestamp`, or none.
  follow(data, timestamp) {
    clearInterval(this.#timer);
    if (typeof data?.seconds !== "number") return;
    const age = Math.max(0, Date.now() - Date.parse(timestamp)) || 0; // a page that comes late has less of it
    this.#ends = performance.now() + data.seconds * 1000 - Math.min(age, data.seconds * 1000);
    this.#timer = setInterval(this.#onTick, TICK_MS);
  }

  get secondsLeft() {
    return Math.max(0, Math.ceil((this.#ends - performance.now()) / 1000));
  }
}

export function countdown({ kind, seconds }, { secondsLeft }) {
  const left = Math.min(secondsLeft, Math.ceil(seconds));
  return h(
    "p",
    { class: `countdown ${kind}`, key: "countdown", role: "timer" },
    h("span", {}, WORDS[kind] ?? "Ends in"),
    " ",
    h("strong", {}, left),
    " ",
    h("span", {}, left === 1 ? "second" : "seconds"),
  );
}
