// Lines over time by uPlot: in the colours of the page, as wide as their place, and readable with the arrow keys.

const WIDTH = 1.5;
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map((minutes) => 60 * minutes);
const charts = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (seconds, length) => new Date(seconds * 1000).toISOString().slice(11, 11 + length);

/** A value with its unit: as many decimals as tell something. */
function worded(value, unit) {
  if (value === null || value === undefined) return "-";
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}${unit}`;
}

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

function options(place, lines) {
  const { unit = "", stepped, whole } = place.dataset;
  const axis = { stroke: () => colour("--quiet"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: Math.max(place.clientWidth, 50),
    height: Math.max(place.clientHeight, 50),
    padding: [6, 15, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: place.dataset.group ? { key: place.dataset.group } : undefined },
    scales: {
      x: { time: true, range: (_, least, most) => [Math.min(least, most - 60), most] },
      y: { range: (_, least, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: 18, gap: 2, space: 60, grid: { show: false }, values: (_, at) => at.map((time) => clock(time, 5)), incrs: MINUTES },
      {
        ...axis,
        size: 40,
        gap: 4,
        space: 24,
        grid: { stroke: () => colour("--line"), width: 1 },
        incrs: whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] : undefined,
        values: (_, values) => values.map((value) => short.format(value) + (unit === "%" ? unit : "")),
      },
    ],
    series: [
      {},
      ...lines.map((name) => ({
        stroke: () => colour(name),
        width: WIDTH,
        points: { show: false },
        paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      })),
    ],
    hooks: { setCursor: [(plot) => read(plot, place, unit)] },
  };
}

/** Says the values under the cursor. */
function read(plot, place, unit) {
  const index = plot.cursor.idx;
  const known = index !== null && index !== undefined && plot.data[0][index] !== undefined;
  const values = known ? plot.data.slice(1).map((line) => worded(line[index], unit)) : [];
  place.querySelector("[aria-live]").textContent = known ? `${clock(plot.data[0][index], 8)}  ${values.join(" of ")}` : "";
}

function move(event, plot) {
  const last = plot.data[0].length - 1;
  const at = plot.cursor.idx ?? last;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (to === undefined && event.key !== "Escape") return;
  event.preventDefault();
  const left = event.key === "Escape" ? -10 : plot.valToPos(plot.data[0][Math.min(Math.max(to, 0), last)], "x");
  plot.setCursor({ left, top: left < 0 ? -10 : 1 });
}

/** Shows `data` in `place`: times in seconds, then the values of each line; null is a gap. */
export function draw(place, data) {
  let plot = charts.get(place);
  if (plot) {
    plot.setData(data);
    return;
  }
  const said = document.createElement("p");
  said.setAttribute("aria-live", "polite");
  plot = new uPlot(options(place, place.dataset.lines.split(" ")), data, place);
  place.append(said);
  charts.set(place, plot);
  place.addEventListener("keydown", (event) => move(event, plot));
  place.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
  sizes.observe(place);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = charts.get(target);
    if (!target.isConnected) forget(target);
    else if (plot && target.clientWidth) plot.setSize({ width: target.clientWidth, height: target.clientHeight });
  }
});

function forget(place) {
  sizes.unobserve(place);
  charts.get(place)?.destroy();
  charts.delete(place);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of charts.values()) plot.redraw(false, true);
});
