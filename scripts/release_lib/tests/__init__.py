"""What `scripts/test release` runs."""
