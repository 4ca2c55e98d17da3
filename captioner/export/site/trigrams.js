// Which three words in a row people write: captioner/text/trigrams.py once more.

export const [START, END] = [1, 2];
const NO_WORD = 0; // stands third where two words are a pair

export class Trigrams {
  /** bits: a Uint8Array of a power of two of bytes. backward: of a decoder that writes so. */
  constructor(bits, penalty, backward = false) {
    Object.assign(this, { bits, penalty, backward });
    this.shift = 32 - Math.log2(8 * bits.length);
  }

  /** The same set, for a decoder that writes backward or not. */
  turned(backward) {
    return new Trigrams(this.bits, this.penalty, backward);
  }

  /** What each token loses after those that are written. */
  after(written) {
    if (!written.length) return () => 0;
    const [first, second] = [START, ...written].slice(-2);
    const isCommon = this.backward
      ? this.holds(turned(second), turned(first), NO_WORD)
      : this.holds(first, second, NO_WORD);
    if (!isCommon) return () => 0;
    const isSeen = this.backward
      ? (token) => this.holds(turned(token), second, turned(first))
      : (token) => this.holds(first, second, token);
    return (token) => (isSeen(token) ? 0 : this.penalty);
  }

  /** What tokens have lost, and their end, if they ended. */
  within(tokens, ended) {
    const written = ended ? [...tokens, END] : tokens;
    return written.reduce((sum, token, at) => sum + this.after(written.slice(0, at))(token), 0);
  }

  holds(first, second, third) {
    let mixed =
      Math.imul(first, 0x1b873593) + Math.imul(second, 0x4f1bbcdd) + Math.imul(third, 0x52dce729);
    mixed >>>= 0;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
    mixed = (mixed ^ (mixed >>> 12)) >>> 0;
    return this.has(mixed >>> this.shift) && this.has(mixed % (8 * this.bits.length));
  }

  has(place) {
    return (this.bits[place >>> 3] >> (place & 7)) & 1;
  }
}

// A word's number where sentences begin with their end.
function turned(word) {
  return word === START ? END : word === END ? START : word;
}
