"""Captions as people never write them all at once: a trial for the English tokenizer.

    python tests/text/odd_captions.py [--seed 0] [--count 20000] [--captions FILE] [--show 40]

runs pycocoevalcap's tokenizer, which needs Java, and tells how many of the strings get other tokens
from ours. FILE holds real captions, one a line, of which a part of the strings is then made.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from captioner.text.english import tokenize

Chance = random.Random


def _words(text: str) -> list[str]:
    return text.split()


_STARTS = _words("A A A A A The Two An Three Some One This There+is+a a the two People+and+a In+a")
_ADJECTIVES = _words("""
    small large brown black white young old red blue green wooden happy wet snowy busy empty little
    shaggy striped muddy bright dark tall yellow shirtless Asian German
""")
_NOUNS = _words("""
    man woman dog boy girl child people men women children crowd player biker horse cat bird ball
    bench street beach field snow grass water rock tree bike skateboard frisbee kitchen table pizza
    bus train sign clock giraffe bedroom laptop phone camera hat shirt jacket pool park fence city
""")
# Plain words that are abbreviations with a full stop behind them.
_SHORT = _words("""
    mass art pa fig ill mo la ma op no sun sat may mar jan dec tex miss cal col gen sen rep st ave
    inc corp co etc vs mt ft dept est ext min max wash mon fri wed ore del con al ed pm am in is us
""")
_VERBS = _words("""
    runs jumps sits stands plays rides holds watches walks looks climbs swims is was sitting
    standing playing riding are smiling eating wearing
""")
_PREPOSITIONS = _words("""
    in on at by with near over through under beside behind of next to across from
""")
_NAMES = _words("""
    Smith Brown Paul Mary O'Neil McDonald Jean-Luc D'Angelo Kennedy Louis Anna Müller van-Dyke
""")
_TITLES = _words("""
    Mr. Mrs. Ms. Dr. St. Prof. Capt. Sgt. Lt. Gen. Sen. Rev. Gov. Mr Dr mr. Messrs. Mme. J. J.R.
""")
_ABBREVIATIONS = _words("""
    U.S. U.S.A. U.K. a.m. p.m. A.M. P.M. e.g. i.e. etc. vs. v. Inc. Corp. Co. Ltd. Jr. Sr. Ave.
    Blvd. Rd. Ph.D. M.D. B.C. A.D. D.C. L.A. N.Y. No. no. Fig. fig. approx. ca. cf. al. dept. Univ.
    est. ft. in. lb. lbs. oz. mi. km. min. sec. hr. max. misc. Jan. Feb. Mar. Apr. Aug. Sept. Oct.
    Nov. Dec. Mon. Tue. Wed. Thu. Fri. Sat. Sun. Calif. Mass. Tex. Fla. Pa. Ill. Miss. Mt. Ft. St.
    Bros. Pres. Maj. Col. mph. tel. vol. p. pp. ed. op. c. b. w. J. F. J.R.R. D.J. T.V. o.k. R.I.P.
    s.o.s. x. US USA UK TV DJ NYC BMX ATV SUV PC NFL MLB U.S USA's TVs DJs AT&T R&B Q&A B&W H&M
    PB&J A&E
""")
_CONTRACTIONS = _words("""
    don't doesn't isn't can't won't ain't couldn't they're we've I'd you'll I'm it's that's who's
    man's dog's boys' children's James's let's y'all ma'am o'clock 'tis 'twas 'em 'n' rock'n'roll
    c'mon ol' nothin' goin' '80s 80's 1980's '90 'bout 'cause 'til 'till d'oh o'er ne'er s'more
    cap'n cannot gonna wanna gotta gimme lemme dunno shan't mustn't could've should've would'a
    I'd've rock-'n'-roll l'eau d'art qu'il jack-o'-lantern Hallowe'en fo'c'sle 'twill 'twere more'n
    whatcha d'ye o' th' t'other
""")
_COMPOUNDS = _words("""
    well-dressed 3-year-old T-shirt t-shirts mother-in-law twenty-five x-ray e-mail merry-go-round
    black-and-white half-pipe teeter-totter 12-year 5-10 50-50 mid-air pre-1900 post-9/11 A-frame
    close-up two-story one-on-one U.S.-based 1/2-inch B-52 F-16 7-Eleven Coca-Cola co-op re-enter
    non-U.S. e-book- -ish anti- self- 20-foot-tall 4-by-4 2-on-2 1-0 all-you-can-eat MP3-player
    100-yard-dash rock-n-roll do-it-yourself ex-wife so-called hi-fi wi-fi sun-lit c-section and/or
    his/her w/o w/ b/w he/she s/he 1/2 3/4 24/7 9/11 a/c n/a either/or/both c/o km/h / // 4/4/09
