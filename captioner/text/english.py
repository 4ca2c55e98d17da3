"""English captions cut into words as the captioning field counts them.

Published BLEU, ROUGE-L and CIDEr figures are computed on the tokens of the Penn Treebank tokenizer
(Manning et al., "The Stanford CoreNLP Natural Language Processing Toolkit", ACL 2014), lower-cased
and with a list of punctuation removed. The rules here were written from what that tokenizer does,
so that no Java is needed to train, caption or score.

Like it, they are a lexer: where a token begins, every rule reads on as far as it can, the longest
reading wins, and of equally long ones the first rule's. Some rules ask for something after their
token, which counts towards the length of the reading but is left for the next token.

What is known to differ, apart from what `tokenize` says of the text behind: addresses of more than
64 characters between their dots, emoji in addresses, tags with line breaks in them, a few signs of
Arabic, Syriac and Indian scripts, and letters that came to Unicode after 2010. Characters that
break lines in Java (such as U+2028) are white space here; the original takes them for the end of a
text.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import zip_longest

# Marks that are part of a word, though not of \w.
_MARKS = (
    "\u02c2-\u02c5\u02d2-\u02df\u02e5-\u02ff\u0300-\u036f\u0375\u0384\u0385\u0483-\u0487"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0615-\u061a\u064b-\u065e\u0670\u06d6-\u06ed"
    "\u0900-\u0903\u093c-\u094e\u0950-\u0955\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03"
    "\u0a3c-\u0a4f\u0a81-\u0a83\u0abc-\u0acf\u0b82\u0bbe-\u0bcf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
# Numerals such as ² or Ⅳ and everything beyond 16 bits are in \w, but not part of a word.
_NO_LETTERS = (
    "²³¹¼-¾\u2070\u2074-\u2079\u2080-\u2089\u2150-\u2182\u2185-\u2189\u2460-\u24ff\u2776-\u2793"
    "\u3007\u3021-\u3029\u3038-\u303a\u3192-\u3195\u3220-\u32ff\U00010000-\U0010ffff"
)
_ALNUM = rf"[^\W_{_NO_LETTERS}]"
_LETTER = rf"[^\W\d_{_NO_LETTERS}]"
_HYPHEN = r"[-\u058a\u2010\u2011]"
# \x80 to \x9f are the signs that Windows has there.
_APOSTROPHE = r"(?:['’\x92]|&(?i:apos);)"
_ANY_APOSTROPHE = r"(?:['’\x92`‘\x91‛]|&(?i:apos);)"
_SPACE = r"[ \t\u00a0\u2000-\u200a\u3000]"
_QUOTES = {
    **dict.fromkeys("`‘‛‹\x91", "`"),
    **dict.fromkeys("’›\x92", "'"),
    **dict.fromkeys("“«\x93", "``"),
    **dict.fromkeys("”»\x94", "''"),
    **{sign: sign for sign in "‚„‟"},
}
# Symbols that are tokens of their own; others, such as emoji, are unknown and dropped.
_SYMBOL = (
    r"[!-/:-@\[-`{-~¡-©¬®-±´¶-¸¼-¿×÷\x80\x85\x91-\x94\x96\x97\u037e\u0387\u0589\u05be\u060c\u061b"
    r"\u061f\u06d4\u0964\u0965\u0e3f\u2013-\u2023\u2026\u2030-\u203b\u203e-\u2042\u2044"
    r"\u207a-\u207e\u208a-\u208e\u20a0\u20a4\u20ac\u2100\u2101\u2103-\u2106\u2108\u2109\u2114"
    r"\u2116-\u2118\u211e-\u2123\u2125\u2127\u2129\u212e\u213a\u213b\u2140-\u2144\u214a-\u214d\u214f"
    r"\u2153-\u215e\u2190-\u2bff\u3001\u3002\u3012\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
    r"\uff5b-\uff65\uffe0\uffe1\uffe5\uffe6]"
)

# These may end a sentence. They claim the two characters behind them as well, so that "Jan.b" is an
# abbreviation and a letter, but "Jan.bc" is one word.
_FINAL = """
    al ala apr ariz assn aug bhd bldg blvd bros calif co colo conn corp cos ct dak dec ed\\.d esq
    est etc ext feb fla fri ga inc ind intl jan jr jul jun kan kans ky ltd mar md mich minn mo mon
    mont neb nev nov oct okla penn ph\\.d plc pte pty rd rt sep sept seq sq sr sys tel tenn thu
    thurs tue tues univ va vt wed wis wisc wyo
