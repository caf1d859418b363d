// The session is over. A page where something may have been typed says so and waits; any other one leads to the sign-in at once.
import { warn } from "./words.js";

const banner = document.getElementById("signed-out");
let isOver = false;

export const isSignedOut = () => isOver;

export function onSignedOut() {
  if (!banner || !document.querySelector("[data-draft]")) { location.reload(); return; }
  if (isOver) return;
  isOver = true;
  banner.hidden = false;
  warn(banner.dataset.said, "session");
}

banner?.querySelector("button").addEventListener("click", () => location.reload());
