// What the customer has ticked on a dish's screen and not yet put in the cart. It lives here only: the
// screens that come from the kiosk know nothing of it.

export class Choices {
  #byItem = new Map();

  of(id) {
    if (!this.#byItem.has(id)) this.#byItem.set(id, { names: new Set(), quantity: 1 });
    return this.#byItem.get(id);
  }

  // Keep only those of the dish that is shown now, if any.
  keepOnly(id) {
    for (const other of this.#byItem.keys()) if (other !== id) this.#byItem.delete(other);
  }
}
