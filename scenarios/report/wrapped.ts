/** Breaks a text into lines of at most so many columns, between words; a number keeps its unit. */
export function wrapped(text: string, columns: number, first: string, others: string): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  const words = text.replace(/(\d) (m?s)\b/g, `$1${TIED}$2`).split(" ");
  for (const word of words) {
    if (!isEmpty && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = others;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  lines.push(line);
  return lines.map((one) => one.replaceAll(TIED, " "));
}

/** Stands for a blank at which no line ends. */
const TIED = "\u00a0";

/** Where Hangul, Chinese and the like begin, which take two columns of a terminal. */
const WIDE = 0x1100;
/** Arrows, dashes and the like lie between, and take one. */
const NARROW_FROM = 0x2000;
const NARROW_TO = 0x2e7f;

function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    width += code < WIDE || (code >= NARROW_FROM && code <= NARROW_TO) ? 1 : 2;
  }
  return width;
}
