// Files that take seconds to make: who asked sees and hears that theirs is being made, and it is kept as soon as it is there.
import { say } from "./words.js";

function nameOf(answer) {
  return /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
}

function keep(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** Asks for the file; `otherwise` goes there as if there were no script, so that a refusal shows as a page. */
async function make(asked, address, options, otherwise) {
  if (asked.getAttribute("aria-busy") === "true") return;
  const { making, made, failed } = asked.dataset;
  const shown = document.createElement("span");
  shown.className = "making";
  shown.append(document.createElement("progress"), making);
  asked.setAttribute("aria-busy", "true");
  asked.after(shown);
  say(making);
  try {
    const answer = await fetch(address, options);
    if (!answer.ok || answer.redirected) { otherwise(); return; }
    keep(await answer.blob(), nameOf(answer));
    say(made);
  } catch {
    say(failed);
  } finally {
    shown.remove();
    asked.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-making]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  make(link, link.href, {}, () => location.assign(link.href));
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("form[data-making]");
  if (!form) return;
  event.preventDefault();
  make(form, form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }, () => form.submit());
});
