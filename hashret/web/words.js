// Words as the server knows them (hashret/words.py): runs of letters and digits, and of Chinese and Japanese, which
// leave no spaces, every two characters in a row.

const WORD = /[\p{L}\p{N}]+/gu;
const SPACELESS = /([\u3005-\u3007\u30fc\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]+)/u;

export const fold = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// The words that are worth marking: a single letter is not.
export const wordsOf = (text) =>
  new Set([...found(text)].map(([, word]) => fold(word)).filter((word) => word.length > 1 || SPACELESS.test(word)));

// Where each word of a text begins, and the word.
export function* found(text) {
  for (const { 0: whole, index } of text.matchAll(WORD)) {
    let at = index;
    for (const part of whole.split(SPACELESS).filter(Boolean)) {
      const pieces = SPACELESS.test(part) ? [...part] : [part];
      for (const [place, piece] of pieces.entries()) {
        if (place === 0 || place + 1 < pieces.length) yield [at, piece + (pieces[place + 1] ?? "")];
        at += piece.length;
      }
    }
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
