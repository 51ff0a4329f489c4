// The key of this tab's session. It is in the session storage, which belongs to this port only; the cookie does not.

const NAME = "videa-key";

/** Gives the token, and keeps the key. Returns whether the token was right. */
export async function enter(token) {
  const answer = await fetch("/session", { method: "POST", body: JSON.stringify({ token }) });
  if (!answer.ok) return false;
  sessionStorage.setItem(NAME, (await answer.json()).key);
  return true;
}

/** Whether this tab has a key; takes a token out of the address first. */
export async function entered() {
  const token = location.hash.length > 30 ? location.hash.slice(1) : "";
  if (token) {
    history.replaceState(null, "", "/");
    await enter(token);
  }
  return sessionStorage.getItem(NAME) !== null;
}

/** Like fetch, with the key. */
export function ask(path, options = {}) {
  return fetch(path, { ...options, headers: { "X-Videa-Key": sessionStorage.getItem(NAME) ?? "" } });
}
