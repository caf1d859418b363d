// A round of visits on a telephone: fetched once, then it works without a network. What is entered is kept encrypted at once, sent when
// there is a network, and taken off the telephone as soon as the office has it.
import { Box } from "./visit_box.js";

const round = Number(location.hash.slice(1));
const codes = JSON.parse(document.body.dataset.words);
const words = document.getElementById("words").dataset;
const at = (id) => document.getElementById(id);
const KEY = `visit-key:${round}`;
const state = { box: null, pack: null, csrf: "", answers: new Map(), isSending: false };

function say(text, isBad = false) {
  at(isBad ? "alert" : "said").textContent = text;
  at(isBad ? "alert" : "said").hidden = !text;
  at(isBad ? "said" : "alert").hidden = true;
}
const day = (text) => new Intl.DateTimeFormat(codes.lang, { month: "long", day: "numeric", weekday: "short", timeZone: "Asia/Tokyo" }).format(new Date(text));
const yen = (value) => (codes.lang === "en" ? `¥${value.toLocaleString("en")}` : `${value.toLocaleString("en")}円`);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const part = (place, name) => place.querySelector(`[data-f="${name}"]`);

async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...(options.body ? { "Content-Type": "application/json", "X-CSRF-Token": state.csrf } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(20_000) });
}

async function take(told) {
  state.csrf = told.csrf;
  if (!told.pack) {
    await forget();
    say(words.over);
    return false;
  }
  // another key than before: the sign-in that had it is over, and what was encrypted with it can't be read any more
  const had = sessionStorage.getItem(KEY);
  if (had !== told.key && (await Box.holds(round)) && !(await readable(told.key))) {
    await Box.wipe(round);
    say(words.locked, true);
  }
  sessionStorage.setItem(KEY, told.key);
  state.box = await Box.open(round, told.key);
  state.pack = told.pack;
  await state.box.put("pack", told.pack);
  return true;
}

async function readable(key) {
  try {
    const box = await Box.open(round, key);
    await box.all("");
    return true;
  } catch {
    return false;
  }
}

async function forget() {
  await Box.wipe(round);
  sessionStorage.removeItem(KEY);
  Object.assign(state, { box: null, pack: null });
  await render();
}

async function fetchPack() {
  const answer = await ask(`/visits/${round}/pack`);
  if (answer.status === 401) { at("signin").hidden = false; return false; }
  at("signin").hidden = true;
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    say([told.message, told.hint].filter(Boolean).join(" ") || words.failed, true);
    return false;
  }
  return take(await answer.json());
}

async function load() {
  if (!round) { say(words.noRound); return; }
  if (!isSecureContext) { say(words.insecure, true); return; }
  at("round").href = `/visits/${round}`;
  let isFresh = false;
  try { isFresh = await fetchPack(); } catch { /* no network: what is here serves */ }
  const key = sessionStorage.getItem(KEY);
  if (!state.pack && key) {
    try {
      state.box = await Box.open(round, key);
      state.pack = await state.box.get("pack");
    } catch { state.box = null; }
  }
  if (!state.pack && !isFresh && at("alert").hidden && at("said").hidden) say(words.needOnline);
  await render();
  if (isFresh) await send();
}

async function send() {
  if (state.isSending || !state.box) return;
  const entries = await state.box.all("entry:");
  if (!entries.length || !navigator.onLine) { await status(); return; }
  state.isSending = true;
  try {
    if (!state.csrf && !(await fetchPack())) return;
    const body = JSON.stringify({ entries: entries.map(({ problem, ...entry }) => entry) });
    let answer = await ask(`/visits/${round}/sync`, { method: "POST", body });
    if (answer.status === 403 && (await fetchPack())) answer = await ask(`/visits/${round}/sync`, { method: "POST", body }); // signed in anew meanwhile
    if (answer.status === 401) { at("signin").hidden = false; return; }
    if (!answer.ok) { say(words.failed, true); return; }
    const told = await answer.json();
    const box = state.box;
    for (const each of told.answers) {
      const entry = entries.find((one) => one.key === each.key);
      if (each.state === "invalid") {
        if (entry) await box.put(`entry:${each.stop_id}`, { ...entry, problem: each.problem });
      } else {
        await box.drop(`entry:${each.stop_id}`);
        await box.drop(`draft:${each.stop_id}`);
        state.answers.set(each.stop_id, each);
      }
    }
    const conflicts = told.answers.filter((each) => each.state === "conflict").length;
    const invalid = told.answers.filter((each) => each.state === "invalid").length;
    if (await take(told)) {
      if (conflicts) say(fill(words.conflicts, { n: conflicts }), true);
      else if (invalid) say(told.answers.find((each) => each.problem).problem, true);
      else say(words.sent);
    }
    await render();
  } catch {
    await status(); // the network went again: the entries are still here
  } finally {
    state.isSending = false;
  }
}

