// Start, stop, restart: asks for it, and says in words what went wrong.

import { byId, el } from "./dom.js";

const MOST_ERRORS = 4;

/** Resolves when it is done. The button cannot be pressed until then. */
export async function act(operation, services, button) {
  button.dataset.pending = "yes";
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/api/services", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ operation, services }),
    });
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error(await answer.text());
    const said = await answer.json();
    if (said.error) throw new Error(said.error);
    for (const result of said.results) if (!result.ok) complain(result.text ?? `${result.service}: ${result.reason}`);
  } catch (error) {
    complain(error instanceof TypeError ? `${operation}: \`fuge ui\` does not answer` : error.message);
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
