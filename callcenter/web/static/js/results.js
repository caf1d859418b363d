// Results of a search: arrows go up and down the list, from the field to the first and back; Escape leads to the field.
const field = document.querySelector("[data-results] input[type=search]");
const results = [...document.querySelectorAll("[data-result]")];

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const at = results.indexOf(document.activeElement);
  if (event.key === "Escape" && at >= 0) {
    field.focus();
    field.select();
    return;
  }
  if (at < 0 && document.activeElement !== field) return;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: at < 0 ? NaN : 0, End: at < 0 ? NaN : results.length - 1 }[event.key];
  if (to === undefined || Number.isNaN(to) || (at < 0 && event.key === "ArrowUp")) return;
  event.preventDefault();
  (to < 0 ? field : results[Math.min(to, results.length - 1)])?.focus();
});
if (results.length) field?.select();
