"""python docs/reference.py: writes docs/reference/ from the docstrings of mu, fuge and concordant.

It reads source text and imports nothing, so that each page is the same with any Python, whatever is installed.
"""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGES = ROOT / "src", ROOT / "docs" / "reference"
LIBRARIES = ("mu", "fuge", "concordant")
WIDTH = 100  # characters of a signature that stays on one line
OF_ALL_CLIENTS = {"request", "send", "post", "around", "start", "close", "available", "parts"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def main() -> None:
    PAGES.mkdir(exist_ok=True)
    for library in LIBRARIES:
        (PAGES / f"{library}.md").write_text(page(library), encoding="utf-8")


def page(library: str) -> str:
    module = parsed(library)
    names = exported(module)
    head = f"# {library}: reference\n\n{note(library)}\n\n```text\n{ast.get_docstring(module)}\n```\n"
    contents = ", ".join(f"[{name}](#{name.lower()})" for name in names)
    return "\n".join([head, f"{contents}\n", *(section(library, name) for name in names)]).rstrip() + "\n"


def note(library: str) -> str:
    return f"Made from the docstrings by `python docs/reference.py`. How it is used: [{library}.md](../{library}.md)."


# Where things are -------------------------------------------------------------------------------------------------


def path_of(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def parsed(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


def exported(module: ast.Module) -> list[str]:
    names = assigned(module, "__all__")
    assert names, "a library says what it exports"
    return list(ast.literal_eval(names))


def homes(module: ast.Module) -> dict[str, tuple[str, str]]:
    """Where each name of a module comes from: the other module, and its name there."""
    imports = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in imports for alias in node.names}


def find(module: str, name: str) -> tuple[str, ast.AST | str]:
    """The module where a name is defined, and its definition there; for a module its own name."""
    tree = parsed(module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | Function) and node.name == name:
            return module, node
    value = assigned(tree, name)
    if isinstance(value, ast.Name):
        return find(module, value.id)
    if isinstance(value, ast.Tuple):  # server, client = LocalServer, LocalClient
        return find(module, ast.unparse(value.elts[names_assigned(tree, name).index(name)]))
    if value is not None:
        return module, value
    home, original = homes(tree)[name]
    inner = f"{home}.{original}"
    return (inner, inner) if path_of(inner).exists() else find(home, original)


def names_assigned(module: ast.Module, name: str) -> list[str]:
    """The names on the left of the assignment that has this one among them."""
    for node in module.body:
        if isinstance(node, ast.Assign):
            names = [each.id for each in ast.walk(node.targets[0]) if isinstance(each, ast.Name)]
            if name in names:
                return names
    return []


def assigned(module: ast.Module, name: str) -> ast.expr | None:
    for node in module.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name for each in ast.walk(node.targets[0])
        ):
            return node.value
    return None


# What is said of them ---------------------------------------------------------------------------------------------


def section(library: str, name: str) -> str:
    module, found = find(library, name)
    return f"## {name}\n\n" + "\n".join(described(module, name, found))


def described(module: str, name: str, found: ast.AST | str) -> Iterator[str]:
    if isinstance(found, str):
        yield f"{ast.get_docstring(parsed(found))}\n"
        for end in ("client", "server"):
            inside, definition = find(found, end)
            yield f"### {name}.{end}\n"
            yield from described(inside, f"{name}.{end}", definition)
    elif isinstance(found, ast.ClassDef):
        yield from of_class(name, found)
    elif isinstance(found, Function):
        yield from with_text(signature(found, name), ast.get_docstring(found))
    else:
        assert isinstance(found, ast.expr)
        value = ast.unparse(found).replace("'", '"')  # quotes as in the source
        yield from with_text(f"{name} = {value}", text_below(parsed(module), name))


def text_below(module: ast.Module, name: str) -> str | None:
    """The docstring of an assignment: the text on the line after it."""
    for node, after in zip(module.body, module.body[1:], strict=False):
        if isinstance(node, ast.Assign) and name in names_assigned(ast.Module([node], []), name):
            return text_of(after.value) if isinstance(after, ast.Expr) else None
    return None


def of_class(name: str, found: ast.ClassDef) -> Iterator[str]:
    made = next((node for node in functions(found) if node.name == "__init__"), None)
    bases = [base for base in map(ast.unparse, found.bases) if base not in ("ABC", "object")]
    fields = [node for node in found.body if isinstance(node, ast.AnnAssign)] if has_fields(found) else []
    if made:
        head = signature(made, name)
    elif fields:
        head = wrapped(name, [field(each) for each in fields])
    else:
        head = "\n".join([f"class {name}" + (f"({', '.join(bases)})" if bases else ""), *attributes(found)])
    yield from with_text(head, ast.get_docstring(found))
    if (made or fields) and bases:
        yield f"A kind of {' and '.join(f'`{base}`' for base in bases)}.\n"
    for node in functions(found):
        if is_shown(name, node.name) and (text := ast.get_docstring(node)):
            yield f"### {name}.{node.name}\n"
            yield from with_text(signature(node, f"{name}.{node.name}"), text)


def is_shown(owner: str, name: str) -> bool:
    """Of transports only how they are made, of adapters also what they have besides what all clients have."""
    return not (name.startswith("_") or "." in owner or (owner.islower() and name in OF_ALL_CLIENTS))


def attributes(found: ast.ClassDef) -> list[str]:
    """What a class says for all its objects, such as the exit code of an error."""
    lines = [ast.unparse(node) for node in found.body if isinstance(node, ast.Assign)]
    return [f"    {line}" for line in lines if not line.startswith("_")]


def functions(found: ast.ClassDef) -> list[Function]:
    return [node for node in found.body if isinstance(node, Function)]


def has_fields(found: ast.ClassDef) -> bool:
    """Whether it is a dataclass, or a dictionary with certain keys."""
    is_dataclass = any(ast.unparse(each).startswith("dataclass") for each in found.decorator_list)
    return is_dataclass or "TypedDict" in map(ast.unparse, found.bases)


def is_property(node: Function) -> bool:
    return any(ast.unparse(each) == "property" for each in node.decorator_list)


def field(node: ast.AnnAssign) -> str:
    """A field, as a parameter; what makes its default is of no interest."""
    default = ast.unparse(node.value) if node.value else ""
    if default.startswith("field("):
        default = "..."
    return f"{ast.unparse(node.target)}: {ast.unparse(node.annotation)}" + (f" = {default}" if default else "")


def signature(node: Function, name: str) -> str:
    arrow = f" -> {kind_of(node.returns)}" if node.returns and node.name != "__init__" else ""
    if is_property(node):
        return f"{name}{arrow}"
    parameters = [each for each in split(node.args) if each not in ("self", "cls")]
    prefix = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return wrapped(f"{prefix}{name}", parameters, arrow)


def split(arguments: ast.arguments) -> list[str]:
    """The parameters one by one, as written: with annotations, defaults and `*`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    without = [None] * (len(plain) - len(arguments.defaults))
    found = [parameter(*each) for each in zip(plain, [*without, *arguments.defaults], strict=True)]
    if arguments.vararg:
        found.append(f"*{parameter(arguments.vararg)}")
    elif arguments.kwonlyargs:
        found.append("*")
    found += [parameter(*each) for each in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*found, *([f"**{parameter(arguments.kwarg)}"] if arguments.kwarg else [])]


def parameter(node: ast.arg, default: ast.expr | None = None) -> str:
    kind = f": {kind_of(node.annotation)}" if node.annotation else ""
    equals = " = " if kind else "="
    return f"{node.arg}{kind}" + (f"{equals}{ast.unparse(default)}" if default else "")


def kind_of(annotation: ast.expr) -> str:
    """As written, but for the quotes of one that is not looked at until later."""
    return text_of(annotation) or ast.unparse(annotation)


def text_of(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def wrapped(name: str, parameters: list[str], arrow: str = "") -> str:
    line = f"{name}({', '.join(parameters)}){arrow}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in parameters), f"){arrow}"])


def with_text(head: str, text: str | None) -> Iterator[str]:
    yield f"```python\n{head}\n```\n"
    if text:
        yield f"{textwrap.dedent(text).strip()}\n"


if __name__ == "__main__":
    main()
