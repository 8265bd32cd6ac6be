"""The family's benchmarks: their arithmetic by hand, and a tiny run of each."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.family import (
    anomalies,
    compress,
    decoder,
    denoise,
    members,
    pictures,
    pixels,
    reduction,
    run,
    samples,
    tables,
)
from benchmarks.quality import notes, results, tasks
from hashret import family
from hashret.settings import Settings

RNG = np.random.default_rng(0)
FEW = {"steps": 3, "batch": 32}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "RESULTS", tmp_path)


@pytest.fixture(scope="module")
def small():
    return tasks.fashion_sample()


@pytest.fixture(scope="module")
def images(small):
    return np.asarray(small.database.contents)[:300], np.asarray(small.queries.contents)[:50]


def test_auroc_is_the_share_of_pairs_in_order():
    scores, stranger = RNG.integers(0, 6, 60), RNG.random(60) < 0.4
    pairs = [(far > near) + (far == near) / 2 for far in scores[stranger] for near in scores[~stranger]]
    assert anomalies.auroc(scores, stranger) == pytest.approx(np.mean(pairs))


def test_auroc_of_a_perfect_score_is_one_and_of_its_reverse_zero():
    scores, stranger = np.arange(10), np.arange(10) >= 7
    assert [anomalies.auroc(sign * scores, stranger) for sign in (1, -1)] == [1, 0]


def test_psnr_of_a_difference_of_a_tenth_is_twenty_decibels():
    assert pixels.psnr(np.full((2, 4), 0.5), np.full((2, 4), 0.6)) == pytest.approx(20)


def test_noise_has_the_deviation_asked_for_and_stays_a_pixel():
    shown = pixels.noisy(np.full((20, 28, 28), 128, np.uint8), 0.1)
    assert shown.dtype == np.uint8
    assert (shown / 255.0).std() == pytest.approx(0.1, rel=0.02)


def test_as_many_components_as_dimensions_give_rows_back():
    rows = RNG.normal(size=(50, 6)).astype(np.float32)
    components = pixels.Components.of(rows, 6)
    assert components.up(components.down(rows)) == pytest.approx(rows, abs=1e-5)
    assert np.all(np.diff(components.variance) <= 0)


def test_bits_go_where_most_is_lost():
    assert pixels.allotted(np.array([16.0, 4.0, 1.0]), 3).tolist() == [2, 1, 0]
    assert pixels.allotted(np.array([1.0, 1.0, 1.0]), 6).tolist() == [2, 2, 2]


def test_levels_of_two_heaps_are_their_means():
    values = np.array([0.0, 0.2, 0.4, 9.0, 9.2, 9.4], np.float32)
    assert pixels.levels(values, 2) == pytest.approx([0.2, 9.2])
    assert pixels.levels(values, 1) == pytest.approx([4.7])


def test_a_component_without_bits_is_its_mean():
    train, test = np.array([[1.0], [3.0]], np.float32), np.array([[7.0]], np.float32)
    assert pixels.quantised(train, test, np.array([0])).tolist() == [[2.0]]
    assert pixels.quantised(train, test, np.array([1])).tolist() == [[3.0]]


def test_jpeg_bytes_after_the_header_are_less_than_all(images):
    whole, body, shown = pixels.jpeg(images[1][0], 50)
    assert 0 < body < whole / 2
    assert shown.shape == (28, 28)


def test_a_grid_is_dark_on_white_and_has_every_image():
    sheet = pictures.grid([np.ones((3, 784)), np.zeros((2, 784))])
    assert sheet.shape == (116, 176)
    assert (sheet[0, 0], sheet[-1, 0], sheet[0, 57]) == (0, 255, 255)


def test_a_plane_has_its_points_where_they_are():
    sheet = pictures.planes([np.array([[0.0, 0.0], [1.0, 1.0]])], np.array([0, 1]))
    assert tuple(sheet[pictures.PLANE - 1, 0]) == pictures.COLOURS[0]
    assert tuple(sheet[0, pictures.PLANE - 1]) == pictures.COLOURS[1]


def test_a_note_is_known_once_it_is_written():
    assert not notes.known("things", name="one")
    notes.note("things", {"name": "one", "value": 2})
    assert notes.known("things", name="one")
    assert not notes.known("things", name="one", value=3)
    assert notes.notes("things") == [{"name": "one", "value": 2}]


def test_a_table_is_markdown():
    assert notes.table(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_every_part_of_the_family_is_a_row():
    made = [member.chosen(0).resolved(contents) for member, contents in zip(*everyone(), strict=True)]
    for name, field in (
        ("NETS", "net"),
        ("CORRUPTIONS", "corruption"),
        ("BINARIZERS", "binarizer"),
        ("LOSSES", "loss"),
    ):
        assert {getattr(one, field) for one in made} == set(getattr(family, name))
    for name, field in (("PENALTIES", "penalty"), ("OBJECTIVES", "objective"), ("STARTS", "start")):
        assert {getattr(one, field) for one in made} == set(getattr(family, name))


def everyone():
    """Members and the contents they are run on."""
    contents = {members.TEXT: {"tf-idf": "matrix", "counts": "matrix", "strings": "text"}}
    pairs = [
        (members.MEMBERS[slug], contents.get(task, {}).get(members.MEMBERS[slug].reads, "image"))
        for table in members.TABLES.values()
        for slug in table.rows.values()
        for task in table.tasks
    ]
    return [one for one, _ in pairs], [two for _, two in pairs]


def test_a_member_is_run_once_and_stands_in_its_table(small, monkeypatch):
    monkeypatch.setattr(members, "STEPS", 3)
    monkeypatch.setitem(run.LOADERS, members.IMAGES, lambda: small)
    monkeypatch.setitem(members.MEMBERS, "plain", members.Member({"kind": "plain", "batch": 32}))
    monkeypatch.setattr(
        "sys.argv", ["run", "--tasks", members.IMAGES, "--members", "plain", "neighbour", "--seeds", "0"]
    )
    run.main()
    run.main()
    (line,) = notes.notes("family/runs")
    assert (line["task"], line["method"], line["bits"], line["seed"]) == (members.IMAGES, "family-plain", 32, 0)
    assert 0.1 < line["figure"] < 1
    rows = tables.rows(members.Table({"plain": "plain", "deep": "deep"}, (members.IMAGES,)))
    shown = [f"{line['figure']:.3f}".lstrip("0"), f"{line['error']:.4f}", f"{line['seconds']:.0f}"]
    assert rows == [["plain", *shown], ["deep", "-", "-", "-"]]


def test_a_cell_is_the_median_of_the_seeds_that_were_run():
    for seed, (right, wrong, seconds) in enumerate([(0.3, 8.0, 10), (0.1, 9.0, 30), (0.2, 7.5, 21)]):
        place = vars(run.named(members.TEXT, "plain", seed))
        notes.note("family/runs", {**place, "figure": right, "error": wrong, "seconds": seconds})
    assert tables.cells(members.TEXT, "plain") == [".200", "8.00", "21"]
    assert tables.cells(members.IMAGES, "plain") == ["-", "-", "-"]


def test_the_default_is_that_of_the_other_tables():
    for name, task in (("text", members.TEXT), ("images", members.IMAGES)):
        place = vars(run.named(task, "neighbour", 0))
        notes.note(f"quality/{name}", {**place, "figures": [0.5, 0.4, 0.6], "seconds": 40.2})
        assert tables.cells(task, "neighbour") == [".500", "-", "40"]


def test_tiny_runs_of_what_decoders_are_for(small, images, monkeypatch):
    scorers = {
        "bits": anomalies.by_error(kind="deep", binarizer="sign", bits=8, **FEW),
        "PCA": anomalies.by_components(4),
    }
    anomalies.judge(small.database, small.queries, scorers)
    anomalies.judge(small.database, small.queries, scorers)
    assert len(notes.notes("family/anomalies")) == 20
    assert np.mean([line["auroc"] for line in notes.notes("family/anomalies") if line["method"] == "PCA"]) > 0.7
    denoise.judge(*images, Settings(kind="denoising", binarizer="linear", bits=16, **FEW))
    monkeypatch.setitem(compress.CHOSEN, "steps", 3)
    compress.judge(*images, widths=(16, 32))
    compress.judge(*images, widths=(16, 32))
    assert len(notes.notes("family/compress")) == 4 + len(compress.QUALITIES)
    decoder.main()
    shown = (results.RESULTS / "decoder.md").read_text()
    assert shown.count("|---") > 10
    assert "| bits |" in shown


def test_a_tiny_run_of_reduction_and_samples(small, images, tmp_path):
    chosen = Settings(kind="deep", bits=8, dimensions=2, **FEW)
    made = reduction.judge(*images, "tiny", chosen)
    assert reduction.judge(*images, "tiny", chosen) is None
    reduction.judge_peers(*images)
    reduction.draw_images(made, small, tmp_path / "reduction.png")
    reduction.draw_planes(made, small, tmp_path / "plane.png")
    assert "| PCA, 30 components |" in reduction.text()
    samples.draw(*images, Settings(kind="variational", bits=8, **FEW), tmp_path / "samples.png")
    for name in ("reduction", "plane", "samples"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 100
