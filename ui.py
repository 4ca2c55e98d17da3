"""Starts the web page: `python ui.py` is `captioner serve`, and takes the same options."""

import sys

from captioner.__main__ import run

if __name__ == "__main__":
    sys.exit(run(["serve", *sys.argv[1:]]))