""")
_FOREIGN = _words("""
    café naïve crème brûlée façade señor jalapeño fiancée über Zürich Ångström smörgåsbord déjà-vu
    coöperate Æsop œuvre straße Łódź piñata résumé São Čapek Beyoncé étude ÉCOLE ñandú 日本 日本語
    寿司 カメラ 한국 привет мир Ελλάδα שלום مرحبا हिन्दी ไทย
""")
_SYMBOLS = _words("""
    ½ ¼ ¾ ⅓ ⅔ ⅛ ² ³ ™ © ® ° № µ × ÷ ± ≈ ≠ → ← ★ ☆ ♥ ♪ ✓ ✔ • · § ¶ † ‡ ‰ € £ ¥ ¢ ¤ ₹ ∞ √ π α β ﬁ ﬂ ﬀ
    Ⅳ ① ❶ ㊗ ￥ Ａ １ 。 、 「 」 《 》 ！ ？ ， ： ； （ ） … ‥ ― – — ‐ ‑ ‒ − ˈ ʻ ʼ ´ ` ˆ ~ ¨ ¸ ¡ ¿
    « » ‹ › ‚ „ “ ” ‘ ’ ‛ ‟ ′ ″ ¦ | ¬ ¯ º ª 😀 😂 ❤️ 👍🏽 👩‍👧 🐶 🏂 🇺🇸 🎉🎉 ☺ ☃ ⚽ ✨ 🏳️‍🌈 ⛷️ 1️⃣
    :) :-) :( ;) ;-) :D :P :-P =) =D :'( xD XD <3 ^_^ :/ :-/ :o :O -_- o_O :] :| (: ): :* 8) B-) :3
""")
_ADDRESSES = _words("""
    http://www.flickr.com/photos/123 https://example.com/a?b=c&d=e www.example.com example.com
    photo.jpg IMG_1234.JPG a.b.c me@example.com first.last@mail.co.uk @someone @some_one #dog #2 #1
    #BlackLivesMatter ftp://host/file example.com/path flickr.com, (www.site.org) <b>bold</b> <br/>
    <br> <a> </i> <-- --> <<< >>> <img+src="x.jpg"> <unk> <start> http://a.b. file.txt readme.md
    v1.2.3 C++ C# .NET Node.js node.js google.com's user@host. #tag's @home's
""")
_TIMES = _words("""
    10:30 10:30pm 10:30+p.m. 5pm 5p.m. 5am 7:00AM 12:00:05 noon-ish 9-5 9:00-5:00 1990s 1990's '90s
    90s 20th 21st 2nd 3rd 4th 1900-1910 2009-05-12 05/12/2009 5/12 12.05.2009 Jan.5 May-5 5-May
    19th-century May+5,+2009 Jan.+5th Dec.+25 Sat.+night Sun.,+Mar.+3 the+'60s the+60's Sept.+11
    5th+of+Nov.
""")
_NUMBERS = _words("""
    3 12 100 1,000 1,234,567 12,34 3.5 .5 0.75 -5 +5 1e5 10% 50.5% $5 $3.50 $1,000.00 £5 €10 ¥100
    5¢ $5M US$5 A$10 C$5 $+5 5$ 10€ No.5 5' 5'10" 6'2 5ft 5-ft. 10lb. 20mph 4x4 2x 3D 1st 11th 1½
    2½ 2-1/2 1-1/2 2+1/2 7/8ths 5-6 5–6 5—6 1:2 16:9 1.5:1 3.5-inch 2.5x 1,5 1.000,50 10. .25 5..
    (555)+555-1234 (555)555-1234 555-1234 555-123-4567 1-800-555-1234 +1-555-123-4567 10² 10^2 x2
    2+2=4 3*4 a=b 5>3 <5 >10 ≤5 ~5 50/50 007 00.7 0x1F 1'000 100's 747s 10-15% 3'x5' 6'+1" 9" 90°
    20°C 68°F 3-0 2-for-1 #3's 1st-place 5k 10K 42nd A4 B2B R2-D2 C-3PO 3-D 2D 1.2.3 1..2
""")
_PUNCTUATION = _words(r"""
    . , ; : ! ? ... .. .... …. !! !!! ?? ?! !? - -- --- ---- – — ― ~ * ** *** _ __ / \ | & && + = ==
    ^ % $ # @ ` `` ' '' ''' " "" “ ” ‘ ’ „ « » ( ) [ ] { } < >
