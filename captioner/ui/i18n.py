"""The words of gradio's own components, and how the browser changes them to another language."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from captioner.ui.words import ENGLISH, WORDS, Words

ComponentT = TypeVar("ComponentT")
Phrase = Callable[[Words], Any]


class Texts:
    """Which component says what; all of them change at once, in the browser, without the server."""

    def __init__(self) -> None:
        self.components: list[Any] = []
        self._phrases: list[dict[str, Phrase]] = []

    def say(self, component: ComponentT, **phrases: Phrase) -> ComponentT:
        """Have a component say something: as its `label`, `info`, `choices` and so on."""
        for name, phrase in phrases.items():
            setattr(component, name, phrase(ENGLISH))
        self.components.append(component)
        self._phrases.append(phrases)
        return component

    def changes(self, words: Words) -> list[dict[str, Any]]:
        """One of gradio's updates for each component, in their order."""
        return [
            {"__type__": "update", **{name: phrase(words) for name, phrase in phrases.items()}}
            for phrases in self._phrases
        ]

    def script(self) -> str:
        """A JavaScript function from a language's code to the updates."""
        changes = {code: self.changes(words) for code, words in WORDS.items()}
        return f"(language) => (captioner.speak(language), {json.dumps(changes)}[language])"
