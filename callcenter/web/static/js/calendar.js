// The calendar of a date field: arrows move over the days, Enter or a click chooses one and closes; days that have passed are left out.
const STEP = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

const daysOf = (calendar) => [...calendar.querySelectorAll("[data-day]:not(:disabled)")];
const fieldOf = (calendar) => document.querySelector(calendar.dataset.calendar);

function enter(calendar) {
  const days = daysOf(calendar);
  const chosen = days.find((day) => day.dataset.day === fieldOf(calendar)?.value) ?? days[0];
  for (const day of days) { day.tabIndex = day === chosen ? 0 : -1; day.setAttribute("aria-pressed", String(day.dataset.day === fieldOf(calendar)?.value)); }
  chosen?.focus();
}

function choose(calendar, day) {
  const field = fieldOf(calendar);
  const other = field.closest("fieldset").querySelector(".is-other");
  const proposed = field.closest("fieldset").querySelector(`input[type=radio][value="${CSS.escape(day.dataset.day)}"]`);
  field.value = day.dataset.day;
  calendar.hidePopover();
  (proposed ?? other).click();
  (proposed ?? field).focus();
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-calendar]") && event.newState === "open") enter(event.target);
}, true);
document.addEventListener("click", (event) => {
  const day = event.target.closest?.("[data-day]");
  if (day) choose(day.closest("[data-calendar]"), day);
});
document.addEventListener("keydown", (event) => {
  const day = event.target.closest?.("[data-day]");
  if (!day || !(event.key in STEP)) return;
  event.preventDefault();
  const days = daysOf(day.closest("[data-calendar]"));
  const to = days[days.indexOf(day) + STEP[event.key]];
  if (!to) return;
  day.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
});
