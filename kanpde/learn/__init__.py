"""Networks from data: fit a KAN to points, look at what it learned, simplify it, and read a formula off it."""
