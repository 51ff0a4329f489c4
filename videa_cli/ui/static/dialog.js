// Asks before an action: shows what the command's dry run says, and starts the command only after that.

import { ask } from "./session.js";

const at = (name) => document.getElementById(name);
const dialog = at("dialog");
let asked = null;
let asking = 0;
let pause = 0;

/** Opens the dialog for a button that has data-action. */
export function confirmAction(button) {
  asked = { action: button.dataset.action, service: button.dataset.service, release: button.dataset.release };
  at("dialog-title").textContent = button.dataset.title;
  at("dialog-confirm").textContent = button.dataset.confirm;
  at("dialog-field").hidden = asked.action !== "scale";
  at("replicas").value = button.dataset.replicas ?? "";
  dialog.showModal();
  (asked.action === "scale" ? at("replicas") : at("dialog-cancel")).focus();
  preview();
}

async function send(path) {
  if (asked.action === "scale") asked.replicas = at("replicas").value;
  const answer = await ask(path, { method: "POST", body: JSON.stringify(asked) });
  const body = await answer.json();
  if (!answer.ok) throw new Error([body.error, body.hint].filter(Boolean).join("; "));
  return body;
}

async function preview() {
  const number = ++asking;
  at("dialog-confirm").disabled = true;
  at("dialog-error").textContent = "";
  at("dialog-plan").textContent = "asking videa …";
  try {
    const body = await send("/preview");
    if (number !== asking) return;
    at("dialog-command").textContent = body.command;
    at("dialog-plan").textContent = body.text;
    at("dialog-confirm").disabled = !body.possible;
  } catch (error) {
    if (number !== asking) return;
    at("dialog-plan").textContent = "";
    at("dialog-error").textContent = error.message;
  }
}

at("replicas").addEventListener("input", () => {
  at("dialog-confirm").disabled = true;
  asking++;
  clearTimeout(pause);
  pause = setTimeout(preview, 400);
});
at("dialog-cancel").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => asking++);
at("dialog-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (at("dialog-confirm").disabled) return;
  at("dialog-confirm").disabled = true;
  try {
    await send("/act");
    dialog.close();
  } catch (error) {
    at("dialog-error").textContent = error.message;
  }
});
