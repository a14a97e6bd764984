// From descriptions of elements to elements. `patch` keeps each element that still fits, so that a press
// that began before an update still lands, the focus stays where it was and pictures don't blink.
// Text is only ever inserted as text.

const SVG = "http://www.w3.org/2000/svg";
const KEY = Symbol("key");
const PROPS = Symbol("props");

// An element's description. Of `props`, `key` tells siblings apart, functions become event handlers
// (onclick), false and null are left out, everything else is an attribute.
export function h(tag, props, ...children) {
  const { key, ...rest } = props ?? {};
  return { tag, key, props: rest, children: children.flat(Infinity).filter(isSomething).map(asText) };
}

// Make `parent`'s children what `wanted` (descriptions and texts) says.
export function patch(parent, wanted) {
  const wantedKeys = new Set(wanted.map((item) => item.key).filter((key) => key !== undefined));
  const kept = new Map();
  for (const node of parent.childNodes) if (node[KEY] !== undefined) kept.set(node[KEY], node);

  let at = parent.firstChild;
  for (const item of wanted) {
    while (at && at[KEY] !== undefined && !wantedKeys.has(at[KEY])) at = removed(at);
    let node = item.key === undefined ? at : kept.get(item.key);
    if (!node || !fits(node, item)) {
      node = create(item, parent);
      parent.insertBefore(node, at);
    } else if (node === at) {
      at = at.nextSibling;
    } else {
      parent.insertBefore(node, at);
    }
    if (typeof item === "string") {
      if (node.data !== item) node.data = item;
    } else {
      update(node, item);
    }
  }
  while (at) at = removed(at);
}

function isSomething(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

function asText(child) {
  return typeof child === "object" ? child : String(child);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function fits(node, item) {
  if (typeof item === "string") return node.nodeType === Node.TEXT_NODE;
  return node.localName === item.tag && node[KEY] === item.key;
}

function create(item, parent) {
  if (typeof item === "string") return document.createTextNode(item);
  const inSvg = item.tag === "svg" || parent.namespaceURI === SVG;
  const node = inSvg ? document.createElementNS(SVG, item.tag) : document.createElement(item.tag);
  node[KEY] = item.key;
  node[PROPS] = {};
  return node;
}

function update(node, item) {
  const before = node[PROPS];
  for (const name of Object.keys(before)) if (!(name in item.props)) set(node, name, null);
  for (const [name, value] of Object.entries(item.props)) if (before[name] !== value) set(node, name, value);
  node[PROPS] = item.props;
  patch(node, item.children);
}

function set(node, name, value) {
  if (name.startsWith("on")) node[name] = value;
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
