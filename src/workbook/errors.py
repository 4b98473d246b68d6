"""What this package raises."""


class WorkbookError(Exception):
    """Something that the reader or author can put right; the text says what was expected, found and can be done."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]
