"use strict";
// Shows each event of /dashboard/events. The browser itself connects again after a lost connection.
const state = document.getElementById("state");
const rows = document.getElementById("rows");
const texts = new Set(["Release", "Health", "Limits"]);

function say(text, kind) {
  state.textContent = text;
  state.className = kind;
}

function makeRow(row) {
  const line = document.createElement("tr");
  for (const [name, [text, kind]] of Object.entries(row)) {
    const cell = document.createElement("td");
    cell.dataset.label = name;
    cell.className = texts.has(name) ? `${kind} text`.trim() : kind;
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

const source = new EventSource("/dashboard/events");
source.onopen = () => say("live", "good");
source.onerror = () => {
  say(source.readyState === EventSource.CLOSED ? "signed out, load the page again" : "connecting again", "warn");
};
source.onmessage = (event) => {
  const view = JSON.parse(event.data);
  for (const [name, value] of Object.entries(view.total)) {
    document.querySelector(`#total dd[data-name="${name}"]`).textContent = value;
  }
  rows.replaceChildren(...view.rows.map(makeRow));
  say("live", "good");
};