""")
_WRAPPERS = _words("""
    "|" '|' “|” ‘|’ ``|'' `|' „|“ «|» ‹|› (|) [|] {|} <|> <<|>> *|* **|** _|_ ~|~ -|- --|-- —|— /|/
    ((|)) ('|') ("|") '(|)' "(|)" 「|」 （|） &quot;|&quot; &lt;|&gt; '|,' "|," "|." '|.' "|!" (|.)
    (|!)
""")
_JOINERS = [
    *_words("- -- --- – — / , ; : . ... … & &amp; + _ ' ’ \u2010 \u2011 = ~ | @ \\ !"),
    *[
        " - ",
        " -- ",
        " – ",
        " — ",
        " / ",
        " ,",
        ", ",
        ". ",
        " . ",
        " ... ",
        "… ",
        " & ",
        "? ",
        "  ",
    ],
    *["\t", "\u00a0", "\u200b", "\u00ad", "\u2009", "\u3000", ""],
]
_ENTITIES = _words("""
    &amp; &lt; &gt; &quot; &apos; &nbsp; &mdash; &ndash; &#39; &#x27; &hellip; &copy; &eacute; &AMP;
""")
_INVISIBLE = (
    "\u200b\u200d\ufeff\u00ad\u00a0\u2009\u200e\u2060\ufe0f\u0301\u0308\ufffd"
    "\t\x01\x07\x1b\x7f\x80\x9f"
)
_APOSTROPHES = _words("' ' ' ’ ’ ` ‘ ´ ʼ ′ &apos; \u0092")
_SUFFIXES = _words("s s s re ve d ll m t S LL em n tis ers")
_LOOK_ALIKE = str.maketrans("abcdeilnosuyz", "áβçďéíłñöšüÿž")


def odd_captions(seed: int, count: int, captions: Sequence[str] = ()) -> list[str]:
    """So many strings without line breaks, the same for the same arguments.

    Half of them are made from `captions` where there are any, the others from words and templates.
    """
    chance = Chance(seed)
    return [
        _clean(_corrupted(chance, chance.choice(captions)))
        if captions and chance.random() < 0.5
        else _clean(_composed(chance))
        for _ in range(count)
    ]


def _clean(text: str) -> str:
    return " ".join(text.splitlines()).strip() or "a"


def _sentence(chance: Chance) -> list[str]:
    words = chance.choice(_STARTS).split("+")
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.5:
            words.append(chance.choice(_ADJECTIVES))
        words += [chance.choice(_NOUNS), chance.choice(_VERBS), chance.choice(_PREPOSITIONS)]
        words += [chance.choice(["a", "the", "a", "some"])]
    return [*words, chance.choice(_NOUNS)]


def _odd_word(chance: Chance) -> str:
    kinds = [
        *(_ABBREVIATIONS, _CONTRACTIONS, _COMPOUNDS, _FOREIGN, _SYMBOLS, _ADDRESSES, _TIMES),
        *(_NUMBERS, _NUMBERS, _PUNCTUATION, _ENTITIES, _NAMES, _SHORT),
    ]
    return chance.choice(chance.choice(kinds)).replace("+", " " if chance.random() < 0.9 else "+")


def _composed(chance: Chance) -> str:
    """A plain sentence in which one to four things are odd."""
    words = _sentence(chance)
    for _ in range(chance.choice([1, 1, 2, 2, 3, 4])):
        place = chance.randrange(len(words))
        words[place] = chance.choice(_WORD_CHANGES)(chance, words[place])
    return " ".join(words) + _ending(chance)


def _ending(chance: Chance) -> str:
    return chance.choice(
        [".", ".", ".", " .", " .", "", "", "!", "?", "...", chance.choice(_PUNCTUATION)]
    )


def _insert(chance: Chance, word: str) -> str:
    return f"{word} {_odd_word(chance)}"


def _replace(chance: Chance, word: str) -> str:
    return _odd_word(chance)


def _glue(chance: Chance, word: str) -> str:
    parts = [word, _odd_word(chance)]
    chance.shuffle(parts)
    return chance.choice(["", *_JOINERS]).join(parts)


