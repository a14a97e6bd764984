// The bench: each panel draws from the one state that the server sends, and sends stage directions back.

import { h, patch } from "/static/dom.js";
import { follow, post, upload } from "./api.js";
import { showMessage } from "./bus.js";
import { showLeds } from "./leds.js";
import { fitScreen } from "./screen.js";

const at = (id) => document.getElementById(id);
const CAMERA_EVERY_MS = 500;

function show(state) {
  patch(at("scenes"), state.scenes.map((scene) => sceneButton(scene, scene.id === state.scene)));
  patch(at("sentences"), state.sentences.map(sentenceButton));
  patch(at("cards"), state.cards.map(cardButton));
  showPrinter(state);
  showLeds(state.leds);
}

function sceneButton(scene, chosen) {
  return h(
    "button",
    { key: scene.id, type: "button", "aria-pressed": String(chosen), onclick: () => post("scene", { id: scene.id }) },
    h("img", { src: scene.thumb, alt: "", width: 96, height: 72 }),
    h("span", {}, scene.title),
  );
}

function sentenceButton(sentence) {
  return h("button", { key: sentence.id, type: "button", onclick: () => post("say", { id: sentence.id }) }, `“${sentence.text}”`);
}

function cardButton(card) {
  return h(
    "button",
    { key: card.id, type: "button", class: `card ${card.id}`, onclick: () => post("tap", { id: card.id }) },
    h("span", { class: "chip", "aria-hidden": "true" }),
    h("span", {}, card.title),
    h("small", {}, "tap"),
  );
}

function showPrinter({ paper, receipts }) {
  const words = { ok: `paper ok, ${(paper.mm / 1000).toFixed(1)} m`, low: `paper low, ${paper.mm} mm`, out: "paper out" };
  at("paper").textContent = (words[paper.state] ?? paper.state) + (paper.cover_open ? ", cover open" : "");
  at("paper").className = paper.state === "ok" && !paper.cover_open ? "good" : "bad";
  const action = (name, label) =>
    h("button", { key: name, type: "button", onclick: () => post("printer", { action: name }) }, label);
  patch(at("handling"), [
    paper.state === "out" ? action("load_roll", "Load a roll") : action("empty_roll", "Empty the roll"),
    paper.cover_open ? action("close_cover", "Close the cover") : action("open_cover", "Open the cover"),
  ]);
  const pictures = receipts.map((receipt) =>
    h(
      "button",
      { key: receipt.id, type: "button", "aria-label": `Receipt ${receipt.id}`, onclick: () => enlarge(receipt.url) },
      h("img", { src: receipt.url, alt: "" }),
    ),
  );
  patch(at("receipts"), pictures.length ? pictures : [h("p", { class: "none" }, "Receipts come out here.")]);
}

function enlarge(url) {
  const dialog = at("receipt");
  dialog.querySelector("img").src = url;
  dialog.showModal();
}

function watchCamera() {
  const camera = at("camera");
  const again = () => setTimeout(look, CAMERA_EVERY_MS);
  const look = () => {
    if (document.hidden) return again();
    camera.src = `/bench/api/camera.jpg?${Date.now()}`;
  };
  camera.onload = again;
  camera.onerror = again;
  look();
}

at("typing").onsubmit = async (event) => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (text && (await post("say", { text }))) at("text").value = "";
};
for (const [id, path] of [["picture", "scene/upload"], ["recording", "say/upload"]]) {
  at(id).onchange = async (event) => {
    const [file] = event.target.files;
    if (file) await upload(path, file);
    event.target.value = "";
  };
}
at("receipt").onclick = (event) => {
  if (event.target === at("receipt")) at("receipt").close();
};

follow({ state: show, leds: showLeds, bus: showMessage }, (connected) => {
  at("link").textContent = connected ? "running" : "the virtual kiosk does not answer";
  at("link").className = connected ? "good" : "bad";
});
watchCamera();
fitScreen();
