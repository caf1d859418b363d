// The operator's telephone in the browser (JsSIP over WebRTC). The console runs the same without it, with a desk phone.
//
// The page registers with a password of this sign-in and asks to be called; the server calls it, and this leg stays up between calls. When the
// network breaks, the page registers anew and asks again: the conversation waits in its room meanwhile. The server says what is muted or held.
import { consoleName } from "./charge.js";
import { figures, grade, since } from "./quality.js";
import { headers } from "./sending.js";
import { level, meter, openMicrophone, showDevices, useSpeaker } from "./sound.js";
import { say, warn } from "./words.js";

const place = document.getElementById("softphone");
const remote = document.getElementById("remote-audio");
const TRY_AGAIN = 1_500; // a registration that takes longer is begun anew on a fresh socket
const STALLED = 1_500; // a conversation without a packet for so long is broken
const REFUSED_PAUSE = 300;
const LOOK = 500;
const SHOW = 80; // the sound of so many ms is one look at the meters: nothing said falls between two

let config = null;
let microphone = null;
let agent = null; // JsSIP.UA
let leg = null; // the session of the standing leg
let test = null;
let line = "start";
let wasUp = false;
let timer = 0;
let last = null;
let arrived = { received: 0, at: 0 };

const saidOf = () => (line === "blocked" ? place.dataset.saidBlocked : line === "broken" ? place.dataset.saidBroken : "");

function become(next) {
  if (next === "broken" && line !== "broken" && wasUp) warn(place.dataset.saidBroken);
  if (next === "up" && line !== "up") { if (wasUp) { warn(""); say(place.dataset.saidBack); } wasUp = true; }
  if (next === "blocked" && line !== "blocked") warn(place.dataset.saidBlocked);
  if (next !== "blocked" && line === "blocked") warn("");
  line = next;
  paint();
}

function paint() {
  const shown = document.getElementById("phone-line");
  if (shown && shown.dataset.line !== line) shown.dataset.line = line;
  const track = microphone?.getAudioTracks()[0];
  const button = document.querySelector('[data-phone="mute"]');
  if (track) track.enabled = button?.getAttribute("aria-pressed") !== "true";
}

const ask = (path) => fetch(path, { method: "POST", headers: headers() });

async function callMe() {
  const answer = await ask("/console/softphone/connect").catch(() => null);
  if (!answer?.ok && line !== "up") later(TRY_AGAIN);
}

function later(pause) {
  clearTimeout(timer);
  timer = setTimeout(register, pause);
}

/** Registers on a fresh socket; what was there before is let go. */
function register() {
  clearTimeout(timer);
  if (!microphone) return;
  drop();
  become(wasUp ? "broken" : "registering");
  const socket = new window.JsSIP.WebSocketInterface(config.socket_url);
  const mine = new window.JsSIP.UA({
    sockets: [socket], uri: config.uri, password: config.password, realm: config.realm, register: true, register_expires: 120,
    session_timers: false, user_agent: "console", connection_recovery_min_interval: 1, connection_recovery_max_interval: 2,
  });
  agent = mine;
  const isMine = () => agent === mine;
  mine.on("registered", () => { if (isMine() && !["registered", "up", "blocked"].includes(line)) { clearTimeout(timer); become("registered"); callMe(); } });
  mine.on("registrationFailed", () => { if (isMine()) later(REFUSED_PAUSE); });
  mine.on("disconnected", () => { if (isMine() && !leg) later(TRY_AGAIN); });
  mine.on("newRTCSession", ({ originator, session }) => { if (isMine() && originator === "remote") answer(session); });
  mine.start();
  later(TRY_AGAIN);
}

function drop() {
  const [old, gone] = [agent, leg];
  agent = leg = null;
  try { gone?.terminate(); } catch { /* it was over */ }
  try { old?.stop(); } catch { /* it was over */ }
}

function answer(session) {
  clearTimeout(timer);
  const before = leg;
  leg = session;
  last = null;
  arrived = { received: 0, at: performance.now() };
  session.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", (event) => {
      remote.srcObject = event.streams[0];
      meter("peer", event.streams[0]);
      useSpeaker(remote);
      remote.play().catch(() => {});
    });
    peerconnection.addEventListener("iceconnectionstatechange", () => {
      if (leg === session && ["disconnected", "failed"].includes(peerconnection.iceConnectionState)) register();
    });
  });
  session.on("confirmed", () => { if (leg === session) become("up"); });
  for (const end of ["ended", "failed"]) session.on(end, () => { if (leg === session) { leg = null; register(); } });
  session.answer({ mediaStream: microphone, pcConfig: { iceServers: [] } });
  try { before?.terminate(); } catch { /* it was over */ }
}

function showLevels() {
  const isMuted = document.querySelector('[data-phone="mute"][aria-pressed="true"]') !== null;
  const levels = { mic: level("mic"), peer: level("peer") };
  for (const shown of document.querySelectorAll("[data-meter]")) {
    const name = shown.dataset.meter;
    shown.setAttribute("data-level", String(name === "self" ? (isMuted ? 0 : levels.mic) : levels[name]));
  }
}

