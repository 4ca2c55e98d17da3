// Tokens put together as sentences, as captioner/text does it.

const CLITICS = new Set(["'s", "'m", "'d", "'re", "'ve", "'ll", "n't"]);
const BRACKETS = {
  "-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}",
};
// "a" or "an" goes by the sound, which these begin with against their letter.
const VOWEL = /^(?:(?!an?$|uni(?!m|n|d)|us[aeiu]|ut[ei]|eu|ukulele|one\b|once\b)[aeiou]|hour|honest|heir)/;
const LATIN = /^[A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f\u01cd-\u01dc\u1e00-\u1eff]$/;

/** Pieces of a sentence, one a token, with the spaces that go before them. */
export function pieces(tokens, language) {
  return language === "zh" ? chinese(tokens) : english(tokens);
}

function english(tokens) {
  return tokens.map((token, at) => {
    const space = at === 0 || CLITICS.has(token) ? "" : " ";
    return space + (BRACKETS[token] ?? withArticle(token, tokens[at + 1]));
  });
}

function withArticle(token, after) {
  if (!after || !["a", "an"].includes(token)) return token;
  return VOWEL.test(after) ? "an" : "a";
}

// No spaces but those that Latin words need.
function chinese(tokens) {
  return tokens.map((token, at) => {
    const before = at ? [...tokens[at - 1]].at(-1) : "";
    return LATIN.test(before) && LATIN.test([...token][0]) ? ` ${token}` : token;
  });
}
