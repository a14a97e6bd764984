// Arrow keys move the focus to the nearest control in their direction, as on a television.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ASIDE_COSTS = 2; // a control straight ahead beats a nearer one off to the side

export function followArrows(root) {
  root.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const controls = [...root.querySelectorAll("button:not(:disabled)")].filter((each) => each.offsetParent !== null);
    const next = nearest(document.activeElement, step, controls);
    if (!next) return; // then the key scrolls, as usual
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
}

function nearest(from, [stepX, stepY], controls) {
  if (!controls.includes(from)) return controls[0];
  const start = middle(from);
  let best = null;
  let bestCost = Infinity;
  for (const control of controls) {
    if (control === from) continue;
    const { x, y } = middle(control);
    const ahead = (x - start.x) * stepX + (y - start.y) * stepY;
    const aside = Math.abs((x - start.x) * stepY) + Math.abs((y - start.y) * stepX);
    const cost = ahead + ASIDE_COSTS * aside;
    if (ahead > 1 && cost < bestCost) [best, bestCost] = [control, cost];
  }
  return best;
}

function middle(element) {
  const box = element.getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}
