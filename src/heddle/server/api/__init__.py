"""The HTTP API: shapes, who may ask, and one route for each thing the daemon does."""
