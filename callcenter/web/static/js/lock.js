// The idle lock: after some minutes without a key or a click the page is blurred and its session locked on the server; calls go on.
// All pages of a browser count as one: what is typed in one keeps the others awake, and they lock and open together.
import { headers } from "./sending.js";

const minutes = Number(document.body.dataset.lockMinutes ?? 0);
const dialog = document.getElementById("lock");
const room = "BroadcastChannel" in window ? new BroadcastChannel("callcenter-lock") : null;
let touchedAt = performance.now();
let toldAt = 0;

function touch() {
  touchedAt = performance.now();
  if (touchedAt - toldAt < 5_000) return;
  toldAt = touchedAt;
  room?.postMessage("touched");
}

/** Blurs the page and asks for the password; nothing else can be reached while the dialog is open. */
function shut() {
  if (dialog.open) return;
  document.body.classList.add("screen-locked");
  document.getElementById("lock-error").textContent = "";
  dialog.showModal();
  document.getElementById("lock-secret").focus();
}

function open() {
  if (!dialog.open) return;
  document.getElementById("lock-secret").value = "";
  dialog.close();
  document.body.classList.remove("screen-locked");
  touch();
  document.getElementById("live")?.dispatchEvent(new CustomEvent("resync", { bubbles: true }));
}

async function lock() {
  shut();
  room?.postMessage("locked");
  const answer = await fetch("/lock", { method: "POST", headers: headers(), keepalive: true }).catch(() => null);
  if (answer?.status === 401) location.reload();
}

async function unlock(form) {
  const told = document.getElementById("lock-error");
  const answer = await fetch("/unlock", { method: "POST", headers: headers(), body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (answer?.status === 401) location.reload();
  else if (answer?.ok) {
    open();
    room?.postMessage("opened");
  } else {
    told.textContent = { 422: told.dataset.wrong, 429: told.dataset.braked }[answer?.status] ?? told.dataset.failed;
    document.getElementById("lock-secret").select();
  }
}

if (minutes && dialog) {
  for (const kind of ["pointerdown", "keydown", "wheel"]) document.addEventListener(kind, touch, { capture: true, passive: true });
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Escape does not open it
  dialog.addEventListener("close", () => { if (document.body.classList.contains("screen-locked")) dialog.showModal(); });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    unlock(event.target);
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-lock-now]")) lock(); });
  document.addEventListener("htmx:after:request", (event) => { if (event.detail.ctx.response.status === 423) shut(); });
  room?.addEventListener("message", ({ data }) => {
    if (data === "touched") touchedAt = performance.now();
    if (data === "locked") shut();
    if (data === "opened") open();
  });
  setInterval(() => { if (!dialog.open && performance.now() - touchedAt >= minutes * 60_000) lock(); }, 1_000);
}
