// Arrow keys among the tiles: one tab stop for all of them, whatever their number.

/** Move the focus for a key that was pressed; other keys are left alone. */
export function walk(grid, event) {
  const from = event.target.closest(".tile");
  if (from === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = goal(grid, from, event.key);
  if (to === undefined) return;
  event.preventDefault();
  if (to === null) return;
  for (const tile of grid.querySelectorAll('.tile[tabindex="0"]')) tile.setAttribute("tabindex", "-1");
  to.setAttribute("tabindex", "0");
  to.focus();
}

/** The tile that a key leads to; null at an edge, undefined for a key that means nothing. */
function goal(grid, from, key) {
  const tiles = [...grid.querySelectorAll(".tile")];
  const at = tiles.indexOf(from);
  if (key === "ArrowRight") return tiles[at + 1] ?? null;
  if (key === "ArrowLeft") return tiles[at - 1] ?? null;
  if (key === "Home") return tiles[0];
  if (key === "End") return tiles.at(-1);
  if (key === "ArrowDown") return vertical(tiles, from, 1);
  if (key === "ArrowUp") return vertical(tiles, from, -1);
  return undefined;
}

/** The nearest tile of the next row up or down, by where they are drawn. */
function vertical(tiles, from, direction) {
  const here = from.getBoundingClientRect();
  const middle = (here.left + here.right) / 2;
  let best = null;
  let least = [Infinity, Infinity];
  for (const tile of tiles) {
    const box = tile.getBoundingClientRect();
    const down = direction * (box.top - here.top);
    if (down < here.height / 2) continue;
    const aside = Math.max(0, box.left - middle, middle - box.right);
    if (down > least[0] + 1 || (Math.abs(down - least[0]) <= 1 && aside >= least[1])) continue;
    least = [down, aside];
    best = tile;
  }
  return best;
}
