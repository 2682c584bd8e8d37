// How each service looks: a colour, a texture, two letters. The same name looks the same
// in every tab and after a reload as long as no earlier service took its place. Colours
// are those of heddle's pictures (drawing/palette.py says how they were chosen); no view
// relies on them alone, since the letters stand in every tile.

const COLOURS = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
  "#f0e442", "#9c84fc", "#a80000", "#6ce4b4", "#785460", "#b4b484",
  "#b43c90", "#485430", "#c0ccf0", "#fcc06c", "#6c7854", "#a860d8",
];
const TIER = 6;
const TEXTURES = ["plain", "lines", "dots", "bars"];

export class Palette {
  constructor() {
    this.looks = new Map();
    this.codes = new Set();
    this.places = new Set();
  }

  /** Give looks to names that have none yet, in alphabetical order. */
  learn(names) {
    for (const name of [...names].sort()) {
      if (!this.looks.has(name)) this.looks.set(name, this.#made(name));
    }
  }

  /** Return {colour, ink, texture, code} of a service. */
  look(name) {
    if (!this.looks.has(name)) this.learn([name]);
    return this.looks.get(name);
  }

  #made(name) {
    const place = this.#place(hash(name));
    const colour = COLOURS[place % COLOURS.length];
    const texture = TEXTURES[Math.floor(place / COLOURS.length) % TEXTURES.length];
    return { colour, ink: inkOn(colour), texture, code: this.#code(name) };
  }

  /** The first free place of the first tier that has one, so that few services differ most. */
  #place(start) {
    const numPlaces = COLOURS.length * TEXTURES.length;
    for (let tier = 0; tier < numPlaces; tier += TIER) {
      for (let step = 0; step < TIER; step += 1) {
        const place = tier + ((start + step) % TIER);
        if (this.places.has(place)) continue;
        this.places.add(place);
        return place;
      }
    }
    return start % numPlaces;
  }

  #code(name) {
    for (const code of candidates(name)) {
      if (this.codes.has(code)) continue;
      this.codes.add(code);
      return code;
    }
    return "··";
  }
}

/** Two signs, the likeliest first: the number it ends with, initials, then letters of it. */
function* candidates(name) {
  const words = name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ["?"];
  const letters = [...words.join("")];
  const number = /\d{1,2}$/.exec(name)?.[0];
  if (number !== undefined) yield number.length === 2 ? number : letters[0] + number;
  if (words.length > 1) yield [...words[0]][0] + [...words[1]][0];
  for (const letter of letters.slice(1)) yield letters[0] + letter;
  for (let more = 2; more < 1000; more += 1) yield letters[0] + more;
}

/** FNV-1a over the code units: small, and the same everywhere. */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return value;
}

/** Black or white, whichever has more contrast on the colour (WCAG 2, 1.4.3). */
function inkOn(colour) {
  const linear = [1, 3, 5].map((i) => {
    const channel = parseInt(colour.slice(i, i + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return luminance < 0.18 ? "#ffffff" : "#10151a";
}
