// A dish to choose: the card opens it, its plus adds one to the order.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { picture } from "./picture.js";
import { tags } from "./tags.js";

export function heroItem({ id, title, price, image, tags: names = [], available = true }, { send, money }) {
  const open = () => send("touch", { event: "touch", action: "select_item", item_id: id, component: "HeroItem" });
  const add = () => send("cart_action", { event: "cart_action", action: "add", item_id: id, quantity: 1 });
  return h(
    "article",
    { class: available ? "hero" : "hero sold-out", key: `hero ${id}` },
    h(
      "button",
      { class: "hero-open", type: "button", disabled: !available, "data-item": id, onclick: open },
      picture(id, title, image),
      h("span", { class: "hero-title" }, title),
      tags(names),
      h("span", { class: "hero-price" }, available ? money(price) : "Sold out"),
    ),
    available &&
      h(
        "button",
        { class: "round hero-add", type: "button", "aria-label": `Add ${title} to your order`, "data-add": id, onclick: add },
        icon("plus"),
      ),
  );
}
