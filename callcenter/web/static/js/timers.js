// Clocks: the hour, how long a state lasts, and the lease of the wrap-up with its warning. One tick a second for all of them.
import { now, span } from "./clock.js";
import { warn } from "./words.js";

const zone = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit" });
const set = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
let warned = null;

function lease(panel, at) {
  const left = Math.max(0, Math.ceil((Date.parse(panel.dataset.leaseUntil) - at) / 1000));
  set(panel.querySelector("[data-lease-left]"), String(left));
  const meter = panel.querySelector("[data-lease-meter]");
  if (meter && meter.value !== left) meter.value = left;
  const isLate = left <= Number(panel.dataset.leaseWarn);
  panel.closest(".lease").toggleAttribute("data-warning", isLate);
  if (isLate && left > 0 && warned !== panel.dataset.leaseUntil) {
    warned = panel.dataset.leaseUntil;
    warn(panel.dataset.said.replace("$n", left), "lease");
  } else if (!isLate && warned) {
    warned = null;
    warn("", "lease");
  }
}

/** What can be done only for a few seconds says how many are left, and goes. */
function lastFor(panel, at) {
  const left = Math.ceil((Date.parse(panel.dataset.until) - at) / 1000);
  set(panel.querySelector("[data-left]"), String(Math.max(0, left)));
  if (left <= 0 && !panel.contains(document.activeElement)) panel.remove();
  else if (left <= 0) panel.querySelector("button").disabled = true;
}

const SOON = 5 * 60_000;
const OVER = 60_000;
const reminded = new Map(); // reminder -> what was said of it

/** One's own call-backs are announced five minutes ahead and when they are due. */
function remind(entry, at) {
  const left = Date.parse(entry.dataset.remindAt) - at;
  const stage = left > SOON ? "" : left > 0 ? "soon" : left > -OVER ? "due" : "over";
  if ((reminded.get(entry.id) ?? "") === stage) return;
  reminded.set(entry.id, stage);
  warn(entry.dataset[stage] ?? "", entry.id);
}

export function tick() {
  const at = now();
  for (const clock of document.querySelectorAll("[data-clock]")) set(clock, zone.format(at));
  for (const timer of document.querySelectorAll("[data-since]")) set(timer, span((at - Date.parse(timer.dataset.since)) / 1000));
  const leases = document.querySelectorAll("[data-lease-until]");
  for (const panel of leases) lease(panel, at);
  if (!leases.length && warned) { warned = null; warn("", "lease"); } // saved, or expired
  for (const entry of document.querySelectorAll("[data-remind-at]")) remind(entry, at);
  for (const id of reminded.keys()) if (!document.getElementById(id)) { reminded.delete(id); warn("", id); }
  for (const panel of document.querySelectorAll("[data-until]")) lastFor(panel, at);
}

setInterval(tick, 1_000);
document.addEventListener("htmx:after:swap", tick);
tick();
