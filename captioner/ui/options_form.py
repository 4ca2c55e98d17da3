"""How it is written: the fields of a visitor's choices, folded away."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from captioner.options import OPTIONS, Number
from captioner.text import LANGUAGES
from captioner.ui.i18n import Texts
from captioner.ui.models import Models
from captioner.ui.options import SEED, TOP

AUTOMATIC = ("Auto 自动", "")  # by the page's language


class Fields(NamedTuple):
    """The fields, the model first and then in the order of `options.chosen`."""

    model: gr.Dropdown
    beam: gr.Slider
    top: gr.Slider
    length: gr.Slider
    sampling: gr.Checkbox
    temperature: gr.Slider
    seed: gr.Number
    require: gr.Textbox
    avoid: gr.Textbox

    def changes(self) -> list[Any]:
        """What happens when a visitor has chosen something else; of a text, when it is done."""
        events = (
            (field.submit, field.blur) if isinstance(field, gr.Textbox) else (field.change,)
            for field in self
        )
        return [event for own in events for event in own]


def fields(texts: Texts, models: Models) -> Fields:
    """Lay the fields out."""
    names = [
        (f"{name} ({', '.join(LANGUAGES[code] for code in own)})", name)
        for name, own in models.languages.items()
    ]
    # Closed by 0, which is false: at `False` gradio leaves the fields out until they are asked for,
    # and a moment after they are there sets each once more, whatever has been typed by then.
    fold = gr.Accordion(open=0, elem_id="how")  # type: ignore[arg-type]
    with texts.say(fold, label=lambda w: w.how):
        model = texts.say(gr.Dropdown([AUTOMATIC, *names], value=""), label=lambda w: w.model)
        top = texts.say(_slider("top", value=TOP), label=lambda w: w.top)
        length = texts.say(_slider("max_length"), label=lambda w: w.length)
        sampling = texts.say(gr.Checkbox(False), label=lambda w: w.sampling)
        beam = texts.say(
            _slider("beam", value=TOP), label=lambda w: w.beam, info=lambda w: w.beam_hint
        )
        temperature = texts.say(
            _slider("temperature", minimum=0.1, maximum=2, step=0.1, visible=False),
            label=lambda w: w.temperature, info=lambda w: w.temperature_hint,
        )  # fmt: skip
        seed = texts.say(
            gr.Number(SEED, precision=0, minimum=0, visible=False, elem_id="seed"),
            label=lambda w: w.seed, info=lambda w: w.seed_hint,
        )  # fmt: skip
        require, avoid = gr.Textbox(max_lines=1), gr.Textbox(max_lines=1)
        texts.say(require, label=lambda w: w.require, info=lambda w: w.listed_hint)
        texts.say(avoid, label=lambda w: w.avoid, info=lambda w: w.listed_hint)
    _show_what_applies(sampling, [beam, require], [temperature, seed])
    _as_wide_as_the_list(beam, top)
    return Fields(model, beam, top, length, sampling, temperature, seed, require, avoid)


def tell_scripts(page: gr.Blocks, both: gr.Checkbox, language: gr.Radio, how: Fields) -> None:
    """Tell choices.js what is chosen, at the page's start and whenever it changes."""
    chosen = [both, language, *how]
    gr.on(
        [page.load, both.change, language.change, *how.changes()], None, chosen, None,
        js="(...values) => captioner.choose(...values)", api_visibility="private",
    )  # fmt: skip


def _slider(name: str, **changes: Any) -> gr.Slider:
    """For an option within its limits, beginning with what is usual."""
    takes = OPTIONS[name]
    assert isinstance(takes, Number)
    limits = {"minimum": takes.least, "maximum": takes.most, "value": takes.usual, "step": 1}
    return gr.Slider(**{**limits, "buttons": [], **changes})


def _as_wide_as_the_list(beam: gr.Slider, top: gr.Slider) -> None:
    """In the browser: a beam finds no more good sentences than it follows beginnings, so the list
    is never longer, and the slider that was moved has the other follow, within its limits. An
    emptied one has none."""
    for moved, other, follow in ((beam, top, "Math.min"), (top, beam, "Math.max")):
        limits = f"Math.min({other.maximum:g}, Math.max({other.minimum:g}, Math.round(moved)))"
        moved.change(
            None, [moved, other], other,
            js=f"(moved, other) => moved ? {follow}({limits}, other || moved) : other",
            api_visibility="private",
        )  # fmt: skip


def _show_what_applies(sampling: gr.Checkbox, for_beams: list[Any], for_draws: list[Any]) -> None:
    """In the browser: beam width and required words belong to the search, the seed to draws."""
    visible = ["!sampling"] * len(for_beams) + ["sampling"] * len(for_draws)
    updates = ", ".join(f"{{__type__: 'update', visible: {which}}}" for which in visible)
    sampling.change(
        None, sampling, for_beams + for_draws, js=f"(sampling) => [{updates}]",
        api_visibility="private",
    )  # fmt: skip
