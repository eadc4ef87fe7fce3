// Makes elements. Text is always put in as text: nothing here, or anywhere on the page, reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Of `props`: `class`, `on…` handlers, `style` (an object of CSS properties), any attribute; null leaves out. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An element of SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Puts these children in place of what an element has. */
export function put(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Sets an element's text if it is another one: a screen reader is told of changes only. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes the children of `parent` those of `items`, keeping the elements of items that stay: focus and selection live on. */
export function keyed(parent, items, keyOf, make, update) {
  const known = parent.keyedChildren ?? new Map();
  const next = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = known.get(key) ?? make(item);
    update(element, item);
    next.set(key, element);
    if (element === place) place = place.nextSibling;
    else parent.insertBefore(element, place);
  }
  const kept = new Set(next.values());
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  parent.keyedChildren = next;
}
