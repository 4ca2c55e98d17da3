"""The page's end points as tools of an MCP server, and what is wrong with a call's arguments."""

from __future__ import annotations

import json
import re
from typing import Any

from captioner.errors import OptionError

_FILE = "a data:image/jpeg;base64,… address that holds the photo; web addresses are refused"
_MISSING = re.compile("No value provided for required argument: (.{1,60})")
_UNKNOWN = re.compile("Parameter `(.{1,60})` is not a valid key-word argument")


def wrong_call(error: BaseException | None) -> OptionError | None:
    """What gradio says of a call's arguments, as one sentence; None of anything else."""
    if isinstance(error, TypeError):
        if found := _MISSING.match(str(error)):
            return OptionError("The argument {} is missing.", found[1])
        if found := _UNKNOWN.match(str(error)):
            return OptionError("There is no argument named {}.", found[1])
    return None


def serve_tools() -> None:
    """Have gradio's MCP server, should one be started, take and give what docs/api.md says."""
    from gradio import mcp

    class Tools(mcp.GradioMCPServer):
        """gradio's, which knows of no file inside a list, and answers in Python's notation."""

        def simplify_filedata_schema(
            self, schema: dict[str, Any]
        ) -> tuple[dict[str, Any], list[list[str | int]]]:
            simple, paths = super().simplify_filedata_schema(schema)
            for path in paths:
                node: Any = simple["properties"]
                for key in path:
                    node = node[key]
                node["format"] = _FILE
            return simple, paths

        def convert_strings_to_filedata(
            self, value: Any, filedata_positions: list[list[str | int]]
        ) -> Any:
            paths = [own for path in filedata_positions for own in _paths(value, path)]
            return super().convert_strings_to_filedata(value, paths)

        def _prepare_tool_call_args(self, name: str, arguments: dict[str, Any]) -> Any:
            try:
                return super()._prepare_tool_call_args(name, arguments)
            except TypeError as error:
                raise wrong_call(error) or error from None

        def postprocess_output_data(self, data: Any, root_url: str) -> list[Any]:
            answers = (json.dumps(answer, ensure_ascii=False) for answer in data)
            return [self.types.TextContent(type="text", text=answer) for answer in answers]

    mcp.GradioMCPServer = Tools  # type: ignore[misc]


def _paths(value: Any, path: list[str | int]) -> list[list[str | int]]:
    """The places in a call's values that a path in the schema, where "items" stands for all items
    of a list, leads to."""
    if not path:
        return [[]]
    first, *rest = path
    if first == "items" and isinstance(value, list):
        inner: Any = enumerate(value)
    elif isinstance(value, dict) and first in value:
        inner = [(first, value[first])]
    else:
        return []
    return [[key, *own] for key, item in inner for own in _paths(item, rest)]
