// Asks `fuge ui`, once, or as long as somebody looks at what it answers.

const AGAIN = 2000; // milliseconds

/** What it answers; where there is no answer, a `reason` in words, beside what is `known` then. */
export async function asked(address, known = {}) {
  try {
    const said = await (await fetch(address)).json();
    return said.error ? { ...known, reason: said.error } : said;
  } catch {
    return { ...known, reason: "`fuge ui` does not answer" };
  }
}

/** A function to be told whether something is in sight: while it is, `refresh` is called again and again. */
export function whileVisible(refresh) {
  let timer = 0;
  return (yes) => {
    clearInterval(timer);
    if (!yes) return;
    refresh();
    timer = setInterval(refresh, AGAIN);
  };
}
