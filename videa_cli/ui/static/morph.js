// Changes elements in place, so that focus, selection and scroll positions survive an update.

/** The attributes that belong to the reader, not to the server. */
const KEPT = { DETAILS: ["open"], TR: ["hidden"], DIV: ["data-drawn"] };

/** Gives `old` the content of `fresh`. Children with the same data-key are the same element. */
export function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  let place = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const key = child.dataset?.key;
    const match = key ? keyed.get(key) : place && !place.dataset?.key ? place : undefined;
    if (!match || match.nodeName !== child.nodeName) {
      old.insertBefore(child, place);
      continue;
    }
    if (match === place) place = place.nextSibling;
    else old.insertBefore(match, place);
    morph(match, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  const kept = KEPT[old.nodeName] ?? [];
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (!fresh.dataset.chart) morphChildren(old, fresh); // what a chart contains is drawn here
}
