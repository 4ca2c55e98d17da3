"""How soon the command answers where it needs no model: as shares of the time of `import torch`.

    python benchmarks/start.py

Each is started several times, in turn, and the quickest counts. The exit code is 1 where one takes
more than MOST of it.
"""

from __future__ import annotations

import subprocess
import sys
import time

MOST = 0.15
ROUNDS = 7
CALLS = ("--help", "--version", "models", "caption photo.jpg --beam 99", "folder nowhere")


def main() -> int:
    """Measure all; returns the exit code."""
    commands = {"import torch": ["-c", "import torch"]}
    commands |= {call: ["-m", "captioner", *call.split()] for call in CALLS}
    seconds = dict.fromkeys(commands, float("inf"))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            seconds[name] = min(seconds[name], _seconds(command))
    whole = seconds.pop("import torch")
    print(f"import torch takes {whole:.2f} s")
    for call, own in seconds.items():
        print(f"captioner {call}: {own:.3f} s, {own / whole:.2f} of it")
    return int(max(seconds.values()) > MOST * whole)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], capture_output=True, check=False)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
