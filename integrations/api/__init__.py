"""The HTTP API: imports started, watched and steered by other programs."""
