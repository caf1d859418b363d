// What every request carries, and what happens when it fails. Nothing typed is ever taken away.
import { consoleName } from "./charge.js";
import { onSignedOut } from "./session.js";
import { warn } from "./words.js";

const csrf = document.querySelector('meta[name="csrf-token"]').content;
const live = document.getElementById("live");
const keys = new WeakMap(); // form -> {key, body}: the same press sent again carries the same key, another content a new one

function idempotencyKey(source, body) {
  const content = new URLSearchParams(body).toString();
  const last = keys.get(source);
  if (last?.content === content) return last.key;
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join("-");
  keys.set(source, { key, content });
  return key;
}

/** Headers for a request of our own. */
export const headers = (key) => ({ "X-CSRF-Token": csrf, "X-Console": consoleName(), "HX-Request": "true", ...(key ? { "Idempotency-Key": key } : {}) });

// What was put on the page a moment ago and not looked at by htmx yet would be sent as the browser's own form, and leave the page.
for (const kind of ["click", "submit"]) {
  document.addEventListener(kind, (event) => {
    const own = event.target.closest?.("[hx-post], [hx-get]");
    if (own && !own.hasAttribute("data-htmx-powered")) window.htmx?.process(own);
  }, { capture: true });
}

document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  ctx.request.headers["X-Console"] = consoleName();
  if (ctx.request.method === "GET") return;
  ctx.request.headers["X-CSRF-Token"] = csrf;
  ctx.request.headers["Idempotency-Key"] = idempotencyKey(ctx.sourceElement, ctx.request.body);
});

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const status = ctx.response.status;
  if (status === 401) onSignedOut();
  else if (status < 500) keys.delete(ctx.sourceElement); // answered: the next press is another one
  if (ctx.request.method !== "GET" && status < 400) {
    warn("", "sending");
    for (const id of ["page-errors", "page-conflict", "outcome-errors", "branch-errors"]) document.getElementById(id)?.replaceChildren();
  }
});

function failed(event) {
  const { ctx } = event.detail;
  if (ctx?.request?.method === "GET" || !live) return;
  const status = ctx?.response?.status;
  if (!status || status >= 500) warn(live.dataset.saidFailed, "sending");
}
document.addEventListener("htmx:error", failed);
document.addEventListener("htmx:response:error", failed);

// the first error is where the hand is needed
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.response?.status !== 422) return;
  const first = document.querySelector(".note.err a[href^='#']");
  if (first) document.getElementById(first.hash.slice(1))?.focus();
});
