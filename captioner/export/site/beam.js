// Beam search of one photo: the same sentences as captioner/onnx/beam.py finds.

import { END, START } from "./trigrams.js";

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
  let live = [{ tokens: [], total: 0, row: 0 }]; // total: the log-probability, less what is lost
  for (let length = 1; length <= longest; length++) {
    const last = live.map((one) => one.tokens.at(-1) ?? START);
    const logProbs = await step(last, live.map((one) => one.row));
    const words = logProbs.length / live.length;
    live.forEach((one, row) => {
      forbid(logProbs.subarray(row * words, (row + 1) * words), one.tokens, options);
    });
    const best = likeliest(logProbs, words, live, options);
    // Only an ending among the `beam` best counts: a poor one that merely comes early would
    // otherwise win by being short.
    const ending = best.slice(0, beam).filter((one) => one.token === END);
    for (const { row, total } of ending) {
      ended.push(hypothesis(live[row].tokens, total, true, options));
    }
    // In the second half of the steps whatever could end is better told than what is cut off.
    live.forEach(({ tokens, total }, row) => {
      const lost = options.trigrams?.after(tokens)(END) ?? 0;
      const end = Math.fround(logProbs[row * words + END] - lost + total);
      if (2 * length > longest && end > -Infinity && !ending.some((one) => one.row === row)) {
        couldEnd.push({ ...hypothesis(tokens, end, true, options), unlikely: true });
      }
    });
    live = best
      .filter((one) => one.token !== END)
      .slice(0, beam)
      .map(({ row, token, total }) => ({ tokens: [...live[row].tokens, token], total, row }));
    if (!live.length || isSettled(ended, live, length, options)) break;
  }
  for (const found of [ended, couldEnd]) found.sort((one, other) => other.score - one.score);
  const cutOff = live.map((one) => hypothesis(one.tokens, one.total, false, options));
  return [...ended, ...couldEnd, ...cutOff].slice(0, top);
}

function hypothesis(tokens, total, isEnded, options) {
  const logProb = total + (options.trigrams?.within(tokens, isEnded) ?? 0);
  const score = total / divisor(tokens.length + isEnded, options);
  return { tokens, logProb, score, unlikely: false };
}

function divisor(length, { length_bound: bound, length_penalty: penalty }) {
  return Math.min(length, bound) ** penalty;
}

// Whether no live hypothesis can still be among the best: a total only falls, so the most to hope
// for is to keep it and have it divided by the most favourable length.
function isSettled(ended, live, length, options) {
  const { top, max_length: longest } = options;
  if (ended.length < top) return false;
  const hoped = live[0].total / Math.max(divisor(length + 1, options), divisor(longest, options));
  const scores = ended.map((one) => one.score).sort((one, other) => other - one);
  return scores[top - 1] >= hoped;
}

// The likeliest continuations, best first, twice as many as the beam is wide: at most half of them
// can end. Of each row as many are weighed.
function likeliest(logProbs, words, live, { beam, trigrams }) {
  const weighed = live.flatMap(({ tokens, total }, row) => {
    const lost = trigrams?.after(tokens) ?? (() => 0);
    const own = largest(logProbs.subarray(row * words, (row + 1) * words), 2 * beam);
    return own.map(({ token, logProb }) => ({
      row,
      token,
      total: Math.fround(logProb - lost(token) + total),
    }));
  });
  const possible = weighed.filter((one) => one.total > -Infinity);
  return possible.sort((one, other) => other.total - one.total).slice(0, 2 * beam);
}

// The largest of a row's log-probabilities, largest first, equal ones in their order.
function largest(row, most) {
  const best = [];
  row.forEach((logProb, token) => {
    if (!(logProb > -Infinity)) return;
    if (best.length === most && logProb <= best[most - 1].logProb) return;
    let place = best.length;
    while (place > 0 && best[place - 1].logProb < logProb) place--;
    best.splice(place, 0, { token, logProb });
    if (best.length > most) best.pop();
  });
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
