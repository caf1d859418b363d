// How a line sounds, from WebRTC's own figures: differences between two looks, and the words for them.

/** The figures of this moment. @param {RTCStatsReport} stats @returns {{lost, received, jitter, delay, at}} jitter and delay in ms */
export function figures(stats) {
  const found = { lost: 0, received: 0, jitter: 0, delay: 0 };
  for (const report of stats.values()) {
    if (report.type === "inbound-rtp" && report.kind === "audio") {
      found.lost = report.packetsLost ?? 0;
      found.received = report.packetsReceived ?? 0;
      found.jitter = Math.round((report.jitter ?? 0) * 1000);
    }
    if (report.type === "candidate-pair" && report.nominated) found.delay = Math.round((report.currentRoundTripTime ?? 0) * 500);
  }
  return found;
}

/** What happened between two looks: loss in percent of the packets since then. */
export function since(before, now) {
  const received = now.received - (before?.received ?? 0);
  const lost = Math.max(0, now.lost - (before?.lost ?? 0));
  return { delay: now.delay, jitter: now.jitter, loss: received + lost > 0 ? (100 * lost) / (received + lost) : 0 };
}

/** good, fair or poor: ITU-T G.114 holds 150 ms one way for good and 400 ms for the bound; speech suffers audibly from 1 % and 5 % loss. */
export function grade({ delay, jitter, loss }) {
  if (loss > 5 || delay > 400 || jitter > 60) return "poor";
  if (loss > 1 || delay > 150 || jitter > 30) return "fair";
  return "good";
}
