// Microphone and speaker: opened once, changed in mid-call, remembered per machine, and their level shown.
const REMEMBERED = "sound-devices";
const chosen = (() => { try { return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {}; } catch { return {}; } })();
const meters = new Map(); // name -> AnalyserNode
let context = null;

/** Opens the chosen microphone, or the usual one where it is gone. Rejects when none may be used. */
export async function openMicrophone() {
  if (!navigator.mediaDevices) throw new DOMException("not a secure page", "NotAllowedError");
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const id = chosen.audioinput;
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: id ? { ...wanted, deviceId: { exact: id } } : wanted });
  } catch (problem) {
    if (!id || problem.name === "NotAllowedError") throw problem;
    return navigator.mediaDevices.getUserMedia({ audio: wanted });
  }
}

/** Fills the lists; `changed(kind)` is called when somebody chooses. */
export async function showDevices(changed) {
  const devices = await navigator.mediaDevices.enumerateDevices();
  for (const select of document.querySelectorAll("[data-device]")) {
    const kind = select.dataset.device;
    const usual = new Option(select.dataset.usual, "");
    const options = devices.filter((device) => device.kind === kind && device.deviceId && device.deviceId !== "default")
      .map((device) => new Option(device.label || device.deviceId.slice(0, 8), device.deviceId));
    select.replaceChildren(usual, ...options);
    select.value = options.some((option) => option.value === chosen[kind]) ? chosen[kind] : "";
    select.disabled = kind === "audiooutput" && !("setSinkId" in HTMLMediaElement.prototype);
    select.onchange = () => {
      chosen[kind] = select.value;
      localStorage.setItem(REMEMBERED, JSON.stringify(chosen));
      changed(kind);
    };
  }
}

/** Lets an element speak through the chosen speaker; one that is gone leaves the usual one. */
export async function useSpeaker(...elements) {
  for (const element of elements) {
    if (element?.setSinkId) await element.setSinkId(chosen.audiooutput ?? "").catch(() => {});
  }
}

/** Measures a stream's level under a name; a new stream replaces the former. */
export function meter(name, stream) {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => {});
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096; // 85 ms at 48 kHz: as long as from one look to the next
  context.createMediaStreamSource(stream).connect(analyser);
  meters.set(name, analyser);
}

/** 0 to 7, a step for 6 dB. */
export function level(name) {
  const analyser = meters.get(name);
  if (!analyser) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const power = Math.sqrt(sum / samples.length);
  return power < 0.002 ? 0 : Math.max(0, Math.min(7, Math.round(Math.log2(power / 0.002))));
}
