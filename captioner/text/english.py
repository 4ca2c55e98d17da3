"""English captions cut into words as the captioning field counts them.

Published BLEU, ROUGE-L and CIDEr figures are computed on the tokens of the Penn Treebank tokenizer
(Manning et al., "The Stanford CoreNLP Natural Language Processing Toolkit", ACL 2014), lower-cased
and with a list of punctuation removed. The rules here were written from what that tokenizer does,
so that no Java is needed to train, caption or score.
"""

import re
from collections.abc import Sequence

# Numerals such as ² or ④ are symbols, not part of a word.
_NUMERALS = r"¹²³¼-¾\u2070-\u209c\u2150-\u218b\u2460-\u24ff\u2776-\u2793"
_LETTER = rf"[^\W\d_{_NUMERALS}]"
_ALNUM = rf"(?:[^\W_{_NUMERALS}][\u0300-\u036f]*)"
_HYPHEN = r"[-\u2010\u2011]"
_ENDS = rf"(?!{_LETTER})"
_ENDS_FUSED = r"(?!['’/]?\w|-)"
_NOT_CLITIC = rf"(?!(?i:s|m|d|re|ve|ll){_ENDS})"

_ABBREVIATIONS = """
    adj adm adv al ala alex apr ariz assn assoc asst atty aug ave bhd bldg blvd brig bros calif capt
    cf cie cmdr co col colo conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext
    feb fla fri ft ga gen gov govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky lieut
    lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb nev
    nov oct okla penn pfc plc pres prof pty pvt rd rep reps rev rt sen sens sep sept seq sfc sgt
    spc sq sr st ste supt sys tel tenn thu thurs tue tues univ va vs vt wed wis wisc wm wyo
"""
# As often plain English words ("mass", "ill"): only a capital makes them abbreviations.
_CAPITALISED = "Ark Az Del Ill La Mass Miss Ore Pa Tex Wash"
_BEFORE_NUMBER = "art ca fig figs no nos op pp prop"
# After a single letter these open a new sentence, as in "vitamin C. The ..."; it is no initial. The
# end of the text counts too: the scorer reads on into the next caption, mostly an "A ...".
_STARTERS = """
    A About An As At But He Her Here If In It Many One Other She Some That The Their Then There
    These They This We What When While You
"""


def _any_of(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


# The first rule that matches wins, so longer readings come before shorter ones. Runs that may cross
# many tokens are bounded, which keeps the time linear on a long text without spaces.
_RULES = {
    "tag": r"<[!?/]?[A-Za-z][^<>]{0,200}> | &\#\d+; | ''",
    "address": rf"""
        https?://[^\s"<>|(){{}}]*[^\s"<>|(){{}}.,;:!?']
        | {_ALNUM}[\w.+:-]{{0,63}}@{_ALNUM}[\w-]*(?:\.{_ALNUM}[\w-]*)*
        | @[A-Za-z_]\w* | \#[A-Za-z]\w*""",
    "phone": r"\(\d{3}\)[ ]?\d{3}-\d{4}",
    "fused": rf"""(?i:
        can(?=not{_ENDS_FUSED}) | (?:gon|wan)(?=na{_ENDS_FUSED}) | got(?=ta{_ENDS_FUSED})
        | (?:lem|gim)(?=me{_ENDS_FUSED}) | 't(?=is|was))""",
    "negation": rf"(?i:{_LETTER}+?(?=n['’`]t) | n['’`]t{_ENDS})",
    "clitic": rf"'(?i:s|m|d|re|ve|ll){_ENDS} | ’(?i:s|m|d|re|ve|ll)",
    "apostrophe": rf"""
        (?i: ['’](?:em|cause|till?) | ['’]n['’] | 'n{_ENDS} | ’n
        | ['’]\d0s(?!\w) | ['’]\d\d(?=\s)
        | (?:ol|somethin|dunkin)'{_ENDS}
        | (?:ma'ams?|c'mon|c'est|cap'n|s'mores?|nat'l|li'l){_ENDS}
        | [dlon]['’]{_NOT_CLITIC}{_LETTER}{{2,}}
        | [yj]['’]{_NOT_CLITIC}(?=[a-z]) | [dl]['’]{_NOT_CLITIC}(?=[\sa-z]))
        | [A-HJ-XZ]['’]{_NOT_CLITIC}{_LETTER}{{2,}}
        | {_LETTER}*[aeiouyAEIOUY]['’]{_NOT_CLITIC}[aeiouA-Z]{_LETTER}*""",
    "before comma": rf"{_ALNUM}+(?:{_HYPHEN}{_ALNUM}+)*\.(?=[,:;])",
    "compound": rf"""
        {_ALNUM}(?:{_ALNUM}|[.,]){{0,63}}
            (?:{_HYPHEN}(?:(?:[A-Za-z]\.){{2,}}|{_ALNUM}+))+(?:[/_]{_ALNUM}+)*
        | [A-Za-z0-9]+(?:/[A-Za-z0-9]+(?:{_HYPHEN}{_ALNUM}+)*){{1,2}}
        | {_ALNUM}+(?:_{_ALNUM}+)+(?:{_HYPHEN}{_ALNUM}+)*""",
    "abbreviation": rf"""
        (?:[A-Za-z]\.){{2,}}(?!\w)
        | (?:(?i:{_any_of(_ABBREVIATIONS)}|(?:ph|ed)\.d)|{_any_of(_CAPITALISED)})\.(?!{_LETTER})
        | (?i:{_any_of(_BEFORE_NUMBER)})\.(?=\s*\d)
        | [A-Za-z]\.(?!{_LETTER}|$|\s+{_any_of(_STARTERS)}\b)
        | [A-Z]+(?:&[A-Z]+)+ | [A-Z]{{1,3}}\$ | [Cc]\+\+ | [CcFf]\#""",
    "filename": r"[A-Za-z0-9]+\.(?i:bmp|gif|html?|jpe?g|pdf|png|txt|zip)\b",
    "number": r"\d+(?:[.:,]\d+)+ | [-+][.,]?\d+(?:[.:,]\d+)* | [.,:]\d+(?:[.:,]\d+)*",
    "word": rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)* | {_ALNUM}+",
    "face": r"[:;=][-']?[()\[\]DdPpO](?!\w) | :[{|\\] | \^_\^",
    "symbols": r"-+ | [!?]+ | \*+ | _+ | \S",
}
_TOKEN = re.compile("|".join(f"(?:{rule})" for rule in _RULES.values()), re.VERBOSE)

