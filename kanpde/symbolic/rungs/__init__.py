"""The rungs of the ladder: each proposes forms of one kind for a function of several coordinates."""
