// What is typed is saved on the server 0.8 s after the last key, and said so. Draft fields lie outside every swap target.
import { clockSeconds } from "./clock.js";
import { headers } from "./sending.js";

const QUIET = 800;
const RETRY = 3_000;
const waiting = new Map(); // field -> timer

function show(field, state) {
  const place = document.querySelector(field.dataset.draftSaved);
  if (!place) return;
  place.hidden = false;
  place.dataset.state = state;
  place.querySelector("[data-word]").textContent = state === "saved" ? place.dataset.saved : place.dataset.failed;
  if (state === "saved") place.querySelector("[data-at]").textContent = clockSeconds();
}

async function save(field) {
  waiting.delete(field);
  const text = field.value;
  const body = new URLSearchParams({ field: field.name, text });
  try {
    const answer = await fetch(field.dataset.draft, { method: "POST", headers: headers(), body, keepalive: true });
    if (answer.status >= 500) throw new Error(String(answer.status));
    show(field, answer.ok ? "saved" : "failed");
  } catch {
    show(field, "failed");
    if (field.isConnected) later(field, RETRY);
  }
  if (field.isConnected && field.value !== text && !waiting.has(field)) later(field, QUIET);
}

function later(field, delay) {
  clearTimeout(waiting.get(field));
  waiting.set(field, setTimeout(save, delay, field));
}

document.addEventListener("input", (event) => { if (event.target.dataset?.draft) later(event.target, QUIET); });
addEventListener("pagehide", () => { for (const [field, timer] of waiting) { clearTimeout(timer); save(field); } });
// a saved result makes its draft void: nothing may be sent after it
document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement.id !== "outcome") return;
  for (const timer of waiting.values()) clearTimeout(timer);
  waiting.clear();
});
