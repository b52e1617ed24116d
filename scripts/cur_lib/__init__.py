"""Cost reports: made by others, read by other engines, and measured against them."""
