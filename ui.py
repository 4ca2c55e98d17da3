"""Starts the web page: `python ui.py` is `captioner serve`, and takes the same options."""

import sys

from captioner.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve", *sys.argv[1:]]))
