// The session is over. A page where something may have been typed says so and waits; any other one leads to the sign-in at once.
// Whoever signs out on this page is on their way there already: a reload would only cancel it.
import { warn } from "./words.js";

const banner = document.getElementById("signed-out");
let isOver = false;
let isLeaving = false;

export const isSignedOut = () => isOver;

export function onSignedOut() {
  if (isLeaving) return;
  if (!banner || !document.querySelector("[data-draft]")) { location.reload(); return; }
  if (isOver) return;
  isOver = true;
  banner.hidden = false;
  warn(banner.dataset.said, "session");
}

banner?.querySelector("button").addEventListener("click", () => location.reload());
document.addEventListener("submit", (event) => {
  if ((event.submitter?.getAttribute("formaction") ?? event.target.getAttribute("action")) !== "/logout") return;
  isLeaving = true;
  setTimeout(() => { isLeaving = false; }, 15_000); // the server did not answer: the page is still here
});
addEventListener("pageshow", () => { isLeaving = false; });
