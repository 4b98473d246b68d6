// Where the boxes of the picture are: whoever needs others is left of them. Only numbers here, nothing is drawn.

export const WIDTH = 168, HEIGHT = 52;
const GAP_X = 60, GAP_Y = 18, NARROW = 14, SUB_GAP = 16;
const MOST_ROWS = 9; // boxes above each other, before a second column begins beside them
const SWEEPS = 6;

/**
 * `needs` has the names that each name needs. Returns the places of the boxes by name, a list of edges
 * { from, to, points } and the size of it all.
 */
export function layout(needs) {
  const names = [...needs.keys()];
  const needed = new Set([...needs.values()].flat());
  const alone = names.filter((name) => !needs.get(name).length && !needed.has(name));
  const joined = names.filter((name) => !alone.includes(name));
  const graph = layered(joined, needs);
  grid(alone, graph);
  return graph;
}

function layered(names, needs) {
  const column = columns(names, needs);
  const { layers, chains } = withBends(names, needs, column);
  order(layers, chains);
  const places = new Map();
  const wraps = layers.some((layer) => layer.length > MOST_ROWS);
  const stacks = layers.map((layer) => stacked(wraps ? layer.filter((each) => needs.has(each)) : layer, needs, wraps));
  const height = Math.max(0, ...stacks.map((stack) => stack.height));
  let x = 0;
  for (const stack of stacks) {
    for (const [name, place] of stack.places) places.set(name, { x: x + place.x, y: place.y + (height - stack.height) / 2 });
    x += stack.width + GAP_X;
  }
  const edges = chains.map((chain) => ({ from: chain[0], to: chain.at(-1), points: points(chain, places, needs) }));
  return { places, edges, width: Math.max(0, x - GAP_X), height };
}

/** How far from those that nobody needs, by the longest way. */
function columns(names, needs) {
  const found = new Map(names.map((name) => [name, 0]));
  for (let changed = true, rounds = 0; changed && rounds <= names.length; rounds += 1) {
    changed = false;
    for (const name of names) {
      for (const other of needs.get(name)) {
        if (found.get(other) <= found.get(name)) {
          found.set(other, found.get(name) + 1);
          changed = true;
        }
      }
    }
  }
  return found;
}

/** An edge over several columns has a place in each, so that it runs behind no box. */
function withBends(names, needs, column) {
  const layers = [];
  const put = (name, number) => (layers[number] ??= []).push(name);
  for (const name of names) put(name, column.get(name));
  const chains = [];
  for (const name of names) {
    for (const other of needs.get(name)) {
      const chain = [name];
      for (let number = column.get(name) + 1; number < column.get(other); number += 1) {
        const bend = `${name} > ${other} > ${number}`;
        put(bend, number);
        chain.push(bend);
      }
      chains.push([...chain, other]);
    }
  }
  return { layers, chains };
}

/** What is joined comes to lie side by side: each at the mean of its neighbours, from the left and from the right. */
function order(layers, chains) {
  const left = new Map(), right = new Map();
  for (const chain of chains) {
    for (let index = 1; index < chain.length; index += 1) {
      left.set(chain[index], [...(left.get(chain[index]) ?? []), chain[index - 1]]);
      right.set(chain[index - 1], [...(right.get(chain[index - 1]) ?? []), chain[index]]);
    }
  }
  const rank = new Map();
  const number = (layer) => layer.forEach((name, index) => rank.set(name, (index + 0.5) / layer.length));
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    const neighbours = forward ? left : right;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const mean = new Map(layer.map((name) => [name, average(neighbours.get(name)?.map((each) => rank.get(each)), rank.get(name))]));
      layer.sort((one, other) => mean.get(one) - mean.get(other));
      number(layer);
    }
  }
}

function average(numbers, otherwise) {
  return numbers?.length ? numbers.reduce((sum, each) => sum + each, 0) / numbers.length : otherwise;
}

/** One column; a long one becomes several. */
function stacked(layer, needs, wraps) {
  const rows = wraps ? Math.ceil(layer.length / Math.ceil(layer.length / MOST_ROWS)) : layer.length;
  const places = new Map();
  let x = 0, y = 0, height = 0;
  layer.forEach((name, index) => {
    if (index && index % rows === 0) {
      x += WIDTH + SUB_GAP;
      y = 0;
    }
    places.set(name, { x, y });
    y += (needs.has(name) ? HEIGHT : NARROW) + GAP_Y;
    height = Math.max(height, y - GAP_Y);
  });
  return { places, width: x + WIDTH, height };
}

function points(chain, places, needs) {
  const found = [];
  for (const name of chain) {
    const place = places.get(name);
    if (!place) continue;
    const middle = place.y + (needs.has(name) ? HEIGHT : NARROW) / 2;
    if (name !== chain[0]) found.push({ x: place.x, y: middle });
    if (name !== chain.at(-1)) found.push({ x: place.x + WIDTH, y: middle });
  }
  return found;
}

/** Those that are joined to nothing: in rows below the others. */
function grid(names, graph) {
  if (!names.length) return;
  const least = Math.min(names.length, Math.max(4, Math.ceil(Math.sqrt(names.length * 0.7))));
  const across = Math.max(least, Math.floor((graph.width + SUB_GAP) / (WIDTH + SUB_GAP)));
  const top = graph.height ? graph.height + 2 * GAP_Y : 0;
  names.forEach((name, index) => {
    const place = { x: (index % across) * (WIDTH + SUB_GAP), y: top + Math.floor(index / across) * (HEIGHT + GAP_Y) };
    graph.places.set(name, place);
    graph.width = Math.max(graph.width, place.x + WIDTH);
    graph.height = Math.max(graph.height, place.y + HEIGHT);
  });
}