"""
# As often plain English words ("mass", "ill"): only a capital makes them abbreviations.
_FINAL_IF_CAPITAL = "Ark Az Del Ill La Mass Miss Ore Pa Tex Wash"
_TITLES = """
    adj adm adv alex assoc asst atty ave brig capt cf cie cmdr col comdr cpl dept det dr drs elec
    ens ft gen gov govs hon insp invt jos lieut lt maj messrs mfg mlle mme mr mrs ms msgr mt mtg
    natl pfc ph pres prof pvt rep reps rev sen sens sfc sgt spc st ste supt treas vs wm
"""
_BEFORE_NUMBER = "art ca fig figs no nos op pp prop"
# After a single letter these open a new sentence, as in "vitamin C. The ..."; it is no initial.
_STARTERS = """
    A About After An As At But He Her Here However If In It Last Many More Now Once One Other Our
    She Since So Some Such That The Their Then There These They This We What When While Yet You
"""
_FILE_TYPES = """
    bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpe?g mov mp3 pdf php pl png
    ppt ps py sql tar txt wav x xml zip
"""


def _any_of(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


def _capitalised(words: str) -> str:
    return _any_of(" ".join(f"{word[0]}(?i:{word[1:]})" for word in words.split()))


# In words, soft hyphens and HTML's accented vowels are letters too.
_INNER = rf"[\u00ad{_MARKS}]|&(?i:[aeiou](?:acute|grave|uml));"
_SYLLABLE = rf"(?:{_LETTER}|{_INNER})(?:{_ALNUM}|{_INNER})*"
_WORD = rf"{_SYLLABLE}(?:[.!?]{_SYLLABLE})*"
_CLITIC = rf"{_APOSTROPHE}(?i:[smd]|re|ve|ll)"
_NOT = rf"(?i:n{_ANY_APOSTROPHE}t)"
_ELIDED = rf"(?i:[dlo]){_ANY_APOSTROPHE}{_ALNUM}{{2,}}"
_PART = rf"(?:{_ELIDED}|{_ALNUM}+)"
_COMPOUND = rf"{_PART}(?:(?:{_HYPHEN}|_){_PART})*"
_DOTTED = r"[A-Za-z0-9][A-Za-z0-9.,\u00ad]{0,63}(?:-(?:(?:[A-Za-z]\.){2,}|[A-Za-z0-9\u00ad]+))+"
_DIGITS = r"\d(?:\u00ad*\d)*"
_NUMBER = rf"(?:{_DIGITS}(?:[.:,]{_DIGITS})*|(?:[.:,]{_DIGITS})+)"
_AREA_CODE = r"\d{2,4}[- \u00a0]"
_NAME = r"[A-Za-z][A-Za-z0-9:._-]{0,63}"
_BLANK = r"[\t-\r\ ]"
_VALUE = rf"""{_BLANK}*={_BLANK}*(?:'[^'<>]{{0,200}}'|"[^"<>]{{0,200}}")"""
_ATTRIBUTE = rf"{_BLANK}+{_NAME}(?:{_VALUE})?"
_TAG = rf"<(?:/?{_NAME}(?:{_ATTRIBUTE}){{0,20}}{_BLANK}*/?|[!?][A-Za-z-][^<>]{{0,200}})>"
_IN_ADDRESS = r"[^\t-\r\ \"<>|(){}]"
_ENDS_ADDRESS = r"[^\t-\r\ \"<>|(){}.,!?-]"
_PATH = rf"(?:/{_IN_ADDRESS}{{1,200}}{_ENDS_ADDRESS})"
_IN_EMAIL = r"^\t-\r\ \u00a0\"<>|(){}"
_IN_SITE = r"[^\t-\r\ !\"$'-),-@A-Z\[-`{-}]"

