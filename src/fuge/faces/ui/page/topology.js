// The picture: a box for each service, an arrow to each that it needs. Drawn anew only when there are others.

import { byId, say, svg } from "./dom.js";
import { layout } from "./layout.js";
import { glyphName, tone, worst } from "./states.js";

const MARGIN = 10, SMALLEST = 0.7; // of its size; a picture that would have to be smaller is scrolled
const LONGEST = 16, LONGEST_COMPACT = 14; // characters of a name
const DATABASES = /mongo|postgres|mysql|mariadb|cassandra|couch|influx|elastic|opensearch|neo4j|sqlite|dynamo|clickhouse/i;
const QUEUES = /redis|valkey|rabbit|kafka|redpanda|nats|mosquitto|activemq|pulsar|artemis|keydb/i;

const frame = byId("picture");
let structure = "";
let boxes = new Map();

/** The picture, for those who draw into it: places and size of boxes, edges with their arrows. */
export let drawn = { places: new Map(), size: {}, edges: [], picture: null };

/** `rows` by name; the instances of a service are one box. `open` shows more of one. */
export function show(rows, open) {
  const services = new Map();
  for (const row of rows.values()) services.set(row.service, [...(services.get(row.service) ?? []), row]);
  const needs = new Map();
  for (const [name, [first]] of services) needs.set(name, Object.keys(first.depends_on).filter((other) => services.has(other)));
  const now = JSON.stringify([...needs].map(([name, others]) => [name, others, services.get(name)[0].image]));
  if (now !== structure) draw(needs, services, open);
  structure = now;
  for (const [name, instances] of services) update(boxes.get(name), name, instances);
}

function draw(needs, services, open) {
  const { places, edges, size, compact, width, height } = layout(needs);
  boxes = new Map();
  const arrows = edges.map(({ points }) => svg("path", { class: "arrow", d: path(points), "marker-end": "url(#arrow-head)" }));
  for (const name of needs.keys()) {
    const parts = box(name, services.get(name)[0], places.get(name), size, compact, open);
    boxes.set(name, parts);
    const its = arrows.filter((_, index) => [edges[index].from, edges[index].to].includes(name));
    const mark = (marked) => () => its.forEach((arrow) => arrow.classList.toggle("marked", marked));
    for (const event of ["mouseenter", "focus"]) parts.group.addEventListener(event, mark(true));
    for (const event of ["mouseleave", "blur"]) parts.group.addEventListener(event, mark(false));
  }
  const [w, h] = [width + 2 * MARGIN, height + 2 * MARGIN];
  const picture = svg("svg", { viewBox: `${-MARGIN} ${-MARGIN} ${w} ${h}`, role: "group" }, head(), ...arrows, ...[...boxes.values()].map(({ group }) => group));
  picture.style.minWidth = `${Math.round(w * SMALLEST)}px`;
  picture.style.minHeight = `${Math.round(h * SMALLEST)}px`;
  picture.style.maxWidth = `${Math.round(w * 1.15)}px`;
  frame.replaceChildren(picture);
  drawn = { places, size, edges: edges.map((edge, index) => ({ ...edge, arrow: arrows[index] })), picture };
}

function head() {
  const marker = { id: "arrow-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse", orient: "auto" };
  return svg("defs", {}, svg("marker", marker, svg("path", { class: "head", d: "M0 0.6L7.4 4L0 7.4z" })));
}

export function path([first, ...others]) {
  let [text, last] = [`M${first.x} ${first.y}`, first];
  for (const point of others) {
    const middle = (last.x + point.x) / 2;
    text += point.y === last.y ? `L${point.x} ${point.y}` : `C${middle} ${last.y} ${middle} ${point.y} ${point.x} ${point.y}`;
    last = point;
  }
  return text;
}

function box(name, row, place, size, compact, open) {
  const longest = compact ? LONGEST_COMPACT : LONGEST;
  const short = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
  const { height } = size;
  const down = row.type === "container" && DATABASES.test(row.image) ? 4 : 0; // below the rim
  const [left, glyph] = compact ? [26, 11] : [38, 14];
  const use = svg("use", { width: glyph, height: glyph, x: compact ? 9 : 14, y: (height - glyph) / 2 + down });
  const word = svg("text", { class: "word", x: left, y: 38 + down });
  const title = svg("title");
  const press = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    open(boxes.get(name).first);
  };
  const attributes = { class: "box", role: "button", tabindex: 0, transform: `translate(${place.x} ${place.y})` };
  const group = svg("g", { ...attributes, "data-service": name, onclick: press, onkeydown: press }, title);
  const text = svg("text", { class: "name", x: left, y: (compact ? 18.5 : 22) + down }, short);
  group.append(...outline(row, size), use, text);
  if (!compact) group.append(word); // its glyph and its title say the same
  return { group, use, word, title, first: name };
}

/** A database is a drum, a queue one that lies, another container has a double wall. */
function outline(row, { width: w, height: h }) {
  if (row.type !== "container") return [svg("rect", { class: "shape", width: w, height: h, rx: 8 })];
  if (DATABASES.test(row.image)) {
    return [
      svg("path", { class: "shape", d: `M0 6C0 -4 ${w} -4 ${w} 6V${h - 6}C${w} ${h + 4} 0 ${h + 4} 0 ${h - 6}z` }),
      svg("path", { class: "rim", d: `M0 6C0 14 ${w} 14 ${w} 6` }),
    ];
  }
  if (QUEUES.test(row.image)) {
    const end = w - 9;
    return [
      svg("path", { class: "shape", d: `M9 0H${end}C${w + 3} 0 ${w + 3} ${h} ${end} ${h}H9C-3 ${h} -3 0 9 0z` }),
      svg("path", { class: "rim", d: `M${end} 0C${end - 12} 0 ${end - 12} ${h} ${end} ${h}` }),
    ];
  }
  return [
    svg("rect", { class: "shape", width: w, height: h, rx: 2 }),
    svg("rect", { class: "rim", x: 4, y: 4, width: w - 8, height: h - 8, rx: 1 }),
  ];
}

function update(parts, name, instances) {
  const status = worst(instances.map((row) => row.status));
  const ready = instances.filter((row) => row.status === "running").length;
  const count = instances.length > 1 ? ` · ${ready} of ${instances.length}` : "";
  const fault = instances.map((row) => row.fault).find((each) => each) ?? "";
  const kind = instances[0].image ? `container ${instances[0].image}` : "process";
  parts.group.dataset.tone = tone(status);
  parts.group.dataset.status = status;
  parts.use.setAttribute("href", `#glyph-${glyphName(status)}`);
  parts.group.classList.toggle("faulty", Boolean(fault));
  const state = `${status}${count}${fault && `, on the way to it: ${fault}`}`;
  say(parts.word, fault || `${status}${count}`);
  say(parts.title, `${name}: ${state}, ${kind}`);
  const needs = Object.keys(instances[0].depends_on);
  parts.group.setAttribute("aria-label", `${name}, ${state}, ${kind}${needs.length ? `, needs ${needs.join(", ")}` : ""}`);
}
