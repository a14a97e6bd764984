// The receipt, on top of the page: a kiosk has no tabs to come back from.

import { h, patch } from "./dom.js";
import { icon } from "./icons.js";

export function openReceipt(address) {
  const dialog = document.createElement("dialog");
  dialog.className = "receipt-dialog";
  dialog.setAttribute("aria-label", "Your receipt");
  dialog.addEventListener("close", () => dialog.remove());
  patch(dialog, [
    h("iframe", { title: "Your receipt", src: `${address}#toolbar=0&navpanes=0&view=FitH` }),
    h("button", { class: "primary", type: "button", onclick: () => dialog.close() }, icon("cross"), "Close"),
  ]);
  document.body.append(dialog);
  dialog.showModal();
}

export function closeReceipt() {
  document.querySelector("dialog.receipt-dialog")?.close();
}
