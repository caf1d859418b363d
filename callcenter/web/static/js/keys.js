// Keys. Ctrl+Shift+letter presses the button that shows the letter; numbers choose only where the focus already is in a panel of choices;
// Ctrl+Enter saves. Nothing works while an input method composes. Letters can be changed, and all of it switched off, per machine.
const OFF = "keys-off";
const CHANGED = "keys-changed";
const TAKEN = new Set(["T", "N", "W"]); // the browser keeps these
const THROTTLE = 1_000;

const dialog = document.getElementById("key-dialog");
const stored = (name, fallback) => { try { return JSON.parse(localStorage.getItem(name)) ?? fallback; } catch { return fallback; } };
let changed = stored(CHANGED, {});
const isOff = () => stored(OFF, false);
const letterOf = (element) => changed[element.dataset.key] ?? element.dataset.key;
const isVisible = (element) => element.getClientRects().length > 0;
const lastPress = new WeakMap();

function press(element) {
  if ("throttled" in element.dataset) {
    const at = performance.now();
    if (at - (lastPress.get(element) ?? -THROTTLE) < THROTTLE) return;
    lastPress.set(element, at);
  }
  element.click();
}

function byLetter(letter) {
  return [...document.querySelectorAll("[data-key]")].find((element) => letterOf(element) === letter && !element.disabled && isVisible(element));
}

function chooseByDigit(digit, panel) {
  const radio = panel.querySelector(`input[data-n="${CSS.escape(panel.dataset.digits + digit)}"]:not(:disabled)`);
  if (!radio) return false;
  radio.focus();
  radio.click();
  if (radio.dataset.thenFocus) document.querySelector(radio.dataset.thenFocus)?.focus();
  return true;
}

function onKey(event) {
  if (event.isComposing || event.keyCode === 229 || event.repeat) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const isTyping = target.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=submit])");
  if (event.key === "Enter" && event.ctrlKey && !event.shiftKey && !event.altKey) {
    const save = document.querySelector("[data-save]:not(:disabled)");
    if (save && isVisible(save)) { event.preventDefault(); save.click(); }
    return;
  }
  if (event.ctrlKey && event.shiftKey && !event.altKey && /^Key[A-Z]$/.test(event.code)) {
    if (isOff()) return;
    const element = byLetter(event.code.slice(3));
    if (element) { event.preventDefault(); press(element); }
    return;
  }
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping || dialog?.open) return;
  if (event.key === "?") { event.preventDefault(); openList(); return; }
  const panel = target.closest("[data-digits]");
  if (!panel) return;
  if (/^\d$/.test(event.key) && chooseByDigit(event.key, panel)) event.preventDefault();
  else if (event.key === "Backspace" && panel.dataset.back) { event.preventDefault(); document.querySelector(panel.dataset.back)?.focus(); }
  else if (event.key === "Enter" && target.matches("input[type=radio]")) {
    event.preventDefault(); // a form with several answers has several buttons: press the one that is shown
    const button = [...(target.form?.querySelectorAll("[data-enter]") ?? [])].find(isVisible);
    button?.click();
  }
}

function rowFor(element) {
  const term = document.createElement("dt");
  const what = document.createElement("dd");
  const name = element.querySelector("span")?.textContent ?? element.textContent;
  const input = Object.assign(document.createElement("input"), { type: "text", size: 1, maxLength: 1, value: letterOf(element) });
  input.setAttribute("aria-label", dialog.dataset.remap.replace("$name", name));
  input.addEventListener("change", () => {
    const letter = input.value.toUpperCase();
    const free = /^[A-Z]$/.test(letter) && !TAKEN.has(letter) && (!byLetter(letter) || byLetter(letter) === element);
    if (free) { changed = { ...changed, [element.dataset.key]: letter }; localStorage.setItem(CHANGED, JSON.stringify(changed)); showLetters(); }
    input.value = letterOf(element);
  });
  term.append(input);
  what.textContent = name;
  return [term, what];
}

function openList() {
  if (!dialog) return;
  dialog.querySelector("[data-keys-switch]").checked = isOff();
  const elements = [...document.querySelectorAll("[data-key]")].filter(isVisible);
  dialog.querySelector(".keylist").replaceChildren(...elements.flatMap(rowFor));
  dialog.showModal();
}

function showLetters() {
  for (const element of document.querySelectorAll("[data-key]")) {
    const cap = element.querySelector("kbd");
    if (cap && cap.textContent.length === 1 && cap.textContent !== letterOf(element)) cap.textContent = letterOf(element);
  }
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => { if (event.target.closest("[data-open-dialog='key-dialog']")) openList(); });
dialog?.querySelector("[data-keys-switch]").addEventListener("change", (event) => localStorage.setItem(OFF, JSON.stringify(event.target.checked)));
document.addEventListener("htmx:after:settle", showLetters);
showLetters();
