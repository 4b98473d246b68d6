// Colours of a terminal as elements; nothing else that a service may say to a terminal means anything here.

const SEQUENCE = /\x1b\[([0-9;]*)m/g;

/** The nodes for a text with SGR sequences. */
export function coloured(text) {
  if (!text.includes("\x1b")) return [document.createTextNode(text)];
  const nodes = [];
  let style = { colour: "", flags: new Set() };
  let position = 0;
  const add = (piece) => {
    if (!piece) return;
    const names = [...style.flags, ...(style.colour ? [style.colour] : [])].map((name) => `ansi-${name}`);
    if (!names.length) return nodes.push(document.createTextNode(piece));
    const span = document.createElement("span");
    span.className = names.join(" ");
    span.textContent = piece;
    return nodes.push(span);
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(text.slice(position, match.index));
    position = match.index + match[0].length;
    style = changed(style, match[1].split(";").map(Number));
  }
  add(text.slice(position).replaceAll("\x1b", ""));
  return nodes;
}

const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline" };
const ENDED = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"] };

function changed({ colour, flags }, codes) {
  const kept = new Set(flags);
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 0) {
      kept.clear();
      colour = "";
    } else if (FLAGS[code]) kept.add(FLAGS[code]);
    else if (ENDED[code]) ENDED[code].forEach((flag) => kept.delete(flag));
    else if (code >= 30 && code <= 37) colour = String(code - 30);
    else if (code >= 90 && code <= 97) colour = String(code - 90);
    else if (code === 39) colour = "";
    else if (code === 38 || code === 48) {
      if (codes[index + 1] === 5 && code === 38) colour = codes[index + 2] < 16 ? String(codes[index + 2] % 8) : colour;
      index += codes[index + 1] === 5 ? 2 : 4;
    }
  }
  return { colour, flags: kept };
}

/** The text as it is read, to search in it. */
export const plain = (text) => text.replace(SEQUENCE, "");
