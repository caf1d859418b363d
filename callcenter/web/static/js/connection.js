// The event stream's state in words, its watchdog, and a full refetch after each reconnect.
// The server sends a named event `heartbeat` every ten seconds; a stream that is silent is broken, whatever the socket says.
import { heard, now } from "./clock.js";
import { onSignedOut } from "./session.js";
import { say, warn } from "./words.js";

const SILENT_AFTER = 22_000;
const DOWN_AFTER = 40_000;
const live = document.getElementById("live");
const shown = document.getElementById("connection");

let connection = null;
let lastHeard = now();
let hadConnection = false;
let state = "retry";

function become(next) {
  if (next === state) return;
  const before = state;
  state = next;
  shown.dataset.state = next;
  if (next === "ok") {
    warn("", "connection");
    if (hadConnection && before !== "ok") say(live.dataset.saidOk);
  } else warn(next === "retry" ? live.dataset.saidRetry : live.dataset.saidDown, "connection");
}

/** Everything that follows the events is fetched anew. */
export function resync() {
  live.dispatchEvent(new CustomEvent("resync", { bubbles: true }));
}

function watch() {
  const silent = now() - lastHeard;
  if (silent < SILENT_AFTER) return;
  become(silent < DOWN_AFTER ? "retry" : "down");
  connection?.reader?.cancel(); // makes the extension reconnect
}

if (live && shown) {
  document.addEventListener("htmx:sse:after:connection", (event) => {
    connection = event.detail.connection;
    lastHeard = now();
    const again = hadConnection;
    become("ok");
    hadConnection = true;
    if (again) resync();
  });
  document.addEventListener("htmx:sse:before:message", (event) => {
    const { at } = JSON.parse(event.detail.message.data || "{}");
    if (at) heard(at); // every event carries the server's time
    lastHeard = now();
    become("ok");
  });
  document.addEventListener("htmx:sse:before:connection", () => { if (hadConnection) become("retry"); }); // the stream has ended
  for (const name of ["htmx:sse:error", "htmx:sse:close"]) {
    document.addEventListener(name, (event) => {
      if (event.detail.status === 401) onSignedOut();
      else if (state === "ok") become("retry");
    });
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-resync]")) {
      document.getElementById("page-conflict").replaceChildren();
      resync();
    }
  });
  setInterval(watch, 2_000);
}
