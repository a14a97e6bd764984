// One dish in detail, with its customizations and how many of it.

import { h } from "../dom.js";
import { icon } from "../icons.js";
import { picture } from "./picture.js";

const MOST = 9; // of one dish at once; more is a matter for the cart

export function itemDetails(data, { money, choices, changed }) {
  const { id, title, description, price, image, calories, allergens = [], customizations = [], available = true } = data;
  const mine = choices.of(id);
  const toggle = (name) => {
    if (!mine.names.delete(name)) mine.names.add(name);
    changed();
  };
  const count = (step) => {
    mine.quantity = Math.min(MOST, Math.max(1, mine.quantity + step));
    changed();
  };
  return h(
    "article",
    { class: available ? "details" : "details sold-out", key: `details ${id}` },
    picture(id, title, image),
    h("h1", { class: "details-title" }, title),
    h(
      "p",
      { class: "facts" },
      h("span", { class: "details-price" }, available ? money(price) : "Sold out"),
      calories > 0 && h("span", { class: "fact" }, `${calories} kcal`),
      h("span", { class: "fact" }, allergens.length > 0 ? `Contains ${allergens.join(", ")}` : "No listed allergens"),
    ),
    description && h("p", { class: "description" }, description),
    available && customizations.length > 0 &&
      h(
        "section",
        { class: "choices", "aria-label": "Make it yours" },
        h("h2", {}, "Make it yours"),
        h(
          "div",
          { class: "choice-list" },
          customizations.map((choice) => option(choice, mine.names.has(choice.name), toggle, money)),
        ),
      ),
    available &&
      h(
        "div",
        { class: "how-many", role: "group", "aria-label": "How many" },
        h("button", { class: "round quiet", type: "button", "aria-label": "One less", disabled: mine.quantity <= 1, onclick: () => count(-1) }, icon("minus")),
        h("output", { "aria-live": "polite" }, mine.quantity),
        h("button", { class: "round quiet", type: "button", "aria-label": "One more", disabled: mine.quantity >= MOST, onclick: () => count(1) }, icon("plus")),
        h("span", { class: "how-much" }, money(priceOf(data, mine))),
      ),
  );
}

function option({ name, price }, chosen, toggle, money) {
  return h(
    "button",
    { class: "choice", type: "button", key: `choice ${name}`, "aria-pressed": String(chosen), onclick: () => toggle(name) },
    h("span", { class: "choice-box" }, chosen && icon("check")),
    h("span", { class: "choice-name" }, name),
    h("span", { class: "choice-price" }, price > 0 ? `+ ${money(price)}` : "free"),
  );
}

// For display only, in whole cents; what is charged is the menu's and the cart's business.
function priceOf({ price, customizations = [] }, { names, quantity }) {
  const cents = (amount) => Math.round(amount * 100);
  const extras = customizations.filter((choice) => names.has(choice.name));
  return ((cents(price) + extras.reduce((sum, choice) => sum + cents(choice.price), 0)) * quantity) / 100;
}