# Each rule's token and what has to follow it. Runs that may cross many tokens are bounded, which
# keeps the time linear on a long text without spaces.
_RULES = {
    "fused": (
        "(?i:can(?=not)|(?:gon|wan)(?=na)|got(?=ta)|(?:lem|gim)(?=me)|'t(?=is|was))",
        "(?i:not|na|ta|me|is|was)",
    ),
    "file": (
        rf"(?:{_ALNUM}|\u00ad)+(?:\.(?:{_ALNUM}|\u00ad)+){{0,9}}\.(?i:{_any_of(_FILE_TYPES)})",
        r"(?=[\s!,.?])",
    ),
    "word": (_WORD, ""),
    "word with clitic": (_WORD, _CLITIC),
    "negated": (r"[A-Za-z\u00ad]*[A-MO-Za-mo-z\u00ad]", _NOT),
    "negation": (_NOT, ""),
    "clitic": (_CLITIC, "[^A-Za-z]"),
    "tag": (_TAG, ""),
    "character": (r"&\#\d+;", ""),
    "number": (rf"[-+]?\u00ad?{_NUMBER}", ""),
    "fraction": (rf"(?:\d{{1,4}}(?:-|{_SPACE}))?\d{{1,4}}[/⁄]\d{{1,4}}", ""),
    "date": (r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}", ""),
    "url": (rf"(?i:https?)://{_IN_ADDRESS}{{1,200}}{_ENDS_ADDRESS}", ""),
    "www": (rf"(?i:www)\.(?:[^\s\"<>|.!?,(){{}}]{{1,63}}\.){{1,9}}[A-Za-z]{{2,4}}{_PATH}?", ""),
    "site": (rf"(?:{_IN_SITE}{{1,63}}\.){{1,9}}(?i:com|net|org|edu){_PATH}?", ""),
    "email": (
        rf"(?:<|&lt;)?[A-Za-z0-9][{_IN_EMAIL}]{{0,63}}"
        rf"@(?:[{_IN_EMAIL}.]{{1,63}}\.){{0,9}}[{_IN_EMAIL}.]{{1,63}}>?",
        "",
    ),
    "handle": (rf"@[A-Za-z_][A-Za-z_0-9]*|\#(?:{_LETTER}|{_INNER})+", ""),
    "phone": (
        rf"(?:\(\d{{2,3}}\){_SPACE}?|\+{{0,2}}(?:{_AREA_CODE})?{_AREA_CODE})"
        r"\d{3,4}[- \u00a0]?\d{3,5}",
        "",
    ),
    "final abbreviation": (
        rf"(?:(?i:{_any_of(_FINAL)})|{_capitalised(_FINAL_IF_CAPITAL)})\.",
        r"(?s:..)",
    ),
    "dotted compound": (_DOTTED, ""),
    "compound": (_COMPOUND, ""),
    "slashed": (r"[A-Za-z0-9]+(?:-[A-Za-z]+)*(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+)*){1,2}", ""),
    "title": (rf"(?i:{_any_of(_TITLES)})\.", ""),
    "abbreviation before number": (rf"(?i:{_any_of(_BEFORE_NUMBER)})\.", r"\s?\d"),
    "initials": (r"(?:[A-Za-z]\.){2,}", ""),
    "letter before sentence": (
        "[A-Za-z]",
        rf"\.\s+(?:{_capitalised(_STARTERS)}|M[rs]\.|{_TAG})\s",
    ),
    "initial": (r"[A-Za-z]\.", ""),
    "abbreviation before comma": (rf"(?:{_WORD}|{_DOTTED}|{_COMPOUND})\.", "[,;:]"),
    "letters and letters": ("[A-Z]+(?:(?:(?i:&amp;)|[&+])[A-Z]+)+|[Ss]&[Ll]s", ""),
    "currency": (r"[A-Z]+\$", ""),
    "language": (r"[Cc]\+\+|[CcFf]\#", ""),
    "prefix": ("(?i:anti|pro)-", ""),
    "shortened": (
        rf"""(?i: {_APOSTROPHE}(?:em|cause|till?|n{_APOSTROPHE}?|\d0s)
            | (?:ol|somethin|dunkin){_APOSTROPHE} | cap{_APOSTROPHE}n | c{_APOSTROPHE}est
            | o{_ANY_APOSTROPHE}o | c'mon | e'er | li'l | nat'l | s'mores)""",
        "",
    ),
    "year": (rf"{_APOSTROPHE}\d\d", r"\s"),
    "elided": (
        rf"{_ELIDED}|(?i:n){_ANY_APOSTROPHE}{_LETTER}{{2,}}|(?i:[dlj]){_APOSTROPHE}",
        "",
    ),
    "elided before letter": (rf"[YyJj]{_APOSTROPHE}", _LETTER),
    "name": (rf"[A-HJ-XZ]{_ANY_APOSTROPHE}{_LETTER}{{2,}}", ""),
    "vowels": (rf"{_LETTER}+[aeiouyAEIOUY]{_ANY_APOSTROPHE}[aeiouA-Z]{_LETTER}*", ""),
    "face": (r"[<>]?[:;=][-o*']?[()\[\]{DdPpO@|\\]", "(?![A-Za-z0-9])"),
    "eyes": (
        r"[-^x=~<>']_[-^x=~<>']|\([-^x=~<>'][_.]?[-^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)",
        "",
    ),
    "opening quote": ("'", r"[A-Za-z][^\t-\r\ \u00a0]"),
    "bare clitic": (_CLITIC, ""),
    "quotes": (rf"[{''.join(_QUOTES)}]{{2}}|''", ""),
    "dots": (r"\.{3,5}|(?:\.[ ]){2,4}\.", ""),
    "run": (r"-{2,}|[!?]+|\*+|(?:\\\*)+|_+|\#{2,}|@{2,}|<<|>>|[²³¹⁰⁴-⁹₀-₉]+", ""),
    "entity": ("&(?i:amp|lt|gt|quot|apos|nbsp|mdash|ndash);", ""),
    "symbol": (_SYMBOL, ""),
}
_NAMES = tuple(_RULES)
# What most captions consist of, read quickly: words and punctuation that no rule reads beyond.
_PLAIN = re.compile(r"([A-Za-z]+)(?=,? )|[.,](?= +[A-Za-z])")
_PLAIN_WORDS = re.compile(r"(?:[A-Za-z]+(?: +(?:, +(?=[A-Za-z]))?|, +(?=[A-Za-z])))*")
_FUSED = frozenset(["cannot", "gonna", "wanna", "gotta", "lemme", "gimme"])
_WHITE_SPACE = re.compile(r"\s*")

