"""concordant knows nothing of the course, loads dnspython late, and says so when it is missing."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import imported

import concordant
from workbook.course import ROOT

MODULES = sorted((ROOT / "src" / "concordant").glob("*.py"))
ASKING = {"servers", "asking", "resolving"}  # the modules that may import dnspython
ORDER = [
    *("errors", "endpoint", "naming", "settings", "ordering", "servers", "asking", "resolving"),
    *("__init__", "__main__"),
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_know_only_those_before_them(path: Path) -> None:
    names = [name.split(".") for name in imported(path)]
    outside = {name[0] for name in names} - set(sys.stdlib_module_names) - {"concordant"}
    assert outside <= ({"dns"} if path.stem in ASKING else set())
    ours = {name[1] for name in names if name[0] == "concordant" and len(name) > 1}
    assert ours <= set(ORDER[: ORDER.index(path.stem)])


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_names_are_made_without_dnspython() -> None:
    code = "import sys; from concordant import Endpoint, label, srv_name; print(*{'dns', 'asyncio'} & set(sys.modules))"
    assert run(code) == ""


def test_missing_dnspython_is_named_with_its_extra() -> None:
    code = "import sys; sys.modules['dns'] = None\ntry: from concordant import resolve\nexcept "
    expected = 'expected dnspython for concordant, found none: install the extra dns (pip install "microservices-work'
    for kind in ("ImportError as error: ", "Exception as error: "):
        assert run(code + kind + "print(type(error).__name__, error)").startswith(f"NotInstalled {expected}")


def test_missing_dnspython_is_an_error_of_the_command_too() -> None:
    code = "import sys; sys.modules['dns'] = None; from concordant.__main__ import main; sys.exit(main(['x']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("NotInstalled: expected dnspython")


def test_another_package_that_is_missing_is_not_taken_for_dnspython() -> None:
    code = "import sys; sys.modules['concordant.ordering'] = None\ntry: from concordant import resolve\n"
    found = run(f"{code}except Exception as error: print(type(error).__name__, error.name)")
    assert found == "ModuleNotFoundError concordant.ordering"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'concordant' has no 'lookup'"):
        _ = concordant.lookup  # type: ignore[attr-defined]


def test_every_error_is_one_of_ours_and_has_a_code_of_its_own() -> None:
    kinds = [getattr(concordant, name) for name in concordant.__all__]
    errors = [kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Exception)]
    assert len(errors) == 10
    assert all(issubclass(kind, concordant.ConcordantError) for kind in errors)
    assert len({kind.code for kind in errors}) == len(errors)


def test_all_names_what_is_imported_here_and_resolve() -> None:
    found = {
        name for name, each in vars(concordant).items() if getattr(each, "__module__", "").startswith("concordant.")
    }
    assert sorted(concordant.__all__) == sorted(found | {"resolve"})


def test_every_public_name_says_what_it_is() -> None:
    for name in concordant.__all__:
        assert inspect.getdoc(getattr(concordant, name)), name
