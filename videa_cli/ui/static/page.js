// Keeps the page up to date: fragments of HTML come as server-sent events, read with fetch because of the key's header.

import { confirmAction } from "./dialog.js";
import { morphChildren } from "./morph.js";
import { ask, entered } from "./session.js";
import { add, drawAll } from "./trends.js";

const at = (name) => document.getElementById(name);
const STALE = 20000;
let heard = 0;

function connection(text, colour) {
  at("connection").textContent = text;
  at("connection").className = `pill ${colour}`;
}

function show(name, html) {
  const place = document.querySelector(`[data-fragment="${name}"]`);
  const template = document.createElement("template");
  template.innerHTML = html;
  morphChildren(place, template.content);
  if (name === "overview") filter();
  if (name === "overview" || name === "autoscale") drawAll();
}

/** Handles one server-sent event. */
function receive(text) {
  const name = /^event: (.*)$/m.exec(text)?.[1];
  const data = /^data: (.*)$/m.exec(text)?.[1];
  if (name === "samples") {
    add(JSON.parse(data));
    drawAll();
  } else if (name) show(name, JSON.parse(data));
}

async function listen() {
  const answer = await ask("/stream");
  if (answer.status === 401) return false;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return true;
    heard = Date.now();
    connection("live", "good");
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    parts.forEach(receive);
  }
}

function signedOut() {
  connection("signed out", "bad");
  const text = document.createElement("p");
  text.className = "banner warn";
  text.textContent = "This tab is not signed in. Open the address that videa ui has printed in this tab.";
  at("main").replaceChildren(text);
}

function filter() {
  const wanted = at("find").value.trim().toLowerCase();
  const problems = at("problems").checked;
  const rows = [...document.querySelectorAll(".replicas tbody tr")];
  for (const row of rows) {
    const found = row.textContent.toLowerCase().includes(wanted) && (!problems || row.dataset.problem === "1");
    row.hidden = !found;
  }
  const shown = rows.filter((row) => !row.hidden).length;
  at("matches").textContent = shown === rows.length ? "" : `${shown} of ${rows.length} shown`;
}

async function showLogs(event) {
  event.preventDefault();
  const query = new URLSearchParams(["service", "level", "text"].map((name) => [name, at(name).value]));
  at("loglines").textContent = "reading …";
  const answer = await ask(`/logs?${query}`);
  if (answer.ok) {
    at("loglines").innerHTML = await answer.text();
    const list = at("loglines").querySelector(".scroll");
    if (list) list.scrollTop = list.scrollHeight;
  } else at("loglines").textContent = (await answer.json()).error;
}

async function run() {
  if (!(await entered())) return signedOut();
  for (;;) {
    try {
      if (!(await listen())) return signedOut();
    } catch {
      // The server has ended, or the network of a tunnel; it is tried again below.
    }
    connection("not connected, trying again", "bad");
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

setInterval(() => {
  if (heard && Date.now() - heard > STALE) connection("no news for a while", "warn");
}, 5000);
at("filter").addEventListener("input", filter);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("logform").addEventListener("submit", showLogs);
at("examine").addEventListener("click", async () => {
  const answer = await ask("/doctor", { method: "POST" });
  if (!answer.ok) document.querySelector("[data-fragment=doctor]").textContent = (await answer.json()).error;
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) confirmAction(button);
});
// The address with the token, given to a tab that shows the page already, only changes the fragment.
addEventListener("hashchange", () => location.hash.length > 30 && location.reload());
run();
