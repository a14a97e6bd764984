// A dish's picture on its tinted ground; without one, its first letter.

import { h } from "../dom.js";

const TINTS = 6; // tokens.css has as many

export function picture(id, title, image) {
  const found = typeof image === "string" && image !== "";
  return h(
    "span",
    { class: `picture tint-${Math.abs(id ?? 0) % TINTS}`, "data-initial": [...title][0] ?? "", "aria-hidden": "true" },
    found &&
      h("img", {
        src: image,
        alt: "",
        draggable: "false",
        onerror: (event) => event.target.setAttribute("data-missing", ""),
        onload: (event) => event.target.removeAttribute("data-missing"),
      }),
  );
}
