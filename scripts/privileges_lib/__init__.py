"""Least privilege, proven: what the code can call, what was called, and what the roles grant."""
