// The player of a recording: the waveform is a slider, moved by pointer and keyboard; one side can be heard alone.
const player = document.querySelector("[data-player]");
const audio = player.querySelector("audio");
const wave = player.querySelector(".wave");
const past = wave.querySelector(".past");
const head = wave.querySelector(".head");
const button = player.querySelector("[data-play]");
const { width, height } = wave.viewBox.baseVal;
const seconds = Number(wave.dataset.seconds);

const text = (at) => `${Math.floor(at / 60)}:${String(Math.floor(at % 60)).padStart(2, "0")}`;
const clamp = (at) => Math.min(Math.max(at, 0), seconds);
const move = (at) => { audio.currentTime = clamp(at); show(); };

function show() {
  const at = clamp(audio.currentTime);
  const x = seconds ? (at / seconds) * width : 0;
  past.setAttribute("width", x);
  head.setAttribute("d", `M${x} 0V${height}`);
  wave.setAttribute("aria-valuenow", at.toFixed(1));
  wave.setAttribute("aria-valuetext", `${text(at)} / ${text(seconds)}`);
  player.querySelector("[data-at]").textContent = text(at);
}

function failed() {
  document.getElementById("alert").textContent = audio.dataset.failed;
}

function toggle() {
  if (!audio.paused) audio.pause();
  else audio.play().catch(failed);
}

// One side alone goes to both ears: which ear hears whom is no matter of the headset.
let graph = null;
function choose(side) {
  if (!graph) {
    const context = new AudioContext();
    const splitter = context.createChannelSplitter(2);
    context.createMediaElementSource(audio).connect(splitter);
    const merger = context.createChannelMerger(2);
    merger.connect(context.destination);
    graph = { context, splitter, merger };
  }
  graph.splitter.disconnect();
  const heard = { both: [[0, 0], [1, 1]], left: [[0, 0], [0, 1]], right: [[1, 0], [1, 1]] }[side];
  for (const [from, to] of heard) graph.splitter.connect(graph.merger, from, to);
  graph.context.resume();
}

function frame() {
  show();
  if (!audio.paused) requestAnimationFrame(frame);
}

audio.addEventListener("play", () => { button.querySelector("span").textContent = button.dataset.pause; frame(); });
audio.addEventListener("pause", () => { button.querySelector("span").textContent = button.dataset.start; show(); });
audio.addEventListener("error", failed);
audio.addEventListener("seeked", show);
button.addEventListener("click", toggle);
for (const step of player.querySelectorAll("[data-step]")) step.addEventListener("click", () => move(audio.currentTime + Number(step.dataset.step)));
player.querySelector("[data-speed]").addEventListener("change", (event) => { audio.playbackRate = Number(event.target.value); });
player.querySelector("[data-side]").addEventListener("change", (event) => choose(event.target.value));
wave.addEventListener("click", (event) => {
  const box = wave.getBoundingClientRect();
  move(((event.clientX - box.left) / box.width) * seconds);
});
wave.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  const by = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -1, ArrowUp: 1, PageDown: -30, PageUp: 30 }[event.key];
  if (by !== undefined) move(audio.currentTime + by);
  else if (event.key === "Home") move(0);
  else if (event.key === "End") move(seconds);
  else if (event.key === " " || event.key === "Enter") toggle();
  else return;
  event.preventDefault();
});
show();
