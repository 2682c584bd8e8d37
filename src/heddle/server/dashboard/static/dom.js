// Small pieces of the page. Text goes in as text, never as HTML: names come from users.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Keeps one child for each key: what stays is updated, not made anew.
export function keyed(parent, items, keyOf, make, update) {
  const known = parent.keyed ?? (parent.keyed = new Map());
  const seen = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    seen.add(key);
    let node = known.get(key);
    if (!node) {
      node = make(item);
      known.set(key, node);
    }
    if (node !== place) parent.insertBefore(node, place);
    else place = place.nextElementSibling;
    const signature = JSON.stringify(item);
    if (node.signature !== signature) {
      node.signature = signature;
      update(node, item);
    }
  }
  for (const [key, node] of known) {
    if (!seen.has(key)) {
      node.remove();
      known.delete(key);
    }
  }
}

export function rate(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : Number(value.toPrecision(3)).toString();
}

export function milliseconds(value) {
  return value === null || value === undefined ? "–" : `${rate(value)} ms`;
}

export function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(value < 0.9995 && value > 0 ? 1 : 0)} %`;
}

export function clock(unixSeconds) {
  return new Date(unixSeconds * 1000).toLocaleTimeString("en-GB");
}
