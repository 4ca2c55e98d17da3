"""Beam search, sampling and constraints, driven by a step function; knows no model."""

from captioner.decoding.beam import beam_search
from captioner.decoding.constraints import Avoid, Constraint, MinLength, NoRepeatNgram
from captioner.decoding.sampling import sample
from captioner.decoding.types import (
    BeamOptions,
    DecoderState,
    DecodingOptions,
    Hypothesis,
    SamplingOptions,
    Step,
)

__all__ = [
    "Avoid",
    "BeamOptions",
    "Constraint",
    "DecoderState",
    "DecodingOptions",
    "Hypothesis",
    "MinLength",
    "NoRepeatNgram",
    "SamplingOptions",
    "Step",
    "beam_search",
    "sample",
]
