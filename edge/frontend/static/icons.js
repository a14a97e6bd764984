// Small line icons on a 24 by 24 grid, drawn for this page.

import { h } from "./dom.js";

const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  bin: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  check: "M5 13l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  clock: "M12 7v5l3.5 2M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z",
  alert: "M12 3.5L22 20H2zM12 10v4.5M12 17.2v.3",
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  bag: "M5 8h14l1 13H4zM9 8V6.5a3 3 0 0 1 6 0V8",
  star: "M12 3.5l2.6 5.5 6 .8-4.4 4.2 1.1 6-5.3-2.9L6.7 20l1.1-6L3.4 9.8l6-.8z",
  flame: "M12 3c1 4 5.5 5.5 5.5 10.5a5.5 5.5 0 0 1-11 0c0-2.5 1.3-3.8 2.3-5 .4 1.4 1 2 1.8 2.3C10.2 8 10.7 5.2 12 3z",
  leaf: "M5 19C4 10 10 4 20 4c.5 10-5 16-14 14.5M5 20c1-5 4-8.5 8.5-10.5",
  receipt: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  back: "M15 5l-7 7 7 7",
};

export function icon(name) {
  return h(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    h("path", { d: PATHS[name] }),
  );
}
