// Elements, made without parsing text as HTML.

/** An element with attributes and children; text children stay text. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in a picture. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Changes the text only if it differs, so that a screen reader and the layout stay calm. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces all but the panel's heading. */
export function fillPanel(panel, ...children) {
  const body = panel.querySelector(':scope > .body') ?? panel.appendChild(el('div', { class: 'body' }));
  body.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

/** A table with a heading row; `lines` are arrays of texts or elements. The first cell of a line is its heading. */
export function table(caption, heads, lines, className = '') {
  const cells = (line) => line.map((cell, index) =>
    index ? el('td', {}, cell) : el('th', { scope: 'row' }, cell));
  return el('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': caption },
    el('table', { class: className },
      el('caption', { class: 'unseen' }, caption),
      el('thead', {}, el('tr', {}, heads.map((head) => el('th', { scope: 'col' }, head)))),
      el('tbody', {}, lines.map((line) => el('tr', {}, cells(line))))));
}
