// Numbers and times in words.

export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d`;
}

export function bytes(count) {
  if (count === null) return "–";
  const mega = count / 1e6;
  return mega < 1000 ? `${mega.toFixed(mega < 10 ? 1 : 0)} MB` : `${(mega / 1000).toFixed(1)} GB`;
}

export const percent = (share) => (share === null ? "–" : `${share.toFixed(share < 10 ? 1 : 0)} %`);

export function clock(seconds) {
  const moment = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
}

export function milliseconds(seconds) {
  const count = seconds * 1000;
  if (count >= 1000) return `${seconds.toFixed(2)} s`;
  return `${count < 10 ? count.toFixed(2) : count.toFixed(0)} ms`;
}
