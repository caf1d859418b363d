// The rules' editor: rows move by Alt + arrows, the hand stays where it was after a change, and nothing typed is left behind by mistake.
import { say } from "./words.js";

const form = document.getElementById("rule-form");
let held = null; // {rule, action} of the row that was touched last
let isDirty = false;

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.isComposing || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const row = event.target.closest("[data-rule]");
  if (!row) return;
  event.preventDefault();
  row.querySelector(`[data-do=${event.key === "ArrowUp" ? "up" : "down"}]`)?.click();
  held = { rule: row.dataset.rule, action: "open" };
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey && !event.isComposing && event.target.closest("#rule-form")) form.requestSubmit();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) held = { rule: button.closest("[data-rule]").dataset.rule, action: button.dataset.do };
}, true);

function backToRow() {
  const list = document.querySelector(".ruleset");
  if (list?.dataset.said) say(list.dataset.said);
  if (!held) return;
  const { rule, action } = held;
  held = null;
  (document.getElementById(`r-${rule}-${action}`) ?? document.getElementById(`r-${rule}-open`) ?? document.getElementById("undo"))?.focus();
}

function toPart() {
  const id = document.querySelector("#condition [data-focus]")?.dataset.focus;
  if (!id) return;
  (document.getElementById(`${id}-value`) ?? document.getElementById(`${id}-attribute`) ?? document.getElementById(`${id}-add`))?.focus();
}

document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx?.target?.id;
  if (target === "rule-list") backToRow();
  if (target === "condition") toPart();
});

form?.addEventListener("input", () => { isDirty = true; });
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.sourceElement === form && ctx.response.status < 300) isDirty = false;
  else if (ctx.sourceElement.closest?.("#condition")) isDirty = true;
});
addEventListener("beforeunload", (event) => { if (isDirty) event.preventDefault(); });