async function look() {
  const connection = leg?.connection;
  if (!connection || line !== "up") return;
  const now = figures(await connection.getStats());
  const at = performance.now();
  const isTalking = document.querySelector(".phone-state.live") !== null;
  if (now.received !== arrived.received) arrived = { received: now.received, at };
  else if (!isTalking) arrived.at = at; // alone in the room Asterisk may send nothing
  else if (at - arrived.at > STALLED) return register();
  if (last && at - last.at < 2_000) return;
  showQuality(since(last, now));
  last = { ...now, at };
}

function showQuality(figures) {
  const box = document.getElementById("quality");
  if (!box) return;
  box.dataset.quality = grade(figures);
  const text = box.querySelector("[data-quality-text]");
  text.textContent = text.dataset.template.replace("$ms", figures.delay).replace("$jitter", figures.jitter).replace("$loss", figures.loss.toFixed(1));
}

/** Somebody pulled the microphone: another one takes over in mid-call, or the page says that there is none. */
async function replaceMicrophone(gone) {
  if (microphone !== gone) return; // a new one was chosen meanwhile
  if (await changeDevice("audioinput")) say(place.dataset.saidReplaced);
  await showDevices(changeDevice);
}

function take(stream) {
  microphone = stream;
  meter("mic", stream);
  stream.getAudioTracks()[0].addEventListener("ended", () => replaceMicrophone(stream));
}

async function changeDevice(kind) {
  if (kind === "audiooutput") return useSpeaker(remote, document.getElementById("test-audio"));
  const fresh = await openMicrophone().catch(() => null);
  if (!fresh) { becomeBlocked(); return false; }
  const track = fresh.getAudioTracks()[0];
  for (const session of [leg, test]) await session?.connection?.getSenders().find((sender) => sender.track?.kind === "audio")?.replaceTrack(track);
  microphone?.getTracks().forEach((old) => old.stop());
  take(fresh);
  paint();
  return true;
}

function becomeBlocked() {
  document.getElementById("mic-blocked").hidden = false;
  become("blocked");
}

/** Calls Asterisk's echo; what comes back is measured and heard. */
function toggleTest(button) {
  const words = document.getElementById("test-state");
  if (test) return test.terminate();
  if (!agent?.isRegistered() || !microphone) return;
  const audio = document.getElementById("test-audio");
  const began = performance.now();
  test = agent.call(`sip:echo@${config.realm}`, { mediaStream: microphone.clone(), pcConfig: { iceServers: [] } });
  const shown = (isOn) => {
    button.setAttribute("aria-pressed", String(isOn));
    button.querySelector("span").textContent = isOn ? button.dataset.stop : button.dataset.start;
  };
  shown(true);
  words.textContent = words.dataset.running;
  test.connection.addEventListener("track", (event) => { audio.srcObject = event.streams[0]; meter("echo", event.streams[0]); useSpeaker(audio); });
  const watch = setInterval(() => {
    if (level("echo") > 1) words.textContent = words.dataset.heard;
    else if (performance.now() - began > 5_000 && words.textContent !== words.dataset.heard) words.textContent = words.dataset.silent;
  }, 200);
  const end = () => { clearInterval(watch); test = null; shown(false); if (words.textContent === words.dataset.running) words.textContent = words.dataset.silent; };
  test.on("ended", end);
  test.on("failed", end);
}

async function begin() {
  try {
    take(await openMicrophone());
  } catch {
    return becomeBlocked();
  }
  document.getElementById("mic-blocked").hidden = true;
  await showDevices(changeDevice);
  const answer = await ask(place.dataset.configUrl).catch(() => null);
  if (answer?.status === 409) return become("other"); // another window of this operator is in charge
  if (!answer?.ok) return setTimeout(begin, 2_000);
  config = await answer.json();
  if (config.is_on) register();
}

if (place && window.JsSIP && consoleName()) {
  addEventListener("console:settled", begin, { once: true });
  addEventListener("console:charge", ({ detail }) => { if (detail.isOther && line !== "other") { clearTimeout(timer); drop(); become("other"); } else if (!detail.isOther && line === "other") begin(); });
  addEventListener("online", () => { if (config?.is_on && line !== "up") register(); });
  addEventListener("pagehide", () => agent?.stop());
  navigator.mediaDevices?.addEventListener("devicechange", () => (line === "blocked" ? begin() : showDevices(changeDevice)));
  navigator.permissions?.query({ name: "microphone" }).then((permission) => {
    permission.onchange = () => { if (permission.state === "granted" && line === "blocked") begin(); };
  }).catch(() => {});
  document.addEventListener("htmx:after:swap", paint);
  // the event stream clears the region when it comes back: what is still wrong with the telephone is said again
  document.addEventListener("htmx:sse:after:connection", () => setTimeout(() => { if (saidOf()) warn(saidOf()); }, 100));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-phone]");
    if (button?.dataset.phone === "again") begin();
    if (button?.dataset.phone === "test") toggleTest(button);
    if (button?.dataset.phone === "mute" && button.value === "true") microphone?.getAudioTracks().forEach((track) => { track.enabled = false; });
  });
  setInterval(look, LOOK);
  setInterval(showLevels, SHOW);
}
