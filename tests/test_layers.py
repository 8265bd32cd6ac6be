"""Who may import whom: a file may import from the files above it in this list, and from nothing below."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = [
    ["indexer.errors"],
    ["indexer.bits", "indexer.vectors", "indexer.where"],
    ["indexer.schema", "indexer.rows", "indexer.statements", "indexer.watch", "indexer.planner", "indexer.samples"],
    ["indexer.segments", "indexer.selection"],
    ["indexer.succession"],
    ["indexer.store", "indexer.tables"],
    ["indexer.kernels.layout"],
    ["indexer.kernels.hits"],
    ["indexer.kernels.probe"],
    ["indexer.kernels.scan", "indexer.kernels.join"],
    ["indexer.kernels.search"],
    ["indexer.multi"],
    ["indexer.calibrate"],
    ["indexer.memory"],
    ["indexer.check", "indexer.filtered"],
    ["indexer.index"],
    ["hashret.family", "hashret.rows", "hashret.pretrained", "hashret.curve"],
    ["hashret.settings", "hashret.inputs", "hashret.evaluate.metrics", "hashret.evaluate.quality"],
    ["hashret.evaluate.judged"],
    ["hashret.features", "hashret.embed"],
    ["hashret.evaluate.rows"],
    ["hashret.evaluate.baselines"],
    ["hashret.scores", "hashret.bottleneck"],
    ["hashret.sequence"],
    ["hashret.forward", "hashret.settle"],
    ["hashret.model.binarize", "hashret.model.objectives", "hashret.model.neighbours"],
    ["hashret.model.sequence", "hashret.model.rbm", "hashret.model.penalties", "hashret.model.views"],
    ["hashret.model.nets", "hashret.model.checkpoint"],
    ["hashret.model.step"],
    ["hashret.model.fit"],
    ["hashret.model.train", "hashret.model.linear"],
    ["hashret.hasher", "hashret.results"],
    ["hashret.cover", "hashret.forest", "hashret.likeness", "hashret.export", "hashret.ready"],
    ["hashret.restore", "hashret.stream", "hashret.dedup", "hashret.columns"],
    ["hashret.leakage", "hashret.searching", "hashret.formats"],
    ["hashret.codefile", "hashret.generations"],
    ["hashret.storing"],
    ["hashret.contrast", "hashret.effects", "hashret.anomalies"],
    ["hashret.meaning"],
    ["hashret.why"],
    ["hashret.engine"],
    ["hashret.evaluate.ways"],
    ["hashret.evaluate.report", "hashret.evaluate.answers"],
    ["hashret.evaluate.comparison"],
    ["hashret.evaluate.tables"],
    ["hashret.evaluate"],
    ["hashret.report.numbers", "hashret.report.markup", "hashret.report.survey", "hashret.report.pictures"],
    ["hashret.report.charts", "hashret.report.gathered"],
    ["hashret.report.shown"],
    ["hashret.report.figures", "hashret.report.sections", "hashret.report.atlas"],
    ["hashret.report.page"],
    ["hashret.report"],
    ["hashret.completion", "hashret.environment"],
    ["hashret.notes"],
    ["hashret.output", "hashret.options"],
    ["hashret.group"],
    ["hashret.web.snippets", "hashret.web.parameters", "hashret.web.pictures", "hashret.web.guard"],
    ["hashret.web.answers", "hashret.web.openapi"],
    ["hashret.web.app"],
    ["hashret.web.server"],
    ["hashret.demo"],
    ["hashret.commands.why"],
    ["hashret.commands"],
    ["hashret.cli"],
    ["hashret.integrations"],
]
INSIDE = [
    "entry",
    "text",
    "records",
    "tables",
    "images",
    "vectors",
    "parquet",
    "sql",
    "pdf",
    "frames",
    "files",
    "source",
]

OUTSIDE = {  # who may import what is heavy
    "torch": "hashret.model.",
    "faiss": ("indexer.tables", "hashret.ready"),
    "numba": "indexer.kernels.",
    "llvmlite": "indexer.kernels.layout",
    "sqlalchemy": "indexer.s",
    "tokenizers": "hashret.features",
    "safetensors": ("hashret.hasher", "hashret.model.checkpoint"),
    "pyarrow": ("hashret.inputs.parquet", "hashret.columns"),
    "pypdf": "hashret.inputs.pdf",
    "rich": "hashret.output",
    "PIL": ("hashret.features", "hashret.inputs.images", "hashret.embed", "hashret.web.pictures"),
    "sentence_transformers": "hashret.embed",
    "transformers": "hashret.embed",
    "sklearn": "hashret.integrations.sklearn",
    "langchain_core": "hashret.integrations.langchain",
    "mteb": "hashret.integrations.mteb",
    "starlette": "hashret.web.",
    "uvicorn": "hashret.web.server",
    "click": (
        "hashret.cli",
        "hashret.commands",
        "hashret.completion",
        "hashret.demo",
        "hashret.environment",
        "hashret.group",
        "hashret.notes",
        "hashret.options",
        "hashret.output",
    ),
}
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for package in ("indexer", "hashret")
    for path in (ROOT / package).rglob("*.py")
    if not path.name.startswith("__")
}


def rank(module: str) -> int:
    """The layer of a module."""
    return next(n for n, layer in enumerate(LAYERS) if any((module + ".").startswith(name + ".") for name in layer))


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, those for type checking left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    found = set()
    for node in set(ast.walk(tree)) - typing_only:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in FILES else str(node.module) for name in whole}
    return found


@pytest.mark.parametrize("module", FILES)
def test_imports_go_up_the_list(module):
    ours = {name for name in imports(FILES[module]) if name.split(".")[0] in ("indexer", "hashret")}
    for name in ours - {"hashret", "indexer"}:
        assert rank(name) <= rank(module), name
        if rank(name) == rank(module) and name != module:
            assert "hashret.inputs" in name or "model" in name, name


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("hashret.inputs.")])
def test_inputs_import_only_what_comes_before(module):
    place = INSIDE.index(module.split(".")[-1])
    for name in imports(FILES[module]):
        if name.startswith("hashret.inputs."):
            assert INSIDE.index(name.split(".")[-1]) < place, name


@pytest.mark.parametrize("module", FILES)
def test_heavy_packages_stay_where_they_belong(module):
    for name in imports(FILES[module]):
        allowed = OUTSIDE.get(name.split(".")[0])
        assert allowed is None or module.startswith(allowed), name


def test_every_file_has_a_layer():
    for module in FILES:
        rank(module)


HEAVY = (
    "torch faiss sklearn scipy sqlalchemy numba tokenizers rich PIL pyarrow pypdf sqlite3 "
    "sentence_transformers langchain_core mteb starlette uvicorn"
)


@pytest.mark.parametrize(
    "program",
    [
        "import hashret, hashret.cli, indexer",
        "import sys; sys.argv = ['hashret', '--help']; from hashret.cli import main; main(standalone_mode=False)",
    ],
)
def test_starting_loads_nothing_heavy(program):
    check = f"import sys; print(sorted(set('{HEAVY}'.split()) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", f"{program}; {check}"], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_a_query_imports_no_torch(tmp_path):
    """In a fresh process, over a file made by another."""
    make = (
        "from tests.hashret.conftest import *; from hashret.engine import Engine\n"
        f"Engine.fit({str(tmp_path / 'd.db')!r}, make_entries(40), FAST).close()"
    )
    subprocess.run([sys.executable, "-c", make], check=True, cwd=ROOT)
    ask = (
        "import sys; from hashret.cli import main\n"
        f"main(['query', {str(tmp_path / 'd.db')!r}, 'moon', '-k', '3', '--ids'], standalone_mode=False)\n"
        "print(sorted({'torch', 'sklearn', 'scipy', 'numba'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    *keys, loaded = run.stdout.splitlines()
    assert len(keys) == 3
    assert loaded == "[]"


def test_no_pickle_anywhere():
    words = ("pickle", "torch.save", "torch.load", "joblib", "marshal", "allow_pickle=True")
    for module, path in FILES.items():
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""  # prose may say what code must not do
        assert not [word for word in words if word in ast.unparse(tree).replace("allow_pickle=False", "")], module


def test_files_and_functions_stay_short():
    for module, path in FILES.items():
        text = path.read_text()
        assert len(text.splitlines()) <= 400, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 40, f"{module}.{node.name}"
                assert len([a for a in node.args.args if a.arg not in ("self", "cls")]) <= 6, f"{module}.{node.name}"
