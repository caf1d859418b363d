// One console per operator: each page has a name of its own, kept over a reload, and the server says which page is in charge.
// A duplicated tab copies its storage, so a new page first asks the others whether its name is taken.
const NAME = "console";
const channel = new BroadcastChannel("consoles");
const fresh = () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("-");
let name = sessionStorage.getItem(NAME) ?? fresh();
let isSettled = false;

/** The name this page goes by. */
export const consoleName = () => name;

export function showCharge(isOther) {
  const banner = document.getElementById("read-only");
  if (banner) banner.hidden = !isOther;
  dispatchEvent(new CustomEvent("console:charge", { detail: { isOther } }));
}

channel.addEventListener("message", ({ data }) => {
  if (data.kind === "asks" && data.name === name && isSettled) channel.postMessage({ kind: "taken", name });
  if (data.kind === "taken" && data.name === name && !isSettled) name = fresh();
});

/** Settles the name; resolves when it is safe to use. */
export async function settleName() {
  channel.postMessage({ kind: "asks", name });
  await new Promise((done) => setTimeout(done, 60));
  isSettled = true;
  sessionStorage.setItem(NAME, name);
  dispatchEvent(new CustomEvent("console:settled"));
}
