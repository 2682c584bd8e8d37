"""``python -m heddle`` is the command line."""

import sys

from heddle.cli.main import main

sys.exit(main())
