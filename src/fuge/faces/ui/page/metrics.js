// The metrics of a service: its routes with how they do, and what is under way in it; up to date while in sight.

import { asked, whileVisible } from "./asking.js";
import { byId, el, say } from "./dom.js";
import { milliseconds } from "./format.js";

const STALE = 15; // seconds without a word, after which it is said
const HEADINGS = ["Kind", "Route", "Calls", "Per s", "Errors", "p50", "p99", "State"];
const ROUTE = 1; // which of these names a row
const NUMBERS = new Set([2, 3, 4, 5, 6]);

const about = el("p", { class: "hint" });
const rows = el("tbody");
const heading = (text, column) => el("th", { scope: "col", class: NUMBERS.has(column) ? "number" : null }, text);
const table = el("table", {}, el("caption", { class: "unseen" }, "Routes"), el("thead", {}, el("tr", {}, ...HEADINGS.map(heading))), rows);
const wide = el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Routes and how they do" }, table);
const parts = el("div", { class: "metrics" }, wide, about);
let service = "";
const visible = whileVisible(refresh);

/** What shows them, until it is asked for those of another service. */
export function of(name) {
  if (name !== service) {
    service = name;
    show({ found: [], reason: "…" });
  }
  visible(true);
  return parts;
}

async function refresh() {
  const name = service;
  const said = await asked(`/api/services/${encodeURIComponent(name)}/metrics`, { found: [] });
  if (name === service) show(said);
}

function show({ found, reason }) {
  const shown = found.flatMap(({ routes, durations }) => [...routes.map(route), ...durations.map(duration)]);
  wide.hidden = !shown.length;
  fill(shown);
  say(about, [reason, ...found.flatMap(words)].filter(Boolean).join("\n"));
}

const route = (row) => ({ ...row, name: row.pattern, more: row.target, state: row.adapters.map((each) => `${each.name} ${each.state}`).join(", ") });

function duration(row) {
  const known = Object.entries(row.attributes).map(([name, value]) => `${name}=${value}`);
  return { ...row, kind: "timed", name: row.name, more: known.join(", "), state: "" };
}

function words({ mus, age }) {
  const lines = mus.map((mu) => `${mu.at}: ${mu.waiting} waiting, ${mu.handling} handling, ${mu.sending} sending, ${mu.lost} lost; event loop ${milliseconds(mu.lag ?? 0)} late at most`);
  return age > STALE ? [...lines, `last heard of ${Math.round(age)} s ago`] : lines;
}

/** Rows stay where they are, so that nobody loses the place. */
function fill(shown) {
  while (rows.children.length > shown.length) rows.lastChild.remove();
  for (const [at, row] of shown.entries()) {
    const line = rows.children[at] ?? rows.appendChild(el("tr", {}, ...HEADINGS.map(cell)));
    line.classList.toggle("bad", row.error_rate > 0);
    const texts = [row.kind, null, row.calls || "", often(row.rate), failures(row), took(row.p50), took(row.p99), row.state];
    for (const [column, text] of texts.entries()) {
      if (column !== ROUTE) say(line.children[column], String(text));
    }
    say(line.children[ROUTE].firstChild, row.name);
    say(line.children[ROUTE].lastChild, row.more);
  }
}

function cell(_, column) {
  if (column === ROUTE) return el("th", { scope: "row" }, el("span", {}), el("span", { class: "hint" }));
  return el("td", { class: NUMBERS.has(column) ? "number" : null });
}

const often = (rate) => (rate ? rate.toFixed(1) : "");
const took = (seconds) => (seconds === null ? "" : milliseconds(seconds));
const failures = (row) => (row.error_rate > 0 ? `${row.errors} ✕` : row.errors || "");

byId("detail").addEventListener("close", () => visible(false));
