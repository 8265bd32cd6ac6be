"""Who may import whom: a file may import from the files above it in this list, and from nothing below."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = [  # from the bottom up: a file, or a room of files, which INSIDE puts in order
    ["indexer.errors"],
    ["indexer.bits", "indexer.vectors", "indexer.where"],
    ["indexer.schema"],
    ["indexer.rows", "indexer.statements", "indexer.watch", "indexer.planner", "indexer.samples"],
    ["indexer.segments", "indexer.selection", "indexer.file"],
    ["indexer.succession"],
    ["indexer.store", "indexer.tables"],
    ["indexer.kernels"],
    ["indexer.multi"],
    ["indexer.calibrate"],
    ["indexer.memory"],
    ["indexer.check", "indexer.filtered", "indexer.matches"],
    ["indexer.index"],
    ["hashret.family", "hashret.rows", "hashret.words", "hashret.pretrained", "hashret.curve"],
    ["hashret.contents", "hashret.settings", "hashret.inputs", "hashret.evaluate.metrics", "hashret.evaluate.quality"],
    ["hashret.evaluate.judged"],
    ["hashret.features", "hashret.embed"],
    ["hashret.evaluate.rows"],
    ["hashret.evaluate.baselines"],
    ["hashret.scores", "hashret.reranking"],
    ["hashret.forward"],
    ["hashret.model"],
    ["hashret.hasher", "hashret.results"],
    ["hashret.duplicates", "hashret.exchange", "hashret.restore", "hashret.stream", "hashret.searching"],
    ["hashret.meaning", "hashret.generations", "hashret.anomalies", "hashret.opened"],
    ["hashret.storing", "hashret.codefile"],
    ["hashret.engine"],
    ["hashret.evaluate.ways"],
    ["hashret.evaluate.report", "hashret.evaluate.answers"],
    ["hashret.evaluate.comparison"],
    ["hashret.evaluate.tables"],
    ["hashret.evaluate"],
    ["hashret.report"],
    ["hashret.web"],
    ["hashret.shell"],
    ["hashret.demo"],
    ["hashret.commands"],
    ["hashret.cli"],
    ["hashret.integrations"],
]
INSIDE = {  # a file of a room may import from those before it
    "indexer.kernels": "native bloom layout hits probe scan join search direct",
    "hashret.inputs": "entry text records tables images vectors parquet sql pdf frames files source",
    "hashret.forward": "bottleneck sequence network remainder settle",
    "hashret.model": (
        "binarize objectives neighbours views sequence rbm penalties nets checkpoint step fit train remainder linear"
    ),
    "hashret.duplicates": "cover forest likeness dedup leakage",
    "hashret.exchange": "export columns formats ready",
    "hashret.meaning": "contrast bits effects why",
    "hashret.report": "numbers markup charts survey pictures gathered shown figures sections atlas page",
    "hashret.shell": "completion environment notes output options group",
    "hashret.web": "snippets parameters pictures guard answers openapi app server",
    "hashret.commands": "why find write dedup judge report reencode decode fields exchange serve demo shell",
    "hashret.integrations": "sklearn langchain mteb",
}

OUTSIDE = {  # who may import what is heavy
    "torch": "hashret.model.",
    "faiss": ("indexer.tables", "hashret.exchange.ready"),
    "numba": "indexer.kernels.",
    "llvmlite": "indexer.kernels.native",
    "sqlalchemy": ("indexer.s", "indexer.file"),
    "tokenizers": "hashret.features",
    "safetensors": ("hashret.hasher", "hashret.model.checkpoint"),
    "pyarrow": ("hashret.inputs.parquet", "hashret.exchange.columns"),
    "pypdf": "hashret.inputs.pdf",
    "rich": "hashret.shell.output",
    "PIL": ("hashret.features", "hashret.inputs.images", "hashret.embed", "hashret.web.pictures"),
    "sentence_transformers": "hashret.embed",
    "transformers": "hashret.embed",
    "sklearn": "hashret.integrations.sklearn",
    "langchain_core": "hashret.integrations.langchain",
    "mteb": "hashret.integrations.mteb",
    "starlette": "hashret.web.",
    "uvicorn": "hashret.web.server",
    "click": ("hashret.cli", "hashret.commands.", "hashret.demo", "hashret.shell."),
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


def place(module: str) -> int:
    """Where a file stands in the order of its room."""
    room, _, name = module.rpartition(".")
    return INSIDE[room].split().index(name)


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
    room = module.rpartition(".")[0]
    for name in imports(FILES[module]) - {"hashret", "indexer"}:
        if name.split(".")[0] in ("indexer", "hashret"):
            within = room in INSIDE and name.startswith(room + ".")
            assert place(name) < place(module) if within else rank(name) < rank(module), name


@pytest.mark.parametrize("module", FILES)
def test_heavy_packages_stay_where_they_belong(module):
    for name in imports(FILES[module]):
        allowed = OUTSIDE.get(name.split(".")[0])
        assert allowed is None or module.startswith(allowed), name


def test_every_file_has_a_layer_and_every_room_an_order():
    for module in FILES:
        rank(module)
    for room, names in INSIDE.items():
        assert sorted(names.split()) == sorted(name.rpartition(".")[2] for name in FILES if name.startswith(room + "."))


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


WIDE = ("indexer.kernels.search.search",)  # a call is half a microsecond longer if its numbers come in tuples


def test_files_and_functions_stay_short():
    for module, path in FILES.items():
        text = path.read_text()
        assert len(text.splitlines()) <= 400, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 40, f"{module}.{node.name}"
                named = [each for each in node.args.args if each.arg not in ("self", "cls")]
                assert len(named) <= 6 or f"{module}.{node.name}" in WIDE, f"{module}.{node.name}"
