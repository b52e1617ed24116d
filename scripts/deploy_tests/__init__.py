"""Tests of `scripts/deploy`. `scripts/test deploy` runs them."""
