// What DNS knows: all names, and where they lead.

import { byId, el, say } from "./dom.js";

const AGAIN = 2000; // milliseconds
const table = byId("records");
let seen = "";
let timer = 0;

/** While it is in sight it is kept up to date. */
export function visible(yes) {
  clearInterval(timer);
  if (!yes) return;
  refresh();
  timer = setInterval(refresh, AGAIN);
}

async function refresh() {
  const { records = [], reason = "" } = await asked();
  say(byId("zone-reason"), reason);
  const now = JSON.stringify(records);
  if (now === seen) return;
  seen = now;
  table.hidden = !records.length;
  table.tBodies[0].replaceChildren(...records.map(row));
}

async function asked() {
  try {
    const said = await (await fetch("/api/zone")).json();
    if (said.error) return { reason: said.error };
    return { ...said, reason: said.enabled ? "" : "DNS is not enabled (dns_enabled in fuge_global)" };
  } catch {
    return { reason: "`fuge ui` does not answer" };
  }
}

function row({ type, domain, address, port }) {
  const cells = [type, address, port ?? "–"].map((text) => el("td", {}, String(text)));
  return el("tr", {}, el("th", { scope: "row" }, domain), ...cells);
}