_ENTITIES = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&apos;": "'",
    "&nbsp;": " ",
    "&mdash;": " -- ",
    "&ndash;": " -- ",
}
_ENTITY = re.compile(_any_of(" ".join(_ENTITIES)), re.IGNORECASE)

_SPELLED = str.maketrans(
    {
        "½": " 1/2 ",
        "¼": " 1/4 ",
        "¾": " 3/4 ",
        "⅓": " 1/3 ",
        "⅔": " 2/3 ",
        "¢": " cents ",
        "£": " # ",
        "€": " $ ",
        "¤": " $ ",
        "\u00ad": "",
    }
)
_BRACKETS = {"[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_WRITTEN_BRACKETS = {"-lrb-": "(", "-rrb-": ")"} | {name: sign for sign, name in _BRACKETS.items()}
_CLITICS = frozenset(["'s", "'m", "'d", "'re", "'ve", "'ll", "n't"])
# What the scorer's punctuation list removes. It is written in capitals for brackets ("-LRB-"), so
# that lower-cased brackets stay in: a slip of the original that every published figure contains.
_PUNCTUATION = frozenset("\"'`’‘‛“”«»‹›.…,:;?!-‐‑–—―") | {"''", "--", "---", "----"}


def tokenize(text: str) -> list[str]:
    """Lower-case tokens of an English text, without the punctuation that scoring ignores.

    Clitics are cut off ("man's" is "man", "'s"; "don't" is "do", "n't"), hyphenated words are kept
    whole, brackets are written "-lrb-" and "-rrb-". Any string is accepted; one without words gives
    an empty list.
    """
    if "&" in text:
        text = _ENTITY.sub(lambda entity: _ENTITIES[entity.group().lower()], text)
    text = text.translate(_SPELLED)
    tokens = [match.group() for match in _TOKEN.finditer(text)]
    return [part for token in tokens if token not in _PUNCTUATION for part in _written(token)]


def _written(token: str) -> list[str]:
    """How a raw token is written: none at all where the symbol is unknown to the tokenizer."""
    if token.isalnum():
        return [token.lower()]
    if len(token) == 1 and not _is_known_symbol(token):
        return []
    if token in _BRACKETS:
        return [_BRACKETS[token]]
    token = token.lower().replace("(", "-lrb-").replace(")", "-rrb-")
    straight = token.replace("’", "'")
    return [straight] if straight in _CLITICS else token.split()


def _is_known_symbol(symbol: str) -> bool:
    return symbol < "\u0300" or "\u2016" <= symbol < "\u2c00" or "\u3001" <= symbol <= "\uff65"


def detokenize(tokens: Sequence[str]) -> str:
    """A readable text of tokens: spaces between, clitics attached, brackets as signs.

    "the", "man", "'s", "dog", "is", "n't" gives "the man's dog isn't".
    """
    text = ""
    for token in tokens:
        attached = token in _CLITICS or not text
        text += ("" if attached else " ") + _WRITTEN_BRACKETS.get(token, token)
    return text
