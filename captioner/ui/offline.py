"""Keeps the page, and the server behind it, from reaching out to the internet."""

import os
from typing import Any

# The browser itself then refuses any other host, whatever a later gradio puts into its pages.
# Inline and evaluated scripts are how gradio works; `data:` and `blob:` never leave the browser.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"


def stay_offline(host: str) -> None:
    """Set the environment that keeps gradio at home; to be called before gradio is imported.

    Args:
        host: the address that the page is served at. gradio asks its own page whether it is up,
            and a company's proxy, if one is configured, must not be asked for that.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    direct = ["127.0.0.1", "localhost", host]
    for name in ("no_proxy", "NO_PROXY"):
        listed = [entry for entry in os.environ.get(name, "").split(",") if entry]
        os.environ[name] = ",".join(dict.fromkeys([*listed, *direct]))


def fetch_nothing() -> None:
    """Have gradio refuse the address of a photo, which it would fetch, instead of the photo."""
    from gradio import Error, processing_utils

    async def refuse(*_: Any, **__: Any) -> str:
        raise Error("This page fetches nothing; send the photo itself.", print_exception=False)

    processing_utils.async_ssrf_protected_download = refuse
