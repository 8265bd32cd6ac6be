// Words as the server knows them (hashret/words.py): runs of letters and digits, and of scripts that leave no spaces two
// or three characters in a row.

const TWOS = "\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
  + "\uff66-\uff9f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}";
const THREES = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d"
  + "\u1780-\u17d3\u17d7\u17dc\u17dd";
const PARTS = new RegExp(`([${TWOS}]+)|([${THREES}]+)|(?:(?![${TWOS}${THREES}])[\\p{L}\\p{N}])+`, "gu");
const ACCENTS = new RegExp(`(?![${THREES}\u3099\u309a])\\p{M}`, "gu");

export const fold = (word) => word.normalize("NFKD").replace(ACCENTS, "").normalize("NFC").toLowerCase();

// The words that are worth marking: a single letter of an alphabet is not.
export const wordsOf = (text) =>
  new Set([...found(text)].filter(([, word, length]) => length || word.length > 1).map(([, word]) => fold(word)));

// Where each word of a text begins, the word, and of scripts that leave no spaces how many characters make one.
export function* found(text) {
  for (const { 0: run, 1: twos, 2: threes, index } of text.matchAll(PARTS)) {
    if (!twos && !threes) yield [index, run, 0];
    else yield* grams([...run], index, twos ? 2 : 3);
  }
}

function* grams(characters, index, length) {
  for (let place = 0; place === 0 || place + length <= characters.length; place++) {
    yield [index, characters.slice(place, place + length).join(""), length];
    index += characters[place].length;
  }
}

// The stretches of a text, [begin, end], that are some of the words; pairs that overlap make one.
export function stretches(text, words) {
  const out = [];
  for (const [begin, word] of found(text)) {
    if (!words.has(fold(word))) continue;
    if (out.length && begin <= out.at(-1)[1]) out.at(-1)[1] = begin + word.length;
    else out.push([begin, begin + word.length]);
  }
  return out;
}
