// What DNS knows: all names, and where they lead.

import { asked, whileVisible } from "./asking.js";
import { byId, el, say } from "./dom.js";

const table = byId("records");
let seen = "";

/** While it is in sight it is kept up to date. */
export const visible = whileVisible(refresh);

async function refresh() {
  const { enabled = true, records = [], reason = "" } = await asked("/api/zone");
  say(byId("zone-reason"), enabled ? reason : "DNS is not enabled (dns_enabled in fuge_global)");
  const now = JSON.stringify(records);
  if (now === seen) return;
  seen = now;
  table.hidden = !records.length;
  table.tBodies[0].replaceChildren(...records.map(row));
}

function row({ type, domain, address, port }) {
  const cells = [type, address, port ?? "–"].map((text) => el("td", {}, String(text)));
  return el("tr", {}, el("th", { scope: "row" }, domain), ...cells);
}
