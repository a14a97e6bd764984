// The paid order. What the kiosk says of it in a caption is not said twice.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { money } from "../money.js";

const NUMBER_LENGTH = 4; // of the order's id: enough to call out at the counter

export function receiptInfo(data, { openReceipt, said }) {
  const { order_id, total, currency, link, loyalty_points_earned: points, printed, problem } = data;
  const address = ownAddress(link);
  return h(
    "section",
    { class: "receipt", key: "receipt" },
    h("div", { class: "sign", key: "sign" }, icon("check")),
    !said && h("h1", {}, "Thank you!"),
    h("p", { class: "order-number" }, h("span", {}, "Your number"), h("strong", {}, shortNumber(order_id))),
    h("p", { class: "paid" }, `${money(total, currency)} paid`),
    points > 0 && h("p", { class: "tag loyalty" }, icon("star"), points === 1 ? "1 point earned" : `${points} points earned`),
    (problem || !said) &&
      h("p", { class: `printing ${problem ? "problem" : ""}`, role: "status" }, icon(problem ? "alert" : "receipt"), paper(printed, problem)),
    address && h("button", { class: "secondary", type: "button", onclick: () => openReceipt(address) }, icon("receipt"), "Show receipt"),
  );
}

function paper(printed, problem) {
  if (problem) return problem;
  if (printed === null || printed === undefined) return "Printing your receipt…";
  return printed ? "Please take your receipt." : "No paper receipt this time.";
}

function shortNumber(orderId) {
  return orderId.replace(/[^0-9a-z]/gi, "").slice(-NUMBER_LENGTH).toUpperCase();
}

// A receipt is this kiosk's own file: anything else in `link` is no address to follow.
function ownAddress(link) {
  if (typeof link !== "string") return null;
  try {
    const url = new URL(link, location.origin);
    return url.origin === location.origin ? url.pathname : null;
  } catch {
    return null;
  }
}
