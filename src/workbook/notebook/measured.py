"""What was measured for a chapter, on a machine that few readers have."""

import json

from IPython.display import display

from workbook.notebook import reader


def measured() -> None:
    """What a script of the repository has stored beside this chapter's notebook, as a table, with machine and date."""
    seen = json.loads(reader.begun().notebook.with_suffix(".json").read_text(encoding="utf-8"))
    head = ("what happens", "takes", "visits meanwhile", "failed", "slowest answer")
    rows = [
        (each["what"], f"{each['seconds']} s", str(each["visits"]), str(each["failed"]), f"{each['slowest']} s")
        for each in seen["experiments"]
    ]
    lines = [" | ".join(row) for row in (head, ("---",) * len(head), *rows)]
    about = f"Measured on {seen['date']}: {seen['engine']}, on one computer ({seen['machine']})."
    text = "\n".join([*(f"| {line} |" for line in lines), "", about])
    display({"text/markdown": text, "text/plain": text}, raw=True)
