// Start, stop, restart, faults: asks for it, and says in words what went wrong.

import { byId, el } from "./dom.js";

const MOST_ERRORS = 4;

/** Resolves when it is done. The button cannot be pressed until then. */
export const act = (operation, services, button) => ask(operation, "/api/services", { operation, services }, button);

/** The same of a fault on the way to services; null takes it away. */
export const put = (fault, services, button) => ask("fault", "/api/faults", { fault, services }, button);

async function ask(what, address, body, button) {
  button.dataset.pending = "yes";
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(await answer.text());
    const said = await answer.json();
    if (said.error) throw new Error(said.error);
    for (const result of said.results) if (!result.ok) complain(result.text ?? `${result.service}: ${result.reason}`);
  } catch (error) {
    complain(error instanceof TypeError ? `${what}: \`fuge ui\` does not answer` : error.message);
  } finally {
    delete button.dataset.pending;
    button.removeAttribute("aria-busy");
    button.disabled = button.dataset.allowed === "no";
  }
}

/** Whether it makes sense now; one that is pending waits for its end. */
export function allow(button, allowed) {
  button.dataset.allowed = allowed ? "yes" : "no";
  if (!button.dataset.pending) button.disabled = !allowed;
}

export function complain(text) {
  const errors = byId("errors");
  const close = el("button", { type: "button", onclick: () => error.remove() }, "Dismiss");
  const error = el("p", { class: "error" }, el("span", {}, text), close);
  errors.append(error);
  while (errors.children.length > MOST_ERRORS) errors.firstChild.remove();
}
