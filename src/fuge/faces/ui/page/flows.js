// What flows between services, told by their traces: arrows that move, with how much it is a second.

import { svg } from "./dom.js";
import { drawn, path } from "./topology.js";

const BULGE = 44; // of an arrow between two boxes above each other
const ALONG = { x: 0.59, y: 0.68 }; // of an arrow's first bend: where it has parted from its neighbours

let seen = "";
let picture = null;
let layer = null;

export function show(flows) {
  const now = JSON.stringify(flows);
  if (now === seen && picture === drawn.picture) return;
  [seen, picture] = [now, drawn.picture];
  if (!picture) return;
  layer?.remove();
  for (const { arrow } of drawn.edges) arrow.classList.remove("flowing", "bad");
  const known = flows.filter(({ from, to }) => drawn.places.has(from) && drawn.places.has(to));
  layer = svg("g", { class: "flows" }, ...known.flatMap(parts));
  picture.append(layer);
}

/** The label; and an arrow, where no arrow says that the one needs the other. */
function parts({ from, to, rate, errors }) {
  const edge = drawn.edges.find((each) => each.from === from && each.to === to);
  const way = edge ? along(edge.points) : between(drawn.places.get(from), drawn.places.get(to));
  const arrow = edge ? edge.arrow : svg("path", { class: "arrow", d: way.d, "marker-end": "url(#arrow-head)" });
  arrow.classList.add("flowing");
  arrow.classList.toggle("bad", errors > 0);
  const often = `${rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate)}/s`;
  const said = `${from} to ${to}: ${often}${errors ? `, ${errors} with errors` : ""}`;
  const label = svg("text", { class: errors ? "rate bad" : "rate", x: way.x, y: way.y - 4 }, errors ? `${often} ✕` : often);
  label.append(svg("title", {}, said));
  return edge ? [label] : [arrow, label];
}

const along = ([one, other]) => ({ x: one.x + ALONG.x * (other.x - one.x), y: one.y + ALONG.y * (other.y - one.y) });

function between(one, other) {
  const { width, height } = drawn.size;
  const side = (place, right) => ({ x: place.x + (right ? width : 0), y: place.y + height / 2 });
  if (one.x !== other.x) {
    const ends = [side(one, one.x < other.x), side(other, one.x > other.x)];
    return { d: path(ends), ...along(ends) };
  }
  const [begin, end] = [side(one, true), side(other, true)];
  const out = begin.x + BULGE;
  return { d: `M${begin.x} ${begin.y}C${out} ${begin.y} ${out} ${end.y} ${end.x} ${end.y}`, x: begin.x + 0.75 * BULGE, y: (begin.y + end.y) / 2 };
}
