"""What training makes smaller: cross-entropy on people's captions, then on the model's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from captioner.decoding import Hypothesis, SamplingOptions, sample
from captioner.metrics import CiderD, Tokens
from captioner.model import Decoder
from captioner.text import END, NEVER_WRITTEN, PAD, START, UNKNOWN

_NEVER_READ = (*NEVER_WRITTEN, END)


class Sums(NamedTuple):
    """An objective over some captions, as sums: those of all parts of a batch add up.

    loss: a scalar to take the gradient of, summed over `words` words. shown: what a person watches,
    summed over `counted`: the loss over words, in nats, or the reward over captions, in percent.
    """

    loss: Tensor
    words: int
    shown: float
    counted: int


def added(parts: Sequence[Sums]) -> Sums:
    """Several objectives as one."""
    losses, words, shown, counted = zip(*parts, strict=True)
    return Sums(sum(losses[1:], losses[0]), sum(words), sum(shown), sum(counted))


@dataclass(frozen=True)
class CrossEntropy:
    """Negative log-likelihood of a caption's words, each given the ones before it.

    label_smoothing: share of the target that is spread over all words (Szegedy et al. 2016).
    word_dropout: share of the words read that become the unknown word, while what is to be
        predicted stays (Bowman et al. 2016).
    scheduled_sampling: share of the words read that are the model's own in the end (Bengio et al.
        2015), all drawn in one pass over the true caption before the pass that learns (Mihaylova
        and Martins 2019).
    doubly_stochastic: weight λ of λ Σ_i (1 - Σ_t α_ti)² beside a caption's likelihood, which asks
        for equal attention to every location i over the words t (Xu et al. 2015, where λ is 1).
    """

    label_smoothing: float = 0.0
    word_dropout: float = 0.0
    scheduled_sampling: float = 0.0
    doubly_stochastic: float = 0.0

    def __call__(
        self, decoder: Decoder, features: Tensor, captions: Tensor, done: float = 1.0
    ) -> Sums:
        """The loss of captions `[B · K, T]`, padded, of photos with features `[B, N, D]`.

        done: share of the training that lies behind, which scheduled sampling rises with.

        Padding never reaches the vocabulary, which is the widest layer.
        """
        targets = captions[:, 1:]
        words = targets != PAD
        read = self._read(decoder, features, captions, self.scheduled_sampling * done)
        if self.doubly_stochastic:
            outputs, maps = decoder.outputs_and_maps(features, read)
            penalty = self.doubly_stochastic * _unevenness(maps, words)
        else:
            outputs, penalty = decoder.outputs(features, read), features.new_zeros(())
        logits, smoothing = decoder.logits(outputs[words]).float(), self.label_smoothing
        loss = penalty + F.cross_entropy(
            logits, targets[words], reduction="sum", label_smoothing=smoothing
        )
        count = len(logits)
        return Sums(loss, count, loss.item(), count)

    def _read(self, decoder: Decoder, features: Tensor, captions: Tensor, share: float) -> Tensor:
        """The captions as the decoder reads them: some words its own, some unknown."""
        words = captions[:, 1:] > UNKNOWN
        read = captions.clone()
        if share:
            chosen = (torch.rand(words.shape, device=words.device) < share) & words
            read[:, 1:][chosen] = _drawn_words(decoder, features, captions, chosen)
        if self.word_dropout:
            dropped = torch.rand(words.shape, device=words.device) < self.word_dropout
            read[:, 1:][dropped & words] = UNKNOWN
        return read


def _drawn_words(decoder: Decoder, features: Tensor, captions: Tensor, chosen: Tensor) -> Tensor:
    """Words drawn from the model where chosen `[B · K, T - 1]`, after the true words."""
    with _writing(decoder):
        logits = decoder.logits(decoder.outputs(features, captions)[chosen]).float()
        # After its end it would have written nothing that it could read on from.
        logits[:, _NEVER_READ] = -torch.inf
        return torch.multinomial(logits.softmax(dim=1), 1).squeeze(1)


def _unevenness(maps: Tensor, words: Tensor) -> Tensor:
    """Σ (1 - Σ_t α_t)² over locations and captions; maps `[B · K, T, N]`, words `[B · K, T]`."""
    attention = (maps.float() * words.unsqueeze(2)).sum(dim=1)
    return (1 - attention).square().sum(dim=1)[words.any(dim=1)].sum()


@contextmanager
def _writing(decoder: Decoder) -> Iterator[None]:
    """The decoder as it will write: without dropout, and with nothing to learn from."""
    training = decoder.training
    decoder.eval()
    with torch.no_grad():
        yield
    decoder.train(training)
    # Older torch would go on with weights that were converted without a gradient.
    torch.clear_autocast_cache()


class SelfCritical:
    """Self-critical sequence training (Rennie et al. 2017): sampled captions that score better than
    a baseline become likelier, the others less likely.

    The reward is CIDEr-D. The end counts as a word of caption and references, or captions would
    learn to stop in the middle of a phrase, which the plain score does not see.

    references: of every training photo, as ids that end with the end token. samples: captions
    drawn for each photo. baseline: "greedy", the score of the caption that the model would write
    (Rennie et al.); or "mean", that of the photo's other samples, which needs no further search
    (Luo 2020). max_length: most words of a sample. bleu_weight: of a caption's BLEU-4 beside its
    CIDEr-D. told_weight: of the share that a caption has of the words in which most people agree,
    in whatever form (`base_forms`: of numbers that stand for a form, the word's own), but for
    `function_words`. named_weight: of the share that it has of all their other words, each
    counted by how many people use it, times its inverse document frequency: rare words are worth
    more, and a caption grows richer in them. cross_entropy_weight: of each word of people's
    captions beside one drawn, which keeps the sentences like theirs (Paulus et al. 2018).
    """

    def __init__(
        self,
        references: Sequence[Sequence[Tokens]],
        samples: int,
        baseline: str,
        max_length: int,
        *,
        bleu_weight: float = 0.0,
        told_weight: float = 0.0,
        named_weight: float = 0.0,
        cross_entropy_weight: float = 0.0,
        function_words: Collection[int] = (),
        base_forms: Mapping[Any, int] | None = None,
    ) -> None:
        self.baseline = baseline
        self.bleu_weight = bleu_weight
        self._untold = {END, *function_words}
        self._bases: Mapping[Any, int] = base_forms or {}
        self.told_weight, self.named_weight = told_weight, named_weight
        self.cross_entropy_weight = cross_entropy_weight
        self._references, self._cider = references, CiderD(references)
        self._prepared = self._cider.prepare()
        self._max_length = max_length
        common: dict[str, Any] = {"min_length": 0, "max_length": max_length, "no_repeat_ngram": 0}
        self._sampling = SamplingOptions(top=samples, avoid=NEVER_WRITTEN, **common)
        self._greedy = SamplingOptions(top_k=1, avoid=NEVER_WRITTEN, **common)

    def __call__(
        self, decoder: Decoder, features: Tensor, rows: Tensor, written: Tensor | None = None
    ) -> Sums:
        """Draw captions, score them, and see what would have made the good ones likelier.

        features: `[B, N, D]`. rows: `[B]`, which training photos they are of. written: people's
        captions `[B · K, T]` of them, padded, for their cross-entropy.

        Captions are drawn without dropout, as the model will write, and learned with it.
        """
        with _writing(decoder):
            drawn = [caption for group in self._draw(decoder, features) for caption in group]
            rewards = self._score(drawn, rows).to(features.device)  # [B, K]
            baseline = self._baseline(decoder, features, rows, rewards)
        advantage = (rewards - baseline).flatten()
        captions = self._padded(drawn).to(features.device)
        loss, words = _expected(decoder, features, captions, advantage)
        if self.cross_entropy_weight and written is not None:
            loss = (
                loss + self.cross_entropy_weight * CrossEntropy()(decoder, features, written).loss
            )
        return Sums(loss, words, 100 * rewards.sum().item(), rewards.numel())

    def _draw(self, decoder: Decoder, features: Tensor) -> list[list[Hypothesis]]:
        return _sampled(decoder, features, self._sampling)

    def _baseline(
        self, decoder: Decoder, features: Tensor, rows: Tensor, rewards: Tensor
    ) -> Tensor:
        if self.baseline == "mean":
            others = rewards.shape[1] - 1
            return (rewards.sum(dim=1, keepdim=True) - rewards) / others
        found = _sampled(decoder, features, self._greedy)
        return self._score([group[0] for group in found], rows).to(features.device)

    def _score(self, captions: Sequence[Hypothesis], rows: Tensor) -> Tensor:
        """CIDEr-D of the captions of B photos, K of each one after another: `[B, K]`."""
        each = len(captions) // len(rows)
        photos = rows.repeat_interleave(each).tolist()
        words = [self._ended(caption) for caption in captions]
        compared = self._prepared.compare(words, photos)
        rewards = compared.cider
        if self.bleu_weight:
            rewards = rewards + self.bleu_weight * compared.bleu[:, 3]
        if self.told_weight:
            agreed = {photo: self._agreed(photo) for photo in set(photos)}
            told = [_share(agreed[p], self._told(c)) for p, c in zip(photos, words, strict=True)]
            rewards = rewards + self.told_weight * np.array(told)
        if self.named_weight:
            worths = {photo: self._worths(photo) for photo in set(photos)}
            named = [_worth_of(c, worths[p]) for p, c in zip(photos, words, strict=True)]
            rewards = rewards + self.named_weight * np.array(named)
        return torch.from_numpy(rewards).float().view(len(rows), each)

    def _told(self, caption: Tokens) -> set[Any]:
        """The words of a caption that tell something, each in its own form."""
        return {self._bases.get(word, word) for word in set(caption) - self._untold}

    def _agreed(self, photo: int) -> set[Any]:
        """The words that three of four people use, or more."""
        captions = [self._told(caption) for caption in self._references[photo]]
        counts = Counter(word for caption in captions for word in caption)
        return {word for word, people in counts.items() if 4 * people >= 3 * len(captions)}

    def _worths(self, photo: int) -> dict[Any, float]:
        """What each word is worth in a caption of a photo; all of a photo's words add up to 1."""
        captions = [set(caption) - self._untold for caption in self._references[photo]]
        people = Counter(word for caption in captions for word in caption)
        rarities = self._cider.rarities(list(people))
        worth = [often * rarity for often, rarity in zip(people.values(), rarities, strict=True)]
        total = sum(worth) or 1.0
        return {word: own / total for word, own in zip(people, worth, strict=True)}

    def _padded(self, captions: Sequence[Hypothesis]) -> Tensor:
        """Captions as the decoder reads them `[B · K, T]`, from the start token on."""
        rows = [torch.tensor([START, *self._ended(caption)]) for caption in captions]
        return pad_sequence(rows, True, PAD)

    def _ended(self, caption: Hypothesis) -> tuple[int, ...]:
        """A caption's words and its end, which one that was cut off does not have."""
        cut_off = len(caption.tokens) == self._max_length
        return caption.tokens if cut_off else (*caption.tokens, END)


def _sampled(
    decoder: Decoder, features: Tensor, options: SamplingOptions
) -> list[list[Hypothesis]]:
    beginning = (decoder.step, decoder.start(features), len(features), START, END)
    return sample(*beginning, options, device=features.device)


def _share(agreed: set[Any], told: set[Any]) -> float:
    """Of the words agreed on, those that a caption has; where there are none, it lacks none."""
    return len(agreed & told) / len(agreed) if agreed else 1.0


def _worth_of(caption: Tokens, worth: Mapping[Any, float]) -> float:
    return sum(worth.get(word, 0.0) for word in set(caption))


def _expected(
    decoder: Decoder, features: Tensor, captions: Tensor, advantage: Tensor
) -> tuple[Tensor, int]:
    """Sum over all words of minus their log-probability times their caption's advantage, and how
    many words these are.

    Its gradient is that of the expected reward (Williams 1992, REINFORCE).
    """
    targets = captions[:, 1:]
    words = targets != PAD
    logits = decoder.logits(decoder.outputs(features, captions)[words]).float()
    # As they were drawn: from what is ever written.
    logits[:, NEVER_WRITTEN] = -torch.inf
    losses = F.cross_entropy(logits, targets[words], reduction="none")
    return (losses * advantage.repeat_interleave(words.sum(dim=1))).sum(), len(losses)
