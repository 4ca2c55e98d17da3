"""What `captioner evaluate` says about a set of captions: table, JSON, web page, comparison."""

from captioner.metrics.report.captions import Captions, Entry, read_report
from captioner.metrics.report.comparison import Comparison, check_comparable, compare
from captioner.metrics.report.page import load_template, report_page
from captioner.metrics.report.report import Report, make_report

__all__ = [
    "Captions",
    "Comparison",
    "Entry",
    "Report",
    "check_comparable",
    "compare",
    "load_template",
    "make_report",
    "read_report",
    "report_page",
]
