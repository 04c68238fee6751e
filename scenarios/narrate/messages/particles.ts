/** Korean particles have two forms: one behind a consonant, one behind a vowel. */

/** How the digits end when they are read: 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구. */
const DIGITS: readonly Ending[] = [
  ...(["consonant", "rieul", "vowel", "consonant", "vowel"] as const),
  ...(["vowel", "consonant", "rieul", "rieul", "vowel"] as const),
];

/** "으로" is "로" behind ㄹ too. */
type Ending = "consonant" | "rieul" | "vowel";

const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;
/** Syllables that differ only in their last consonant, of which there are 27, or none. */
const ENDINGS = 28;
const RIEUL = 8;

/** `pair` is "은/는", with the form behind a consonant first; the one that suits the end of `text`. */
export function particle(text: string, pair: string): string {
  const [behindConsonant = "", behindVowel = ""] = pair.split("/");
  const ending = endingOf(text);
  if (ending === "rieul" && behindConsonant === "으로") return behindVowel;
  return ending === "vowel" ? behindVowel : behindConsonant;
}

function endingOf(text: string): Ending {
  const last = text.at(-1) ?? "";
  if (/\d/.test(last)) return DIGITS[Number(last)] as Ending;
  const code = last.codePointAt(0) ?? 0;
  if (code >= FIRST_SYLLABLE && code <= LAST_SYLLABLE) {
    const final = (code - FIRST_SYLLABLE) % ENDINGS;
    return final === 0 ? "vowel" : final === RIEUL ? "rieul" : "consonant";
  }
  // English words, as they are said in Korean: "orders" ends in 스, "book" in ㄱ, "table" in ㄹ.
  if (/(l|le)$/i.test(text)) return "rieul";
  return /[kmn]$/i.test(text) ? "consonant" : "vowel";
}
