// A colour for each service by its name: the same on every machine and after every reload.
// The first are those of Okabe and Ito; two services that would share one get the next.

const COLOURS = [
  ["#0072b2", true], ["#e69f00", false], ["#009e73", false], ["#cc79a7", false], ["#56b4e9", false],
  ["#d55e00", false], ["#f0e442", false], ["#785460", true], ["#9c84fc", false], ["#b4b484", false],
  ["#6ce4b4", false], ["#842478", true], ["#fcc06c", false], ["#485430", true], ["#c0ccf0", false],
];
const given = new Map();

export function colourOf(service) {
  let found = given.get(service);
  if (!found) {
    const taken = new Set(given.values());
    let index = hash(service) % COLOURS.length;
    for (let tries = 0; tries < COLOURS.length && taken.has(COLOURS[index]); tries += 1) {
      index = (index + 1) % COLOURS.length;
    }
    found = COLOURS[index];
    given.set(service, found);
  }
  return { fill: found[0], isDark: found[1] };
}

// Names are given their colours in alphabetical order, so that the order of arrival does not matter.
export function settle(services) {
  for (const name of [...services].sort()) colourOf(name);
}

function hash(text) {
  let value = 2166136261;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 16777619) >>> 0;
  return value;
}
