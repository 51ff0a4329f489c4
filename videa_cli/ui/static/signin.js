import { enter } from "./session.js";

const wrong = document.getElementById("wrong");

async function give(token) {
  if (await enter(token)) location.replace("/");
  else wrong.textContent = "This token is wrong, or videa ui has been started again since. Use the address that it printed last.";
}

document.getElementById("signin").addEventListener("submit", (event) => {
  event.preventDefault();
  give(document.getElementById("token").value.trim().replace(/^.*#/, ""));
});

function fromAddress() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", "/");
  give(token);
}

addEventListener("hashchange", fromAddress);
fromAddress();
