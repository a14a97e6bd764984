// The screen for somebody who isn't a customer yet, or has just been one: a touch anywhere begins.

import { h } from "../dom.js";
import { picture } from "./picture.js";

// The dishes that come with the page, for a kiosk that sends none of its own with the attract screen.
const OWN = ["volcano", "margherita-pizza", "veggie-bowl", "fries-combo", "iced-cola", "cheesecake"];
const SHOWN = 6;
const TITLES = { attract: "Hungry?", goodbye: "See you soon!" }; // for a kiosk that says nothing itself
const CALLS = { attract: "Touch to order", goodbye: "New order" };

export function welcome(mode, dishes, labels, { said, sendOnce }) {
  const shown = dishes.length > 0 ? dishes : OWN.map((slug, id) => ({ id, title: "", image: `/img/${slug}.svg` }));
  return h(
    "button",
    {
      class: `welcome ${mode}`,
      key: "welcome",
      type: "button",
      "data-action": "start",
      onclick: () => sendOnce("touch", { event: "touch", action: "start" }),
    },
    !said && h("span", { class: "welcome-title" }, TITLES[mode]),
    h(
      "span",
      { class: "plates", "aria-hidden": "true" },
      shown.slice(0, SHOWN).map((dish, nth) => h("span", { class: `plate plate-${nth}`, key: `plate ${nth}` }, picture(dish.id, dish.title, dish.image))),
    ),
    h("span", { class: "welcome-call" }, labels[0] ?? CALLS[mode]),
  );
}
