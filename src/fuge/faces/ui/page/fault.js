// The fault on the way to a service: which there is, and a form to put one there, or to take it away.

import { put } from "./actions.js";
import { el } from "./dom.js";

const KINDS = {
  latency: { text: "slow: what callers say arrives later", unit: "ms", value: 800, most: 3600000, given: (number) => ({ latency: number / 1000 }) },
  drop: { text: "lossy: connections break", unit: "%", value: 30, most: 100, given: (number) => ({ drop: number / 100 }) },
  down: { text: "closed: connections are refused", given: () => ({ down: true }) },
  pause: { text: "silent: nothing moves on connections", given: () => ({ pause: true }) },
};
let kind = "latency"; // as chosen last
const numbers = { latency: KINDS.latency.value, drop: KINDS.drop.value };

/** `fault` in words is what there is now. */
export function form(name, fault) {
  const choices = Object.entries(KINDS).map(([key, { text }]) => el("option", { value: key, selected: key === kind }, text));
  const number = el("input", { type: "number", min: 1, "aria-label": "How much", oninput: () => (numbers[kind] = number.valueAsNumber) });
  const unit = el("span", {});
  const select = el("select", { "aria-label": "Fault", onchange: () => choose(select.value) }, ...choices);
  const set = el("button", {}, "Put it there");
  const clear = el("button", { type: "button", disabled: !fault, onclick: () => put(null, [name], clear) }, "Take it away");
  const submit = (event) => {
    event.preventDefault();
    put(KINDS[kind].given(numbers[kind]), [name], set);
  };
  function choose(other) {
    kind = other;
    const { unit: its = "", most } = KINDS[kind];
    number.hidden = number.disabled = !its;
    number.max = most ?? "";
    number.value = numbers[kind] ?? "";
    unit.textContent = its;
  }
  choose(kind);
  const now = fault ? `There is one on the way to it: ${fault}.` : "There is none on the way to it.";
  return el("form", { class: "fault-form", onsubmit: submit }, el("p", { class: "hint" }, now), select, number, unit, set, clear);
}
