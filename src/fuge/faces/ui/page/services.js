// The table of services: a row for each instance, changed in place, so that the focus stays where it is.

import { act, allow } from "./actions.js";
import { byId, el, glyph, say } from "./dom.js";
import { bytes, duration, percent } from "./format.js";
import { allows, glyphName, tone } from "./states.js";

const OPERATIONS = ["start", "stop", "restart"];
const table = byId("services");
const drawn = new Map(); // by name: the row's parts

/** `rows` by name, in their order; `open` shows more of one. */
export function show(rows, running, open) {
  for (const [name, parts] of drawn) {
    if (rows.has(name)) continue;
    parts.row.remove();
    drawn.delete(name);
  }
  let before = table.firstElementChild;
  for (const [name, row] of rows) {
    if (!drawn.has(name)) drawn.set(name, made(name, open));
    const parts = drawn.get(name);
    if (before.nextElementSibling !== parts.row) before.after(parts.row);
    before = parts.row;
    update(parts, row, running);
  }
  byId("nothing").hidden = rows.size > 0;
}

/** What changes by itself. */
export function tick(rows, now) {
  for (const [name, { uptime }] of drawn) {
    const started = rows.get(name)?.started;
    say(uptime, started ? duration(now - started) : "–");
  }
}

function made(name, open) {
  const cell = (className, label) => el("span", { role: "cell", class: className, "data-label": label });
  const parts = {
    state: cell("state", "State"),
    uptime: cell("number", "Uptime"),
    restarts: cell("number", "Restarts"),
    cpu: cell("number", "CPU"),
    memory: cell("number", "Memory"),
    ports: cell("ports", "Ports"),
    reason: el("span", { role: "cell", class: "reason" }),
    fault: el("span", { role: "cell", class: "reason fault" }),
    word: el("span", { class: "word" }),
    buttons: {},
  };
  for (const operation of OPERATIONS) {
    const label = operation[0].toUpperCase() + operation.slice(1);
    const press = (event) => act(operation, [name], event.currentTarget);
    const attributes = { type: "button", "aria-label": `${label} ${name}`, "data-operation": operation, onclick: press };
    parts.buttons[operation] = el("button", attributes, label);
  }
  const opener = el("button", { type: "button", class: "name", onclick: () => open(name) }, name);
  const buttons = el("span", { role: "cell", class: "buttons" }, ...Object.values(parts.buttons));
  parts.row = el(
    "div",
    { role: "row", class: "row", "data-service": name },
    el("span", { role: "cell", class: "who" }, opener),
    ...[parts.state, parts.uptime, parts.restarts, parts.cpu, parts.memory, parts.ports, buttons, parts.reason, parts.fault],
  );
  return parts;
}

function update(parts, row, running) {
  if (parts.row.dataset.status !== row.status) {
    parts.row.dataset.status = row.status;
    parts.row.dataset.tone = tone(row.status);
    say(parts.word, row.status);
    parts.state.replaceChildren(glyph(glyphName(row.status)), parts.word);
  }
  say(parts.restarts, String(row.restarts));
  say(parts.cpu, percent(row.cpu));
  say(parts.memory, bytes(row.memory));
  say(parts.reason, row.reason);
  parts.reason.hidden = !row.reason;
  say(parts.fault, row.fault && `on the way to it: ${row.fault}`);
  parts.fault.hidden = !row.fault;
  const places = JSON.stringify([row.host, row.ports]);
  if (parts.places !== places) {
    parts.places = places;
    parts.ports.replaceChildren(...Object.entries(row.ports).map(([name, number]) => port(row, name, number)));
  }
  for (const operation of OPERATIONS) allow(parts.buttons[operation], running && allows(operation, row.status));
}

/** A link for what a browser may understand: of a container only a port that is called http or https. */
function port(row, name, number) {
  const text = `${name} ${number}`;
  const scheme = name === "https" ? "https" : "http";
  if (row.type === "container" && name !== scheme) return el("span", { class: "port" }, text);
  const host = ["0.0.0.0", "::", ""].includes(row.host) ? location.hostname : row.host;
  const address = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${number}/`;
  return el("a", { class: "port", href: address, target: "_blank", rel: "noreferrer noopener" }, text);
}
