// The server's time on this machine: clocks of operators' machines are off, timers must not be.
let offset = Date.parse(document.body.dataset.now) - Date.now();

/** Milliseconds since the epoch, by the server's clock. */
export const now = () => Date.now() + offset;

/** Corrects the offset by a moment the server has just told (ISO 8601). */
export function heard(moment) {
  const at = Date.parse(moment);
  if (!Number.isNaN(at)) offset = at - Date.now();
}

/** 02:41, from an hour on 1:02:41. */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const tail = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${tail}` : tail;
}

const wall = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** 14:03:22 in the office's zone. */
export const clockSeconds = () => wall.format(now());
