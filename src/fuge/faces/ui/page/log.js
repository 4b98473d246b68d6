// One log of all services: the newest line is at the end, and stays in sight unless somebody has scrolled up.

import { coloured, plain } from "./ansi.js";
import { byId, el, say } from "./dom.js";
import { clock } from "./format.js";

const KEPT = 5000; // lines that can be searched
const SHOWN = 1000; // lines in the page
const NEAR = 30; // pixels from the end that count as the end
const COLOURS = 8;
const EVERY = "*"; // no service is called so

const list = byId("log"), service = byId("log-service"), search = byId("log-search");
const count = byId("log-count"), newest = byId("log-newest");
const colours = new Map(); // by service
let lines = [];
let coming = []; // lines that are shown in the next frame
let quiet = new Set(); // services
let offered = "";
let last = 0; // the number of the newest line
let follows = true;

export function clear() {
  lines = [];
  coming = [];
  last = 0;
  list.replaceChildren();
}

export function add(more) {
  const missing = last ? more[0].number - last - 1 : 0;
  last = more.at(-1).number;
  if (missing > 0) {
    const text = `${missing} lines came too quickly to be shown here: \`fuge logs\` has them`;
    more = [{ ...more[0], service: "", stream: "fuge", text }, ...more];
  }
  for (const line of more) line.plain = plain(line.text).toLowerCase();
  lines.push(...more);
  if (lines.length > KEPT) lines = lines.slice(-KEPT);
  if (!coming.length) requestAnimationFrame(show);
  coming.push(...more);
}

/** Which services there are to choose from: `rows` by name. One without `tail` is not shown among all. */
export function offer(rows) {
  const now = JSON.stringify([...rows.values()].map((row) => [row.name, row.tail]));
  if (now === offered) return;
  offered = now;
  const names = [...rows.keys()];
  const chosen = service.value;
  quiet = new Set(names.filter((name) => !rows.get(name).tail));
  const all = quiet.size ? [["", "all with tail"], [EVERY, "all"]] : [["", "all"]];
  const choices = [...all, ...names.map((name) => [name, name])];
  service.replaceChildren(...choices.map(([value, text]) => el("option", { value }, text)));
  service.value = choices.some(([value]) => value === chosen) ? chosen : "";
  names.forEach((name, index) => colours.set(name, index % COLOURS));
  again();
}

/** Show the lines of this service alone. */
export function choose(name) {
  service.value = name;
  again();
  list.focus();
}

function wanted(line) {
  const word = search.value.toLowerCase();
  return isChosen(line) && (!word || line.plain.includes(word));
}

function isChosen(line) {
  if (!service.value) return line.stream === "event" || !quiet.has(line.service);
  return service.value === EVERY || line.service === service.value;
}

function again() {
  coming = [];
  list.replaceChildren(...lines.filter(wanted).slice(-SHOWN).map(drawn));
  follows = true;
  settle();
}

function show() {
  const fresh = coming.filter(wanted).slice(-SHOWN);
  coming = [];
  list.append(...fresh.map(drawn));
  const surplus = list.children.length - SHOWN;
  for (let number = 0; number < surplus; number += 1) list.firstChild.remove();
  settle();
}

function settle() {
  if (follows) list.scrollTop = list.scrollHeight;
  newest.hidden = follows;
  say(count, `${list.children.length} ${list.children.length === 1 ? "line" : "lines"}`);
}

function drawn(line) {
  return el(
    "div",
    { class: `line ${line.stream}` },
    el("time", { datetime: new Date(line.time * 1000).toISOString() }, clock(line.time)),
    " ",
    el("span", { class: `who hue-${colours.get(line.service) ?? 0}` }, line.service || "fuge"),
    " ",
    el("span", { class: "text" }, ...coloured(line.text)),
  );
}

list.addEventListener("scroll", () => {
  follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
  newest.hidden = follows;
});
newest.addEventListener("click", () => {
  follows = true;
  settle();
  list.focus();
});
service.addEventListener("change", again);
search.addEventListener("input", again);
