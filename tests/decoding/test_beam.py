"""Beam search against brute force, on small tables of history-dependent probabilities."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from captioner.decoding import BeamOptions, Fate, Hypothesis, Trace, beam_search, tensors
from captioner.errors import ModelError, OptionError
from captioner.text import Trigrams

END, START = 0, 1
ROWS = 61  # of the table; a prime, so that histories spread over all of them


@dataclass(frozen=True)
class Toy:
    """A model whose next-token logits depend on the image and on all tokens read so far."""

    table: Tensor  # [ROWS, V] logits

    @staticmethod
    def seeded(seed: int, vocabulary: int) -> "Toy":
        generator = torch.Generator().manual_seed(seed)
        return Toy(2 * torch.randn(ROWS, vocabulary, generator=generator))

    def state(self, images: list[int]) -> "ToyState":
        return ToyState(torch.tensor(images), len(images))

    def step(self, tokens: Tensor, state: "ToyState") -> tuple[Tensor, "ToyState"]:
        rows = (state.rows * 31 + tokens + 7) % ROWS
        return self.table[rows], ToyState(rows, state.images)

    def log_probs(self, image: int, tokens: tuple[int, ...]) -> list[float]:
        """Next-token log-probabilities, worked out from the whole history in plain Python."""
        row = image
        for token in (START, *tokens):
            row = (row * 31 + token + 7) % ROWS
        logits = self.table[row].tolist()
        log_sum = math.log(sum(math.exp(logit) for logit in logits))
        return [logit - log_sum for logit in logits]


@dataclass(frozen=True)
class ToyState:
    rows: Tensor  # long [B * K], a row of the table that stands for the whole history
    images: int

    def reorder(self, parents: Tensor) -> "ToyState":
        rows = self.rows.view(self.images, -1)
        assert int(parents.max()) < rows.shape[1]
        return ToyState(
            torch.stack([r[p] for r, p in zip(rows, parents, strict=True)]).flatten(), self.images
        )

    def keep(self, images: Tensor) -> "ToyState":
        return ToyState(self.rows.view(self.images, -1)[images].flatten(), len(images))


def allowed(tokens: tuple[int, ...], vocabulary: int, options: BeamOptions) -> set[int]:
    """Say which tokens the constraints allow next: their definitions, one token at a time."""

    def repeats(token: int) -> bool:
        n = options.no_repeat_ngram
        longer = (*tokens, token)
        ngrams = [longer[i : i + n] for i in range(len(longer) - n + 1)]
        return n > 0 and token != END and bool(ngrams) and ngrams[-1] in ngrams[:-1]

    recent = set(tokens[-options.no_repeat_within :]) if options.no_repeat_within else set()
    stutters = recent - set(options.repeatable)
    words = {token for token in range(1, vocabulary) if not repeats(token)} - stutters
    words -= {p[-1] for p in options.avoid_phrases if (*tokens, p[-1])[-len(p) :] == p}
    ends = {END} if len(tokens) >= options.min_length else set()
    return (words | ends) - set(options.avoid) or {END}


def lost(tokens: tuple[int, ...], token: int, options: BeamOptions) -> float:
    """What the log-probability of a token loses after these."""
    trigrams = options.trigrams
    if trigrams is None or not tokens:
        return 0.0
    before = (START, *tokens)[-2:]
    is_odd = trigrams.is_common(*before) and not trigrams.holds(*before, token)
    return trigrams.penalty if is_odd else 0.0


def hypothesis(
    tokens: tuple[int, ...], total: float, options: BeamOptions, unlikely: bool = False
) -> Hypothesis:
    ended = len(tokens) < options.max_length
    everything = (*tokens, END) if ended else tokens
    losses = sum(lost(everything[:at], token, options) for at, token in enumerate(everything))
    divisor = min(len(everything), options.length_bound) ** options.length_penalty
    return Hypothesis(tokens, total + losses, total / divisor, unlikely)


Finder = Callable[[Toy, int, BeamOptions], list[Hypothesis]]


def every_caption(
    toy: Toy,
    image: int,
    options: BeamOptions,
    tokens: tuple[int, ...] = (),
    total: float = 0.0,
) -> Iterator[tuple[tuple[int, ...], float]]:
    if len(tokens) == options.max_length:
        yield tokens, total
        return
    log_probs = toy.log_probs(image, tokens)
    for token in allowed(tokens, len(log_probs), options):
        after = total + log_probs[token] - lost(tokens, token, options)
        if token == END:
            yield tokens, after
        else:
            yield from every_caption(toy, image, options, (*tokens, token), after)


def begun(toy: Toy, image: int, options: BeamOptions) -> tuple[tuple[int, ...], float]:
    """What every caption begins with, and its log-probability, less what is lost."""
    begin = options.begin
    each = (
        toy.log_probs(image, begin[:at])[token] - lost(begin[:at], token, options)
        for at, token in enumerate(begin)
    )
    return begin, sum(each)


def weighed(
    toy: Toy, image: int, tokens: tuple[int, ...], options: BeamOptions
) -> dict[int, tuple[float, bool]]:
    """The tokens that may come next, each with its log-probability, less what is lost, and whether
    it is weighed against others: where anything can be lost, the likeliest alone, and those that
    get a place of their own in the search."""
    log_probs = toy.log_probs(image, tokens)
    possible = sorted(allowed(tokens, len(log_probs), options), key=lambda token: -log_probs[token])
    apart = {END, *(token for phrase in options.require for token in phrase)}
    apart = apart if options.require else set()
    likeliest = [token for token in possible if token not in apart]
    if options.trigrams:
        likeliest = likeliest[: 2 * options.beam]
    return {
        token: (log_probs[token] - lost(tokens, token, options), token in {*likeliest, *apart})
        for token in possible
    }


def written(tokens: tuple[int, ...], options: BeamOptions) -> int:
    """Count the required tokens that a caption has: of whole phrases all, of one that it ends in
    the middle of, those so far."""
    count = 0
    for phrase in options.require:
        n = len(phrase)
        whole = any(tokens[i : i + n] == phrase for i in range(len(tokens)))
        begun = [m for m in range(1, n) if tokens[-m:] == phrase[:m]]
        count += n if whole else max(begun, default=0)
    return count


def exhaustive(toy: Toy, image: int, options: BeamOptions) -> list[Hypothesis]:
    """Rank all possible captions: those that end, then those cut off, each by score; but by what
    is required first, and without it none may end."""
    captions = [
        hypothesis(tokens, total, options)
        for tokens, total in every_caption(toy, image, options, *begun(toy, image, options))
    ]
    required = sum(map(len, options.require))

    def rank(caption: Hypothesis) -> tuple[bool, int, float]:
        cut_off = len(caption.tokens) == options.max_length
        missing = required - written(caption.tokens, options) if cut_off else 0
        return cut_off, missing, -caption.score

    possible = [
        caption
        for caption in captions
        if len(caption.tokens) == options.max_length or written(caption.tokens, options) == required
    ]
    return sorted(possible, key=rank)[: options.top]


def one_at_a_time(toy: Toy, image: int, options: BeamOptions) -> list[Hypothesis]:
    """Search with lists and loops, always to the last step, a beam for each number of required
    tokens written."""
    required = sum(map(len, options.require))
    live: list[tuple[tuple[int, ...], float]] = [begun(toy, image, options)]
    ended: list[tuple[tuple[int, ...], float]] = []
    unlikely: list[tuple[tuple[int, ...], float]] = []
    for length in range(len(options.begin) + 1, options.max_length + 1):
        candidates = [
            (tokens, token, total + log_prob, counts)
            for tokens, total in live
            for token, (log_prob, counts) in weighed(toy, image, tokens, options).items()
            if token != END or written(tokens, options) == required
        ]
        candidates.sort(key=lambda candidate: -candidate[2])
        live = []
        for group in range(required, -1, -1):
            every = [
                (tokens if token == END else (*tokens, token), token, total, counts)
                for tokens, token, total, counts in candidates
                if written(tokens if token == END else (*tokens, token), options) == group
            ]
            own = [candidate[:3] for candidate in every if candidate[3]]
            ending = [(tokens, lp) for tokens, token, lp in own[: options.beam] if token == END]
            ended += ending
            if length > options.max_length / 2:
                ends = [(tokens, lp) for tokens, token, lp, _ in every if token == END]
                unlikely += [one for one in ends if one not in ending]
            live += [(tokens, lp) for tokens, token, lp in own if token != END][: options.beam]
    best = []
    for captions, is_unlikely in ((ended, False), (unlikely, True), (live, False)):
        listed = [hypothesis(own, total, options, is_unlikely) for own, total in captions]
        best += listed if captions is live else sorted(listed, key=lambda one: -one.score)
    return best[: options.top]


def search(toy: Toy, images: list[int], options: BeamOptions) -> list[list[Hypothesis]]:
    """What both searches find, that of a processor by lists and that of a GPU by tensors."""
    asked = (len(images), START, END, options)
    found = beam_search(toy.step, toy.state(images), *asked)
    for own, other in zip(found, tensors.search(toy.step, toy.state(images), *asked), strict=True):
        assert_same(own, other)
    return found


def without_if_none(find: Finder, toy: Toy, image: int, options: BeamOptions) -> list[Hypothesis]:
    """What is found with everything required, or else without."""
    return find(toy, image, options) or find(toy, image, replace(options, require=()))


def assert_same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    for one, other in zip(found, expected, strict=True):
        # Two captions may tie to the last digit of float32, and then either may come first.
        tie = abs(one.score - other.score) < 1e-6
        assert one.tokens == other.tokens or tie
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.unlikely == other.unlikely


AVOIDED = st.sampled_from([(1, 1), (1, 2), (2, 1), (3, 2), (1, 1, 1), (2, 1, 2), (3,)])


@st.composite
def spoken(draw: st.DrawFn, vocabulary: int) -> Trigrams:
    """Some trigrams and common pairs, in a filter so large that it finds nothing else."""
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    trigrams, pairs = (
        np.argwhere(generator.random((vocabulary,) * n) < share)
        for n, share in ((3, 0.5), (2, 0.8))
    )
    return replace(Trigrams.of(trigrams, pairs, 2**16), penalty=draw(st.sampled_from([0.7, 3.0])))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Toy, dict]:
    vocabulary = draw(st.integers(2, 4))
    max_length = draw(st.integers(1, 4))
    options = {
        "max_length": max_length,
        "min_length": draw(st.integers(0, max_length)),
        "length_penalty": draw(st.sampled_from([-1.0, 0.0, 0.7, 1.0, 2.0])),
        "length_bound": draw(st.integers(1, 8)),
        "no_repeat_ngram": draw(st.integers(0, 3)),
        "no_repeat_within": draw(st.integers(0, 2)),
        "repeatable": tuple(draw(st.sets(st.integers(1, 3), max_size=2))),
        "avoid": tuple(draw(st.sets(st.integers(0, vocabulary - 1), max_size=2))),
        "avoid_phrases": tuple(
            phrase for phrase in draw(st.sets(AVOIDED, max_size=2)) if max(phrase) < vocabulary
        ),
    }
    if draw(st.booleans()):
        options["trigrams"] = draw(spoken(vocabulary))
    begin = st.lists(st.integers(1, vocabulary - 1), max_size=max_length - 1).map(tuple)
    options["begin"] = draw(begin)
    words = sorted(set(range(1, vocabulary)) - set(options["avoid"]))
    if words and draw(st.booleans()):
        phrases = st.lists(st.sampled_from(words), min_size=1, max_size=2).map(tuple)
        require = draw(st.lists(phrases, max_size=2).map(tuple))
        avoided = (" ".join(map(str, phrase)) for phrase in options["avoid_phrases"])
        asked = "|".join(" ".join(map(str, phrase)) for phrase in require)
        possible = not any(phrase in asked for phrase in avoided)
        if possible and sum(map(len, require)) <= max_length:
            options["require"] = require
    return Toy.seeded(draw(st.integers(0, 10**6)), vocabulary), options


@settings(max_examples=150, deadline=None)
@given(problems(), st.integers(1, 8))
def test_a_beam_as_wide_as_the_tree_equals_exhaustive_search(
    problem: tuple[Toy, dict], top: int
) -> None:
    toy, values = problem
    widest = toy.table.shape[1] ** values["max_length"]
    options = BeamOptions(beam=widest, top=min(top, widest), **values)
    for image, found in enumerate(search(toy, [0, 1, 2], options)):
        assert_same(found, without_if_none(exhaustive, toy, image, options))


@settings(max_examples=150, deadline=None)
@given(problems(), st.integers(1, 5), st.data())
def test_a_narrow_beam_equals_a_search_by_loops_that_never_stops_early(
    problem: tuple[Toy, dict], beam: int, data: st.DataObject
) -> None:
    toy, values = problem
    values["max_length"] += data.draw(st.integers(0, 8))
    options = BeamOptions(beam=beam, top=data.draw(st.integers(1, beam + 4)), **values)
    for image, found in enumerate(search(toy, [0, 1, 2], options)):
        assert_same(found, without_if_none(one_at_a_time, toy, image, options))


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(1, 4), st.sampled_from([beam_search, tensors.search]))
def test_the_trace_has_what_each_step_kept_and_pruned(
    problem: tuple[Toy, dict], beam: int, find: Callable[..., list[list[Hypothesis]]]
) -> None:
    toy, values = problem
    options = BeamOptions(beam=beam, **{**values, "require": ()})
    trace = Trace()
    traced = find(toy.step, toy.state([0, 1]), 2, START, END, options, trace=trace)
    assert traced == find(toy.step, toy.state([0, 1]), 2, START, END, options)
    for image in (0, 1):
        live = {options.begin}
        for step in trace.steps[image]:
            expected = sorted(
                (
                    begun(toy, image, replace(options, max_length=99, begin=(*tokens, token)))[::-1]
                    for tokens in live
                    for token, (_, counts) in weighed(toy, image, tokens, options).items()
                    if counts
                ),
                reverse=True,
            )[: 2 * beam]
            assert [own.log_prob for own in step] == pytest.approx(
                [log_prob for log_prob, _ in expected], abs=1e-4
            )
            assert {own.tokens for own in step} == {tokens for _, tokens in expected}
            going = [own for own in step if own.tokens[-1] != END]
            assert all((own.fate is Fate.KEPT) == (n < beam) for n, own in enumerate(going))
            assert all(
                (own.fate is Fate.ENDED) == (n < beam)
                for n, own in enumerate(step)
                if own.tokens[-1] == END
            )
            live = {own.tokens for own in step if own.fate is Fate.KEPT}


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_gives_each_image_what_it_gets_alone(seed: int) -> None:
    toy = Toy.seeded(seed, 12)
    options = BeamOptions(beam=4, top=3, max_length=10)
    images = [5, 0, 17, 5, 42]
    for image, found in zip(images, search(toy, images, options), strict=True):
        assert_same(found, search(toy, [image], options)[0])


@pytest.mark.parametrize("seed", range(5))
def test_the_best_are_sorted_and_distinct(seed: int) -> None:
    options = BeamOptions(beam=6, top=6, max_length=40)
    for found in search(Toy.seeded(seed, 10), list(range(8)), options):
        assert len({caption.tokens for caption in found}) == 6
        scores = [caption.score for caption in found]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("seed", range(5))
def test_required_phrases_appear_in_every_image(seed: int) -> None:
    options = BeamOptions(beam=2, max_length=12, require=((7, 3), (3, 5), (9,)))
    for found in search(Toy.seeded(seed, 20), list(range(8)), options):
        assert written(found[0].tokens, options) == 5


def test_a_required_phrase_may_begin_anew_within_itself() -> None:
    """In 2 2 3 the second 2 begins the phrase 2 3."""
    toy = Toy(torch.tensor([[0.0, -math.inf, 5.0, 0.0]]).repeat(ROWS, 1))
    options = BeamOptions(
        beam=9, top=9, max_length=4, min_length=3, no_repeat_ngram=0, require=((2, 3),)
    )
    for find in (beam_search, tensors.search):  # which may cut equally likely ones differently
        found = find(toy.step, toy.state([0]), 1, START, END, options)[0]
        assert (2, 2, 3) in [caption.tokens for caption in found]


@pytest.mark.parametrize("seed", range(10))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    """If that does not end, it is told as far as its end would have been likeliest."""
    toy = Toy.seeded(seed, 8)
    options = BeamOptions(beam=1, min_length=0, max_length=15, no_repeat_ngram=0)
    tokens, log_prob = (), 0.0
    ends: dict[tuple[int, ...], float] = {}
    while len(tokens) < 15:
        log_probs = toy.log_probs(3, tokens)
        best = log_probs.index(max(log_probs))
        if best == END:
            break
        if len(tokens) >= 7:
            ends[tokens] = hypothesis(tokens, log_prob + log_probs[END], options).score
        tokens, log_prob = (*tokens, best), log_prob + log_probs[best]
    expected = tokens if len(tokens) < 15 else max(ends, key=lambda one: ends[one])
    assert search(toy, [3], options)[0][0].tokens == expected


def test_a_model_that_never_ends_still_yields_captions() -> None:
    toy = Toy.seeded(0, 6)
    toy.table[:, END] = -torch.inf
    for found in search(toy, [0, 1], BeamOptions(beam=3, top=3, max_length=7)):
        assert len({caption.tokens for caption in found}) == 3
        assert all(len(caption.tokens) == 7 for caption in found)
        assert all(math.isfinite(caption.score) for caption in found)


def test_captions_that_end_come_before_those_cut_off() -> None:
    toy = Toy(torch.tensor([[0.0, -math.inf, 5.0]]).repeat(ROWS, 1))
    first, *rest = search(
        toy, [0], BeamOptions(no_repeat_ngram=0, beam=2, top=2, max_length=3, min_length=2)
    )[0]
    assert first.tokens == (2, 2)
    assert [caption.tokens for caption in rest] == [(2, 2, 2)]
    assert rest[0].score > first.score


def test_a_beam_wider_than_the_vocabulary_gives_only_what_is_possible() -> None:
    toy = Toy.seeded(1, 2)
    found = search(
        toy, [0], BeamOptions(no_repeat_ngram=0, beam=9, top=9, max_length=3, min_length=0)
    )[0]
    assert sorted(caption.tokens for caption in found) == [(), (1,), (1, 1), (1, 1, 1)]


def test_a_vocabulary_of_the_end_token_alone_gives_the_empty_caption() -> None:
    toy = Toy(torch.zeros(ROWS, 1))
    found = search(toy, [0], BeamOptions(beam=3, top=3))[0]
    assert found == [Hypothesis((), 0.0, 0.0)]


def test_the_end_is_allowed_when_every_word_is_forbidden() -> None:
    options = BeamOptions(beam=2, min_length=5, max_length=9, no_repeat_ngram=1)
    found = search(Toy.seeded(2, 4), [0], options)[0]
    assert sorted(found[0].tokens) == [1, 2, 3]


def test_a_model_without_words_ends_in_spite_of_the_least_length() -> None:
    toy = Toy(torch.tensor([[0.0, -math.inf, -math.inf]]).repeat(ROWS, 1))
    assert search(toy, [0], BeamOptions(min_length=4))[0] == [Hypothesis((), 0.0, 0.0)]


@pytest.mark.parametrize("length_penalty", [-1.0, 0.0, 0.7])
def test_the_search_stops_when_nothing_better_can_come(length_penalty: float) -> None:
    toy = Toy.seeded(3, 5)
    toy.table[:, END] += 8
    steps = 0

    def counted(tokens: Tensor, state: ToyState) -> tuple[Tensor, ToyState]:
        nonlocal steps
        steps += 1
        return toy.step(tokens, state)

    options = BeamOptions(beam=2, max_length=200, length_penalty=length_penalty)
    beam_search(counted, toy.state([0, 1]), 2, START, END, options)
    assert steps < 60


def test_images_that_are_settled_are_left_behind() -> None:
    toy = Toy.seeded(3, 5)
    rows: list[int] = []

    def counted(tokens: Tensor, state: ToyState) -> tuple[Tensor, ToyState]:
        rows.append(len(tokens))
        return toy.step(tokens, state)

    images = list(range(40))
    options = BeamOptions(beam=3, max_length=20)
    found = beam_search(counted, toy.state(images), 40, START, END, options)
    assert rows[:2] == [40, 120]
    assert rows[1:] == sorted(rows[1:], reverse=True)
    assert rows[-1] < 60
    for image in images:
        assert_same(found[image], search(toy, [image], options)[0])


@dataclass(frozen=True)
class Clock:
    """A state that only counts steps."""

    position: int = 0

    def reorder(self, parents: Tensor) -> "Clock":
        return self


@pytest.mark.parametrize(
    ("length_penalty", "end_probability", "longer"), [(1.0, 0.9, 50), (-1.0, 0.4, 2), (0.0, 0.4, 2)]
)
@pytest.mark.parametrize("length_bound", [60, 50, 11])
def test_the_search_goes_on_while_a_longer_caption_can_still_win(
    length_penalty: float, end_probability: float, longer: int, length_bound: int
) -> None:
    """The second step may end; if it does not, the end comes for sure after ``longer`` words."""

    def step(tokens: Tensor, state: Clock) -> tuple[Tensor, Clock]:
        ends = {1: end_probability, longer: 1.0}.get(state.position, 0.0)
        logits = torch.tensor([ends, 0.0, 1 - ends]).log()
        return logits.expand(len(tokens), -1), Clock(state.position + 1)

    options = BeamOptions(
        beam=2, max_length=60, length_penalty=length_penalty, length_bound=length_bound,
        no_repeat_ngram=0,
    )  # fmt: skip
    found = beam_search(step, Clock(), 1, START, END, options)[0][0]
    if longer > length_bound:  # where it gains nothing by being longer still
        assert found.tokens == (2,)
        return
    assert found.tokens == (2,) * longer
    assert found.log_prob == pytest.approx(math.log(1 - end_probability), abs=1e-4)


def test_half_precision_logits_are_normalised_in_single_precision() -> None:
    toy = Toy.seeded(4, 50)
    halved = Toy(toy.table.bfloat16())
    rounded = Toy(toy.table.bfloat16().float())
    options = BeamOptions(beam=3, top=3)
    for image in (0, 1):
        assert_same(search(halved, [image], options)[0], search(rounded, [image], options)[0])


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"beam": 0}, "beam"),
        ({"top": 0}, "top"),
        ({"max_length": 0}, "max_length"),
        ({"min_length": -1}, "min_length"),
        ({"min_length": 21}, "min_length"),
        ({"length_penalty": math.nan}, "length_penalty"),
        ({"length_penalty": math.inf}, "length_penalty"),
        ({"length_bound": 0}, "length_bound"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram"),
        ({"avoid": (-1,)}, "avoid"),
        ({"require": ((),)}, "require"),
        ({"require": ((2, 3), (4,)), "max_length": 2}, "The words that must appear are 3"),
        ({"require": ((2, 3),), "avoid": (3,)}, "A word cannot"),
        ({"require": ((4, 2, 3),), "avoid_phrases": ((2, 3),)}, "A word cannot"),
        ({"begin": (2, 3), "max_length": 2}, "A beginning of 2 words"),
        ({"avoid_phrases": ((),)}, "avoid_phrases"),
    ],
)
def test_an_impossible_option_is_named_in_one_sentence(values: dict, word: str) -> None:
    with pytest.raises(OptionError, match=rf"^{word}.*\.$"):
        BeamOptions(**values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("require", [(), ((3,),)])
def test_logits_that_are_no_numbers_give_one_sentence(
    value: float, require: tuple[tuple[int, ...], ...]
) -> None:
    toy = Toy(torch.full((ROWS, 5), value))
    options = BeamOptions(require=require)
    with pytest.raises(ModelError, match="The model gives no next word a probability"):
        beam_search(toy.step, toy.state([0, 1]), 2, START, END, options)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    values=st.lists(st.sampled_from([math.nan, math.inf, -math.inf, 3e38]), max_size=40),
    beam=st.integers(1, 4),
)
def test_some_logits_that_are_no_numbers_give_captions_or_one_sentence(
    seed: int, values: list[float], beam: int
) -> None:
    toy = Toy.seeded(seed, 5)
    places = torch.randperm(toy.table.numel(), generator=torch.Generator().manual_seed(seed))
    toy.table.view(-1)[places[: len(values)]] = torch.tensor(values)
    options = BeamOptions(beam=beam, max_length=6)
    try:
        found = beam_search(toy.step, toy.state([0, 1]), 2, START, END, options)
    except ModelError:
        return
    for group in found:
        assert len(group) >= 1
        assert all(math.isfinite(own.log_prob) and math.isfinite(own.score) for own in group)


def test_no_image_has_no_caption() -> None:
    toy = Toy.seeded(0, 4)
    assert beam_search(toy.step, toy.state([]), 0, START, END, BeamOptions()) == []
