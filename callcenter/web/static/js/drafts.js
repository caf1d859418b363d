// What is typed and chosen is saved on the server 0.8 s after the last key, and said so. Fields lie outside every swap target.
// Until the server has it, it is kept in this tab: a reload, a crash, a cut network or the end of a session loses nothing.
import { clockSeconds } from "./clock.js";
import { headers } from "./sending.js";
import { isSignedOut, onSignedOut } from "./session.js";

const QUIET = 800;
const RETRY = 3_000;
const UNSAVED = "unsaved ";
const SOURCES = "[data-draft], [data-draft-form]";
const waiting = new Map(); // field or form -> timer
const onTheWay = new Set(); // requests that were not answered yet

const isForm = (source) => source.matches("form");
const urlOf = (source) => source.dataset.draft ?? source.dataset.draftForm;
const nameOf = (source) => source.dataset.draftName ?? source.name;
const backupOf = (source) => `${UNSAVED}${urlOf(source)} ${nameOf(source)}`;
const partsOf = (form) => [...form.elements].filter((part) => part.name && !part.dataset.draft && !["hidden", "submit", "button", "fieldset"].includes(part.type));
const isTicked = (part) => part.type === "radio" || part.type === "checkbox";

function read(source) {
  if (!isForm(source)) return source.value;
  const kept = {};
  for (const part of partsOf(source)) {
    kept[part.name] ??= [];
    if (isTicked(part) ? part.checked : part.value) kept[part.name].push(part.value);
  }
  return JSON.stringify(kept);
}

function write(source, text) {
  if (!isForm(source)) { source.value = text; return; }
  const kept = JSON.parse(text);
  for (const part of partsOf(source)) {
    if (!(part.name in kept)) continue;
    if (isTicked(part)) part.checked = kept[part.name].includes(part.value);
    else part.value = kept[part.name][0] ?? "";
    if (part.closest("details") && (isTicked(part) ? part.checked && !part.defaultChecked : part.value)) part.closest("details").open = true;
  }
}

function show(source, state) {
  const place = document.querySelector(source.dataset.draftSaved);
  if (!place) return;
  place.hidden = false;
  place.dataset.state = state;
  place.querySelector("[data-word]").textContent = place.dataset[state];
  place.querySelector("[data-at]").textContent = state === "failed" ? "" : clockSeconds();
}

async function save(source) {
  waiting.delete(source);
  const text = read(source);
  const body = new URLSearchParams({ field: nameOf(source), text });
  const request = new AbortController();
  onTheWay.add(request);
  try {
    const answer = await fetch(urlOf(source), { method: "POST", headers: headers(), body, keepalive: true, signal: request.signal });
    if (answer.status >= 500) throw new Error(String(answer.status));
    if (answer.status === 401) onSignedOut();
    if (answer.ok && sessionStorage.getItem(backupOf(source)) === text) sessionStorage.removeItem(backupOf(source));
    show(source, answer.ok ? "saved" : "failed");
  } catch {
    if (request.signal.aborted) return; // the result is being saved: its end says whether drafts still matter
    show(source, "failed");
    if (source.isConnected && !isSignedOut()) later(source, RETRY);
  } finally {
    onTheWay.delete(request);
  }
  if (source.isConnected && read(source) !== text && !waiting.has(source)) later(source, QUIET);
}

function later(source, delay) {
  clearTimeout(waiting.get(source));
  waiting.set(source, setTimeout(save, delay, source));
}

function touched(source) {
  sessionStorage.setItem(backupOf(source), read(source));
  later(source, QUIET);
}

function onTyped(event) {
  if (event.target.dataset?.draft) touched(event.target);
  else if (event.target.form?.dataset.draftForm && event.target.name) touched(event.target.form);
}

/** Puts back what the server kept, and over it what it never got. */
function restore() {
  for (const source of document.querySelectorAll(SOURCES)) {
    if ("restored" in source.dataset) continue;
    source.dataset.restored = "";
    if (source.dataset.kept) write(source, source.dataset.kept);
    const unsaved = sessionStorage.getItem(backupOf(source));
    if (unsaved === null || unsaved === read(source)) continue;
    write(source, unsaved);
    show(source, "restored");
    later(source, QUIET);
  }
}

document.addEventListener("input", onTyped);
document.addEventListener("change", onTyped);
document.addEventListener("htmx:after:swap", restore);
addEventListener("pagehide", () => { for (const [source, timer] of waiting) { clearTimeout(timer); save(source); } });
addEventListener("online", () => { for (const source of waiting.keys()) later(source, 0); });
// a saved result makes its drafts void: nothing may arrive after it; a refused one leaves them
document.addEventListener("htmx:before:request", (event) => {
  if (!event.detail.ctx.sourceElement.matches?.("form[data-draft-form]")) return;
  for (const timer of waiting.values()) clearTimeout(timer);
  waiting.clear();
  for (const request of onTheWay) request.abort();
});
document.addEventListener("htmx:finally:request", (event) => {
  const { ctx } = event.detail;
  const form = ctx.sourceElement;
  if (!form.matches?.("form[data-draft-form]")) return;
  if (ctx.response && ctx.response.status < 400) {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(`${UNSAVED}${urlOf(form)} `)) sessionStorage.removeItem(key);
  } else for (const source of document.querySelectorAll(SOURCES)) if (sessionStorage.getItem(backupOf(source)) !== null) later(source, QUIET);
});
restore();
