// A dish's marks: popular, spicy, vegetarian and the like.

import { h } from "../dom.js";
import { icon } from "../icons.js";

const SHOWN = 2; // more than a card has room for helps nobody
const ICONS = { popular: "star", spicy: "flame", vegetarian: "leaf", vegan: "leaf" };

export function tags(names) {
  // The ones with an icon say most: they come first.
  const ordered = [...names].sort((a, b) => (b in ICONS) - (a in ICONS)).slice(0, SHOWN);
  return h(
    "span",
    { class: "tags" },
    ordered.map((name) =>
      h("span", { class: `tag ${name in ICONS ? name : ""}`, key: name }, ICONS[name] && icon(ICONS[name]), name),
    ),
  );
}
