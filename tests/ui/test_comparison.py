"""One photo side by side: what is compared, and the table of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from captioner import Captioner, CaptionOptions
from captioner.errors import OptionError
from captioner.ui.options import Visitor
from captioner.ui.service import Service
from captioner.ui.words import ENGLISH

pytest.importorskip("gradio")

from captioner.ui.comparison import (
    BEAMS,
    TEMPERATURES,
    compare,
    compare_for_visitor,
    settings,
)

BEAM_5 = CaptionOptions(beam=5, top=5, max_length=6, avoid=["dog"])
DRAWN = CaptionOptions(seed=4, temperature=0.7, top=5)


def who(options: CaptionOptions = BEAM_5) -> Visitor:
    return Visitor("en", "", options)


def test_the_table_has_the_sentence_of_each_setting(
    service: Service, tiny: Captioner, draw: Callable[[str], Path]
) -> None:
    photo = draw("dog.png")
    upload = {"path": str(photo), "orig_name": "dog.png"}
    html = compare(service, upload, who(), "beams")
    for beam in BEAMS:
        expected = tiny.caption(photo, beam=beam, max_length=6, avoid=["dog"]).text
        assert f"{ENGLISH.compare_beam.format(beam)}</th><td><span" in html
        assert f">{expected}</span>" in html
    kept = service.memory.of(str(photo))
    assert kept is not None
    assert set(kept.seen) == {"tiny"}
    assert ENGLISH.compare_waiting in compare(service, None, who(), "beams")


def test_what_scripts_ask_is_answered_with_a_table_or_a_sentence(
    service: Service, draw: Callable[[str], Path]
) -> None:
    photo = draw("dog.png")
    upload = {"path": str(photo), "orig_name": "dog.png"}
    fields = ["en", "", 3, 3, 20, False, 1, 1, "", ""]
    answer = compare_for_visitor(service, ["beams", upload, fields])
    assert answer["table"].startswith("<table>")
    for wrong in (["weather", upload, fields], ["beams", upload], None):
        assert 'role="alert"' in compare_for_visitor(service, wrong)["table"]


def test_only_what_is_compared_differs(service: Service) -> None:
    def options(what: str, chosen: CaptionOptions = BEAM_5) -> list[CaptionOptions]:
        return [own.options for own in settings(service, who(chosen), what)]

    assert options("models") == [CaptionOptions(beam=5, top=1, max_length=6, avoid=["dog"])]
    assert [own.avoid for own in options("avoid")] == [("dog",), None]
    draws = options("temperatures")
    assert [(own.temperature, own.seed, own.beam) for own in draws] == [
        (temperature, 1, None) for temperature in TEMPERATURES
    ]
    assert {own.seed for own in options("temperatures", DRAWN)} == {4}
    assert [own.is_sampling for own in options("beams", DRAWN)] == [False] * len(BEAMS)


@pytest.mark.parametrize("what", ["avoid", "weather", None, 3])
def test_what_cannot_be_compared_gets_a_sentence(service: Service, what: object) -> None:
    with pytest.raises(OptionError):
        list(settings(service, who(CaptionOptions()), what))
