# ruff: noqa: INP001 (Sphinx runs this file; it is in no package)
"""How the documentation is built: ``make docs``."""

from heddle import __version__

project = "heddle"
author = "The heddle authors"
project_copyright = "The heddle authors; Apache-2.0"
release = version = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 4
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "heddle"
html_show_sphinx = False
language = "en-GB"