_SPELLED = {
    **{"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "¢": "cents", "£": "#"},
    **dict.fromkeys("€¤₠\x80", "$"),
    **{"[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"},
}
_WRITTEN_BRACKETS = {"-lrb-": "(", "-rrb-": ")"} | {
    name: sign for sign, name in _SPELLED.items() if name.endswith("b-")
}
_INSIDE = str.maketrans({"(": "-lrb-", ")": "-rrb-", "\u00ad": ""})
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": "", "&mdash;": "", "&ndash;": ""}
_CLITICS = frozenset(["'s", "'m", "'d", "'re", "'ve", "'ll", "n't"])
# What the scorer's punctuation list removes. It is written in capitals for brackets ("-LRB-"), so
# that lower-cased brackets stay in: a slip of the original that every published figure contains.
_PUNCTUATION = frozenset("\"'`’‘‛“”«»‹›.…,:;?!-–—―\x85\x91\x92\x93\x94\x96\x97") | frozenset(
    ["''", "``", "--", "---", "----", "..."]
)


def tokenize(text: str, following: str = "A dog") -> list[str]:
    """Lower-case tokens of an English text, without the punctuation that scoring ignores.

    Clitics are cut off ("man's" is "man", "'s"; "don't" is "do", "n't"), hyphenated words are kept
    whole, brackets are written "-lrb-" and "-rrb-". Any string is accepted; one without words gives
    an empty list.

    following: the text behind this one. The scorer reads all texts of a list as one, and takes a
    letter and a full stop at the end of a text for an initial (as in "Mary J.") or for the end of a
    sentence by how the next text begins: mostly with "A".
    """
    begin = _PLAIN_WORDS.match(text).end()  # type: ignore[union-attr]
    words = text[:begin].lower().replace(",", " ").split()
    if not _FUSED.isdisjoint(words):
        begin, words = 0, []
    return [*words, *(_end if len(text) - begin <= _SHORT else _all)(text[begin:], following)]


def _all(text: str, following: str) -> tuple[str, ...]:
    tokens = _tokens(text, following)
    return tuple(part for token in tokens if token not in _PUNCTUATION for part in token.split())


# A caption's last word and its full stop, which reading takes as long as all before them, and which
# a hundred thousand captions share.
_end = lru_cache(2**16)(_all)
_SHORT = 30


def _tokens(text: str, following: str) -> Iterator[str]:
    end = len(text)
    text += f"\n{following} "
    position = 0
    while position < end:
        plain = _PLAIN.match(text, position)
        if plain and (plain[1] or "").lower() not in _FUSED:
            yield plain[0].lower()
            position = plain.end()
        else:
            token, position = _longest_reading(text, position)
            yield token
        position = _WHITE_SPACE.match(text, position).end()  # type: ignore[union-attr]


@cache
def _readings() -> re.Pattern[str]:
    """All rules at once, two groups each; made when first needed, as captioning needs none."""
    rules = (rf"(?=(({token})(?:{following}))?)" for token, following in _RULES.values())
    return re.compile("".join(rules), re.VERBOSE)


def _longest_reading(text: str, position: int) -> tuple[str, int]:
    """The token at a position as it is written, empty for an unknown sign; and where it ends."""
    match = _readings().match(text, position)
    readings = match.groups("") if match else ()
    lengths = [len(reading) for reading in readings[::2]]
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    token = readings[2 * longest + 1]
    return _WRITTEN.get(_NAMES[longest], _plainly)(token), position + max(1, len(token))


def _plainly(token: str) -> str:
    token = token.lower()
    return _SPELLED.get(token) or token.translate(_INSIDE)


def _clitic(token: str) -> str:
    return re.sub("[’\x92]|&apos;", "'", token).lower()


def _negation(token: str) -> str:
    return "n't" if re.match(rf"[Nn]{_APOSTROPHE}", token) else "n`t"


def _quotes(token: str) -> str:
    return "".join(_QUOTES.get(sign, sign) for sign in token)


def _entity(token: str) -> str:
    """The sign that is meant; quotes written in capitals are not understood."""
    return "" if token in ("&quot;", "&apos;") else _ENTITIES.get(token.lower(), token.lower())


# How the tokens of a rule are written, where it is not `_plainly`.
_WRITTEN = {
    **dict.fromkeys(["url", "www", "site", "email", "handle", "file"], str.lower),
    **dict.fromkeys(["clitic", "bare clitic"], _clitic),
    "negation": _negation,
    "quotes": _quotes,
    "dots": lambda token: "...",
    "entity": _entity,
    "letters and letters": lambda token: token.lower().replace("&amp;", "&"),
}


# "a" or "an" goes by the sound, which these begin with against their letter. Behind an article
# there is no other.
_VOWEL = re.compile(
    r"(?!an?$|uni(?!m|n|d)|us[aeiu]|ut[ei]|eu|ukulele|one\b|once\b)[aeiou]|hour|honest|heir"
)


def with_articles(tokens: Sequence[str]) -> tuple[str, ...]:
    """The tokens with "a" or "an" as the word behind asks for: "an orange cat", "a uniform"."""
    return tuple(
        ("an" if _VOWEL.match(after) else "a") if token in ("a", "an") and after else token
        for token, after in zip_longest(tokens, tokens[1:])
    )


def detokenize(tokens: Sequence[str]) -> str:
    """A readable text of tokens: spaces between, clitics attached, brackets as signs.

    "the", "man", "'s", "dog", "is", "n't" gives "the man's dog isn't".
    """
    text = ""
    for token in tokens:
        attached = token in _CLITICS or not text
        text += ("" if attached else " ") + _WRITTEN_BRACKETS.get(token, token)
    return text
