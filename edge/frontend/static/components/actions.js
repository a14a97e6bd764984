// The buttons that make sense now. A label in lower case with underscores is the action it tells the kiosk.

import { h } from "../dom.js";

const QUIET = new Set(["back", "cancel", "help", "start_over", "no_thanks", "skip"]);

export function actions(labels, { sendOnce, details, onlyItem, choices }) {
  const buttons = labels.map((label) => ({ label, action: actionOf(label) }));
  const primary = buttons.find(({ action }) => !QUIET.has(action))?.action;
  return h(
    "nav",
    { class: "actions", key: "actions", "aria-label": "Choices" },
    buttons.map(({ label, action }) => {
      const adds = action === "add_to_cart" ? details ?? onlyItem : null;
      return h(
        "button",
        {
          class: action === primary ? "primary" : "secondary",
          type: "button",
          key: `action ${action}`,
          "data-action": action,
          disabled: adds?.available === false,
          onclick: () => (adds ? addToCart(adds.id, choices, sendOnce) : touch(action, details, sendOnce)),
        },
        label,
      );
    }),
  );
}

export function actionOf(label) {
  return label.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu)?.join("_") ?? label;
}

function touch(action, details, sendOnce) {
  sendOnce("touch", details ? { event: "touch", action, item_id: details.id } : { event: "touch", action });
}

function addToCart(id, choices, sendOnce) {
  const { names, quantity } = choices.of(id);
  sendOnce("cart_action", { event: "cart_action", action: "add", item_id: id, quantity, customizations: [...names] });
}
