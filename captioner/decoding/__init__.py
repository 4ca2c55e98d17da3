"""Beam search, sampling and constraints, driven by a step function; knows no model."""

from captioner.decoding.beam import beam_search
from captioner.decoding.bidirectional import Choice, better_of_each, consensus
from captioner.decoding.constraints import (
    Avoid,
    AvoidPhrases,
    Constraint,
    MinLength,
    NoRepeatNgram,
    NoStutter,
)
from captioner.decoding.sampling import sample
from captioner.decoding.types import (
    BeamOptions,
    BeamState,
    DecoderState,
    DecodingOptions,
    Hypothesis,
    SamplingOptions,
    Step,
)

__all__ = [
    "Avoid",
    "AvoidPhrases",
    "BeamOptions",
    "BeamState",
    "Choice",
    "Constraint",
    "DecoderState",
    "DecodingOptions",
    "Hypothesis",
    "MinLength",
    "NoRepeatNgram",
    "NoStutter",
    "SamplingOptions",
    "Step",
    "beam_search",
    "better_of_each",
    "consensus",
    "sample",
]
