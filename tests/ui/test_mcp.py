"""The page as an MCP tool server, asked by the protocol's own client."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from captioner import Captioner
from captioner.ui import Serving, free_port
from captioner.ui.offline import stay_offline
from captioner.ui.service import Service

pytest.importorskip("gradio")
pytest.importorskip("mcp")
stay_offline("127.0.0.1")

from mcp import ClientSession  # noqa: E402
from mcp.client.streamable_http import streamablehttp_client  # noqa: E402

from captioner.ui import page  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:::gradio"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


async def talk(url: str, photo: str) -> tuple[Any, Any, dict[str, Any]]:
    """The tools, the answer to a photo, and the answers to other calls by what they are about."""
    async with (
        streamablehttp_client(f"{url}gradio_api/mcp/") as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        tools = await session.list_tools()
        (name,) = [tool.name for tool in tools.tools if tool.name.endswith("caption")]
        answer = await session.call_tool(name, {"photo": photo, "beam": 2, "top": 1})
        calls = {
            "remote": (name, {"photo": "https://example.com/dog.jpg"}),
            "many": (f"{name}_many", {"photos": [photo, photo], "beam": 2}),
            "missing": (name, {"top": 1}),
        }
        others = {about: await session.call_tool(*call) for about, call in calls.items()}
        return tools.tools, answer, others


def test_an_mcp_client_can_have_a_photo_described(
    service: Service, tiny: Captioner, draw: Callable[[str], Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    photo = draw("dog.png")
    blocks = page.launch(service, Serving(mcp=True), free_port("127.0.0.1", 0))
    try:
        content = base64.b64encode(photo.read_bytes()).decode()
        address = f"data:image/png;base64,{content}"
        tools, answer, others = asyncio.run(talk(blocks.local_url, address))
    finally:
        blocks.close(verbose=False)

    assert len(tools) == 2
    for tool in tools:
        assert "Describe" in tool.description
        schema = json.dumps(tool.inputSchema)
        assert "width of the beam search" in schema
        assert "data:image/jpeg;base64" in schema
        assert "http or https" not in schema
    expected = tiny.caption(photo, beam=2).text
    assert not answer.isError
    assert json.loads(answer.content[0].text)["caption"] == expected
    assert not others["many"].isError
    rows = json.loads(others["many"].content[0].text)
    assert [row["caption"] for row in rows] == [expected, expected]
    assert others["remote"].isError
    assert "fetches nothing" in others["remote"].content[0].text
    assert others["missing"].isError
    assert "photo" in others["missing"].content[0].text


def test_without_being_asked_it_is_no_mcp_server(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.error
    import urllib.request

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    blocks = page.launch(service, Serving(), free_port("127.0.0.1", 0))
    try:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{blocks.local_url}gradio_api/mcp/schema")
    finally:
        blocks.close(verbose=False)
