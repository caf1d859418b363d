// The two regions a screen reader listens to, present since load. An empty text first, so that the same words are said twice.
function put(id, text) {
  const region = document.getElementById(id);
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

export const say = (text) => put("status", text);
export const warn = (text) => put("alert", text);
