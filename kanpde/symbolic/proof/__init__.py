"""What a problem states of a formula, claim by claim, and the reduction of every claim to zero."""
