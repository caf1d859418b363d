// Small conveniences.
import { say } from "./words.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
  say(button.dataset.copied);
});

// a form that shows the effect of each choice stops doing so once it is sent: what it shows is about to go
document.addEventListener("submit", (event) => { if (event.target.matches("form[data-effect]")) event.target.dataset.sent = ""; });
document.addEventListener("htmx:config:request", (event) => {
  if (event.detail.ctx.sourceElement.matches("form[data-effect][data-sent]")) event.preventDefault();
});
window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });

// where the menus are wider than the screen, the page one is on is in sight
for (const here of document.querySelectorAll(".app nav [aria-current], .subnav [aria-current]")) {
  const row = here.parentElement;
  if (row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
