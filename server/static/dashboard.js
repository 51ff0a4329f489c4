// Shows each event of /dashboard/events. The browser itself connects again after a lost connection.

import { draw } from "./shared/chart.js";

const MOST = 90;
const COLUMNS = { rate: 1, p95: 2, errors: 3, instances: 4 };
const state = document.getElementById("state");
const rows = document.getElementById("rows");
let history = JSON.parse(document.getElementById("charts").dataset.history);

function say(text, kind) {
  state.textContent = text;
  state.className = `pill ${kind}`;
}

function makeRow(row) {
  const line = document.createElement("tr");
  for (const [name, [text, kind]] of Object.entries(row)) {
    const first = name === "Instance";
    const cell = document.createElement(first ? "th" : "td");
    if (first) cell.scope = "row";
    else cell.dataset.label = name;
    cell.className = kind;
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function drawAll() {
  if (history.length === 0) return;
  for (const place of document.querySelectorAll("[data-chart]")) {
    draw(place, [0, COLUMNS[place.dataset.chart]].map((column) => history.map((point) => point[column])));
  }
}

/** Newer points replace those of the same time: an instance may add to a slot a little late. */
function extend(points) {
  if (points.length === 0) return;
  history = [...history.filter((point) => point[0] < points[0][0]), ...points].slice(-MOST);
  drawAll();
}

const source = new EventSource("/dashboard/events");
source.onopen = () => say("live", "good");
source.onerror = () => {
  const closed = source.readyState === EventSource.CLOSED;
  say(closed ? "signed out, load the page again" : "connecting again", closed ? "bad" : "warn");
};
source.onmessage = (event) => {
  const view = JSON.parse(event.data);
  for (const [name, value] of Object.entries(view.total)) {
    document.querySelector(`#total dd[data-name="${name}"]`).textContent = value;
  }
  rows.replaceChildren(...view.rows.map(makeRow));
  extend(view.history);
  say("live", "good");
};
drawAll();
