// Traces: a list of them, and of the chosen one the spans as bars below each other, by time.

import { asked, whileVisible } from "./asking.js";
import { byId, el, say } from "./dom.js";
import { clock, milliseconds } from "./format.js";

const list = byId("traces"), bars = byId("trace"), facts = byId("span");
let chosen = "";
let seen = "";

/** While they are in sight they are kept up to date. */
export const visible = whileVisible(refresh);

async function refresh() {
  const { traces = [], reason = "" } = await asked("/api/traces");
  say(byId("traces-reason"), reason);
  const now = JSON.stringify(traces);
  if (now === seen) return;
  seen = now;
  list.replaceChildren(...traces.map(entry));
}

function entry(trace) {
  const button = el(
    "button",
    { type: "button", class: trace.error ? "trace bad" : "trace", "data-trace": trace.trace_id, onclick: () => choose(trace.trace_id) },
    el("span", { class: "trace-name" }, `${trace.service}: ${trace.name}`),
    el("span", { class: "hint" }, `${clock(trace.start)} · ${milliseconds(trace.duration)} · ${trace.spans} spans${trace.error ? " · error" : ""}`),
  );
  button.setAttribute("aria-pressed", String(trace.trace_id === chosen));
  return el("li", {}, button);
}

async function choose(id) {
  chosen = id;
  for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.trace === id));
  const { spans = [], reason = "" } = await asked(`/api/traces/${encodeURIComponent(id)}`);
  if (chosen !== id) return;
  say(byId("trace-reason"), reason);
  facts.replaceChildren();
  const first = Math.min(...spans.map((span) => span.start));
  const last = Math.max(...spans.map((span) => span.start + span.duration));
  bars.replaceChildren(...ordered(spans).map(({ span, depth }) => row(span, depth, first, last - first)));
}

/** Each span followed by those that it has led to; what has lost its parent begins anew. */
function ordered(spans) {
  const known = new Set(spans.map((span) => span.span_id));
  const below = new Map();
  for (const span of [...spans].sort((one, other) => one.start - other.start)) {
    const parent = known.has(span.parent_id) && span.parent_id !== span.span_id ? span.parent_id : "";
    if (!below.has(parent)) below.set(parent, []);
    below.get(parent).push(span);
  }
  const found = [];
  const left = (below.get("") ?? []).map((span) => ({ span, depth: 0 })).reverse();
  while (left.length) {
    const next = left.pop();
    found.push(next);
    const children = (below.get(next.span.span_id) ?? []).map((span) => ({ span, depth: next.depth + 1 }));
    below.delete(next.span.span_id); // a circle ends
    left.push(...children.reverse());
  }
  return found;
}

function row(span, depth, first, whole) {
  const bar = el("span", { class: "bar" });
  bar.style.left = `${(100 * (span.start - first)) / (whole || 1)}%`;
  bar.style.width = `${Math.max(0.4, (100 * span.duration) / (whole || 1))}%`;
  const label = el("span", { class: "span-name" }, el("strong", {}, span.service), ` ${span.name}`);
  label.style.paddingInlineStart = `${Math.min(depth, 12) * 0.9}rem`;
  const time = el("span", { class: "span-time" }, `${milliseconds(span.duration)}${span.error ? " · error" : ""}`);
  const attributes = { type: "button", class: span.error ? "span bad" : "span", onclick: () => explain(span) };
  return el("li", {}, el("button", attributes, label, el("span", { class: "track" }, bar), time));
}

function explain(span) {
  const known = { service: span.service, name: span.name, "span id": span.span_id, ...span.attributes };
  facts.replaceChildren(...Object.entries(known).flatMap(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, typeof value === "string" ? value : JSON.stringify(value)),
  ]));
}
