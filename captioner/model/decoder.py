"""The decoder: grid features to words, one at a time or all of a known caption at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captioner.model.attention import Memory, attention
from captioner.model.cells import LSTMState, cell


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes of a decoder.

    hidden: H, of the recurrent state, the word embeddings and the attention.
    heads: attention heads, for an attention that has several.
    dropout: probability with which an embedding or output unit is dropped in training.
    """

    cell: str = "lstm"
    attention: str = "multihead"
    hidden: int = 512
    heads: int = 8
    dropout: float = 0.5


@dataclass(frozen=True)
class DecoderState:
    """What the decoder carries from word to word, for B photos with K rows (beams) each.

    memory: what the attention looks up, once per photo.
    summary: the photo at a glance `[B, 1, H]`, part of every recurrent input.
    reading: what the cell reads from the summary `[B, 1, 4H]`, where it is known beforehand.
    recurrent: hidden and cell state `[B · K, H]`.
    """

    memory: Memory
    summary: Tensor
    recurrent: LSTMState
    reading: Tensor | None = None

    def reorder(self, parents: Tensor) -> DecoderState:
        """Continue from other rows: `parents [B, K']` is each new row's old row in its photo.

        Rows never leave their photo, so what belongs to the photo stays where it is.
        """
        photos = self.summary.shape[0]
        rows = self.recurrent.h.shape[0] // photos
        first = torch.arange(0, photos * rows, rows, device=parents.device)
        index = (parents + first.unsqueeze(1)).flatten()
        h, c = (part.index_select(0, index) for part in self.recurrent)
        return self.after(LSTMState(h, c))

    def after(self, recurrent: LSTMState) -> DecoderState:
        """The same photos with another hidden and cell state."""
        return DecoderState(self.memory, self.summary, recurrent, self.reading)


class Decoder(nn.Module):
    """LSTM with spatial attention, initialised from the photo.

    As in "Knowing When to Look" (Lu et al. 2017) the new hidden state, which has just read the last
    word, decides where to look, and the next word is predicted from that state and what it saw.
    The recurrence then depends on the words alone, so that a whole known caption runs through the
    fused kernel at once. The gate on what was seen is attention on attention's (Huang et al. 2019).
    The output shares the input words' embeddings (Press and Wolf 2017).
    """

    def __init__(self, config: DecoderConfig, features: int, vocabulary: int) -> None:
        super().__init__()
        hidden = config.hidden
        self.norm = nn.LayerNorm(features)
        self.project = nn.Linear(features, hidden)
        self.summary = nn.Linear(hidden, hidden)
        self.initial = nn.Linear(hidden, 2 * hidden)
        self.attention = attention(config.attention, hidden, hidden, config.heads)
        self.cell = cell(config.cell, hidden, hidden)
        self.output = nn.Linear(2 * hidden, 2 * hidden)
        self.words = nn.Linear(hidden, vocabulary)
        self.readings: Tensor | None
        self.register_buffer("readings", None, persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.words.weight, std=hidden**-0.5)
        nn.init.zeros_(self.words.bias)

    def start(self, features: Tensor) -> DecoderState:
        """Grid features `[B, N, D]` to the state before the first word, one row per photo."""
        grid = self.dropout(F.relu(self.project(self.norm(features))))
        glance = grid.mean(dim=1)
        h, c = torch.tanh(self.initial(glance)).chunk(2, dim=1)
        memory = self.attention.remember(grid)
        summary = self.summary(glance).unsqueeze(1)
        reading = None if self.readings is None else self.cell.read(summary)
        return DecoderState(memory, summary, LSTMState(h, c), reading)

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """The last words `[B · K]` to logits `[B · K, V]` of the next, and the new state."""
        h, recurrent = self.cell.advance(self._readings(tokens, state), state.recurrent)
        logits = self.logits(self._look(h.unsqueeze(1), state)[0][:, 0])
        return logits, state.after(recurrent)

    def forward(self, features: Tensor, captions: Tensor) -> Tensor:
        """Teacher-forced logits `[B · K, T - 1, V]`.

        features: `[B, N, D]`. captions: `[B · K, T]`, K for each photo one after another, each from
        the start token on; the logits at t are those of word t + 1.
        """
        return self.logits(self.outputs(features, captions))

    def outputs(self, features: Tensor, captions: Tensor) -> Tensor:
        """As `forward`, one layer before the words: `[B · K, T - 1, H]`."""
        return self._forced(features, captions)[0]

    def attention_maps(self, features: Tensor, captions: Tensor) -> Tensor:
        """Where each word was predicted from `[B · K, T - 1, N]`: the heads' mean attention."""
        _, weights = self._forced(features, captions)
        return weights.mean(dim=1).reshape(captions.shape[0], captions.shape[1] - 1, -1)

    def _forced(self, features: Tensor, captions: Tensor) -> tuple[Tensor, Tensor]:
        state = self.start(features)
        copies = captions.shape[0] // features.shape[0]
        recurrent = LSTMState(*(s.repeat_interleave(copies, dim=0) for s in state.recurrent))
        inputs = self._inputs(captions[:, :-1], state)
        h, _ = self.cell.sequence(inputs, recurrent)
        return self._look(h, state)

    def logits(self, outputs: Tensor) -> Tensor:
        """Outputs `[..., H]` to logits `[..., V]`."""
        return self.words(outputs)

    def remember_readings(self) -> None:
        """Compute what the cell reads from each word once and for all, for decoding.

        Reading is linear, so that the word's part and the photo's part can be added up.
        """
        nothing = torch.zeros_like(self.words.weight[:1])
        self.readings = self.cell.read(self.words.weight) - self.cell.read(nothing)

    def _readings(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """What the cell reads from the last words `[B · K]` and their photo: `[B · K, 4H]`."""
        if self.readings is None or state.reading is None:
            return self.cell.read(self._inputs(tokens.unsqueeze(1), state)[:, 0])
        words = F.embedding(tokens, self.readings)
        return (words.unflatten(0, (len(state.reading), -1)) + state.reading).flatten(0, 1)

    def _inputs(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Words `[B · K, T]` and their photo's summary, as recurrent inputs `[B · K, T, H]`."""
        words = self.dropout(F.embedding(tokens, self.words.weight))
        photos = state.summary.shape[0]
        return (words.unflatten(0, (photos, -1)) + state.summary.unsqueeze(1)).flatten(0, 1)

    def _look(self, h: Tensor, state: DecoderState) -> tuple[Tensor, Tensor]:
        """Hidden states `[B · K, T, H]` to outputs of that shape and the heads' weights
        `[B, heads, K · T, N]`."""
        photos = state.summary.shape[0]
        context, weights = self.attention(h.reshape(photos, -1, h.shape[2]), state.memory)
        seen = torch.cat([h, context.reshape(h.shape)], dim=2)
        outputs = self.dropout(F.glu(self.output(self.dropout(seen)), dim=2))
        return outputs, weights
