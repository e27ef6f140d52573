"""Functions of one variable: modes, library functions, a dictionary, and combinations of them."""
