"""Training: stages, grid extension, time windows, compression and the error estimate."""
