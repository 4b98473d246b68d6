// The states of a service: a tone, which is a colour, and a glyph, so that nobody needs to see colours.

const STATES = {
  running: ["good", "good"],
  finished: ["good", "done"],
  starting: ["busy", "busy"],
  waiting: ["busy", "busy"],
  restarting: ["busy", "busy"],
  stopping: ["busy", "busy"],
  "not ready": ["warn", "warn"],
  failed: ["bad", "bad"],
  stopped: ["idle", "idle"],
  disabled: ["idle", "off"],
  "not managed": ["idle", "off"],
};
const ACTIVE = new Set(["running", "starting", "waiting", "restarting", "stopping", "not ready"]);
const FIXED = new Set(["disabled", "not managed"]);
const WORST = ["failed", "not ready", "restarting", "stopping", "starting", "waiting", "running", "finished"];

export const tone = (status) => (STATES[status] ?? ["idle"])[0];
export const glyphName = (status) => (STATES[status] ?? ["", "idle"])[1];

/** Whether an operation makes sense for a service in that state. */
export function allows(operation, status) {
  if (FIXED.has(status)) return false;
  if (operation === "start") return !ACTIVE.has(status);
  if (operation === "stop") return ACTIVE.has(status) && status !== "stopping";
  return ACTIVE.has(status) && status !== "stopping" && status !== "restarting";
}

/** The one word for several instances of a service. */
export function worst(statuses) {
  return WORST.find((each) => statuses.includes(each)) ?? statuses[0];
}
