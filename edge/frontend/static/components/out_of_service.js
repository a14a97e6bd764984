// Nobody can order here now.

import { h } from "../dom.js";
import { icon } from "../icons.js";

export function outOfService({ message }) {
  return h(
    "section",
    { class: "closed", key: "closed", role: "status" },
    h("div", { class: "sign" }, icon("clock")),
    h("h1", {}, "Out of service"),
    h("p", {}, message),
  );
}
