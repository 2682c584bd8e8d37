// Elements, and lists of them that are kept by key. Text is only ever set as text, never
// parsed: names of services come from users. Every view builds on this module.

/** Return an element; attributes that are null are left out. Children: nodes or text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(made, name, value);
  made.append(...children);
  return made;
}

/** Return an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Set an attribute, or take it away with null; nothing is touched that is so already. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Set the text of an element without children; the node stays when only the text differs. */
export function setText(node, text) {
  const first = node.firstChild;
  if (first === null) {
    if (text !== "") node.append(text);
  } else if (first.data !== text) {
    first.data = text;
  }
}

/** Set a CSS property of one element, through the object model, which the CSP permits. */
export function setStyle(node, name, value) {
  if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value);
}

/** The children of a node, one for each item, kept by key. */
export class KeyedList {
  /** `make(item)` returns {node, update(item)}; what it returns is kept while the key is there. */
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.parts = new Map();
  }

  /** Show these items in this order; returns how many children came, went or moved. */
  show(items, keyOf) {
    let numTouched = 0;
    const wanted = new Set(items.map(keyOf));
    for (const [key, part] of this.parts) {
      if (wanted.has(key)) continue;
      part.node.remove();
      this.parts.delete(key);
      numTouched += 1;
    }
    let next = this.parent.firstChild;
    for (const item of items) {
      const part = this.#part(keyOf(item), item);
      part.update(item);
      if (part.node === next) {
        next = next.nextSibling;
      } else {
        this.parent.insertBefore(part.node, next);
        numTouched += 1;
      }
    }
    return numTouched;
  }

  /** Return the part of a key; undefined when it is not shown. */
  get(key) {
    return this.parts.get(key);
  }

  #part(key, item) {
    let part = this.parts.get(key);
    if (part === undefined) {
      part = this.make(item);
      this.parts.set(key, part);
    }
    return part;
  }
}
