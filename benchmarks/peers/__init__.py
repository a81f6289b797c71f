"""Other systems that step the same problems; each takes part where it is installed."""