def _join(chance: Chance, word: str) -> str:
    other = chance.choice([_NOUNS, _SHORT, _VERBS, _ABBREVIATIONS, _NUMBERS])
    return word + chance.choice(_JOINERS) + chance.choice(other)


def _wrap(chance: Chance, word: str) -> str:
    before, after = chance.choice(_WRAPPERS).split("|")
    inner = chance.choice([word, word, _odd_word(chance), word + " " + chance.choice(_NOUNS)])
    return before + inner + after


def _punctuate(chance: Chance, word: str) -> str:
    mark = chance.choice(_PUNCTUATION)
    return chance.choice([word + mark, word + mark, mark + word, mark + word + mark])


def _own(chance: Chance, word: str) -> str:
    return word + chance.choice(_APOSTROPHES) + chance.choice(["", *_SUFFIXES])


def _shorten(chance: Chance, word: str) -> str:
    after = chance.choice(
        ["", "", ",", ".", "'s", ")", chance.choice(["The", "A", "In"]), chance.choice("5ax")]
    )
    return chance.choice(_SHORT) + "." + chance.choice(["", " "]) + after


def _address(chance: Chance, word: str) -> str:
    return f"{chance.choice(_TITLES)} {chance.choice(_NAMES)}"


def _spell(chance: Chance, word: str) -> str:
    return chance.choice(
        [
            word.upper(),
            word.title(),
            word.translate(_LOOK_ALIKE),
            ".".join(word[:3]) + ".",
            word * 2,
        ]
    )


_WORD_CHANGES = [_insert, _insert, _replace, _replace, _glue, _glue, _join, _join, _wrap, _wrap]
_WORD_CHANGES += [_punctuate, _own, _own, _shorten, _address, _spell]


def _corrupted(chance: Chance, caption: str) -> str:
    """A real caption with one to four slips of a careless or hostile hand."""
    for _ in range(chance.choice([1, 1, 2, 2, 3, 4])):
        if chance.random() < 0.5:
            words = caption.split(" ")
            place = chance.randrange(len(words))
            words[place] = chance.choice(_WORD_CHANGES)(chance, words[place])
            caption = " ".join(words)
        else:
            caption = _slip(chance, caption)
    return caption


def _slip(chance: Chance, text: str) -> str:
    """One change at some character."""
    place = chance.randrange(len(text) + 1)
    before, after = text[:place], text[place:]
    typed = [
        chance.choice(_PUNCTUATION),
        chance.choice(_PUNCTUATION),
        chance.choice(_INVISIBLE),
        chance.choice(_APOSTROPHES),
        chance.choice(_JOINERS),
        chance.choice("0123456789"),
        chance.choice(_SYMBOLS),
        chr(chance.randrange(32, 127)),
        chr(chance.randrange(32, 127)),
        chr(chance.randrange(160, 0x180)),
        chr(chance.choice([chance.randrange(0x2010, 0x2400), chance.randrange(0x3000, 0x3100)])),
        before[-1:],
        "",
    ]
    kept = chance.choice([0, 0, 0, 1, 1, len(after) if chance.random() < 0.1 else 1])
    return before + chance.choice(typed) + after[kept:]


def reference_tokens(texts: Sequence[str]) -> list[list[str]]:
    """The tokens that pycocoevalcap's tokenizer, which needs Java, gives of a list of texts."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    numbered = {index: [{"caption": text}] for index, text in enumerate(texts)}
    tokenized = PTBTokenizer().tokenize(numbered)
    return [tokenized[index][0].split() for index in range(len(texts))]


def our_tokens(texts: Sequence[str]) -> list[list[str]]:
    """Our tokens of a list of texts, each of them known to be followed by the next."""
    return [tokenize(*pair) for pair in zip(texts, [*texts[1:], ""], strict=True)]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--captions", type=Path)
    parser.add_argument("--show", type=int, default=40)
    options = parser.parse_args()
    captions = options.captions.read_text("utf-8").splitlines() if options.captions else ()
    strings = odd_captions(options.seed, options.count, captions)
    triples = zip(strings, reference_tokens(strings), our_tokens(strings), strict=True)
    different = [triple for triple in triples if triple[1] != triple[2]]
    for string, theirs, mine in different[: options.show]:
        print(f"{string!r}\n    theirs: {' '.join(theirs)!r}\n    ours:   {' '.join(mine)!r}")
    print(
        f"{len(different)} of {len(strings)} differ: {1 - len(different) / len(strings):.4%} agree"
    )


if __name__ == "__main__":
    main()
