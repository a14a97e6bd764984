// The kiosk page: shows what the kiosk says, and tells it what the customer touches.

import { followArrows } from "./arrows.js";
import { Choices } from "./choices.js";
import { lineKey } from "./components/cart.js";
import { Countdown } from "./components/countdown.js";
import { patch } from "./dom.js";
import { NatsLink } from "./link.js";
import { followMistakes } from "./mistakes.js";
import { money } from "./money.js";
import { closeReceipt, openReceipt } from "./receipt_dialog.js";
import { draw, modeOf } from "./screens.js";
import { Wishes } from "./wishes.js";

const THEMES = ["dark"];
const SAME_TOUCH_MS = 700; // a bounce of the finger, not a second wish
const CALM_MS = 600; // a shorter interruption isn't worth mentioning
const HINT_MS = 4000;
const ANSWER_MS = 8000; // every touch is answered by a screen; without one nobody leads the customer any more
const CLOSED_MS = 20_000; // an interruption this long is no moment
const MOMENT = "One moment…";
const CLOSED = "This kiosk is out of service. Please order at the counter.";

const stage = document.getElementById("stage");
const hint = document.getElementById("hint");
const pauseText = document.getElementById("pause-text");
const link = new NatsLink();
const choices = new Choices();
const wishes = new Wishes();
const countdown = new Countdown(show);
let screen = null;
let currency = "USD";
let online = false;
let lastTouch = { text: "", at: -Infinity };
let pauseTimer = null;
let hintTimer = null;
let answerTimer = null;
let unanswered = false;
let closedTimer = null;

function show() {
  if (!screen) return;
  const mode = modeOf(screen);
  const changedMode = document.body.dataset.mode !== mode;
  const hadFocus = stage.contains(document.activeElement);
  document.body.dataset.mode = mode;
  const theme = THEMES.includes(screen.theme_override) ? screen.theme_override : "light";
  document.documentElement.dataset.theme = theme;
  const context = { send, sendOnce, choices, wishes, changed: show, openReceipt, money: (amount) => money(amount, currency) };
  context.secondsLeft = countdown.secondsLeft;
  patch(stage, draw(screen, context));
  if (changedMode) {
    stage.querySelector("main").scrollTop = 0;
    if (mode !== "receipt") closeReceipt();
    // Whoever works by keyboard goes on from the new screen's beginning.
    if (hadFocus && !stage.contains(document.activeElement)) stage.querySelector("main").focus();
  }
}

function onScreen(payload, config, timestamp) {
  screen = payload;
  unanswered = false;
  clearTimeout(answerTimer);
  countdown.follow(dataOf(payload, "Countdown"), timestamp);
  currency = config.currency;
  choices.keepOnly(dataOf(payload, "ItemDetails")?.id);
  const lines = listOf(dataOf(payload, "Cart")?.lines).filter(Boolean);
  wishes.settle(new Map(lines.map((line) => [lineKey(line), line.quantity])));
  show();
  settle();
}

function onState(state) {
  online = state === "online";
  settle();
}

function dataOf(payload, type) {
  return listOf(payload.components).find((each) => each?.type === type)?.data;
}

function listOf(value) {
  return Array.isArray(value) ? value : [];
}

// Cover the page while nothing on it would do anything.
function settle() {
  clearTimeout(pauseTimer);
  const paused = !online || !screen || unanswered;
  stage.inert = paused;
  const cover = () => document.body.classList.toggle("paused", paused);
  if (paused && screen) pauseTimer = setTimeout(cover, CALM_MS);
  else cover();
  if (!paused) {
    clearTimeout(closedTimer);
    closedTimer = null;
    pauseText.textContent = MOMENT;
  } else if (closedTimer === null) {
    closedTimer = setTimeout(() => (pauseText.textContent = CLOSED), CLOSED_MS);
  }
}

function awaitAnswer() {
  clearTimeout(answerTimer);
  answerTimer = setTimeout(() => {
    unanswered = true;
    settle();
  }, ANSWER_MS);
}

async function send(name, payload) {
  try {
    awaitAnswer();
    await link.send(name, payload);
  } catch (error) {
    clearTimeout(answerTimer);
    console.warn("a touch was not delivered:", error.message);
    tell("That didn't get through. Please touch again.");
  }
}

function sendOnce(name, payload) {
  const text = JSON.stringify([name, payload]);
  const now = performance.now();
  if (text === lastTouch.text && now - lastTouch.at < SAME_TOUCH_MS) return;
  lastTouch = { text, at: now };
  send(name, payload);
}

function tell(words) {
  hint.textContent = words;
  hint.classList.add("shown");
  clearTimeout(hintTimer);
  hintTimer = setTimeout(() => hint.classList.remove("shown"), HINT_MS);
}

document.body.classList.add("paused");
document.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a touch screen
followArrows(stage);
followMistakes(document.getElementById("mistakes"));
link.connect(onScreen, onState);
