// Where the boxes of the picture are: whoever needs others is left of them. Only numbers here, nothing is drawn.

// Of a box, of the space between two, of the place of an edge that passes; and how many boxes may be above each other,
// before a second column begins beside them.
const USUAL = { width: 168, height: 52, gapX: 60, gapY: 18, narrow: 14, rows: 9 };
const COMPACT = { width: 132, height: 28, gapX: 56, gapY: 9, narrow: 4, rows: 20 };
const MANY = 16; // services
const BESIDE = 16; // the space between boxes that no edge joins
const SWEEPS = 6;

/**
 * `needs` has the names that each name needs. Returns the places of the boxes by name, their size, whether they are
 * compact, a list of edges { from, to, points }, and the width and height of it all.
 */
export function layout(needs) {
  const compact = needs.size > MANY;
  const size = compact ? COMPACT : USUAL;
  const names = [...needs.keys()];
  const needed = new Set([...needs.values()].flat());
  const alone = names.filter((name) => !needs.get(name).length && !needed.has(name));
  const joined = names.filter((name) => !alone.includes(name));
  const graph = layered(joined, needs, size);
  grid(alone, graph, size);
  return { ...graph, size, compact };
}

function layered(names, needs, size) {
  const column = columns(names, needs);
  const { layers, chains } = withBends(names, needs, column);
  order(layers, chains);
  const places = new Map();
  const boxes = layers.map((layer) => layer.filter((each) => needs.has(each)));
  const wraps = boxes.some((each) => each.length > size.rows); // then edges go straight, behind boxes
  const stacks = (wraps ? boxes : layers).map((layer) => stacked(layer, needs, wraps, size));
  const height = Math.max(0, ...stacks.map((stack) => stack.height));
  let x = 0;
  for (const stack of stacks) {
    for (const [name, place] of stack.places) places.set(name, { x: x + place.x, y: place.y + (height - stack.height) / 2 });
    x += stack.width + size.gapX;
  }
  const edges = chains.map((chain) => ({ from: chain[0], to: chain.at(-1), points: points(chain, places, needs, size) }));
  return { places, edges, width: Math.max(0, x - size.gapX), height };
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
function stacked(layer, needs, wraps, size) {
  const rows = wraps ? Math.ceil(layer.length / Math.ceil(layer.length / size.rows)) : layer.length;
  const places = new Map();
  let x = 0, y = 0, height = 0;
  layer.forEach((name, index) => {
    if (index && index % rows === 0) {
      x += size.width + BESIDE;
      y = 0;
    }
    places.set(name, { x, y });
    y += (needs.has(name) ? size.height : size.narrow) + size.gapY;
    height = Math.max(height, y - size.gapY);
  });
  return { places, width: x + size.width, height };
}

function points(chain, places, needs, size) {
  const found = [];
  for (const name of chain) {
    const place = places.get(name);
    if (!place) continue;
    const middle = place.y + (needs.has(name) ? size.height : size.narrow) / 2;
    if (name !== chain[0]) found.push({ x: place.x, y: middle });
    if (name !== chain.at(-1)) found.push({ x: place.x + size.width, y: middle });
  }
  return found;
}

/** Those that are joined to nothing: in rows below the others. */
function grid(names, graph, { width, height, gapY }) {
  if (!names.length) return;
  const least = Math.min(names.length, Math.max(4, Math.ceil(Math.sqrt(names.length * 0.6))));
  const across = Math.max(least, Math.floor((graph.width + BESIDE) / (width + BESIDE)));
  const top = graph.height ? graph.height + 2 * gapY : 0;
  names.forEach((name, index) => {
    const place = { x: (index % across) * (width + BESIDE), y: top + Math.floor(index / across) * (height + gapY) };
    graph.places.set(name, place);
    graph.width = Math.max(graph.width, place.x + width);
    graph.height = Math.max(graph.height, place.y + height);
  });
}
