// Beam search of one photo: the same sentences as captioner/onnx/beam.py finds.

export const [START, END] = [1, 2];

/**
 * The `top` best captions, best first, each {tokens, logProb, score, unlikely}; the last says that
 * its end was less likely than everything with which the search went on.
 *
 * step(tokens, rows) takes the last token of each hypothesis and the numbers of the rows that these
 * go on from, and returns the log-probabilities of the next: a Float32Array [tokens, words].
 */
export async function beamSearch(step, options) {
  const { beam, top, max_length: longest } = options;
  const [ended, couldEnd] = [[], []];
  let live = [{ tokens: [], logProb: 0, row: 0 }];
  for (let length = 1; length <= longest; length++) {
    const last = live.map((one) => one.tokens.at(-1) ?? START);
    const logProbs = await step(last, live.map((one) => one.row));
    const words = logProbs.length / live.length;
    live.forEach((one, row) => {
      forbid(logProbs.subarray(row * words, (row + 1) * words), one.tokens, options);
    });
    const best = likeliest(logProbs, words, live, 2 * beam);
    // Only an ending among the `beam` best counts: a poor one that merely comes early would
    // otherwise win by being short.
    const ending = best.slice(0, beam).filter((one) => one.token === END);
    for (const { row, logProb } of ending) {
      ended.push(hypothesis(live[row].tokens, logProb, length, options));
    }
    // In the second half of the steps whatever could end is better told than what is cut off.
    live.forEach(({ tokens, logProb }, row) => {
      const end = Math.fround(logProbs[row * words + END] + logProb);
      if (2 * length > longest && end > -Infinity && !ending.some((one) => one.row === row)) {
        couldEnd.push({ ...hypothesis(tokens, end, length, options), unlikely: true });
      }
    });
    live = best
      .filter((one) => one.token !== END)
      .slice(0, beam)
      .map(({ row, token, logProb }) => ({ tokens: [...live[row].tokens, token], logProb, row }));
    if (!live.length || isSettled(ended, live, length, options)) break;
  }
  for (const found of [ended, couldEnd]) found.sort((one, other) => other.score - one.score);
  const cutOff = live.map((one) => hypothesis(one.tokens, one.logProb, one.tokens.length, options));
  return [...ended, ...couldEnd, ...cutOff].slice(0, top);
}

function hypothesis(tokens, logProb, length, options) {
  return { tokens, logProb, score: logProb / divisor(length, options), unlikely: false };
}

function divisor(length, { length_bound: bound, length_penalty: penalty }) {
  return Math.min(length, bound) ** penalty;
}

// Whether no live hypothesis can still be among the best: a log-probability only falls, so the most
// to hope for is to keep it and have it divided by the most favourable length.
function isSettled(ended, live, length, options) {
  const { top, max_length: longest } = options;
  if (ended.length < top) return false;
  const hoped =
    live[0].logProb / Math.max(divisor(length + 1, options), divisor(longest, options));
  const scores = ended.map((one) => one.score).sort((one, other) => other - one);
  return scores[top - 1] >= hoped;
}

// The `most` likeliest continuations, best first.
function likeliest(logProbs, words, live, most) {
  const best = [];
  for (let at = 0; at < logProbs.length; at++) {
    const row = Math.floor(at / words);
    const logProb = Math.fround(logProbs[at] + live[row].logProb);
    if (!(logProb > -Infinity)) continue;
    if (best.length === most && logProb <= best[most - 1].logProb) continue;
    let place = best.length;
    while (place > 0 && best[place - 1].logProb < logProb) place--;
    best.splice(place, 0, { row, token: at - row * words, logProb });
    if (best.length > most) best.pop();
  }
  return best;
}

// Set what must not be written next to -Infinity; where nothing is left, the sentence may end.
function forbid(logProbs, written, options) {
  const ending = logProbs[END];
  for (const token of options.avoid) logProbs[token] = -Infinity;
  for (const phrase of options.avoid_phrases) {
    if (endsWith(written, phrase.slice(0, -1))) logProbs[phrase.at(-1)] = -Infinity;
  }
  if (written.length < options.min_length) logProbs[END] = -Infinity;
  const n = options.no_repeat_ngram;
  if (n > 0 && written.length >= n) {
    const last = written.slice(written.length - n + 1);
    for (let start = 0; start + n <= written.length; start++) {
      if (last.every((token, at) => written[start + at] === token)) {
        logProbs[written[start + n - 1]] = -Infinity;
      }
    }
  }
  const recent = options.no_repeat_within ? written.slice(-options.no_repeat_within) : [];
  for (const token of recent) {
    if (!options.repeatable.has(token)) logProbs[token] = -Infinity;
  }
  if (logProbs.every((value) => value === -Infinity)) logProbs[END] = ending;
}

function endsWith(written, tokens) {
  const first = written.length - tokens.length;
  return first >= 0 && tokens.every((token, at) => written[first + at] === token);
}