async function status() {
  const net = at("net");
  net.textContent = navigator.onLine ? net.dataset.online : net.dataset.offline;
  net.className = `st ${navigator.onLine ? "ok" : "warn"}`;
  const count = state.box ? (await state.box.all("entry:")).length : 0;
  const unsent = at("unsent");
  unsent.textContent = state.pack ? (count ? fill(unsent.dataset.some, { n: count }) : unsent.dataset.none) : "";
  unsent.dataset.count = count;
  at("send").hidden = !count || !navigator.onLine;
  at("finish").hidden = !state.pack;
}

function drawMap() {
  const place = at("map");
  place.replaceChildren();
  const spots = (state.pack?.stops ?? []).filter((stop) => stop.spot && stop.state !== "dropped");
  if (spots.length < 2) return;
  const { width, height, bar, metres } = state.pack.map;
  const make = (name, values, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "map", role: "img", "aria-label": fill(words.map, { n: spots.length }) });
  svg.append(make("polyline", { class: "line", points: spots.map((stop) => stop.spot.join(",")).join(" ") }));
  for (const stop of spots) {
    const group = make("g", { class: stop.state });
    group.append(make("circle", { class: "spot", cx: stop.spot[0], cy: stop.spot[1], r: 20 }), make("text", { x: stop.spot[0], y: stop.spot[1] + 8, "text-anchor": "middle" }, stop.position));
    svg.append(group);
  }
  svg.append(make("path", { class: "bar", d: `M20 ${height - 22}v8h${bar}v-8` }), make("text", { x: 20 + bar / 2, y: height - 26, "text-anchor": "middle" }, `${metres} m`));
  place.append(svg);
}

/** Draws the round anew, in one go. What is being filled in at another stop meanwhile stays under the hand, with every letter of it. */
async function render() {
  await status();
  drawMap();
  const list = at("stops");
  if (!state.pack) { list.replaceChildren(); return; }
  await Promise.allSettled([...waiting.keys()].map(saveDraft));
  const entries = new Map((await state.box.all("entry:")).map((entry) => [entry.stop_id, entry]));
  const drafts = new Map((await state.box.all("draft:")).map((draft) => [draft.stop_id, draft]));
  if (!state.pack) return; // it was taken off the telephone meanwhile
  at("title").textContent = `${day(state.pack.visit_on)} ${state.pack.title}`;
  const before = new Map([...list.children].map((item) => [Number(item.querySelector("details").dataset.stop), item]));
  const isInHand = (item, stop) => item?.dataset.state === stop.state && stop.name && (waiting.has(stop.id) || item.querySelector("form")?.contains(document.activeElement));
  const items = state.pack.stops.map((stop) => {
    const [entry, shown] = [entries.get(stop.id), before.get(stop.id)];
    return !entry && isInHand(shown, stop) ? shown : draw(stop, entry, drafts.get(stop.id), shown?.querySelector("details").open);
  });
  for (const item of before.values()) if (!items.includes(item)) item.remove();
  items.forEach((item, place) => { if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null); });
}

function draw(stop, entry, draft, isOpen) {
  const item = at("t-stop").content.cloneNode(true).firstElementChild;
  const details = item.querySelector("details");
  details.dataset.stop = stop.id;
  item.querySelector(".pos").textContent = stop.position;
  item.dataset.state = entry ? "kept" : stop.state;
  part(item, "name").textContent = stop.name ?? "";
  part(item, "address").textContent = stop.address ?? "";
  const answer = state.answers.get(stop.id);
  part(item, "state").textContent = entry ? words.kept : answer?.state === "conflict" ? words.conflict : words[stop.state];
  if (stop.name) fillBody(details.querySelector(".handbody"), stop, entry ?? draft, entry?.problem);
  else {
    part(item, "name").textContent = answer?.state === "conflict" ? codes.why[answer.why] : stop.reason ? codes.reasons[stop.reason] ?? "" : words[stop.state];
    details.querySelector(".handbody").remove();
  }
  details.open = Boolean(isOpen || entry?.problem);
  return item;
}

function fillBody(place, stop, told, problem) {
  place.append(at("t-body").content.cloneNode(true));
  part(place, "owed").textContent = yen(stop.owed);
  const terms = part(place, "terms");
  terms.textContent = fill(terms.dataset.words, { n: stop.terms, day: day(stop.as_of) });
  part(place, "last-row").hidden = !stop.last;
  if (stop.last) part(place, "last").textContent = `${day(stop.last.at)} ${stop.last.note}`;
  part(place, "problem").hidden = !problem;
  part(place, "problem").textContent = problem ?? "";
  const form = place.querySelector("form");
  for (const party of codes.parties) {
    const label = document.createElement("label");
    label.className = "opt";
    const radio = Object.assign(document.createElement("input"), { type: "radio", name: "party", value: party.value });
    const text = Object.assign(document.createElement("span"), { textContent: party.label });
    label.append(radio, text);
    part(place, "parties").append(label);
  }
  part(place, "by-birth").hidden = !stop.birth;
  if (told) for (const name of ["party", "note", "promise", "due_on", "verified"]) if (told[name] && form.elements[name]) form.elements[name].value = told[name];
  follow(form, told?.outcome);
  if (told?.birth_ok) form.dataset.birthOk = "yes";
  form.addEventListener("input", (event) => { if (event.target.name === "birth") delete form.dataset.birthOk; follow(form); keepDraft(form, stop); });
  part(form, "compare").addEventListener("click", () => compare(form, stop));
  form.addEventListener("submit", (event) => { event.preventDefault(); keep(form, stop); });
}

