// The pages' one entry: each module looks for its own data- attributes, and finds nothing on pages without them.
import "./connection.js";
import "./sending.js";
import "./claim.js";
import "./keys.js";
import "./drafts.js";
import "./timers.js";
import "./stage.js";
import "./outcome.js";
import "./calendar.js";
import "./charts.js";
import "./upload.js";
import "./softphone.js";
import "./keypad.js";
import "./lock.js";
import "./small.js";

// htmx comes last: it connects the event stream as soon as it runs, and whoever listens must be there before.
for (const link of document.querySelectorAll("link[data-run]")) {
  document.head.append(Object.assign(document.createElement("script"), { src: link.href, async: false }));
}
