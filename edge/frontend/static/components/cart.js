// The customer's order so far.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { money as amount } from "../money.js";

const MOST = 99; // what a cart action may say

// What tells a line of the cart from the others.
export function lineKey({ item_id, customizations = [] }) {
  return `line ${item_id} ${customizations.join("|")}`;
}

export function cart({ lines = [], total, currency, loyalty_id: loyalty }, { send, fixed, brief, wishes }) {
  const pieces = lines.reduce((sum, line) => sum + line.quantity, 0);
  return h(
    "section",
    { class: lines.length > 0 ? "cart" : "cart empty", key: "cart", "aria-label": "Your order" },
    h(
      "header",
      { class: "cart-head" },
      icon("bag"),
      h("h2", {}, lines.length > 0 ? "Your order" : "Your order is empty"),
      pieces > 0 && h("span", { class: "pieces", key: `pieces ${pieces}` }, pieces === 1 ? "1 item" : `${pieces} items`),
      loyalty && h("span", { class: "tag loyalty", key: "loyalty" }, icon("star"), "Member"),
      brief && pieces > 0 && h("strong", { class: "brief-total", key: "total" }, amount(total, currency)),
    ),
    !brief && lines.length > 0 &&
      h(
        "ul",
        { class: "lines" },
        lines.map((line) => row(line, currency, { send, fixed, wishes })),
      ),
    !brief && lines.length > 0 &&
      h("p", { class: "total" }, h("span", {}, "Total"), h("strong", {}, amount(total, currency))),
  );
}

function row(line, currency, { send, fixed, wishes }) {
  const { item_id, title, quantity, line_total, customizations = [] } = line;
  const key = lineKey(line);
  const act = (action, pieces) => send("cart_action", { event: "cart_action", action, item_id, quantity: pieces, customizations });
  const step = (by) => {
    const pieces = Math.min(MOST, Math.max(0, wishes.from(key, quantity) + by));
    wishes.hold(key, pieces);
    act("update_qty", pieces);
  };
  return h(
    "li",
    { class: "line", key },
    h(
      "div",
      { class: "line-name" },
      h("span", { class: "line-title" }, title),
      customizations.length > 0 && h("span", { class: "line-extras" }, customizations.join(", ")),
    ),
    fixed
      ? h("span", { class: "line-count" }, `${quantity} ×`)
      : h(
          "div",
          { class: "stepper", role: "group", "aria-label": `How many ${title}` },
          h("button", { type: "button", "aria-label": `One ${title} less`, onclick: () => step(-1) }, icon("minus")),
          h("output", {}, quantity),
          h("button", { type: "button", "aria-label": `One ${title} more`, disabled: quantity >= MOST, onclick: () => step(1) }, icon("plus")),
        ),
    h("span", { class: "line-total" }, amount(line_total, currency)),
    !fixed &&
      h("button", { class: "bare", type: "button", "aria-label": `Remove ${title}`, onclick: () => act("remove", quantity) }, icon("bin")),
  );
}
