"""The NumPyro programs, and the coordinates in which they are sampled."""
