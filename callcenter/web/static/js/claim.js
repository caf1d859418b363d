// The operator's page asks at once whether it is in charge, and hears it again with every refresh.
import { consoleName, settleName, showCharge } from "./charge.js";
import { headers } from "./sending.js";

async function claim() {
  await settleName();
  const answer = await fetch("/console/claim", { method: "POST", headers: headers() });
  if (answer.ok) showCharge((await answer.json()).is_read_only);
}

if (document.getElementById("read-only") && consoleName()) {
  claim().catch(() => {}); // offline: the connection's own words say so
  document.addEventListener("htmx:after:request", (event) => {
    const state = event.detail.ctx.response.headers.get("X-Console-State");
    if (state) showCharge(state === "other");
  });
}
