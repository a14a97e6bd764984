// What is wrong in the kiosk's configuration, above everything else until it is mended.

import { h, patch } from "./dom.js";

const EVERY_MS = 30_000; // they change at a start only; this is for a server that starts after the page

export function followMistakes(place) {
  look(place);
  setInterval(() => look(place), EVERY_MS);
}

async function look(place) {
  let told;
  try {
    const answer = await fetch("/mistakes.json", { cache: "no-store" });
    told = answer.ok ? await answer.json() : null;
  } catch {
    told = null;
  }
  if (told === null) return; // the server is away: what is shown is still the best that is known
  const mistakes = Array.isArray(told.mistakes) ? told.mistakes : [];
  place.hidden = mistakes.length === 0;
  document.body.classList.toggle("mistaken", mistakes.length > 0);
  patch(place, mistakes.length ? [h("strong", null, told.title ?? ""), h("ul", null, mistakes.map(line))] : []);
}

function line(mistake) {
  return h("li", null, h("b", null, mistake.where ?? ""), ` ${mistake.what ?? ""}. ${mistake.instead ?? ""}`);
}
