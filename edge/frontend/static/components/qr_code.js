// An address for the customer's phone.

import { h } from "../dom.js";

const MARGIN = 4; // modules that a reader needs around a code

export function qrCode({ rows, url }) {
  const size = rows.length + 2 * MARGIN;
  const dark = rows.flatMap((row, y) => [...row].map((module, x) => (module === "1" ? `M${x + MARGIN} ${y + MARGIN}h1v1h-1z` : "")));
  return h(
    "figure",
    { class: "code", key: "code", "data-url": url },
    h(
      "svg",
      { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "A code for your phone's camera", "shape-rendering": "crispEdges" },
      h("rect", { class: "code-light", width: size, height: size }),
      h("path", { class: "code-dark", d: dark.join("") }),
    ),
    h("figcaption", {}, "Your receipt: scan it with your phone."),
  );
}
