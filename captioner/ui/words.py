"""Every word that the page says: in English here, in Chinese by the catalogue of messages."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import Any

from captioner.errors import CaptionerError
from captioner.messages import Message, translate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """The page's words in one language; `{}` in a sentence stands for a value.

    places: where on a photo something lies, row by row from the upper left to the lower right.
    sureness: how sure the model is, from least to most. numbers: names of large ones.
    """

    title: str = "Captioner 看图说话"
    introduction: str = (
        "A photo in, a sentence out. Photos stay on the computer that runs this page "
        "and are deleted within the hour."
    )
    programs: str = "For programs: how to call this page"
    too_large: str = "{} is too large: a file may have {} MB here."
    # One photo
    one: str = "One photo"
    photo_hint: str = "Drop or paste a photo, or click to choose one"
    photo_other: str = "Click to choose another photo"
    choose: str = "Choose a photo"
    paste: str = "Paste"
    camera: str = "Camera"
    take: str = "Take the photo"
    leave: str = "Cancel"
    no_picture: str = "There is no picture in the clipboard."
    no_clipboard: str = (
        "The browser does not let the page read the clipboard; Ctrl+V, or ⌘V, pastes all the same."
    )
    no_camera: str = "This computer has no camera."
    camera_forbidden: str = "The browser does not let the page use the camera."
    camera_failed: str = "The camera does not answer; another program may be using it."
    away: str = (
        "The program behind this page does not answer. Nothing is lost; it goes on by itself when "
        "the program is back."
    )
    examples: str = "No photo at hand? Take one of these pictures, which we have drawn."
    example_names: tuple[str, ...] = (
        "Two people at the sea",
        "A dog on grass",
        "A skier",
        "A snowman",
        "A surfer",
    )
    examples_wrong: str = (
        "The snowman it gets wrong: it learned from photos, of which hardly any has one, so it "
        "sees something that it knows better. A drawing is harder for it than a photo, too."
    )
    waiting: str = "The sentence will appear here."
    copy: str = "Copy"
    copied: str = "Copied"
    sureness: tuple[str, ...] = (
        "Perhaps.",
        "Not very sure.",
        "Fairly sure.",
        "Quite sure.",
    )
    borne_out: str = (
        "Of the words that such sentences use for what is there, people used {} for the same "
        "photos."
    )
    sure_because: str = "There are many ways to say it; the probability of just these words is {}."
    one_in: str = "1 in {}"
    numbers: tuple[tuple[float, str], ...] = (
        (10**12, "trillion"),
        (10**9, "billion"),
        (10**6, "million"),
    )
    looked_at: str = "{}: looked at the {}"
    looked_everywhere: str = "{}: looked at the whole photo"
    places: tuple[str, ...] = (
        *("upper left", "upper middle", "upper right"),
        *("left", "middle", "right"),
        *("lower left", "lower middle", "lower right"),
    )
    words: str = "Words"
    words_hint: str = (
        "Where did it look? Point at a word, tap it, or use the arrow keys; Space plays them all."
    )
    play: str = "Play"
    pause: str = "Pause"
    here: str = "{}: {}. The likeliest words here were:"
    the_end: str = "end of the sentence"
    what_if_word: str = "What if it had said {}?"
    what_if: str = "What if it had begun:"
    its_own: str = "Back to its own sentence"
    gates: str = "How open the gates were"
    input_gate: str = "input"
    forget_gate: str = "forget"
    output_gate: str = "output"
    about_gates: str = "What the gates do"
    cells: str = "/cells.md"
    by_model: str = "Written by the model {}"
    tree: str = "How the search went"
    tree_hint: str = (
        "Each step keeps the likeliest beginnings. What was left behind is struck out; a click, or "
        "the arrow keys and Enter, goes on from there."
    )
    tree_end: str = "(end)"
    from_there: str = "Left behind: {}. Go on from there"
    sentences: str = "The best sentences, and their scores"
    sentences_hint: str = (
        "A score is a sentence's probability, scaled for its length; 100 would be certain."
    )
    draws: str = "Drawn at random, and their scores"
    draw_again: str = "Draw again"
    strip: str = "Where it looked, word by word"
    save: str = "Save as a picture"
    # How it is written
    how: str = "How it is written"
    model: str = "Model"
    beam: str = "Beam width"
    beam_hint: str = "How many beginnings are followed at once."
    top: str = "How many sentences"
    length: str = "Most words in a sentence"
    sampling: str = "Draw at random instead of taking the best"
    temperature: str = "Temperature"
    temperature_hint: str = "Below 1 keeps to likely words, above 1 is bolder."
    seed: str = "Seed"
    seed_hint: str = "Another number, other sentences."
    require: str = "Words that must appear"
    avoid: str = "Words to avoid"
    listed_hint: str = "With commas between them; Enter when done."
    no_model: str = (
        "No installed model writes English, so the sentence is in the model's own language."
    )
    other_language: str = "The chosen model writes no English; the sentence is in its language."
    # Side by side
    compare: str = "Side by side"
    compare_what: str = "What is compared"
    compare_waiting: str = "Give a photo first."
    models: str = "Models"
    beams: str = "Beam widths"
    temperatures: str = "Temperatures"
    compare_beam: str = "Beam width {}"
    compare_without: str = "Without {}"
    compare_free: str = "With all words"
    compare_temperature: str = "Temperature {}"
    # Many photos
    many: str = "Many photos"
    photos_hint: str = "Drop photos or zip files here, or click to choose them"
    more_hint: str = "Add more photos"
    both_languages: str = "Captions in English and in Chinese"
    stop: str = "Stop"
    go_on: str = "Go on"
    again: str = "Start over"
    progress: str = "{} of {}"
    stopped: str = "Stopped: {} of {} photos."
    done: str = "All {} photos have a caption. They can be corrected by hand."
    done_except: str = "{} of {} photos have a caption; the others say why not."
    too_many: str = (
        "Only the first {} photos are taken; the command `captioner folder` takes any number."
    )
    unreadable: str = "{} could not be captioned; please give it again."
    filter: str = "Find"
    found: str = "Found: {}"
    least_sure_first: str = "Least sure first"
    replace: str = "Replace in all captions"
    replace_this: str = "Replace"
    replace_by: str = "by"
    replace_all: str = "Replace all"
    replaced: str = "Captions changed: {}."
    not_found: str = "Nothing was found that could be replaced."
    undo: str = "Undo"
    next_hint: str = "Ctrl+Enter goes to the next caption, with Shift to the one before."
    enlarge: str = "Enlarge"
    close: str = "Close"
    edited: str = "edited"
    other_sentences: str = "Other sentences"
    anew: str = "Caption anew"
    original: str = "Back to the model's"
    mine: str = "Back to the correction"
    download: str = "Download"
    started_over: str = "The gallery is empty again."
    earlier: str = "This browser still has a gallery of {} photos."
    show_earlier: str = "Show it"
    left: str = "{} photos were not captioned before the page was left; please give them again."
    kept_here: str = "Captions and small pictures are kept in this browser for 30 days."
    forget: str = "Forget them"
    forget_question: str = "Forget all captions and corrections that this browser keeps?"


def _translated(words: Any) -> Any:
    if isinstance(words, tuple):
        return tuple(map(_translated, words))
    return translate(words, "zh")


ENGLISH = Words()
CHINESE = Words(
    # In full below a hundred million: 万分之 beside a decimal is read ten times wrong.
    numbers=((10**12, "万亿"), (10**8, "亿")),
    **{own.name: _translated(own.default) for own in fields(Words) if own.name != "numbers"},
)
WORDS = {"en": ENGLISH, "zh": CHINESE}


def about_language(page: str, written: str, model: str) -> str:
    """What is said where a sentence is not in the page's language; nothing where it is.

    written: the language of the sentence. model: the one that was chosen, if any.
    """
    words = WORDS[page]
    return "" if page == written else words.other_language if model else words.no_model


UNEXPECTED = Message(
    "Something went wrong inside the program; the window in which it was started says what."
)


def sentence_of(error: Exception | None) -> Message:
    """What an error says to a person; what is the program's own fault is logged."""
    if isinstance(error, CaptionerError):
        return error
    log.error(Message("captioning failed"), exc_info=error)
    return UNEXPECTED