// What is asked for follows who was met and what came of it.
function follow(form, wanted) {
  const party = codes.parties.find((one) => one.value === form.elements.party.value);
  const select = form.elements.outcome;
  const chosen = wanted ?? select.value;
  if (select.dataset.party !== (party?.value ?? "")) {
    select.dataset.party = party?.value ?? "";
    select.replaceChildren(...(party?.outcomes ?? []).map((one) => new Option(one.label, one.value)));
    const usual = party?.value === "nobody" ? "no_result" : "";
    select.value = party?.outcomes.some((one) => one.value === chosen) ? chosen : usual || select.options[0]?.value || "";
  }
  part(form, "verify").hidden = !party?.is_right;
  part(form, "birth").hidden = form.elements.verified.value !== "birth_date";
  part(form, "promise").hidden = !party?.outcomes.find((one) => one.value === select.value)?.is_promise;
}

async function compare(form, stop) {
  const said = form.elements.birth.value;
  const shown = part(form, "matched");
  if (!said || !stop.birth) return;
  const hex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(said), "PBKDF2", false, ["deriveBits"]);
  const told = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: hex(stop.birth.salt), iterations: stop.birth.rounds }, key, 256);
  const is = [...new Uint8Array(told)].map((byte) => byte.toString(16).padStart(2, "0")).join("") === stop.birth.hash;
  if (is) form.dataset.birthOk = "yes";
  else delete form.dataset.birthOk;
  shown.textContent = is ? shown.dataset.yes : shown.dataset.no;
  shown.className = `st ${is ? "ok" : "err"}`;
  keepDraft(form, stop);
}

function entered(form, stop) {
  const field = form.elements;
  const isPromise = !part(form, "promise").hidden;
  const isVerified = !part(form, "verify").hidden;
  const amount = field.promise.value.normalize("NFKC").replace(/[,円¥\s]/g, "");
  return {
    stop_id: stop.id,
    party: field.party.value,
    outcome: field.outcome.value,
    note: field.note.value,
    promise: isPromise && /^\d{1,12}$/.test(amount) ? Number(amount) : null,
    due_on: isPromise ? field.due_on.value : "",
    verified: isVerified ? field.verified.value : "",
  };
}

const waiting = new Map();
function keepDraft(form, stop) {
  clearTimeout(waiting.get(stop.id)?.timer);
  waiting.set(stop.id, Object.assign(() => state.box?.put(`draft:${stop.id}`, { ...entered(form, stop), birth_ok: form.dataset.birthOk === "yes" }), {
    timer: setTimeout(() => saveDraft(stop.id), 400),
  }));
}
function saveDraft(id) {
  const save = waiting.get(id);
  waiting.delete(id);
  clearTimeout(save?.timer);
  return save?.();
}
// a telephone closes pages without asking
document.addEventListener("visibilitychange", () => { if (document.hidden) for (const id of [...waiting.keys()]) saveDraft(id); });

async function keep(form, stop) {
  const told = entered(form, stop);
  const problem = !told.party || !told.outcome ? words.choose
    : !part(form, "verify").hidden && (!told.verified || (told.verified === "birth_date" && form.dataset.birthOk !== "yes")) ? words.verify
    : !part(form, "promise").hidden && (!told.promise || !told.due_on) ? words.promise : "";
  part(form.parentElement, "problem").hidden = !problem;
  part(form.parentElement, "problem").textContent = problem;
  if (problem) { part(form.parentElement, "problem").scrollIntoView({ block: "center" }); return; }
  clearTimeout(waiting.get(stop.id)?.timer);
  waiting.delete(stop.id);
  const before = await state.box.get(`entry:${stop.id}`);
  const isCorrection = before && !before.problem;
  await state.box.put(`entry:${stop.id}`, { ...told, key: isCorrection ? before.key : crypto.randomUUID(), visited_at: before?.visited_at ?? new Date().toISOString() });
  await state.box.drop(`draft:${stop.id}`);
  form.closest("details").open = false;
  say(words.keptSaid);
  await render();
  await send();
}

async function finish() {
  if (Number(at("unsent").dataset.count)) { say(words.unsentLeft, true); return; }
  try { await ask(`/visits/${round}/forget`, { method: "POST", body: "{}" }); } catch { /* without a network the key ends with the sign-in */ }
  await forget();
  say(words.wiped);
}

at("send").addEventListener("click", send);
at("finish").addEventListener("click", finish);
addEventListener("online", async () => { await status(); if (state.csrf) await send(); else await load(); });
addEventListener("offline", status);
addEventListener("hashchange", () => location.reload());
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/visits/worker.js").catch(() => {});
await load();
document.body.dataset.ready = "yes";
