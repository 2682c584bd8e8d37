"""The dashboard: one page of plain HTML, CSS and ES modules, served by the daemon."""
