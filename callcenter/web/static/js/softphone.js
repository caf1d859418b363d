// The operator's voice in the browser (JsSIP over WebRTC). The console runs the same without it, with a desk phone.
// Configuration comes from the server as JSON: {is_on, uri, password, socket_url}; the leg is called by the server and answered here.
const place = document.getElementById("softphone");
const QUALITY_EVERY = 2_000;
let session = null;
let isMuted = false;

const steps = (level) => Math.min(7, Math.round(level * 24));

async function measure(peer) {
  let loss = 0, delay = 0, self = 0, other = 0, received = 0;
  for (const report of (await peer.getStats()).values()) {
    if (report.type === "media-source") self = report.audioLevel ?? 0;
    if (report.type === "inbound-rtp") { other = report.audioLevel ?? 0; loss = report.packetsLost ?? 0; received = report.packetsReceived ?? 0; }
    if (report.type === "candidate-pair" && report.nominated) delay = (report.currentRoundTripTime ?? 0) * 500;
  }
  return { self, other, delay: Math.round(delay), loss: received ? (100 * loss) / (received + loss) : 0 };
}

async function show() {
  const box = document.querySelector("[data-quality]");
  if (!session?.connection || !box) return;
  const { self, other, delay, loss } = await measure(session.connection);
  document.querySelector('[data-meter="self"]')?.setAttribute("data-level", String(isMuted ? 0 : steps(self)));
  document.querySelector('[data-meter="peer"]')?.setAttribute("data-level", String(steps(other)));
  const isGood = delay < 200 && loss < 2;
  box.querySelector("[data-quality-good]").hidden = !isGood;
  box.querySelector("[data-quality-poor]").hidden = isGood;
  const text = box.querySelector("[data-quality-text]");
  text.textContent = text.dataset.template.replace("$ms", delay).replace("$loss", loss.toFixed(1));
}

function answer(incoming) {
  session = incoming;
  session.on("peerconnection", ({ peerconnection }) => {
    peerconnection.ontrack = (event) => { document.getElementById("remote-audio").srcObject = event.streams[0]; };
  });
  for (const end of ["ended", "failed"]) session.on(end, () => { session = null; });
  session.answer({ mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } });
}

async function start() {
  const answered = await fetch(place.dataset.configUrl, { headers: { "HX-Request": "true" } });
  if (!answered.ok) return;
  const config = await answered.json();
  if (!config.is_on) return;
  const phone = new window.JsSIP.UA({
    sockets: [new window.JsSIP.WebSocketInterface(config.socket_url)],
    uri: config.uri,
    password: config.password,
    register: true,
    user_agent: "console",
  });
  phone.on("newRTCSession", ({ originator, session: incoming }) => {
    if (originator !== "remote") return;
    if (session) incoming.terminate({ status_code: 486 });
    else answer(incoming);
  });
  phone.start();
  addEventListener("pagehide", () => phone.stop());
  setInterval(show, QUALITY_EVERY);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest('[data-phone="mute"]');
  if (!button || !session) return;
  isMuted = !isMuted;
  if (isMuted) session.mute({ audio: true });
  else session.unmute({ audio: true });
  button.setAttribute("aria-pressed", String(isMuted));
});

if (place && window.JsSIP) start();
