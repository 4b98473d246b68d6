"""What the cells of a notebook call. Each function shows what it did; there is nothing to keep track of."""

from workbook.notebook.drawings import picture, system_picture
from workbook.notebook.exercise import check, hint
from workbook.notebook.files import edit, module, node_modules, remove, rename
from workbook.notebook.measured import measured
from workbook.notebook.programs import (
    docker_engine,
    fuge_shell,
    kill,
    open_terminal,
    output,
    press_ctrl_c,
    run,
    start_database,
)
from workbook.notebook.reader import begin, port, stop_all, url
from workbook.notebook.tracing import trace
from workbook.notebook.web import get, page, post

__all__ = [
    "begin",
    "check",
    "docker_engine",
    "edit",
    "fuge_shell",
    "get",
    "hint",
    "kill",
    "measured",
    "module",
    "node_modules",
    "open_terminal",
    "output",
    "page",
    "picture",
    "port",
    "post",
    "press_ctrl_c",
    "remove",
    "rename",
    "run",
    "start_database",
    "stop_all",
    "system_picture",
    "trace",
    "url",
]
