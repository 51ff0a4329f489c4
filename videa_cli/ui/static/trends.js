// The samples of the services, and their charts. Samples come with the stream: first all, then the new ones.

import { draw } from "./shared/chart.js";

const COLUMNS = { rate: [1], p95: [2], errors: [3], replicas: [4, 5] };
const MOST = 460;
const rows = new Map();

/** Keeps new samples: for each service a list of [time, requests/s, p95, errors, healthy, replicas]. */
export function add(samples) {
  for (const [service, fresh] of Object.entries(samples)) {
    const known = rows.get(service) ?? [];
    const last = known.at(-1)?.[0] ?? 0;
    known.push(...fresh.filter((row) => row[0] > last));
    rows.set(service, known.slice(-MOST));
  }
}

/** Draws the charts of the page that have data. */
export function drawAll() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    if (place.dataset.points) {
      if (place.dataset.drawn === place.dataset.points) continue;
      draw(place, JSON.parse(place.dataset.points));
      place.dataset.drawn = place.dataset.points;
      continue;
    }
    const known = rows.get(place.dataset.service);
    if (known?.length) draw(place, [0, ...COLUMNS[place.dataset.chart]].map((column) => known.map((row) => row[column])));
  }
}
