from hashret.evaluate import Figure, Report
from hashret.evaluate.tables import tables

FIGURES = (
    Figure("codes", "P@10", None, 0.5, 0.45, 0.55),
    Figure("codes", "mAP", None, 0.25, 0.2, 0.28),
    Figure("codes", "precision", 0, 0.1, 0, 0.2),
    Figure("codes", "precision", 2, 0.3, 0, 0.5),
    Figure("float", "P@10", None, 0.75, 0.7, 0.8),
    Figure("float", "mAP", None, 0.5, 0.5, 0.5),
    Figure("codes", "distinct codes", None, 13919),
    Figure("codes", "expected codes", None, 14302.96),
    Figure("codes", "bit balance", None, 0.4821),
)


def test_methods_go_down_and_metrics_across():
    ranked, curve, facts = tables(Report(FIGURES, 1200, ()), 80)
    assert ranked == (
        "means over 1,200 queries, ± half of the 95 % interval",
        [
            {"method": "codes", "P@10": "0.500 ±0.050", "mAP": "0.250 ±0.040"},
            {"method": "float", "P@10": "0.750 ±0.050", "mAP": "0.500 ±0.000"},
        ],
    )
    assert curve == ("precision within so many bits", [{"method": "codes", "0": "0.100", "2": "0.300"}])
    assert [row["value"] for row in facts[1]] == ["13,919", "14,303.0", "0.482"]


def test_metrics_that_do_not_fit_get_their_own_table():
    shown = [list(rows[0]) for title, rows in tables(Report(FIGURES, 3, ()), 40) if title.startswith("means")]
    assert shown == [["method", "P@10"], ["method", "mAP"]]
