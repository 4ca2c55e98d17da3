"""`python -m captioner` is the `captioner` command, as `torchrun -m captioner` needs."""

import sys

from captioner.cli import main

sys.exit(main())
