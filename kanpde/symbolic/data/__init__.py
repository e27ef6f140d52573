"""Formulas of measurements and of trained networks: suggested, snapped, verified; data prove nothing."""
