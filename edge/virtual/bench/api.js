// The bench's HTTP interface. What goes wrong is shown, never dropped.

const HEADERS = { "X-Kiosk-Bench": "1" };

export function post(path, body) {
  return send(path, { body: JSON.stringify(body), headers: { ...HEADERS, "Content-Type": "application/json" } });
}

export function upload(path, file) {
  return send(path, { body: file, headers: HEADERS });
}

async function send(path, options) {
  try {
    const answer = await fetch(`/bench/api/${path}`, { method: "POST", ...options });
    if (answer.ok) return true;
    const said = await answer.json().catch(() => ({}));
    toast(said.error ?? `the bench answered ${answer.status}`);
  } catch {
    toast("the virtual kiosk does not answer");
  }
  return false;
}

// Live news: calls of[type](data) for each event, and onState(connected). Comes back by itself.
export function follow(of, onState) {
  const source = new EventSource("/bench/api/events");
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  for (const [type, take] of Object.entries(of)) {
    source.addEventListener(type, (event) => take(JSON.parse(event.data)));
  }
}

let hiding;

export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => box.classList.remove("shown"), 4000);
}
