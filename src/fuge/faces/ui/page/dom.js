// Makes elements. What comes from services is only ever put in as text.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; texts become text nodes. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Change a text only if it is another one: what somebody has selected stays selected. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function glyph(name) {
  return svg("svg", { class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("use", { href: `#glyph-${name}` }));
}
