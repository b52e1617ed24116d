"""What went wrong, as a sentence for the person at the terminal or in the log of the pipeline."""


class Problem(Exception):
    """Says what, where and what to do; it is shown without a traceback."""
