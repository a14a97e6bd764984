// What the kiosk says, what it heard, what it warns of.

import { h } from "../dom.js";
import { icon } from "../icons.js";

const MARKS = { said: null, heard: "mic", warning: "alert" };

export function caption({ kind, text }) {
  if (!(kind in MARKS)) return null;
  return h(
    "p",
    { class: `caption ${kind}`, key: `caption ${kind} ${text}`, role: kind === "warning" ? "alert" : null },
    MARKS[kind] && icon(MARKS[kind]),
    kind === "heard" && h("span", { class: "only-read" }, "We heard: "),
    h("span", { class: "words" }, kind === "heard" ? `“${text}”` : text),
  );
}
