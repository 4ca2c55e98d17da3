"""docs/architecture.md against the code: its rooms, their order, every file and name it tells."""

import ast
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def layers() -> list[set[str]]:
    """The rooms that import-linter knows, the highest first; those of one layer together."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (c for c in settings["tool"]["importlinter"]["contracts"] if "layers" in c)
    return [
        {room.strip().removeprefix("captioner.") for room in layer.split("|")}
        for layer in contract["layers"]
    ]


def test_the_table_has_the_rooms_in_the_order_that_is_checked() -> None:
    table = PAGE.partition("| room |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    rooms = [set(re.findall(r"`(\w+)(?:\.py|/)`", cell)) for cell in cells]
    assert rooms == layers()[::-1]


def test_every_module_of_the_package_is_in_a_room() -> None:
    package = ROOT / "captioner"
    found = {path.stem for path in package.glob("*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert found - {"__init__", "__main__"} == set().union(*layers())


def test_every_file_and_name_is_there() -> None:
    told = re.findall(r"`((?:captioner|tests|configs|docs)/[\w./-]+)`(?:\s+\(`(\w+)`\))?", PAGE)
    assert len(told) > 30
    for path, name in told:
        assert (ROOT / path).exists(), path
        if name:
            assert name in defined(ROOT / path), (path, name)
    for target in re.findall(r"\]\(([^)]*)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def defined(path: Path) -> set[str]:
    """The names that a module defines."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


def test_no_module_is_hidden_by_what_its_package_offers() -> None:
    """`captioner.model.decoder` must be the module, whatever `captioner.model` imports from it."""
    for init in (ROOT / "captioner").glob("**/__init__.py"):
        inside = [path for path in init.parent.iterdir() if path.is_dir() or path.suffix == ".py"]
        modules = {path.stem for path in inside}
        for node in ast.parse(init.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                taken = {alias.asname or alias.name for alias in node.names}
                package = ".".join(init.parent.relative_to(ROOT).parts)
                assert node.module == package or taken.isdisjoint(modules), (init, taken & modules)
