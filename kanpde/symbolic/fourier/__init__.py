"""Fourier series of linear problems, with a formula for their coefficients, and the proof of the general term."""
