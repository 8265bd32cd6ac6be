"""One HTML file that shows how good the codes of a database are and what their bits mean: `hashret report`."""

from hashret.report.page import write_report

__all__ = ["write_report"]
