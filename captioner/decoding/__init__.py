"""Beam search, sampling and constraints, driven by a step function; knows no model."""

from typing import TYPE_CHECKING

from captioner.decoding.types import (
    BeamOptions,
    BeamState,
    DecoderState,
    DecodingOptions,
    Hypothesis,
    SamplingOptions,
    Step,
)
from captioner.lazy import offered

if TYPE_CHECKING:
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
    from captioner.decoding.trace import Candidate, Fate, Trace

__all__ = [
    "Avoid",
    "AvoidPhrases",
    "BeamOptions",
    "BeamState",
    "Candidate",
    "Choice",
    "Constraint",
    "DecoderState",
    "DecodingOptions",
    "Fate",
    "Hypothesis",
    "MinLength",
    "NoRepeatNgram",
    "NoStutter",
    "SamplingOptions",
    "Step",
    "Trace",
    "beam_search",
    "better_of_each",
    "consensus",
    "sample",
]
__getattr__, __dir__ = offered(
    __name__,
    {
        "beam": "beam_search",
        "bidirectional": "Choice better_of_each consensus",
        "constraints": "Avoid AvoidPhrases Constraint MinLength NoRepeatNgram NoStutter",
        "sampling": "sample",
        "trace": "Candidate Fate Trace",
    },
)
