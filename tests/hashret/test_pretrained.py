import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from hashret.hasher import Hasher
from hashret.settings import Settings
from indexer.errors import Corrupt, InvalidInput, Mismatch, NotFound
from tests.hashret.conftest import make_texts
from tests.hashret.embedders import hashed
from tests.hashret.test_hasher import tiny

TEXTS = [text for _, text in make_texts(40)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_gives_the_same_model_back(hasher, tmp_path):
    hasher.save_pretrained(tmp_path / "m")
    assert names(tmp_path / "m") == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    again = Hasher.from_pretrained(tmp_path / "m")
    assert (again.digest, again.to_bytes()) == (hasher.digest, hasher.to_bytes())
    np.testing.assert_array_equal(again.encode(TEXTS), hasher.encode(TEXTS))


def test_other_kinds_have_no_tokenizer(vector_hasher, tmp_path):
    tmp_path.joinpath("tokenizer.json").write_text("of a model that was here before")
    vector_hasher.save_pretrained(str(tmp_path))
    assert names(tmp_path) == ["README.md", "config.json", "model.safetensors"]
    assert Hasher.from_pretrained(str(tmp_path)).digest == vector_hasher.digest


def test_the_function_of_embedded_texts_is_remembered(tmp_path):
    hasher = Hasher.fit(TEXTS, Settings(bits=16, steps=5, batch=16), embed=hashed)
    hasher.save_pretrained(tmp_path)
    again = Hasher.from_pretrained(tmp_path)
    assert (again.digest, again.reads) == (hasher.digest, "text")
    np.testing.assert_array_equal(again.with_embed(hashed).encode(TEXTS), hasher.encode(TEXTS))
    assert "| vectors by | hashed |" in (tmp_path / "README.md").read_text()


def test_the_tokenizer_is_one_that_its_library_reads(hasher, tmp_path):
    hasher.save_pretrained(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("Moon, bread!").tokens == ["moon", "bread"]


def test_bytes_of_a_folder_are_golden(tmp_path):
    tiny().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert list(config) == ["model_type", "digest", "format", "kind", "settings"]
    assert (config["model_type"], config["digest"]) == ("hashret", tiny().digest)
    text = (tmp_path / "config.json").read_text()
    assert text.startswith(
        '{\n  "model_type": "hashret",\n'
        f'  "digest": "{tiny().digest}",\n'
        '  "format": 2,\n  "kind": "vector",\n  "settings": {\n    "activation": "relu",\n'
    )
    settings, weights = tiny().to_bytes()
    assert {**config, "state": ""} == {"model_type": "hashret", "digest": tiny().digest, **json.loads(settings)}
    assert (tmp_path / "model.safetensors").read_bytes() == weights


def test_the_card_tells_what_the_model_is_and_how_it_is_used(hasher, tmp_path):
    hasher.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: hashret\n")
    assert f"| digest | `{hasher.digest}` |\n| encodes | text |\n| bits | 32 |\n| words | 32 |\n" in card
    median, worst = hasher.usual[[50, 99]]
    assert f"| error of training entries | {median:.4g} (median), {worst:.4g} (99 % are below) |" in card
    assert "| steps | 80 |\n" in card
    code = (
        card.split("```python\n")[1].split("```")[0].replace("this/folder", str(tmp_path)).replace("my.db", ":memory:")
    )
    names = {}
    exec(compile(code, "card", "exec"), names)
    assert names["codes"].shape == (2, 4)
    names["engine"].close()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_changed_byte_is_corrupt(name, hasher, tmp_path):
    hasher.save_pretrained(tmp_path)
    content = (tmp_path / name).read_bytes()
    place = content.index(b"moon") if name == "tokenizer.json" else len(content) - 3
    place = content.index(b'"seed": 0') + 8 if name == "config.json" else place
    (tmp_path / name).write_bytes(content[:place] + b"7" + content[place + 1 :])
    with pytest.raises(Corrupt) as caught:
        Hasher.from_pretrained(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: does not hash to its digest {hasher.digest[:12]}: fetch or copy the folder again"
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_corrupt(name, hasher, tmp_path):
    hasher.save_pretrained(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(Corrupt) as caught:
        Hasher.from_pretrained(tmp_path)
    assert str(caught.value) == f"{tmp_path}: has no {name}: fetch or copy the folder again"


def test_a_name_of_a_hub_is_not_fetched():
    with pytest.raises(NotFound) as caught:
        Hasher.from_pretrained("somebody/some-model")
    assert str(caught.value) == (
        "somebody/some-model: no such folder; hashret downloads nothing: fetch a model first, as by hf download "
        "somebody/some-model --local-dir FOLDER, and give that folder"
    )


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        (None, NotFound, "{0}: has no config.json: give a folder that save_pretrained wrote"),
        ("[]", Corrupt, "{0}/config.json: is no config of hashret: give a folder that save_pretrained wrote"),
        ("{", Corrupt, "{0}/config.json: is no config of hashret: give a folder that save_pretrained wrote"),
        ('{"model_type": "bert", "digest": ""}', Corrupt,
         "{0}/config.json: is a model of bert: give a folder that save_pretrained wrote"),
        ('{"model_type": "bert"}', Corrupt,
         "{0}/config.json: is no config of hashret: give a folder that save_pretrained wrote"),
    ],
)  # fmt: skip
def test_a_folder_of_something_else(config, error, message, tmp_path):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(error) as caught:
        Hasher.from_pretrained(tmp_path)
    assert str(caught.value) == message.format(tmp_path)


def test_a_model_of_a_later_format_is_a_mismatch(tmp_path):
    settings, weights = tiny().to_bytes()
    from hashret import pretrained

    pretrained.write(tmp_path, settings.replace('"format": 2', '"format": 3'), weights, "")
    with pytest.raises(Mismatch, match="the model has format 3"):
        Hasher.from_pretrained(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput) as caught:
        tiny().save_pretrained(tmp_path / "file")
    assert str(caught.value) == f"{tmp_path / 'file'}: cannot be written (File exists): name a folder that can"


def test_what_stops_in_the_middle_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    tiny().save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InvalidInput, match="No space left on device"):
        Hasher.fit(np.eye(8, dtype=np.float32), Settings(bits=8, steps=2, batch=4)).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert names(tmp_path) == ["README.md", "config.json", "model.safetensors"]
    assert Hasher.from_pretrained(tmp_path).digest == tiny().digest
