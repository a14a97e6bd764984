// How many of a dish the customer has just asked for. A fast second press counts from what the first asked
// for, not from a screen that is still on its way.

const HELD_MS = 1500; // a wish that the kiosk hasn't granted by then counts for nothing

export class Wishes {
  #byLine = new Map();

  // The quantity to count from, for a line that shows `shown`.
  from(line, shown) {
    const wish = this.#byLine.get(line);
    return wish && performance.now() < wish.until ? wish.quantity : shown;
  }

  hold(line, quantity) {
    this.#byLine.set(line, { quantity, until: performance.now() + HELD_MS });
  }

  // A new screen: what it grants, and lines that it no longer has, are settled. `shown` maps line to quantity.
  settle(shown) {
    for (const [line, wish] of this.#byLine) {
      if (!shown.has(line) || shown.get(line) === wish.quantity) this.#byLine.delete(line);
    }
  }
}
