// Small multiples of a report from the JSON beside them: one line per series, all on the same scale, events and holidays marked.
const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const root = document.documentElement;
const drawn = new Set();
const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

/** Marks the days of events by dashed lines with their names, and shades holidays. */
const marks = (data, name, isFirst) => ({
  id: "marks",
  beforeDatasetsDraw({ ctx, chartArea, scales: { x } }) {
    ctx.save();
    ctx.fillStyle = colour("--rail");
    const width = x.width / Math.max(1, data.days.length - 1);
    for (const day of data.holidays) {
      const at = data.days.indexOf(day);
      if (at >= 0) ctx.fillRect(x.getPixelForValue(at) - width / 2, chartArea.top, width, chartArea.height);
    }
    ctx.strokeStyle = ctx.fillStyle = colour("--text-sub");
    ctx.setLineDash([2, 3]);
    ctx.font = `14px ${colour("--font")}`;
    ctx.textAlign = "center";
    const taken = chartArea.left + ctx.measureText(name).width; // the title's part of the line
    for (const event of data.events) {
      const at = data.days.indexOf(event.on);
      if (at < 0) continue;
      const left = x.getPixelForValue(at);
      ctx.beginPath();
      ctx.moveTo(left, chartArea.top);
      ctx.lineTo(left, chartArea.bottom);
      ctx.stroke();
      const half = ctx.measureText(event.label).width / 2;
      if (isFirst) ctx.fillText(event.label, Math.min(Math.max(left, taken + half), chartArea.right - half), chartArea.top - 12);
    }
    ctx.restore();
  },
});

function draw(canvas, data) {
  const index = Number(canvas.dataset.series);
  const series = data.series[index];
  const font = { family: colour("--font"), size: 14 };
  const line = { label: series.name, data: series.values, borderColor: colour("--series"), backgroundColor: colour("--series"), borderWidth: 2, pointRadius: 2.5, spanGaps: true };
  const target = { data: data.days.map(() => series.target), borderColor: colour("--text-sub"), borderDash: [6, 4], borderWidth: 1, pointRadius: 0 };
  drawn.add(new window.Chart(canvas, {
    type: "line",
    data: { labels: data.labels, datasets: series.target === null ? [line] : [line, target] },
    plugins: [marks(data, series.name, index === 0)],
    options: {
      animation: still.matches || root.classList.contains("paper") ? false : { duration: 200 },
      maintainAspectRatio: false,
      layout: { padding: { right: 12 } },
      scales: {
        y: { min: 0, max: data.top, ticks: { stepSize: data.top / 2, callback: (value) => `${value}%`, color: colour("--text-sub"), font }, grid: { color: colour("--line") }, border: { display: false } },
        x: { ticks: { maxRotation: 0, autoSkipPadding: 24, color: colour("--text-sub"), font }, grid: { display: false }, border: { color: colour("--line-strong") } },
      },
      plugins: {
        legend: { display: false },
        title: { display: true, text: series.name, align: "start", color: colour("--text"), font: { ...font, weight: 700 } },
        tooltip: { filter: (item) => item.datasetIndex === 0, titleFont: font, bodyFont: font, displayColors: false },
      },
    },
  }));
}

function drawAll() {
  for (const chart of drawn) chart.destroy();
  drawn.clear();
  for (const group of document.querySelectorAll("[data-charts]")) {
    const data = JSON.parse(document.getElementById(group.dataset.charts).textContent);
    for (const canvas of group.querySelectorAll("canvas")) draw(canvas, data);
  }
}

/** Paper is light: for it the charts of a dark screen are drawn anew. */
function onPaper(isPaper) {
  if (!dark.matches) return;
  root.classList.toggle("paper", isPaper);
  drawAll();
}

if (window.Chart && document.querySelector("[data-charts]")) {
  dark.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
  document.fonts.ready.then(drawAll);
}
