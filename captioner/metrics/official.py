"""The captioning field's own scorer, pycocoevalcap, run on plain texts.

Its tokenizer and METEOR 1.5 (Denkowski and Lavie, WMT 2014) are Java programs, SPICE (Anderson et
al., ECCV 2016) is another that needs models of its own. The project's own metrics give the same
figures for BLEU, ROUGE-L and CIDEr without any of this.
"""

import contextlib
import io
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.errors import MissingError, OptionError
from captioner.messages import Message, reason
from captioner.metrics.inputs import check_pairs, check_texts

_BLEU = ("bleu_1", "bleu_2", "bleu_3", "bleu_4")
_SPICE_MODELS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")

# One text, or one text of tokens, for each caption of each image, by the image's index.
_Groups = dict[int, list[str]]


@dataclass(frozen=True)
class OfficialScores:
    """pycocoevalcap's scores in percent, by name: bleu_1 to bleu_4, rouge_l, cider, meteor, spice.

    `sentences` holds one value for each candidate, in order. `notes` says in one sentence each what
    was left out and why.
    """

    corpus: dict[str, float]
    sentences: dict[str, list[float]]
    notes: tuple[Message, ...]


def why_no_official_scores() -> Message | None:
    """One sentence that says what is missing for `official_scores`; None where nothing is."""
    try:
        from pycocoevalcap.tokenizer import ptbtokenizer  # noqa: F401
    except ImportError:
        return Message("pycocoevalcap is not installed; it comes with pip install pycocoevalcap.")
    try:
        subprocess.run(["java", "-version"], capture_output=True, check=True)
    except FileNotFoundError:
        return Message(
            "pycocoevalcap's tokenizer and METEOR run on Java, and there is no command java."
        )
    except (OSError, subprocess.CalledProcessError):
        return Message(
            "pycocoevalcap's tokenizer and METEOR run on Java, and the command java does not run."
        )
    return None


def official_scores(
    candidates: Sequence[str], references: Sequence[Sequence[str]]
) -> OfficialScores:
    """Scores one English caption for each image against that image's references, as plain texts.

    Downloads nothing and prints nothing; SPICE is left out with a note where its models are absent.

    Raises MissingError where pycocoevalcap or Java is missing or does not run, and OptionError if
    there is no candidate, if the two lists differ in length, if a candidate has no reference, or if
    no reference holds a word.
    """
    check_texts(references)
    check_pairs([[text] for text in candidates], [[[text] for text in g] for g in references])
    if not candidates:
        raise OptionError("There is no candidate to score.")
    if why := why_no_official_scores():
        raise MissingError.of(why)
    with _silence():
        results = _tokenized([[candidate] for candidate in candidates])
        truths = _tokenized(references)
        if not any(text for group in truths.values() for text in group):
            raise OptionError("No reference holds a word.")
        corpus, sentences = _in_python(truths, results)
        corpus["meteor"], sentences["meteor"] = _meteor(truths, results)
        note = _why_no_spice()
        if note is None:
            try:
                corpus["spice"], sentences["spice"] = _spice(truths, results)
            except Exception as error:
                note = Message("SPICE is left out: its Java program failed ({}).", reason(error))
    return OfficialScores(corpus, sentences, () if note is None else (note,))


def _tokenized(groups: Sequence[Sequence[str]]) -> _Groups:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    # A line break inside a text would make two texts of it and move all that follow.
    texts = [[" ".join(text.splitlines()) for text in group] for group in groups]
    captions = {i: [{"caption": text} for text in group] for i, group in enumerate(texts)}
    try:
        tokenized: _Groups = PTBTokenizer().tokenize(captions)
    except OSError as error:
        # With the file's name: it is none that the person has named.
        raise MissingError("pycocoevalcap's tokenizer cannot run ({}).", error) from error
    if [len(tokenized.get(i, ())) for i in captions] != [len(group) for group in groups]:
        raise MissingError("pycocoevalcap's tokenizer gave no result.")
    return tokenized


def _in_python(
    truths: _Groups, results: _Groups
) -> tuple[dict[str, float], dict[str, list[float]]]:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    bleu, bleu_sentences = Bleu(4).compute_score(truths, results)
    together = dict(zip(_BLEU, bleu, strict=True))
    each = dict(zip(_BLEU, bleu_sentences, strict=True))
    together["rouge_l"], each["rouge_l"] = Rouge().compute_score(truths, results)
    together["cider"], each["cider"] = Cider().compute_score(truths, results)
    return (
        {name: 100 * float(value) for name, value in together.items()},
        {name: _percent(values) for name, values in each.items()},
    )


def _meteor(truths: _Groups, results: _Groups) -> tuple[float, list[float]]:
    from pycocoevalcap.meteor.meteor import Meteor

    scorer = Meteor()
    try:
        mean, sentences = scorer.compute_score(truths, results)
    except (OSError, ValueError) as error:
        # It still holds its lock here, and would wait for it forever when it is deleted; nor could
        # it then close the pipe of a program that has ended.
        scorer.lock.release()
        with contextlib.suppress(OSError):
            scorer.meteor_p.stdin.close()
        raise MissingError("METEOR's Java program failed.") from error
    return 100 * mean, _percent(sentences)


def _why_no_spice() -> Message | None:
    """Checked beforehand, because SPICE's constructor downloads what it lacks."""
    from pycocoevalcap.spice import spice

    library = Path(spice.__file__).parent / "lib"
    missing = [name for name in _SPICE_MODELS if not (library / name).is_file()]
    if not missing:
        return None
    template = "SPICE is left out: pycocoevalcap has no {} in spice/lib."
    return Message(template, ", ".join(missing))


def _spice(truths: _Groups, results: _Groups) -> tuple[float, list[float]]:
    from pycocoevalcap.spice.spice import Spice

    _, details = Spice().compute_score(truths, results)
    sentences = _percent(detail["All"]["f"] for detail in details)
    return statistics.fmean(sentences), sentences


def _percent(values: Any) -> list[float]:
    return [100 * float(value) for value in values]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing printed, neither by this process nor by the Java programs that it starts."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(stream, os.dup(stream)) for stream in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream, _ in kept:
            os.dup2(nowhere, stream)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        for stream, copy in kept:
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)
