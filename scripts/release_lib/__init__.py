"""The library behind `scripts/release`. What a deployment runs is written with the standard library alone."""
