// After the stage changed: the focus goes where the hand is needed, and the time from the answer to the paint is measured and reported.
import { now } from "./clock.js";
import { resync } from "./connection.js";
import { headers } from "./sending.js";

const READ_IN = 5_000;
const painted = document.getElementById("painted");
let key = document.getElementById("stage-key")?.value;
let measured = null;

function focusFirst(root) {
  const place = root.querySelector("[data-autofocus]");
  const target = place?.matches("fieldset") ? place.querySelector("input:checked") ?? place.querySelector("input") : place;
  target?.focus({ preventScroll: true });
}

function measure(field) {
  const answered = field.dataset.answeredAt;
  if (!answered || measured === answered) return; // once a call: verifying later paints the case, but the answer was long ago
  measured = answered;
  requestAnimationFrame(() => setTimeout(() => {
    const ms = Math.round(now() - Date.parse(answered));
    if (ms < 0 || ms > 60_000) return; // a page opened later, or a clock not heard yet
    if (painted) { painted.hidden = false; painted.querySelector("span").textContent = (ms / 1000).toFixed(2); }
    fetch("/console/painted", { method: "POST", headers: headers(), body: new URLSearchParams({ ms }), keepalive: true }).catch(() => {});
  }));
}

document.addEventListener("htmx:after:swap", () => {
  const field = document.getElementById("stage-key");
  if (!field || field.value === key) return;
  key = field.value;
  const stage = document.getElementById("stage");
  if (!document.activeElement || document.activeElement === document.body || stage.contains(document.activeElement)) focusFirst(stage);
  measure(field);
});

// An answer that was asked for by another stage than is shown now would put the same one in anew, under the hand: it is asked for again.
document.addEventListener("htmx:before:swap", (event) => {
  const asked = event.detail.ctx?.response?.headers?.get("X-Stage-For");
  const shown = document.getElementById("stage-key")?.value;
  if (!asked || !shown || asked === shown) return;
  event.preventDefault();
  setTimeout(resync);
});

// in wrap-up the result is next, unless the memo is being typed
document.addEventListener("htmx:after:swap", () => {
  const strip = document.querySelector(".phone-state");
  if (strip && document.querySelector("[data-lease-until]") && !document.querySelector(":focus")) {
    const fieldset = document.querySelector("#outcome [data-digits]");
    (fieldset?.querySelector("input:checked") ?? fieldset?.querySelector("input"))?.focus({ preventScroll: true });
  }
});

// what was told of a case that is not on the screen any more goes, after there was time to read it
document.addEventListener("htmx:after:swap", () => {
  const told = document.querySelector("#page-conflict > *");
  if (!told) return;
  told.dataset.key ??= key;
  if (told.dataset.key !== key) setTimeout(() => told.remove(), READ_IN);
});

// from a check back to what the other end answers
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || !event.target.closest?.("#checks")) return;
  const answers = document.getElementById("branch-form");
  (answers?.querySelector("input[name=branch]:checked") ?? answers?.querySelector("input[name=branch]"))?.focus();
});

const stage = document.getElementById("stage");
if (stage) focusFirst(stage);
