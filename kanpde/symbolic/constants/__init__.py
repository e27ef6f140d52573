"""Numbers to forty digits by the equations themselves, and the exact constants that they are."""
