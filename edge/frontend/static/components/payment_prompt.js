// What to do at the card reader, and how it went.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { money } from "../money.js";

const SIGNS = { approved: "check", declined: "cross", failed: "alert", timeout: "clock", cancelled: "cross" };

export function paymentPrompt({ state, total, currency, message }) {
  return h(
    "section",
    { class: `payment ${state}`, key: "payment" },
    h("p", { class: "amount" }, money(total, currency)),
    state === "waiting" ? reader() : h("div", { class: "sign", key: state }, icon(SIGNS[state] ?? "alert")),
    h("h1", { class: "payment-words", role: "status" }, message),
  );
}

// A card on its way to the reader.
function reader() {
  const shape = (tag, props) => h(tag, props);
  return h(
    "svg",
    { class: "reader", key: "reader", viewBox: "0 0 320 320", "aria-hidden": "true" },
    shape("rect", { class: "reader-body", x: 70, y: 150, width: 180, height: 160, rx: 26 }),
    shape("rect", { class: "reader-face", x: 92, y: 172, width: 136, height: 70, rx: 12 }),
    shape("circle", { class: "reader-key", cx: 112, cy: 272, r: 10 }),
    shape("circle", { class: "reader-key", cx: 160, cy: 272, r: 10 }),
    shape("circle", { class: "reader-key go", cx: 208, cy: 272, r: 10 }),
    [0, 1, 2].map((ring) =>
      shape("path", {
        class: `wave wave-${ring}`,
        d: `M${136 - ring * 18} ${214 - ring * 12}a${34 + ring * 26} ${34 + ring * 26} 0 0 1 ${48 + ring * 36} 0`,
      }),
    ),
    h(
      "g",
      { class: "card" },
      shape("rect", { class: "card-body", x: 92, y: 24, width: 136, height: 86, rx: 12 }),
      shape("rect", { class: "card-stripe", x: 92, y: 42, width: 136, height: 16 }),
      shape("rect", { class: "card-chip", x: 106, y: 72, width: 28, height: 22, rx: 4 }),
    ),
  );
}
