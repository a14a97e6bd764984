// From a kiosk.ui.update to the descriptions of everything on the screen.

import { h } from "./dom.js";
import { actions } from "./components/actions.js";
import { caption } from "./components/caption.js";
import { cart } from "./components/cart.js";
import { countdown } from "./components/countdown.js";
import { heroItem } from "./components/hero_item.js";
import { itemDetails } from "./components/item_details.js";
import { outOfService } from "./components/out_of_service.js";
import { paymentPrompt } from "./components/payment_prompt.js";
import { qrCode } from "./components/qr_code.js";
import { receiptInfo } from "./components/receipt_info.js";
import { suggestion } from "./components/suggestion.js";
import { welcome } from "./components/welcome.js";

// Where each type of component goes; a type that isn't here is one this page doesn't know, and is left out.
const KINDS = {
  Caption: { place: "captions", draw: caption },
  Countdown: { place: "captions", draw: countdown },
  OutOfService: { place: "main", draw: outOfService },
  QrCode: { place: "main", draw: qrCode },
  HeroItem: { place: "dishes", draw: heroItem },
  ItemDetails: { place: "main", draw: itemDetails },
  PaymentPrompt: { place: "main", draw: paymentPrompt },
  ReceiptInfo: { place: "main", draw: receiptInfo },
  Suggestion: { place: "suggestions", draw: suggestion },
  Cart: { place: "cart", draw: cart },
};
const MODES = ["attract", "greeting", "hero_grid", "item", "confirm", "payment", "receipt", "goodbye"];
const FALLBACK_MODE = "hero_grid"; // for a layout that a newer kiosk knows and this page doesn't
const CART_IS_THE_MATTER = ["confirm"]; // there the order fills the screen; elsewhere it waits below
const CART_IS_SETTLED = ["payment", "receipt", "goodbye"]; // nothing about it can be changed any more
const CART_IS_AN_ASIDE = ["item", "payment"]; // one line is enough: the screen is about something else
const EMPTY_CART_SHOWS = ["hero_grid", "item", "confirm"];
const NOBODY_YET = ["attract", "goodbye"]; // a touch anywhere means: I'd like to order

const CLOSED_MODE = "out_of_service"; // whatever layout it comes with

export function modeOf(screen) {
  if (Array.isArray(screen.components) && screen.components.some((each) => each?.type === "OutOfService")) return CLOSED_MODE;
  return MODES.includes(screen.layout_mode) ? screen.layout_mode : FALLBACK_MODE;
}

export function draw(screen, context) {
  const mode = modeOf(screen);
  const components = Array.isArray(screen.components) ? screen.components : [];
  const ofType = (type) => components.filter((each) => each?.type === type).map((each) => each.data);
  const dishes = ofType("HeroItem");
  const local = {
    ...context,
    details: ofType("ItemDetails")[0],
    onlyItem: dishes.length === 1 ? dishes[0] : undefined,
    fixed: CART_IS_SETTLED.includes(mode),
    brief: CART_IS_AN_ASIDE.includes(mode),
    said: ofType("Caption").some((each) => each?.kind === "said"),
  };
  const showsCart = (data) => data?.lines?.length > 0 || EMPTY_CART_SHOWS.includes(mode);
  const at = (place) =>
    components
      .filter((each) => KINDS[each?.type]?.place === place && (place !== "cart" || showsCart(each.data)))
      .map((each) => drawn(each, local))
      .filter((each) => each !== null);

  const order = at("cart");
  const buttons = actions(screen.suggested_actions ?? [], local);
  const cartInMain = CART_IS_THE_MATTER.includes(mode);
  const ideas = suggestions(at("suggestions"));
  const main = NOBODY_YET.includes(mode)
    ? [welcome(mode, dishes, screen.suggested_actions ?? [], local)]
    : [
        at("main"),
        cartInMain && [order, ideas],
        grid(at("dishes")),
      ];
  const dock = [!cartInMain && [ideas, order], buttons.children.length > 0 && buttons].flat(2).filter(Boolean);
  return [
    h("header", { class: "captions", key: "captions", "aria-live": "polite" }, at("captions")),
    h("main", { key: `main ${mode}`, tabindex: "-1" }, main),
    dock.length > 0 && !NOBODY_YET.includes(mode) && h("footer", { class: "dock", key: "dock" }, dock),
  ].filter(Boolean);
}

function grid(dishes) {
  if (dishes.length === 0) return null;
  const count = dishes.length > 4 ? "many" : dishes.length;
  return h("section", { class: `grid of-${count}`, key: "grid", "aria-label": "Dishes" }, dishes);
}

function suggestions(ideas) {
  if (ideas.length === 0) return null;
  const title = "Goes well with it";
  return h("section", { class: "suggestions", key: "suggestions", "aria-label": title }, h("h2", {}, title), ideas);
}

// One component that can't be drawn must not take the whole screen with it.
function drawn(component, context) {
  try {
    return KINDS[component.type].draw(component.data, context);
  } catch (error) {
    console.error(`${component.type} can't be drawn:`, error, component.data);
    return null;
  }
}
