"""The decoder: grid features to words, one at a time or all of a known caption at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from captioner.model.attention import Memory, attention
from captioner.model.cells import Gates, State, cell
from captioner.model.config import DecoderConfig
from captioner.text import PAD


class DecoderState(NamedTuple):
    """What the decoder carries from word to word, for B photos with K rows (beams) each.

    memory: what the attention looks up, once per photo.
    summary: the photo at a glance `[B, 1, H]`, part of every recurrent input.
    recurrent: the cell's state, tensors `[B · K, H]`.
    projection: the cell's projection of the summary `[B, 1, ·]`, where it is known beforehand.
    """

    memory: Memory
    summary: Tensor
    recurrent: State
    projection: Tensor | None = None

    def reorder(self, parents: Tensor) -> DecoderState:
        """Continue from other rows: `parents [B, K']` is each new row's old row in its photo.

        Rows never leave their photo, so what belongs to the photo stays where it is.
        """
        photos = self.summary.shape[0]
        index = parents
        if photos > 1:
            rows = self.recurrent[0].shape[0]
            first = torch.arange(0, rows, rows // photos, device=parents.device)
            index = parents + first.unsqueeze(1)
        index = index.flatten()
        return self.after(tuple([part.index_select(0, index) for part in self.recurrent]))

    def keep(self, images: Tensor) -> DecoderState:
        """Some of the photos only, by their numbers `[B']`."""
        photos = len(self.summary)
        recurrent = [
            part.unflatten(0, (photos, -1))[images].flatten(0, 1) for part in self.recurrent
        ]
        return DecoderState(
            Memory(*(part[images] for part in self.memory)),
            self.summary[images],
            tuple(recurrent),
            None if self.projection is None else self.projection[images],
        )

    def after(self, recurrent: State) -> DecoderState:
        """The same photos with another state of the cell."""
        return DecoderState(self.memory, self.summary, recurrent, self.projection)


class Decoder(nn.Module):
    """Recurrent network with spatial attention, initialised from the photo.

    As in "Knowing When to Look" (Lu et al. 2017) the new hidden state, which has just read the last
    word, decides where to look, and the next word is predicted from that state and what it saw.
    The recurrence then depends on the words alone, so that a whole known caption runs through the
    fused kernel at once. The output shares the input words' embeddings (Press and Wolf 2017).

    The output layer is a gated linear unit of the hidden state h and the context v that attention
    brought, y = σ(W_g [h; v] + b_g) ⊙ (W_i [h; v] + b_i). That is the form of attention on
    attention (Huang et al. 2019), here on the way from any attention to the words. With `aoa` the
    attention has a gate of its own as well, before this one, and v is what the paper calls the
    attended information; with `multihead` v is the plain mean of what was seen.

    With attention `none` the photo is in the cell's first state and nowhere else, as in Show and
    Tell (Vinyals et al. 2015): no summary of it is read with each word, and y is of h alone.

    A backward decoder is the same network for captions whose words are in reverse order: `ordered`
    and `in_order` turn captions round for it.
    """

    def __init__(
        self, config: DecoderConfig, features: int, vocabulary: int, backward: bool = False
    ) -> None:
        super().__init__()
        self.backward = backward
        hidden = config.hidden_size
        self.norm = nn.LayerNorm(features)
        self.project = nn.Linear(features, hidden)
        self.attention = attention(config.attention, hidden, hidden, config.heads)
        looks = self.attention.context > 0
        self.summary = nn.Linear(hidden, hidden) if looks else None
        self.cell = cell(config.cell, hidden, hidden, config.cell_options)
        self.initial = nn.Linear(hidden, self.cell.states * hidden)
        self.combine = nn.Linear(hidden + self.attention.context, 2 * hidden)
        self.output_projection = nn.Linear(hidden, vocabulary)
        self.word_projections: Tensor | None
        self.register_buffer("word_projections", None, persistent=False)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.embedding, std=hidden**-0.5)
        nn.init.zeros_(self.output_projection.bias)

    @property
    def embedding(self) -> Tensor:
        """The words as they are read `[V, H]`, which is the output projection's weight."""
        return self.output_projection.weight

    @property
    def directions(self) -> tuple[Decoder, ...]:
        """The decoders that are trained and searched: this one alone."""
        return (self,)

    def in_order(self, words: tuple[int, ...]) -> tuple[int, ...]:
        """A caption's words as people read them in the decoder's order, and the other way round."""
        return words[::-1] if self.backward else words

    def ordered(self, captions: Tensor) -> Tensor:
        """Captions `[R, T]` as people read them, from the start to the end token and padded, in the
        decoder's order: the tokens between the two turned round, or as they are."""
        if not self.backward:
            return captions
        positions = torch.arange(captions.shape[1], device=captions.device).expand_as(captions)
        last = (captions != PAD).sum(dim=1, keepdim=True) - 1
        between = (positions > 0) & (positions < last)
        return captions.gather(1, torch.where(between, last - positions, positions))

    def start(self, features: Tensor, copies: int = 1) -> DecoderState:
        """Grid features `[B, N, D]` to the state before the first word, `copies` rows per photo."""
        grid = self._dropped(F.relu(self.project(self.norm(features))))
        glance = grid.mean(dim=1)
        first = torch.tanh(self.initial(glance))
        if copies > 1:
            first = first.repeat_interleave(copies, dim=0)
        recurrent = self.cell.begin(first.chunk(self.cell.states, dim=1))
        memory = self.attention.memory(grid)
        summary = torch.zeros_like(glance) if self.summary is None else self.summary(glance)
        summary = summary.unsqueeze(1)
        known = self.word_projections is not None
        projection = self.cell.project_input(summary) if known else None
        return DecoderState(memory, summary, recurrent, projection)

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """The last words `[B · K]` to logits `[B · K, V]` of the next, and the new state."""
        h, after = self._recur(tokens, state)
        return self.logits(self._seen(h, state).flatten(0, 1)), after

    def advance(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, Tensor, DecoderState]:
        """As `step`, one layer before the words: outputs `[B, K, H]`, where each row looked
        `[B, heads, K, N]`, and the new state."""
        h, after = self._recur(tokens, state)
        outputs, weights = self._attend(h, state)
        return outputs, weights, after

    def forward(self, features: Tensor, captions: Tensor) -> Tensor:
        """Teacher-forced logits `[B · K, T - 1, V]`.

        features: `[B, N, D]`. captions: `[B · K, T]`, K for each photo one after another, each from
        the start token on; the logits at t are those of word t + 1.
        """
        return self.logits(self.outputs(features, captions))

    def outputs(self, features: Tensor, captions: Tensor) -> Tensor:
        """As `forward`, one layer before the words: `[B · K, T - 1, H]`."""
        state, h = self._read(features, captions)
        return self._seen(h, state).view(len(captions), -1, h.shape[2])

    def attention_maps(self, features: Tensor, captions: Tensor) -> Tensor:
        """Where each word was predicted from `[B · K, T - 1, N]`: the heads' mean attention."""
        return self.outputs_and_maps(features, captions)[1]

    def outputs_and_maps(self, features: Tensor, captions: Tensor) -> tuple[Tensor, Tensor]:
        """What `outputs` and `attention_maps` return, in one pass."""
        state, h = self._read(features, captions)
        outputs, weights = self._attend(h, state)
        outputs = outputs.view(len(captions), -1, h.shape[2])
        return outputs, weights.mean(dim=1).reshape(*outputs.shape[:2], -1)

    def trace(self, features: Tensor, captions: Tensor) -> tuple[Gates, ...]:
        """What the cell's gates did as each word was predicted, `[B · K, T - 1, H]` for each LSTM
        layer, bottom first; nothing where the cell is no LSTM."""
        state, inputs = self._begin(features, captions)
        return self.cell.trace(inputs, state.recurrent)

    def _read(self, features: Tensor, captions: Tensor) -> tuple[DecoderState, Tensor]:
        """The state before known captions, and the hidden states `[B, K · (T - 1), H]` after each
        word of them."""
        state, inputs = self._begin(features, captions)
        h, _ = self.cell.sequence(inputs, state.recurrent)
        return state, h.reshape(len(features), -1, h.shape[2])

    def _begin(self, features: Tensor, captions: Tensor) -> tuple[DecoderState, Tensor]:
        """The state before known captions, and what the cell reads of them `[B · K, T - 1, H]`."""
        state = self.start(features, copies=captions.shape[0] // features.shape[0])
        return state, self._inputs(captions[:, :-1], state)

    def logits(self, outputs: Tensor) -> Tensor:
        """Outputs `[..., H]` to logits `[..., V]`."""
        return self.output_projection(outputs)

    def project_words(self) -> None:
        """Compute the cell's projection of each word once and for all, for decoding.

        Where it is linear, the word's part and the photo's part can be added up; a cell with layer
        normalisation projects their sum at each step.
        """
        if not self.cell.projects_linearly:
            return
        project, nothing = self.cell.project_input, torch.zeros_like(self.embedding[:1])
        self.word_projections = project(self.embedding) - project(nothing)

    def _projection(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """The cell's of the last words `[B · K]` and their photo: `[B · K, ·]`."""
        if self.word_projections is None or state.projection is None:
            return self.cell.project_input(self._inputs(tokens.unsqueeze(1), state)[:, 0])
        words = self.word_projections.index_select(0, tokens)
        photos = len(state.projection)
        return (words.view(photos, -1, words.shape[1]) + state.projection).flatten(0, 1)

    def _inputs(self, tokens: Tensor, state: DecoderState) -> Tensor:
        """Words `[B · K, T]` and their photo's summary, as recurrent inputs `[B · K, T, H]`."""
        words = self.dropout(F.embedding(tokens, self.embedding))
        photos = state.summary.shape[0]
        return (words.unflatten(0, (photos, -1)) + state.summary.unsqueeze(1)).flatten(0, 1)

    def _recur(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """The last words `[B · K]` to hidden states `[B, K, H]` and the new state."""
        h, recurrent = self.cell.advance(self._projection(tokens, state), state.recurrent)
        return h.view(state.summary.shape[0], -1, h.shape[1]), state.after(recurrent)

    def _seen(self, h: Tensor, state: DecoderState) -> Tensor:
        """Hidden states `[B, Q, H]` to outputs of that shape."""
        return self._combined(h, self.attention.contexts(h, state.memory))

    def _attend(self, h: Tensor, state: DecoderState) -> tuple[Tensor, Tensor]:
        """As `_seen`, with weights `[B, heads, Q, N]`."""
        context, weights = self.attention(h, state.memory)
        return self._combined(h, context), weights

    def _combined(self, h: Tensor, context: Tensor) -> Tensor:
        seen = self._dropped(torch.cat([h, context], dim=2))
        return self._dropped(F.glu(self.combine(seen), dim=2))

    def _dropped(self, x: Tensor) -> Tensor:
        """Without a call that does nothing, which a step of decoding would feel."""
        return self.dropout(x) if self.training else x
