// The small square that stands for a service everywhere: its colour, texture and letters.

import { element, setStyle } from "./dom.js";

export class Swatch {
  constructor(look) {
    this.node = element("span", { class: "swatch", "aria-hidden": "true" }, look.code);
    paintLook(this.node, look);
  }
}

/** Give a node the look of a service; null takes it away. */
export function paintLook(node, look) {
  setStyle(node, "--colour", look?.colour ?? "");
  setStyle(node, "--ink-of", look?.ink ?? "");
  node.dataset.texture = look?.texture ?? "";
}
