// The two regions a screen reader listens to, present since load. An empty text first, so that the same words are said twice.
// A warning belongs to whoever gave it: nobody takes away another's, and when one goes, the one before it shows again.
const warnings = new Map(); // source -> text, the newest last

function put(id, text) {
  const region = document.getElementById(id);
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

export const say = (text) => put("status", text);

/** Says a warning, or with "" takes back the one that this source gave. */
export function warn(text, source = "page") {
  const shown = [...warnings.values()].at(-1) ?? "";
  warnings.delete(source);
  if (text) warnings.set(source, text);
  const next = [...warnings.values()].at(-1) ?? "";
  if (text || next !== shown) put("alert", next);
}
