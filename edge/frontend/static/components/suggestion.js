// Something that would go well with the order; a touch adds it.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { picture } from "./picture.js";

export function suggestion({ item_id, title, pitch, price, image }, { send, money }) {
  const add = () => send("cart_action", { event: "cart_action", action: "add", item_id, quantity: 1 });
  return h(
    "button",
    { class: "suggestion", type: "button", key: `suggestion ${item_id}`, "data-suggestion": item_id, onclick: add },
    picture(item_id, title, image),
    h(
      "span",
      { class: "suggestion-words" },
      h("span", { class: "suggestion-title" }, title),
      h("span", { class: "pitch" }, pitch),
    ),
    h("span", { class: "suggestion-add" }, icon("plus"), money(price)),
  );
}
