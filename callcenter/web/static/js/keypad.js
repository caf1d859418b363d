// Panels over the page: keys of the keypad go into its field, and a panel closes when what it asked for was taken.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-digit]");
  if (!button) return;
  const field = button.closest("form").elements.keys;
  if (field.value.length < field.maxLength) field.value += button.dataset.digit;
});

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const form = ctx.sourceElement;
  if (ctx.response.status >= 400 || !form?.matches?.("form")) return;
  if (form.matches("[data-keypad-form]")) form.elements.keys.value = "";
  if (form.matches("[data-close-popover]")) form.closest("[popover]")?.hidePopover();
});
