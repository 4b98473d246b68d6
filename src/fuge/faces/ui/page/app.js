// What is known of the system, and who shows which part of it.

import { act, allow } from "./actions.js";
import * as detail from "./detail.js";
import { byId, say } from "./dom.js";
import * as flows from "./flows.js";
import { connect } from "./live.js";
import * as log from "./log.js";
import * as services from "./services.js";
import { allows } from "./states.js";
import * as topology from "./topology.js";
import * as traces from "./traces.js";
import * as zone from "./zone.js";

let system = { running: false, said: "", file: "", flows: [] };
let rows = new Map(); // by name, in the order of the file
let ahead = 0; // seconds that the clock of `fuge ui` is ahead of this one
let lost = "";

const open = (name) => detail.open(name, log.choose);

function heard(news) {
  ahead = news.now - Date.now() / 1000;
  if (news.full) {
    rows = new Map();
    log.clear();
  }
  if (news.system) system = news.system;
  for (const row of news.services ?? []) {
    const before = rows.get(row.name);
    rows.set(row.name, row);
    if (before && (before.status !== row.status || before.fault !== row.fault)) detail.changed(row.name, log.choose);
  }
  if (news.names || news.full) {
    rows = new Map((news.names ?? []).map((name) => [name, rows.get(name)]));
  }
  if (news.names || news.services) log.offer(rows);
  if (news.lines) log.add(news.lines);
  if (news.full || news.system || news.names || news.services) show();
}

function show() {
  const here = system.running && !lost;
  const path = system.file.split("/");
  say(byId("file"), path.slice(-3).join("/"));
  byId("file").title = system.file;
  document.title = `${path.at(-2) ?? ""} · fuge`;
  const banner = byId("banner");
  const text = lost || (system.running || !system.said ? "" : `fuge is not running. ${sentence(system.said)}`);
  say(banner, text);
  banner.hidden = !text;
  document.body.dataset.here = here ? "yes" : "no";
  services.show(rows, here, open);
  topology.show(rows, open);
  flows.show(lost ? [] : system.flows);
  services.tick(rows, Date.now() / 1000 + ahead);
  summarize(here);
}

function summarize(here) {
  const all = [...rows.values()];
  const count = (...statuses) => all.filter((row) => statuses.includes(row.status)).length;
  const parts = [`${count("running")} of ${all.length} running`];
  if (count("failed", "not ready")) parts.push(`${count("failed", "not ready")} in trouble`);
  say(byId("summary"), parts.join(", "));
  for (const button of document.querySelectorAll(".all button")) {
    const operation = button.dataset.operation;
    const some = all.some((row) => (operation !== "start" || row.enabled) && allows(operation, row.status));
    allow(button, here && some);
  }
}

/** What a button for all services is about: what a file leaves out of `all` is stopped, but not started. */
function meant(operation) {
  return operation === "start" ? ["all"] : [...rows.values()].filter((row) => allows(operation, row.status)).map((row) => row.name);
}

const sentence = (text) => text[0].toUpperCase() + text.slice(1);

// The whole -------------------------------------------------------------------------------------------------------

for (const button of document.querySelectorAll(".all button")) {
  button.addEventListener("click", () => act(button.dataset.operation, meant(button.dataset.operation), button));
}

const tabs = [...document.querySelectorAll("[role=tab]")];

function choose(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", String(chosen));
    each.tabIndex = chosen ? 0 : -1;
    byId(each.getAttribute("aria-controls")).hidden = !chosen;
  }
  traces.visible(tab.id === "tab-traces");
  zone.visible(tab.id === "tab-zone");
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}

history.replaceState(null, "", "/"); // the token is in a cookie by now, and need not stay in sight
setInterval(() => services.tick(rows, Date.now() / 1000 + ahead), 1000);
connect(heard, (text) => {
  if (text === lost) return;
  lost = text;
  show();
});
