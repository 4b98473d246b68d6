"""A script in a fork of a warm keeper: all is as if `python SCRIPT` had just been started."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types

OURS = {__file__, sys.modules["__main__"].__file__}  # whose frames nobody is to see


def run(argv: list[str], names: list[str]) -> None:
    """Do what `python SCRIPT ...` does. `names` are those that sys.modules has for the main module.

    Whatever is touched here costs time, since its memory is shared until then: no walk through all modules.
    """
    script = os.path.join(os.getcwd(), argv[1])
    keeper = vars(sys.modules["__main__"])
    for folder in sys.path:  # the keeper has looked into them before, perhaps in vain
        sys.path_importer_cache.pop(folder, None)
    sys.orig_argv, sys.argv = argv, argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    if "threading" in sys.modules:  # it keeps the number of the keeper's thread
        sys.modules["threading"].main_thread()._set_native_id()
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=keeper["__builtins__"])
    main.__dict__["__loader__"] = importlib.machinery.SourceFileLoader("__main__", script)
    for name in ("__cached__", "__annotations__"):  # depends on the version of Python
        if name in keeper:
            main.__dict__[name] = keeper[name]
    for name in names:
        sys.modules[name] = main
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as problem:  # in the words of `python`
        sys.stderr.write(f"{argv[0]}: can't open file '{script}': [Errno {problem.errno}] {problem.strerror}\n")
        sys.exit(2)
    try:
        exec(compile(source, script, "exec", dont_inherit=True), main.__dict__)  # noqa: S102
    except BaseException:
        hide_keeper()
        raise


def hide_keeper() -> None:
    """An error is to be shown without the lines of a keeper above those of the script."""
    hook = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        while trace and trace.tb_frame.f_code.co_filename in OURS:
            trace = trace.tb_next
        hook(kind, error.with_traceback(trace), trace)

    sys.excepthook = show


def show_as(title: bytes, run: bytes) -> None:
    """Have the system show this process by its own command line and FUGE_RUN, written over those of the keeper."""
    import ctypes  # the keeper has loaded it

    with open("/proc/self/stat") as stat:
        arguments, end, variables, last = map(int, stat.read().rpartition(")")[2].split()[45:49])  # see proc(5)
    room = end - arguments
    # Linux shows the text up to its first NUL when the very last byte is not a NUL any more.
    ctypes.memmove(arguments, title[: room - 2].ljust(room - 1, b"\0") + b"x", room)
    mark = b"FUGE_RUN=" + run
    place = ctypes.string_at(variables, last - variables).find(mark[:9])
    if place >= 0 and len(ctypes.string_at(variables + place)) == len(mark):
        ctypes.memmove(variables + place, mark, len(mark))
