// More of one service: its command and folder, why it is as it is, metrics, environment, DNS records, last events.

import { byId, el, say } from "./dom.js";
import { form } from "./fault.js";
import { clock } from "./format.js";
import * as metrics from "./metrics.js";

const dialog = byId("detail"), body = byId("detail-body");
let shown = ""; // the service
let asked = 0;

/** `follow` shows its log. */
export async function open(name, follow) {
  shown = name;
  say(byId("detail-title"), name);
  body.replaceChildren(el("p", { class: "hint" }, "…"));
  if (!dialog.open) dialog.showModal();
  await load(name, follow);
}

/** Its state has changed. */
export function changed(name, follow) {
  if (dialog.open && shown === name) load(name, follow);
}

async function load(name, follow) {
  const number = (asked += 1);
  const parts = await parted(name, follow);
  if (number === asked && shown === name) body.replaceChildren(...parts);
}

async function parted(name, follow) {
  try {
    const answer = await fetch(`/api/services/${encodeURIComponent(name)}`);
    const data = await answer.json();
    return data.error ? [el("p", { class: "hint" }, data.error)] : drawn(data, follow);
  } catch {
    return [el("p", { class: "hint" }, "`fuge ui` does not answer")];
  }
}

function drawn(data, follow) {
  const button = el("button", { type: "button", onclick: () => { dialog.close(); follow(data.name); } }, "Show its log");
  const facts = {
    State: data.status + (data.reason ? `: ${data.reason}` : ""),
    [data.type === "container" ? "Image" : "Command"]: data.run,
    Folder: data.directory,
    Process: data.pid && `pid ${data.pid}${data.start ? `, ${data.start}` : ""}`,
    Engine: data.engine && data.engine.how,
  };
  return [
    el("p", {}, button),
    list(facts),
    section("Why", why(data.why)),
    ...(Object.keys(data.ports).length ? [section("Fault", form(data.name, data.why.fault))] : []),
    section("Metrics", metrics.of(data.name)),
    section("Last events", events(data.events)),
    section("Environment", list(data.environment, "mono")),
    section("DNS", zone(data.zone)),
  ];
}

const section = (title, content) => el("section", {}, el("h3", {}, title), content);
const hint = (text) => el("p", { class: "hint" }, text);

function list(facts, className = "") {
  const known = Object.entries(facts).filter(([, value]) => value);
  return el("dl", { class: `facts ${className}` }, ...known.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

function why(reason) {
  const parts = [el("span", {}, `${reason.service} is ${reason.status}${reason.reason ? `: ${reason.reason}` : ""}`)];
  if (reason.probe) parts.push(el("p", { class: "hint" }, `its readiness was looked at last with: ${reason.probe}`));
  if (reason.last_lines.length && reason.status !== "running") parts.push(el("pre", {}, reason.last_lines.join("\n")));
  for (const other of reason.depends_on) parts.push(hint(`it needs ${other.service} to be ${other.condition}:`), why(other));
  return el("div", { class: "why" }, ...parts);
}

function events(found) {
  if (!found.length) return hint("nothing has happened yet");
  const lines = [...found].reverse().map((event) => el("li", {}, el("time", {}, clock(event.time)), " ", event.text));
  return el("ol", { class: "events" }, ...lines);
}

function zone({ enabled, records }) {
  if (!enabled) return hint("DNS is not enabled (dns_enabled in fuge_global)");
  if (!records.length) return hint("it has no records: it has no ports");
  const texts = records.map((each) => `${each.domain} ${each.type} ${each.port ? `${each.port} ` : ""}${each.address}`);
  return el("ul", { class: "records mono" }, ...texts.map((text) => el("li", {}, text)));
}

byId("detail-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
