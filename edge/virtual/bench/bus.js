// The bus, live: newest first, at most 500, each opening to its whole message.

const MOST = 500;
const list = document.getElementById("messages");
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
let seen = 0;

export function showMessage({ at, subject, message }) {
  seen += 1;
  document.getElementById("count").textContent = `${seen} messages`;
  if (pause.getAttribute("aria-pressed") === "true") return;
  const row = document.createElement("li");
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(part("time", at ? at.slice(11, 23) : "", "time"), part("b", subject, domain(subject)), part("span", short(message)));
  const whole = document.createElement("pre");
  // The whole text is made when it is asked for: most rows never are.
  details.ontoggle = () => {
    whole.textContent = details.open ? JSON.stringify(message, null, 2) : "";
  };
  details.append(summary, whole);
  row.append(details);
  row.dataset.text = `${subject} ${JSON.stringify(message)}`.toLowerCase();
  row.hidden = !wanted(row);
  list.prepend(row);
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function part(tag, text, name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
}

function domain(subject) {
  return subject.split(".")[1] ?? "";
}

function short(message) {
  const text = JSON.stringify(message.payload ?? message);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

function wanted(row) {
  return filter.value
    .toLowerCase()
    .split(/\s+/)
    .every((word) => row.dataset.text.includes(word));
}

filter.oninput = () => {
  for (const row of list.children) row.hidden = !wanted(row);
};
pause.onclick = () => {
  const on = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(on));
  pause.textContent = on ? "Go on" : "Pause";
};
document.getElementById("clear").onclick = () => list.replaceChildren();
